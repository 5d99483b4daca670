"""Copying a store to another database, of the same kind or the other: migration to PostgreSQL, and back.

Records are copied as they are: ids, positions, instants, keys. Read models are not: the copy begins a generation of its
own, under the rules in force, and folds it when it is first queried.

The copy is one transaction. Until it is committed there is no store at the target, and an interrupted copy leaves none.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from regulars.adapters.extensions.extended import define_tables
from regulars.adapters.extensions.extension import Extension
from regulars.adapters.progress import Progress
from regulars.adapters.schema.hook_tables import SUBSCRIPTION
from regulars.adapters.schema.positions import continue_positions, drawn, lock_definitions
from regulars.adapters.schema.tables import VERSION, Schema, common_schema
from regulars.adapters.sql.database import Database, parse_url
from regulars.adapters.sql.driver_errors import name_of, translated_errors
from regulars.adapters.sql.sqlite_file import require_nothing_beside
from regulars.adapters.sql.table_names import ours
from regulars.adapters.store.generation_rows import first_generation, live_number
from regulars.adapters.store.rules_in_force import read_in_force
from regulars.adapters.store.store import Store, found_version
from regulars.adapters.vault.erasing import MARK
from regulars.adapters.whole_files import whole_file
from regulars.crm_domain.errors import StoreUnusable

BATCH = 2_000
#: A seal holds forty bytes for each event of its block.
SEALS_AT_ONCE = 50

#: Tables of read models' bookkeeping, which the copy begins again.
OWN_TABLES = frozenset(map(ours, ("generations", "builds", "generation_builds", "parked")))
#: Tables of what one store alone tells the outside, which a copy would tell a second time, and of who may speak to it.
OUTWARD_TABLES = frozenset(map(ours, ("hooks", "deliveries", "tokens", "users", "web_sessions")))
#: Settings of one store alone.
OWN_SETTINGS = frozenset(
    {"schema_version", "live_generation", "previous_generation", "dropped_generation", MARK}
    | {"backup_plan", "backup_last", "calendar_feeds"}
)
#: Columns that the database fills in.
OWN_COLUMNS = frozenset({"xid"})

Target = str | os.PathLike[str]


def copy(
    source: Target,
    target: Target,
    on_progress: Progress | None = None,
    *,
    extensions: tuple[Extension, ...] = (),
) -> int:
    """Copy a whole store to a new file or an empty database, as of one moment, while others write; returns its number
    of events.

    Both are a path or a SQLAlchemy URL of SQLite or PostgreSQL. `on_progress` is called with (events copied so far,
    events there are). The target has everything or nothing. `extensions` are those whose indexes are copied, too;
    without, the copy builds them when it is opened with them.

    The copy has the keys, so it can decrypt whatever the original can. From then on they are independent: a customer
    forgotten in one is not forgotten in the other.

    Raises StoreUnusable where there is no store to copy, or there is one at the target; StoreBusy where either stays
    locked.
    """
    with (
        closing(Store(source, read_only=True, extensions=extensions)) as original,
        _free_database(target, original) as database,
    ):
        return _copy(original, database, on_progress)


@contextmanager
def _free_database(target: Target, original: Store) -> Iterator[Database]:
    """A database without a store: an existing one, or a new file that gets its name at the end."""
    path = _new_file(target)
    if path is None:
        with closing(Database(target)) as database:
            _require_free(target, database)
            yield database
    else:
        with whole_file(path, open_files=original.database.files()) as unfinished:
            require_nothing_beside(path)
            with closing(Database(unfinished)) as database:
                yield database


def _new_file(target: Target) -> Path | None:
    """The path of a target that is a file and doesn't exist yet."""
    url = parse_url(target)
    name = url.database or ":memory:"
    if url.get_backend_name() != "sqlite" or name == ":memory:" or name.startswith("file:") or Path(name).exists():
        return None
    return Path(name)


def _require_free(target: Target, database: Database) -> None:
    """Check the target before writing: opening a file to write changes it, even where nothing is written."""
    if database.is_memory:
        raise StoreUnusable("a copy in memory would be gone at once; name a file or a database")
    if database.is_sqlite and not Path(database.url.database or "").exists():
        return
    with closing(Database(target, read_only=True)) as looking, looking.reading() as connection:
        _refuse_a_store(connection, common_schema(is_sqlite=database.is_sqlite), database)


def _refuse_a_store(connection: Connection, schema: Schema, database: Database) -> None:
    if found_version(connection, schema) is not None:
        raise StoreUnusable(
            f"there is a store in {name_of(database.url)} already, and it was left alone; "
            "a copy needs a new file or an empty database"
        )


def _copy(original: Store, database: Database, on_progress: Progress | None) -> int:
    # What was read of a file without a lock counts only once reading has ended, so that ends before the commit.
    with database.writing() as writing, original.database.reading_between_writes() as reading:
        passage = _Passage(original, reading, database, writing)
        passage.make_store()
        count = passage.carry_events(on_progress)
        passage.carry_the_rest()
        passage.begin_generation()
    return count


class _Passage:
    """Copies from one snapshot into one transaction."""

    def __init__(self, original: Store, reading: Connection, database: Database, writing: Connection) -> None:
        self._original = original
        self._reading = reading
        self._writing = writing
        self._url = database.url
        self._database = database
        self._schema = Schema(is_sqlite=database.is_sqlite)

    def make_store(self) -> None:
        """Create the tables, unless another process was quicker."""
        settings = self._schema.settings
        with translated_errors(self._url):
            self._database.make_schema(self._writing)
            lock_definitions(self._writing)
            _refuse_a_store(self._writing, self._schema, self._database)
            self._schema.create(self._writing)
            kept = {index.table for index in self._original.statements.indexes}
            for _, table in define_tables(self._original.extended.brought, self._schema):
                if table.name in kept:
                    table.create(self._writing)
                else:
                    self._schema.metadata.remove(table)
            self._writing.execute(settings.insert(), {"name": "schema_version", "value": str(VERSION).encode()})

    def carry_events(self, on_progress: Progress | None) -> int:
        """Copy the events, and let positions and instants continue from there; how many there are."""
        total = self._original.count_events(self._reading) if on_progress else 0
        count, position, recorded_at = 0, 0, 0
        for rows in self._carry(self._schema.events):
            count += len(rows)
            position, recorded_at = rows[-1]["position"], rows[-1]["recorded_at"]
            if on_progress:
                on_progress(count, total)
        if count:
            with translated_errors(self._url):
                continue_positions(self._writing, self._schema.events, position, recorded_at)
        return count

    def carry_the_rest(self) -> None:
        """Copy every other table that doesn't belong to one store alone."""
        for table in self._schema.metadata.sorted_tables:
            if table is not self._schema.events and table.name not in OWN_TABLES | OUTWARD_TABLES:
                for _ in self._carry(table):
                    pass

    def begin_generation(self) -> None:
        """Create a generation under the rules in force, if the original has one."""
        schema = self._original.schema
        live = live_number(schema, self._reading)
        if live is not None:
            in_force, generations = (
                read_in_force(schema, self._reading, self._original.registry.grammar),
                schema.generations,
            )
            made_at = sa.select(generations.c.made_at).where(generations.c.number == live)
            with translated_errors(self._url):
                at = self._reading.scalar(made_at) or 0
                first_generation(self._schema, self._original.registry, self._writing, in_force.ruleset, at)

    def _carry(self, table: sa.Table) -> Iterator[list[dict[str, Any]]]:
        """Copy a table's rows in order of the key, a batch at a time."""
        original = self._original.schema.metadata.tables[table.name]
        wanted = sa.select(*(original.c[column.name] for column in table.c if column.name not in OWN_COLUMNS))
        if table is self._schema.settings:
            wanted = wanted.where(original.c.name.not_in(OWN_SETTINGS))
        if table is self._schema.events:
            wanted = wanted.where(drawn(original))
        for ours_alone in (self._schema.subscriptions.c.name, self._schema.outbox.c.subscription):
            if table is ours_alone.table:
                wanted = wanted.where(~original.c[ours_alone.name].startswith(SUBSCRIPTION))
        at_once = SEALS_AT_ONCE if table is self._schema.seals else BATCH
        found = self._reading.execute(
            wanted.order_by(*original.primary_key), execution_options={"yield_per": at_once}
        ).mappings()
        for batch in found.partitions():
            rows = [dict(row) for row in batch]
            with translated_errors(self._url):
                self._writing.execute(table.insert(), rows)
            yield rows
