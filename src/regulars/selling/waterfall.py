"""From what was open on one day to what is open on another: what came, what grew and shrank, what was won and lost.

Each opportunity is looked at by its states at both instants; where it is closed at the second, it matters whether its
last close lies between them:

| at the first | open at the second | closed in between |
|---|---|---|
| not opened yet | new | new, then won or lost |
| open | grown or shrunk by the difference | grown or shrunk by the difference, then won or lost |
| closed | reopened | reopened, then won or lost again |

So one that is open at both is as if it hadn't been closed in between, and one that is closed at both and wasn't
reopened is in no part. With a filter, one that was open outside of it and is in it now moved in, one that was in it and
isn't now moved out, whatever became of it. So the parts add up for any two instants and any filter, in money and in
opportunities.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Literal, get_args

from msgspec import Struct

from regulars.adapters.read_models.opportunities import read_paths
from regulars.crm_domain.instant import to_datetime
from regulars.measures.asked import Asked, Axes, asking
from regulars.measures.revenue import money
from regulars.selling.open_ones import filter_of, stages_of
from regulars.selling.states import LOST, WON, Held, Path, Staged, at, staged
from regulars.session.instants import instant_of
from regulars.session.session import Session
from regulars.session.traced import traced

#: Where an opportunity stood that was in no stage told of: not opened yet, or outside the filter.
Elsewhere = Literal["new", "outside"]

#: From where to where: the pipeline, and before and after a stage, "won" or "lost", or None; and what None stands for.
#: (A stage may be called as what it stands for is.)
Moved = tuple[str, str | None, str | None, Elsewhere | None]

#: The parts, in the order in which they are told. All but `won`, `lost`, `shrunk` and `moved_out` add.
Part = Literal["new", "reopened", "grown", "shrunk", "won", "lost", "moved_in", "moved_out"]
PARTS: tuple[Part, ...] = get_args(Part)
TAKES: frozenset[Part] = frozenset({"shrunk", "won", "lost", "moved_out"})


class Sum(Struct):
    """So many opportunities with so much together, in minor units."""

    opportunities: int = 0
    amount: int = 0

    def add(self, amount: int) -> None:
        """One more opportunity."""
        self.opportunities += 1
        self.amount += amount


class Falls(Struct, frozen=True, kw_only=True):
    """What was open at the first instant, each part, what is open at the second instant, and who moved where."""

    first: Sum
    parts: Mapping[Part, Sum]
    second: Sum
    moves: Mapping[Moved, Sum]


class Entry(Struct, frozen=True, kw_only=True):
    """What one opportunity adds: its amount in minor units at each instant at which it is open and in the filter, its
    parts with theirs, and its move with what it is worth after it.
    """

    first: int | None
    parts: tuple[tuple[Part, int], ...]
    second: int | None
    move: Moved
    worth: int


def falls_between(paths: Iterable[Path], first: int, second: int, held: Held) -> Falls:
    """The waterfall of some opportunities between two instants, the first of them no later than the second.

    Those states have to be there that reach into [first, second].
    """
    begun, ended = Sum(), Sum()
    parts: dict[Part, Sum] = {part: Sum() for part in PARTS}
    moves: defaultdict[Moved, Sum] = defaultdict(Sum)
    for path in paths:
        entry = entry_of(tuple(staged(path)), first, second, held)
        if entry is None:
            continue
        if entry.first is not None:
            begun.add(entry.first)
        if entry.second is not None:
            ended.add(entry.second)
        for part, amount in entry.parts:
            parts[part].add(amount)
        moves[entry.move].add(entry.worth)
    return Falls(first=begun, parts=parts, second=ended, moves=dict(moves))


def entry_of(path: Sequence[Staged], first: int, second: int, held: Held) -> Entry | None:
    """What one opportunity adds to the waterfall; None where it is in the filter neither before nor after, or was
    closed all along.
    """
    before, after = at(path, first), at(path, second)
    if after is None or (not after.is_open and _closed_at(path, after) <= first):
        return None
    was = before if before is not None and before.is_open and held(before) else None
    now = after if held(after) else None
    found = now or was
    if found is None:
        return None
    return Entry(
        first=None if was is None else was.state.amount,
        parts=_parts(before, was, now),
        second=now.state.amount if now is not None and now.is_open else None,
        move=_move(before, was, after, now),
        worth=found.state.amount,
    )


def _parts(before: Staged | None, was: Staged | None, now: Staged | None) -> tuple[tuple[Part, int], ...]:
    """The parts of an opportunity: `before` is how it stood, `was` and `now` how it stood and stands in the filter."""
    if now is None:
        return () if was is None else (("moved_out", was.state.amount),)
    worth, parts = now.state.amount, list[tuple[Part, int]]()
    if was is None:
        parts.append((_came(before), worth))
    elif worth != was.state.amount:
        grown = worth - was.state.amount
        parts.append(("grown", grown) if grown > 0 else ("shrunk", -grown))
    if not now.is_open:
        parts.append(("won" if now.state.value == WON else "lost", worth))
    return tuple(parts)


def _came(before: Staged | None) -> Part:
    if before is None:
        return "new"
    return "moved_in" if before.is_open else "reopened"


def _closed_at(path: Sequence[Staged], after: Staged) -> int:
    """When an opportunity was closed last that is closed."""
    since = after.state.since
    for each in reversed(path[: path.index(after)]):
        if each.state.value != after.state.value:
            break
        since = each.state.since
    return since


def _move(before: Staged | None, was: Staged | None, after: Staged, now: Staged | None) -> Moved:
    stood, stands = _stood(before, was), None if now is None else now.state.value
    elsewhere: Elsewhere = "new" if before is None else "outside"
    return after.state.pipeline, stood, stands, elsewhere if None in (stood, stands) else None


def _stood(before: Staged | None, was: Staged | None) -> str | None:
    """Where an opportunity stood before."""
    if before is not None and not before.is_open:
        return before.state.value
    return None if was is None else was.state.value


# ------------------------------------------------------------------------------------------------------- as it is asked


class Open(Struct, frozen=True):
    """So many opportunities with so much together, in the store's currency."""

    opportunities: int
    amount: Decimal


class WaterfallPart(Struct, frozen=True, kw_only=True):
    """One part of a waterfall. `takes` is whether it lessens what is open."""

    part: Part
    opportunities: int
    amount: Decimal
    takes: bool


class StageMove(Struct, frozen=True, kw_only=True):
    """How many opportunities of a pipeline went from one stage to another, or stayed, and what they are worth after it.

    A stage is also "won" or "lost". Where either is None, `elsewhere` says what that is: not opened yet ("new"), or
    "outside" the filter.
    """

    pipeline: str
    before: str | None
    after: str | None
    elsewhere: Elsewhere | None
    opportunities: int
    amount: Decimal


class Waterfall(Struct, frozen=True, kw_only=True):
    """How what was open at `first` became what is open at `second`: `before`, with all parts added and taken, is
    `after`, in money and in opportunities. (Those that grew or shrank are as many as before.)

    Where `second` lies in the future, it is what is due if nothing happens (`is_due`).
    """

    first: datetime
    second: datetime
    is_due: bool
    currency: str | None
    where: Mapping[str, str]
    before: Open
    parts: tuple[WaterfallPart, ...]
    after: Open
    moves: tuple[StageMove, ...]


Moment = datetime | date


@traced("pipeline waterfall")
def find_waterfall(session: Session, first: Moment, second: Moment, where: Mapping[str, str], axes: Axes) -> Waterfall:
    """The waterfall between two moments.

    Raises ValueError where the second comes first, and for a filter that can't be.
    """
    with asking(session, axes) as asked:
        held = filter_of(asked.ruleset, where)
        begins, ends = instant_of(first, asked.zone), instant_of(second, asked.zone)
        if begins > ends:
            raise ValueError(f"a waterfall goes from one day to a later one; expected {first} or later, found {second}")
        paths = read_paths(asked.models, asked.tx.connection, begins, ends)
        falls = falls_between(paths, begins, ends, held)
        return Waterfall(
            first=to_datetime(begins),
            second=to_datetime(ends),
            is_due=ends > asked.now,
            currency=asked.currency,
            where=dict(where),
            before=_open(falls.first, asked.currency),
            parts=tuple(
                WaterfallPart(
                    part=part,
                    opportunities=found.opportunities,
                    amount=money(found.amount, asked.currency),
                    takes=part in TAKES,
                )
                for part, found in falls.parts.items()
            ),
            after=_open(falls.second, asked.currency),
            moves=_moves(asked, falls.moves),
        )


def _open(found: Sum, currency: str | None) -> Open:
    return Open(found.opportunities, money(found.amount, currency))


def _moves(asked: Asked, moves: Mapping[Moved, Sum]) -> tuple[StageMove, ...]:
    """The moves in the order of the rules: what came first, what was won and lost last."""
    stages = stages_of(asked.ruleset)
    pipelines = list(dict.fromkeys(pipeline for pipeline, _ in stages))

    def place(pipeline: str, stage: str | None) -> tuple[int, str]:
        if stage is None:
            return -1, ""
        if (pipeline, stage) in stages:
            return stages.index((pipeline, stage)), ""
        return len(stages) + (WON, LOST).index(stage) + 1 if stage in (WON, LOST) else len(stages), stage

    def in_order(moved: Moved) -> tuple[object, ...]:
        pipeline, before, after, elsewhere = moved
        known = pipelines.index(pipeline) if pipeline in pipelines else len(pipelines)
        return known, pipeline, place(pipeline, before), place(pipeline, after), elsewhere or ""

    return tuple(
        StageMove(
            pipeline=moved[0],
            before=moved[1],
            after=moved[2],
            elsewhere=moved[3],
            opportunities=moves[moved].opportunities,
            amount=money(moves[moved].amount, asked.currency),
        )
        for moved in sorted(moves, key=in_order)
    )
