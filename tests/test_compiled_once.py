"""That engines share what they compiled is seen in the time that tests take, and in nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
import sqlalchemy as sa

from compiled_once import SharedCache, compiled_once


@pytest.fixture
def databases() -> Iterator[list[sa.Connection]]:
    """Two, each with a table of the same name and other columns."""
    with compiled_once(), ExitStack() as stack:
        found = []
        for column in ("name", "value"):
            engine = sa.create_engine("sqlite://")
            stack.callback(engine.dispose)
            connection = stack.enter_context(engine.connect())
            connection.exec_driver_sql(f"CREATE TABLE settings ({column})")
            found.append(connection)
        yield found


@pytest.mark.parametrize(
    "statement",
    [
        sa.text("SELECT * FROM settings"),
        sa.select(sa.text("*")).select_from(sa.table("settings")),
        sa.select(sa.literal_column("*")).select_from(sa.table("settings")),
    ],
)
def test_each_database_says_which_columns_it_has(databases: list[sa.Connection], statement: sa.Executable) -> None:
    assert [list(each.execute(statement).keys()) for each in databases] == [["name"], ["value"]]


def test_what_names_its_table_and_columns_is_compiled_for_all_engines() -> None:
    table = sa.Table("settings", sa.MetaData(), sa.Column("name", sa.Text))
    cache = SharedCache(10)
    for _ in range(3):
        engine = sa.create_engine("sqlite://")
        with engine.connect() as connection:
            connection.execution_options(compiled_cache=cache)
            connection.exec_driver_sql("CREATE TABLE settings (name)")
            connection.execute(sa.select(table).where(table.c.name == "one"))
        engine.dispose()
    assert len(cache) == 1
