"""Verifying read models: fold the log again, compare the result with the stored rows, and give both a fingerprint.

A fingerprint is a count and a sum, modulo 2^128, of the BLAKE2b hashes of all rows of the read models. It doesn't
depend on the order of rows, the number of workers or the database, so equal histories under equal rules have equal
ones.
"""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

import sqlalchemy as sa
from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy.engine import Connection

from regulars.adapters.progress import Progress
from regulars.adapters.read_models.catch_up import require_in_log
from regulars.adapters.read_models.comparing import (
    customers_in,
    replace_rows,
    replace_steps,
    sample_of,
    spread,
    stored_rows,
    unexpected_rows,
)
from regulars.adapters.read_models.customer_numbers import ids_of
from regulars.adapters.read_models.histories import History, Poison, read_history
from regulars.adapters.read_models.replay import CUSTOMERS_AT_ONCE, ROWS_AT_ONCE, in_chunks, replay
from regulars.adapters.read_models.rows import ReadModels
from regulars.adapters.read_models.updates import new_update
from regulars.adapters.schema.builds import ProjectionTables, Row
from regulars.adapters.sql.columns import as_stored
from regulars.adapters.sql.damage import DamagedReadModels
from regulars.adapters.sql.table_names import PREFIX
from regulars.adapters.store.store import Store
from regulars.crm_domain.errors import StoreBusy
from regulars.crm_domain.rulebook import NOBODY
from regulars.projections.facts.shared import SHARED
from regulars.projections.rules.compiled import Rules

MAX_DIFFERENCES = 20
MAX_ATTEMPTS = 10


class Fingerprint(Struct, frozen=True):
    """The number of rows, and the sum of their hashes."""

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
    """The first row in which the stored read models of a customer or a ticket differ from the fold.

    `stored` or `folded` is None where that side has no such row. `columns` are the names of the row's values.
    """

    projection: str
    key: str
    columns: tuple[str, ...]
    stored: Row | None
    folded: Row | None


class Verification(Struct, frozen=True, kw_only=True):
    """The result of comparing a generation with the log.

    `builds` are the numbers of the builds that were compared, by name; `to_be_built` names those that weren't, as other
    code built them or nobody yet. `differences` has the first 20 of `different`.
    """

    checkpoint: int
    builds: Mapping[str, int]
    customers: int
    stored: Fingerprint
    folded: Fingerprint
    different: int
    differences: tuple[Difference, ...]
    parked: tuple[Poison, ...]
    to_be_built: tuple[str, ...] = ()

    @property
    def holds(self) -> bool:
        """Whether nothing differs and no customer is parked."""
        return self.stored == self.folded and not self.different and not self.parked


def verify(store: Store, models: ReadModels, rules: Rules, on_progress: Progress | None = None) -> Verification:
    """Fold again all that a generation has folded, in one snapshot, and compare.

    `on_progress` is called with (events folded so far, events there are to fold).
    """
    with store.reading() as tx:
        connection, checkpoint = tx.connection, models.checkpoint(tx.connection)
        total = store.count_events(connection)
        groups = models.level(connection)
        comparisons = [_Comparison(each, connection) for each in groups]
        for done, comparison in enumerate(comparisons):
            some = groups[done]
            until = some.checkpoint(connection)
            for chunk in in_chunks(replay(store, connection, some.plan(rules), until)):
                comparison.compare([each.history for each in chunk])
                if on_progress:
                    on_progress(done * total + chunk[-1].events_read, len(groups) * total)
            comparison.compare_the_rest()
        return Verification(
            checkpoint=checkpoint,
            builds=models.builds,
            customers=len(comparisons[-1].numbers) if comparisons else 0,
            stored=added_up(each.stored for each in comparisons),
            folded=added_up(each.folded for each in comparisons),
            different=sum(each.different for each in comparisons),
            differences=tuple(each for some in comparisons for each in some.differences)[:MAX_DIFFERENCES],
            parked=tuple(models.parked(connection).values()),
        )


def added_up(fingerprints: Iterable[Fingerprint]) -> Fingerprint:
    """The fingerprint of the rows of several together."""
    found = Fingerprint(0, 0)
    for each in fingerprints:
        found = Fingerprint(found.rows + each.rows, (found.total + each.total) % 2**128)
    return found


class _Comparison:
    """Compares all customers, a chunk at a time, with what is stored of them."""

    def __init__(self, models: ReadModels, connection: Connection) -> None:
        self._models = models
        self._connection = connection
        self._ids: dict[int, str] = {}
        self._steps = {each.name: Fingerprint(0, 0) for each in models.tables.projections.values() if each.is_packed}
        self.numbers = array("q")
        self.stored = self.folded = Fingerprint(0, 0)
        self.different = 0
        self.differences: list[Difference] = []

    def compare(self, histories: Sequence[History]) -> None:
        """Compare some customers."""
        numbers = [history.customer for history in histories]
        self.numbers.extend(numbers)
        self._ids = {history.customer: history.members[0] for history in histories}
        stored = stored_rows(self._models, self._connection, numbers)
        folded = self._models.customer_rows([new_update(history) for history in histories if history.happened])
        for table in stored:
            self._count(table, stored[table], folded[table])
        for projection in self._models.tables.projections.values():
            if projection.steps is not None:
                name, rows = projection.name, folded[projection.steps]
                self._steps[name] = self._steps[name].with_rows(name, rows)

    def compare_the_rest(self) -> None:
        """Compare the rows of customers that the fold doesn't know, and the table in order of the scores."""
        strangers = unexpected_rows(self._models, self._connection, self.numbers)
        others = {row[_place(table)] for table, rows in strangers.items() for row in rows}
        self._ids = dict(ids_of(self._connection, self._models.events, others))
        for table, rows in strangers.items():
            self._count(table, rows, [])
        for name, folded in self._steps.items():
            projection = self._models.of(name)
            assert projection.steps is not None
            stored = Fingerprint(0, 0).with_rows(name, _streamed(self._connection, projection.steps))
            if stored != folded or not _is_bounded(self._connection, projection):
                key, columns = "the order of the scores", ("fingerprint",)
                self._tell(Difference(f"{name}_steps", key, columns, (str(stored),), (str(folded),)))

    def _count(self, table: sa.Table, stored: Sequence[Row], folded: Sequence[Row]) -> None:
        projection = projection_of(table)
        self.stored = self.stored.with_rows(projection, stored)
        self.folded = self.folded.with_rows(projection, folded)
        for difference in _differences(table, stored, folded):
            self._tell(replace(difference, key=self._named(table, difference.key)))

    def _named(self, table: sa.Table, key: str) -> str:
        """The customer or key that a difference is about."""
        return self._ids.get(int(key), key) if next(iter(table.c)).name == "customer" else key

    def _tell(self, difference: Difference) -> None:
        self.different += 1
        if len(self.differences) < MAX_DIFFERENCES:
            self.differences.append(difference)


def _place(table: sa.Table) -> int:
    return list(table.c.keys()).index("customer")


def fingerprint_of(connection: Connection, table: sa.Table) -> Fingerprint:
    """The fingerprint of all stored rows of a table."""
    return Fingerprint(0, 0).with_rows(projection_of(table), _streamed(connection, table))


def _streamed(connection: Connection, table: sa.Table) -> Iterator[Row]:
    with connection.execute(as_stored(table), execution_options={"yield_per": ROWS_AT_ONCE}) as found:
        yield from map(tuple, found)


def _is_bounded(connection: Connection, projection: ProjectionTables) -> bool:
    """Whether the stored lower bound of every score is no later than the first instant at which a customer has it."""
    earliest = projection.earliest
    assert earliest is not None
    bounds = dict(map(tuple, connection.execute(as_stored(earliest))))
    return all(
        minus_score in bounds and bounds[minus_score] <= valid_from
        for minus_score, valid_from in connection.execute(projection.earliest_steps())
    )


def projection_of(table: sa.Table) -> str:
    """The name of the build that a numbered table belongs to, and which of its tables it is."""
    name, _, rest = table.name.removeprefix(PREFIX).rpartition("_")
    return name if rest.isdigit() else f"{name.rpartition('_')[0]}_{rest}"


def _differences(table: sa.Table, stored: Sequence[Row], folded: Sequence[Row]) -> Iterator[Difference]:
    """For each customer or ticket that differs, the first rows that do."""
    only_stored, only_folded = (
        _first_by_key(set(some) - set(others)) for some, others in ((stored, folded), (folded, stored))
    )
    for key in sorted(only_stored.keys() | only_folded.keys()):
        columns = tuple(table.c.keys())
        yield Difference(projection_of(table), key, columns, only_stored.get(key), only_folded.get(key))


def _first_by_key(rows: Iterable[Row]) -> dict[str, Row]:
    first: dict[str, Row] = {}
    for row in sorted(rows, key=lambda row: (_text(row[0]), str(row[1])), reverse=True):
        first[_text(row[0])] = row
    return first


def require_whole(store: Store, models: ReadModels, rules: Rules) -> None:
    """Compare a sample of customers, spread evenly, with their histories. Raises DamagedReadModels where one differs.

    They are chosen among the stored ones and, as some may be missing there, among those of the log.
    """
    if not models.builds:
        return
    with store.reading() as tx:
        checkpoint = models.checkpoint(tx.connection)
    require_in_log(store, checkpoint)
    with store.reading() as tx:
        connection, checkpoint = tx.connection, models.checkpoint(tx.connection)
        ids = store.schema.events.c.customer_id
        sample = sorted({*sample_of(models, connection), *spread(connection, ids, ids != NOBODY)})
        families = tx.families(sample, checkpoint)
        comparison = _Comparison(models, connection)
        roots = sorted({families.root(each) for each in sample})
        plan = models.plan(rules)
        comparison.compare(
            [read_history(store, connection, families.members(root), plan, checkpoint) for root in roots]
        )
        if comparison.different:
            difference = comparison.differences[0]
            raise DamagedReadModels(f"its {difference.projection} of {difference.key} differs from the log")


def repair(
    store: Store,
    models: ReadModels,
    rules: Rules,
    customer_ids: Iterable[str] | None,
    projection: str | None,
    on_progress: Progress | None = None,
) -> int:
    """Repair the rows of one customer, or of all, in one projection, or in all; how many were wrong.

    Raises StoreBusy where other processes advanced the generation again and again meanwhile.
    """
    models = models if projection is None else models.only([projection, *_folding(models, projection)])
    repaired = _drop_strangers(store, models) if customer_ids is None else 0
    ids = _ids(store, models) if customer_ids is None else sorted(customer_ids)
    for done, start in enumerate(range(0, len(ids), CUSTOMERS_AT_ONCE), 1):
        chunk = ids[start : start + CUSTOMERS_AT_ONCE]
        repaired += _repair(store, models, rules, chunk)
        if on_progress:
            on_progress(min(done * CUSTOMERS_AT_ONCE, len(ids)), len(ids))
    return repaired


def _folding(models: ReadModels, facts: str) -> list[str]:
    """The projections that have a set of facts of their own, which is folded with them alone."""
    return [each.name for each in models.projectors if each.facts is not SHARED and each.facts.name == facts]


def _drop_strangers(store: Store, models: ReadModels) -> int:
    """Delete rows under numbers that no customer has; how many there were."""
    with store.reading() as tx:
        stored = customers_in(models, tx.connection)
        strangers = sorted(stored - ids_of(tx.connection, store.schema.events, stored).keys())
    if not strangers:
        return 0
    with store.writing() as tx:
        return _replace(models, tx.connection, strangers, {})


def _replace(
    models: ReadModels, connection: Connection, customers: Collection[int], folded: Mapping[sa.Table, Sequence[Row]]
) -> int:
    """Replace the stored rows of some customers where they differ; how many were wrong."""
    wrong = 0
    for table, stored in stored_rows(models, connection, customers).items():
        wrong += replace_rows(connection, table, stored, folded.get(table, ()))
    for projection in models.tables.projections.values():
        if projection.steps is not None:
            wrong += replace_steps(models, connection, projection, customers, folded.get(projection.steps, ()))
    return wrong


def _ids(store: Store, models: ReadModels) -> list[str]:
    """The ids of all customers in the log or in the read models."""
    ids = store.schema.events.c.customer_id
    with store.reading() as tx:
        recorded = tx.connection.execute(sa.select(ids).where(ids != NOBODY).distinct()).scalars()
        stored = ids_of(tx.connection, store.schema.events, customers_in(models, tx.connection))
        return sorted({NOBODY, *stored.values(), *recorded})


def _repair(store: Store, models: ReadModels, rules: Rules, ids: Sequence[str]) -> int:
    plan = models.plan(rules)
    for _ in range(MAX_ATTEMPTS):
        with store.reading() as tx:
            checkpoint = models.checkpoint(tx.connection)
            families = tx.families(ids, checkpoint)
            roots = [each for each in ids if families.root(each) == each]
            histories = [read_history(store, tx.connection, families.members(each), plan, checkpoint) for each in roots]
            numbers = models.numbers(tx.connection, {*ids, *families.roots})
        with store.writing() as tx:
            if models.advance(tx.connection, checkpoint, checkpoint):
                return _repair_rows(models, tx.connection, histories, numbers)
    raise StoreBusy("others recorded events again and again; try again")


def _repair_rows(
    models: ReadModels, connection: Connection, histories: Sequence[History], numbers: Mapping[str, int]
) -> int:
    """Repair the rows of some customers, by id with their numbers; some of them may be merged into others."""
    folded = models.customer_rows([new_update(history) for history in histories if history.happened])
    wrong = _replace(models, connection, numbers.values(), folded)
    models.unpark(connection, numbers)
    models.park(connection, [history.poisons for history in histories if history.poisons])
    return wrong
