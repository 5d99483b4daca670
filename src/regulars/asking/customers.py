"""Queries for customers as of any day, as known on any day, under any rules: one of them, or a page."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from functools import partial
from itertools import islice
from operator import attrgetter
from typing import Literal, get_args

from msgspec import Struct
from msgspec.structs import replace

from regulars.adapters.progress import Progress
from regulars.adapters.read_models.catch_up import events_behind
from regulars.adapters.read_models.histories import History, read_facts, read_history
from regulars.adapters.read_models.pages import Becoming, Filters, ListedCustomer, Ranking, newest_event_at, page
from regulars.adapters.schema.builds import SCORE
from regulars.adapters.store.transaction import Transaction
from regulars.asking.employments import day_of, members_of_firm, working_for
from regulars.asking.listed import Question, foresee, held_at, listed_of
from regulars.asking.one_customer import (
    Contact,
    Holding,
    describe_poison,
    explain_customer,
    history_of,
    read_contacts,
    timeline_of,
)
from regulars.asking.paging import MAX_PAGE
from regulars.asking.views import LANES, AsksCustomer, Customer, Explanation, Lane, Page, Timeline, lanes_in
from regulars.crm_domain.command import CustomerId
from regulars.crm_domain.customer import Kind
from regulars.crm_domain.errors import NotFound, StoreBusy
from regulars.crm_domain.instant import FOREVER, MICROSECOND, to_datetime
from regulars.crm_domain.money import from_minor_units
from regulars.projections.attribution import ATTRIBUTION
from regulars.projections.customer_card import CUSTOMER_CARD, card
from regulars.projections.engine.fold import fold_until
from regulars.projections.facts.table import NO_TIER
from regulars.projections.parts import suggestion
from regulars.projections.rules.grammar import Ruleset
from regulars.projections.segments.projector import SEGMENTS
from regulars.projections.segments.rules import SegmentRule
from regulars.projections.tags import TAGS
from regulars.session.freshness import Freshness
from regulars.session.instants import instant_of
from regulars.session.session import AnyRules, Session
from regulars.session.traced import traced
from regulars.session.viewpoint import Viewpoint

#: What a list may be in order of; from the highest, or the latest, but for "id" and "name".
Order = Literal["id", "name", "risk", "spend", "last_order", "known_since"]

#: So many customers are put in order of their names, which have to be decrypted for that.
MAX_BY_NAME = 10_000

_ORDERS: dict[Order, Ranking | None] = {
    "id": None,
    "name": None,
    "risk": Ranking(projection=LANES["risk"], column=SCORE),
    "spend": Ranking(projection=CUSTOMER_CARD.name, column="net_spend"),
    "last_order": Ranking(projection=CUSTOMER_CARD.name, column="last_order_at"),
    "known_since": Ranking(projection=None),
}


_Found = tuple[ListedCustomer, tuple[str, ...]]


class CustomerQuery(Struct, frozen=True, kw_only=True):
    """What is asked of a list of customers. See Regulars.customers. `at` is the instant of the pages before."""

    stage: str | None
    tier: str | None
    risk_band: str | None
    having: Mapping[str, str]
    becoming: Mapping[Lane, str] | None
    within: timedelta | None
    as_of: datetime | date | None
    order: Order
    tag: str | None
    segment: str | None
    owner: str | None
    source: str | None
    text: str | None
    forgotten: bool
    total: bool
    limit: int
    after: str | None
    freshness: Freshness
    goes_on: bool
    kind: Kind | None = None
    firm: str | CustomerId | None = None
    at: int | None = None


@traced("customer")
def find_one(
    session: Session,
    who: str | CustomerId,
    as_of: datetime | date | None,
    known_at: datetime | date | None,
    rules: AnyRules | None,
) -> Customer:
    """One customer. Raises NotFound for an unknown one, or where nothing was known of them by then."""
    with session.store.reading() as tx:
        customer_id = session.resolve(tx, who)
        viewpoint = session.viewpoint(tx, known_at, rules)
        members = tx.families([customer_id], viewpoint.until).members(customer_id)
        return view_one(session, tx, viewpoint, members, who, as_of)


def view_one(
    session: Session,
    tx: Transaction,
    viewpoint: Viewpoint,
    members: tuple[str, ...],
    who: str | CustomerId,
    as_of: datetime | date | None,
) -> Customer:
    """A customer with everyone who is one with them. Raises NotFound where nothing was known of them by then."""
    asked_at = session.now() if as_of is None else instant_of(as_of, viewpoint.rules.zone)
    holding = Holding(
        shown=tuple(LANES.values()),
        at=lambda folded: max(asked_at, folded.last_at or 0) if as_of is None else asked_at,
    )
    history = history_of(session.store, tx, viewpoint, members, holding)
    return view_folded(session, tx, viewpoint, history, who, holding.at(history.folded))


def view_folded(
    session: Session, tx: Transaction, viewpoint: Viewpoint, history: History, who: str | CustomerId, at: int
) -> Customer:
    """A customer as of an instant, from their fold. Raises NotFound where nothing was known of them by then."""
    members = history.members
    held = held_at(history.timelines, LANES.values(), at)
    if held is None:
        ref = read_contacts(tx, members[:1])[members[0]].ref
        called = "this customer" if ref is None else f'"{ref}"'
        raise NotFound(f"nothing{viewpoint.known_then} had happened with {called} by {to_datetime(at).isoformat()}")
    listed = ListedCustomer(
        customer=history.customer,
        customer_id=members[0],
        as_of=at,
        held=held,
        folded=history.folded,
        becomes_at=None,
        sort_key=0,
    )
    parked = None if history.poison is None else describe_poison(history.poison)
    return _Views(session, tx, viewpoint).of(listed, members, read_contacts(tx, members), parked)


@traced("customers")
def find_page(
    session: Session,
    query: CustomerQuery,
    known_at: datetime | date | None,
    rules: AnyRules | None,
    on_progress: Progress | None,
) -> Page:
    """A page of customers. Read models are built first where there are none that answer."""
    following = partial(_following, session, query, known_at, rules)
    with folded_in(session, query.freshness, known_at, rules, on_progress) as (tx, viewpoint):
        return _page(session, tx, viewpoint, query, following)


@contextmanager
def folded_in(
    session: Session,
    freshness: Freshness,
    known_at: datetime | date | None,
    rules: AnyRules | None,
    on_progress: Progress | None,
) -> Iterator[tuple[Transaction, Viewpoint]]:
    """A snapshot, and a viewpoint whose read models are in it, folded as far as a list asks for."""
    if known_at is None and rules is None:
        session.freshen(freshness)
        with session.store.reading() as tx:
            yield tx, session.viewpoint(tx)
        return
    viewpoint = _folded_viewpoint(session, freshness, known_at, rules, on_progress)
    with session.store.reading() as tx:
        yield tx, viewpoint


def _folded_viewpoint(
    session: Session,
    freshness: Freshness,
    known_at: datetime | date | None,
    rules: AnyRules | None,
    on_progress: Progress | None,
) -> Viewpoint:
    """A viewpoint with read models, folded as far as a list asks for. What it doesn't answer from isn't folded."""
    with session.store.reading() as tx:
        viewpoint = session.viewpoint(tx, known_at, rules)
    if viewpoint.is_live or (viewpoint.until is not None and freshness.at_least):
        session.freshen(freshness)
        with session.store.reading() as tx:  # other rules may have come into force meanwhile
            viewpoint = session.viewpoint(tx, known_at, rules)
    return session.scratch(viewpoint, on_progress, freshness)


def _following(
    session: Session,
    query: CustomerQuery,
    known_at: datetime | date | None,
    rules: AnyRules | None,
    at: int,
    after: str,
) -> Page:
    query = replace(query, at=at, after=after, limit=MAX_PAGE, total=False)
    try:
        return find_page(session, query, known_at, rules, None)
    except StoreBusy:  # as where it was written of many who were met: it is waited for what is written, as for a lock
        freshness = replace(query.freshness, at_least=max(query.freshness.at_least, session.last_written))
        return find_page(session, replace(query, freshness=freshness), known_at, rules, None)


def _page(
    session: Session, tx: Transaction, viewpoint: Viewpoint, query: CustomerQuery, following: Callable[[int, str], Page]
) -> Page:
    models = viewpoint.models
    assert models is not None
    connection = tx.connection
    at = query.at
    if at is None:
        at = session.now() if query.as_of is None else instant_of(query.as_of, viewpoint.rules.zone)
    filters, position = _filters(session, query, viewpoint.ruleset, at), parse_cursor(query.after)
    families = session.families_written(tx, viewpoint, query.freshness)
    filters = replace(
        filters,
        unchanged_since_asked=query.becoming is not None and query.as_of is not None,
        among=_among(session, tx, viewpoint, query, at),
        beside=frozenset(each for members in families for each in members),
        remembered_only=not query.forgotten,
    )
    question = Question(
        filters=filters,
        rules=viewpoint.rules,
        projectors=session.store.registry.projectors,
        at=at,
        not_before_last_event=query.as_of is None,
        order=_ranking(query, viewpoint.ruleset),
    )
    histories = [_whole_history(session, tx, viewpoint, question, members) for members in families]
    folded = listed_of(histories, question)
    if filters.unchanged_since_asked:
        folded += foresee(session.store, models, tx, question)
    if not query.forgotten:
        forgotten = tx.forgotten(each.customer_id for each in folded)
        folded = [each for each in folded if each.customer_id not in forgotten]
    scan = _Scan(session, tx, viewpoint, query.text, question, folded, families)
    by_name = scan.by_name() if query.order == "name" else None
    found = scan.found(position, query.limit) if by_name is None else _after(by_name, position)[: query.limit]
    shown = [each for each, _ in found]
    members = {each.customer_id: family for each, family in found}
    contacts = read_contacts(tx, (each for family in members.values() for each in family))
    poisons = models.parked(connection, members.keys() - filters.beside)
    poisons |= {history.members[0]: history.poison for history in histories if history.poison}
    parked = {each: describe_poison(poison) for each, poison in poisons.items()}
    view = _Views(session, tx, viewpoint)
    last = shown[-1] if len(shown) == query.limit else None
    behind = events_behind(session.store, models, connection, viewpoint.until, beside=filters.beside)
    return Page(
        customers=tuple(
            view.of(each, members[each.customer_id], contacts, parked.get(each.customer_id)) for each in shown
        ),
        after=None if last is None else f"{last.sort_key}:{last.customer}",
        behind=behind,
        held_back_by=session.held_back_by(tx, models) if behind else None,
        total=None if not query.total else scan.count() if by_name is None else len(by_name),
        following=partial(following, at) if query.goes_on else None,
    )


def _among(
    session: Session, tx: Transaction, viewpoint: Viewpoint, query: CustomerQuery, at: int
) -> frozenset[str] | None:
    """Among whom to search: who works for the firm, and whose name has the text, where names are held in memory."""
    people = None if query.firm is None else _people_of(session, tx, viewpoint, query.firm, at)
    named = None if query.text is None or session.names is None else session.names.mentioning(tx, query.text)
    return people if named is None else named if people is None else people & named


def _people_of(
    session: Session, tx: Transaction, viewpoint: Viewpoint, firm: str | CustomerId, at: int
) -> frozenset[str]:
    """Who works for a firm on the day of an instant. Raises NotFound, also for a person."""
    members = members_of_firm(session, tx, firm, viewpoint.until)
    found = working_for(session, tx, viewpoint, members, day_of(at, viewpoint.rules.zone))
    return frozenset(each.person_id for each in found)


def _whole_history(
    session: Session, tx: Transaction, viewpoint: Viewpoint, question: Question, members: tuple[str, ...]
) -> History:
    """What is recorded of a customer; with the events, where some of them are to be left out."""
    if question.filters.becoming is None:
        return history_of(session.store, tx, viewpoint, members)
    return read_history(
        session.store, tx.connection, members, session.store.registry.plan(viewpoint.rules), viewpoint.until
    )


class _Scan:
    """Goes through those whom read models hold and those who were folded beside them, in order; names and addresses it
    looks at of everyone in turn, so many at once as fill a page.
    """

    def __init__(
        self,
        session: Session,
        tx: Transaction,
        viewpoint: Viewpoint,
        text: str | None,
        question: Question,
        folded: list[ListedCustomer],
        families: tuple[tuple[str, ...], ...],
    ) -> None:
        assert viewpoint.models is not None
        self._session, self._tx, self._viewpoint, self._question = session, tx, viewpoint, question
        self._models, self._folded, self._families = viewpoint.models, folded, families
        self._text = None if text is None else text.casefold()

    def found(self, position: tuple[int, int] | None, limit: int) -> list[_Found]:
        """The first of them after a place in the order, each with everyone who is one with them."""
        return list(islice(self._from(position, limit if self._text is None else MAX_PAGE), limit))

    def by_name(self) -> list[_Found]:
        """All of them in order of their names, from A to Z whatever the case of letters; who has none comes last.

        Raises ValueError where they are more than can be sorted.
        """
        found = list(islice(self._from(None, MAX_PAGE), MAX_BY_NAME + 1))
        if len(found) > MAX_BY_NAME:
            raise ValueError(
                f"more than {MAX_BY_NAME:,} customers answer to that, and up to {MAX_BY_NAME:,} are put in order of "
                "their names; ask for fewer, by stage, tier, tag or the like, or in another order"
            )
        contacts = read_contacts(self._tx, (listed.customer_id for listed, _ in found))
        found.sort(key=lambda each: (*_alphabetic(contacts[each[0].customer_id].name), each[0].customer))
        return [(replace(listed, sort_key=rank), members) for rank, (listed, members) in enumerate(found, start=1)]

    def count(self) -> int:
        """How many there are in all."""
        return sum(1 for _ in self._from(None, MAX_PAGE))

    def _from(self, position: tuple[int, int] | None, at_once: int) -> Iterator[_Found]:
        while True:
            some = self._page(position, at_once)
            contacts = {} if self._text is None else read_contacts(self._tx, {each.customer_id for each in some})
            for found in self._with_members(some):
                listed, _ = found
                if self._text is None or _mentions(contacts[listed.customer_id], self._text):
                    yield found
            if len(some) < at_once:
                return
            position = some[-1].place

    def _page(self, position: tuple[int, int] | None, limit: int) -> list[ListedCustomer]:
        question, connection = self._question, self._tx.connection
        stored = page(
            self._models,
            connection,
            question.filters,
            question.at,
            not_before_last_event=question.not_before_last_event
            and newest_event_at(self._models, connection) > question.at,
            order=question.order,
            limit=limit,
            after=position,
        )
        rest = (each for each in self._folded if position is None or each.place > position)
        return sorted([*rest, *stored], key=attrgetter("place"))[:limit] if self._folded else stored

    def _with_members(self, page: list[ListedCustomer]) -> Iterator[_Found]:
        # Who is shown is who was folded: what was merged since has cards of its own yet.
        known = self._tx.families((each.customer_id for each in page), self._models.checkpoint(self._tx.connection))
        beside = {family[0]: family for family in self._families}
        for each in page:
            members = beside.get(each.customer_id) or known.members(each.customer_id)
            if each.folded is None:
                each = _with_facts(self._session, self._tx, self._viewpoint, each, members)
            yield each, members


def _mentions(contact: Contact, text: str) -> bool:
    """Whether a name or an address has a text in it, whatever the case of letters."""
    return any(text in each.casefold() for each in (contact.name, contact.email) if each)


def _alphabetic(name: str | None) -> tuple[bool, str, str]:
    return name is None, (name or "").casefold(), name or ""


def _after(found: list[_Found], position: tuple[int, int] | None) -> list[_Found]:
    """What follows somebody's place in an order that is known as a whole. A name is no place, as it is personal: who
    isn't there any more had so many before them, themselves included.
    """
    if position is None:
        return found
    rank, customer = position
    passed = next((listed.sort_key for listed, _ in found if listed.customer == customer), rank - 1)
    return found[max(passed, 0) :]


def _with_facts(
    session: Session, tx: Transaction, viewpoint: Viewpoint, listed: ListedCustomer, members: tuple[str, ...]
) -> ListedCustomer:
    """A stored verdict with facts from the log: those beside it are in a form that we don't know, or damaged."""
    history = read_facts(session.store, tx.connection, members, viewpoint.rules, viewpoint.until)
    folded, _ = fold_until(history.happened, viewpoint.rules, listed.as_of, session.store.registry.projectors)
    return replace(listed, folded=folded)


def _filters(session: Session, query: CustomerQuery, ruleset: Ruleset, at: int) -> Filters:
    if query.order not in get_args(Order):
        raise ValueError(f'order is one of {", ".join(get_args(Order))}, not "{query.order}"')
    wanted: dict[Lane, str | None] = {"stage": query.stage, "tier": query.tier, "risk": query.risk_band}
    for lane, value in (*wanted.items(), *(query.becoming or {}).items()):
        _require_value(ruleset, lane, value)
    due = None
    if query.becoming is not None and query.within is not None:
        if len(query.becoming) != 1:
            raise ValueError(f"becoming takes one lane, not {len(query.becoming)}")
        if query.within < timedelta(0):
            raise ValueError(f"within is a time from now on, not {query.within}")
        lane, value = next(iter(query.becoming.items()))
        until = min(at + query.within // MICROSECOND, FOREVER)
        due = Becoming(projection=LANES[lane], value=value, until=until)
    values = [(LANES[lane], value) for lane, value in wanted.items() if value is not None]
    lanes = lanes_in(session.store.registry)
    require_other_lane(lanes, query.having)
    having = {lanes[name]: value for name, value in query.having.items()}
    values += having.items()
    order = _ORDERS[query.order]
    if query.kind is not None and query.kind not in get_args(Kind):
        raise ValueError(f'a customer is {" or ".join(get_args(Kind))}, not "{query.kind}"')
    named = {"kind": query.kind, "owner": query.owner, "source": query.source}
    facts = tuple((ATTRIBUTION.name, column, text) for column, text in named.items() if text is not None)
    shown = dict.fromkeys([*LANES.values(), *having, *(name for name, _, _ in facts)])
    if order is not None and order.projection is not None:
        shown[order.projection] = None
    tagged = () if query.tag is None else ((TAGS.name, query.tag),)
    carried = (*tagged, *carried_by(ruleset, query.segment))
    return Filters(shown=tuple(shown), values=tuple(values), facts=facts, carried=carried, becoming=due)


def carried_by(ruleset: Ruleset, segment: str | None) -> tuple[tuple[str, str], ...]:
    """What members of a segment carry, as `Filters.carried` has it; nothing without one.

    Raises NotFound where the rules have no segment of that id.
    """
    return () if segment is None else ((SEGMENTS.name, require_segment(ruleset, segment).id),)


def require_segment(ruleset: Ruleset, name: str) -> SegmentRule:
    """The segment of that id. Raises NotFound where the rules have none."""
    found = {each.id: each for each in ruleset.segment}
    if name not in found:
        there = ", ".join(found) or "none"
        raise NotFound(f'no segment is called "{name}"; the rules have {there}{suggestion(name, found)}')
    return found[name]


def _ranking(query: CustomerQuery, ruleset: Ruleset) -> Ranking | None:
    """The order that is asked for; where it is by risk, with the scores that the band which is asked for has."""
    order = _ORDERS[query.order]
    if order is None or not order.by_score or query.risk_band is None:
        return order
    lowest = ruleset.churn_risk.bands[query.risk_band]
    above = (start for start in ruleset.churn_risk.bands.values() if start > lowest)
    return replace(order, scores=(lowest, min(above, default=101) - 1))


def require_other_lane(lanes: Iterable[str], names: Iterable[str]) -> None:
    """Raises ValueError for a name that is none of the lanes beside stage, tier and risk."""
    others = sorted(set(lanes) - LANES.keys())
    for name in names:
        if name not in others:
            there = f"beside {', '.join(LANES)} there are {', '.join(others)}"
            raise ValueError(f'"{name}" is not another verdict; {there}')


def lane_values(ruleset: Ruleset, lane: str) -> tuple[str, ...]:
    """The possible verdicts of a lane under some rules, in their order; empty for an extension's, which are unknown."""
    match lane:
        case "stage":
            return tuple(dict.fromkeys(rung.stage for rung in ruleset.lifecycle.stage))
        case "tier":
            levels = tuple(level.name for level in ruleset.tier.levels)
            return (NO_TIER, *levels) if ruleset.tier.members_only else levels
        case "risk":
            return tuple(sorted(ruleset.churn_risk.bands, key=ruleset.churn_risk.bands.__getitem__))
        case "value":
            return () if ruleset.value is None else tuple(band.id for band in ruleset.value.bands)
        case _:
            return ()


def _require_value(ruleset: Ruleset, lane: Lane, value: str | None) -> None:
    if lane not in LANES:
        raise ValueError(f'"{lane}" is not a verdict; there are {", ".join(LANES)}')
    known = lane_values(ruleset, lane)
    if value is not None and value not in known:
        raise ValueError(f'no {lane} is called "{value}"; the rules have {", ".join(known)}')


_CURSOR = re.compile("(-?[0-9]{1,19}):([0-9]{1,19})", re.ASCII)


def parse_cursor(after: str | None) -> tuple[int, int] | None:
    """The place in an order that the `after` of a page stands for. Raises ValueError for anything else."""
    if after is None:
        return None
    found = _CURSOR.fullmatch(after)
    if found is None or max(abs(int(found[1])), int(found[2])) > FOREVER:
        raise ValueError(f'"{after}" is not the `after` of a page')
    return int(found[1]), int(found[2])


class _Views:
    """Customers as people read them, from one viewpoint, from which they can be asked further."""

    def __init__(self, session: Session, tx: Transaction, viewpoint: Viewpoint) -> None:
        self._session = session
        self._viewpoint = viewpoint
        self._currency = tx.currency or "EUR"

    def of(
        self, listed: ListedCustomer, members: tuple[str, ...], contacts: Mapping[str, Contact], parked: str | None
    ) -> Customer:
        """One of them."""
        assert listed.folded is not None
        stage, tier, risk = (listed.held[name] for name in LANES.values())
        shown, contact = card(listed.folded.facts, listed.as_of), contacts[listed.customer_id]
        # What is asked of everything, and by the rules in force, is asked of what is there when it is asked.
        # Read models that were built for a question may be dropped since, and the log may know more than they do.
        viewpoint = None if self._viewpoint.is_live else replace(self._viewpoint, models=None)
        return Customer(
            id=CustomerId(listed.customer_id),
            as_of=to_datetime(listed.as_of),
            ref=contact.ref,
            name=contact.name,
            email=contact.email,
            phone=contact.phone,
            birthday=contact.birthday,
            stage=stage.verdict.value,
            stage_since=to_datetime(stage.valid_from),
            tier=tier.verdict.value,
            risk=risk.verdict.score or 0,
            risk_band=risk.verdict.value,
            orders=shown.orders,
            net_spend=from_minor_units(shown.net_spend, self._currency),
            first_order_at=_moment(shown.first_order_at),
            last_order_at=_moment(shown.last_order_at),
            last_heard_at=_moment(shown.last_heard_at),
            owner=shown.owner,
            source=shown.source,
            kind=shown.kind,
            tags=shown.tags,
            merged=tuple(contacts[each].ref or f"id:{each}" for each in members[1:]),
            parked=parked,
            becomes_at=_moment(listed.becomes_at),
            asks=AsksCustomer(
                explain=partial(_explain, self._session, viewpoint, listed.customer_id, listed.as_of),
                timeline=partial(_timeline, self._session, viewpoint, listed.customer_id),
            ),
        )


@traced("explain")
def _explain(session: Session, viewpoint: Viewpoint | None, customer_id: str, at: int) -> Explanation:
    with session.store.reading() as tx:
        viewpoint = viewpoint or session.viewpoint(tx)
        members = session.members(tx, CustomerId(customer_id), viewpoint.until)
        return explain_customer(session.store, tx, viewpoint, members, at)


@traced("timeline")
def _timeline(session: Session, viewpoint: Viewpoint | None, customer_id: str) -> Timeline:
    with session.store.reading() as tx:
        viewpoint = viewpoint or session.viewpoint(tx)
        members = session.members(tx, CustomerId(customer_id), viewpoint.until)
        history = history_of(session.store, tx, viewpoint, members)
    return timeline_of(session.store.registry, members[0], history.folded, history.timelines)


def _moment(instant: int | None) -> datetime | None:
    return None if instant is None else to_datetime(instant)
