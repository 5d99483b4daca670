"""What a worker of the cluster does: a stream of Arrow batches in, and of rows out, by the fold of one machine.

1. Rows come in order of `root`, the first of a family of merged customers, so one family at a time is in memory.
2. All rows of a family come together. Where a version of a stream is missing, they don't, and nothing is folded.
3. A worker opens no store: the rules, the families and where to import extensions from come with its task.
4. What can't be folded whatever is tried comes back as a sentence, as a task that fails is tried again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from itertools import groupby
from operator import itemgetter
from typing import Any

import msgspec
from msgspec import Struct

from regulars.adapters.archive.parquet import arrow
from regulars.adapters.extensions.extended import Needed, codecs_without
from regulars.adapters.extensions.extension import import_extension
from regulars.adapters.extensions.registry import registry_of
from regulars.adapters.garbage_collection import collecting_seldom
from regulars.adapters.indexes.links import Families, families_of
from regulars.adapters.log.codec import Codecs, codecs_of
from regulars.adapters.read_models.histories import History, fold_rows
from regulars.adapters.read_models.rows import ReadModels
from regulars.adapters.read_models.updates import new_update
from regulars.adapters.read_models.verifying import Fingerprint, projection_of
from regulars.adapters.schema.tables import common_schema
from regulars.crm_domain.errors import RegularsError, StoreUnusable
from regulars.crm_domain.event import Event
from regulars.projections.engine.fold import FoldPlan
from regulars.projections.registry import Registry
from regulars.projections.rules.compiled import compile_rules
from regulars.projections.rules.grammar import restore_rules

#: What a worker reads of each event: the columns of a fold's rows, and what tells whether rows are missing.
HISTORY = ("position", "stream_id", "customer_id", "occurred_at", "type", "payload")
WANTED = ("root", *HISTORY, "version")

#: A record of a fold: a family's rows by table and its poison events, or why nothing can be folded.
FOLDED = "root string, events long, rows binary, poisons binary, refused string"
#: A record of a task's fingerprints, by projection.
FINGERPRINTS = "customers long, fingerprints binary, refused string"

FAMILIES_AT_ONCE = 500
BYTES_AT_ONCE = 4_000_000

Rows = dict[str, list[tuple[Any, ...]]]


class ClusterTask(Struct, frozen=True, kw_only=True):
    """What workers need: the builds, the rules as text, who was merged into whom, and where to import extensions from.

    `missing` are the extensions that the store names and that its process was without.
    """

    generation: int
    builds: dict[str, int]
    ruleset: str
    currency: str | None
    links: dict[str, str]
    extensions: tuple[str, ...] = ()
    missing: tuple[Needed, ...] = ()


class Worker:
    """Folds families by their rows."""

    def __init__(self, task: ClusterTask) -> None:
        self._task = task

    @cached_property
    def registry(self) -> Registry:
        """All that is folded, of ours and of extensions."""
        return registry_of(tuple(map(import_extension, self._task.extensions)))

    @cached_property
    def codecs(self) -> Codecs:
        """The codecs of events."""
        return codecs_without(self._task.missing, codecs_of(self.registry.catalogue))

    @cached_property
    def handles(self) -> frozenset[type[Event]]:
        """The types of events that are folded."""
        return frozenset(self.registry.handles)

    @cached_property
    def families(self) -> Families:
        """The families of merged customers."""
        return families_of(self._task.links)

    @cached_property
    def models(self) -> ReadModels:
        """The read models, of which no table is here: they only say what rows there are."""
        schema = common_schema(is_sqlite=True)
        return ReadModels(schema, self._task.generation, self._task.builds, self.registry)

    @cached_property
    def plan(self) -> FoldPlan:
        """The fold under the rules."""
        ruleset = restore_rules(self._task.ruleset, self.registry.grammar)
        return self.models.plan(compile_rules(ruleset, self._task.currency, self.registry.sections))

    def histories(self, batches: Iterable[Any]) -> Iterator[tuple[str, int, History]]:
        """Each family's root, how many rows it has, and its fold. Raises StoreUnusable where rows are missing."""
        for root, group in groupby(_rows(batches), key=itemgetter(0)):
            rows = list(group)
            require_all(rows)
            history = fold_rows(self, [row[1:-1] for row in rows], self.families.members(root), self.plan)
            if history.folded.last_at is not None or history.poisons:
                yield root, len(rows), history

    def rows(self, history: History) -> Rows:
        """A family's rows, by the name of their table."""
        updates = [new_update(history)] if history.happened else []
        return {table.name: rows for table, rows in self.models.customer_rows(updates).items() if rows}


def _rows(batches: Iterable[Any]) -> Iterator[tuple[Any, ...]]:
    for batch in batches:
        yield from zip(*(batch.column(name).to_pylist() for name in WANTED), strict=True)


def require_all(rows: Sequence[Sequence[Any]]) -> None:
    """Raise StoreUnusable where a version of a stream is missing among the rows of a family, or comes twice."""
    versions: dict[str, list[int]] = {}
    for row in rows:
        versions.setdefault(row[2], []).append(row[-1])
    for stream_id, found in versions.items():
        if len(found) != max(found) or len(set(found)) != len(found):
            wrong = next(each for each in range(1, max(found) + 2) if found.count(each) != 1)
            raise StoreUnusable(
                f"version {wrong} of the stream {stream_id} came {found.count(wrong)} times to the worker that folds "
                "it: the archive isn't whole, or wasn't divided by customers"
            )


# --------------------------------------------------------------------------------------------- as Spark calls them


def fold_batches(packed: bytes, batches: Iterable[Any]) -> Iterator[Any]:
    """The records of FOLDED of the families in some batches; `packed` is the task."""
    pa, records = arrow(), list[tuple[Any, ...]]()
    worker, size = Worker(msgspec.msgpack.decode(packed, type=ClusterTask)), 0
    try:
        with collecting_seldom():
            for root, events, history in worker.histories(batches):
                rows, poisons = msgspec.msgpack.encode(worker.rows(history)), dict(history.poisons)
                records.append((root, events, rows, msgspec.msgpack.encode(poisons), None))
                size += len(rows)
                if len(records) >= FAMILIES_AT_ONCE or size >= BYTES_AT_ONCE:
                    yield _batch(pa, records, _folded_schema(pa))
                    records, size = [], 0
    except (RegularsError, ValueError) as error:
        records.append(("", 0, b"", b"", str(error)))
    if records:
        yield _batch(pa, records, _folded_schema(pa))


def fingerprint_batches(packed: bytes, batches: Iterable[Any]) -> Iterator[Any]:
    """The record of FINGERPRINTS of the families in some batches; `packed` is the task."""
    pa, worker = arrow(), Worker(msgspec.msgpack.decode(packed, type=ClusterTask))
    found: dict[str, Fingerprint] = {}
    customers, refused = 0, None
    try:
        names = {table.name: projection_of(table) for table in worker.models.tables.tables}
        with collecting_seldom():
            for _, _, history in worker.histories(batches):
                customers += 1
                for table, rows in worker.rows(history).items():
                    before = found.get(names[table], Fingerprint(0, 0))
                    found[names[table]] = before.with_rows(names[table], rows)
    except (RegularsError, ValueError) as error:
        refused = str(error)
    packed_prints = msgspec.msgpack.encode({name: (each.rows, f"{each.total:x}") for name, each in found.items()})
    schema = pa.schema([("customers", pa.int64()), ("fingerprints", pa.binary()), ("refused", pa.string())])
    yield _batch(pa, [(customers, packed_prints, refused)], schema)


def _folded_schema(pa: Any) -> Any:
    columns = {"root": pa.string(), "events": pa.int64(), "rows": pa.binary(), "poisons": pa.binary()}
    return pa.schema([*columns.items(), ("refused", pa.string())])


def _batch(pa: Any, records: Sequence[tuple[Any, ...]], schema: Any) -> Any:
    columns = zip(*records, strict=True)
    arrays = [pa.array(list(values), field.type) for values, field in zip(columns, schema, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)
