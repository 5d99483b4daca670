"""Which picture each measure is: bars where parts make a whole, lines where they don't, tables of pairs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from decimal import Decimal

from regulars.asking.satisfaction import SatisfactionReport
from regulars.asking.service import ServiceReport
from regulars.measures.cohorts import Cohort, Cohorts, Retained
from regulars.measures.flow import Flow
from regulars.measures.liability import Liability, LiabilityPoint
from regulars.measures.revenue import Revenue
from regulars.measures.rfm import Rfm, RfmCell
from regulars.measures.trend import Trend, TrendPoint
from regulars.pictures import attained, selling
from regulars.pictures.charts import Cell, Chart, Heat, heat, lines, stacked
from regulars.pictures.estimates import estimates
from regulars.pictures.parts import Number
from regulars.selling.calibration import PipelineCalibration
from regulars.selling.waterfall import Waterfall

Measure = (
    Trend
    | Flow
    | Cohorts
    | Rfm
    | Revenue
    | Liability
    | ServiceReport
    | SatisfactionReport
    | Waterfall
    | PipelineCalibration
)


def measure_svg(measure: Measure, zone: tzinfo = UTC) -> str:
    """A measure as an SVG with its title, a description, and every number in words; days are those of `zone`."""
    match measure:
        case Trend():
            return stacked(_trend(measure)) if measure.adds_up else lines(_trend(measure))
        case Flow():
            return heat(_flow(measure, zone))
        case Cohorts():
            return heat(_cohorts(measure))
        case Rfm():
            return heat(_rfm(measure, zone))
        case Revenue():
            return stacked(_revenue(measure))
        case Liability():
            return lines(_liability(measure))
        case ServiceReport():
            return estimates(attained.service(measure))
        case SatisfactionReport():
            return estimates(attained.satisfaction(measure))
        case Waterfall():
            return selling.waterfall(measure, zone)
        case PipelineCalibration():
            return estimates(selling.calibration(measure))


def _trend(trend: Trend) -> Chart:
    return Chart(
        title=f"{trend.measured.capitalize()} by {trend.by}{_whose(trend.where)}",
        told=f"How many there were at the end of each {trend.by}; what is due holds if nothing happens.",
        columns=[each.period for each in trend.points],
        series={value: [each.counts.get(value, 0) for each in trend.points] for value in trend.values},
        due=_first_due(trend.points),
    )


def _flow(flow: Flow, zone: tzinfo) -> Heat:
    counts = {(each.before, each.after): each.customers for each in flow.moves}
    most = max(counts.values(), default=1)

    def name(value: str | None) -> str:
        return flow.nothing if value is None else value

    rows = [each for each in (None, *flow.values) if flow.before.get(each)]
    columns = [each for each in (*flow.values, None) if flow.after.get(each)]

    def cell(before: str | None, after: str | None) -> Cell | None:
        count = counts.get((before, after))
        return (
            None if count is None else Cell(f"{count:,}", count / most, f"{name(before)} to {name(after)}: {count:,}")
        )

    first, second = (_day(each, zone) for each in (flow.first, flow.second))
    return Heat(
        title=f"{flow.lane.capitalize()} from {first} to {second}{_whose(flow.where)}",
        told="How many customers went from the value of the row to that of the column.",
        corner="from, to",
        rows=[name(each) for each in rows],
        columns=[name(each) for each in columns],
        cells=[[cell(before, after) for after in columns] for before in rows],
    )


def _cohorts(cohorts: Cohorts) -> Heat:
    shown = cohorts.cohorts
    return Heat(
        title=f"Who ordered again, in % of those who first ordered in a {cohorts.by}{_whose(cohorts.where)}",
        told=f"Rows are cohorts with their sizes, columns {cohorts.by}s after the first order; the last is so far.",
        corner=f"{cohorts.by}s after",
        rows=[f"{each.period}  n = {each.customers}" for each in shown],
        columns=[f"+{after}" for after in range(1, max((len(each.retained) for each in shown), default=1))],
        cells=[[_retained(each, retained) for retained in each.retained[1:]] for each in shown],
    )


def _retained(cohort: Cohort, retained: Retained) -> Cell | None:
    if retained.share is None or retained.interval is None:
        return None
    low, high = retained.interval.low, retained.interval.high
    of = f"{retained.customers} of {cohort.customers}"
    told = f"{cohort.period} +{retained.after}: {of}, {retained.share:.0%} (95 %: {low:.0%} to {high:.0%})"
    return Cell(f"{retained.share * 100:.0f}", retained.share, told)


def _rfm(rfm: Rfm, zone: tzinfo) -> Heat:
    most = max((each.net_spend for each in rfm.cells), default=Decimal(1)) or Decimal(1)

    def cell(found: RfmCell) -> Cell:
        spend = f"{found.net_spend:,} {rfm.currency or ''}".strip()
        share = float(max(found.net_spend, Decimal(0)) / most)
        told = f"last order {found.recency}, orders {found.frequency}: {found.customers:,} customers, net spend {spend}"
        return Cell(f"{found.customers:,} · {found.net_spend:,.0f}", share, told)

    return Heat(
        title=f"Customers · net spend {rfm.currency or ''}, as of {_day(rfm.as_of, zone)}{_whose(rfm.where)}",
        told="How many customers, and their net spend so far, by which they are shaded.",
        corner="last order, orders",
        rows=rfm.recencies,
        columns=rfm.frequencies,
        cells=[[cell(rfm.cell(recent, often)) for often in rfm.frequencies] for recent in rfm.recencies],
    )


def _revenue(revenue: Revenue) -> Chart:
    periods = revenue.periods
    return Chart(
        title=f"Revenue by {revenue.by} in {revenue.currency or 'no currency yet'}{_whose(revenue.where)}",
        told="By how much net spend grew; new is of customers whose first order falls into it. Rounded to whole units.",
        columns=[each.period for each in periods],
        series={
            "returning customers": [round(each.returning) for each in periods],
            "new customers": [round(each.new) for each in periods],
        },
    )


def _liability(liability: Liability) -> Chart:
    series: Mapping[str, Sequence[Number]] = {
        name: [getattr(each, name) for each in liability.points] for name in ("spendable", "pending", "owed")
    }
    return Chart(
        title=f"Points outstanding by {liability.by}{_whose(liability.where)}",
        told="Points of all members at the end of each; what is due holds if nobody earns or spends any more.",
        columns=[each.period for each in liability.points],
        series=series,
        due=_first_due(liability.points),
    )


def _day(moment: datetime, zone: tzinfo) -> str:
    return f"{moment.astimezone(zone):%Y-%m-%d}"


def _first_due(points: Sequence[TrendPoint | LiabilityPoint]) -> int | None:
    return next((place for place, each in enumerate(points) if each.is_due), None)


def _whose(where: Mapping[str, str]) -> str:
    return f", {' and '.join(f'{name} {value}' for name, value in where.items())}" if where else ""
