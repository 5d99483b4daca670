"""Building read models from what a cluster folds: rows come back as Parquet, and are loaded in order of customers.

In that order a rebuild notes how far it is, so one that is interrupted goes on, on the cluster or without it.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Generator, Iterator
from contextlib import ExitStack, closing, contextmanager
from heapq import merge
from operator import itemgetter
from pathlib import Path
from typing import Any

import msgspec
import sqlalchemy as sa

from regulars.adapters.archive.manifest import Manifest
from regulars.adapters.archive.parquet import arrow
from regulars.adapters.archive.reading import Archive, read_archive, read_runs
from regulars.adapters.archive.writing import archive, require_same_store
from regulars.adapters.cluster.folding import FOLDED, ClusterTask, Rows, fold_batches
from regulars.adapters.cluster.job import carried_out, job
from regulars.adapters.cluster.session import is_local, shared_folder, spark_session
from regulars.adapters.extensions.extension import reference_of
from regulars.adapters.indexes.links import link_columns
from regulars.adapters.read_models.histories import Poison
from regulars.adapters.read_models.parallel_fold import Elsewhere, FoldedChunk
from regulars.adapters.read_models.replay import BEFORE_EVERYBODY, CUSTOMERS_AT_ONCE, Range
from regulars.adapters.read_models.rows import ReadModels
from regulars.adapters.store.store import Store
from regulars.adapters.whole_files import scratch_folder
from regulars.crm_domain.errors import StoreUnusable
from regulars.projections.rules.compiled import Rules

BYTES_AT_ONCE = 16_000_000
FAMILIES_READ_AT_ONCE = 200  # of each file, and there are as many as partitions

_rows = msgspec.msgpack.Decoder(Rows)
_poisons = msgspec.msgpack.Decoder(dict[str, Poison])

#: One family: its root, how many events it has, its rows and its poison events, and why nothing can be folded.
_Record = tuple[str, int, bytes, bytes, str | None]


@contextmanager
def archived(store: Store, master: str, folder: str | os.PathLike[str] | None) -> Iterator[Archive]:
    """The archive in a folder, checked; or one of all that is settled by now, in a folder that is deleted afterwards.

    Raises StoreUnusable where it is another store's, or isn't as it was written, and where the cluster is on other
    machines, which can't read a temporary folder of this one.
    """
    if folder is not None:
        yield _of_store(store, read_archive(folder))
        return
    if not is_local(master):
        raise StoreUnusable(f"{master} folds an archive in a folder that all its machines have: name it (--archive)")
    with tempfile.TemporaryDirectory(prefix="regulars-archive-") as temporary:
        archive(store, Path(temporary))
        yield read_runs(Path(temporary))


def _of_store(store: Store, found: Archive) -> Archive:
    with store.reading() as tx:
        require_same_store(store, tx.connection, found)
        links, last = store.schema.links, found.last
        stored = tx.connection.execute(sa.select(*link_columns(links)).where(links.c.merged_at <= last.until)).all()
    if {(away, into, made, _by(last, undone)) for away, into, made, undone in stored} != _links(last):
        raise StoreUnusable(
            f"the links of merges in the archive in {found.folder} are not those of the store; archive to a new folder"
        )
    return found


def _by(last: Manifest, undone: int | None) -> int | None:
    return undone if undone is not None and undone <= last.until else None


def _links(last: Manifest) -> set[tuple[str, str, int, int | None]]:
    return {(each.customer_id, each.into_id, each.merged_at, each.undone_at) for each in last.links}


def task_of(store: Store, found: Archive, models: ReadModels, rules: Rules, until: int) -> ClusterTask:
    """The task of folding an archive up to a position."""
    return ClusterTask(
        generation=models.number,
        builds=models.builds,
        ruleset=rules.ruleset.canonical(),
        currency=rules.currency,
        links=found.links(until),
        extensions=tuple(map(reference_of, store.extended.brought)),
        missing=store.extended.missing,
    )


@contextmanager
def folding_on(store: Store, master: str, folder: str | os.PathLike[str] | None) -> Iterator[Elsewhere]:
    """A cluster that folds an archive, or what is settled by now, for the build of a generation.

    Raises StoreUnusable as `archived` and `spark_session` do, and where a job fails.
    """
    with archived(store, master, folder) as found, spark_session(master) as session:

        def fold(models: ReadModels, rules: Rules, until: int, wanted: Range) -> Generator[FoldedChunk]:
            task = task_of(store, found, models, rules, until)
            with scratch_folder(found.folder / "folded") as scratch:
                rows = scratch / "rows"
                folded = job(session, found, task, fold_batches, FOLDED, until=until, wanted=wanted)
                carried_out(lambda: folded.write.parquet(shared_folder(rows)))
                yield from _chunks(rows)

        yield Elsewhere(found.until, fold)


def _chunks(rows: Path) -> Generator[FoldedChunk]:
    """The families in some files, each of which has its own in order of their roots, in chunks in that order."""
    with ExitStack() as until_the_end:
        read = [until_the_end.enter_context(closing(_records(each))) for each in sorted(rows.glob("*.parquet"))]
        some: list[_Record] = []
        size = 0
        last: str | None = None
        for record in merge(*read, key=itemgetter(0)):
            if record[-1] is not None:
                raise StoreUnusable(record[-1])
            if last is not None and record[0] <= last:
                raise StoreUnusable(f"the cluster folded id:{record[0]} twice, or not in order; nothing was made live")
            last = record[0]
            some.append(record)
            size += len(record[2])
            if len(some) >= CUSTOMERS_AT_ONCE or size >= BYTES_AT_ONCE:
                yield _chunk(some)
                some, size = [], 0
        if some:
            yield _chunk(some)


def _records(path: Path) -> Generator[_Record]:
    with arrow().parquet.ParquetFile(path) as file:
        for batch in file.iter_batches(batch_size=FAMILIES_READ_AT_ONCE):
            columns: list[list[Any]] = [column.to_pylist() for column in batch.columns]
            yield from zip(*columns, strict=True)


def _chunk(some: list[_Record]) -> FoldedChunk:
    rows: Rows = {}
    poisons = []
    for _, _, theirs, parked, _ in some:
        for table, found in _rows.decode(theirs).items():
            rows.setdefault(table, []).extend(found)
        if reasons := _poisons.decode(parked):
            poisons.append(reasons)
    last, events = some[-1][0] or BEFORE_EVERYBODY, sum(each[1] for each in some)
    return FoldedChunk(last=last, events=events, rows=rows, poisons=poisons)
