"""Who is due to buy what again: a list of items with their dates, the reasons for one, and what somebody buys most.

A date is for an item that has a gap in the rules. What somebody will take next of all that there is, is guessed better
by what they bought on most days; so that is another answer. See docs/due-again.md for how both were measured.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import InitVar, dataclass, field
from datetime import date, datetime, timedelta
from functools import partial
from typing import get_args

from msgspec import Struct
from msgspec.structs import replace

from regulars.adapters.progress import Progress
from regulars.adapters.read_models.histories import read_facts
from regulars.adapters.store.horizon import OpenTransaction
from regulars.adapters.store.transaction import Transaction
from regulars.asking.customers import folded_in
from regulars.asking.held import HeldPage, HeldQuery, find_held, find_held_beside
from regulars.asking.listed import families_changed
from regulars.asking.one_customer import read_contacts
from regulars.asking.paging import MAX_PAGE, Following, Paged
from regulars.asking.views import Clause, EventLine
from regulars.crm_domain.command import CustomerId
from regulars.crm_domain.errors import NotFound
from regulars.crm_domain.instant import FOREVER, MICROSECOND, to_datetime
from regulars.crm_domain.purchase import PurchaseRecorded
from regulars.projections.due_again.explain import explain
from regulars.projections.due_again.items import ITEMS, of_item
from regulars.projections.due_again.judge import Due
from regulars.projections.due_again.projector import DUE_AGAIN
from regulars.projections.engine.fold import Happened, fold_until, verdict_at
from regulars.projections.parts import suggestion
from regulars.projections.verdict import Interval
from regulars.session.freshness import Freshness
from regulars.session.instants import instant_of
from regulars.session.session import AnyRules, Session
from regulars.session.traced import traced
from regulars.session.viewpoint import Viewpoint
from regulars.wording.sentences import describe


@dataclass(frozen=True, slots=True)
class DueItem:
    """An item of a customer, and whether it is "not_yet", "due" or "lapsed" from `since` to just before `until`, which
    is None where that has no end, unless they buy it.

    It was bought on `buying_days` days so far, last at `bought_at`, and is expected again a `gap` after that. `ref` is
    None for who has none.
    """

    customer_id: CustomerId
    ref: str | None
    item: str
    value: Due
    since: datetime
    until: datetime | None
    bought_at: datetime
    buying_days: int
    gap: timedelta


@dataclass(frozen=True, slots=True)
class DuePage(Paged[DueItem]):
    """Some items of customers, and where to go on: pass `after` to ask for the next page, None where this was the last.

    Iterating a page that `goes_on`, because no `limit` was given, goes through all that follow as well; `len` and
    indexes are about this page alone. `behind` and `held_back_by` are those of a page of customers.
    """

    items: tuple[DueItem, ...]
    after: str | None
    as_of: datetime
    behind: int = 0
    held_back_by: OpenTransaction | None = None
    goes_on: bool = field(init=False)
    following: InitVar[Following | None] = field(kw_only=True)

    def _items(self) -> tuple[DueItem, ...]:
        return self.items


@dataclass(frozen=True, slots=True)
class DueExplanation:
    """An item of a customer as of an instant, and the clauses by which it is due or not, with the purchases behind."""

    item: DueItem
    as_of: datetime
    reasons: tuple[Clause, ...]


@dataclass(frozen=True, slots=True)
class MostBought:
    """An item that a customer bought on so many days, last at `bought_at`."""

    item: str
    buying_days: int
    bought_at: datetime


class DueQuery(Struct, frozen=True, kw_only=True):
    """What is asked of a list of items. See Regulars.due. `at` is the instant of the pages before."""

    value: str | None
    item: str | None
    customer: str | CustomerId | None
    within: timedelta | None
    as_of: datetime | date | None
    limit: int
    after: str | None
    freshness: Freshness
    goes_on: bool
    at: int | None = None


@traced("due")
def find_due(
    session: Session,
    query: DueQuery,
    known_at: datetime | date | None,
    rules: AnyRules | None,
    on_progress: Progress | None,
) -> DuePage:
    """A page of items. Read models are built first where there are none that answer. Raises NotFound for an item that
    the rules don't name, and for an unknown customer.
    """
    if query.value not in (None, *get_args(Due)):
        raise ValueError(f'value is one of {", ".join(get_args(Due))}, not "{query.value}"')
    if query.within is not None and query.within < timedelta(0):
        raise ValueError(f"within is a time from then on, not {query.within}")
    following = partial(_following, session, query, known_at, rules)
    with folded_in(session, query.freshness, known_at, rules, on_progress) as (tx, viewpoint):
        return _page(session, tx, viewpoint, query, following)


def _following(
    session: Session,
    query: DueQuery,
    known_at: datetime | date | None,
    rules: AnyRules | None,
    at: int,
    after: str,
) -> DuePage:
    return find_due(session, replace(query, at=at, after=after, limit=MAX_PAGE), known_at, rules, None)


def _page(
    session: Session, tx: Transaction, viewpoint: Viewpoint, query: DueQuery, following: Callable[[int, str], DuePage]
) -> DuePage:
    if query.item is not None and query.item not in viewpoint.rules.due_again.cadences:
        raise NotFound(_unnamed(query.item, viewpoint))
    at = query.at
    if at is None:
        at = session.now() if query.as_of is None else instant_of(query.as_of, viewpoint.rules.zone)
    asked = HeldQuery(
        projector=DUE_AGAIN,
        at=at,
        customer=query.customer,
        value=query.value,
        limit=query.limit,
        after=query.after,
        freshness=query.freshness,
        begins_until=None if query.within is None else min(at + query.within // MICROSECOND, FOREVER - 1),
        keys=None if query.item is None else (query.item,),
    )
    if query.as_of is None or query.within is None:
        page = find_held(session, tx, viewpoint, asked)
    else:
        page = _find_ahead_of(session, tx, viewpoint, asked)
    contacts = read_contacts(tx, {each.customer_id for each in page.found})
    return DuePage(
        items=tuple(view_item(each.customer_id, contacts[each.customer_id].ref, each.interval) for each in page.found),
        after=page.after,
        as_of=to_datetime(at),
        behind=page.behind,
        held_back_by=page.held_back_by,
        following=partial(following, at) if query.goes_on else None,
    )


def _find_ahead_of(session: Session, tx: Transaction, viewpoint: Viewpoint, asked: HeldQuery) -> HeldPage:
    """What was ahead as of a day, as if nothing had happened since: of those of whom more happened, what is stored
    doesn't tell.
    """
    assert viewpoint.models is not None
    families = list(session.families_written(tx, viewpoint, asked.freshness))
    known = {each for members in families for each in members}
    families += families_changed(viewpoint.models, tx, asked.at, known, "what is due")

    def as_it_was(members: tuple[str, ...]) -> tuple[int, list[Interval]]:
        history = read_facts(session.store, tx.connection, members, viewpoint.rules, viewpoint.until)
        _, timelines = fold_until(history.happened, viewpoint.rules, asked.at, (DUE_AGAIN,))
        return history.customer, timelines[DUE_AGAIN.name]

    return find_held_beside(session, tx, viewpoint, asked, families, as_it_was)


def view_item(customer_id: str, ref: str | None, interval: Interval) -> DueItem:
    """An item as people read it."""
    held = interval.verdict
    return DueItem(
        customer_id=CustomerId(customer_id),
        ref=ref,
        item=interval.key,
        value=held.value,
        since=to_datetime(interval.valid_from),
        until=None if interval.valid_to == FOREVER else to_datetime(interval.valid_to),
        bought_at=to_datetime(held.bought_at),
        buying_days=held.buying_days,
        gap=timedelta(microseconds=held.gap),
    )


@traced("explain due")
def explain_due(
    session: Session,
    who: str | CustomerId,
    item: str,
    as_of: datetime | date | None,
    known_at: datetime | date | None,
    rules: AnyRules | None,
) -> DueExplanation:
    """Why an item of a customer is due or not, from a fold of just what had happened by then.

    Raises NotFound for an unknown customer, and for an item that the rules don't name or that they hadn't bought.
    """
    with session.store.reading() as tx:
        viewpoint = session.viewpoint(tx, known_at, rules)
        at = session.now() if as_of is None else instant_of(as_of, viewpoint.rules.zone)
        members = session.members(tx, who, viewpoint.until)
        happened = read_facts(session.store, tx.connection, members, viewpoint.rules, viewpoint.until).happened
        folded, timelines = fold_until(happened, viewpoint.rules, at, (DUE_AGAIN,))
        held = verdict_at((each for each in timelines[DUE_AGAIN.name] if each.key == item), at)
        if held is None:
            named = item in viewpoint.rules.due_again.cadences
            raise NotFound(_NOT_BOUGHT.format(item) if named else _unnamed(item, viewpoint))
        reasons = explain(None, of_item(folded.facts_of(ITEMS), item), viewpoint.rules, at)
        catalogue = session.store.registry.catalogue
        lines = {
            recorded.position: EventLine(
                recorded.position, to_datetime(recorded.occurred_at), describe(recorded.event, catalogue)
            )
            for recorded in tx.log.at(sorted({each for reason in reasons for each in reason.positions}))
        }
        ref = read_contacts(tx, members[:1])[members[0]].ref
    clauses = (
        Clause(each.clause, each.sentence, each.contribution, tuple(lines[place] for place in each.positions))
        for each in reasons
    )
    return DueExplanation(item=view_item(members[0], ref, held), as_of=to_datetime(at), reasons=tuple(clauses))


_NOT_BOUGHT = 'nothing of the item "{}" had been bought, or all of it had come back'


def _unnamed(item: str, viewpoint: Viewpoint) -> str:
    near = suggestion(item, viewpoint.rules.due_again.cadences)
    return f'the rules have no gap for the item "{item}" under [due_again]{near}'


@traced("most bought")
def find_most_bought(
    session: Session,
    who: str | CustomerId,
    limit: int,
    as_of: datetime | date | None,
    known_at: datetime | date | None,
) -> tuple[MostBought, ...]:
    """What a customer bought on most days, whether or not the rules name it. Raises NotFound."""
    with session.store.reading() as tx:
        viewpoint = session.viewpoint(tx, known_at)
        at = session.now() if as_of is None else instant_of(as_of, viewpoint.rules.zone)
        members = session.members(tx, who, viewpoint.until)
        happened = read_facts(session.store, tx.connection, members, viewpoint.rules, viewpoint.until).happened
        folded, _ = fold_until(happened, viewpoint.rules, at, ())
    facts = folded.facts
    returned = {facts.order_ids[index] for index in facts.returned_orders}
    days: dict[str, set[date]] = {}
    last: dict[str, int] = {}
    for instant, order in _bought(happened, at, returned):
        for line in order.lines:
            days.setdefault(line.sku, set()).add(to_datetime(instant).astimezone(viewpoint.rules.zone).date())
            last[line.sku] = instant
    ranked = sorted(days, key=lambda item: (-len(days[item]), -last[item], item))
    return tuple(MostBought(item, len(days[item]), to_datetime(last[item])) for item in ranked[:limit])


def _bought(happened: Iterable[Happened], at: int, returned: set[str]) -> Iterator[tuple[int, PurchaseRecorded]]:
    for each in happened:
        if isinstance(each.event, PurchaseRecorded) and each.at <= at and each.event.order_id not in returned:
            yield each.at, each.event
