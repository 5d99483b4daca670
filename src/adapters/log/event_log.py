"""The log of events within one transaction: drafts are encoded as rows, and rows decoded as recorded events.

Personal data is encrypted under the customer's key, with stream and version as context.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from operator import eq, ge, le
from types import MappingProxyType
from typing import Any

import sqlalchemy as sa
from msgspec import DecodeError, Struct
from msgspec.structs import replace
from sqlalchemy.engine import Connection

from regulars.adapters.log.appending import Columns
from regulars.adapters.log.codec import Codecs, codec_of, not_as_recorded, tags_of
from regulars.adapters.log.log_statements import LogStatements
from regulars.adapters.schema.positions import drawn, settled
from regulars.adapters.schema.tables import EVENT_COLUMNS
from regulars.adapters.sql.chunks import chunks
from regulars.adapters.sql.damage import FROM_A_BACKUP
from regulars.adapters.sql.statement import Row
from regulars.adapters.sql.without_index import without_index
from regulars.adapters.vault.cipher import Cipher
from regulars.adapters.vault.keyring import Keyring
from regulars.crm_domain.errors import Rejected, StoreUnusable
from regulars.crm_domain.event import Event, Recorded, tag_of

EVENTS_AT_ONCE = 1_000


class Draft(Struct, frozen=True, kw_only=True):
    """An event that was decided and not yet recorded: the envelope without position and recorded_at.

    `caused_by` is the index of its cause among the drafts that are recorded together.
    """

    stream_id: str
    version: int
    category: str
    customer_id: str
    occurred_at: int
    actor: str
    event: Event
    reason: str | None = None
    correlation_id: str | None = None
    command_id: str | None = None
    caused_by: int | None = None


#: For reading without personal data.
NO_CIPHERS: Mapping[str, Cipher] = MappingProxyType({})


class EnvelopeMapper:
    """Maps drafts to rows, and rows to recorded events; a row of a retired type becomes a current event."""

    def __init__(self, known: Codecs, ciphers: Mapping[str, Cipher] = NO_CIPHERS) -> None:
        self._ciphers = ciphers
        self._known = known

    def row(self, draft: Draft) -> Columns:
        """Encode a draft, to be numbered. Raises Rejected `account_erased` for personal data of a forgotten
        customer.
        """
        codec = self._known[tag_of(type(draft.event))]
        payload, plain = codec.encode(draft.event, draft.reason)
        return {
            "stream_id": draft.stream_id,
            "version": draft.version,
            "category": draft.category,
            "customer_id": draft.customer_id,
            "type": codec.name,
            "occurred_at": draft.occurred_at,
            "actor": draft.actor,
            "correlation_id": draft.correlation_id,
            "caused_by": draft.caused_by,
            "command_id": draft.command_id,
            "payload": payload,
            "secret": None if plain is None else self._seal(draft, plain),
        }

    def recorded(self, columns: Columns) -> Recorded[Event]:
        """Decode a checked row; personal fields are None where the key is destroyed. Raises StoreUnusable where that
        fails.
        """
        event, reason = self.told(columns)
        return Recorded(  # written out, as it takes a third of the time
            position=columns["position"],
            stream_id=columns["stream_id"],
            version=columns["version"],
            category=columns["category"],
            customer_id=columns["customer_id"],
            occurred_at=columns["occurred_at"],
            recorded_at=columns["recorded_at"],
            actor=columns["actor"],
            event=event,
            reason=reason,
            correlation_id=columns["correlation_id"],
            causation_id=columns["causation_id"],
            command_id=columns["command_id"],
        )

    def told(self, columns: Columns) -> tuple[Event, str | None]:
        """The event of a checked row, and the reason: as of `recorded`."""
        try:
            return self._decode(columns)
        except DecodeError as error:
            raise StoreUnusable(f"event #{columns['position']} ({columns['type']}) can't be read: {error}") from None

    def _decode(self, columns: Mapping[str, Any]) -> tuple[Event, str | None]:
        try:
            codec, payload = codec_of(columns["type"], self._known), columns["payload"]
        except StoreUnusable as error:
            raise StoreUnusable(f"event #{columns['position']}: {error}") from None
        cipher, secret = self._ciphers.get(columns["customer_id"]), columns["secret"]
        if cipher is None or secret is None:
            return codec.decode(payload), None
        try:
            plain = cipher.open(secret, _context(columns["stream_id"], columns["version"]))
        except StoreUnusable as error:
            raise StoreUnusable(f"event #{columns['position']}: {error}; {FROM_A_BACKUP}") from None
        return codec.reveal(payload, plain)

    def _seal(self, draft: Draft, plain: bytes) -> bytes:
        try:
            cipher = self._ciphers[draft.customer_id]
        except KeyError:
            sentence = "this customer was forgotten; no personal data can be added"
            raise Rejected("account_erased", sentence) from None
        return cipher.seal(plain, _context(draft.stream_id, draft.version))


def _context(stream_id: str, version: int) -> bytes:
    return f"{stream_id}:{version}".encode()


#: (connection, rows to be numbered, now) -> (the first position, the instant they are recorded at)
Append = Callable[[Connection, Sequence[Columns], int], tuple[int, int]]


def read_rows(connection: Connection, statement: sa.Select[Any]) -> list[Columns]:
    """The checked rows of a query over whole rows of the log. Raises StoreUnusable as `checked` does."""
    found = connection.execute(statement)
    names = tuple(found.keys())
    return [checked(dict(zip(names, row, strict=True))) for row in found.all()]


_CUSTOMER = EVENT_COLUMNS.index("customer_id")


_KINDS: dict[str, tuple[type, ...]] = {
    "position": (int,), "stream_id": (str,), "version": (int,), "customer_id": (str,), "type": (str,),
    "occurred_at": (int,), "recorded_at": (int,), "actor": (str,), "payload": (bytes,), "secret": (bytes, type(None)),
}  # fmt: skip


def checked(columns: Columns) -> Columns:
    """A row of the log. Raises StoreUnusable for kinds of values that we never write, as SQLite stores any."""
    for name, kinds in _KINDS.items():
        if type(columns[name]) not in kinds:
            raise not_as_recorded(columns["position"], name)
    return columns


def _complete(draft: Draft, first: int, index: int, recorded_at: int) -> Recorded[Event]:
    return Recorded(
        position=first + index,
        stream_id=draft.stream_id,
        version=draft.version,
        category=draft.category,
        customer_id=draft.customer_id,
        occurred_at=draft.occurred_at,
        recorded_at=recorded_at,
        actor=draft.actor,
        event=draft.event,
        reason=draft.reason,
        correlation_id=draft.correlation_id,
        causation_id=None if draft.caused_by is None else first + draft.caused_by,
        command_id=draft.command_id,
    )


class Search(Struct, frozen=True, kw_only=True):
    """Conditions on events, all of which must hold. Instants are inclusive.

    `types` are current types, whatever events were stored as. `known_until` is the last position to show. `after` is
    that of the last event of the page before. Newest first, unless `oldest_first`. `settled_only` leaves out events
    before which others may still be committed, and which a reader that continues from `after` would miss.
    """

    customer_ids: tuple[str, ...] | None = None
    actor: str | None = None
    types: frozenset[type[Event]] | None = None
    since: int | None = None
    until: int | None = None
    recorded_since: int | None = None
    correlation_id: str | None = None
    known_until: int | None = None
    after: int | None = None
    oldest_first: bool = False
    settled_only: bool = False


def is_stored_as(connection: Connection, events: sa.Table, tags: Collection[str]) -> sa.ColumnElement[bool]:
    """The condition that an event has one of some tags, for a page in order of position.

    The index gives the events of one tag in that order; those of several it would sort for every page.
    """
    return (events.c.type if len(tags) == 1 else without_index(connection.dialect, events.c.type)).in_(tags)


class EventLog:
    """The recorded events, within one transaction."""

    def __init__(
        self,
        connection: Connection,
        statements: LogStatements,
        codecs: Codecs,
        keyring: Keyring,
        append: Append | None = None,
    ) -> None:
        self._connection = connection
        self._statements = statements
        self._codecs = codecs
        self._append = append or statements.appending.append
        self._schema = statements.schema
        self._keyring = keyring

    def append(self, drafts: Sequence[Draft], ciphers: dict[str, Cipher], now: int) -> list[Recorded[Event]]:
        """Append drafts. `now` is the instant to record them at."""
        mapper = EnvelopeMapper(self._codecs, ciphers)
        first, recorded_at = self._append(self._connection, [mapper.row(draft) for draft in drafts], now)
        return [_complete(draft, first, index, recorded_at) for index, draft in enumerate(drafts)]

    def streams(self, stream_ids: Iterable[str]) -> Iterator[Recorded[Event]]:
        """The events of some streams, each stream's in order of version."""
        return self._mapped(self._statements.streams.all(self._connection, stream_ids))

    def _mapped(self, rows: Sequence[Row]) -> Iterator[Recorded[Event]]:
        """The events of rows that have the customer's key last."""
        ciphers = self._keyring.opened({row[_CUSTOMER]: row[-1] for row in rows if row[-1]})
        mapper = EnvelopeMapper(self._codecs, ciphers)
        for row in rows:
            yield mapper.recorded(checked(dict(zip(EVENT_COLUMNS, row, strict=False))))

    def contact_events(self, customer_ids: Iterable[str]) -> Iterator[Recorded[Event]]:
        """The events with some customers' names and contact data, each customer's in order."""
        return self._mapped(self._statements.contact.all(self._connection, customer_ids))

    def search(self, search: Search, limit: int) -> list[Recorded[Event]]:
        """At most `limit` events that meet all conditions, in order of position, ascending or descending."""
        position = self._schema.events.c.position
        order = position if search.oldest_first else position.desc()
        return self.select(self._meets(search), order, limit=limit)

    def latest(self, search: Search, limit: int, before: tuple[int, int] | None = None) -> list[tuple[int, int]]:
        """When the latest events happened that meet all conditions, and their positions: at most `limit`, the latest
        first, from `before` on: what this gave of another event.
        """
        place = (self._schema.events.c.occurred_at, self._schema.events.c.position)
        meets = self._meets(search, in_order_of_position=False)
        if before is not None:
            meets = sa.and_(meets, sa.tuple_(*place) < sa.tuple_(*map(sa.literal, before)))
        statement = sa.select(*place).where(meets).order_by(*(each.desc() for each in place)).limit(limit)
        return [(occurred_at, position) for occurred_at, position in self._connection.execute(statement)]

    def count(self, search: Search) -> int:
        """How many events meet all conditions."""
        meets = self._meets(search, in_order_of_position=False)
        return self._connection.execute(sa.select(sa.func.count()).where(meets)).scalar_one()

    def _meets(self, search: Search, *, in_order_of_position: bool = True) -> sa.ColumnElement[bool]:
        """The condition that an event meets a search."""
        events = self._schema.events
        wanted = (
            (events.c.actor, eq, search.actor),
            (events.c.occurred_at, ge, search.since),
            (events.c.occurred_at, le, search.until),
            (events.c.recorded_at, ge, search.recorded_since),
            (events.c.correlation_id, eq, search.correlation_id),
            (events.c.position, le, search.known_until),
        )
        dialect, of_all = self._connection.dialect, search.customer_ids is None
        # Some customers have few events, and of an actor or a type there may be millions.
        conditions = [
            holds(column if of_all else without_index(dialect, column), value)
            for column, holds, value in wanted
            if value is not None
        ]
        if search.types is not None:
            tags, by_type = tags_of(search.types, self._codecs), without_index(dialect, events.c.type)
            if not of_all:
                conditions.append(by_type.in_(tags))
            elif in_order_of_position:
                conditions.append(is_stored_as(self._connection, events, tags))
            else:
                conditions.append(events.c.type.in_(tags))
        if search.customer_ids is not None:
            conditions.append(events.c.customer_id.in_(search.customer_ids))
        conditions.append(settled(events) if search.settled_only else drawn(events))
        position = events.c.position
        if search.after is not None:
            conditions.append(position > search.after if search.oldest_first else position < search.after)
        return sa.and_(*conditions)

    def every(self, search: Search, at_once: int = EVENTS_AT_ONCE) -> Iterator[Recorded[Event]]:
        """All events that meet all conditions, in the same order, read a page at a time."""
        while True:
            found = self.search(search, at_once)
            yield from found
            if len(found) < at_once:
                return
            search = replace(search, after=found[-1].position)

    def at(self, positions: Iterable[int]) -> list[Recorded[Event]]:
        """The events at some positions, in order of position."""
        position = self._schema.events.c.position
        return [recorded for chunk in chunks(positions) for recorded in self.select(position.in_(chunk), position)]

    def select(
        self, condition: sa.ColumnElement[bool], *order: sa.ColumnElement[Any], limit: int | None = None
    ) -> list[Recorded[Event]]:
        """The events that meet a condition, decrypted unless their customer is forgotten."""
        statement = sa.select(self._schema.events).where(condition).order_by(*order).limit(limit)
        rows = read_rows(self._connection, statement)
        with_secrets = (row["customer_id"] for row in rows if row["secret"] is not None)
        ciphers = self._keyring.ciphers(self._connection, self._statements.keys, with_secrets)
        mapper = EnvelopeMapper(self._codecs, ciphers)
        return [mapper.recorded(row) for row in rows]
