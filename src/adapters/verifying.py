"""Verifying: fold everything afresh and compare it with what is stored; and the fingerprint of what is stored.

A fingerprint is a count and a sum, modulo 2^128, of the BLAKE2b hashes of all rows of the read models. It doesn't
depend on the order of rows, the number of workers or the database, so equal histories under equal rules have
equal ones.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.engine import Connection

from adapters.catch_up import Progress
from adapters.damage import DamagedReadModels
from adapters.histories import History, Poison, read_history
from adapters.read_models import ReadModels, Row, new_update, spread
from adapters.replay import CUSTOMERS_AT_ONCE, in_chunks, replay
from adapters.schema import GenerationTables
from adapters.store import Store
from crm_domain.errors import StoreBusy
from crm_domain.rulebook import NOBODY
from projections.compiled import Rules

MAX_DIFFERENCES = 20
MAX_ATTEMPTS = 10


class Fingerprint(Struct, frozen=True):
    """What is stored, in two numbers."""

    rows: int
    total: int

    def __str__(self) -> str:
        return f"{self.rows}:{self.total:032x}"

    def with_rows(self, projection: str, rows: Iterable[Row]) -> Fingerprint:
        """The fingerprint with further rows of a projection in it."""
        count, total = self.rows, self.total
        for row in rows:
            count += 1
            canonical = "\x1f".join([projection, *map(_text, row)]).encode()
            total += int.from_bytes(hashlib.blake2b(canonical, digest_size=16).digest(), "big")
        return Fingerprint(count, total % 2**128)


def _text(value: object) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)


class Difference(Struct, frozen=True):
    """The first row in which what is stored of a customer or a ticket differs from the fold; None for no such row."""

    projection: str
    key: str
    stored: Row | None
    folded: Row | None


class Verification(Struct, frozen=True, kw_only=True):
    """What came of comparing a generation with the log. `differences` has the first 20 of `different`."""

    checkpoint: int
    customers: int
    stored: Fingerprint
    folded: Fingerprint
    different: int
    differences: tuple[Difference, ...]
    parked: tuple[Poison, ...]

    @property
    def holds(self) -> bool:
        """Whether all is as it should be: nothing differs, and nobody is parked."""
        return self.stored == self.folded and not self.parked


def verify(store: Store, models: ReadModels, rules: Rules, on_progress: Progress | None = None) -> Verification:
    """Fold everything that a generation has folded in afresh, in one snapshot, and compare.

    `on_progress` is called with (events folded so far, events there are to fold).
    """
    with store.reading() as tx:
        connection, checkpoint = tx.connection, models.checkpoint(tx.connection)
        comparison, total = _Comparison(models, connection), store.count_events(connection)
        after = ""
        for chunk in in_chunks(replay(store, connection, rules, checkpoint)):
            last = chunk[-1].history.members[0]
            comparison.compare([each.history for each in chunk], after, last)
            after = last
            if on_progress:
                on_progress(chunk[-1].events_read, total)
        comparison.compare([], after, None)
        return Verification(
            checkpoint=checkpoint,
            customers=comparison.customers,
            stored=comparison.stored,
            folded=comparison.folded,
            different=comparison.different,
            differences=tuple(comparison.differences),
            parked=tuple(models.parked(connection).values()),
        )


class _Comparison:
    """Goes through everyone, some at a time, with what is stored beside what is folded."""

    def __init__(self, models: ReadModels, connection: Connection) -> None:
        self._models = models
        self._connection = connection
        self.customers = 0
        self.stored = self.folded = Fingerprint(0, 0)
        self.different = 0
        self.differences: list[Difference] = []

    def compare(self, histories: Sequence[History], after: str, last: str | None) -> None:
        """Compare everyone whose id comes after one, up to the last one of them, or to the end."""
        self._compare(histories, self._models.stored_rows(self._connection, after, last))

    def compare_one(self, history: History) -> None:
        """Compare one customer."""
        self._compare([history], self._models.stored_rows_of(self._connection, history.members[0]))

    def _compare(self, histories: Sequence[History], stored: Mapping[sa.Table, Sequence[Row]]) -> None:
        self.customers += len(histories)
        folded = self._models.customer_rows([new_update(history) for history in histories if history.happened])
        for table in stored:
            self._count(table, stored[table], folded[table])

    def _count(self, table: sa.Table, stored: Sequence[Row], folded: Sequence[Row]) -> None:
        projection = projection_of(table)
        self.stored = self.stored.with_rows(projection, stored)
        self.folded = self.folded.with_rows(projection, folded)
        for difference in _differences(projection, stored, folded):
            self.different += 1
            if len(self.differences) < MAX_DIFFERENCES:
                self.differences.append(difference)


def projection_of(table: sa.Table) -> str:
    """The name of the projection that a numbered table belongs to."""
    return table.name.rpartition("_")[0]


def columns_of(projection: str) -> tuple[str, ...]:
    """The names of what the rows of a projection hold."""
    tables = GenerationTables(0)
    found = {projection_of(table): table for table in tables.metadata.sorted_tables}
    return tuple(column.name for column in found[projection].columns)


def _differences(projection: str, stored: Sequence[Row], folded: Sequence[Row]) -> Iterator[Difference]:
    """One for each customer or ticket with a difference, with the first rows that differ."""
    only_stored, only_folded = (
        _first_by_key(set(some) - set(others)) for some, others in ((stored, folded), (folded, stored))
    )
    for key in sorted(only_stored.keys() | only_folded.keys()):
        yield Difference(projection, key, only_stored.get(key), only_folded.get(key))


def _first_by_key(rows: Iterable[Row]) -> dict[str, Row]:
    first: dict[str, Row] = {}
    for row in sorted(rows, key=lambda row: (_text(row[0]), str(row[1])), reverse=True):
        first[_text(row[0])] = row
    return first


def require_whole(store: Store, models: ReadModels, rules: Rules) -> None:
    """Compare some customers, spread evenly, with their histories. Raises DamagedReadModels where one differs.

    They are chosen among those of whom something is stored and, as some may have been left out, among those of the log.
    """
    with store.reading() as tx:
        connection, checkpoint = tx.connection, models.checkpoint(tx.connection)
        _require_in_log(store, connection, checkpoint)
        ids = store.schema.events.c.customer_id
        sample = sorted({*models.sample(connection), *spread(connection, ids, ids != NOBODY)})
        families = tx.families(sample, checkpoint)
        comparison = _Comparison(models, connection)
        for customer_id in sorted({families.root(each) for each in sample}):
            history = read_history(store, connection, families.members(customer_id), rules, checkpoint)
            comparison.compare_one(history)
        if comparison.different:
            difference = comparison.differences[0]
            raise DamagedReadModels(
                f"what it holds as {difference.projection} of {difference.key} is not what the events say"
            )


def _require_in_log(store: Store, connection: Connection, checkpoint: int) -> None:
    newest = connection.scalar(sa.select(sa.func.max(store.schema.events.c.position))) or 0
    if checkpoint > newest:
        raise DamagedReadModels(f"it says that it has folded in event #{checkpoint}, and the last one is #{newest}")


def repair(
    store: Store,
    models: ReadModels,
    rules: Rules,
    customer_ids: Iterable[str] | None,
    projection: str | None,
    on_progress: Progress | None = None,
) -> int:
    """Put right what is stored of some customers, or of all, in one projection, or in all; how many rows were not.

    Raises StoreBusy where the generation moved on again and again meanwhile.
    """
    repaired = 0
    ids = _ids(store, models) if customer_ids is None else sorted(customer_ids)
    for done, start in enumerate(range(0, len(ids), CUSTOMERS_AT_ONCE), 1):
        chunk = ids[start : start + CUSTOMERS_AT_ONCE]
        repaired += _repair(store, models, rules, chunk, projection)
        if on_progress:
            on_progress(min(done * CUSTOMERS_AT_ONCE, len(ids)), len(ids))
    return repaired


def _ids(store: Store, models: ReadModels) -> list[str]:
    """Everyone to whom something happened, or of whom something is stored."""
    ids = store.schema.events.c.customer_id
    with store.reading() as tx:
        recorded = tx.connection.execute(sa.select(ids).where(ids != NOBODY).distinct()).scalars()
        return sorted(models.customer_ids(tx.connection).union(recorded))


def _repair(store: Store, models: ReadModels, rules: Rules, ids: Sequence[str], projection: str | None) -> int:
    for _ in range(MAX_ATTEMPTS):
        with store.reading() as tx:
            checkpoint = models.checkpoint(tx.connection)
            families = tx.families(ids, checkpoint)
            roots = [each for each in ids if families.root(each) == each]
            histories = [
                read_history(store, tx.connection, families.members(each), rules, checkpoint) for each in roots
            ]
            merged_away = families.roots.keys()
        with store.writing() as tx:
            if models.advance(tx.connection, checkpoint, checkpoint):
                return _put_right(models, tx.connection, histories, merged_away, projection)
    raise StoreBusy("others recorded events again and again; try again")


def _put_right(
    models: ReadModels,
    connection: Connection,
    histories: Sequence[History],
    merged_away: Iterable[str],
    projection: str | None,
) -> int:
    ids = sorted({history.members[0] for history in histories}.union(merged_away))
    updates = [new_update(history) for history in histories if history.happened]
    wrong = 0
    for table, folded in models.customer_rows(updates).items():
        if projection in (None, projection_of(table)):
            stored = [row for each in ids for row in models.stored_in(connection, table, each)]
            wrong += models.replace_rows(connection, table, stored, folded)
    models.unpark(connection, ids)
    models.park(connection, [history.poison for history in histories if history.poison])
    return wrong
