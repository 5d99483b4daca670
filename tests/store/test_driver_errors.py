"""What a database refuses is told by its code, in whatever language its message is."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from regulars.adapters.sql.database import Database
from regulars.crm_domain.errors import StoreBusy, StoreUnusable

Statements = Callable[[sa.Connection], object]


def sql(*statements: str) -> Statements:
    return lambda connection: [connection.exec_driver_sql(statement) for statement in statements]


@pytest.fixture
def database(tmp_path: Path) -> Database:
    database = Database(tmp_path / "shop.db", lock_timeout=0.05)
    with database.writing() as connection:
        connection.exec_driver_sql("CREATE TABLE numbers (number INTEGER)")
    return database


def test_a_full_disk_is_called_full(database: Database) -> None:
    fill = sql("PRAGMA max_page_count = 3", "INSERT INTO numbers VALUES (zeroblob(100000))")
    with pytest.raises(StoreUnusable, match="the disk is full"), database.writing() as connection:
        fill(connection)


def test_a_file_that_is_locked_is_busy(database: Database, tmp_path: Path) -> None:
    other = Database(tmp_path / "shop.db", lock_timeout=0.05)
    with database.writing(), pytest.raises(StoreBusy), other.writing():
        pass
    other.close()


def test_a_write_that_the_file_refuses_says_that_it_is_read_only(database: Database, tmp_path: Path) -> None:
    refuse = sql("PRAGMA query_only = ON", "INSERT INTO numbers VALUES (1)")
    with pytest.raises(StoreUnusable, match=r"can't be written: .*shop\.db is read-only"), database.writing() as each:
        refuse(each)
    assert (tmp_path / "shop.db").exists()


def test_a_damaged_file_is_called_damaged(database: Database, tmp_path: Path) -> None:
    with database.writing() as connection:
        sql(*["INSERT INTO numbers VALUES (zeroblob(3000))"] * 20)(connection)
    database.close()
    path = tmp_path / "shop.db"
    content = bytearray(path.read_bytes())
    content[4096:12_288] = b"\x99" * 8_192
    path.write_bytes(content)
    damaged = Database(path)
    with pytest.raises(StoreUnusable, match="is damaged, and needs to be restored"), damaged.reading() as connection:
        connection.exec_driver_sql("SELECT sum(length(number)) FROM numbers").all()
    damaged.close()


def test_what_is_no_database_is_called_that(tmp_path: Path) -> None:
    (tmp_path / "text.db").write_text("this is not a database, it is a text of some length" * 20)
    text = Database(tmp_path / "text.db")
    with pytest.raises(StoreUnusable, match="is not a database"), text.reading():
        pass
    text.close()


def test_an_error_of_the_driver_itself_is_translated_too(database: Database) -> None:
    with pytest.raises(StoreUnusable, match="is read-only"), database.reading() as connection:
        _write_past_sqlalchemy(connection)


def _write_past_sqlalchemy(connection: sa.Connection) -> None:
    raw = connection.connection.driver_connection
    assert isinstance(raw, sqlite3.Connection)
    raw.execute("PRAGMA query_only = ON")
    raw.execute("INSERT INTO numbers VALUES (1)")


@pytest.mark.parametrize("state", ["55P03", "40P01", "40001"])
def test_what_passes_by_itself_on_postgres_is_busy(bare_postgres_url: str, state: str) -> None:
    _raise(bare_postgres_url, state, StoreBusy, "belegt")


@pytest.mark.parametrize(
    ("state", "sentence"),
    [
        ("53100", "the disk is full"),
        ("42501", "belegt; the database's administrator can grant it"),
        ("25006", "is read-only"),
        ("XX001", "is damaged"),
        ("XX000", "belegt"),
        ("58030", "belegt"),
        ("57P01", "the connection to .* was lost: belegt"),
        ("08006", "the connection to .* was lost: belegt"),
    ],
)
def test_what_stays_on_postgres_is_unusable(bare_postgres_url: str, state: str, sentence: str) -> None:
    _raise(bare_postgres_url, state, StoreUnusable, sentence)


def _raise(url: str, state: str, expected: type[Exception], sentence: str) -> None:
    """Let the server raise a state of its own, with a message in another language."""
    database = Database(url)
    with pytest.raises(expected, match=sentence) as raised, database.reading() as connection:
        connection.exec_driver_sql(f"DO $$ BEGIN RAISE EXCEPTION 'belegt' USING ERRCODE = '{state}'; END $$")
    assert "\n" not in str(raised.value)
    database.close()


def test_a_connection_that_ended_while_nobody_used_it_is_replaced_without_a_word(bare_postgres_url: str) -> None:
    database = Database(bare_postgres_url)
    with database.reading() as connection:
        ended = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
    _end_the_others(bare_postgres_url)
    with database.reading() as connection:
        assert connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one() != ended
    with database.session_lock(1) as is_ours:
        assert is_ours
        _end_the_others(bare_postgres_url)
    with database.session_lock(1) as is_ours:  # it went with its connection
        assert is_ours
    database.close()


def test_a_connection_that_ends_while_it_is_used_is_lost_and_the_next_one_works(bare_postgres_url: str) -> None:
    database = Database(bare_postgres_url)

    def write() -> None:
        with database.writing() as connection:
            _end_the_others(bare_postgres_url)
            connection.exec_driver_sql("SELECT 1")

    with pytest.raises(StoreUnusable, match="was lost: ") as raised:
        write()
    assert "\n" not in str(raised.value)
    with database.writing() as connection:
        assert connection.exec_driver_sql("SELECT 1").scalar_one() == 1
    database.close()


def _end_the_others(url: str) -> None:
    engine = sa.create_engine(url, poolclass=sa.NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        ).all()
