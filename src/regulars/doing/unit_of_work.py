"""The unit of work: what the commands of one transaction have loaded and decided, before any of it is written.

Where a command is refused, what was decided since is taken back, and what was read stays. So nothing of what the
transaction holds is copied beforehand, however much it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, TypeVar

from msgspec import Struct, field
from msgspec.structs import replace

from regulars.adapters.indexes.links import Families, families_of
from regulars.adapters.log.codec import is_personal
from regulars.adapters.log.event_log import Draft
from regulars.adapters.store.store import Store
from regulars.adapters.store.transaction import Transaction
from regulars.adapters.vault.cipher import new_id
from regulars.crm_domain.command import Command, Context, Decider
from regulars.crm_domain.customer import CUSTOMER, AccountStatus, LeadDisqualified, PersonalDataErased
from regulars.crm_domain.errors import NotFound, Rejected
from regulars.crm_domain.event import Event, Recorded
from regulars.crm_domain.opportunity import OpportunityLost
from regulars.crm_domain.rulebook import NOBODY
from regulars.doing.outcomes import CarriedOut
from regulars.doing.stream import Stream, append, load_stream
from regulars.session.acting import Issuer

K = TypeVar("K")
V = TypeVar("V")

_ABSENT: Final = object()


class Target(Struct, frozen=True, kw_only=True):
    """The stream that an event is appended to, and the customer who owns it."""

    stream_id: str
    decider: Decider[Any]
    customer_id: str


class Pending(Struct, kw_only=True):
    """What was loaded, found and decided so far. Mutable, and never seen outside its unit of work.

    `ids` are those of references, of which `sought` were looked up. `into` are the links of customers who are one, as
    far as `linked` were asked for, and `families` what follows from them; `merged_here` took part in a merge of this
    transaction. `streams` are those with events, of the `loaded` ones. `texts` are the events at positions that were
    read, None where there is none. `remarks` are what is to be said of some drafts, by their indexes. `overwritten` are
    the entries that decisions changed, as they were before, in that order.
    """

    context: Context
    ids: dict[str, str]
    sought: set[str]
    into: dict[str, str] = field(default_factory=dict)
    linked: set[str] = field(default_factory=set)
    merged_here: frozenset[str] = frozenset()
    families: Families = field(default_factory=lambda: families_of({}))
    streams: dict[str, Stream] = field(default_factory=dict)
    loaded: set[str] = field(default_factory=set)
    texts: dict[int, Recorded[Event] | None] = field(default_factory=dict)
    drafts: list[Draft] = field(default_factory=list)
    carried_out: list[CarriedOut] = field(default_factory=list)
    command_ids: dict[str, None] = field(default_factory=dict)
    remarks: dict[int, str] = field(default_factory=dict)
    overwritten: list[tuple[dict[Any, Any], Any, Any]] = field(default_factory=list)

    def put(self, entries: dict[K, V], key: K, value: V) -> None:
        """Put an entry that follows from a decision, so that it can be taken back."""
        self.overwritten.append((entries, key, entries.get(key, _ABSENT)))
        entries[key] = value

    def drop(self, entries: dict[K, V], key: K) -> None:
        """Drop an entry, as follows from a decision, so that it can be put back."""
        self.overwritten.append((entries, key, entries.pop(key)))

    def take_back(self, since: Mark) -> None:
        """Take back what was decided since a mark."""
        while len(self.overwritten) > since.overwritten:
            entries, key, before = self.overwritten.pop()
            if before is _ABSENT:
                del entries[key]
            else:
                entries[key] = before
        del self.drafts[since.drafts :], self.carried_out[since.carried_out :]
        self.context, self.merged_here = since.context, since.merged_here
        self.families = families_of(self.into)

    @property
    def mark(self) -> Mark:
        """How far it has come."""
        return Mark(len(self.overwritten), len(self.drafts), len(self.carried_out), self.context, self.merged_here)


class Mark(Struct, frozen=True):
    """How far a unit of work had come: the lengths of its lists, and what it holds that is replaced as a whole."""

    overwritten: int
    drafts: int
    carried_out: int
    context: Context
    merged_here: frozenset[str]


class UnitOfWork:
    """One transaction's commands: streams are loaded once, and events kept until they are written together."""

    def __init__(self, store: Store, tx: Transaction, issuer: Issuer, pending: Pending) -> None:
        self.store = store
        self.tx = tx
        self.issuer = issuer
        self.pending = pending
        self.catalogue = store.registry.catalogue
        self._stored_currency = pending.context.currency
        self._keyed: dict[tuple[str, str], str] = {}

    @contextmanager
    def all_or_nothing(self) -> Iterator[None]:
        """Discard what all commands inside have decided where one of them is refused."""
        before = self.pending.mark
        try:
            yield
        except (Rejected, NotFound):
            self.pending.take_back(before)
            raise

    def write(self) -> list[Recorded[Event]]:
        """Write the events with their keys and look-ups, and the currency where they bring the first amount."""
        recorded = self.tx.append(self.pending.drafts, self.pending.context.now)
        currency = self.pending.context.currency
        if currency is not None and self._stored_currency is None:
            self.store.fix_currency(self.tx.connection, currency)
        return recorded

    # ----------------------------------------------------------------------------------------------------- streams

    def load(self, stream_ids: set[str]) -> None:
        """Read and fold the streams that weren't read yet."""
        pending = self.pending
        missing = stream_ids - pending.loaded
        if not missing:
            return
        pending.loaded |= missing
        read: dict[str, list[Recorded[Event]]] = {}
        for recorded in self.tx.log.streams(missing):
            read.setdefault(recorded.stream_id, []).append(recorded)
        for stream_id, its in read.items():
            decider = self.catalogue.aggregate_of(its[0].event).decider
            pending.streams[stream_id] = load_stream(decider, its)

    def stream(self, stream_id: str, decider: Decider[Any]) -> Stream:
        """A stream, loaded where it wasn't yet."""
        pending = self.pending
        if stream_id not in pending.loaded:
            self.load({stream_id})
        return pending.streams.get(stream_id) or Stream(state=decider.initial)

    def state(self, target: Target) -> Any:
        """The state of a target's stream."""
        return self.stream(target.stream_id, target.decider).state

    def stream_of(self, decider: Decider[Any], key: str) -> str:
        """The id of the stream of a key, worked out once."""
        found = self._keyed.get((decider.category, key))
        if found is None:
            found = self.store.stream_of(decider.category, key)
            self._keyed[decider.category, key] = found
        return found

    def new_stream(self) -> str:
        """The id of a stream that has no event."""
        stream_id = new_id()
        self.pending.loaded.add(stream_id)
        return stream_id

    # ------------------------------------------------------------------------------------------------------ events

    def keep(self, event: Event, command: Command, target: Target, at: int, caused_by: int | None = None) -> None:
        """Keep an event to be written; `caused_by` is the index of the draft that it follows from.

        Raises Rejected for personal data of no customer, or of one who was forgotten.
        """
        pending = self.pending
        if pending.context.currency is None:  # then the first amount brings it
            pending.context = replace(pending.context, currency=getattr(event, "currency", None))
        stream = self.stream(target.stream_id, target.decider)
        # What is said of a forgetting would be forgotten with it, and what says itself why says it in the clear.
        says_why = isinstance(event, PersonalDataErased | LeadDisqualified | OpportunityLost)
        # What is nobody's has no key to keep one by; where it follows from something, that has the reason.
        has_none = target.customer_id == NOBODY and caused_by is not None
        reason = None if says_why or has_none else command.reason or self.issuer.reason
        if is_personal(event, reason, self.store.codecs):
            self._require_key(target.customer_id)
        draft = Draft(
            stream_id=target.stream_id,
            version=stream.version + 1,
            category=target.decider.category,
            customer_id=target.customer_id,
            occurred_at=at,
            actor=self.issuer.actor,
            event=event,
            reason=reason,
            correlation_id=self.issuer.correlation_id,
            command_id=command.command_id,
            caused_by=caused_by,
        )
        pending.drafts.append(draft)
        pending.put(pending.streams, target.stream_id, append(stream, target.decider, event, at, target.customer_id))

    def _require_key(self, customer_id: str) -> None:
        if customer_id == NOBODY:
            raise Rejected("reason_of_nobody", "what is nobody's has no key to keep a reason by; leave it out")
        if self.stream(customer_id, CUSTOMER).state.status is AccountStatus.ERASED:
            raise Rejected("account_erased", "this customer was forgotten; no personal data can be added")

    def expectations(self) -> dict[str, int]:
        """For each stream that was to be written, the version the decision was based on."""
        expected: dict[str, int] = {}
        for draft in self.pending.drafts:
            expected.setdefault(draft.stream_id, draft.version - 1)
        return expected
