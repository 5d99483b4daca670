"""A copy of a store in another database is the same store, whole or not there at all."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from multiprocessing.synchronize import Event as Signal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

import regulars
from databases import fresh_postgres, fresh_sqlite
from filled_once import Originals
from histories import START, histories
from processes import forked
from regulars import (
    AddNote,
    ChangeContactDetails,
    CustomerId,
    EnrollMember,
    ErasePersonalData,
    GiveConsent,
    MakeReferral,
    MergeCustomers,
    NotFound,
    OpenTicket,
    RecordEmployment,
    RecordPurchase,
    RecordReturn,
    RegisterCustomer,
    Regulars,
    ReplyAsAgent,
    StoreUnusable,
    UndoMerge,
)
from regulars.adapters.log.event_log import Draft
from regulars.adapters.moving import copying
from regulars.adapters.schema.tables import VERSION, Schema
from regulars.adapters.sql.database import Database
from regulars.adapters.store.store import Store
from regulars.crm_domain.catalogue import CATALOGUE
from regulars.crm_domain.customer import CustomerRegistered
from regulars.crm_domain.event import Event
from regulars.projections.engine.fold import Happened
from shops import EXAMPLES
from shown import alike

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAYS = (date(2025, 11, 1), date(2025, 12, 31), date(2026, 2, 1), date(2026, 3, 1), date(2026, 9, 1))
COPIED = (
    *("commands", "consents", "events", "firms", "forgotten", "keys", "links", "lookups", "outbox", "quarantine"),
    *("referrals", "seals", "settings", "subscriptions"),
)
OUTWARD = {"hooks", "deliveries", "tokens", "users", "web_sessions"}
LEFT_OUT = {"generations", "builds", "generation_builds", "parked"} | OUTWARD
VIEWS = ("lifecycle_stage", "loyalty_tier", "churn_risk", "customer_card", "ticket_queue")

MAPPING = """
format = "csv"
[[command]]
do = "AddNote"
[command.fields]
customer = "{who}"
text = "{note}"
"""


def opened(url: str) -> Regulars:
    return regulars.open(url, currency="EUR", actor="li", clock=lambda: NOW)


@pytest.fixture(params=["sqlite", "postgres"])
def shop_url(request: pytest.FixtureRequest, originals: Originals) -> Iterator[str]:
    """A store with something in every table, which nobody has open."""
    with originals.copy(request.param, make_shop) as (url, _):
        yield url


IN_A_FILE = pytest.mark.parametrize("shop_url", ["sqlite"], indirect=True)
ON_A_SERVER = pytest.mark.parametrize("shop_url", ["postgres"], indirect=True)


def make_shop(url: str) -> None:
    """Somebody who buys, somebody forgotten, merges that hold and that were undone, a ticket, and refused rows."""
    begin = NOW - timedelta(days=200)
    people = {"shop:1": "Ada Lovelace", "shop:2": "Bob", "shop:3": "Grace Ü 日本", "shop:4": "Ada L.", "shop:5": "Eve"}
    with opened(url) as crm, tempfile.TemporaryDirectory() as folder:
        for ref, name in people.items():
            crm.do(RegisterCustomer(ref=ref, name=name, email=f"{ref[5:]}@example.com", occurred_at=begin))
        crm.do(EnrollMember(customer="shop:1", occurred_at=begin))
        crm.do(RegisterCustomer(ref="acme", kind="firm", occurred_at=begin))
        crm.do(RecordEmployment(customer="shop:1", firm="acme", role="buyer", occurred_at=begin))
        crm.do(MakeReferral(customer="shop:1", referred="shop:3", occurred_at=begin))
        for number in range(6):
            at = begin + timedelta(days=30 * number)
            crm.do(
                RecordPurchase(
                    customer=f"shop:{number % 4 + 1}",
                    order_id=f"A-{number}",
                    amount="159.90",
                    occurred_at=at,
                    command_id=f"order-{number}",
                )
            )
        crm.do(RecordReturn(order_id="A-0", amount="5.00", occurred_at=NOW - timedelta(days=3)))
        crm.do(OpenTicket(customer="shop:2", ticket_id="T-1", subject="a leg", occurred_at=NOW - timedelta(days=9)))
        crm.do(ReplyAsAgent(ticket_id="T-1", occurred_at=NOW - timedelta(days=8), reason="it was urgent"))
        crm.do([MergeCustomers(customer="shop:4", into="shop:1"), MergeCustomers(customer="shop:3", into="shop:2")])
        crm.do(UndoMerge(customer="shop:3"))
        crm.do(ChangeContactDetails(customer="shop:3", email="grace@example.com"))
        crm.do(GiveConsent(customer="shop:3", channel="email", purpose="newsletter"))
        next(iter(crm.changes("mailer", start="beginning")))
        crm.seal()
        crm.do(ErasePersonalData(customer="shop:5", confirm=True))
        mapping, notes = Path(folder) / "map.toml", Path(folder) / "notes.csv"
        mapping.write_text(MAPPING)
        notes.write_text("who,note\nshop:1,likes tea\nnobody,likes nothing\n")
        assert crm.import_file(notes, mapping).rejected == 1


def tables(url: str) -> dict[str, list[tuple[Any, ...]]]:
    """What is to be the same in a copy, as the database has it."""
    found: dict[str, list[tuple[Any, ...]]] = {}
    asked = rows_of(url, *(f"SELECT * FROM regulars_{name}" for name in COPIED))
    for name, told in zip(COPIED, asked, strict=True):
        rows = [row._mapping for row in told]
        kept = (row for row in rows if name != "settings" or row["name"] != "live_generation")
        tuples = (tuple((column, row[column]) for column in sorted(row) if column != "xid") for row in kept)
        found[name] = sorted(tuples, key=lambda row: (dict(row).get("position"), repr(row)))
    return found


def people(url: str) -> list[str]:
    return [dict(row)["customer_id"] for row in tables(url)["keys"]]


def answer(crm: Regulars, who: str | CustomerId, day: date) -> object:
    try:
        return crm.customer(who, as_of=day)
    except NotFound as error:
        return str(error)


def answers(url: str, who: list[str], days: tuple[date, ...] = DAYS) -> list[object]:
    """Everything one can ask of some customers, and of all, on several days."""
    with opened(url) as crm:
        crm.catch_up()
        said: list[object] = [answer(crm, CustomerId(each), day) for each in who for day in days]
        said += [list(crm.customers(as_of=day)) for day in days]
        for each in who:
            found = crm.customer(CustomerId(each))
            said += [found.timeline(), found.explain()]
        said += [list(crm.tickets(as_of=day)) for day in days]
        said += [list(crm.audit()), crm.ruleset, crm.currency, crm.rejects()]
    told = rows_of(url, *(f"SELECT * FROM {view}" for view in VIEWS))
    return said + [alike(row._mapping for row in rows) for rows in told]


def rows_of(url: str, *queries: str) -> list[list[sa.Row[Any]]]:
    """What a tool that speaks SQL is told."""
    with closing(Database(url, read_only=True)) as database, database.reading() as connection:
        return [list(connection.exec_driver_sql(query)) for query in queries]


@pytest.fixture
def other_postgres_url(postgres_url: str) -> Iterator[str]:
    with fresh_postgres(postgres_url) as url:
        yield url


@pytest.fixture(params=["sqlite", "postgres"])
def target_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a copy goes, in each kind of database."""
    if request.param == "sqlite":
        return fresh_sqlite(tmp_path)
    url: str = request.getfixturevalue("other_postgres_url")
    return url


def there(url: str) -> set[str]:
    """The tables in a database."""
    with closing(Database(url)) as database, database.reading() as connection:
        return set(sa.inspect(connection).get_table_names())


# ---------------------------------------------------------------------------------------------------- the same store


def test_a_copy_is_the_same_store(shop_url: str, target_url: str) -> None:
    before = tables(shop_url)
    count = regulars.copy(shop_url, target_url)
    assert count == len(before["events"]) > 20
    assert all(before[name] for name in COPIED)
    assert tables(target_url) == before
    assert tables(shop_url) == before
    assert answers(target_url, people(shop_url)) == answers(shop_url, people(shop_url))


@IN_A_FILE
def test_there_and_back_again(shop_url: str, bare_postgres_url: str, tmp_path: Path) -> None:
    file = Path(shop_url)
    before = file.read_bytes()
    back = fresh_sqlite(tmp_path)
    regulars.copy(file, bare_postgres_url)
    regulars.copy(bare_postgres_url, back)
    assert tables(back) == tables(shop_url)
    assert file.read_bytes() == before
    assert answers(back, people(back)) == answers(bare_postgres_url, people(back))


def test_a_copy_knows_everybody_and_goes_on(shop_url: str, target_url: str) -> None:
    last = dict(tables(shop_url)["events"][-1])
    regulars.copy(shop_url, target_url)
    # The copy's clock is a little behind: what is known was known then all the same.
    with regulars.open(target_url, actor="li", clock=lambda: NOW - timedelta(minutes=5)) as crm:
        assert crm.customer("shop:1").name == "Ada Lovelace"
        assert crm.find("grace@example.com") == crm.find("shop:3")
        assert crm.customer(crm.find("4@example.com")).id == crm.find("shop:1")
        [order] = crm.audit(type="PurchaseRecorded", customer="shop:2", limit=1).entries
        retried = crm.do(
            RecordPurchase(
                customer="shop:2", order_id="A-5", amount="159.90", occurred_at=order.occurred_at, command_id="order-5"
            )
        )
        assert [event.position for event in retried.events] == [order.position]
        assert len(crm.audit().entries) == crm.status().events == len(tables(shop_url)["events"])
        noted = crm.do(AddNote(customer="shop:3", text="after the copy"))
        [recorded] = noted.events
    assert recorded.position == last["position"] + 1
    assert dict(tables(target_url)["events"][-1])["recorded_at"] == last["recorded_at"]


def test_a_copy_judges_by_the_rules_of_the_original(bare_url: str, target_url: str) -> None:
    rules = regulars.default_rules()
    own = rules.model_copy(update={"tier": rules.tier.model_copy(update={"hold_days": 30})})
    with regulars.open(bare_url, currency="EUR", rules=own) as crm:
        crm.do(RegisterCustomer(ref="shop:1"))
    regulars.copy(bare_url, target_url)
    with regulars.open(target_url) as copy:
        assert copy.ruleset == own


def test_an_empty_store_is_copied_too(bare_url: str, target_url: str) -> None:
    opened(bare_url).close()
    progress: list[tuple[int, int]] = []
    assert regulars.copy(bare_url, target_url, lambda done, total: progress.append((done, total))) == 0
    assert progress == []
    with regulars.open(target_url, actor="li") as copy:
        assert copy.currency == "EUR"
        [registered] = copy.do(RegisterCustomer(ref="shop:1")).events
        assert registered.position == 1


def test_a_store_that_nobody_judged_yet_is_copied_too(bare_url: str, target_url: str) -> None:
    Store(bare_url).close()
    regulars.copy(bare_url, target_url)
    assert tables(target_url) == tables(bare_url)
    regulars.open(target_url).close()


def test_progress_counts_the_events(shop_url: str, target_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copying, "BATCH", 10)
    progress: list[tuple[int, int]] = []
    count = regulars.copy(shop_url, target_url, lambda done, total: progress.append((done, total)))
    assert progress == [*((done, count) for done in range(10, count, 10)), (count, count)]


def test_every_table_is_either_copied_or_the_copys_own() -> None:
    # Whoever adds a table decides here: what was recorded is copied, what follows from it is built anew.
    assert {each.removeprefix("regulars_") for each in Schema(is_sqlite=True).names} - LEFT_OUT == set(COPIED)


# -------------------------------------------------------------------------------------------------- whole, or nothing


def test_a_store_is_never_copied_over(shop_url: str, target_url: str) -> None:
    with opened(target_url) as crm:
        crm.do(RegisterCustomer(ref="precious"))
    before = tables(target_url)
    for target in (target_url, shop_url):
        with pytest.raises(StoreUnusable, match=r"there is a store in .* already, and it was left alone"):
            regulars.copy(shop_url, target)
    assert tables(target_url) == before


def test_somebody_elses_database_is_left_alone(bare_sqlite_url: str, tmp_path: Path) -> None:
    opened(bare_sqlite_url).close()
    theirs = tmp_path / "theirs.db"
    engine = sa.create_engine(f"sqlite:///{theirs}", poolclass=sa.NullPool)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE regulars_events (id INTEGER)")
    (tmp_path / "notes.txt").write_text("not a database, but long enough to be looked at as one" * 20)
    for path in (theirs, tmp_path / "notes.txt"):
        before = path.read_bytes()
        with pytest.raises(StoreUnusable):
            regulars.copy(bare_sqlite_url, path)
        assert path.read_bytes() == before


def test_where_there_is_nothing_to_copy_nothing_is_made(bare_url: str, target_url: str, tmp_path: Path) -> None:
    with pytest.raises(StoreUnusable, match=r"no store|not a Regulars store"):
        regulars.copy(bare_url, target_url)
    assert list(tmp_path.iterdir()) == []
    opened(bare_url).close()
    with pytest.raises(StoreUnusable, match="memory"):
        regulars.copy(bare_url, ":memory:")


def test_an_older_store_is_migrated_first(bare_url: str, target_url: str) -> None:
    opened(bare_url).close()
    store = Store(bare_url)
    with store.database.writing() as connection:
        version = store.schema.settings.c.name == "schema_version"
        connection.execute(store.schema.settings.update().where(version).values(value=str(VERSION - 1).encode()))
    store.close()
    with pytest.raises(StoreUnusable, match="regulars migrate"):
        regulars.copy(bare_url, target_url)
    assert there(target_url) == set()


def test_an_interrupted_copy_was_never_there(shop_url: str, target_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copying, "BATCH", 10)

    def interrupt(done: int, total: int) -> None:
        if done >= 20:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        regulars.copy(shop_url, target_url, interrupt)
    assert there(target_url) == set()
    regulars.copy(shop_url, target_url)
    assert tables(target_url) == tables(shop_url)


def copy_halfway(source: str, target: str, halfway: Signal) -> None:
    """Copy, and come to a standstill in the middle."""
    copying.BATCH = 10

    def stand_still(done: int, total: int) -> None:
        halfway.set()
        threading.Event().wait()

    regulars.copy(source, target, stand_still)


@IN_A_FILE
def test_a_copy_that_is_killed_was_never_there(shop_url: str, target_url: str) -> None:
    context = forked()
    halfway = context.Event()
    process = context.Process(target=copy_halfway, args=(shop_url, target_url, halfway))
    process.start()
    assert halfway.wait(timeout=60)
    process.kill()
    process.join()
    assert there(target_url) == set()
    regulars.copy(shop_url, target_url)
    assert tables(target_url) == tables(shop_url)


# -------------------------------------------------------------------------------------------------- while others write


def test_a_copy_while_others_write_is_of_one_moment(
    shop_url: str, target_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copying, "BATCH", 10)
    stop, acknowledged = threading.Event(), list[int]()

    def write(writer: int) -> None:
        number = 0
        with opened(shop_url) as crm:
            while not stop.is_set():
                ref = f"writer:{writer}:{number}"
                order = RecordPurchase(customer=ref, order_id=ref, amount="1", command_id=ref)
                for outcome in crm.do([RegisterCustomer(ref=ref, name="N. N."), order]):
                    acknowledged.extend(event.position for event in outcome.events)
                number += 1

    writers = [threading.Thread(target=write, args=(number,)) for number in range(3)]
    for writer in writers:
        writer.start()
    try:
        while len(acknowledged) < 20:
            stop.wait(0.01)
        before = set(acknowledged)
        count = regulars.copy(shop_url, target_url)
    finally:
        stop.set()
        for writer in writers:
            writer.join()
    copied, original = tables(target_url), tables(shop_url)
    events = [dict(row) for row in copied["events"]]
    positions = {event["position"] for event in events}
    assert before <= positions
    assert len(positions) == count < len(original["events"])
    # Nothing is missing below the last one, and what goes with an event is there exactly where the event is.
    assert copied["events"] == [row for row in original["events"] if dict(row)["position"] <= max(positions)]
    registered = {event["customer_id"] for event in events if event["type"] == "CustomerRegistered"}
    forgotten = {event["customer_id"] for event in events if event["type"] == "PersonalDataErased"}
    assert {dict(row)["customer_id"] for row in copied["keys"]} == registered - forgotten
    assert {dict(row)["customer_id"] for row in copied["lookups"]} == registered - forgotten
    orders = {event["command_id"] for event in events if event["command_id"] is not None}
    assert {dict(row)["id"] for row in copied["commands"]} == orders


@ON_A_SERVER
def test_no_older_transaction_keeps_events_out_of_a_copy(shop_url: str, tmp_path: Path) -> None:
    target = fresh_sqlite(tmp_path)
    engine = sa.create_engine(shop_url, poolclass=sa.NullPool)
    with engine.begin() as somebody, opened(shop_url) as crm:
        somebody.exec_driver_sql("SELECT pg_current_xact_id()")
        crm.do(RegisterCustomer(ref="late"))
        regulars.copy(shop_url, target)
    assert tables(target) == tables(shop_url)


# ------------------------------------------------------------------------------------------------------- any history


def record(url: str, history: list[Happened]) -> str:
    """Write a customer's history past the commands, as only a test may; the id of the customer."""
    customer_id = "c" * 32
    versions: dict[str, int] = {}

    def draft(at: int, event: Event) -> Draft:
        category = CATALOGUE.aggregate_of(event).decider.category
        key = getattr(event, "order_id", None) if category == "purchase" else getattr(event, "ticket_id", None)
        stream = customer_id if category == "customer" else f"{category}-{key}"
        versions[stream] = versions.get(stream, 0) + 1
        return Draft(
            stream_id=stream,
            version=versions[stream],
            category=category,
            customer_id=customer_id,
            occurred_at=at,
            actor="li",
            event=event,
        )

    store = Store(url)
    first = draft(START, CustomerRegistered(ref="shop:1", name="Ada", email="ada@example.com"))
    with store.writing() as tx:
        tx.append([first, *(draft(each.at, each.event) for each in history)], START)
    store.close()
    return customer_id


@settings(max_examples=EXAMPLES // 8)
@given(histories(), st.lists(st.dates(date(2024, 1, 2), date(2028, 1, 1)), min_size=1, max_size=3))
def test_any_history_gets_the_same_answers_on_both(
    postgres_url: str, history: list[Happened], days: list[date]
) -> None:
    with tempfile.TemporaryDirectory() as folder, fresh_postgres(postgres_url) as postgres:
        sqlite, back = fresh_sqlite(Path(folder)), fresh_sqlite(Path(folder))
        opened(sqlite).close()
        who = [record(sqlite, history)]
        regulars.copy(sqlite, postgres)
        regulars.copy(postgres, back)
        assert tables(sqlite) == tables(postgres) == tables(back)
        assert answers(sqlite, who, tuple(days)) == answers(postgres, who, tuple(days))
