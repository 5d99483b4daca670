"""The second scene of the walk: a month in the life of the shop, in what an owner would ask at its end."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from regulars.crm import Regulars
from regulars.today.at_risk import WORTH_A_CALL
from regulars.today.page import parts

_MOVES = 3
_MOST_DUE = 5
_MOST_TO_DO = 4
_SOON = timedelta(days=14)
_QUARTER = timedelta(days=90)


def figures(crm: Regulars) -> RenderableType:
    """The last month that is over, against the one before and the same one a year before; and who moved in it."""
    report = crm.report()
    table = _table("", (report.month, "month before", "year before"))
    for each in report.figures:
        before = (each.month_before, each.year_before)
        table.add_row(each.name, f"{each.value:,}", *("" if number is None else f"{number:,}" for number in before))
    moved = ", ".join(
        f"{each.customers} {each.before or 'nobody'} → {each.after or 'nobody'}" for each in report.moved[:_MOVES]
    )
    return Group(table, Text(f"Moved: {moved}", style="dim"))


def to_do(crm: Regulars, width: int) -> RenderableType:
    """The first of what is to be done now, with why and how to settle it; and how much there is of each kind.

    Of those only whose command fits into a line, so that it can be copied from there. Who is worth a call comes last,
    a line each.
    """
    found = crm.today()
    lines: list[RenderableType] = []
    for part in parts(found)[1:]:
        for said in part.said:
            written = (f"{part.title}: {said.what}", f"    {said.who}", f"    {said.settle}")
            if cell_len(written[-1]) <= width:
                lines += map(_line, written)
    counted = "; ".join(f"{each.title}: {each.count:,}" for each in found.kinds)
    calls = [_line(f"{each.name or each.ref}: {each.why}") for each in found.lines if each.kind == WORTH_A_CALL.name]
    heading = [Text("Worth a call:")] if calls else []
    return Group(*lines[: 3 * _MOST_TO_DO], *heading, *calls, Text(counted, style="dim"))


def _line(text: str) -> Text:
    return Text(text, no_wrap=True, overflow="ellipsis")


def selling(crm: Regulars, today: date) -> RenderableType:
    """What is being sold, how that became of what was three months ago, and what ends or runs out soon."""
    found = crm.pipeline()
    table = _table("Stage", ("open", f"amount, {crm.currency}", "expected", "stale"))
    for each in (*found.lines, found.total):
        amounts = (f"{each.amount:,}", f"{each.expected:,.2f}", f"{each.stale:,}")
        table.add_row(each.group or "all", f"{each.opportunities:,}", *amounts)
    flow = crm.pipeline_waterfall(today - _QUARTER, today)
    parts_of_it = (f"{'−' if each.takes else '+'} {each.amount:,} {each.part}" for each in flow.parts if each.amount)
    sums = " ".join((f"{flow.before.amount:,}", *parts_of_it, f"= {flow.after.amount:,}"))
    offers, ending = len([*crm.quotes(expiring_within=_QUARTER)]), len([*crm.contracts(ending_within=_QUARTER)])
    due = f"Within 90 days: quotes that run out: {offers}; contracts that end, or renew: {ending}"
    return Group(table, Text(f"In 90 days: {sums}", style="dim"), Text(due, style="dim"))


def groups(crm: Regulars) -> RenderableType:
    """Who belongs together, and what each band of value comes to."""
    segments = _table("Segment", ("in it", "enter soon", "leave soon"))
    for each in crm.segments(within=_SOON):
        segments.add_row(each.title or each.id, f"{each.members:,}", f"{each.entering:,}", f"{each.leaving:,}")
    bands = _table("Value in a year", ("customers", f"net spend, {crm.currency}", "buying days"))
    for band in crm.value().bands:
        bands.add_row(band.band, f"{band.customers:,}", f"{band.net_spend:,}", f"{band.buying_days:,}")
    return Group(segments, Text(), bands)


def due(crm: Regulars) -> RenderableType:
    """What is due to be bought again, the first of it."""
    page = crm.due(limit=_MOST_DUE)
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for heading in ("Customer", "Item", "Last bought", "Usually after", "Due until"):
        table.add_column(heading, no_wrap=True)
    for each in page:
        until = "" if each.until is None else f"{each.until:%Y-%m-%d}"
        table.add_row(each.ref, each.item, f"{each.bought_at:%Y-%m-%d}", f"{each.gap.days} days", until)
    return table


def contentment(crm: Regulars) -> RenderableType:
    """Whether they are content, and whether they were answered in time; each number with what it is about."""
    said, served = crm.satisfaction().total, crm.service().total
    table = _table("", ("value", "95 % interval", "of"))
    for name, estimate, shown in (
        ("Net promoter score", said.nps, _whole),
        ("Satisfied with what we did", said.csat, _percent),
        ("Answered a survey", said.response, _percent),
        ("Complaints to 100 orders", said.complaints, _tenth),
    ):
        table.add_row(name, *_with_interval(estimate.value, estimate.low, estimate.high, shown), f"{estimate.n:,}")
    for name, attained in (("First answer in time", served.first_response), ("Resolved in time", served.resolution)):
        low, high = (None, None) if attained.interval is None else (attained.interval.low, attained.interval.high)
        table.add_row(name, *_with_interval(attained.share, low, high, _percent), f"{attained.n:,}")
    return table


def _with_interval(
    value: float | None, low: float | None, high: float | None, shown: Callable[[float], str]
) -> tuple[str, str]:
    if value is None or low is None or high is None:
        return "can't tell", ""
    return shown(value), f"{shown(low)} to {shown(high)}"


def _whole(number: float) -> str:
    return f"{number:.0f}"


def _tenth(number: float) -> str:
    return f"{number:.1f}"


def _percent(share: float) -> str:
    return f"{share * 100:.0f} %"


def _table(first: str, headings: tuple[str, ...]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column(first, no_wrap=True)
    for heading in headings:
        table.add_column(heading, justify="right", no_wrap=True)
    return table
