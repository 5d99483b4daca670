"""One database transaction as the domain sees it: find, load, append, remember.

Everything is read first and written at the end, the events before all else: on PostgreSQL positions must be drawn by
the transaction's first write.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.engine import Connection

from adapters.codec import is_personal
from adapters.event_log import EventLog
from adapters.keyring import CHUNK, Cipher, KeyedHash, new_key, normalised, read_ciphers
from adapters.links import Families, add_link, end_link, ever_linked, is_relinked, read_families, read_links
from adapters.positions import draw_positions
from adapters.schema import Schema
from crm_domain.customer import (
    ContactDetailsChanged,
    CustomerMerged,
    CustomerRegistered,
    MergeUndone,
    PersonalDataErased,
)
from crm_domain.event import Event, Recorded

#: (connection, table, how many, now) -> (the first position, the instant to record at)
Draw = Callable[[Connection, sa.Table, int, int], tuple[int, int]]

LOOKUP_KINDS = ("ref", "email", "phone")


class Draft(Struct, frozen=True, kw_only=True):
    """An event that was decided and not yet recorded: the envelope without position and recorded_at.

    `caused_by` is the index of the event that caused it, among the drafts that are recorded together.
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


class Transaction:
    """Reads and writes on one connection."""

    def __init__(self, connection: Connection, schema: Schema, keyed: KeyedHash, draw: Draw = draw_positions) -> None:
        self.connection = connection
        self._draw = draw
        self.log = EventLog(connection, schema)
        self._schema = schema
        self._keyed = keyed

    def find(self, kind: str, values: Iterable[str]) -> dict[str, list[str]]:
        """Customer ids by look-up value, for those values that are known. `kind` is one of LOOKUP_KINDS."""
        by_digest = {self._digest(kind, value): value for value in values}
        lookups, wanted = self._schema.lookups, sorted(by_digest)
        found: dict[str, list[str]] = {}
        for start in range(0, len(wanted), CHUNK):
            statement = (
                sa.select(lookups.c.digest, lookups.c.customer_id)
                .where(lookups.c.kind == kind, lookups.c.digest.in_(wanted[start : start + CHUNK]))
                .order_by(lookups.c.customer_id)
            )
            for digest, customer_id in self.connection.execute(statement):
                found.setdefault(by_digest[digest], []).append(customer_id)
        return found

    def shared_lookups(self, limit: int, after: tuple[str, str]) -> list[tuple[str, str, list[str]]]:
        """E-mails and phone numbers that several customers have: (kind, digest, customer ids), by kind and digest."""
        lookups = self._schema.lookups
        key = (lookups.c.kind, lookups.c.digest)
        shared = (
            sa.select(*key)
            .where(lookups.c.kind.in_(("email", "phone")), sa.tuple_(*key) > sa.tuple_(*map(sa.literal, after)))
            .group_by(*key)
            .having(sa.func.count() > 1)
            .order_by(*key)
            .limit(limit)
        )
        groups: dict[tuple[str, str], list[str]] = {
            (kind, digest): [] for kind, digest in self.connection.execute(shared)
        }
        digests = sorted({digest for _, digest in groups})
        for start in range(0, len(digests), CHUNK):
            ours = lookups.c.digest.in_(digests[start : start + CHUNK])
            for row in self.connection.execute(sa.select(lookups).where(ours).order_by(lookups.c.customer_id)):
                if (row.kind, row.digest) in groups:
                    groups[row.kind, row.digest].append(row.customer_id)
        return [(kind, digest, customer_ids) for (kind, digest), customer_ids in groups.items()]

    def append(self, drafts: Sequence[Draft], now: int) -> list[Recorded[Event]]:
        """Record events with their effects on keys and look-ups. `now` is the instant to record them at.

        Raises sqlalchemy's IntegrityError where another writer took a version or a reference first.
        """
        if not drafts:
            return []
        first, recorded_at = self._draw(self.connection, self._schema.events, len(drafts), now)
        recorded = [_complete(draft, first, index, recorded_at) for index, draft in enumerate(drafts)]
        keys = {each.customer_id: new_key() for each in drafts if isinstance(each.event, CustomerRegistered)}
        others = (
            each.customer_id for each in drafts if each.customer_id not in keys and is_personal(each.event, each.reason)
        )
        ciphers = read_ciphers(self.connection, self._schema.keys, others)
        self.log.append(recorded, ciphers | {customer_id: Cipher(key) for customer_id, key in keys.items()})
        if keys:
            rows = [{"customer_id": customer_id, "key": key} for customer_id, key in keys.items()]
            self.connection.execute(self._schema.keys.insert(), rows)
        self._update_lookups(drafts)
        self._update_links(recorded)
        return recorded

    def _update_lookups(self, drafts: Sequence[Draft]) -> None:
        rows: list[dict[str, str]] = []
        for draft in drafts:
            match draft.event:
                case CustomerRegistered() as event:
                    rows += self._lookup_rows(event, draft.customer_id, LOOKUP_KINDS)
                case ContactDetailsChanged(changed=changed) as event:
                    kinds = [kind for kind in LOOKUP_KINDS if kind in changed]
                    # Rows of this very transaction may have to go too, so what is collected is written before.
                    rows = self._insert_lookups(rows)
                    self._forget_lookups(draft.customer_id, kinds)
                    rows += self._lookup_rows(event, draft.customer_id, kinds)
                case PersonalDataErased():
                    rows = self._insert_lookups(rows)
                    self._forget_lookups(draft.customer_id, LOOKUP_KINDS)
                    keys = self._schema.keys
                    self.connection.execute(keys.delete().where(keys.c.customer_id == draft.customer_id))
                case _:
                    pass
        self._insert_lookups(rows)

    def _update_links(self, recorded: Sequence[Recorded[Event]]) -> None:
        for each in recorded:
            match each.event:
                case CustomerMerged(into_id=into_id):
                    add_link(self.connection, self._schema.links, each.customer_id, into_id, each.position)
                case MergeUndone():
                    end_link(self.connection, self._schema.links, each.customer_id, each.position)
                case _:
                    pass

    def families(self, customer_ids: Iterable[str], until: int | None = None) -> Families:
        """Who some customers are one with, as of a position or as of now."""
        return read_families(self.connection, self._schema.links, customer_ids, until)

    def links(self, customer_ids: Iterable[str]) -> dict[str, str]:
        """The links by which some customers are one with others, as of now."""
        return read_links(self.connection, self._schema.links, customer_ids)

    def is_relinked(self, members: tuple[str, ...], *, after: int) -> bool:
        """Whether any of some customers was merged or told apart after a position."""
        return is_relinked(self.connection, self._schema.links, members, after)

    def ever_linked(self, customer_id: str) -> tuple[str, ...]:
        """Everyone who is or was one with a customer, themselves first."""
        return ever_linked(self.connection, self._schema.links, customer_id)

    def _lookup_rows(
        self, event: CustomerRegistered | ContactDetailsChanged, customer_id: str, kinds: Iterable[str]
    ) -> list[dict[str, str]]:
        values = ((kind, getattr(event, kind, None)) for kind in kinds)
        return [
            {"kind": kind, "digest": self._digest(kind, value), "customer_id": customer_id}
            for kind, value in values
            if value is not None
        ]

    def _insert_lookups(self, rows: list[dict[str, str]]) -> list[dict[str, str]]:
        if rows:
            self.connection.execute(self._schema.lookups.insert(), rows)
        return []

    def _forget_lookups(self, customer_id: str, kinds: Iterable[str]) -> None:
        lookups = self._schema.lookups
        ours = sa.and_(lookups.c.customer_id == customer_id, lookups.c.kind.in_(list(kinds)))
        self.connection.execute(lookups.delete().where(ours))

    def _digest(self, kind: str, value: str) -> str:
        return self._keyed(kind, normalised(kind, value))

    def outcome_of(self, command_id: str) -> tuple[str, bytes] | None:
        """The digest and outcome kept for a command id, if there are any."""
        commands = self._schema.commands
        statement = sa.select(commands.c.digest, commands.c.outcome).where(commands.c.id == command_id)
        row = self.connection.execute(statement).one_or_none()
        return None if row is None else (row.digest, row.outcome)

    def keep_outcome(self, command_id: str, digest: str, outcome: bytes) -> None:
        """Remember what came of a command, so that a retry gets the same answer."""
        row = {"id": command_id, "digest": digest, "outcome": outcome}
        self.connection.execute(self._schema.commands.insert(), row)


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
