"""Checking keys: every registered customer who isn't forgotten has a key that decrypts their data; no other key is
stored.

Faults name the customer, and never the key.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

import sqlalchemy as sa

from regulars.adapters.checking.result import Findings
from regulars.adapters.log.appending import Columns
from regulars.adapters.log.codec import CODECS, tags_of
from regulars.adapters.log.event_log import EnvelopeMapper, read_rows
from regulars.adapters.log.log_statements import CONTACT_TYPES
from regulars.adapters.sql.chunks import CHUNK, chunks, pages
from regulars.adapters.sql.without_index import without_index
from regulars.adapters.store.store import Store
from regulars.adapters.store.transaction import Transaction
from regulars.adapters.vault.cipher import Cipher
from regulars.crm_domain.customer import CustomerRegistered, PersonalDataErased
from regulars.crm_domain.errors import StoreUnusable

_REGISTERED = tags_of((CustomerRegistered,), CODECS)
_ERASED = tags_of((PersonalDataErased,), CODECS)


def check_keys(store: Store, tx: Transaction) -> Findings:
    """Compare all keys with registrations and erasures, and with the data that they should decrypt."""
    checking = _Checking(store, tx)
    if checking.may_read():
        for customer_ids in _registered(store, tx):
            checking.take(customer_ids)
        checking.end()
    return checking.keys


def check_some_keys(store: Store, tx: Transaction, customer_ids: Iterable[str]) -> Findings:
    """Compare the keys of some registered customers, and the number of all keys."""
    checking = _Checking(store, tx)
    if checking.may_read():
        for chunk in chunks(customer_ids):
            checking.take(chunk)
        checking.count_keys()
    return checking.keys


def registrations(events: sa.Table) -> sa.Select[tuple[int, str]]:
    """The positions of registrations, with the customers' ids."""
    return sa.select(events.c.position, events.c.stream_id).where(events.c.type.in_(_REGISTERED))


def _registered(store: Store, tx: Transaction) -> Iterator[list[str]]:
    events = store.schema.events
    for page in pages(tx.connection, registrations(events), events.c.position, CHUNK):
        yield [row.stream_id for row in page]


class _Checking:
    """Checks customers, some at a time, with their keys."""

    def __init__(self, store: Store, tx: Transaction) -> None:
        self.keys = Findings("key")
        self._store = store
        self._connection = tx.connection
        self._untried = 0

    def may_read(self) -> bool:
        """Whether this role may read keys; if not, that is noted in the result."""
        if not self._store.access.keys:
            self.keys.leave_out("keys", "this role may not read them")
        return self._store.access.keys

    def take(self, customer_ids: Sequence[str]) -> None:
        """Check the keys of some registered customers."""
        stored: dict[str, bytes] = dict(self._store.statements.keys.all(self._connection, customer_ids))
        told = self._told(customer_ids)
        secrets = self._any_secrets([each for each in customer_ids if not _has_secret(told.get(each, ()))])
        for each in customer_ids:
            self.keys.count += 1
            rows = told.get(each, [])
            if not any(row["type"] in _ERASED for row in rows):
                self._open(each, stored.get(each), rows, secrets.get(each))
            elif each in stored:
                self.keys.tell(f"id:{each}", "was forgotten, and still has a key")

    def count_keys(self) -> None:
        """Compare the number of keys with that of customers who are not forgotten."""
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
        """Report the keys without a customer, and the keys that couldn't be checked."""
        for stranger in self._strangers(self._store.schema.keys.c.customer_id):
            self.keys.tell(f"id:{stranger}", "no customer was registered with this id")
        if self._untried:
            self.keys.leave_out(f"keys: {self._untried:,}", "no personal data was recorded that they could decrypt")

    def _strangers(self, column: sa.Column[str]) -> Iterator[str]:
        events = self._store.schema.events
        ours = sa.and_(
            events.c.stream_id == column, without_index(self._connection.dialect, events.c.type).in_(_REGISTERED)
        )
        unknown = sa.select(column).where(~sa.exists(sa.select(events.c.position).where(ours))).distinct()
        for page in pages(self._connection, unknown, column, CHUNK):
            yield from (row[0] for row in page)

    def _told(self, customer_ids: Sequence[str]) -> dict[str, list[Columns]]:
        """The events with names and contact data, and erasures, by customer and in order."""
        events = self._store.schema.events
        wanted = without_index(self._connection.dialect, events.c.type).in_(CONTACT_TYPES | _ERASED)
        statement = sa.select(events).where(events.c.stream_id.in_(customer_ids), wanted)
        rows = read_rows(self._connection, statement.order_by(events.c.stream_id, events.c.version))
        return {each: list(theirs) for each, theirs in groupby(rows, key=lambda row: str(row["stream_id"]))}

    def _any_secrets(self, customer_ids: Sequence[str]) -> dict[str, Columns]:
        """The first event with personal data of each customer, if there is one."""
        if not customer_ids:
            return {}
        events = self._store.schema.events
        theirs = sa.and_(events.c.customer_id.in_(customer_ids), events.c.secret.is_not(None))
        first = sa.select(sa.func.min(events.c.position)).where(theirs).group_by(events.c.customer_id)
        rows = read_rows(self._connection, sa.select(events).where(events.c.position.in_(first)))
        return {row["customer_id"]: row for row in rows}

    def _open(self, customer_id: str, stored: bytes | None, rows: Sequence[Columns], other: Columns | None) -> None:
        """Decrypt a customer's names and contact data."""
        who = f"id:{customer_id}"
        if stored is None:
            self.keys.tell(who, "has no key, and wasn't forgotten")
            return
        secrets = [row for row in (*rows, other) if row is not None and row["secret"] is not None]
        try:
            cipher = Cipher(self._store.keyring.unwrap(stored, customer_id))
        except (StoreUnusable, TypeError):  # SQLite may hold what isn't bytes
            self.keys.tell(who, "has a key that doesn't decrypt anything")
            return
        mapper = EnvelopeMapper(self._store.codecs, {customer_id: cipher})
        if not secrets and not self._store.keyring.is_wrapped:
            self._untried += 1
        shut = [row["position"] for row in secrets if not _opens(mapper, row)]
        if shut and len(shut) == len(secrets):
            self.keys.tell(who, "has a key that doesn't decrypt what was recorded of them")
            return
        for position in shut:
            self.keys.tell(who, f"has a key that doesn't decrypt event #{position}")


def _opens(mapper: EnvelopeMapper, row: Columns) -> bool:
    try:
        mapper.recorded(row)
    except StoreUnusable:
        return False
    return True


def _has_secret(rows: Iterable[Columns]) -> bool:
    return any(row["secret"] is not None for row in rows)
