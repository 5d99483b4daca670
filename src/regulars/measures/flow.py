"""Who went from where to where between two days."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date, datetime

from msgspec import Struct

from regulars.adapters.read_models.measuring import Lane, movers, moves
from regulars.asking.customers import require_segment
from regulars.asking.one_customer import read_contacts
from regulars.asking.views import lanes_in
from regulars.crm_domain.command import CustomerId
from regulars.crm_domain.instant import to_datetime
from regulars.measures.asked import Asked, Axes, asking, conditions, in_order
from regulars.projections.segments.projector import SEGMENTS
from regulars.session.instants import instant_of
from regulars.session.session import Session
from regulars.session.traced import traced

Moment = datetime | date

#: Somebody goes into a segment and out of it; so a lane of one is named by its id: "segment:regulars".
SEGMENT = "segment:"


class Move(Struct, frozen=True):
    """How many customers had one verdict before and another, or the same, after; None is no verdict."""

    before: str | None
    after: str | None
    customers: int


class Flow(Struct, frozen=True, kw_only=True):
    """How many customers were what `first`, and are what `second`: None is not known yet, or not any more.

    `values` are in the rules' order. Rows add up to the totals as of the first instant, columns to those as of the
    second; of one segment it is None or "in". Where `second` lies in the future, it is what is due if nothing happens
    (`is_due`).
    """

    lane: str
    first: datetime
    second: datetime
    is_due: bool
    where: Mapping[str, str]
    values: tuple[str, ...]
    moves: tuple[Move, ...]

    @property
    def nothing(self) -> str:
        """How None is written: nobody, as who isn't known has no verdict, or out of the segment."""
        return "(out)" if self.lane.startswith(SEGMENT) else "(nobody)"

    @property
    def before(self) -> Mapping[str | None, int]:
        """How many were what as of the first instant."""
        return _sums((each.before, each.customers) for each in self.moves)

    @property
    def after(self) -> Mapping[str | None, int]:
        """How many are what as of the second instant."""
        return _sums((each.after, each.customers) for each in self.moves)


class Mover(Struct, frozen=True, kw_only=True):
    """One customer of a flow; `ref` and `name` are today's, and None once they are forgotten."""

    id: CustomerId
    ref: str | None
    name: str | None


@traced("flow")
def find_flow(session: Session, lane: str, first: Moment, second: Moment, where: Mapping[str, str], axes: Axes) -> Flow:
    """The moves between two moments. Raises ValueError for no lane, and for moments that don't rise."""
    with asking(session, axes) as asked:
        gone = _lane(asked, session, lane)
        begins, ends = _instants(asked, first, second)
        held = conditions(asked, session.store.registry, where)
        counts = moves(asked.models, asked.tx.connection, gone, begins, ends, held)
        values = in_order(asked, lane, {value for pair in counts for value in pair if value is not None})
    return Flow(
        lane=lane,
        first=to_datetime(begins),
        second=to_datetime(ends),
        is_due=ends > asked.now,
        where=dict(where),
        values=values,
        moves=tuple(
            Move(before, after, counts[before, after])
            for before, after in sorted(counts, key=lambda pair: tuple(_place(values, value) for value in pair))
        ),
    )


@traced("movers")
def find_movers(
    session: Session,
    lane: str,
    first: Moment,
    second: Moment,
    move: tuple[str | None, str | None],
    where: Mapping[str, str],
    limit: int | None,
    axes: Axes,
) -> tuple[Mover, ...]:
    """The customers behind one number of a flow. Raises ValueError as `find_flow` does."""
    with asking(session, axes) as asked:
        gone = _lane(asked, session, lane)
        begins, ends = _instants(asked, first, second)
        held = conditions(asked, session.store.registry, where)
        before, after = move
        found = movers(
            asked.models,
            asked.tx.connection,
            gone,
            begins,
            ends,
            held,
            before=before,
            after=after,
            limit=limit,
        )
        contacts = read_contacts(asked.tx, found)
    return tuple(Mover(id=CustomerId(each), ref=contacts[each].ref, name=contacts[each].name) for each in found)


def _lane(asked: Asked, session: Session, name: str) -> Lane:
    """The lane of a name. Raises ValueError for none, and NotFound for a segment that the rules don't have."""
    lanes = lanes_in(session.store.registry)
    known = f"{', '.join(lanes)}, and {SEGMENT}ID for one segment"
    if not isinstance(name, str):
        raise ValueError(f"a flow takes what changes, then two moments: expected one of {known}; found {name}")
    if name.startswith(SEGMENT):
        segment = name.removeprefix(SEGMENT)
        require_segment(asked.ruleset, segment)
        return Lane(SEGMENTS.name, "segment", segment)
    if name not in lanes:
        raise ValueError(f'"{name}" is not a verdict; there are {known}')
    return Lane(lanes[name])


def _instants(asked: Asked, first: Moment, second: Moment) -> tuple[int, int]:
    begins, ends = (instant_of(each, asked.zone) for each in (first, second))
    if begins >= ends:
        raise ValueError("the second moment of a flow has to come after the first")
    return begins, ends


def _sums(counted: Iterable[tuple[str | None, int]]) -> Mapping[str | None, int]:
    sums: Counter[str | None] = Counter()
    for value, count in counted:
        sums[value] += count
    return sums


def _place(values: tuple[str, ...], value: str | None) -> int:
    return -1 if value is None else values.index(value)
