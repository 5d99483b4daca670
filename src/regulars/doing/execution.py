"""Carrying out commands: load the stream, fold it, decide, and keep the new events until the transaction writes them.

Several commands share one transaction: each sees what those before it decided.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Any

from msgspec.structs import replace

from regulars.adapters.importing.mapping import Details
from regulars.adapters.log.event_log import Draft
from regulars.adapters.store.store import Store
from regulars.adapters.store.transaction import Transaction
from regulars.crm_domain.assessment import RecordAssessment
from regulars.crm_domain.catalogue import Address, Catalogue, address
from regulars.crm_domain.command import Command, Context, CustomerId, Decider, occurred_at, strictly_after
from regulars.crm_domain.customer import (
    CONTACT_FIELDS,
    CUSTOMER,
    PERSON,
    AccountStatus,
    ChangeContactDetails,
    ChangeKind,
    Customer,
    MergeCustomers,
    RegisterCustomer,
)
from regulars.crm_domain.errors import Rejected
from regulars.crm_domain.event import Event
from regulars.crm_domain.issued_coupon import IssueCoupon
from regulars.crm_domain.membership import MEMBERSHIP, PointsRedeemed, RedeemPoints, RedemptionCancelled
from regulars.crm_domain.purchase import PURCHASE, RecordPurchase
from regulars.crm_domain.rulebook import NOBODY
from regulars.doing.bonuses import move_bonuses
from regulars.doing.corrections import (
    corrected_at,
    is_so_already,
    record_anew,
    stream_of_last_record,
    was_theirs,
    with_news_alone,
)
from regulars.doing.coupons import (
    Priced,
    follow_order,
    new_code,
    priced,
    require_series,
    streams_of_coupons,
    with_coupon,
    with_series,
)
from regulars.doing.firms import require_firm
from regulars.doing.following import commands_after
from regulars.doing.identities import family_of, find, id_of, known, link, resolve, with_ids
from regulars.doing.late_membership import follow_late_move
from regulars.doing.memberships import member_meant, membership_stream, of_all, shared
from regulars.doing.named import require_named, streams_named
from regulars.doing.notices import notices_of
from regulars.doing.offers import require_campaign
from regulars.doing.outcomes import CarriedOut, FirstOutcomes, Outcome, conclude
from regulars.doing.policies import follow_links, move_points, require_allowed
from regulars.doing.stream import Stream, is_told, state_at
from regulars.doing.texts import seek_texts, text_at
from regulars.doing.unit_of_work import Pending, Target, UnitOfWork
from regulars.session.acting import Issuer


class Execution:
    """The commands of one transaction. Nothing is written before `finish`.

    `sought` has the references that were looked up already, with their customers' ids.
    """

    def __init__(
        self, store: Store, tx: Transaction, issuer: Issuer, context: Context, sought: Mapping[str, str | None]
    ) -> None:
        ids = {reference: customer_id for reference, customer_id in sought.items() if customer_id is not None}
        self._work = UnitOfWork(store, tx, issuer, Pending(context=context, ids=ids, sought=set(sought)))
        self._first_outcomes = FirstOutcomes(store, tx)
        self.last_position = 0
        self.customer_ids: set[str] = set()

    def prepare(self, commands: Iterable[Command]) -> None:
        """Load what commands will need in a few queries; each loads what is missing by itself."""
        work = self._work
        commands = list(commands)
        self._first_outcomes.seek(commands)
        seek_texts(work, (each.about for each in commands if isinstance(each, RecordAssessment)))
        addressed = [(command, address(command, work.catalogue)) for command in commands]
        find(work, (where.customer for _, where in addressed if where.customer is not None))
        meant = [where.customer and id_of(work, where.customer) for _, where in addressed]
        link(work, {customer_id for customer_id in meant if customer_id is not None})
        wanted = {work.stream_of(where.decider, where.key) for _, where in addressed if where.key is not None}
        for (command, where), customer_id in zip(addressed, meant, strict=True):
            if customer_id is not None:
                wanted |= self._bearing_on(command, where, customer_id)
        wanted |= self._told_again(commands) | streams_named(work, commands)
        wanted |= streams_of_coupons(work, commands)
        work.load(wanted)

    def _told_again(self, commands: Iterable[Command]) -> set[str]:
        """The streams of known customers whose contact details are told again."""
        told = [each for each in commands if isinstance(each, RegisterCustomer) and each.ref is not None]
        with_details = [each for each in told if not each.model_fields_set.isdisjoint(CONTACT_FIELDS)]
        find(self._work, (str(each.ref) for each in with_details))
        ids = (known(self._work, str(each.ref)) for each in with_details)
        return {customer_id for customer_id in ids if customer_id is not None}

    def _bearing_on(self, command: Command, where: Address, customer_id: str) -> set[str]:
        """The customer's own streams that a decision will probably load."""
        work = self._work
        has_reason = (command.reason or work.issuer.reason) is not None
        streams: set[str] = set()
        if where.decider is not PURCHASE or isinstance(where.customer, CustomerId) or has_reason:
            streams.add(customer_id)
        if where.decider in (PURCHASE, MEMBERSHIP) or isinstance(command, MergeCustomers):
            streams |= {membership_stream(work, each) for each in family_of(work, customer_id)}
        elif where.own:
            streams |= {work.stream_of(where.decider, each) for each in family_of(work, customer_id)}
        return streams

    def carry_out(self, command: Command, *, only_changes: bool = False) -> None:
        """Decide one command. With `only_changes` it is decided as if it had been told at its own time, and left out,
        also from the command log, where what it says held already then. Raises Rejected or NotFound; then nothing of
        it is kept.
        """
        self._require_new_id(command)
        replayed = self._first_outcomes.of(command)
        if replayed is not None:
            self._note(CarriedOut(command=command, customer_id=replayed.customer_id, replayed=replayed))
            return
        first = self.decided
        customer_id = self._decide(command, only_changes=only_changes)
        if customer_id is not None:
            self._note(CarriedOut(command=command, customer_id=customer_id, first=first, last=self.decided))

    def _decide(self, command: Command, *, only_changes: bool = False, follows: int | None = None) -> str | None:
        """Decide a command, and what follows from its events: whose stream it went to, None where it is left out.

        What itself `follows` was caused by the draft with that index.
        """
        work = self._work
        meant = with_series(work, with_ids(work, command))
        where = address(meant, work.catalogue)
        target, stream = self._target(command, where)
        context = self._context_for(meant, stream)
        now = context.now
        at = occurred_at(command, now)
        meant = with_news_alone(meant, stream)
        events: tuple[Event, ...] = ()
        if not is_so_already(work, meant, stream):
            state = self._state_for(meant, where, target, stream, at)
            if only_changes:
                meant, context = meant.model_copy(update={"occurred_at": None}), replace(context, now=at)
            events = where.decider.decide(meant, state, context)
            if only_changes and not events:
                return None
        if target is None:
            raise AssertionError("a decision on a stream that nobody owns must be a refusal")
        customer_id, first = target.customer_id, self.decided
        for event in events:
            if is_told(stream, where.decider, event, at):
                continue
            before, cause = work.state(target), len(work.pending.drafts)
            then = corrected_at(event, command, stream, at, now)
            require_allowed(work, event, customer_id)
            require_firm(work, event, then)
            require_named(work, event, target)
            require_campaign(work, event, target)
            require_series(work, event, then)
            for of, part in self._shared(event, target):
                work.keep(part, command, of, then, caused_by=follows)
            move_points(work, event, before, command, target, then)
            move_bonuses(work, event, before, command, target, then, cause)
            record_anew(work, event, stream.state, meant, target, then, cause)
            follow_late_move(work, event, before, command, target, then, cause)
            follow_links(work, event, command, customer_id, then)
            for following in commands_after(work, event, command, target):
                self._decide(following, follows=cause)
        if where.decider is PURCHASE and where.key is not None:
            follow_order(work, command, where.key, stream.state, first)
        if isinstance(command, RegisterCustomer) and command.ref is not None:
            work.pending.put(work.pending.ids, command.ref, customer_id)
        return customer_id

    def _shared(self, event: Event, target: Target) -> list[tuple[Target, Event]]:
        """What follows from a decision in each stream it concerns, the target's first."""
        if not isinstance(event, PointsRedeemed | RedemptionCancelled):
            return [(target, event)]
        return shared(self._work, family_of(self._work, target.customer_id), target, event)

    def _state_for(self, command: Command, where: Address, target: Target | None, stream: Stream, at: int) -> Any:
        """The state to decide a command on."""
        state = state_at(stream, where.decider, command, at)
        if isinstance(command, RedeemPoints) and target is not None:
            return of_all(self._work, family_of(self._work, target.customer_id), target, state, at)
        return state

    def _target(self, command: Command, where: Address) -> tuple[Target | None, Stream]:
        """The stream to append a command's events to, None for one without an owner, and the stream to decide on.

        Raises Rejected where the stream belongs to another customer than the command names.
        """
        work = self._work
        customer_id = self._customer(command, where)
        if where.own and customer_id is not None:
            customer_id = self._own_of_one(customer_id, where.decider, command)
        stream_id = self._stream_id(where, customer_id)
        stream = work.stream(stream_id, where.decider)
        if stream.customer_id is not None and customer_id is not None:
            family = family_of(work, customer_id)
            if stream.customer_id not in family and not was_theirs(work, where, family):
                raise Rejected(f"{where.decider.category}_of_another", f'"{where.key}" belongs to another customer')
            customer_id = stream.customer_id
        owner = customer_id or stream.customer_id
        if owner is None and where.of_nobody:
            owner = NOBODY
        if owner is None:
            return None, stream
        return Target(stream_id=stream_id, decider=where.decider, customer_id=owner), stream

    def _context_for(self, command: Command, stream: Stream) -> Context:
        """The context of a decision: a command without occurred_at is placed after the stream's last event."""
        context = self._work.pending.context
        if isinstance(command, RecordAssessment):
            context = replace(context, said_at=text_at(self._work, command.about).occurred_at)
        if isinstance(command, IssueCoupon):
            context = replace(context, drawn_code=new_code())
        now = strictly_after(stream.last_at, context.now)
        return context if command.occurred_at is not None or now == context.now else replace(context, now=now)

    @property
    def decided(self) -> int:
        """How many events have been decided so far."""
        return len(self._work.pending.drafts)

    @property
    def drafts(self) -> tuple[Draft, ...]:
        """The events that have been decided so far."""
        return tuple(self._work.pending.drafts)

    @property
    def remarks(self) -> tuple[str, ...]:
        """What is to be said of them."""
        return tuple(self._work.pending.remarks.values())

    def knows(self, reference: str | None) -> bool:
        """Whether a customer has this reference, one of this transaction included."""
        return reference is not None and known(self._work, reference) is not None

    def priced(self, order: RecordPurchase) -> tuple[Priced, ...]:
        """The coupons that an order could redeem whose price before is its amount, or could if it came to more."""
        return priced(self._work, order)

    def with_coupon(self, order: RecordPurchase, coupon_id: str) -> RecordPurchase:
        """The order whose price before was its amount, with a coupon of its customer. Raises Rejected for none."""
        return with_coupon(self._work, order, coupon_id)

    def load(self, decider: Decider[Any], keys: Iterable[str]) -> None:
        """Load the streams of some keys in one query."""
        self._work.load({self._work.stream_of(decider, each) for each in keys})

    def is_begun(self, decider: Decider[Any], key: str) -> bool:
        """Whether anything is recorded under a key, by this transaction included."""
        return self._work.stream(self._work.stream_of(decider, key), decider).version > 0

    def told_again(self, told: RegisterCustomer, wanted: Details | None) -> Iterator[Command]:
        """What is to be taken of what is told again of a customer who is known, each part decided on when it is asked
        for: by default the newest where it is said when it held, else that of which nothing was known.
        """
        customer_id = None if told.ref is None else known(self._work, told.ref)
        wanted = wanted or ("fill" if told.occurred_at is None else "newest")
        if customer_id is None or wanted == "never":
            return
        for newer in (self._newer_details, self._newer_kind):
            changed = newer(customer_id, told, wanted)
            if changed is not None:
                yield changed

    def _newer_details(self, customer_id: str, told: RegisterCustomer, wanted: Details) -> Command | None:
        given = {name: value for name in CONTACT_FIELDS if (value := getattr(told, name)) is not None}
        if not given:
            return None
        work = self._work
        command = ChangeContactDetails(customer=CustomerId(customer_id), occurred_at=told.occurred_at, **given)
        stream = work.stream(customer_id, CUSTOMER)
        then = state_at(stream, CUSTOMER, command, occurred_at(command, work.pending.context.now))
        if wanted == "fill":
            empty = {name for name in given if getattr(then, name) is None is getattr(stream.state, name)}
            changed = {name: value for name, value in given.items() if name in empty}
        else:
            changed = {name: value for name, value in given.items() if getattr(then, name) != value}
        if not changed or stream.state.status is AccountStatus.ERASED:
            return None
        return ChangeContactDetails(customer=CustomerId(customer_id), occurred_at=told.occurred_at, **changed)

    def _newer_kind(self, customer_id: str, told: RegisterCustomer, wanted: Details) -> Command | None:
        """What a customer is told to be, where that is another thing; without a time only a firm of whom nobody said
        yet what it is.
        """
        if "kind" not in told.model_fields_set:
            return None
        work = self._work
        command = ChangeKind(customer=CustomerId(customer_id), occurred_at=told.occurred_at, kind=told.kind)
        stream = work.stream(customer_id, CUSTOMER)
        then = state_at(stream, CUSTOMER, command, occurred_at(command, work.pending.context.now))
        is_so = (then.kind or PERSON) == told.kind or (wanted == "fill" and stream.state.kind is not None)
        return None if is_so or stream.state.status is AccountStatus.ERASED else command

    def id_of(self, reference: str) -> str | None:
        """The id of the customer who has a reference, one of this transaction included."""
        return known(self._work, reference)

    def customer(self, customer_id: str) -> Customer:
        """What is known of one customer by now, this transaction included."""
        state: Customer = self._work.stream(customer_id, CUSTOMER).state
        return state

    def root_of(self, customer_id: str) -> str:
        """Who a customer is by now, merges of this transaction included."""
        return family_of(self._work, customer_id)[0]

    def all_or_nothing(self) -> AbstractContextManager[None]:
        """Discard what all commands inside have decided where one of them is refused."""
        return self._work.all_or_nothing()

    def require_unchanged(self, since: int) -> None:
        """Raise Rejected where something was recorded after a position of a customer whom the commands change."""
        work = self._work
        # What follows in what is nobody's, such as a series of coupons, isn't what somebody looked at and changes.
        drafts = (each for each in work.pending.drafts if each.customer_id != NOBODY or each.caused_by is None)
        changed = {member for each in drafts for member in family_of(work, each.customer_id)}
        last = work.tx.last_position_of(changed)
        if last > since:
            sentence = f"position {last} was recorded of this customer, and {since} was to be the last one"
            raise Rejected("changed_meanwhile", sentence)

    def finish(self) -> list[Outcome]:
        """Write everything, in this order: events with their keys and look-ups, the currency, the outcomes."""
        work = self._work
        recorded = work.write()
        self.last_position = recorded[-1].position if recorded else 0
        self.customer_ids = {each.customer_id for each in work.pending.drafts} | work.pending.merged_here
        return conclude(work.store, work.tx, work.pending.carried_out, recorded, notices_of(work, recorded))

    def expectations(self) -> dict[str, int]:
        """For each stream that was to be written, the version the decision was based on."""
        return self._work.expectations()

    def _require_new_id(self, command: Command) -> None:
        if command.command_id is not None and command.command_id in self._work.pending.command_ids:
            raise Rejected("command_id_taken", f'command id "{command.command_id}" is used twice in one transaction')

    def _note(self, carried: CarriedOut) -> None:
        pending = self._work.pending
        pending.carried_out.append(carried)
        if carried.command.command_id is not None:
            pending.put(pending.command_ids, carried.command.command_id, None)

    def _customer(self, command: Command, where: Address) -> str | None:
        if isinstance(command, RegisterCustomer):
            same = None if command.ref is None else known(self._work, command.ref)
            return same or self._new_customer()
        if isinstance(command, RecordAssessment):
            return text_at(self._work, command.about).customer_id
        return None if where.customer is None else resolve(self._work, where.customer)

    def _new_customer(self) -> str:
        customer_id = self._work.new_stream()
        self._work.pending.loaded.add(membership_stream(self._work, customer_id))  # nobody can be a member yet
        self._work.pending.linked.add(customer_id)
        return customer_id

    def _own_of_one(self, customer_id: str, decider: Decider[Any], command: Command) -> str:
        """Which own stream is meant among merged customers: that of the first who has one, or the survivor's."""
        work = self._work
        family = family_of(work, customer_id)
        if decider is MEMBERSHIP:
            return member_meant(work, family, command)
        begun = (each for each in family if work.stream(work.stream_of(decider, each), decider).version)
        return next(begun, family[0])

    def _stream_id(self, where: Address, customer_id: str | None) -> str:
        if where.decider is CUSTOMER:
            assert customer_id is not None
            return customer_id
        if where.own:
            assert customer_id is not None
            return self._work.stream_of(where.decider, customer_id)
        if where.decider is PURCHASE and where.key is not None:
            return stream_of_last_record(self._work, where.key)
        return self._work.new_stream() if where.key is None else self._work.stream_of(where.decider, where.key)


def only_reference(commands: Iterable[Command], catalogue: Catalogue) -> str | None:
    """The reference that commands speak of, or register, where it is one and the same; else None."""
    found: str | None = None
    for command in commands:
        who = command.ref if isinstance(command, RegisterCustomer) else address(command, catalogue).customer
        if who is None or isinstance(who, CustomerId):
            continue
        if found is not None and who != found:
            return None
        found = who
    return found
