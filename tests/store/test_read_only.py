"""A store that may not be written still answers, and asking it leaves nothing behind that would hurt its owner."""

from __future__ import annotations

import io
import os
import shutil
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, redirect_stderr, redirect_stdout
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import make_url

import regulars
from foreign import as_somebody_else, beside, folder_for_all, lock, wait_for
from regulars import (
    RecordPurchase,
    RegisterCustomer,
    Regulars,
    StaleProjections,
    StoreBusy,
    StoreUnusable,
    TagCustomer,
    cli,
)
from regulars.adapters.sql.sqlite_file import SqliteFile
from regulars.adapters.store.store import Store

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
READ_ONLY = "this store can't be written: {} is read-only"
SIDES = ("-wal", "-shm")

Break = Callable[[sa.Connection], object]


@pytest.fixture
def folder() -> Iterator[Path]:
    with folder_for_all() as folder:
        yield folder


def opened(path: Path | str, *, read_only: bool = False) -> Regulars:
    return regulars.open(path, actor="li", clock=lambda: NOW, read_only=read_only)


def make_store(target: Path | str) -> None:
    """Two events that are folded in, and two that no list knows of yet."""
    with regulars.open(target, currency="EUR", actor="li", clock=lambda: NOW) as crm:
        crm.do([RegisterCustomer(ref="shop:1", name="Ada"), RegisterCustomer(ref="shop:2")])
        crm.catch_up()
        crm.do(RecordPurchase(customer="shop:1", order_id="A-1", amount="9.00"))
        crm.do(RegisterCustomer(ref="shop:3"))


def answers(crm: Regulars) -> list[object]:
    """What one customer has, how many a list knows of and misses, and what the whole log says."""
    page = crm.customers()
    return [crm.read_only, crm.customer("shop:1").orders, len(page), page.behind, crm.behind, len(crm.audit())]


ANSWERS = repr([True, 1, 2, 2, 2, 4])


def ask(path: Path) -> str:
    with opened(path) as crm:
        return repr(answers(crm))


def refusal(path: Path) -> str:
    """How opening a store, or recording something in it, is refused."""
    try:
        with opened(path) as crm:
            crm.do(TagCustomer(customer="shop:1", label="vip"))
    except StoreUnusable as error:
        return str(error)
    return "it was not refused"


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def leave_changes_waiting(path: Path, *, sides: tuple[str, ...]) -> None:
    """What a writer leaves that was killed, or a copy of a store in use: the last changes stand in `-wal` alone."""
    with opened(path.with_name("original.db")) as crm:
        make_store(path.with_name("original.db"))
        crm.do(TagCustomer(customer="shop:1", label="last"))
        for suffix in ("", *sides):
            shutil.copy(f"{path.with_name('original.db')}{suffix}", f"{path}{suffix}")
    path.with_name("original.db").unlink()


# ------------------------------------------------------------------------------------------------------------ files


@pytest.mark.parametrize("locked", ["file", "folder", "both"])
def test_a_file_that_may_not_be_written_answers_and_takes_nothing(folder: Path, locked: str) -> None:
    path = folder / "shop.db"
    make_store(path)
    path.chmod(0o444 if locked != "folder" else 0o666)
    folder.chmod(0o555 if locked != "file" else 0o777)
    before = names(folder), path.stat().st_mtime_ns
    assert as_somebody_else(lambda: ask(path)) == ANSWERS
    assert as_somebody_else(lambda: refusal(path)) == READ_ONLY.format(path)
    # A -shm that belonged to the reader would keep the file's owner from writing.
    assert (names(folder), path.stat().st_mtime_ns) == before == (["shop.db"], before[1])


def test_a_reader_sees_what_an_open_writer_commits(folder: Path) -> None:
    path = folder / "shop.db"
    make_store(path)
    asked, told, done = os.pipe(), os.pipe(), os.pipe()

    def watch() -> str:
        with opened(path) as crm:
            before = crm.customer("shop:1").tags
            os.write(asked[1], b"!")
            wait_for(told[0], "the writer committed")
            return repr((before, crm.customer("shop:1").tags, crm.behind))

    def write() -> None:
        wait_for(asked[0], "the reader asked")
        with opened(path) as crm:
            crm.do(TagCustomer(customer="shop:1", label="vip"))
            os.write(told[1], b"!")
            wait_for(done[0], "the reader ended")

    lock(path)
    with beside(write):
        try:
            assert as_somebody_else(watch) == repr(((), ("vip",), 3))
        finally:
            os.write(done[1], b"!")


def test_changes_that_wait_in_a_wal_are_answered_from(folder: Path) -> None:
    path = folder / "shop.db"
    leave_changes_waiting(path, sides=SIDES)
    lock(path)
    folder.chmod(0o555)
    assert as_somebody_else(lambda: repr(opened(path).customer("shop:1").tags)) == repr(("last",))


@pytest.mark.parametrize("writable_folder", [False, True])
def test_changes_that_can_not_be_read_are_not_passed_over(folder: Path, writable_folder: bool) -> None:
    path = folder / "shop.db"
    leave_changes_waiting(path, sides=("-wal",))
    lock(path)
    folder.chmod(0o777 if writable_folder else 0o555)
    said = as_somebody_else(lambda: refusal(path))
    assert said.startswith(f"{path} can't be read without permission to write it")
    assert "shop.db-wal: let its owner run `regulars status` on it" in said
    assert names(folder) == ["shop.db", "shop.db-wal"]
    # What the sentence advises helps: whoever may write brings the file in order.
    path.chmod(0o644)
    opened(path).close()
    assert as_somebody_else(lambda: repr(opened(path).customer("shop:1").tags)) == repr(("last",))


def test_an_empty_wal_hides_nothing(folder: Path) -> None:
    path = folder / "shop.db"
    make_store(path)
    Path(f"{path}-wal").touch()
    lock(path)
    folder.chmod(0o555)
    assert as_somebody_else(lambda: ask(path)) == ANSWERS


def test_what_may_not_even_be_read_says_so(folder: Path) -> None:
    path, closed = folder / "shop.db", folder / "closed"
    make_store(path)
    path.chmod(0o600)
    closed.mkdir(mode=0o700)
    (closed / "shop.db").touch()
    folder.chmod(0o555)
    for each in (path, closed / "shop.db"):
        assert as_somebody_else(lambda each=each: refusal(each)) == f"{each} can't be read: permission denied"  # type: ignore[misc]
    missing = as_somebody_else(lambda: refusal(folder / "none.db"))
    assert missing == f"there is no store at {folder / 'none.db'}, and none can be made: {folder} is read-only"


def test_a_file_of_something_else_that_may_not_be_written_is_no_store(folder: Path) -> None:
    path = folder / "other.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE notes (text)")
    lock(path)
    assert as_somebody_else(lambda: refusal(path)) == f"{path} is not a Regulars store"


def test_a_link_to_a_store_looks_beside_the_store(folder: Path) -> None:
    (folder / "real").mkdir()
    path = folder / "link.db"
    path.symlink_to(folder / "real" / "shop.db")
    leave_changes_waiting(folder / "real" / "shop.db", sides=("-wal",))
    lock(folder / "real" / "shop.db")
    assert "can't be read without permission" in as_somebody_else(lambda: refusal(path))


def test_who_reads_without_a_lock_is_told_when_the_file_changed(folder: Path) -> None:
    path = folder / "shop.db"
    make_store(path)
    asked, told = os.pipe(), os.pipe()

    def read() -> str:
        with opened(path) as crm:
            try:
                with crm._store.reading() as tx:
                    crm._store.count_events(tx.connection)
                    os.write(asked[1], b"!")
                    wait_for(told[0], "the writer closed the file")
            except StoreBusy as error:
                return f"{error}; then {crm.customer('shop:1').tags}"
        return "nothing was noticed"

    def write() -> None:
        wait_for(asked[0], "the reader had read")
        with opened(path) as crm:
            crm.do(TagCustomer(customer="shop:1", label="vip"))
        os.write(told[1], b"!")  # closing brought the change from -wal into the file

    path.chmod(0o644)
    with beside(write):
        assert as_somebody_else(read) == f"{path} was written while it was read; ask again; then ('vip',)"


def test_the_files_beside_a_file_decide_whether_it_may_be_written(folder: Path) -> None:
    path = folder / "shop.db"
    make_store(path)
    path.chmod(0o666)
    folder.chmod(0o555)
    assert as_somebody_else(lambda: repr(SqliteFile(path).may_be_written())) == "False"
    for suffix in SIDES:
        Path(f"{path}{suffix}").touch()
        Path(f"{path}{suffix}").chmod(0o666)
    assert as_somebody_else(lambda: repr(SqliteFile(path).may_be_written())) == "True"
    Path(f"{path}-shm").chmod(0o644)
    assert as_somebody_else(lambda: repr(SqliteFile(path).may_be_written())) == "False"


# ----------------------------------------------------------------------------------------------------- command line


def say(*words: str) -> str:
    """Exit status, stdout and stderr of a command line, run in this process."""
    out, err = io.TextIOWrapper(io.BytesIO(), encoding="utf-8"), io.StringIO()
    sys.argv = ["regulars", *words]
    with redirect_stdout(out), redirect_stderr(err):
        try:
            cli.main()
        except SystemExit as ending:
            out.seek(0)
            return f"{ending.code}\n{out.read()}\n{err.getvalue()}"
    raise AssertionError("the command line didn't exit")


QUESTIONS = (
    *("customers", "tickets", "audit", "status", "show shop:1", "explain shop:1", "timeline shop:1"),
    *("history shop:1 name", "points shop:1", "export events", "migrate"),
)


@pytest.mark.parametrize("question", QUESTIONS)
def test_every_question_is_answered_at_the_command_line(
    folder: Path, question: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", sys.argv)
    path = folder / "shop.db"
    make_store(path)
    shutil.copy(path, folder / "warm.db")
    say("--db", str(folder / "warm.db"), *question.split())  # loads what is loaded only when needed
    lock(path)
    folder.chmod(0o555)
    said = as_somebody_else(lambda: say("--db", str(path), *question.split()))
    assert said.startswith("0\n"), said
    if question in ("customers", "tickets"):
        assert "regulars: this store is read-only, and 2 recorded events are not in this list yet" in said
    if question == "status":
        assert "(read-only)" in said
        assert "2 events to be folded in" in said


def test_whatever_would_write_is_refused_at_the_command_line(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", sys.argv)
    path = folder / "shop.db"
    make_store(path)
    (folder / "map.toml").write_text(
        'format = "csv"\n[[command]]\ndo = "AddNote"\n[command.fields]\ncustomer = "{who}"\ntext = "{note}"\n'
    )
    (folder / "notes.csv").write_text("who,note\nshop:1,hello\n")
    importing = ("import", str(folder / "notes.csv"), "--mapping", str(folder / "map.toml"))
    wishes = (("do", "TagCustomer", "customer=shop:1", "label=vip"), importing, (*importing, "--dry-run"))
    shutil.copy(path, folder / "warm.db")
    lock(path)
    for words in wishes:
        say("--db", str(folder / "warm.db"), *words)  # loads what is loaded only when needed
        said = as_somebody_else(lambda words=words: say("--db", str(path), *words))  # type: ignore[misc]
        assert said == f"1\n\nregulars: {READ_ONLY.format(path)}\n"


# ----------------------------------------------------------------------------------------------------- older stores


def make_older(connection: sa.Connection) -> None:
    connection.execute(
        sa.text("UPDATE regulars_settings SET value = :value WHERE name = 'schema_version'"), {"value": b"2"}
    )


def judged_by_older_code(connection: sa.Connection) -> None:
    connection.exec_driver_sql("UPDATE regulars_builds SET versions = '{}'")


def folded_otherwise(connection: sa.Connection) -> None:
    judged_by_older_code(connection)
    connection.execute(sa.text("UPDATE regulars_facts_1 SET folded = :other"), {"other": b"\xc1"})


def change(target: Path | str, breaks: Break) -> None:
    store = Store(target)
    with store.database.writing() as connection:
        breaks(connection)
    store.close()


def test_an_older_store_that_may_not_be_written_says_what_to_do(database_url: str) -> None:
    make_store(database_url)
    change(database_url, make_older)
    with pytest.raises(StoreUnusable, match="`regulars migrate`, run by a user who may write it"):
        opened(database_url, read_only=True)


@pytest.mark.parametrize("breaks", [judged_by_older_code, folded_otherwise])
def test_what_other_code_has_folded_still_answers(database_url: str, breaks: Break) -> None:
    make_store(database_url)
    change(database_url, breaks)
    with pytest.warns(StaleProjections, match="folded by other code"):
        crm = opened(database_url, read_only=True)
    with crm:
        assert repr(answers(crm)) == ANSWERS


# ------------------------------------------------------------------------------------------------------- PostgreSQL


@pytest.fixture
def reader_url(postgres_database_url: str) -> Iterator[str]:
    """A store, as a role sees it that may only read."""
    make_store(postgres_database_url)
    engine = sa.create_engine(postgres_database_url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    role = f"reader_{os.getpid()}"
    with engine.connect() as connection:
        for statement in (
            f"CREATE ROLE {role} LOGIN PASSWORD 'secret'",
            f"GRANT USAGE ON SCHEMA public TO {role}",
            f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}",
        ):
            connection.exec_driver_sql(statement)
    try:
        url = make_url(postgres_database_url).set(username=role, password="secret")
        yield url.render_as_string(hide_password=False)
    finally:
        with engine.connect() as connection:
            connection.exec_driver_sql(f"DROP OWNED BY {role}")
            connection.exec_driver_sql(f"DROP ROLE {role}")


@pytest.mark.parametrize("read_only", [False, True])
def test_a_role_that_may_only_read_gets_answers(reader_url: str, read_only: bool) -> None:
    with opened(reader_url, read_only=read_only) as crm:
        assert repr(answers(crm)) == ANSWERS
        with pytest.raises(StoreUnusable, match=r"can't be written: postgresql.* is read-only") as refused:
            crm.do(TagCustomer(customer="shop:1", label="vip"))
        assert "secret" not in str(refused.value)


def test_a_role_without_any_permission_is_told_which(reader_url: str, postgres_database_url: str) -> None:
    change(
        postgres_database_url,
        lambda each: each.exec_driver_sql("REVOKE ALL ON regulars_settings FROM PUBLIC, " + _role()),
    )
    with pytest.raises(StoreUnusable, match="permission denied for table regulars_settings") as refused:
        opened(reader_url)
    assert "secret" not in str(refused.value)
    assert "\n" not in str(refused.value)


def _role() -> str:
    return f"reader_{os.getpid()}"


def test_a_permission_that_is_missed_only_when_writing_is_named(reader_url: str, postgres_database_url: str) -> None:
    change(postgres_database_url, lambda each: each.exec_driver_sql(f"GRANT INSERT ON regulars_events TO {_role()}"))
    with opened(reader_url) as crm:
        assert not crm.read_only
        assert crm.customer("shop:1").orders == 1
        with pytest.raises(StoreUnusable, match="permission denied for"):
            crm.customers()


def test_a_database_that_takes_no_writes_is_read_only(postgres_database_url: str) -> None:
    make_store(postgres_database_url)
    name = make_url(postgres_database_url).database
    change(
        postgres_database_url,
        lambda each: each.exec_driver_sql(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on'),
    )
    with opened(postgres_database_url) as crm:
        assert repr(answers(crm)) == ANSWERS
        with pytest.raises(StoreUnusable, match="is read-only"):
            crm.do(TagCustomer(customer="shop:1", label="vip"))
