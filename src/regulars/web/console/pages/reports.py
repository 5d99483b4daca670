"""Reports: one measure a page, as a picture with its table beside, and as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Mapping
from datetime import date, timedelta
from typing import get_args

from markupsafe import Markup
from msgspec import Struct

from regulars.asking.satisfaction import GroupedBy
from regulars.asking.service import ServiceBy
from regulars.crm_domain.errors import InvalidRules, NotFound
from regulars.measures.periods import By
from regulars.pictures.bands import value_svg
from regulars.pictures.measures import measure_svg
from regulars.report.values import Report
from regulars.statistics.estimate import Estimate
from regulars.statistics.proportions import Interval
from regulars.web.console.page import Answer, Asked, File, Page, Shown
from regulars.web.console.reading import day_of, one_of
from regulars.web.console.words import N_
from regulars.wording.spreadsheet_cells import harmless

_BY: tuple[By, ...] = get_args(By)
Row = tuple[object, ...]


class Told(Struct, frozen=True, kw_only=True):
    """What a measure tells: pictures, and one table. `fields` are the fields that its form has, with what was asked.

    A row's first cell is its heading. `nothing` is said where the picture can't be drawn.
    """

    pictures: tuple[Markup, ...] = ()
    columns: tuple[str, ...] = ()
    rows: tuple[Row, ...] = ()
    fields: Mapping[str, str] = {}
    choices: Mapping[str, tuple[str, ...]] = {}
    note: str = ""


def trend(asked: Asked) -> Told:
    """How many had which value at the end of each month or week."""
    of = one_of(asked, "of", asked.crm.dimensions) or "stage"
    by = one_of(asked, "by", _BY) or "month"
    since, until = day_of(asked, "since"), day_of(asked, "until")
    found = asked.crm.trend(of, by=by, since=since, until=until, known_at=asked.known_at)
    return Told(
        pictures=(_drawn(measure_svg(found, asked.words.zone)),),
        columns=(asked._("Period"), *found.values),
        rows=tuple((each.period, *(each.counts.get(value, 0) for value in found.values)) for each in found.points),
        fields={"of": of, "by": by, "since": _day(since), "until": _day(until)},
        choices={"of": asked.crm.dimensions, "by": _BY},
        note=asked._("What lies ahead is what is due if nothing happens.")
        if any(p.is_due for p in found.points)
        else "",
    )


def flow(asked: Asked) -> Told:
    """From which verdict to which customers went between two days: the last 30, unless given."""
    lanes = (*asked.crm.lanes, *(f"segment:{each.id}" for each in asked.crm.ruleset.segment))
    lane = one_of(asked, "of", lanes) or "stage"
    second = day_of(asked, "until") or asked.as_of or _today(asked)
    first = day_of(asked, "since") or second - timedelta(days=30)
    found = asked.crm.flow(lane, first, second, known_at=asked.known_at)
    return Told(
        pictures=(_drawn(measure_svg(found, asked.words.zone)),),
        columns=(asked._("From"), asked._("To"), asked._("Customers")),
        rows=tuple((each.before or found.nothing, each.after or found.nothing, each.customers) for each in found.moves),
        fields={"of": lane, "since": _day(first), "until": _day(second)},
        choices={"of": lanes},
    )


def cohorts(asked: Asked) -> Told:
    """Who ordered again, month by month after the first order."""
    by = one_of(asked, "by", _BY) or "month"
    since, until = day_of(asked, "since"), day_of(asked, "until")
    found = asked.crm.cohorts(by=by, since=since, until=until, as_of=asked.as_of, known_at=asked.known_at)
    return Told(
        pictures=(_drawn(measure_svg(found, asked.words.zone)),),
        columns=(
            asked._("Cohort"),
            asked._("Customers"),
            asked._("Periods after"),
            asked._("Ordered"),
            asked._("Share"),
            asked._("95 % interval"),
        ),
        rows=tuple(
            (each.period, each.customers, one.after, one.customers, one.share, one.interval)
            for each in found.cohorts
            for one in each.retained
        ),
        fields={"by": by, "since": _day(since), "until": _day(until)},
        choices={"by": _BY},
    )


def service(asked: Asked) -> Told:
    """Whether tickets were answered and resolved in time."""
    groupings: tuple[ServiceBy, ...] = get_args(ServiceBy)
    by = one_of(asked, "by", groupings)
    since, until = day_of(asked, "since"), day_of(asked, "until")
    found = asked.crm.service(by=by, since=since, until=until, as_of=asked.as_of, known_at=asked.known_at)
    lines = (*found.lines, found.total) if by else (found.total,)
    return Told(
        pictures=(_drawn(measure_svg(found, asked.words.zone)),),
        columns=(
            asked._("Tickets"),
            asked._("Opened"),
            asked._("Answered in time"),
            asked._("95 % interval"),
            asked._("Resolved in time"),
            asked._("95 % interval"),
            asked._("Backlog"),
            asked._("Breached"),
        ),
        rows=tuple(
            (
                asked._("all") if each is found.total else each.group or asked._("none"),
                each.opened,
                each.first_response.share,
                each.first_response.interval,
                each.resolution.share,
                each.resolution.interval,
                each.backlog,
                each.breached,
            )
            for each in lines
        ),
        fields={"by": by or "", "since": _day(since), "until": _day(until)},
        choices={"by": groupings},
    )


def satisfaction(asked: Asked) -> Told:
    """How content the customers are."""
    groupings: tuple[GroupedBy, ...] = get_args(GroupedBy)
    by = one_of(asked, "by", groupings)
    since, until = day_of(asked, "since"), day_of(asked, "until")
    found = asked.crm.satisfaction(by=by, since=since, until=until, as_of=asked.as_of, known_at=asked.known_at)
    measures: tuple[tuple[str, str], ...] = (
        ("nps", "NPS"),
        ("csat", "CSAT"),
        ("response", asked._("Response rate")),
        ("complaints", asked._("Complaints")),
    )
    return Told(
        pictures=(_drawn(measure_svg(found, asked.words.zone)),),
        columns=(
            asked._("Customers"),
            asked._("Measure"),
            asked._("Value"),
            asked._("95 % interval"),
            asked._("Out of"),
        ),
        rows=tuple(
            (
                asked._("all") if each is found.total else each.group or asked._("none"),
                label,
                *_estimate(getattr(each, name)),
            )
            for each in (found.total, *found.groups)
            for name, label in measures
        ),
        fields={"by": by or "", "since": _day(since), "until": _day(until)},
        choices={"by": groupings},
    )


def value(asked: Asked) -> Told:
    """What each band of value comes to."""
    segments = tuple(each.id for each in asked.crm.ruleset.segment)
    segment = one_of(asked, "segment", segments)
    fields, choices = {"segment": segment or ""}, {"segment": segments}
    try:
        found = asked.crm.value(segment=segment, as_of=asked.as_of, known_at=asked.known_at, limit=1)
    except InvalidRules as error:
        return Told(note=str(error), fields=fields, choices=choices)
    return Told(
        pictures=(_drawn(value_svg(found, currency=asked.words.currency, segment=segment)),),
        columns=(asked._("Band"), asked._("Customers"), asked._("Net spend"), asked._("Buying days")),
        rows=tuple((each.band, each.customers, each.net_spend, each.buying_days) for each in found.bands),
        fields=fields,
        choices=choices,
    )


def month(asked: Asked) -> Told:
    """A month in figures, against the month and the year before. As known now, which it says: it has no other
    viewpoint.
    """
    since = day_of(asked, "since")
    try:
        found = asked.crm.report(month=since or asked.as_of)
    except ValueError as error:  # nobody was known by then
        return Told(note=str(error), fields={"since": _day(since)})
    pictures = (found.revenue, found.trend, found.cohorts)
    return Told(
        pictures=tuple(_drawn(measure_svg(each, asked.words.zone)) for each in pictures),
        columns=(found.month, asked._("Value"), asked._("The month before"), asked._("The year before")),
        rows=(
            *((each.name, each.value, each.month_before, each.year_before) for each in found.figures),
            *((each.name, each.value, each.month_before, each.year_before) for each in found.stages),
            *((each.name, each.value, each.month_before, each.year_before) for each in found.values),
            *(
                (each.name, each.value.value, each.month_before.value, each.year_before.value)
                for each in (*found.satisfaction, *found.service)
            ),
        ),
        fields={"since": _day(since)},
        note=" ".join(_notes_on_month(asked, found)),
    )


def _notes_on_month(asked: Asked, found: Report) -> Iterator[str]:
    if not found.is_over:
        yield asked._("The month is not over yet.")
    if asked.known_at is not None:
        yield asked._("A month is reported with all that is known today.")


class Measure(Struct, frozen=True):
    """A report: what it is called, what it says, and who tells it. One that `reads_all` goes through what every
    customer did, for which no index serves: it is counted when that is asked for.
    """

    title: str
    about: str
    tell: Callable[[Asked], Told]
    reads_all: bool = False


#: The reports by the words that addresses have for them, in the order of the overview.
MEASURES: dict[str, Measure] = {
    "trend": Measure(N_("Trend"), N_("How many were what, at the end of each month or week, and what is due."), trend),
    "flow": Measure(N_("Flow"), N_("How many went from which verdict to which between two days."), flow, True),
    "cohorts": Measure(N_("Cohorts"), N_("Who ordered again, by when they first ordered."), cohorts, True),
    "service": Measure(N_("Service"), N_("Whether tickets were answered and resolved in time."), service),
    "satisfaction": Measure(N_("Satisfaction"), N_("NPS, CSAT, response rate and complaints."), satisfaction),
    "value": Measure(N_("Value"), N_("What the customers of each band spent."), value, True),
    "month": Measure(N_("The month"), N_("A month in figures, against the month and the year before."), month, True),
}

#: What the fields of a form are called.
LABELS = {
    "of": N_("What"),
    "by": N_("By"),
    "since": N_("From"),
    "until": N_("Until"),
    "segment": N_("Segment"),
}


def show(asked: Asked) -> Answer:
    """All reports."""
    return Shown(template="reports.html", values={"measures": MEASURES})


def one(asked: Asked) -> Answer:
    """One report; of one that reads everything no more than what it is, before it is asked to count."""
    name, measure = _measure(asked)
    if measure.reads_all and not asked.field("counted"):
        return Shown(template="report_to_count.html", values={"name": name, "measure": measure})
    told = measure.tell(asked)
    values = {
        "name": name,
        "measure": measure,
        "measures": MEASURES,
        "told": told,
        "labels": LABELS,
        "rows": [[_shown(asked, cell) for cell in row] for row in told.rows],
    }
    return Shown(template="report.html", values=values, fragment="report")


def as_csv(asked: Asked) -> Answer:
    """The table of a report as a file; an interval is written as its two ends."""
    name, measure = _measure(asked)
    told, text = measure.tell(asked), io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(told.columns)
    writer.writerows([harmless(_plain(cell)) for cell in row] for row in told.rows)
    return File(name=f"{name}.csv", kind="text/csv; charset=utf-8", content=text.getvalue().encode("utf-8-sig"))


def _measure(asked: Asked) -> tuple[str, Measure]:
    name = asked.at["measure"]
    if name not in MEASURES:
        raise NotFound(asked._("There is no such report."))
    return name, MEASURES[name]


def _drawn(svg: str) -> Markup:
    """A picture as markup: what pictures are made of is escaped there."""
    return Markup(svg)  # noqa: S704


def _estimate(found: Estimate) -> tuple[float | None, Interval | None, int]:
    known = None if found.low is None or found.high is None else Interval(found.low, found.high)
    return found.value, known, found.n


def _shown(asked: Asked, cell: object) -> str:
    match cell:
        case None:
            return ""
        case Interval():
            return f"{_rounded(asked, cell.low)} – {_rounded(asked, cell.high)}"
        case float():
            return _rounded(asked, cell)
        case str():
            return cell
        case _:
            return asked.words.number(cell)  # type: ignore[arg-type]  # an int or a Decimal


def _rounded(asked: Asked, number: float) -> str:
    return asked.words.share(number) if 0 <= number <= 1 else asked.words.number(round(number, 1))


def _plain(cell: object) -> object:
    match cell:
        case Interval():
            return f"{cell.low:.4f} {cell.high:.4f}"
        case float():
            return f"{cell:.4f}"
        case _:
            return cell


def _day(day: date | None) -> str:
    return "" if day is None else day.isoformat()


def _today(asked: Asked) -> date:
    return asked.crm.tasks(limit=1).as_of.astimezone(asked.words.zone).date()


PAGE = Page(path="/reports", title=N_("Reports"), handler=show, in_navigation=True)
ONE = Page(path="/reports/{measure}", title=N_("Reports"), handler=one)
CSV = Page(path="/reports/{measure}/table.csv", title=N_("Reports"), handler=as_csv)
