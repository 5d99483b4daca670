"""A customer's history: their events, read from the log and folded, up to a poison event where there is one.

A poison event, one that can't be folded, parks its customer: the fold ends just before it. Where the event can't be
decoded, or the facts can't be folded, all projections are parked; where a projector fails, that one is. The result is
the same whether events came one by one or all at once, and whichever projections are folded together.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from operator import itemgetter
from types import MappingProxyType
from typing import Any, Protocol

from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy.engine import Connection

from regulars.adapters.log.codec import Codecs, codec_of
from regulars.adapters.read_models.customer_numbers import number_in
from regulars.adapters.schema.builds import FACTS
from regulars.adapters.schema.positions import LAST_POSITION
from regulars.adapters.store.store import Store
from regulars.crm_domain.customer import CustomerRegistered
from regulars.crm_domain.errors import StoreUnusable
from regulars.crm_domain.event import Event
from regulars.projections.engine.corrections import CORRECTIONS, stands, voided_by
from regulars.projections.engine.fold import Folded, FoldPlan, Happened, Timelines, must_refold
from regulars.projections.rules.compiled import Rules

#: Rows of `history_columns`.
Rows = Sequence[Sequence[Any]]


class Decoding(Protocol):
    """What a fold knows of events: their codecs, and the types that are folded. A store does; so does a worker without
    one.
    """

    @property
    def codecs(self) -> Codecs:
        """The codecs of events."""

    @property
    def handles(self) -> Collection[type[Event]]:
        """The types of events that any projection folds."""


class Poison(Struct, frozen=True, kw_only=True):
    """An event that can't be folded: `customer_id` is parked at its `position`, for a `reason`."""

    customer_id: str
    position: int
    type: str
    reason: str


class History(Struct, frozen=True, kw_only=True):
    """A customer's events in the order of the fold, and their fold; up to the poison event where there is one.

    `members` are the customer and those merged into them; `customer` is the number of the first. `poisons` are by the
    name of what they park: a projection, or the facts, which park all.
    """

    members: tuple[str, ...]
    customer: int
    happened: list[Happened]
    folded: Folded
    timelines: Timelines
    poisons: Mapping[str, Poison] = MappingProxyType({})

    @property
    def poison(self) -> Poison | None:
        """The first poison event."""
        return min(self.poisons.values(), key=lambda each: each.position, default=None)


def read_history(
    store: Store,
    connection: Connection,
    members: tuple[str, ...],
    plan: FoldPlan,
    until: int | None = None,
) -> History:
    """Read and fold a customer's events at positions up to `until`."""
    return fold_rows(store, rows_of(store, connection, members, until), members, plan)


def read_facts(
    store: Store, connection: Connection, members: tuple[str, ...], rules: Rules, until: int | None = None
) -> History:
    """Read a customer's events as `read_history` does, judged by no projector: for a fold of some of them."""
    return read_history(store, connection, members, FoldPlan(rules, ()), until)


def rows_of(
    store: Store, connection: Connection, members: tuple[str, ...], until: int | None = None, *, after: int = 0
) -> Rows:
    """A customer's rows at positions in (after, until]."""
    return store.statements.told.all(connection, members, after=after, until=LAST_POSITION if until is None else until)


def fold_rows(known: Decoding, rows: Rows, members: tuple[str, ...], plan: FoldPlan) -> History:
    """Fold a customer's rows, in whatever order they come.

    Raises StoreUnusable for an unknown type of event.
    """
    try:
        return _fold(known, rows, members, plan)
    except StoreUnusable:
        raise
    except Exception:  # whatever a projector fails with, only its customer is parked
        return _park(known, sorted(rows, key=itemgetter(0)), members, plan)


def take_in(known: Decoding, folded: Folded, rows: Rows, members: tuple[str, ...], plan: FoldPlan) -> Timelines | None:
    """Fold further rows into a fold, which is changed in place; its intervals from the last settled one on.

    None where an event came late or can't be folded: then the fold is spoiled, and the whole history has to be folded.
    """
    try:
        happened = _happened(known, rows, members, plan)
        if must_refold(folded, happened) or _is_known_since_earlier(folded, rows):
            return None
        return plan.fold(folded, _standing(happened, rows, members))
    except StoreUnusable:
        raise
    except Exception:  # as in fold_rows, which then finds out where it fails
        return None


def types_of(known: Decoding, rows: Rows) -> frozenset[type[Event]]:
    """The types of events that some rows hold. Raises StoreUnusable for an unknown one."""
    return frozenset(codec_of(tag, known.codecs).reads for _, _, _, _, tag, _ in rows)


def bear_on(known: Decoding, folded: Folded, rows: Rows, types: frozenset[type[Event]]) -> bool:
    """Whether further rows, which hold events of these types, may change a fold: a projection handles one, or somebody
    may be known since earlier.
    """
    return not types.isdisjoint(known.handles) or _is_known_since_earlier(folded, rows)


def _is_known_since_earlier(folded: Folded, rows: Rows) -> bool:
    """Whether some rows may tell of something before what was known first: then a registration moves."""
    last_at = folded.last_at
    return last_at is not None and any(at < last_at for _, _, _, at, *_ in rows)


def _fold(known: Decoding, rows: Rows, members: tuple[str, ...], plan: FoldPlan) -> History:
    happened = _standing(_happened(known, rows, members, plan), rows, members)
    folded = Folded()
    timelines = plan.fold(folded, happened)
    customer = number_in(rows, members[0])
    return History(members=members, customer=customer, happened=happened, folded=folded, timelines=timelines)


def _park(known: Decoding, rows: Rows, members: tuple[str, ...], plan: FoldPlan) -> History:
    """Fold the facts, and each projector by itself, as far as they can be."""
    facts = _longest(known, rows, members, FoldPlan(plan.rules, ()))
    poisons = (
        {} if facts.poison is None else dict.fromkeys([FACTS, *(each.name for each in plan.projectors)], facts.poison)
    )
    rows = [row for row in rows if facts.poison is None or row[0] < facts.poison.position]
    for projector in plan.projectors:
        alone = _longest(known, rows, members, FoldPlan(plan.rules, (projector,)))
        facts.folded.tracks.update(alone.folded.tracks)
        facts.timelines.update(alone.timelines)
        if alone.poison is not None:
            poisons[projector.name] = alone.poison
    return replace(facts, poisons=poisons)


def _longest(known: Decoding, rows: Rows, members: tuple[str, ...], plan: FoldPlan) -> History:
    """Fold the longest run of rows from the first position on that can be folded."""
    good, bad, error = 0, len(rows) + 1, None
    while bad - good > 1:
        middle = (good + bad) // 2
        try:
            _fold(known, rows[:middle], members, plan)
            good = middle
        except Exception as earlier:  # as in fold_rows
            bad, error = middle, earlier
    kept = replace(_fold(known, rows[:good], members, plan), customer=number_in(rows, members[0]))
    if error is None:
        return kept
    position, _, _, _, tag, _ = rows[good]
    reason = f"{type(error).__name__}: {error}"
    poison = Poison(customer_id=members[0], position=position, type=tag, reason=reason)
    return replace(kept, poisons={FACTS: poison})


def _happened(known: Decoding, rows: Rows, members: tuple[str, ...], plan: FoldPlan) -> list[Happened]:
    """What projections handle of some rows, or a plan takes, and what corrects it, in order."""
    codecs, handles = known.codecs, known.handles if plan.takes is None else plan.takes | CORRECTIONS
    decoded = (to_happened(row, members, codecs, handles) for row in rows)
    return sorted((each for each in decoded if each is not None), key=order_of)


def _standing(happened: list[Happened], rows: Rows, members: tuple[str, ...]) -> list[Happened]:
    """What stands of what happened to a customer, in order; `rows` are those that it was decoded from.

    Each registration is as early as the first that is known of that identity, whatever it is: which row of a file
    registered somebody says nothing of them.
    """
    passed: set[int] = set()
    if any(type(each.event) in CORRECTIONS for each in happened):
        voided = voided_by(each.event for each in happened)
        passed = {each.position for each in happened if not stands(each.event, voided)}
        happened = [each for each in happened if each.position not in passed]
    first = _first_instants(rows, passed)
    late = [
        each for each in happened if type(each.event) is CustomerRegistered and each.at > first[members[each.identity]]
    ]
    if not late:
        return happened
    known_since = {each.position: first[members[each.identity]] for each in late}
    moved = (
        replace(each, at=known_since[each.position]) if each.position in known_since else each for each in happened
    )
    return sorted(moved, key=order_of)


def _first_instants(rows: Rows, passed: Collection[int]) -> dict[str, int]:
    """When the first of some rows happened, by the customer's id; without those at positions that are `passed` over."""
    first: dict[str, int] = {}
    for position, _, customer_id, at, *_ in rows:
        if position not in passed and at < first.setdefault(customer_id, at):
            first[customer_id] = at
    return first


def to_happened(
    row: Iterable[Any], members: tuple[str, ...], known: Codecs, handles: Collection[type[Event]]
) -> Happened | None:
    """Decode a row of `history_columns` of one of a customer's identities; None where no projection handles its
    type.
    """
    position, _, customer_id, occurred_at, tag, payload = row  # by place: by name takes several times as long
    codec = codec_of(tag, known)
    if codec.reads not in handles:
        return None
    identity = 0 if customer_id == members[0] else members.index(customer_id)
    return Happened(occurred_at, position, codec.decode(payload), identity)


def order_of(happened: Happened) -> tuple[int, int]:
    """The sort key of an event in the fold."""
    return happened.at, happened.position
