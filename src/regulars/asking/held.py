"""Lists of what a projection with a key holds, such as quotes: what is stored, and what this process wrote.

A page goes by until when something holds, then by its key: so what runs out first comes first. Of what comes to hold
later it goes by since when.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial

from msgspec import Struct, field

from regulars.adapters.read_models.catch_up import events_behind
from regulars.adapters.read_models.keyed_pages import HeldKey, OfFirm, Place, held_page
from regulars.adapters.store.horizon import OpenTransaction
from regulars.adapters.store.transaction import Transaction
from regulars.asking.employments import members_of_firm
from regulars.asking.one_customer import history_of
from regulars.crm_domain.command import CustomerId
from regulars.crm_domain.instant import FOREVER
from regulars.projections.engine.projector import Projector
from regulars.projections.verdict import Interval
from regulars.session.freshness import Freshness
from regulars.session.session import Session
from regulars.session.viewpoint import Viewpoint

#: The members of a family, the survivor first.
Members = tuple[str, ...]


class HeldQuery(Struct, frozen=True, kw_only=True):
    """What is asked of a list as of an instant: a value, some keys, columns that are `equal` to some texts, and those
    that hold a number of `at_most` so much; of a `firm` its own, and what names it. With `begins_until` it is what
    comes to be so after that instant, and no later than then. `after` is the cursor of the page before.
    """

    projector: Projector
    at: int
    customer: str | CustomerId | None
    value: str | None
    limit: int
    after: str | None
    freshness: Freshness
    firm: str | CustomerId | None = None
    begins_until: int | None = None
    keys: tuple[str, ...] | None = None
    equal: Mapping[str, str] = field(default_factory=dict)
    at_most: Mapping[str, int] = field(default_factory=dict)

    def wants(self, interval: Interval) -> bool:
        """Whether an interval is as it is asked."""
        verdict = interval.verdict
        if self.begins_until is None:
            is_in_time = interval.valid_from <= self.at < interval.valid_to
        else:
            is_in_time = self.at < interval.valid_from <= self.begins_until
        if not is_in_time or (self.value is not None and verdict.value != self.value):
            return False
        if self.keys is not None and interval.key not in self.keys:
            return False
        if any(getattr(verdict, name) != text for name, text in self.equal.items()):
            return False
        numbers = ((getattr(verdict, name), most) for name, most in self.at_most.items())
        return all(number is not None and number <= most for number, most in numbers)

    def place(self, held: HeldKey) -> Place:
        """Where something stands in the list."""
        return held.place(by_beginning=self.begins_until is not None)


class HeldPage(Struct, frozen=True, kw_only=True):
    """What was found, the cursor of the page after it, None where this is the last, and what isn't folded in yet."""

    found: list[HeldKey]
    after: str | None
    behind: int
    held_back_by: OpenTransaction | None


def find_held(session: Session, tx: Transaction, viewpoint: Viewpoint, query: HeldQuery) -> HeldPage:
    """A page of a list. Forgotten customers are left out. Raises NotFound for an unknown customer, ValueError for a
    cursor that no page gave.
    """
    families = session.families_written(tx, viewpoint, query.freshness)
    return find_held_beside(
        session, tx, viewpoint, query, families, partial(timeline_recorded, session, tx, viewpoint, query.projector)
    )


def find_held_beside(
    session: Session,
    tx: Transaction,
    viewpoint: Viewpoint,
    query: HeldQuery,
    families: Sequence[Members],
    timeline: Callable[[Members], tuple[int, Iterable[Interval]]],
) -> HeldPage:
    """The same, where what is stored doesn't tell of some families: the `timeline` of one is its number and its
    intervals.
    """
    models, connection = viewpoint.models, tx.connection
    assert models is not None
    beside = [each for members in families for each in members]
    whose = None if query.customer is None else session.members(tx, query.customer, viewpoint.until)
    firm = () if query.firm is None else members_of_firm(session, tx, query.firm, viewpoint.until)
    numbers = models.numbers(connection, [*beside, *(whose or ()), *firm])
    after = None if query.after is None else place_after(query.after)
    found = held_page(
        models,
        connection,
        query.projector.name,
        query.value,
        at=query.at,
        begins_until=query.begins_until,
        keys=query.keys,
        customers=None if whose is None else [numbers[each] for each in whose if each in numbers],
        limit=query.limit,
        after=after,
        beside=[numbers[each] for each in beside if each in numbers],
        of_firm=OfFirm([numbers[each] for each in firm if each in numbers], firm) if firm else None,
        equal=query.equal,
        at_most=query.at_most,
    )
    told = [each for members in families for each in _of(query, members, *timeline(members))]
    if told:
        gone = tx.forgotten(each.customer_id for each in told)
        among = (each for each in told if each.customer_id not in gone and (whose is None or each.customer_id in whose))
        among = (each for each in among if not firm or each.customer_id in firm or _names(each) in firm)
        found += (each for each in among if after is None or query.place(each) > after)
        found = sorted(found, key=query.place)[: query.limit]
    behind = events_behind(session.store, models, connection, viewpoint.until, beside=beside)
    return HeldPage(
        found=found,
        after=cursor_of(query.place(found[-1])) if len(found) == query.limit else None,
        behind=behind,
        held_back_by=session.held_back_by(tx, models) if behind else None,
    )


def _names(held: HeldKey) -> str | None:
    """The firm that something names."""
    firm_id: str | None = held.interval.verdict.firm_id
    return firm_id


def timeline_recorded(
    session: Session, tx: Transaction, viewpoint: Viewpoint, projector: Projector, members: Members
) -> tuple[int, Iterable[Interval]]:
    """The number and the intervals of one family, from all that is recorded of it."""
    whole = history_of(session.store, tx, viewpoint, members)
    return whole.customer, whole.timelines[projector.name]


def _of(query: HeldQuery, members: Members, customer: int, intervals: Iterable[Interval]) -> Iterator[HeldKey]:
    """What is asked for of one family."""
    for each in intervals:
        if query.wants(each):
            yield HeldKey(customer=customer, customer_id=members[0], interval=each)


_CURSOR = re.compile("([0-9]{1,19}):([0-9]{1,19}):(.+)", re.ASCII | re.DOTALL)


def cursor_of(place: Place) -> str:
    """The cursor of the page that follows after a place."""
    instant, key, customer = place
    return f"{instant}:{customer}:{key}"


def place_after(after: str) -> Place:
    """The place after which a page follows. Raises ValueError for a cursor that no page gave."""
    found = _CURSOR.fullmatch(after)
    if found is None or max(int(found[1]), int(found[2])) > FOREVER:
        raise ValueError(f'"{after}" is not the `after` of a page')
    return int(found[1]), found[3], int(found[2])
