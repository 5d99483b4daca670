"""Writing a run: what the log has after the last run, by partition, each in order of customer, time and position.

The database sorts; the rows are read once and handed to the file of their partition, so memory doesn't grow with the
log. Ciphertext is copied as it is and no key is: who is forgotten is so in every archive.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import msgspec
import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.engine import Connection

from regulars.adapters.archive.manifest import (
    MANIFEST,
    MOST_PARTITIONS,
    Link,
    Manifest,
    RunFile,
    name_of_run,
    partition_of,
)
from regulars.adapters.archive.parquet import COMMAND_DIGEST, arrow, batch_of, digest_of, schema
from regulars.adapters.archive.reading import Archive, read_runs
from regulars.adapters.extensions.extended import needed_by
from regulars.adapters.indexes.links import link_columns
from regulars.adapters.progress import Progress
from regulars.adapters.schema.positions import last_settled, settled
from regulars.adapters.schema.tables import EVENT_COLUMNS
from regulars.adapters.sql.driver_errors import name_of
from regulars.adapters.sql.loading import loading
from regulars.adapters.sql.without_index import without_index
from regulars.adapters.store.horizon import await_settled
from regulars.adapters.store.store import Store
from regulars.adapters.store.transaction import Transaction
from regulars.adapters.whole_files import whole_folder
from regulars.crm_domain.errors import StoreBusy, StoreUnusable

PARTITIONS = 16
ROWS_AT_ONCE = 5_000
ROWS_AS_READ = 10_000  # of all partitions together, in Python's form, which takes ten times as much memory as Arrow's
ROWS_IN_MEMORY = 64_000  # of all partitions together, in Arrow's form
MOST_ROWS_A_GROUP = 10_000

_CUSTOMER = EVENT_COLUMNS.index("customer_id")


class Archived(Struct, frozen=True, kw_only=True):
    """What an archive has after a run: the last position, its number of partitions and of runs.

    `added` is how many events this run added; 0 where nothing was new, and then there was no run.
    """

    added: int
    until: int
    partitions: int
    runs: int


def archive(
    store: Store,
    folder: Path,
    *,
    partitions: int | None = None,
    at_least: int = 0,
    on_progress: Progress | None = None,
) -> Archived:
    """Add a run with all settled events that an archive doesn't have yet; a new archive has 16 `partitions`.

    `on_progress` is called with (events written so far, events there are to write). Raises StoreUnusable for the
    archive of another store, a damaged one, and one with another number of partitions; StoreBusy where another process
    archived meanwhile, or where the position `at_least` isn't settled for too long.
    """
    arrow()
    found = read_runs(folder)
    count = _partitions(found, partitions)
    await_settled(store, at_least)
    with store.reading() as tx:
        require_same_store(store, tx.connection, found)
        until = last_settled(tx.connection, store.schema.events) or 0
        if until <= found.until:
            return Archived(added=0, until=found.until, partitions=count, runs=len(found.runs))
        _make(folder)
        try:
            with whole_folder(folder / name_of_run(len(found.runs) + 1)) as unfinished:
                added = _Run(store, tx, found, until, count).write(unfinished, on_progress)
        except FileExistsError:
            raise StoreBusy(f"another process added to the archive in {folder} meanwhile; run it again") from None
    return Archived(added=added, until=until, partitions=count, runs=len(found.runs) + 1)


def store_id(store: Store) -> str:
    """What tells a store from others, also as a copy or restored from a backup: a keyed hash under its own key."""
    return store.keyed("archive", b"of this store")


def require_same_store(store: Store, connection: Connection, found: Archive) -> None:
    """Raise StoreUnusable where an archive isn't of this store, or of one that has gone another way since a copy."""
    for run in found.runs[-1:]:
        if run.store != store_id(store):
            raise StoreUnusable(f"the archive in {found.folder} is of another store than {name_of(store.database.url)}")
        columns = [store.schema.events.c[name] for name in EVENT_COLUMNS]
        last = connection.execute(sa.select(*columns).where(store.schema.events.c.position == run.until)).first()
        if last is None or digest_of(last) != run.last_event:
            raise StoreUnusable(
                f"the archive in {found.folder} and {name_of(store.database.url)} have gone different ways: "
                f"their event #{run.until} isn't the same"
            )


def _partitions(found: Archive, asked: int | None) -> int:
    if asked is not None and not 1 <= asked <= MOST_PARTITIONS:
        raise ValueError(f"an archive has from 1 to {MOST_PARTITIONS} partitions, not {asked}")
    kept = found.runs[0].partitions if found.runs else None
    if kept is not None and asked not in (None, kept):
        raise StoreUnusable(f"the archive in {found.folder} has {kept} partitions, and keeps them; not {asked}")
    return kept or asked or PARTITIONS


def _make(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise StoreUnusable(f"{folder} can't be made: {error.strerror or error}") from None


class _Run:
    """One run, from one snapshot."""

    def __init__(self, store: Store, tx: Transaction, found: Archive, until: int, partitions: int) -> None:
        self._store = store
        self._connection = tx.connection
        self._found = found
        self._until = until
        self._partitions = partitions
        self._last_event = ""

    def write(self, folder: Path, on_progress: Progress | None) -> int:
        """Write the files, and then the manifest; how many events they have."""
        counts = self._write_files(folder, on_progress)
        files = tuple(
            RunFile(name=_name_of(each), partition=each, events=counts[each], sha256=_sha256(folder / _name_of(each)))
            for each in sorted(counts)
        )
        settings = self._store.read_settings(self._connection)
        manifest = Manifest(
            store=store_id(self._store),
            run=len(self._found.runs) + 1,
            partitions=self._partitions,
            after=self._found.until,
            until=self._until,
            events=sum(counts.values()),
            last_event=self._last_event,
            files=files,
            links=tuple(self._links()),
            currency=self._store.currency(self._connection),
            needs=tuple(needed_by(settings).values()),
        )
        (folder / MANIFEST).write_bytes(msgspec.json.format(msgspec.json.encode(manifest)))
        return manifest.events

    def _write_files(self, folder: Path, on_progress: Progress | None) -> dict[int, int]:
        """Write each partition's file; how many events each has."""
        total, done = self._count() if on_progress else 0, 0
        at_once = max(1, ROWS_AS_READ // self._partitions)
        waiting: dict[int, list[Sequence[Any]]] = {}
        with ExitStack() as until_the_end:
            files: dict[int, _File] = {}

            def hand_over(partition: int) -> None:
                if partition not in files:
                    file = _File(folder / _name_of(partition), ROWS_IN_MEMORY // self._partitions)
                    files[partition] = until_the_end.enter_context(closing(file))
                files[partition].add(waiting.pop(partition))

            for row in self._rows():
                if row[0] == self._until:
                    self._last_event = digest_of(row)
                partition = partition_of(str(row[_CUSTOMER]), self._partitions)
                waiting.setdefault(partition, []).append(row)
                if len(waiting[partition]) == at_once:
                    hand_over(partition)
                    done += at_once
                    if on_progress:
                        on_progress(done, total)
            for partition in sorted(waiting):
                hand_over(partition)
        counts = {partition: file.count for partition, file in files.items()}
        if on_progress:
            on_progress(sum(counts.values()), total)
        return counts

    def _is_new(self) -> sa.ColumnElement[bool]:
        events = self._store.schema.events
        return sa.and_(events.c.position > self._found.until, events.c.position <= self._until, settled(events))

    def _count(self) -> int:
        events = self._store.schema.events
        return self._connection.execute(
            sa.select(sa.func.count()).select_from(events).where(self._is_new())
        ).scalar_one()

    def _rows(self) -> Iterator[Sequence[Any]]:
        events, commands = self._store.schema.events, self._store.schema.commands
        kept = sa.select(commands.c.digest).where(commands.c.id == events.c.command_id).scalar_subquery()
        columns = [events.c[name] for name in EVENT_COLUMNS]
        customer: sa.ColumnElement[Any] = sa.collate(events.c.customer_id, "C")
        if self._store.database.is_sqlite:  # a scan and a sort are many times quicker than reading by an index
            customer = without_index(self._store.database.dialect, events.c.customer_id)
        statement = sa.select(*columns, kept.label(COMMAND_DIGEST)).where(self._is_new())
        in_order = statement.order_by(customer, events.c.occurred_at, events.c.position)
        with (
            loading(self._connection),
            self._connection.execute(in_order, execution_options={"yield_per": ROWS_AT_ONCE}) as found,
        ):
            yield from found

    def _links(self) -> Iterator[Link]:
        """The links as of the last position of the run."""
        links = self._store.schema.links
        columns = link_columns(links)
        for away, survivor, made, undone in self._connection.execute(
            sa.select(*columns).where(links.c.merged_at <= self._until).order_by(links.c.merged_at, links.c.customer_id)
        ):
            ended = undone if undone is not None and undone <= self._until else None
            yield Link(customer_id=away, into_id=survivor, merged_at=made, undone_at=ended)


class _File:
    """One partition's file while it is written: rows are gathered in Arrow's form until they are worth a row group."""

    def __init__(self, path: Path, rows_a_group: int) -> None:
        self._schema = schema()
        self._writer = arrow().parquet.ParquetWriter(os.fspath(path), self._schema, compression="zstd")
        self._rows_a_group = min(MOST_ROWS_A_GROUP, rows_a_group)
        self._batches: list[Any] = []
        self._gathered = 0
        self.count = 0

    def add(self, rows: Sequence[Sequence[Any]]) -> None:
        """Add rows behind the others."""
        self._batches.append(batch_of(rows, self._schema))
        self._gathered += len(rows)
        self.count += len(rows)
        if self._gathered >= self._rows_a_group:
            self._write()

    def close(self) -> None:
        """Write what is gathered, and end the file."""
        try:
            if self._batches:
                self._write()
        finally:
            self._writer.close()

    def _write(self) -> None:
        self._writer.write_table(arrow().Table.from_batches(self._batches, self._schema))
        self._batches, self._gathered = [], 0


def _name_of(partition: int) -> str:
    return f"part-{partition:03d}.parquet"


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
