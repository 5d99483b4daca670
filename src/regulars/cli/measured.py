"""Measures as people read them in 80 columns, and as rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal

from rich.console import ConsoleRenderable
from rich.table import Table
from rich.text import Text

from regulars.cli import render
from regulars.cli.difference import counted
from regulars.measures.cohorts import Cohorts
from regulars.measures.flow import Flow
from regulars.measures.liability import Liability
from regulars.measures.revenue import Revenue, RevenuePeriod
from regulars.measures.rfm import Rfm
from regulars.measures.trend import Trend, TrendPoint

_BAR = 30
_DUE = "░ due if nothing happens"
_ALL = "all"

Drawn = Iterator[ConsoleRenderable | str]
Rows = Iterator[list[object]]


def trend(found: Trend) -> Drawn:
    """A row for each value, in as many tables as it takes for the months or weeks to fit."""
    label = max(map(len, [*found.values, _ALL]))
    widest = max((len(f"{each.total:,}") for each in found.points), default=1)
    at_once = max((render.LEAST - label) // (max(widest, 5) + 1), 1)
    if not found.values:
        yield "There is nothing of that, at any time asked for."
        return
    for start in range(0, len(found.points), at_once):
        if start:
            yield ""
        yield _trend_table(found, found.points[start : start + at_once])
    if any(each.is_due for each in found.points):
        yield Text(f"\n{_DUE}", style="dim")


def _trend_table(found: Trend, points: Sequence[TrendPoint]) -> Table:
    table = Table.grid(padding=(0, 1, 0, 0))
    table.add_column(no_wrap=True)
    for _ in points:
        table.add_column(justify="right", no_wrap=True, min_width=5)
    periods = [each.period.split("-", 1) for each in points]
    years = [year if not place or year != periods[place - 1][0] else "" for place, (year, _) in enumerate(periods)]
    table.add_row("", *(Text(each, style="dim") for each in years))
    marks = [f"{'░' if each.is_due else ''}{name}" for each, (_, name) in zip(points, periods, strict=True)]
    table.add_row("", *(Text(each, style="bold") for each in marks))
    for value in found.values:
        table.add_row(Text(render.clean(value), style="bold"), *(_count(each.counts.get(value, 0)) for each in points))
    if found.adds_up:
        table.add_row(Text(_ALL, style="dim"), *(_count(each.total) for each in points))
    return table


def _count(number: int) -> Text:
    return Text(f"{number:,}" if number else "·")


def trend_rows(found: Trend) -> Rows:
    """A row for each value at each end."""
    yield ["period", "at", found.measured, "count", "is_due"]
    for each in found.points:
        for value in found.values:
            yield [each.period, each.at, value, each.counts.get(value, 0), int(each.is_due)]


def flow(found: Flow) -> Drawn:
    """A matrix, or lines where it would be too wide."""
    if not found.moves:
        yield "Nobody was there on either day."
        return
    counts = {(each.before or found.nothing, each.after or found.nothing): each.customers for each in found.moves}
    moved = sum(each.customers for each in found.moves if each.before != each.after)
    heading = f"{sum(counts.values()):,} customers, {moved:,} of them moved"
    yield Text(f"{heading}, if nothing else happens by then" if found.is_due else heading, style="bold")
    yield counted(counts, [found.nothing, *found.values], [*found.values, found.nothing])


def flow_rows(found: Flow) -> Rows:
    """A row for each move."""
    yield ["from", "to", "customers"]
    for each in found.moves:
        yield [each.before, each.after, each.customers]


def cohorts(found: Cohorts) -> Drawn:
    """Percentages of each cohort, with its size."""
    shown = [each for each in found.cohorts if each.customers]
    if not shown:
        yield "Nobody ordered for the first time then."
        return
    longest = max(len(each.retained) for each in shown)
    columns = min(longest - 1, (render.LEAST - 20) // 5)
    table = Table.grid(padding=(0, 1, 0, 0))
    table.add_column(no_wrap=True)
    for _ in range(columns + 1):
        table.add_column(justify="right", no_wrap=True, min_width=4)
    heads = ["n", *(f"+{after}" for after in range(1, columns + 1))]
    table.add_row("", *(Text(head, style="bold") for head in heads))
    for each in shown:
        shares = [f"{retained.share:.0%}" for retained in each.retained[1 : columns + 1] if retained.share is not None]
        table.add_row(Text(each.period, style="bold"), f"{each.customers:,}", *shares)
    yield table
    more = f" The first {columns}; --csv and --json have all." if columns < longest - 1 else ""
    yield Text(f"\nn first ordered then; so many ordered again {found.by}s later, the last so far.{more}", "dim")
    yield Text("--json and --csv have the 95 % interval of each.", "dim")


def cohort_rows(found: Cohorts) -> Rows:
    """A row for each month or week after each cohort."""
    yield ["cohort", "customers", "after", "ordered", "share", "low", "high"]
    for each in found.cohorts:
        for retained in each.retained:
            bounds = (None, None) if retained.interval is None else (retained.interval.low, retained.interval.high)
            shares = map(_to_four_places, (retained.share, *bounds))
            yield [each.period, each.customers, retained.after, retained.customers, *shares]


def _to_four_places(share: float | None) -> Decimal | None:
    return None if share is None else Decimal(f"{share:.4f}")


def rfm(found: Rfm) -> Drawn:
    """Customers and net spend in a grid of bands."""
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    for _ in found.frequencies:
        table.add_column(justify="right", no_wrap=True)
    table.add_row(Text("last order", style="dim"), *(Text(_orders(each), style="bold") for each in found.frequencies))
    for recent in found.recencies:
        cells = [found.cell(recent, often) for often in found.frequencies]
        table.add_row(Text(recent, style="bold"), *(_count(each.customers) for each in cells))
        if any(each.customers for each in cells):
            table.add_row("", *(Text(f"{each.net_spend:,}" if each.customers else "", style="dim") for each in cells))
    customers = sum(each.customers for each in found.cells)
    yield table
    spent = f"{sum(each.net_spend for each in found.cells):,} {found.currency or ''}".strip()
    yield Text(f"\n{customers:,} customers who ordered, with their net spend: {spent} in all.", style="dim")


def _orders(often: str) -> str:
    return f"{often} order" if often == "1" else f"{often} orders"


def rfm_rows(found: Rfm) -> Rows:
    """A row for each pair of bands."""
    yield ["last_order", "orders", "customers", "net_spend"]
    for each in found.cells:
        yield [each.recency, each.frequency, each.customers, each.net_spend]


def revenue(found: Revenue) -> Drawn:
    """A row for each month or week, with a bar of both parts where there is room for one."""
    rows = [_revenue_row(each) for each in found.periods]
    titles = ("", "Returning", "New", "All", "Orders", "Buyers")
    used = sum(max(map(len, column)) + 2 for column in zip(titles, *rows, strict=True))
    most, longest = max((each.total for each in found.periods), default=Decimal(0)), render.LEAST - used
    table = _table((*titles, ""))
    for each, row in zip(found.periods, rows, strict=True):
        both = _length(each.total, most, longest)
        returning = min(_length(each.returning, most, longest), both)
        table.add_row(*row, "█" * returning + "▒" * (both - returning))
    yield table
    so_far = "" if all(each.is_over for each in found.periods) else "   * so far"
    yield Text(f"\n█ returning   ▒ new customers   in {found.currency or 'no currency yet'}{so_far}", style="dim")


def _revenue_row(each: RevenuePeriod) -> tuple[str, ...]:
    money = (f"{part:,}" for part in (each.returning, each.new, each.total))
    return each.period if each.is_over else f"{each.period}*", *money, f"{each.orders:,}", f"{each.buyers:,}"


def revenue_rows(found: Revenue) -> Rows:
    """A row for each month or week."""
    yield ["period", "returning", "new", "total", "orders", "buyers", "new_buyers", "is_over"]
    for each in found.periods:
        money = [each.returning, each.new, each.total]
        yield [each.period, *money, each.orders, each.buyers, each.new_buyers, int(each.is_over)]


def liability(found: Liability) -> Drawn:
    """A row for each month or week, with a bar of what is outstanding."""
    most = max((each.outstanding for each in found.points), default=0)
    table = _table(("", "To spend", "Pending", "Owed", "Members", ""))
    for each in found.points:
        numbers = (f"{number:,}" for number in (each.spendable, each.pending, each.owed, each.members))
        bar = ("░" if each.is_due else "█") * _length(each.outstanding, most, _BAR)
        table.add_row(each.period, *numbers, bar)
    yield table
    yield Text(f"\n█ so far   {_DUE}", style="dim")


def liability_rows(found: Liability) -> Rows:
    """A row for each month or week."""
    yield ["period", "at", "spendable", "pending", "owed", "members", "is_due"]
    for each in found.points:
        numbers = [each.spendable, each.pending, each.owed, each.members]
        yield [each.period, each.at, *numbers, int(each.is_due)]


def _table(titles: Sequence[str]) -> Table:
    """The first and the last column to the left, numbers to the right."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold", pad_edge=False)
    for title in titles:
        table.add_column(title, justify="right" if title else "left", no_wrap=True)
    return table


def _length(part: Decimal | int, most: Decimal | int, longest: int) -> int:
    return max(round(part / most * longest), 0) if most > 0 and longest > 0 else 0
