"""What runs past SQLAlchemy finds, writes and fails as what runs through it; and a command asks little."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, IntegrityError, ProgrammingError

import regulars
from regulars import (
    AddNote,
    Command,
    EnrollMember,
    MergeCustomers,
    RecordPurchase,
    RecordReturn,
    RegisterCustomer,
    TagCustomer,
)
from regulars.adapters.log.appending import Appending
from regulars.adapters.read_models.rows import ReadModels
from regulars.adapters.schema.positions import create_positions, position_column, settled, transaction_column
from regulars.adapters.sql.database import Database
from regulars.adapters.sql.statement import Among, Statement, insertion, run, run_script
from regulars.crm_domain.errors import StoreUnusable
from shops import with_edits


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url)
    yield database
    database.close()


@pytest.fixture
def words(database: Database) -> sa.Table:
    """A table of 1,200 words, the first of which has bytes beside it."""
    columns = (sa.Column("word", sa.Text, primary_key=True), sa.Column("payload", sa.LargeBinary))
    table = sa.Table("words", sa.MetaData(), *columns)
    with database.writing() as connection:
        table.create(connection)
        rows = [{"word": f"w{number:04d}", "payload": b"\0%s" if number == 0 else None} for number in range(1_200)]
        insertion(table, database.dialect).many(connection, rows)
    return table


# ------------------------------------------------------------------------------------------------------------ asking


@pytest.mark.parametrize("count", [0, 1, 2, 3, 5, 8, 9, 500, 501, 1_001])
def test_rows_are_found_by_any_number_of_values(database: Database, words: sa.Table, count: int) -> None:
    known = [f"w{number:04d}" for number in range(count)]
    among = Among(database.dialect, sa.select(words.c.word).order_by(words.c.word), words.c.word)
    with database.reading() as connection:
        found = among.all(connection, [*known, *(["unknown"] if count % 2 else [])])
    assert [word for (word,) in found] == known


def test_values_go_and_come_as_they_are(database: Database, words: sa.Table) -> None:
    by_payload = sa.select(words.c.word, words.c.payload).where(words.c.payload == sa.bindparam("payload"))
    statement = Statement(by_payload, database.dialect)
    with database.reading() as connection:
        assert statement.first(connection, payload=b"\0%s") == ("w0000", b"\0%s")
        assert statement.first(connection, payload=b"other") is None


def test_what_the_construct_says_itself_needs_no_value(database: Database, words: sa.Table) -> None:
    after = sa.select(words.c.word).where(words.c.word > "w1197", words.c.word < sa.bindparam("last"))
    with database.reading() as connection:
        assert Statement(after, database.dialect).all(connection, last="w1199") == [("w1198",)]


# ----------------------------------------------------------------------------------------------------------- failing


def test_an_error_is_sqlalchemys_and_shows_no_value(database: Database, words: sa.Table) -> None:
    insert = insertion(words, database.dialect)
    secret = {"word": "w0000", "payload": b"a secret"}
    twice: tuple[Callable[[sa.Connection], object], ...] = (
        lambda connection: insert.run(connection, **secret),
        lambda connection: insert.many(connection, [{"word": "new", "payload": None}, secret]),
    )
    for write in twice:
        with pytest.raises(IntegrityError) as raised, database.writing() as connection:
            write(connection)
        assert "a secret" not in str(raised.value)
    with database.reading() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(words)) == 1_200


def test_a_statement_that_makes_no_sense_is_an_error_as_through_sqlalchemy(database: Database) -> None:
    nonsense = "SELECT nonsense FROM nowhere"
    expected: list[type[BaseException]] = []
    for ask in (lambda each: each.exec_driver_sql(nonsense), lambda each: run(each, nonsense)):
        with pytest.raises((ProgrammingError, StoreUnusable)) as raised, database.reading() as connection:
            ask(connection)
        expected.append(raised.type)
    assert expected[0] is expected[1]


def test_several_statements_go_at_once_again_and_again(postgres_database_url: str) -> None:
    database = Database(postgres_database_url)
    with database.outside_transactions(1.0) as connection:
        for _ in range(8):  # a driver that prepares what it sees often must not prepare these
            run_script(connection, "SELECT 1; SELECT 2")
    database.close()


def test_a_writer_goes_on_after_its_connection_was_ended(postgres_database_url: str) -> None:
    with regulars.open(postgres_database_url, currency="EUR") as crm:
        crm.do(RegisterCustomer(ref="shop:1"))
        end_all_connections(postgres_database_url)
        crm.do(TagCustomer(customer="shop:1", label="regular"))
        assert crm.customer("shop:1").tags == ("regular",)


def test_one_that_is_ended_while_it_writes_is_not_used_again(postgres_database_url: str) -> None:
    database = Database(postgres_database_url)

    def write(connection: sa.Connection) -> None:
        end_all_connections(postgres_database_url)
        run(connection, "SELECT 1")

    with pytest.raises(StoreUnusable), database.writing() as connection:
        write(connection)
    with database.writing() as connection:
        assert run(connection, "SELECT 1").fetchone() == (1,)
    database.close()


def end_all_connections(url: str) -> None:
    engine = sa.create_engine(
        sa.make_url(url).set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT", poolclass=sa.NullPool
    )
    with engine.connect() as connection:
        connection.exec_driver_sql(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


# --------------------------------------------------------------------------------------------------------- appending


@pytest.fixture
def log(database: Database) -> sa.Table:
    table = sa.Table(
        "log",
        sa.MetaData(),
        position_column(),
        sa.Column("word", sa.Text, nullable=False, unique=True),
        sa.Column("payload", sa.LargeBinary),
        sa.Column("recorded_at", sa.BigInteger, nullable=False),
        sa.Column("causation_id", sa.BigInteger),
        *transaction_column(database.is_sqlite),
        sqlite_autoincrement=True,
    )
    with database.writing() as connection:
        table.create(connection)
        create_positions(connection, table)
    return table


@pytest.mark.parametrize("count", [1, 2, 8, 9, 40])
def test_rows_are_numbered_in_their_order(database: Database, log: sa.Table, count: int) -> None:
    appending = Appending(log, database.dialect)
    for turn, now in enumerate((5_000, 3_000, 9_000)):
        rows = [
            {"word": f"{turn}-{number}", "payload": b"\xff" if number % 2 else None, "caused_by": 0 if number else None}
            for number in range(count)
        ]
        with database.writing() as connection:
            assert appending.append(connection, rows, now) == (turn * count + 1, max(now, 5_000))
    columns = (log.c.position, log.c.word, log.c.payload, log.c.recorded_at, log.c.causation_id)
    with database.reading() as connection:
        kept = connection.execute(sa.select(*columns).where(settled(log)).order_by(log.c.position)).all()
    assert [tuple(row) for row in kept] == [
        (
            turn * count + number + 1,
            f"{turn}-{number}",
            b"\xff" if number % 2 else None,
            recorded_at,
            turn * count + 1 if number else None,
        )
        for turn, recorded_at in enumerate((5_000, 5_000, 9_000))
        for number in range(count)
    ]


@pytest.mark.parametrize("count", [1, 9])
def test_of_rows_of_which_one_is_refused_none_is_kept(database: Database, log: sa.Table, count: int) -> None:
    appending = Appending(log, database.dialect)
    with database.writing() as connection:
        appending.append(connection, [{"word": "first", "payload": None, "caused_by": None}], 1)
    words = ["first", *(f"other-{number}" for number in range(count - 1))]
    with pytest.raises(IntegrityError), database.writing() as connection:
        appending.append(connection, [{"word": each, "payload": None, "caused_by": None} for each in words], 1)
    with database.reading() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(log)) == 1


@pytest.mark.parametrize("count", [1, 9])
def test_positions_are_not_drawn_after_another_write(postgres_database_url: str, count: int) -> None:
    database = Database(postgres_database_url)
    table = sa.Table("log", sa.MetaData(), position_column(), sa.Column("word", sa.Text), *transaction_column(False))
    with database.writing() as connection:
        table.create(connection)
        create_positions(connection, table)
    rows = [{"word": str(number)} for number in range(count)]

    def write(connection: sa.Connection) -> None:
        connection.exec_driver_sql("CREATE TABLE other (number INTEGER)")
        Appending(table, database.dialect).append(connection, rows, 0)

    with pytest.raises(DBAPIError, match="by its first write"), database.writing() as connection:
        write(connection)
    database.close()


# ---------------------------------------------------------------------------------------------------------- commands


@pytest.mark.parametrize(
    "command",
    [
        RecordPurchase(customer="shop:1", order_id="A-2", amount="10.00"),
        RecordReturn(order_id="A-1", amount="4.00"),
        TagCustomer(customer="shop:1", label="regular"),
        AddNote(customer="shop:1", text="Likes to hear about what is new"),
        RecordPurchase(customer="shop:1", order_id="A-2", amount="10.00", command_id="c-1"),
    ],
    ids=lambda command: type(command).__name__ + ("-with-id" if command.command_id else ""),
)
def test_a_command_takes_few_statements(tmp_path: Path, command: Command) -> None:
    """It begins, asks for what it rests on and for its streams, draws, inserts and commits, and two more at most."""
    with regulars.open(tmp_path / "shop.db", currency="EUR") as crm:
        crm.do(RegisterCustomer(ref="shop:1", name="Ada"))
        crm.do(RecordPurchase(customer="shop:1", order_id="A-1", amount="10.00"))
        (writer,) = crm._store.database._held
        driver, seen = writer.connection.driver_connection, list[str]()
        assert isinstance(driver, sqlite3.Connection)
        driver.set_trace_callback(seen.append)
        crm.do(command)
        assert len(seen) <= 8, seen


def test_a_customer_takes_few_statements_and_no_more_for_what_isn_t_folded_in(tmp_path: Path) -> None:
    """One transaction: who it is, how far what is stored goes, what is stored, what came since, and the verdicts."""
    with regulars.open(tmp_path / "shop.db", currency="EUR") as crm:
        crm.do(RegisterCustomer(ref="shop:1", name="Ada"))
        crm.do(RecordPurchase(customer="shop:1", order_id="A-1", amount="10.00"))
        crm.catch_up()
        folded = asked_by(crm, lambda: crm.customer("shop:1"))
        crm.do(RecordPurchase(customer="shop:1", order_id="A-2", amount="10.00"))
        told = asked_by(crm, lambda: crm.customer("shop:1"))
    assert len(folded) <= 12, folded
    assert len(told) <= 12, told


def test_folding_in_a_purchase_reads_in_one_transaction_writes_in_another_and_reads_nothing_twice(
    tmp_path: Path,
) -> None:
    with regulars.open(tmp_path / "shop.db", currency="EUR") as crm:
        crm.do(RegisterCustomer(ref="shop:1", name="Ada"))
        crm.catch_up()
        crm.do(RecordPurchase(customer="shop:1", order_id="A-1", amount="10.00"))
        purchase = asked_by(crm, crm.catch_up)
        nothing = asked_by(crm, crm.catch_up)
    assert [each for each in purchase if each.startswith("BEGIN")] == ["BEGIN", "BEGIN IMMEDIATE"]
    reading = purchase[1 : purchase.index("COMMIT")]
    assert len(set(reading)) == len(reading) <= 7, reading
    (folds,) = [each for each in reading if "_places" in each]
    assert "regulars_customer_card_1_places" in folds  # which counts orders
    assert "regulars_tags_1_places" not in folds
    assert len(nothing) <= 5, nothing


def test_of_intervals_only_those_are_written_that_changed(tmp_path: Path) -> None:
    """What was due before a purchase came stays as it is stored, whatever there is of it."""
    now = datetime(2024, 1, 1, tzinfo=UTC)
    with regulars.open(tmp_path / "shop.db", currency="EUR", clock=lambda: now) as crm:
        crm.do([RegisterCustomer(ref="shop:1"), RecordPurchase(customer="shop:1", order_id="A-1", amount="10.00")])
        crm.catch_up()
        now = datetime(2026, 1, 1, tzinfo=UTC)
        crm.do(RecordPurchase(customer="shop:1", order_id="A-2", amount="10.00"))
        with crm._store.reading() as tx:
            models = crm._session.models(tx)
            before = rows_in(tx.connection, models)
        written = [each for each in asked_by(crm, crm.catch_up) if each.startswith(("INSERT", "DELETE"))]
        with crm._store.reading() as tx:
            after = rows_in(tx.connection, models)
        assert not crm.projections.verify().differences
    stayed = before & after
    assert len(stayed) > 10
    steps = models.tables.projections["churn_risk"].steps
    assert steps is not None
    touched = [each for each in written if f" {steps.name} " in each]
    assert len(touched) == len({row for row in before ^ after if row[0] == steps.name})


def rows_in(connection: sa.Connection, models: ReadModels) -> set[tuple[object, ...]]:
    """All rows of the tables of intervals, and of steps, each after its table's name."""
    return {
        (table.name, *row)
        for each in models.tables.projections.values()
        for table in (each.intervals, each.steps)
        if table is not None
        for row in connection.execute(sa.select(table))
    }


def asked_by(crm: regulars.Regulars, ask: Callable[[], object]) -> list[str]:
    """The statements that SQLite executes for a question or a command."""
    database, seen = crm._store.database, list[str]()
    drivers = [each.connection.driver_connection for each in (*database._held, *database._held_readers)]
    for driver in drivers:
        assert isinstance(driver, sqlite3.Connection)
        driver.set_trace_callback(seen.append)
    ask()
    for driver in drivers:
        assert isinstance(driver, sqlite3.Connection)
        driver.set_trace_callback(None)
    return seen


def test_what_another_process_merged_or_published_counts_for_the_next_command(database_url: str) -> None:
    with regulars.open(database_url, currency="EUR") as ours, regulars.open(database_url) as theirs:
        ours.do([RegisterCustomer(ref="shop:1"), RegisterCustomer(ref="desk:1"), EnrollMember(customer="shop:1")])
        alone = ours.do(RecordPurchase(customer="desk:1", order_id="A-1", amount="10.00"))
        theirs.do(MergeCustomers(customer="desk:1", into="shop:1"))
        merged = ours.do(RecordPurchase(customer="desk:1", order_id="A-2", amount="10.00"))
        theirs.rules.publish(with_edits([('per_unit = "1"', 'per_unit = "3"')]), reason="A jubilee")
        published = ours.do(RecordPurchase(customer="desk:1", order_id="A-3", amount="10.00"))
    earned = [[getattr(each.event, "points", None) for each in done.events] for done in (alone, merged, published)]
    assert earned == [[None], [None, 10], [None, 30]]


def test_what_was_rendered_for_one_store_serves_the_next(database_url: str, bare_url: str) -> None:
    with regulars.open(database_url) as one, regulars.open(bare_url) as other:
        texts = []
        for crm in (one, other):
            crm.customers()
            with crm._store.reading() as tx:
                models = crm._session.models(tx)
                texts.append((crm._store.statements, models.statements(tx.connection)))
    is_same_kind = database_url.startswith("postgresql") == bare_url.startswith("postgresql")
    assert [ours is theirs for ours, theirs in zip(*texts, strict=True)] == [is_same_kind, is_same_kind]
