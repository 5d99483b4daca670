"""What the store promises: on SQLite and on PostgreSQL alike."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import sleep

import pytest
import sqlalchemy as sa

import regulars
from regulars import (
    ChangeContactDetails,
    Conflict,
    CustomerId,
    ErasePersonalData,
    NotFound,
    Outcome,
    RecordInteraction,
    RecordPurchase,
    RecordReturn,
    RegisterCustomer,
    Regulars,
    Rejected,
    StoreBusy,
    StoreUnusable,
    TagCustomer,
)
from regulars.adapters.store.store import Store
from regulars.crm_domain.instant import to_datetime
from regulars.doing import transacting
from regulars.doing.execution import Execution
from regulars.doing.transacting import MAX_ATTEMPTS

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Clock:
    """A clock that stands until it is set."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def crm(database_url: str, clock: Clock) -> Iterator[Regulars]:
    with regulars.open(database_url, currency="EUR", actor="li", clock=clock) as opened:
        yield opened


def ada() -> RegisterCustomer:
    return RegisterCustomer(ref="shop:42", name="Ada Lovelace", email="Ada@Example.com", phone="+49 30 1234")


def all_events(url: str) -> list[sa.Row[tuple[object, ...]]]:
    store = Store(url)
    with store.reading() as tx:
        rows = list(tx.connection.execute(sa.select(store.schema.events).order_by(store.schema.events.c.position)))
    store.close()
    return rows  # type: ignore[return-value]


# ------------------------------------------------------------------------------------------------------ transactions


def test_several_commands_are_one_transaction_that_sees_its_own_decisions(crm: Regulars) -> None:
    outcomes = crm.do(
        [
            ada(),
            RecordPurchase(customer="shop:42", order_id="A-1", amount="10.00"),
            RecordReturn(order_id="A-1", amount="4.00"),
        ]
    )
    assert [outcome.position for outcome in outcomes] == [1, 2, 3]
    assert str(crm.customer("shop:42").net_spend) == "6.00"


def test_one_refusal_takes_the_whole_transaction_back(crm: Regulars, database_url: str) -> None:
    with pytest.raises(Rejected) as refused:
        crm.do([ada(), RecordReturn(order_id="A-1")])
    assert refused.value.code == "unknown_order"
    assert all_events(database_url) == []


def test_positions_go_on_after_a_refusal_and_after_reopening(crm: Regulars, database_url: str, clock: Clock) -> None:
    crm.do(ada())
    with pytest.raises(NotFound):
        crm.do(TagCustomer(customer="nobody", label="x"))
    with regulars.open(database_url, clock=clock) as again:
        assert again.do(TagCustomer(customer="shop:42", label="vip")).position == 2


def test_an_order_id_counts_once_in_a_store(crm: Regulars) -> None:
    crm.do([ada(), RegisterCustomer(ref="shop:43")])
    order = RecordPurchase(customer="shop:42", order_id="A-1", amount="10.00")
    assert crm.do(order).position == 3
    assert crm.do(order).events == ()
    with pytest.raises(Rejected) as refused:
        crm.do(RecordPurchase(customer="shop:43", order_id="A-1", amount="10.00"))
    assert refused.value.code == "purchase_of_another"


def test_a_reference_is_found_by_its_hash_and_an_id_as_it_is(crm: Regulars) -> None:
    registered = crm.do(ada())
    assert crm.customer("shop:42").id == registered.customer_id
    assert crm.customer(registered.customer_id).ref == "shop:42"
    with pytest.raises(NotFound, match="shop:43"):
        crm.customer("shop:43")
    with pytest.raises(NotFound):
        crm.do(RecordPurchase(customer=CustomerId("0" * 32), order_id="A-1", amount="1.00"))


TOLERANCE = timedelta(minutes=5)


def test_recorded_time_does_not_run_backwards_where_clocks_differ_a_little(crm: Regulars, clock: Clock) -> None:
    first = crm.do(ada()).events[0]
    clock.now -= TOLERANCE
    second = crm.do(TagCustomer(customer="shop:42", label="vip")).events[0]
    assert second.recorded_at == first.recorded_at


@pytest.mark.parametrize("ahead", [TOLERANCE + timedelta(microseconds=1), timedelta(days=9 * 365)])
def test_a_clock_that_ran_far_ahead_is_not_followed(crm: Regulars, clock: Clock, ahead: timedelta) -> None:
    crm.do(ada())
    clock.now += ahead
    crm.do(TagCustomer(customer="shop:42", label="early"))
    clock.now -= ahead
    for label in ("vip", "regular"):
        recorded = crm.do(TagCustomer(customer="shop:42", label=label)).events[0]
        assert to_datetime(recorded.recorded_at) == clock.now


# -------------------------------------------------------------------------------------------------------- conflicts


def test_writers_on_the_same_customer_both_succeed(database_url: str, crm: Regulars, clock: Clock) -> None:
    crm.do(ada())
    with regulars.open(database_url, clock=clock) as other:
        threads = [
            threading.Thread(
                target=lambda each=each, name=name: [
                    each.do(TagCustomer(customer="shop:42", label=f"{name}{n}")) for n in range(20)
                ]
            )
            for name, each in (("a", crm), ("b", other))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(crm.customer("shop:42").tags) == 40


def test_a_conflict_names_stream_expected_and_actual_version(
    postgres_database_url: str, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lost against a writer that is quicker every time. On SQLite the lock is held from load to commit: none can be."""
    crm = regulars.open(postgres_database_url, clock=clock)
    customer_id = crm.do(ada()).customer_id
    with crm, regulars.open(postgres_database_url, clock=clock) as rival:
        taken: list[int] = []

        def finish_second(execution: Execution) -> list[Outcome]:
            if execution._work.store is crm._store:
                taken.append(rival.do(TagCustomer(customer="shop:42", label=f"quicker-{len(taken)}")).position or 0)
            return finish(execution)

        finish = Execution.finish
        monkeypatch.setattr(Execution, "finish", finish_second)
        # Left to itself it would ask to write alone, and win.
        monkeypatch.setattr(transacting, "FAIR_ATTEMPTS", MAX_ATTEMPTS)
        with pytest.raises(Conflict) as lost:
            crm.do(TagCustomer(customer="shop:42", label="slower"))
    assert len(taken) == MAX_ATTEMPTS
    assert lost.value.stream == customer_id
    assert lost.value.actual == lost.value.expected + 1


def test_a_store_that_stays_locked_says_so(sqlite_database_url: str, clock: Clock) -> None:
    with regulars.open(sqlite_database_url, clock=clock, lock_timeout=0.1) as crm:
        other = Store(sqlite_database_url)
        with other.writing(), pytest.raises(StoreBusy):
            crm.do(ada())
        other.close()
        crm.do(ada())


# ------------------------------------------------------------------------------------------------------ command log


def test_a_retried_command_returns_the_first_outcome(crm: Regulars, clock: Clock) -> None:
    command = RecordInteraction(customer="shop:42", channel="phone", direction="inbound", command_id="c-1")
    crm.do(ada())
    first = crm.do(command)
    clock.now += timedelta(days=1)
    again = crm.do(command)
    assert not first.replayed
    assert again.replayed
    assert (again.customer_id, again.events, again.position) == (first.customer_id, first.events, first.position)


def test_a_retry_is_harmless_even_where_nothing_happened(crm: Regulars) -> None:
    crm.do([ada(), TagCustomer(customer="shop:42", label="vip")])
    nothing = TagCustomer(customer="shop:42", label="vip", command_id="c-1")
    assert crm.do(nothing).events == ()
    assert crm.do(nothing).replayed


def test_a_command_id_can_not_stand_for_something_else(crm: Regulars) -> None:
    crm.do(ada())
    crm.do(TagCustomer(customer="shop:42", label="vip", command_id="c-1"))
    with pytest.raises(Rejected) as refused:
        crm.do(TagCustomer(customer="shop:42", label="other", command_id="c-1"))
    assert refused.value.code == "command_id_taken"


# ---------------------------------------------------------------------------------------------------- personal data

SECRETS = ("shop:42", "Ada Lovelace", "ada@example.com", "Ada@Example.com", "+49 30 1234", "moved to Rome", "very ill")


def test_nothing_personal_is_stored_in_the_clear(tmp_path: Path, clock: Clock) -> None:
    path = tmp_path / "shop.db"
    with regulars.open(path, currency="EUR", actor="li", clock=clock) as crm:
        crm.do(ada())
        crm.do(ChangeContactDetails(customer="shop:42", phone="+39 06 99", reason="moved to Rome", command_id="c-1"))
        note = RecordInteraction(customer="shop:42", channel="phone", direction="inbound", summary="very ill")
        crm.do(note)
        assert crm.customer("shop:42").phone == "+39 06 99"
        assert len(crm.customers()) == 1
    files = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    for secret in (*SECRETS, "+39 06 99"):
        assert secret.encode() not in files


def test_who_is_forgotten_keeps_every_verdict_and_no_name(crm: Regulars) -> None:
    crm.do([ada(), RecordPurchase(customer="shop:42", order_id="A-1", amount="60.00")])
    before = crm.customer("shop:42")
    crm.do(ErasePersonalData(customer="shop:42", confirm=True))
    after = crm.customer(before.id)
    assert (after.stage, after.tier, after.risk, after.net_spend) == (
        before.stage,
        before.tier,
        before.risk,
        before.net_spend,
    )
    assert (after.ref, after.name, after.email, after.phone) == (None, None, None, None)
    with pytest.raises(NotFound):
        crm.customer("shop:42")
    with pytest.raises(Rejected) as refused:
        crm.do(ChangeContactDetails(customer=before.id, name="Ada"))
    assert refused.value.code == "account_erased"
    crm.do(RecordPurchase(customer=before.id, order_id="A-2", amount="1.00"))
    with pytest.raises(Rejected) as refused:
        crm.do(RecordPurchase(customer=before.id, order_id="A-3", amount="1.00", reason="for Ada"))
    assert refused.value.code == "account_erased"


def test_a_reference_is_free_again_once_its_customer_is_forgotten(crm: Regulars) -> None:
    first = crm.do(ada()).customer_id
    crm.do(ErasePersonalData(customer="shop:42", confirm=True))
    second = crm.do(ada()).customer_id
    assert first != second
    assert crm.customer("shop:42").id == second


# -------------------------------------------------------------------------------------------------- opening a store


def test_a_store_has_one_currency(database_url: str, clock: Clock) -> None:
    with regulars.open(database_url, clock=clock) as crm:
        crm.do(ada())
        with pytest.raises(Rejected) as refused:
            crm.do(RecordPurchase(customer="shop:42", order_id="A-1", amount="1.00"))
        assert refused.value.code == "no_currency"
        crm.do(RecordPurchase(customer="shop:42", order_id="A-1", amount="1000", currency="JPY"))
        assert crm.currency == "JPY"
        with pytest.raises(Rejected) as refused:
            crm.do(RecordPurchase(customer="shop:42", order_id="A-2", amount="1.00", currency="EUR"))
        assert refused.value.code == "other_currency"
        assert str(crm.customer("shop:42").net_spend) == "1000"
    with pytest.raises(StoreUnusable, match="JPY"):
        regulars.open(database_url, currency="EUR")


@pytest.mark.parametrize("other", ["EUR", "JPY"])
def test_whose_currency_comes_first_is_the_store_s_even_at_the_same_moment(
    postgres_database_url: str, other: str
) -> None:
    """Another process has brought a currency and has not committed yet when this one opens the store with one."""
    regulars.open(postgres_database_url).close()
    with closing(Store(postgres_database_url)) as store, ThreadPoolExecutor() as pool:
        with store.database.writing() as connection:
            store.fix_currency(connection, other)
            opening = pool.submit(regulars.open, postgres_database_url, currency="EUR")
            waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
            while not opening.done() and not connection.exec_driver_sql(waiting).scalar_one():
                sleep(0.01)
        if other == "EUR":
            opening.result().close()
        else:
            with pytest.raises(StoreUnusable, match="JPY"):
                opening.result()


def test_a_newer_store_says_so_and_is_left_alone(database_url: str) -> None:
    regulars.open(database_url).close()
    store = Store(database_url)
    settings = store.schema.settings
    with store.database.writing() as connection:
        connection.execute(settings.update().where(settings.c.name == "schema_version").values(value=b"99"))
    store.close()
    with pytest.raises(StoreUnusable, match="schema version 99"):
        regulars.open(database_url)


def test_a_database_with_other_tables_of_our_names_is_refused(bare_url: str) -> None:
    engine = sa.create_engine(f"sqlite:///{bare_url}" if "://" not in bare_url else bare_url)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE regulars_events (id INTEGER)")
    engine.dispose()
    with pytest.raises(StoreUnusable, match='table "regulars_events"'):
        regulars.open(bare_url)


def test_what_is_not_a_store_is_refused_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "text.db").write_text("this is not a database, it is a text of some length" * 20)
    with pytest.raises(StoreUnusable):
        regulars.open(tmp_path / "text.db")
    with pytest.raises(StoreUnusable, match="folder"):
        regulars.open(tmp_path)
    with pytest.raises(StoreUnusable, match="doesn't exist"):
        regulars.open(tmp_path / "no" / "shop.db")
    with pytest.raises(StoreUnusable, match="mysql"):
        regulars.open("mysql://localhost/shop")


def test_a_read_only_store_answers_and_takes_nothing(tmp_path: Path, clock: Clock) -> None:
    path = tmp_path / "shop.db"
    with regulars.open(path, currency="EUR", clock=clock) as crm:
        crm.do([ada(), RecordPurchase(customer="shop:42", order_id="A-1", amount="1.00")])
    with regulars.open(path, read_only=True, clock=clock) as crm:
        assert crm.customer("shop:42").orders == 1
        assert crm.status().behind == 2
        with pytest.raises(StoreUnusable, match="read-only"):
            crm.do(TagCustomer(customer="shop:42", label="x"))


def test_a_forked_process_must_open_its_own(tmp_path: Path) -> None:
    with regulars.open(tmp_path / "shop.db") as crm:
        child = os.fork()
        if child == 0:
            try:
                crm.status()
            except StoreUnusable:
                os._exit(0)
            os._exit(1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_a_store_in_memory_can_be_shared_by_threads(clock: Clock) -> None:
    with regulars.open(":memory:", currency="EUR", clock=clock) as crm:
        crm.do(ada())

        def buy(name: str) -> None:
            for number in range(20):
                crm.do(RecordPurchase(customer="shop:42", order_id=f"{name}-{number}", amount="1.00"))
                assert crm.customer("shop:42").orders > number

        threads = [threading.Thread(target=buy, args=(name,)) for name in "abcd"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert crm.customer("shop:42").orders == 80
        assert crm.customers()[0].orders == 80


def test_what_is_acknowledged_waits_for_the_disk_and_what_is_folded_does_not(database_url: str) -> None:
    with closing(Store(database_url)) as store:
        if store.database.is_sqlite:
            shown, waits, waits_not = "PRAGMA synchronous", 2, 1
        else:
            shown, waits, waits_not = "SHOW synchronous_commit", "on", "off"
            with store.database.outside_transactions(1) as connection:
                name = connection.exec_driver_sql("SELECT current_database()").scalar()
                connection.exec_driver_sql(f'ALTER DATABASE "{name}" SET synchronous_commit = on')

    with closing(Store(database_url)) as store:

        def waiting(*, durable: bool) -> object:
            with store.writing(durable=durable) as tx:
                return tx.connection.exec_driver_sql(shown).scalar()

        assert waiting(durable=True) == waits
        assert waiting(durable=False) == waits_not
        assert waiting(durable=True) == waits
        with pytest.raises(ZeroDivisionError), store.writing(durable=False):
            _ = 1 / 0
        assert waiting(durable=True) == waits
