"""Previewing a ruleset: the customers whose verdicts would change, from which value to which, why, and their spend.

Everyone is folded under the new rules and compared with the verdicts by the rules in force, as of one instant and in
one snapshot; so a publication then changes just that. Nothing is written.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import InitVar, dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal, get_args

from msgspec import Struct

from regulars.adapters.progress import Progress
from regulars.adapters.read_models.histories import History, read_facts
from regulars.adapters.read_models.keyed_pages import held_keys, keys_at, values_at, values_of_keys
from regulars.adapters.read_models.measuring import outstanding
from regulars.adapters.read_models.pages import newest_event_at
from regulars.adapters.read_models.replay import EVERYONE, Replayed, first_customers, in_chunks, replay
from regulars.adapters.read_models.rows import ReadModels
from regulars.adapters.schema.builds import SCORE
from regulars.adapters.store.transaction import Transaction
from regulars.asking.asking_again import AsksItsStore
from regulars.asking.one_customer import read_contacts
from regulars.asking.views import LANES, TICKETS, Lane, lanes_in
from regulars.crm_domain.command import CustomerId
from regulars.crm_domain.customer import CustomerRegistered
from regulars.crm_domain.errors import StoreUnusable
from regulars.crm_domain.event import Event
from regulars.crm_domain.instant import DAY, to_datetime, to_instant
from regulars.crm_domain.membership import MembershipEvent
from regulars.crm_domain.money import from_minor_units
from regulars.crm_domain.purchase import PurchaseRecorded, ReturnedTotalRecorded, ReturnRecorded
from regulars.projections.due_again.projector import DUE_AGAIN
from regulars.projections.engine import fold
from regulars.projections.engine.fold import FoldPlan, concerned, fold_until, verdicts_of_facts
from regulars.projections.engine.projector import Projector
from regulars.projections.facts.shared import SHARED, Facts, spend_within
from regulars.projections.pipeline.projector import PIPELINE
from regulars.projections.rules.compiled import Rules, compile_rules
from regulars.projections.rules.grammar import Ruleset
from regulars.projections.segments.explain import ENTER
from regulars.projections.segments.projector import SEGMENTS
from regulars.projections.ticket_queue.judge import TicketVerdict
from regulars.projections.verdict import WHOLE, Reason
from regulars.rules_door.forecast_change import ForecastChange, ForecastSums, forecast_changes
from regulars.rules_door.programme import ProgrammeChange, earnings_under, is_another_programme, programme_change
from regulars.session.instants import instant_of
from regulars.session.session import Session
from regulars.session.traced import traced

WORTH_OVER = 365 * DAY
#: Everyone has a stage from their first event on.
COUNTED: Lane = "stage"


#: The lane of a move into a segment, or out of it, is this with the segment's id.
SEGMENT = "segment "


@dataclass(frozen=True, slots=True)
class Move:
    """One customer whose verdict would change. `worth` is their net spend of the last 365 days.

    `lane` is "stage", "tier", "risk", "value", or the name of an extension's projection; or "segment ID", and then
    `old` and `new` are "in" and "out".
    """

    customer_id: CustomerId
    lane: str
    old: str
    new: str
    as_of: datetime
    worth: Decimal


#: What a ticket shows: its status, and how its two clocks stand.
Shown = Literal["status", "first_response", "resolution"]
SHOWN: tuple[Shown, ...] = get_args(Shown)


@dataclass(frozen=True, slots=True)
class TicketMove:
    """One ticket whose status or clocks would change."""

    ticket_id: str
    customer_id: CustomerId
    shown: Shown
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class DueMove:
    """One item of a customer that would be "not_yet", "due" or "lapsed" where it was another one of them; "none" is one
    that the rules on that side have no gap for.
    """

    customer_id: CustomerId
    item: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class ExplainedMove:
    """A move with the customer's reference and name, and for each side the clause that made the difference."""

    move: Move
    ref: str | None
    name: str | None
    old_clause: str
    old_reason: str
    new_clause: str
    new_reason: str


class Compared(Struct, frozen=True):
    """What explains the moves of a difference: the snapshot in which they were found, and the rules on both sides."""

    session: Session
    old: Ruleset
    new: Ruleset


@dataclass(frozen=True, slots=True)
class RulesDifference(AsksItsStore[Compared]):
    """The verdicts that would change, those of the customers who spent most first. `moved[lane][old, new]` counts them;
    `worth` adds up the spend by lane.

    `tickets` are those that would change, by their ids, and `due` the items of customers; `forecast` are the pipelines
    that would be expected to bring another sum, or have other opportunities stale. Points are earned for good by the
    rules in force at the time, so no rules change them; `programme` is what other rules of points cost, None where they
    are the same, and of a sample.
    """

    old_digest: str
    new_digest: str
    as_of: datetime
    customers: int
    moves: tuple[Move, ...]
    tickets: tuple[TicketMove, ...]
    due: tuple[DueMove, ...]
    forecast: tuple[ForecastChange, ...]
    programme: ProgrammeChange | None
    currency: str | None
    compared: InitVar[Compared]

    def __post_init__(self, compared: Compared) -> None:
        self._ask_by(compared)

    def __iter__(self) -> Iterator[Move]:
        return iter(self.moves)

    def __len__(self) -> int:
        return len(self.moves)

    def __bool__(self) -> bool:
        return bool(self.moves or self.tickets or self.due or self.forecast or self.programme)

    @property
    def _lanes(self) -> tuple[str, ...]:
        """Ours, and those of extensions and of segments in which a verdict would change."""
        return tuple(dict.fromkeys((*LANES, *sorted(move.lane for move in self.moves))))

    @property
    def moved(self) -> Mapping[str, Mapping[tuple[str, str], int]]:
        """For each lane, how many customers would move from which value to which."""
        return {lane: _counted(move for move in self.moves if move.lane == lane) for lane in self._lanes}

    @property
    def moved_tickets(self) -> Mapping[Shown, Mapping[tuple[str, str], int]]:
        """For each field of a ticket, how many would move from which value to which."""
        return {shown: _counted(move for move in self.tickets if move.shown == shown) for shown in SHOWN}

    @property
    def moved_due(self) -> Mapping[tuple[str, str], int]:
        """How many items of customers would move from which value to which."""
        return _counted(self.due)

    @property
    def worth(self) -> Mapping[str, Decimal]:
        """For each lane, the spend of the last 365 days of the customers who would move."""
        return {lane: sum((move.worth for move in self.moves if move.lane == lane), Decimal(0)) for lane in self._lanes}

    def refs(self) -> dict[CustomerId, str | None]:
        """The references of everyone in it, None once they are forgotten. Raises StoreUnusable where it was pickled."""
        concerned = {each.customer_id for each in self.moves} | {each.customer_id for each in self.tickets}
        concerned |= {each.customer_id for each in self.due}
        with self._asked().session.store.reading() as tx:
            contacts = read_contacts(tx, concerned)
        return {each: contacts[each].ref for each in concerned}

    def explain(self, moves: Iterable[Move]) -> tuple[ExplainedMove, ...]:
        """Some of the moves, with the clauses that made the difference. Raises StoreUnusable where it was pickled."""
        wanted = tuple(moves)
        compared = self._asked()
        session = compared.session
        with session.store.reading() as tx:
            currency = session.store.currency(tx.connection)
            sections = session.store.registry.sections
            old, new = (compile_rules(each, currency, sections) for each in (compared.old, compared.new))
            contacts = read_contacts(tx, {move.customer_id for move in wanted})
            explained = []
            for move in wanted:
                both = (_explanation(session, tx, old, move), _explanation(session, tx, new, move))
                before, after = _deciding_segment(*both) if move.lane.startswith(SEGMENT) else _deciding(*both)
                contact = contacts[move.customer_id]
                explained.append(
                    ExplainedMove(
                        move=move,
                        ref=contact.ref,
                        name=contact.name,
                        old_clause=before.clause,
                        old_reason=before.sentence,
                        new_clause=after.clause,
                        new_reason=after.sentence,
                    )
                )
        return tuple(explained)


def _counted(moves: Iterable[Move | TicketMove | DueMove]) -> dict[tuple[str, str], int]:
    return dict(Counter((move.old, move.new) for move in moves))


def _explanation(session: Session, tx: Transaction, rules: Rules, move: Move) -> fold.Explanation:
    at, registry = to_instant(move.as_of), session.store.registry
    members = session.members(tx, move.customer_id)
    history = read_facts(session.store, tx.connection, members, rules)
    _, explanations = fold.explain(history.happened, rules, at, registry.projectors)
    if not move.lane.startswith(SEGMENT):
        return next(each for each in explanations if each.projection == lanes_in(registry)[move.lane])
    name = move.lane.removeprefix(SEGMENT)
    theirs = (each for each in explanations if (each.projection, each.key) == (SEGMENTS.name, name))
    return next(theirs, _NO_SEGMENT)


_NO_SEGMENT = fold.Explanation(
    projection=SEGMENTS.name,
    verdict=None,
    since=0,
    reasons=(Reason(clause="none", sentence="there is no such segment"),),
    next_change=None,
)


def _deciding_segment(old: fold.Explanation, new: fold.Explanation) -> tuple[Reason, Reason]:
    """The first condition that keeps somebody out on one side, and what stands there on the other."""
    outside = old if old.verdict is None else new
    failing = (place for place, each in enumerate(outside.reasons) if each.clause == ENTER and not each.holds)
    place = next(failing, len(outside.reasons) - 1)
    before, after = (each.reasons[min(place, len(each.reasons) - 1)] for each in (old, new))
    return before, after


def _deciding(old: fold.Explanation, new: fold.Explanation) -> tuple[Reason, Reason]:
    """The reasons that make the difference between two explanations."""
    before, after = (getattr(each.verdict, SCORE, None) for each in (old, new))
    if before != after:
        return _most_changed(old.reasons, new.reasons)
    if before is not None:
        return _band(old), _band(new)
    for before, after in zip(old.reasons, new.reasons, strict=False):
        if (before.clause, before.sentence) != (after.clause, after.sentence):
            return before, after  # what comes first decides
    return old.reasons[0], new.reasons[0]


def _most_changed(old: Sequence[Reason], new: Sequence[Reason]) -> tuple[Reason, Reason]:
    """The clause whose share of a score changed most; a side that doesn't have it gives no points for it."""
    before, after = ({each.clause: each for each in reasons} for reasons in (old, new))
    clauses = [*after, *(clause for clause in before if clause not in after)]
    pairs = [(before.get(clause, _nothing(clause)), after.get(clause, _nothing(clause))) for clause in clauses]
    return max(pairs, key=lambda pair: abs((pair[1].contribution or 0) - (pair[0].contribution or 0)))


def _nothing(clause: str) -> Reason:
    return Reason(clause=clause, sentence="doesn't count", contribution=0)


def _band(each: fold.Explanation) -> Reason:
    """The clause for a score that stays the same, under other bands."""
    return Reason(clause="bands", sentence=f"{each.verdict.score} of 100 points are {each.verdict.value}")


@traced("compare rules")
def compare_rules(
    session: Session,
    new: Ruleset,
    as_of: datetime | date | None,
    on_progress: Progress | None,
    sampled: int | None = None,
) -> RulesDifference:
    """Compare the stored verdicts with those by another ruleset: of everybody, or of so many who are `sampled`.

    Raises StoreUnusable where the read models were folded by other code or rules.
    """
    with session.store.reading() as tx:
        connection = tx.connection
        live, in_force, currency = session.live(tx), session.in_force(tx), session.store.currency(connection)
        if not live.is_current:
            raise StoreUnusable(
                "the read models were folded by other code or rules, and can't be compared with; rebuild them first"
            )
        models, rules = live.read_models(session.store), compile_rules(new, currency, session.store.registry.sections)
        at = None if as_of is None else instant_of(as_of, in_force.ruleset.zone)
        old = session.rules(tx)
        projectors = concerned(old, rules, session.store.registry.projectors)
        changed = {each.name for each in projectors}
        asked_at = session.now() if at is None else at
        # After all that happened, what follows from the facts alone is judged once, and not after each event.
        is_after_all = newest_event_at(models, connection) <= asked_at
        # Facts beside the shared ones are folded for those alone who judge by them.
        free = (each for each in projectors if not each.carries and not each.sources(rules))
        of_facts = [each for each in free if is_after_all and each.facts is SHARED]
        comparing = _Comparing(
            models,
            rules,
            asked_at,
            of_facts,
            is_now=at is None,
            lanes={lane: name for lane, name in lanes_in(session.store.registry).items() if name in changed},
            with_tickets=old.tickets != rules.tickets,
            segments=sorted({*old.segments.names, *rules.segments.names}) if SEGMENTS.name in changed else (),
            with_due=DUE_AGAIN.name in changed,
            with_pipeline=PIPELINE.name in changed,
        )
        earned = None
        if sampled is None and is_another_programme(in_force.ruleset, new):
            earned = earnings_under(in_force.ruleset, new, asked_at - WORTH_OVER, asked_at, currency)
        total = session.store.count_events(connection)
        # A verdict that doesn't depend on the changed rules stays the same, so it isn't judged again.
        # What bears neither on the others nor on what anybody is worth isn't read.
        takes = FoldPlan(rules, projectors).minded | _ALWAYS_READ | (_OF_MEMBERS if earned else frozenset())
        plan = FoldPlan(rules, [each for each in projectors if each not in of_facts], takes=takes)
        wanted = EVERYONE if sampled is None else first_customers(session.store, connection, sampled)
        for chunk in in_chunks(replay(session.store, connection, plan, models.checkpoint(connection), wanted)):
            comparing.take(tx, chunk)
            if earned is not None:
                for each in chunk:
                    earned.add(comparing.facts(each.history, asked_at), each.history.happened)
            if on_progress:
                on_progress(chunk[-1].events_read, total)
        programme = None
        if earned is not None:
            held = outstanding(models, connection, (), asked_at)
            now = (each for each in held if each.since <= asked_at < each.until)
            programme = programme_change(in_force.ruleset, new, earned, now)
    moves = (
        Move(CustomerId(each), lane, old, came, to_datetime(instant), from_minor_units(worth, currency or "EUR"))
        for each, lane, old, came, instant, worth in comparing.moves
    )
    return RulesDifference(
        old_digest=in_force.digest,
        new_digest=new.digest(),
        as_of=to_datetime(comparing.at),
        customers=comparing.customers,
        moves=tuple(sorted(moves, key=lambda move: (-move.worth, move.customer_id, move.lane))),
        tickets=tuple(sorted(comparing.tickets, key=lambda move: (move.ticket_id, move.shown))),
        due=tuple(sorted(comparing.due, key=lambda move: (move.item, move.customer_id))),
        forecast=forecast_changes(comparing.forecasts, currency or "EUR"),
        programme=programme,
        currency=currency,
        compared=Compared(session, in_force.ruleset, new),
    )


#: With what everybody begins who is compared, and what changes how much they are worth.
_ALWAYS_READ: frozenset[type[Event]] = frozenset(
    {CustomerRegistered, PurchaseRecorded, ReturnRecorded, ReturnedTotalRecorded}
)


#: What says who was a member when.
_OF_MEMBERS: frozenset[type[Event]] = frozenset(get_args(MembershipEvent))


class _Comparing:
    """Compares customers, some at a time, and collects those whose verdicts would change.

    What the projectors `of_facts` say is judged by the facts of a customer, what others say was folded.
    """

    def __init__(
        self,
        models: ReadModels,
        rules: Rules,
        at: int,
        of_facts: Iterable[Projector],
        *,
        is_now: bool,
        lanes: Mapping[str, str],
        with_tickets: bool,
        segments: Sequence[str],
        with_due: bool,
        with_pipeline: bool,
    ) -> None:
        self._models = models
        self._rules = rules
        self._is_now = is_now
        self._lanes = lanes
        self._with_tickets = with_tickets
        self._segments = segments
        self._with_due = with_due
        self._with_pipeline = with_pipeline
        self._of_facts = {each.name: each for each in of_facts}
        self.at = at
        self.customers = 0
        self.moves: list[tuple[str, str, str, str, int, int]] = []
        self.tickets: list[TicketMove] = []
        self.due: list[DueMove] = []
        self.forecasts: dict[str, ForecastSums] = {}

    def take(self, tx: Transaction, chunk: Sequence[Replayed]) -> None:
        """Compare some more."""
        self._take_verdicts(tx, chunk)
        if self._with_tickets:
            self._take_tickets(tx, chunk)
        if self._with_due:
            self._take_due(tx, chunk)
        if self._with_pipeline:
            self._take_pipeline(tx, chunk)

    def _take_due(self, tx: Transaction, chunk: Sequence[Replayed]) -> None:
        customers = [each.history.customer for each in chunk]
        stored: dict[int, dict[str, str]] = {}
        for (of, item), value in values_of_keys(
            self._models, tx.connection, DUE_AGAIN.name, customers, self.at
        ).items():
            stored.setdefault(of, {})[item] = value
        for each in chunk:
            customer, customer_id = each.history.customer, CustomerId(each.history.members[0])
            if DUE_AGAIN.name in each.history.poisons:
                continue
            held = self._verdicts(each.history, DUE_AGAIN.name, self.at).items()
            before = stored.get(customer, {})
            after = {key: verdict.value for key, verdict in held}
            for item in before.keys() | after.keys():
                old, new = before.get(item, "none"), after.get(item, "none")
                if old != new:
                    self.due.append(DueMove(customer_id, item, old, new))

    def _take_pipeline(self, tx: Transaction, chunk: Sequence[Replayed]) -> None:
        whole = [each.history for each in chunk if PIPELINE.name not in each.history.poisons]
        stored = keys_at(self._models, tx.connection, PIPELINE.name, [each.customer for each in whole], self.at)
        for history in whole:
            for key, new in self._verdicts(history, PIPELINE.name, self.at).items():
                old = stored.get(key)
                if old is not None:
                    self.forecasts.setdefault(old.pipeline, ForecastSums()).add(old, new)

    def _take_tickets(self, tx: Transaction, chunk: Sequence[Replayed]) -> None:
        customers = [each.history.customer for each in chunk]
        stored = keys_at(self._models, tx.connection, TICKETS, customers, self.at)
        for each in chunk:
            customer_id = CustomerId(each.history.members[0])
            for ticket_id, new in self._verdicts(each.history, TICKETS, self.at).items():
                old = stored.get(ticket_id)
                if old is not None:
                    self._compare_ticket(ticket_id, customer_id, old, new)

    def _compare_ticket(self, ticket_id: str, customer_id: CustomerId, old: TicketVerdict, new: TicketVerdict) -> None:
        for shown in SHOWN:
            before, after = str(getattr(old, shown)), str(getattr(new, shown))
            if before != after:
                self.tickets.append(TicketMove(ticket_id, customer_id, shown, before, after))

    def _take_verdicts(self, tx: Transaction, chunk: Sequence[Replayed]) -> None:
        instants = {
            each.history.customer: max(self.at, each.history.folded.last_at or 0) if self._is_now else self.at
            for each in chunk
        }
        stored: dict[str, dict[int, str]] = {
            lane: values_at(self._models, tx.connection, name, instants)
            for lane, name in {COUNTED: LANES[COUNTED], **self._lanes}.items()
        }
        self.customers += len(stored[COUNTED])
        if self._segments:
            self._take_segments(tx, chunk, instants)
        for each in chunk:
            customer, customer_id = each.history.customer, each.history.members[0]
            at = instants[customer]
            for lane, name in self._lanes.items():
                old, new = stored[lane].get(customer), self._verdicts(each.history, name, at).get(WHOLE)
                if old is not None and new is not None and new.value != old:
                    worth = spend_within(self.facts(each.history, at), WORTH_OVER, at)
                    self.moves.append((customer_id, lane, old, new.value, at, worth))

    def _take_segments(self, tx: Transaction, chunk: Sequence[Replayed], instants: Mapping[int, int]) -> None:
        stored = held_keys(self._models, tx.connection, SEGMENTS.name, instants)
        for each in chunk:
            customer, customer_id = each.history.customer, each.history.members[0]
            if SEGMENTS.name in each.history.poisons:
                continue
            at, before = instants[customer], stored.get(customer, frozenset())
            held = self._verdicts(each.history, SEGMENTS.name, at).items()
            after = {name for name, verdict in held if verdict is not None}
            for name in self._segments:
                if (name in before) != (name in after):
                    old, new = ("in", "out") if name in before else ("out", "in")
                    worth = spend_within(self.facts(each.history, at), WORTH_OVER, at)
                    self.moves.append((customer_id, f"{SEGMENT}{name}", old, new, at, worth))

    def _verdicts(self, history: History, name: str, at: int) -> dict[str, Any]:
        """By key, what a projector says at an instant; nothing of a customer whom it parks."""
        projector = self._of_facts.get(name)
        if projector is None:
            intervals = (each for each in history.timelines[name] if each.valid_from <= at < each.valid_to)
            return {each.key: each.verdict for each in intervals}
        events = (each.event for each in history.happened)
        try:
            return verdicts_of_facts(projector, events, history.folded.facts_of(projector.facts), self._rules, at)
        except Exception:  # whatever it fails with, it parks this customer alone
            return {}

    def facts(self, history: History, at: int) -> Facts:
        """The facts as of an instant."""
        if (history.folded.last_at or 0) <= at:
            return history.folded.facts
        return fold_until(history.happened, self._rules, at, ())[0].facts
