"""Completing a restored backup with the newer events of an archive.

The backup has the keys, the archive the events: what was recorded after the backup is added as it is stored, with its
effects on keys, settings, the command log and indexes. Personal data of who was registered after the backup stays
encrypted, as no key of theirs is in either.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby, islice
from operator import itemgetter
from typing import Any

import msgspec
import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.engine import Connection

from regulars.adapters.archive.parquet import COLUMNS, digest_of
from regulars.adapters.archive.reading import Archive, read_archive, read_rows
from regulars.adapters.archive.writing import store_id
from regulars.adapters.checking.repairing_indexes import find_wrong, repair_index
from regulars.adapters.extensions.extended import name_needed
from regulars.adapters.log.codec import CODECS, tags_of
from regulars.adapters.log.outcomes import KeptOutcome
from regulars.adapters.schema.positions import continue_positions, last_settled
from regulars.adapters.schema.tables import EVENT_COLUMNS
from regulars.adapters.sql.table_names import ours
from regulars.adapters.store.store import Store
from regulars.adapters.store.transaction import Transaction
from regulars.crm_domain.customer import PersonalDataErased
from regulars.crm_domain.errors import StoreUnusable
from regulars.crm_domain.rulebook import STREAM

ROWS_AT_ONCE = 2_000

_ERASED = tags_of((PersonalDataErased,), CODECS)
_command = itemgetter(0)


class Completed(Struct, frozen=True, kw_only=True):
    """How many events an archive added, and how many customers among them have no key, so they can't be read."""

    added: int
    without_key: int


def complete(store: Store, folder: str | os.PathLike[str]) -> Completed:
    """Add the events that an archive has beyond the last one of a store in a file, and repair its indexes.

    All are added, or none. Raises StoreUnusable for the archive of another store or of one that went another way, and
    for a damaged one; NotFound where there is none.
    """
    found = read_archive(folder)
    with store.writing(alone=True) as tx:
        newest = last_settled(tx.connection, store.schema.events) or 0
        _require_same(store, tx.connection, found, newest)
        if found.until <= newest:
            return Completed(added=0, without_key=0)
        done = _Completion(store, tx, found, newest).carry_out()
    if tx.has_destroyed:
        store.destroy_traces()
    for index in store.statements.indexes:
        wrong = find_wrong(store, index)
        if wrong is not None:
            repair_index(store, wrong)
    return done


def _require_same(store: Store, connection: Connection, found: Archive, newest: int) -> None:
    """Raise StoreUnusable where an archive is another store's, or differs from this one where both have events."""
    if found.last.store != store_id(store):
        raise StoreUnusable(f"the archive in {found.folder} is of another store than the backup")
    for run in found.runs:
        if run.until <= newest and _stored(store, connection, run.until) != run.last_event:
            raise _other_ways(found, run.until)


def _other_ways(found: Archive, position: int) -> StoreUnusable:
    return StoreUnusable(
        f"the archive in {found.folder} and the backup have gone different ways: their event #{position} isn't the same"
    )


def _stored(store: Store, connection: Connection, position: int) -> str | None:
    """The digest of a stored event; None where there is none."""
    columns = [store.schema.events.c[name] for name in EVENT_COLUMNS]
    row = connection.execute(sa.select(*columns).where(store.schema.events.c.position == position)).first()
    return None if row is None else digest_of(row)


class _Completion:
    """Adds the events of an archive after a position, in one transaction."""

    def __init__(self, store: Store, tx: Transaction, found: Archive, newest: int) -> None:
        self._store = store
        self._tx = tx
        self._connection = tx.connection
        self._found = found
        self._newest = newest
        self._commands = sa.Table(
            ours("archived_commands"),
            sa.MetaData(),
            *(sa.Column("id", sa.Text), sa.Column("position", sa.BigInteger)),
            *(sa.Column("digest", sa.Text), sa.Column("customer_id", sa.Text)),
            prefixes=["TEMPORARY"],
        )

    def carry_out(self) -> Completed:
        """Add all events, and what is derived from them beside the indexes."""
        events, last = self._store.schema.events, self._found.last
        self._commands.create(self._connection)
        added = self._add_events()
        self._require_whole()
        recorded_at = sa.select(sa.func.max(events.c.recorded_at)).where(events.c.position == last.until)
        continue_positions(self._connection, events, last.until, self._connection.execute(recorded_at).scalar_one())
        self._keep_outcomes()
        self._commands.drop(self._connection)
        if last.currency is not None and self._store.currency(self._connection) is None:
            self._store.fix_currency(self._connection, last.currency)
        name_needed(self._connection, self._store.schema, last.needs)
        self._forget()
        return Completed(added=added, without_key=self._count_without_key())

    def _add_events(self) -> int:
        events, added = self._store.schema.events, 0
        expected = None if self._newest == 0 else _stored(self._store, self._connection, self._newest)
        for rows in read_rows(self._found, self._newest - 1):
            for row in rows:
                if row[0] == self._newest and digest_of(row) != expected:
                    raise _other_ways(self._found, self._newest)
            newer = [dict(zip(COLUMNS, row, strict=True)) for row in rows if row[0] > self._newest]
            if newer:
                self._connection.execute(
                    events.insert(), [{name: row[name] for name in EVENT_COLUMNS} for row in newer]
                )
            of_commands = [
                {"id": row["command_id"], "digest": row["command_digest"]}
                | {name: row[name] for name in ("position", "customer_id")}
                for row in newer
                if row["command_digest"] is not None and row["stream_id"] != STREAM
            ]
            if of_commands:
                self._connection.execute(self._commands.insert(), of_commands)
            added += len(newer)
        return added

    def _require_whole(self) -> None:
        """Raise StoreUnusable where a version of a stream is missing, between the backup and the archive or within."""
        events = self._store.schema.events
        version = events.c.version
        broken = sa.select(events.c.stream_id).group_by(events.c.stream_id)
        first = self._connection.scalar(broken.having(sa.func.max(version) != sa.func.count()).limit(1))
        if first is not None:
            raise StoreUnusable(
                f"the backup and the archive in {self._found.folder} have a gap between them: a version of the stream "
                f"{first} is missing"
            )

    def _keep_outcomes(self) -> None:
        """Keep the outcomes of commands with an id, so that a retry after the restore gets the same answer."""
        table, kept = self._commands, self._store.schema.commands
        rows = self._connection.execute(sa.select(table).order_by(table.c.id, table.c.position)).all()
        for some in _batches(_outcomes(rows)):
            self._connection.execute(kept.insert().prefix_with("OR IGNORE"), some)

    def _forget(self) -> None:
        """Destroy the keys of who was forgotten after the backup."""
        events = self._store.schema.events
        newer = sa.and_(events.c.position > self._newest, events.c.type.in_(_ERASED))
        gone = self._connection.execute(sa.select(events.c.customer_id).where(newer)).scalars().all()
        if gone:
            self._tx.destroy_keys(gone)

    def _count_without_key(self) -> int:
        events, keys = self._store.schema.events, self._store.schema.keys
        erased = sa.select(events.c.customer_id).where(events.c.type.in_(_ERASED))
        theirs = sa.and_(
            events.c.position > self._newest,
            events.c.secret.is_not(None),
            events.c.customer_id.not_in(sa.select(keys.c.customer_id)),
            events.c.customer_id.not_in(erased),
        )
        counted = sa.select(sa.func.count(events.c.customer_id.distinct())).where(theirs)
        return self._connection.execute(counted).scalar_one()


def _outcomes(rows: Sequence[sa.Row[Any]]) -> Iterator[dict[str, Any]]:
    for command_id, group in groupby(rows, key=_command):
        theirs = list(group)
        outcome = KeptOutcome(theirs[0].customer_id, tuple(each.position for each in theirs))
        yield {"id": command_id, "digest": theirs[0].digest, "outcome": msgspec.json.encode(outcome)}


def _batches(rows: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    rest = iter(rows)
    while some := list(islice(rest, ROWS_AT_ONCE)):
        yield some
