"""Carrying out commands: load the stream, fold it, decide, and keep the new events until the transaction writes them.

Several commands share one transaction: each sees what those before it decided.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from regulars.adapters.indexes.links import families_of
from regulars.adapters.log.codec import is_personal
from regulars.adapters.log.event_log import Draft
from regulars.adapters.log.outcomes import KeptOutcome
from regulars.adapters.sql.damage import FROM_A_BACKUP, Damaged
from regulars.adapters.store.store import Store
from regulars.adapters.store.transaction import Transaction
from regulars.adapters.vault.cipher import new_id
from regulars.adapters.vault.mentions import Names, details_of
from regulars.crm_domain.catalogue import Address, Catalogue, address
from regulars.crm_domain.command import Command, Context, CustomerId, Decider, now_after, occurred_at
from regulars.crm_domain.customer import (
    CUSTOMER,
    CustomerMerged,
    MakeReferral,
    MergeCustomers,
    MergeUndone,
    PersonalDataErased,
    RegisterCustomer,
    Status,
)
from regulars.crm_domain.errors import NotFound, Rejected
from regulars.crm_domain.event import Event, Recorded
from regulars.crm_domain.membership import (
    MEMBERSHIP,
    Membership,
    PointsEarned,
    PointsReversed,
    earn,
    has_earned,
    has_recorded,
    is_in_force,
    reverse,
    was_in_force,
)
from regulars.crm_domain.membership import Status as MembershipStatus
from regulars.crm_domain.merge import Family, require_mergeable
from regulars.crm_domain.purchase import PURCHASE, PurchaseRecorded, ReturnRecorded
from regulars.crm_domain.rulebook import NOBODY


class Outcome(Struct, frozen=True, kw_only=True):
    """What came of a command.

    `customer_id` is empty for what is nobody's. `events` is empty where nothing needed to happen; `position` is that of
    the last event, None where there is none. `replayed` says that the command id was known and this is its first
    outcome again.
    """

    customer_id: CustomerId
    events: tuple[Recorded[Event], ...]
    position: int | None
    replayed: bool


class Issuer(Struct, frozen=True, kw_only=True):
    """Who gives the commands, what ties them together, and why, where a command doesn't say."""

    actor: str
    correlation_id: str | None = None
    reason: str | None = None


class _Stream(Struct, frozen=True, kw_only=True):
    state: Any
    version: int
    customer_id: str | None


class _Target(Struct, frozen=True, kw_only=True):
    """Where an event goes."""

    stream_id: str
    decider: Decider[Any]
    customer_id: str


class _Carried(Struct, frozen=True, kw_only=True):
    """A command whose events stand in `drafts[first:last]`, or that was carried out before."""

    command: Command
    customer_id: str
    first: int = 0
    last: int = 0
    replayed: Outcome | None = None


def _kept_outcome(command_id: str, stored: bytes) -> KeptOutcome:
    try:
        return msgspec.json.decode(stored, type=KeptOutcome)
    except msgspec.DecodeError:
        raise Damaged(
            f'command id "{command_id}" was used before, and what came of it then can\'t be read: it was changed from '
            f"outside, and {FROM_A_BACKUP}; `regulars audit` shows the events that have this id"
        ) from None


class Execution:
    """The commands of one transaction. Nothing is written before `finish`.

    `sought` has the references that were looked up already, with their customers' ids.
    """

    def __init__(
        self, store: Store, tx: Transaction, issuer: Issuer, context: Context, sought: Mapping[str, str | None]
    ) -> None:
        self._store = store
        self._catalogue = store.registry.catalogue
        self._tx = tx
        self._issuer = issuer
        self._stored_currency = context.currency
        self._context = context
        self._ids = {reference: customer_id for reference, customer_id in sought.items() if customer_id is not None}
        self._sought = set(sought)
        self._into: dict[str, str] = {}
        self._linked: set[str] = set()
        self._merged_here: set[str] = set()
        self._families = families_of({})
        self._keyed: dict[tuple[str, str], str] = {}
        self._streams: dict[str, _Stream] = {}
        self._loaded: set[str] = set()
        self._drafts: list[Draft] = []
        self._carried: list[_Carried] = []
        self._command_ids: set[str | None] = set()
        self.last_position = 0
        self.customer_ids: set[str] = set()

    def prepare(self, commands: Iterable[Command]) -> None:
        """Load what commands will need in a few queries; each loads what is missing by itself."""
        addressed = [(command, address(command, self._catalogue)) for command in commands]
        self._find(where.customer for _, where in addressed if where.customer is not None)
        meant = [where.customer and self._id_of(where.customer) for _, where in addressed]
        self._link({customer_id for customer_id in meant if customer_id is not None})
        wanted = {self._stream_of(where.decider, where.key) for _, where in addressed if where.key is not None}
        for (command, where), customer_id in zip(addressed, meant, strict=True):
            if customer_id is not None:
                wanted |= self._bearing_on(command, where, customer_id)
        self._load(wanted)

    def _id_of(self, who: CustomerId | str) -> str | None:
        return str(who) if isinstance(who, CustomerId) else self._ids.get(who)

    def _bearing_on(self, command: Command, where: Address, customer_id: str) -> set[str]:
        """The customer's own streams that a decision will probably ask for."""
        has_reason = (command.reason or self._issuer.reason) is not None
        streams: set[str] = set()
        if where.decider is not PURCHASE or isinstance(where.customer, CustomerId) or has_reason:
            streams.add(customer_id)
        if where.decider in (PURCHASE, MEMBERSHIP) or isinstance(command, MergeCustomers):
            streams |= {self._membership_stream(each) for each in self._family(customer_id)}
        elif where.own:
            streams |= {self._stream_of(where.decider, each) for each in self._family(customer_id)}
        return streams

    def carry_out(self, command: Command) -> None:
        """Decide one command. Raises Rejected or NotFound, and then nothing of it is kept."""
        replayed = self._replay(command)
        if replayed is not None:
            self._conclude_later(_Carried(command=command, customer_id=replayed.customer_id, replayed=replayed))
            return
        where = address(command, self._catalogue)
        customer_id = self._customer(command, where)
        if where.own and customer_id is not None:
            customer_id = self._own_of_one(customer_id, where.decider, command)
        stream_id = self._stream_id(where, customer_id)
        stream = self._stream(stream_id, where.decider)
        if stream.customer_id is not None and customer_id is not None:
            if stream.customer_id not in self._family(customer_id):
                raise Rejected(f"{where.decider.category}_of_another", f'"{where.key}" belongs to another customer')
            customer_id = stream.customer_id
        customer_id = NOBODY if where.of_nobody else customer_id or stream.customer_id
        context = self._context_for(command, stream.state)
        at = occurred_at(command, context.now)
        events = where.decider.decide(self._with_ids(command), stream.state, context)
        if customer_id is None:
            raise AssertionError("a decision on a stream that nobody owns must be a refusal")
        first = len(self._drafts)
        target = _Target(stream_id=stream_id, decider=where.decider, customer_id=customer_id)
        for event in events:
            before = self._state(target)
            if isinstance(event, CustomerMerged):
                require_mergeable(self._family_of(customer_id), self._family_of(event.into_id))
            if isinstance(event, PersonalDataErased) and event.cause is not None:
                self._require_nameless(event.cause, customer_id)
            self._keep(event, command, target, at)
            self._move_points(event, before, command, customer_id, at)
            self._follow_links(event, command, customer_id, at)
        if isinstance(command, RegisterCustomer) and command.ref is not None:
            self._ids[command.ref] = customer_id
        last = len(self._drafts)
        self._conclude_later(_Carried(command=command, customer_id=customer_id, first=first, last=last))

    def _context_for(self, command: Command, state: Any) -> Context:
        """What a command that names no time comes after, in the order of a stream that has one."""
        now = now_after(getattr(state, "last_at", None), self._context.now)
        is_now = command.occurred_at is not None or now == self._context.now
        return self._context if is_now else replace(self._context, now=now)

    @property
    def decided(self) -> int:
        """How many events have been decided so far."""
        return len(self._drafts)

    def knows(self, reference: str | None) -> bool:
        """Whether a customer has this reference, one of this transaction included."""
        return reference is not None and self._known(reference) is not None

    @contextmanager
    def all_or_nothing(self) -> Iterator[None]:
        """Where a command inside is refused, let none of those inside leave a trace."""
        before = (dict(self._ids), set(self._sought), dict(self._streams), set(self._loaded), self._context)
        links = dict(self._into), set(self._linked), set(self._merged_here), self._families
        drafts, carried = len(self._drafts), len(self._carried)
        try:
            yield
        except (Rejected, NotFound):
            self._ids, self._sought, self._streams, self._loaded, self._context = before
            self._into, self._linked, self._merged_here, self._families = links
            self._command_ids -= {each.command.command_id for each in self._carried[carried:]}
            del self._drafts[drafts:]
            del self._carried[carried:]
            raise

    def finish(self) -> list[Outcome]:
        """Write everything, in this order: events with their keys and look-ups, the currency, the outcomes."""
        recorded = self._tx.append(self._drafts, self._context.now)
        self.last_position = recorded[-1].position if recorded else 0
        self.customer_ids = {each.customer_id for each in self._drafts} | self._merged_here
        if self._context.currency is not None and self._stored_currency is None:
            self._store.fix_currency(self._tx.connection, self._context.currency)
        return [self._conclude(carried, recorded) for carried in self._carried]

    def expectations(self) -> dict[str, int]:
        """For each stream that was to be written, the version the decision was based on."""
        expected: dict[str, int] = {}
        for draft in self._drafts:
            expected.setdefault(draft.stream_id, draft.version - 1)
        return expected

    def _move_points(self, event: Event, purchase: Any, command: Command, customer_id: str, at: int) -> None:
        """The one policy that crosses aggregates: a purchase earns points and a return takes them back."""
        if not isinstance(event, PurchaseRecorded | ReturnRecorded):
            return
        points, digest = self._context.points, self._context.rules_digest
        moved: tuple[PointsEarned | PointsReversed, ...] = ()
        match event:
            case PurchaseRecorded() if points is not None:
                family = self._family(customer_id)
                target = self._membership(customer_id, family, lambda state: was_in_force(state, at))
                moved = earn(self._state(target), event, at, points, digest)
            case ReturnRecorded(order_id=order_id):
                # The points are where they were earned, also when the customers have been told apart since.
                family = (*self._family(customer_id), *self._tx.ever_linked(customer_id), *sorted(self._merged_here))
                target = self._membership(customer_id, family, lambda state: has_earned(state, order_id))
                moved = reverse(self._state(target), purchase.recorded, event, purchase.returned, at, digest)
        cause = len(self._drafts) - 1
        for each in moved:
            self._keep(each, command, target, each.at, caused_by=cause)

    def _keep(self, event: Event, command: Command, target: _Target, at: int, caused_by: int | None = None) -> None:
        if isinstance(event, PurchaseRecorded) and self._context.currency is None:
            self._context = replace(self._context, currency=event.currency)
        stream = self._stream(target.stream_id, target.decider)
        # What is said of a forgetting would be forgotten with it.
        reason = None if isinstance(event, PersonalDataErased) else command.reason or self._issuer.reason
        if is_personal(event, reason, self._store.codecs):
            if target.customer_id == NOBODY:
                raise Rejected("reason_of_nobody", "what is nobody's has no key to keep a reason by; leave it out")
            self._require_remembered(target.customer_id)
        draft = Draft(
            stream_id=target.stream_id,
            version=stream.version + 1,
            category=target.decider.category,
            customer_id=target.customer_id,
            occurred_at=at,
            actor=self._issuer.actor,
            event=event,
            reason=reason,
            correlation_id=self._issuer.correlation_id,
            command_id=command.command_id,
            caused_by=caused_by,
        )
        self._drafts.append(draft)
        state = target.decider.evolve(stream.state, event)
        self._streams[target.stream_id] = _Stream(state=state, version=draft.version, customer_id=target.customer_id)

    def _require_remembered(self, customer_id: str) -> None:
        if self._stream(customer_id, CUSTOMER).state.status is Status.ERASED:
            raise Rejected("account_erased", "this customer was forgotten; no personal data can be added")

    def _state(self, target: _Target) -> Any:
        return self._stream(target.stream_id, target.decider).state

    # ------------------------------------------------------------------------------------- customers who are one

    def _follow_links(self, event: Event, command: Command, customer_id: str, at: int) -> None:
        """What a merge, its undoing and a forgetting mean for whoever is one with a customer."""
        match event:
            case CustomerMerged(into_id=into_id):
                self._into[customer_id] = into_id
                self._merged_here |= {*self._family(customer_id), *self._family(into_id)}
                self._families = families_of(self._into)
            case MergeUndone():
                del self._into[customer_id]
                self._families = families_of(self._into)
            case PersonalDataErased():
                cause = len(self._drafts) - 1
                for each in self._family(customer_id):
                    target = _Target(stream_id=each, decider=CUSTOMER, customer_id=each)
                    if each != customer_id and self._state(target).status is not Status.ERASED:
                        self._keep(event, command, target, at, caused_by=cause)
            case _:
                pass

    def _require_nameless(self, cause: str, customer_id: str) -> None:
        """Why somebody is forgotten names nobody who is forgotten with it, by nothing that they were ever called."""
        family = self._family(customer_id)
        said = [draft.event for draft in self._drafts if draft.stream_id in family]
        said += [each.event for each in self._tx.log.contact_events(family)]
        found = Names(details_of(said)).betrayed_by(cause)
        if found is not None:
            sentence = f"why somebody is forgotten is kept in the clear, and must not name them; {found}"
            raise Rejected("names_the_forgotten", sentence)

    def _family_of(self, customer_id: str) -> Family:
        members = self._family(customer_id)
        memberships = (self._state(self._own_membership(each)) for each in members)
        accounts = (self._stream(each, CUSTOMER).state for each in members)
        return Family(
            root_id=members[0],
            is_member=any(is_in_force(state) for state in memberships),
            is_erased=any(state.status is Status.ERASED for state in accounts),
        )

    def _family(self, customer_id: str) -> tuple[str, ...]:
        self._link({customer_id})
        return self._families.members(customer_id)

    def _link(self, customer_ids: set[str]) -> None:
        missing = customer_ids - self._linked
        if missing:
            found = self._tx.links(missing)
            self._linked |= missing | {*found, *found.values()}
            if not found.keys() <= self._into.keys():
                self._into |= {away: into for away, into in found.items() if away not in self._into}
                self._families = families_of(self._into)

    def _own_of_one(self, customer_id: str, decider: Decider[Any], command: Command) -> str:
        """Whose own stream is meant, of customers who are one: of the first of them who has one, or the survivor's."""
        if decider is MEMBERSHIP:
            return self._member(customer_id, command)
        family = self._family(customer_id)
        begun = (each for each in family if self._stream(self._stream_of(decider, each), decider).version)
        return next(begun, family[0])

    def _member(self, customer_id: str, command: Command) -> str:
        """Whose membership is meant, of customers who are one: that of which this very command was carried out before.

        Else the one that is in force, or that was begun, or the survivor's: whoever of them is named, so that two who
        enroll them at once meet in one stream.
        """
        memberships = {each: self._state(self._own_membership(each)) for each in self._family(customer_id)}
        choices: tuple[Callable[[Membership], bool], ...] = (
            lambda state: has_recorded(state, command),
            is_in_force,
            lambda state: state.status is not MembershipStatus.NONE,
        )
        fitting = (each for fits in choices for each, state in memberships.items() if fits(state))
        return next(fitting, next(iter(memberships)))

    def _membership(self, customer_id: str, family: Iterable[str], fits: Callable[[Membership], bool]) -> _Target:
        """The first membership of a family that fits, the customer's own before the others, and if none does."""
        own = self._own_membership(customer_id)
        others = (self._own_membership(each) for each in family if each != customer_id)
        return next((target for target in (own, *others) if fits(self._state(target))), own)

    def _own_membership(self, customer_id: str) -> _Target:
        stream_id = self._membership_stream(customer_id)
        return _Target(stream_id=stream_id, decider=MEMBERSHIP, customer_id=customer_id)

    def _membership_stream(self, customer_id: str) -> str:
        return self._stream_of(MEMBERSHIP, customer_id)

    def _stream_of(self, decider: Decider[Any], key: str) -> str:
        """The stream of a key: derived from it, so the key counts once, and from nothing that can be guessed."""
        found = self._keyed.get((decider.category, key))
        if found is None:
            found = self._store.keyed(f"stream:{decider.category}", key.encode())
            self._keyed[decider.category, key] = found
        return found

    # ---------------------------------------------------------------------------------------------------- outcomes

    def _conclude_later(self, carried: _Carried) -> None:
        self._carried.append(carried)
        if carried.command.command_id is not None:
            self._command_ids.add(carried.command.command_id)

    def _replay(self, command: Command) -> Outcome | None:
        if command.command_id is None:
            return None
        if command.command_id in self._command_ids:
            raise Rejected("command_id_taken", f'command id "{command.command_id}" is used twice in one transaction')
        kept = self._tx.outcome_of(command.command_id)
        if kept is None:
            return None
        digest, outcome = kept
        if digest != self._digest(command):
            sentence = f'command id "{command.command_id}" was used before for a command with other content'
            raise Rejected("command_id_taken", sentence)
        first = _kept_outcome(command.command_id, outcome)
        return Outcome(
            customer_id=CustomerId(first.customer_id),
            events=tuple(self._tx.log.at(first.positions)),
            position=first.positions[-1] if first.positions else None,
            replayed=True,
        )

    def _conclude(self, carried: _Carried, recorded: Sequence[Recorded[Event]]) -> Outcome:
        if carried.replayed is not None:
            return carried.replayed
        events = tuple(recorded[carried.first : carried.last])
        if carried.command.command_id is not None:
            kept = KeptOutcome(carried.customer_id, tuple(each.position for each in events))
            digest = self._digest(carried.command)
            self._tx.keep_outcome(carried.command.command_id, digest, msgspec.json.encode(kept))
        return Outcome(
            customer_id=CustomerId(carried.customer_id),
            events=events,
            position=events[-1].position if events else None,
            replayed=False,
        )

    def _digest(self, command: Command) -> str:
        body = command.model_dump_json(exclude={"command_id"})
        return self._store.keyed("command", f"{type(command).__name__}:{body}".encode())

    def _customer(self, command: Command, where: Address) -> str | None:
        if isinstance(command, RegisterCustomer):
            known = None if command.ref is None else self._known(command.ref)
            return known or self._new_customer()
        return None if where.customer is None else self._resolve(where.customer)

    def _resolve(self, who: CustomerId | str) -> str:
        if isinstance(who, CustomerId):
            self._load({who})
            if who not in self._streams:
                raise NotFound(f"no customer has the id {who}")
            return str(who)
        found = self._known(who)
        if found is None:
            raise NotFound(f'no customer has the reference "{who}"')
        return found

    def _known(self, reference: str) -> str | None:
        self._find([reference])
        return self._ids.get(reference)

    def _find(self, references: Iterable[str]) -> None:
        wanted = {each for each in references if not isinstance(each, CustomerId)} - self._sought
        self._sought |= wanted
        if wanted:
            self._ids |= {reference: ids[0] for reference, ids in self._tx.find("ref", wanted).items()}

    def _with_ids(self, command: Command) -> Command:
        """The command with ids in place of references, where it speaks of two customers."""
        match command:
            case MakeReferral(customer=customer, referred=other):
                ids = {"customer": customer, "referred": other}
            case MergeCustomers(customer=customer, into=other):
                ids = {"customer": customer, "into": other}
            case _:
                return command
        return command.model_copy(update={name: CustomerId(self._resolve(who)) for name, who in ids.items()})

    def _stream_id(self, where: Address, customer_id: str | None) -> str:
        if where.decider is CUSTOMER:
            assert customer_id is not None
            return customer_id
        if where.own:
            assert customer_id is not None
            return self._stream_of(where.decider, customer_id)
        return self._new_stream() if where.key is None else self._stream_of(where.decider, where.key)

    def _new_customer(self) -> str:
        customer_id = self._new_stream()
        self._loaded.add(self._membership_stream(customer_id))  # nobody can be a member yet
        self._linked.add(customer_id)
        return customer_id

    def _new_stream(self) -> str:
        stream_id = new_id()
        self._loaded.add(stream_id)
        return stream_id

    def _stream(self, stream_id: str, decider: Decider[Any]) -> _Stream:
        self._load({stream_id})
        return self._streams.get(stream_id) or _Stream(state=decider.initial, version=0, customer_id=None)

    def _load(self, stream_ids: set[str]) -> None:
        missing = stream_ids - self._loaded
        if not missing:
            return
        self._loaded |= missing
        for recorded in self._tx.log.streams(missing):
            decider = self._catalogue.aggregate_of(recorded.event).decider
            before = self._streams.get(recorded.stream_id)
            state = decider.evolve(before.state if before else decider.initial, recorded.event)
            self._streams[recorded.stream_id] = _Stream(
                state=state, version=recorded.version, customer_id=recorded.customer_id
            )


def only_reference(commands: Sequence[Command], catalogue: Catalogue) -> str | None:
    """The outside reference that one command speaks of; None where there are several commands, or none."""
    who = address(commands[0], catalogue).customer if len(commands) == 1 else None
    return None if isinstance(who, CustomerId) else who
