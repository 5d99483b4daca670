"""Checking keys and look-ups: everybody who is registered and wasn't forgotten has a key that opens, and is found by
what was recorded of them last; nobody else has either.

Look-ups are computed anew from what the keys open. No name, address or key is ever told, only whose it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import cast

import sqlalchemy as sa

from adapters.chunks import CHUNK, chunks, pages
from adapters.codec import tags_of
from adapters.event_log import CONTACT_TYPES, EnvelopeMapper, RowRecorder, StoredRow
from adapters.keyring import Cipher, KeyedHash, normalised
from adapters.planning import past_index
from adapters.record_check import Findings
from adapters.store import Store
from adapters.transaction import Transaction, kinds_told
from crm_domain.customer import CustomerRegistered, PersonalDataErased
from crm_domain.errors import StoreUnusable
from crm_domain.event import Event, Recorded

_REGISTERED = tags_of((CustomerRegistered,))
_ERASED = tags_of((PersonalDataErased,))
_WORDS = {"ref": "reference", "email": "e-mail", "phone": "phone number"}


def check_keys(store: Store, tx: Transaction) -> tuple[Findings, Findings]:
    """Compare the keys, and the look-ups, with everybody's registration, changes of contact details and erasure."""
    checking = _Checking(store, tx)
    for customer_ids in _registered(store, tx):
        checking.take(customer_ids)
    checking.end()
    return checking.keys, checking.look_ups


def check_some_keys(store: Store, tx: Transaction, customer_ids: Iterable[str]) -> tuple[Findings, Findings]:
    """Compare those of some who are registered, and how many keys there are."""
    checking = _Checking(store, tx)
    for chunk in chunks(customer_ids):
        checking.take(chunk)
    checking.count_keys()
    return checking.keys, checking.look_ups


def registrations(events: sa.Table) -> sa.Select[tuple[int, str]]:
    """The positions at which customers were registered, with their ids."""
    return sa.select(events.c.position, events.c.stream_id).where(events.c.type.in_(_REGISTERED))


def _registered(store: Store, tx: Transaction) -> Iterator[list[str]]:
    events = store.schema.events
    for page in pages(tx.connection, registrations(events), events.c.position, CHUNK):
        yield [row.stream_id for row in page]


class _Checking:
    """Takes in customers, some at a time, with their keys and look-ups beside them."""

    def __init__(self, store: Store, tx: Transaction) -> None:
        self.keys, self.look_ups = Findings("key"), Findings("look-up")
        self._store = store
        self._connection = tx.connection
        self._rows = RowRecorder(tx.connection, store.prepared)
        self._keyed = self._own_key()
        self._untried = 0
        self._unknown = 0

    def _own_key(self) -> KeyedHash | None:
        try:
            return self._store.keyed
        except StoreUnusable:
            self.look_ups.tell("the store", "its own key for look-ups doesn't open")
            return None

    def take(self, customer_ids: Sequence[str]) -> None:
        """Compare some who are registered."""
        stored: dict[str, bytes] = dict(self._store.prepared.keys.all(self._connection, customer_ids))
        look_ups = self._stored_look_ups(customer_ids)
        told = self._told(customer_ids)
        secrets = self._any_secrets([each for each in customer_ids if not _has_secret(told.get(each, ()))])
        for each in customer_ids:
            self.keys.count += 1
            rows, found = told.get(each, []), look_ups.get(each, set())
            if any(row.topic in _ERASED for row in rows):
                self._take_forgotten(each, each in stored, found)
                continue
            events = self._opened(each, stored.get(each), rows, secrets.get(each))
            if events is None:
                self._unknown += 1
            else:
                self._compare(each, events, found)

    def count_keys(self) -> None:
        """Compare how many keys there are with how many customers are remembered."""
        events, keys = self._store.schema.events, self._store.schema.keys
        people = sa.func.count(events.c.stream_id.distinct())
        registered, erased = (
            self._connection.execute(sa.select(people).where(events.c.type.in_(tags))).scalar_one()
            for tags in (_REGISTERED, _ERASED)
        )
        count = self._connection.execute(sa.select(sa.func.count()).select_from(keys)).scalar_one()
        if count != registered - erased:
            self.keys.tell("the store", f"has {count:,} keys, and remembers {registered - erased:,} customers")

    def end(self) -> None:
        """Compare what is left: keys and look-ups of nobody; and tell what couldn't be compared."""
        schema = self._store.schema
        for findings, column in ((self.keys, schema.keys.c.customer_id), (self.look_ups, schema.lookups.c.customer_id)):
            for stranger in self._strangers(column):
                findings.tell(f"id:{stranger}", "nobody was registered by this id")
        if self._untried:
            self.keys.leave_out(f"keys: {self._untried:,}", "nothing was recorded that they could open")
        if self._unknown or self._keyed is None:
            which = f"look-ups of {self._unknown:,}" if self._keyed else "look-ups"
            self.look_ups.leave_out(which, "without a key nobody knows what they should be")

    def _strangers(self, column: sa.Column[str]) -> Iterator[str]:
        events = self._store.schema.events
        ours = sa.and_(events.c.stream_id == column, past_index(self._connection, events.c.type).in_(_REGISTERED))
        unknown = sa.select(column).where(~sa.exists(sa.select(events.c.position).where(ours))).distinct()
        for page in pages(self._connection, unknown, column, CHUNK):
            yield from (row[0] for row in page)

    # ---------------------------------------------------------------------------------------------------------- keys

    def _told(self, customer_ids: Sequence[str]) -> dict[str, list[StoredRow]]:
        """What was said of names and addresses, and erasures, by customer and in order."""
        events = self._store.schema.events
        wanted = past_index(self._connection, events.c.type).in_(CONTACT_TYPES | _ERASED)
        statement = sa.select(events).where(events.c.stream_id.in_(customer_ids), wanted)
        rows = self._select(statement.order_by(events.c.stream_id, events.c.version))
        return {each: list(theirs) for each, theirs in groupby(rows, key=lambda row: str(row.originator_id))}

    def _any_secrets(self, customer_ids: Sequence[str]) -> dict[str, StoredRow]:
        """The first event with something personal of each customer, if they have one."""
        if not customer_ids:
            return {}
        events = self._store.schema.events
        theirs = sa.and_(events.c.customer_id.in_(customer_ids), events.c.secret.is_not(None))
        first = sa.select(sa.func.min(events.c.position)).where(theirs).group_by(events.c.customer_id)
        rows = self._select(sa.select(events).where(events.c.position.in_(first)))
        return {row.columns["customer_id"]: row for row in rows}

    def _select(self, statement: sa.Select[tuple[object, ...]]) -> list[StoredRow]:
        return [cast("StoredRow", row) for row in self._rows.select(statement)]

    def _take_forgotten(self, customer_id: str, has_key: bool, found: set[tuple[str, str]]) -> None:
        if has_key:
            self.keys.tell(f"id:{customer_id}", "was forgotten, and still has a key")
        for kind in sorted({kind for kind, _ in found}):
            self.look_ups.tell(f"id:{customer_id}", f"was forgotten, and still has a look-up by {_word(kind)}")

    def _opened(
        self, customer_id: str, stored: bytes | None, rows: Sequence[StoredRow], other: StoredRow | None
    ) -> list[Event] | None:
        """What was said of a customer's names and addresses; None where their key doesn't open it."""
        who = f"id:{customer_id}"
        if stored is None:
            self.keys.tell(who, "has no key, and wasn't forgotten")
            return None
        secrets = [row for row in (*rows, other) if row is not None and row.columns["secret"] is not None]
        try:
            mapper = EnvelopeMapper({customer_id: Cipher(self._store.keyring.unwrap(stored, customer_id))})
        except (StoreUnusable, TypeError):  # SQLite keeps what is no bytes
            self.keys.tell(who, "has a key that doesn't open")
            return None
        if not secrets and not self._store.keyring.is_wrapped:
            self._untried += 1
        shut = [row.columns["position"] for row in secrets if not _opens(mapper, row)]
        if shut and len(shut) == len(secrets):
            self.keys.tell(who, "has a key that doesn't open what was recorded of them")
            return None
        for position in shut:
            self.keys.tell(who, f"has a key that doesn't open event #{position}")
        return None if shut else [cast("Recorded[Event]", mapper.to_domain_event(row)).event for row in rows]

    # ------------------------------------------------------------------------------------------------------ look-ups

    def _stored_look_ups(self, customer_ids: Sequence[str]) -> dict[str, set[tuple[str, str]]]:
        lookups = self._store.schema.lookups
        found: dict[str, set[tuple[str, str]]] = {}
        for row in self._connection.execute(sa.select(lookups).where(lookups.c.customer_id.in_(customer_ids))):
            found.setdefault(row.customer_id, set()).add((row.kind, row.digest))
        return found

    def _compare(self, customer_id: str, events: Iterable[Event], found: set[tuple[str, str]]) -> None:
        if self._keyed is None:
            return
        told: dict[str, str | None] = {}
        for event in events:
            told |= {kind: getattr(event, kind) for kind in kinds_told(event)}
        wanted = dict(_digests(self._keyed, told))
        self.look_ups.count += len(wanted)
        for kind in sorted({*wanted, *(kind for kind, _ in found)}):
            digests = {digest for other, digest in found if other == kind}
            expected = {wanted[kind]} if kind in wanted else set()
            if digests != expected:
                self.look_ups.tell(f"id:{customer_id}", _difference(_word(kind), expected, digests))


def _opens(mapper: EnvelopeMapper, row: StoredRow) -> bool:
    try:
        mapper.to_domain_event(row)
    except StoreUnusable:
        return False
    return True


def _has_secret(rows: Iterable[StoredRow]) -> bool:
    return any(row.columns["secret"] is not None for row in rows)


def _digests(keyed: KeyedHash, told: Mapping[str, str | None]) -> Iterator[tuple[str, str]]:
    for kind, value in told.items():
        if value is not None:
            yield kind, keyed(kind, normalised(kind, value))


def _difference(word: str, expected: set[str], found: set[str]) -> str:
    if not found:
        return f"isn't found by the {word} that was recorded"
    if not expected:
        return f"has a look-up by {word}, and none was recorded"
    return f"is found by another {word} than the one that was recorded"


def _word(kind: str) -> str:
    return _WORDS.get(kind, kind)
