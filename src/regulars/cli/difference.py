"""Output of `rules diff`: how many customers move from which verdict to which, and the most valuable of them.

Movers stand in a matrix, or line by line where it would have too many columns or be too wide.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import get_args
from zoneinfo import ZoneInfo

from rich.console import ConsoleRenderable
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from regulars.asking.customers import lane_values
from regulars.asking.views import LANES
from regulars.cli import render
from regulars.crm_domain.rulebook import short
from regulars.crm_domain.ticket import TicketStatus
from regulars.projections.due_again.judge import Due
from regulars.projections.rules.grammar import Ruleset
from regulars.projections.ticket_queue.judge import Timeliness
from regulars.rules_door.difference import ExplainedMove, RulesDifference, Shown
from regulars.rules_door.forecast_change import ForecastChange
from regulars.rules_door.programme import ProgrammeChange

MATRIX_VALUES = 6
CORNER = "from \\ to"
NOBODY = "·"
#: As they follow upon one another.
TICKET_VALUES = (*map(str, TicketStatus), *get_args(Timeliness))
DUE_VALUES = ("none", *get_args(Due))
WORDS: dict[Shown, str] = {
    "status": "Tickets' status",
    "first_response": "Tickets' first response",
    "resolution": "Tickets' resolution",
}
_LANE = 20
_MOVE = 28
_WORTH = 14

Counts = Mapping[tuple[str, str], int]


def drawn(
    found: RulesDifference,
    explained: Sequence[ExplainedMove],
    old: Ruleset,
    new: Ruleset,
    zone: ZoneInfo,
) -> Iterator[ConsoleRenderable]:
    """The parts of the answer, in order; `old` and `new` say in which order a lane's values stand."""
    yield _heading(found, zone)
    if not found:
        return
    for lane, counts in found.moved.items():
        if counts:
            yield _lane_heading(found, lane, sum(counts.values()))
            yield Padding(counted(counts, lane_values(old, lane), lane_values(new, lane)), (0, 0, 0, 2))
    for shown, moved in found.moved_tickets.items():
        if moved:
            yield _tickets_heading(shown, sum(moved.values()))
            yield Padding(counted(moved, TICKET_VALUES, TICKET_VALUES), (0, 0, 0, 2))
    if found.due:
        items = "1 item" if len(found.due) == 1 else f"{len(found.due):,} items"
        yield Text(f"\nDue again: {items} of customers would be something else", style="bold")
        yield Padding(counted(found.moved_due, DUE_VALUES, DUE_VALUES), (0, 0, 0, 2))
    yield from _forecasts(found)
    if found.programme is not None:
        yield from _programme(found.programme, found.currency)
    if explained:
        yield Text("\nThe most valuable first, with what makes the difference:\n")
        width = min(render.console().width, render.WIDE)
        columns = _columns(width, explained)
        yield _line(columns, Text("Customer"), "Lane", "From → to", "Worth", style="bold")
        for each in explained:
            yield from _mover(each, columns)
    if len(explained) < len(found.moves):
        yield Text(f"{len(explained):,} of {len(found.moves):,} moves; --limit N explains N, --json lists all.")
    yield Text("\nNothing has changed. Bring them into force with")


def _forecasts(found: RulesDifference) -> Iterator[ConsoleRenderable]:
    """What pipelines would be expected to bring."""
    if not found.forecast:
        return
    yield Text(f"\nPipeline: open opportunities would be expected to bring, in {found.currency}", style="bold")
    rows = [
        (
            each.pipeline,
            f"{each.opportunities:,}",
            f"{each.old:,}",
            f"{each.new:,}",
            f"{each.new - each.old:+,}",
            _stale(each),
        )
        for each in found.forecast
    ]
    titles = ("", "Open", "Now", "Then", "Change", "Stale")
    yield Padding(render.table(titles, rows, fold=0), (0, 0, 0, 2))


def _programme(each: ProgrammeChange, currency: str | None) -> Iterator[ConsoleRenderable]:
    """What other rules of points cost; what was earned stays whatever they say."""
    yield Text(f"\nPoints: {each.outstanding:,} outstanding, and what was earned stays as it is", style="bold")
    rows = [("Outstanding, in money", _money(each.old_liability), _money(each.new_liability), "")]
    for what, old, new in (
        ("Points on orders", each.old_earned, each.new_earned),
        ("Bonus points on orders", each.old_bonus, each.new_bonus),
    ):
        rows.append((what, f"{old:,}", f"{new:,}", f"{new - old:+,}"))
    titles = ("" if currency is None else f"Money in {currency}", "Now", "Then", "Change")
    yield Padding(render.table(titles, rows, fold=0), (0, 0, 0, 2))
    orders = "The order" if each.orders == 1 else f"The {each.orders:,} orders"
    yield Text(f"  {orders} of members in the last 365 days would have earned that.")
    if each.not_counted:
        yield Text(f"  Not counted, as an order alone doesn't tell: {', '.join(each.not_counted)}.")


def _money(amount: Decimal | None) -> str:
    return "not said" if amount is None else f"{amount:,}"


def _stale(each: ForecastChange) -> str:
    return f"{each.old_stale:,}" if each.old_stale == each.new_stale else f"{each.old_stale:,} → {each.new_stale:,}"


def _heading(found: RulesDifference, zone: ZoneInfo) -> Text:
    counted = "1 customer" if found.customers == 1 else f"{found.customers:,} customers"
    movers = len({move.customer_id for move in found.moves})
    return Text.assemble(
        (f"Rules {short(found.old_digest)} → {short(found.new_digest)}", "bold"),
        f", as of {render.minute(found.as_of, zone)}.\n{counted} looked at. ",
        f"{movers:,} of them would move." if movers else "Nobody would move.",
    )


def _tickets_heading(shown: Shown, movers: int) -> Text:
    tickets = "1 ticket" if movers == 1 else f"{movers:,} tickets"
    return Text.assemble("\n", (f"{WORDS[shown]}: {tickets} would show something else", "bold"))


def _lane_heading(found: RulesDifference, lane: str, movers: int) -> Text:
    worth = f"{found.worth[lane]:,} {found.currency or ''}".strip()
    return Text.assemble(
        "\n", (f"{lane.capitalize()}: {movers:,} would move", "bold"), f", worth {worth} in the last 365 days"
    )


def counted(counts: Counts, old: Sequence[str], new: Sequence[str]) -> Table:
    """How many went from which value (rows) to which (columns), in the order of these: a matrix, or lines."""
    rows = _in_order({before for before, _ in counts}, old)
    columns = _in_order({after for _, after in counts}, new)
    width = max(map(len, [CORNER, *rows])) + sum(max(len(column), 6) + 2 for column in columns)
    if max(len(rows), len(columns)) <= MATRIX_VALUES and width + 2 <= render.console().width:
        return _matrix(counts, rows, columns)
    return _list(counts, rows, columns)


def _in_order(values: set[str], order: Sequence[str]) -> list[str]:
    """As the rules have them; what they don't know comes last."""
    return [value for value in order if value in values] + sorted(values - set(order))


def _matrix(counts: Counts, rows: Sequence[str], columns: Sequence[str]) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    for _ in columns:
        table.add_column(justify="right", no_wrap=True, min_width=6)
    table.add_row(Text(CORNER, style="dim"), *(Text(column, style="bold") for column in columns))
    for row in rows:
        cells = (counts.get((row, column)) for column in columns)
        table.add_row(Text(row, style="bold"), *(Text(NOBODY if cell is None else f"{cell:,}") for cell in cells))
    return table


def _list(counts: Counts, rows: Sequence[str], columns: Sequence[str]) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(overflow="fold")
    table.add_column(justify="right", no_wrap=True)
    for before, after in ((row, column) for row in rows for column in columns):
        if (before, after) in counts:
            table.add_row(Text(f"{before} → {after}"), Text(f"{counts[before, after]:,}"))
    return table


def _columns(width: int, explained: Sequence[ExplainedMove]) -> tuple[int, int, int]:
    """How wide who, lane and move are drawn; a long name of a lane takes room from the move as far as that has some."""
    usual, lanes = max(map(len, LANES)), [each.move.lane for each in explained]
    lane = min(max(usual, *map(len, lanes)), _LANE)
    longest = max(len(_moved(each)) for each in explained)
    move = max(_MOVE - (lane - usual), min(longest, _MOVE))
    return width - lane - move - _WORTH - 6, lane, move


def _moved(each: ExplainedMove) -> str:
    return f"{each.move.old} → {each.move.new}"


def _mover(each: ExplainedMove, columns: tuple[int, int, int]) -> Iterator[ConsoleRenderable]:
    move = each.move
    called = " · ".join(render.clean(part) for part in (each.ref or f"id:{move.customer_id}", each.name) if part)
    yield _line(columns, Text(called), move.lane, _moved(each), f"{move.worth:,}")
    clauses = Table.grid(padding=(0, 2, 0, 0))
    clauses.add_column(no_wrap=True)
    clauses.add_column(overflow="fold")
    for side, clause, reason in (("old", each.old_clause, each.old_reason), ("new", each.new_clause, each.new_reason)):
        clauses.add_row(Text(side, style="dim"), Text(render.clean(f"{clause}: {reason}")))
    yield Padding(clauses, (0, 0, 0, 2))


def _line(columns: tuple[int, int, int], who: Text, lane: str, move: str, worth: str, *, style: str = "") -> Table:
    """One line of a table that leaves room for sentences between its lines."""
    table = Table.grid(padding=(0, 2, 0, 0))
    for wide in columns:
        table.add_column(width=wide, no_wrap=True, overflow="ellipsis")
    table.add_column(width=_WORTH, no_wrap=True, justify="right")
    who.overflow = "ellipsis"
    table.add_row(who, lane, Text(move, overflow="ellipsis"), worth, style=style)
    return table
