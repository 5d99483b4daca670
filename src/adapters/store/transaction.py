"""One database transaction for the domain: finding customers, reading and appending events, keys, indexes, outcomes.

Reads come first and writes last, the events before all else: on PostgreSQL positions must be drawn by the transaction's
first write.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.engine import Connection

from regulars.adapters.extensions.extended import Extended, name_needed
from regulars.adapters.indexes.links import Families, ever_linked, families_of, is_relinked, read_links
from regulars.adapters.indexes.look_ups import is_present
from regulars.adapters.indexes.ours import IndexWriter
from regulars.adapters.log.codec import CODECS, codec_of, is_personal, tags_of
from regulars.adapters.log.event_log import Append, Draft, EventLog
from regulars.adapters.log.log_statements import CONTACT_TYPES
from regulars.adapters.schema.positions import drawn
from regulars.adapters.schema.settings import currency_of, live_of
from regulars.adapters.sql.chunks import chunks
from regulars.adapters.sql.statement import Among
from regulars.adapters.sql.without_index import without_index
from regulars.adapters.store.rules_in_force import country_in_force
from regulars.adapters.store.store_statements import StoreStatements
from regulars.adapters.vault.cipher import Cipher, new_key, normalised
from regulars.adapters.vault.erasing import mark
from regulars.adapters.vault.keyring import Keyring
from regulars.adapters.vault.mentions import Details, Names, details_of
from regulars.adapters.vault.quarantine import Quarantine
from regulars.crm_domain.customer import FIRM, CustomerMerged, CustomerRegistered, KindChanged, PersonalDataErased
from regulars.crm_domain.event import Event, Recorded
from regulars.crm_domain.instant import FOREVER

_KIND_TYPES = tags_of((CustomerRegistered, KindChanged), CODECS)


class Premises(Struct, frozen=True, kw_only=True):
    """What a decision depends on beside its streams; `customer_id` is that of the reference asked for.

    Settings are decoded when they are used, so a damaged one affects nothing else.
    """

    live: object
    stored_currency: object
    customer_id: str | None

    @property
    def live_generation(self) -> int | None:
        """The number of the live generation. Raises DamagedReadModels where that can't be read."""
        return None if self.live is None else live_of(self.live)

    @property
    def currency(self) -> str | None:
        """The store's currency, None while no amount has been recorded. Raises Damaged where it can't be read."""
        return None if self.stored_currency is None else currency_of(self.stored_currency)


class Transaction:
    """Reads and writes on one connection. `has_destroyed` is true once a customer was forgotten in it."""

    def __init__(
        self,
        connection: Connection,
        statements: StoreStatements,
        extended: Extended,
        keyring: Keyring,
        append: Append | None = None,
    ) -> None:
        schema = statements.schema
        self.connection = connection
        self.has_destroyed = False
        self.log = EventLog(connection, statements, extended.codecs, keyring, append)
        self.quarantine = Quarantine(connection, schema, keyring, statements.access)
        self._schema = schema
        self._statements = statements
        self._extended = extended
        # No other merge is visible in this snapshot, or possible while this transaction may write.
        self._has_links: bool | None = None
        self._unlinked: set[str] = set()
        self._keyring = keyring
        self._first_read: Premises | None = None

    def premises(self, reference: str | None = None) -> Premises:
        """What a decision depends on beside its streams, by one query.

        Raises StoreUnusable for a reference where this role may not read look-ups.
        """
        if reference is not None:
            self._statements.access.require_lookups()
        digest = None if reference is None else self.digest("ref", reference)
        row = self._statements.premises.first(self.connection, digest=digest)
        assert row is not None
        live, currency, has_links, customer_id, is_linked = row
        self._has_links = bool(has_links)
        if customer_id is not None and not is_linked:
            self._unlinked.add(customer_id)
        found = Premises(live=live, stored_currency=currency, customer_id=customer_id)
        self._first_read = self._first_read or found
        return found

    @cached_property
    def live_generation(self) -> int | None:
        """The number of the live generation. It is read once: another goes live only at the end of a transaction."""
        return (self._first_read or self.premises()).live_generation

    @property
    def currency(self) -> str | None:
        """The store's currency, None while no amount has been recorded. It is read once, for a transaction that only
        reads.
        """
        return (self._first_read or self.premises()).currency

    def find(self, kind: str, values: Iterable[str]) -> dict[str, list[str]]:
        """Customer ids by look-up value; unknown values are left out. `kind` is one of look_ups.LOOKUP_KINDS or
        COUPON_CODE.
        """
        return self._found(self._statements.lookups, kind, values)

    def find_ever(self, kind: str, values: Iterable[str]) -> dict[str, list[str]]:
        """The same of customers who have a value or had it once."""
        return self._found(self._statements.former_lookups, kind, values)

    def _found(self, lookups: Among, kind: str, values: Iterable[str]) -> dict[str, list[str]]:
        by_digest: dict[str, set[str]] = {}
        for value in values:
            by_digest.setdefault(self.digest(kind, value), set()).add(value)
        found: dict[str, list[str]] = {}
        for digest, customer_id in lookups.all(self.connection, by_digest, kind=kind):
            for value in by_digest[digest]:
                found.setdefault(value, []).append(customer_id)
        return found

    def shared_lookups(self, limit: int, after: tuple[str, str]) -> list[tuple[str, str, list[str]]]:
        """E-mails and phone numbers that several customers have: (kind, digest, customer ids), by kind and digest."""
        self._statements.access.require_lookups()
        lookups = self._schema.lookups
        key = (lookups.c.kind, lookups.c.digest)
        is_contact = lookups.c.kind.in_(("email", "phone"))
        shared = (
            sa.select(*key)
            .where(is_contact, sa.tuple_(*key) > sa.tuple_(*map(sa.literal, after)))
            .where(is_present(self.connection.dialect, lookups))
            .group_by(*key)
            .having(sa.func.count() > 1)
            .order_by(*key)
            .limit(limit)
        )
        groups: dict[tuple[str, str], list[str]] = {
            (kind, digest): [] for kind, digest in self.connection.execute(shared)
        }
        for chunk in chunks(digest for _, digest in groups):
            ours = sa.and_(is_contact, lookups.c.digest.in_(chunk), is_present(self.connection.dialect, lookups))
            for row in self.connection.execute(sa.select(lookups).where(ours).order_by(lookups.c.customer_id)):
                if (row.kind, row.digest) in groups:
                    groups[row.kind, row.digest].append(row.customer_id)
        return [(kind, digest, customer_ids) for (kind, digest), customer_ids in groups.items()]

    def reachable(self) -> list[str]:
        """The ids of all who have or had an e-mail or a phone number and aren't forgotten, in order."""
        self._statements.access.require_lookups()
        lookups = self._schema.lookups
        theirs = sa.select(lookups.c.customer_id).where(lookups.c.kind.in_(("email", "phone"))).distinct()
        return list(self.connection.execute(theirs.order_by(lookups.c.customer_id)).scalars())

    def remembered(self, customer_ids: Iterable[str]) -> set[str]:
        """Those of some customers who are registered and not forgotten."""
        return {customer_id for (customer_id,) in self._statements.remembered.all(self.connection, customer_ids)}

    def last_position_of(self, customer_ids: Iterable[str]) -> int:
        """The position of the last event of some customers, 0 where nothing is recorded of them.

        That a merge into one of them was undone is an event of whoever left, and counts for those who stay, too.
        """
        events, links = self._schema.events.c, self._schema.links.c
        last = sa.select(sa.func.max(events.position)).where(drawn(self._schema.events))
        left = sa.select(sa.func.max(links.undone_at))
        found = (
            self.connection.scalar(theirs)
            for each in chunks(customer_ids)
            for theirs in (last.where(events.customer_id.in_(each)), left.where(links.into_id.in_(each)))
        )
        return max((each or 0 for each in found), default=0)

    def ever_forgotten(self) -> set[str]:
        """All customers who were forgotten."""
        return set(self.connection.execute(sa.select(self._schema.forgotten.c.customer_id)).scalars())

    def told_contacts(self, after: int, until: int) -> set[str]:
        """Whose names or contact data were told after a position, and up to another."""
        events = self._schema.events.c
        told = sa.and_(events.type.in_(sorted(CONTACT_TYPES)), events.position > after, events.position <= until)
        return set(self.connection.execute(sa.select(events.customer_id).where(told).distinct()).scalars())

    def forgotten(self, customer_ids: Iterable[str]) -> set[str]:
        """Those of some customers who were forgotten."""
        column = self._schema.forgotten.c.customer_id
        return {
            customer_id
            for chunk in chunks(customer_ids)
            for customer_id in self.connection.execute(sa.select(column).where(column.in_(chunk))).scalars()
        }

    def firms_among(self, customer_ids: Iterable[str]) -> set[str]:
        """Those of some customers who are firms, by the last word in time."""
        events, said = self._schema.events, dict[str, tuple[int, int, bool]]()
        on_kind = without_index(self.connection.dialect, events.c.type).in_(_KIND_TYPES)
        columns = (events.c.customer_id, events.c.occurred_at, events.c.position, events.c.type, events.c.payload)
        for chunk in chunks(customer_ids):
            for row in self.connection.execute(sa.select(*columns).where(events.c.stream_id.in_(chunk), on_kind)):
                event = codec_of(row.type, CODECS).decode(row.payload)
                if isinstance(event, CustomerRegistered | KindChanged):
                    at = row.occurred_at if isinstance(event, KindChanged) else -FOREVER
                    word = (at, row.position, event.kind == FIRM)
                    said[row.customer_id] = max(word, said.get(row.customer_id, word))
        return {customer_id for customer_id, (_, _, is_firm) in said.items() if is_firm}

    def details(self, customer_ids: Iterable[str]) -> dict[str, Details]:
        """The references, names and contact data that each of some customers has or had, as far as they can be
        decrypted.
        """
        said: dict[str, list[Event]] = {}
        for each in self.log.contact_events(customer_ids):
            said.setdefault(each.customer_id, []).append(each.event)
        return {customer_id: details_of(events) for customer_id, events in said.items()}

    def append(self, drafts: Sequence[Draft], now: int) -> list[Recorded[Event]]:
        """Append events, with their effects on keys and indexes. `now` is the instant to record them at.

        Raises sqlalchemy's IntegrityError where another writer was quicker with a version or a reference, StoreUnusable
        for an event that an index of a missing extension handles.
        """
        if not drafts:
            return []
        self._extended.require_written(each.event for each in drafts)
        keys = {each.customer_id: new_key() for each in drafts if isinstance(each.event, CustomerRegistered)}
        others = {
            each.customer_id
            for each in drafts
            if each.customer_id not in keys and is_personal(each.event, each.reason, self._extended.codecs)
        }
        ciphers = self._keyring.ciphers(self.connection, self._statements.keys, others)
        ciphers |= {customer_id: Cipher(key) for customer_id, key in keys.items()}
        recorded = self.log.append(drafts, ciphers, now)
        if keys:
            self._keep_keys(keys)
        erased = [each.customer_id for each in drafts if isinstance(each.event, PersonalDataErased)]
        if erased:
            self.destroy_keys(erased)
        self._write_indexes(recorded)
        self._name_extensions(drafts)
        return recorded

    def _name_extensions(self, drafts: Sequence[Draft]) -> None:
        """Note in the store which extensions these events belong to."""
        needs = self._extended.needs
        needed = {needs[type(each.event)] for each in drafts if type(each.event) in needs}
        if needed:
            name_needed(self.connection, self._schema, needed)

    def require_master_unchanged(self) -> None:
        """Raise MasterKeyChanged where the master key was changed since the store was opened."""
        self._keyring.require_unchanged(self.connection, self._statements.check_value)

    def _keep_keys(self, keys: Mapping[str, bytes]) -> None:
        self.require_master_unchanged()
        rows = [{"customer_id": each, "key": self._keyring.wrap(key, each)} for each, key in keys.items()]
        self._statements.keep_key.many(self.connection, rows)

    def destroy_keys(self, customer_ids: Sequence[str]) -> None:
        """Delete keys, and drop refused rows that may name these customers."""
        contacts = [each.event for each in self.log.contact_events(customer_ids)]  # while they can still be read
        keys = self._schema.keys
        for chunk in chunks(customer_ids):
            self.connection.execute(keys.delete().where(keys.c.customer_id.in_(chunk)))
        self.quarantine.drop(Names(details_of(contacts), Details(refs=frozenset(customer_ids))))
        mark(self.connection, self._schema)
        self.has_destroyed = True

    def _write_indexes(self, recorded: Sequence[Recorded[Event]]) -> None:
        types = {type(each.event) for each in recorded}
        for index in self._statements.indexes:
            if not types.isdisjoint(index.handles):
                table, insert = self._schema.metadata.tables[index.table], self._statements.index_inserts[index.table]
                IndexWriter(self.connection, table, insert).write(index, recorded, self.digest)
        if CustomerMerged in types:
            self._has_links, self._unlinked = True, set()

    def families(self, customer_ids: Iterable[str], until: int | None = None) -> Families:
        """The families of some customers, as of a position or as of now."""
        return families_of(self.links(customer_ids, until))

    def links(self, customer_ids: Iterable[str], until: int | None = None) -> dict[str, str]:
        """The links of some customers' families, as of a position or as of now."""
        maybe = self._maybe_linked(customer_ids)
        return read_links(self.connection, self._statements.links, maybe, until) if maybe else {}

    @property
    def has_links(self) -> bool:
        """Whether any two customers were ever merged."""
        if self._has_links is None:
            self.premises()
        return bool(self._has_links)

    def is_relinked(self, members: tuple[str, ...], *, after: int) -> bool:
        """Whether any of some customers was merged or unmerged after a position."""
        maybe = self._maybe_linked(members)
        return bool(maybe) and is_relinked(self.connection, self._schema.links, maybe, after)

    def ever_linked(self, customer_id: str) -> tuple[str, ...]:
        """All customers who are or were merged with one, that one first."""
        maybe = self._maybe_linked([customer_id])
        return ever_linked(self.connection, self._statements.links, customer_id) if maybe else (customer_id,)

    def _maybe_linked(self, customer_ids: Iterable[str]) -> set[str]:
        """Those of some customers who may have links."""
        return set(customer_ids) - self._unlinked if self.has_links else set()

    @cached_property
    def country(self) -> str | None:
        """Where phone numbers without a country's code are at home, by the rules in force (ISO 3166); None where they
        don't say. It is read once: what publishes another writes no phone number.
        """
        return country_in_force(self._schema, self.connection)

    def digest(self, kind: str, value: str) -> str:
        """The keyed hash by which a value is found; that of a phone number depends on the rules in force."""
        country = self.country if kind == "phone" else None
        return self._keyring.keyed(kind, normalised(kind, value, country))

    def outcomes_of(self, command_ids: Iterable[str]) -> dict[str, tuple[str, bytes]]:
        """The digest and outcome kept for each of some command ids that has them."""
        rows = self._statements.outcomes.all(self.connection, command_ids)
        return {command_id: (digest, outcome) for command_id, digest, outcome in rows}

    def keep_outcomes(self, outcomes: Sequence[tuple[str, str, bytes]]) -> None:
        """Keep the outcomes of commands, each as its id, digest and outcome, so that a retry gets the same answer."""
        rows = [{"id": command_id, "digest": digest, "outcome": kept} for command_id, digest, kept in outcomes]
        self._statements.keep_outcome.many(self.connection, rows)
