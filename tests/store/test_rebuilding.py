"""Read models are what the events say: however they were folded, by whom, and how often somebody was cut off."""

from __future__ import annotations

import multiprocessing
import random
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from datetime import datetime
from functools import partial
from itertools import count
from multiprocessing.synchronize import Event as Signal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.schema import CreateIndex

import regulars
from cutting import Cut, CutOffError, cuts_of, each_beginning, is_cut_off
from databases import fresh_postgres, fresh_sqlite
from filled_once import Originals
from launched import launch, plan
from outside import run
from processes import forked
from regulars import (
    CustomerId,
    EnrollMember,
    MergeCustomers,
    OpenTicket,
    RecordPurchase,
    RegisterCustomer,
    Regulars,
    StoreBusy,
    StoreUnusable,
)
from regulars.adapters.indexes.links import links_changed
from regulars.adapters.read_models import building, catch_up, parallel_fold, replay, staging, verifying
from regulars.adapters.read_models.building import building_alone
from regulars.adapters.read_models.generations import everything, go_live, prepare_generation
from regulars.adapters.read_models.verifying import Fingerprint
from regulars.adapters.sql.columns import as_stored
from regulars.adapters.store.store import Store
from shops import (
    BEGIN,
    DAY,
    END,
    EXAMPLES,
    LINES,
    PEOPLE,
    Clock,
    Rows,
    Step,
    carry_out,
    empty_file,
    fresh_store,
    in_each_database,
    number_of,
    opened,
    other_rules,
    play,
    read_models_of,
    register,
    room_for_a_store,
    tables_of,
    trade,
    with_edits,
)

KINDS = pytest.mark.parametrize("kind", ["sqlite", "postgres"])
NEVER = 10**9


@contextmanager
def folding(
    *,
    batch: int = 2_000,
    replay_from: int = NEVER,
    customers: int = 500,
    events_a_range: int = NEVER,
    rows_a_slice: int = NEVER,
    indexing: float = NEVER,
) -> Iterator[None]:
    """Within the block, fold in batches of so many events, or customer by customer from so many events on, and make
    indexes for so many seconds at once.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(catch_up, "BATCH", batch)
        patch.setattr(catch_up, "REPLAY_FROM", replay_from)
        patch.setattr(catch_up, "EVENTS_A_RANGE", events_a_range)
        patch.setattr(catch_up, "INDEXING_AT_ONCE", indexing)
        patch.setattr(replay, "CUSTOMERS_AT_ONCE", customers)
        patch.setattr(staging, "ROWS_A_SLICE", rows_a_slice)
        yield


def fingerprint(crm: Regulars) -> Fingerprint:
    """What is stored, which must be what the events say."""
    found = crm.projections.verify()
    assert found.holds
    assert (found.different, found.differences, found.stored) == (0, (), found.folded)
    return found.stored


def live(crm: Regulars) -> int:
    return next(each.number for each in crm.projections.generations() if each.is_live)


# ------------------------------------------------------------------------------------------- three ways to the same


@in_each_database(EXAMPLES // 7, trade(), st.data())
def test_folded_in_any_batches_and_rebuilt_is_the_same(
    kind: str, postgres_url: str, steps: list[Step], data: st.DataObject
) -> None:
    clock = Clock()
    with fresh_store(kind, postgres_url) as url, opened(url, clock) as crm:
        register(crm, clock)
        for number, step in enumerate(steps):
            carry_out(crm, clock, step, number)
            if data.draw(st.booleans()):
                crm.catch_up()
        in_batches, found = fingerprint(crm), [read_models_of(crm, 1)]
        with folding(batch=data.draw(st.integers(1, 5))):
            assert crm.projections.rebuild() == 2
        assert (live(crm), fingerprint(crm)) == (2, in_batches)
        with folding(replay_from=1, customers=data.draw(st.integers(1, 3))):
            assert crm.projections.rebuild() == 3
        assert (live(crm), fingerprint(crm)) == (3, in_batches)
        found += [read_models_of(crm, number) for number in (2, 3)]
    assert found[0] == found[1] == found[2]


@settings(max_examples=EXAMPLES // 10)
@given(trade(), trade(max_size=6), other_rules())
def test_a_copy_there_and_back_has_the_same_fingerprint(
    postgres_url: str, steps: list[Step], more: list[Step], rules: regulars.Ruleset
) -> None:
    clock, found = Clock(), []
    with (
        fresh_store("sqlite", "") as here,
        room_for_a_store("sqlite", "") as back,
        fresh_postgres(postgres_url) as there,
    ):
        with opened(here, clock) as crm:
            register(crm, clock)
            play(crm, clock, steps)
            crm.rules.publish(rules, reason="spring")
            play(crm, clock, more, first=len(steps))
        regulars.copy(here, there)
        regulars.copy(there, back)
        for url in (here, there, back):
            with opened(url, clock) as crm:
                found.append((fingerprint(crm), crm.ruleset))
    assert found[0] == found[1] == found[2]


# ------------------------------------------------------------------------------------------------------------ damage

#: A table by its index, what is done to it, and to which of its rows by their index.
Damage = tuple[int, str, int]
damages = st.lists(
    st.tuples(st.integers(0, 13), st.sampled_from(["update", "delete", "insert"]), st.integers(0, 50)),
    min_size=1,
    max_size=4,
)


def changed(row: dict[str, Any]) -> tuple[str, Any]:
    for name in ("net_spend", "valid_to", "last_event_at"):
        if name in row:
            return name, row[name] - 1
    return "tracks", b"?"


def damageable(crm: Regulars, number: int) -> list[sa.Table]:
    """The tables of which each row follows from a customer's events."""
    return [table for name, table in tables_of(crm, number).items() if not name.endswith("_earliest")]


def damage(crm: Regulars, number: int, tables: list[sa.Table], each: Damage, stranger: int) -> None:
    """Change, take away or add one row behind the library's back."""
    index, deed, row_index = each
    table = tables[index % len(tables)]
    with crm._store.database.writing() as connection:
        rows = sorted(map(tuple, connection.execute(as_stored(table))), key=repr)
        if not rows:
            return
        row = dict(zip(table.c.keys(), rows[row_index % len(rows)], strict=True))
        this = sa.and_(*(column == row[column.name] for column in table.primary_key))
        match deed:
            case "update":
                column, value = changed(row)
                connection.execute(table.update().where(this).values({column: value}))
            case "delete":
                connection.execute(table.delete().where(this))
            case _:
                row["customer"] = stranger
                if "ticket_id" in row:
                    row["ticket_id"] = "nobody's"
                if "valid_from" in row:
                    row["valid_from"] -= row_index + 1
                key = sa.and_(*(column == row[column.name] for column in table.primary_key))
                if connection.execute(sa.select(table).where(key)).first() is None:
                    connection.execute(table.insert(), row)


def changed_tables(before: Rows, after: Rows) -> set[str]:
    return {name for name in before if before[name] != after[name]}


def shop_with_everything(crm: Regulars, clock: Clock) -> None:
    """Customers of whom each table has something to say, two of them merged."""
    register(crm, clock)
    crm.do([EnrollMember(customer=who) for who in PEOPLE])
    crm.do([regulars.AssignOwner(customer=who, owner="li") for who in PEOPLE])
    crm.do([regulars.TagCustomer(customer=who, label="vip") for who in PEOPLE])
    for number, who in enumerate(PEOPLE):
        clock.now += DAY
        crm.do(RecordPurchase(customer=who, order_id=f"first-{number}", amount="200.00", lines=LINES[0]))
        crm.do(OpenTicket(customer=who, ticket_id=f"first-{number}"))
        crm.do(regulars.RecordSurveySent(customer=who, survey_id=f"first-{number}", survey="nps", channel="email"))
        crm.do(regulars.RecordInteraction(customer=who, channel="phone", direction="outbound"))
        crm.do(regulars.OpenOpportunity(customer=who, opportunity_id=f"first-{number}", amount="80", owner="li"))
        line = regulars.QuoteLine(sku="coffee", unit_price="80", tax_rate="7")
        crm.do(regulars.SendQuote(customer=who, quote_id=f"first-{number}", lines=[line]))
        crm.do(regulars.SignContract(customer=who, contract_id=f"first-{number}", start="2024-01-01", amount="80"))
        if any(each.id == "years" for each in crm.ruleset.care):
            crm.do(regulars.SettleReminder(customer=who, care="years", day="2025-01-01", how="done"))
        crm.do(regulars.AddTask(task_id=f"first-{number}", customer=who, what="call", due=clock.now.date()))
    plan(crm, "tea", PEOPLE)
    launch(crm, "tea", PEOPLE, held_out=2, at=crm.now)  # by its commands, as the door folds in first
    crm.do(regulars.CancelMembership(customer=PEOPLE[3]))
    crm.do(MergeCustomers(customer=PEOPLE[3], into=PEOPLE[2]))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["sqlite", "postgres"])
def shop(request: pytest.FixtureRequest, originals: Originals, clock: Clock) -> Iterator[str]:
    """A shop with everything; the clock stands where that was done."""
    with originals.copy(request.param, make_everything) as (url, clock.now):
        yield url


def make_everything(url: str) -> datetime:
    clock = Clock()
    with opened(url, clock) as crm:
        shop_with_everything(crm, clock)
    return clock.now


@in_each_database(EXAMPLES // 6, damages, st.data())
def test_damage_is_found_and_put_right_projection_by_projection(
    kind: str, postgres_url: str, harm: list[Damage], data: st.DataObject
) -> None:
    clock = Clock()
    with fresh_store(kind, postgres_url) as url, opened(url, clock) as crm:
        shop_with_everything(crm, clock)
        before, whole = fingerprint(crm), read_models_of(crm, 1)
        for each in harm:
            merged_away = number_of(crm, f"id:{crm.audit(type='CustomerMerged').entries[0].customer_id}")
            stranger = data.draw(st.sampled_from([merged_away, 10**9, 0]))
            damage(crm, 1, damageable(crm, 1), each, stranger)
        hit = changed_tables(whole, read_models_of(crm, 1))
        found = crm.projections.verify()
        assert found.holds is not bool(hit)
        assert {each.projection for each in found.differences} == hit
        builds = {name.removesuffix("_places").removesuffix("_steps") for name in hit}
        assert sum(crm.projections.repair(projection=name) for name in sorted(builds)) >= len(hit)
        assert read_models_of(crm, 1) == whole
        assert fingerprint(crm) == before
        assert crm.projections.repair() == 0


@settings(max_examples=EXAMPLES // 6)
@given(trade(), damages)
def test_damage_is_put_right_customer_by_customer(steps: list[Step], harm: list[Damage]) -> None:
    clock = Clock()
    with empty_file() as file, opened(file, clock) as crm:
        shop_with_everything(crm, clock)
        play(crm, clock, steps)
        before, whole = fingerprint(crm), read_models_of(crm, 1)
        owner = number_of(crm, PEOPLE[0])
        for each in harm:
            damage(crm, 1, damageable(crm, 1), each, owner)
        assert crm.projections.verify().holds is (read_models_of(crm, 1) == whole)
        for who in PEOPLE:
            crm.projections.repair(customer=who)
        assert fingerprint(crm) == before


def test_who_was_lost_altogether_is_found_again(shop: str, clock: Clock) -> None:
    with opened(shop, clock) as crm:
        before, lost, number = fingerprint(crm), str(crm.find(PEOPLE[0])), number_of(crm, PEOPLE[0])
        with crm._store.database.writing() as connection:
            for table in damageable(crm, 1):
                connection.execute(table.delete().where(table.c.customer == number))
        found = {each.key for each in crm.projections.verify().differences}
        # Of so many differences the first twenty are named; the order of the scores comes last.
        assert {lost, "first-0", "vip"} <= found <= {lost, "first-0", "vip", "the order of the scores"}
        assert crm.projections.repair() > 5
        assert fingerprint(crm) == before


def test_damage_is_built_away(bare_url: str) -> None:
    care = '[[care]]\nid = "years"\non = "first_order"'
    clock, rules = Clock(), with_edits([(END, f"{END}\n[due_again]\ngaps = {{ coffee = 30 }}\n{care}")])
    with opened(bare_url, clock, rules=rules) as crm:
        shop_with_everything(crm, clock)
        before, whole = fingerprint(crm), read_models_of(crm, 1)
        for index in range(len(damageable(crm, 1))):
            damage(crm, 1, damageable(crm, 1), (index, "update", 0), 0)
            damage(crm, 1, damageable(crm, 1), (index, "delete", 1), 0)
        filled = {name for name, rows in whole.items() if rows}
        assert set(whole) - filled == {"segments", "segments_places"}  # as the default rules have none
        assert changed_tables(whole, read_models_of(crm, 1)) == filled
        assert crm.projections.verify().different >= len(filled)
        assert crm.projections.rebuild() == 2
        assert (read_models_of(crm, 2), fingerprint(crm)) == (whole, before)


def test_a_generation_that_is_not_what_the_events_say_never_goes_live(
    shop: str, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(shop, clock) as crm:
        before = fingerprint(crm)
        original = verifying.require_whole

        def damaged_first(store: Store, models: Any, rules: Any) -> None:
            damage(crm, 2, damageable(crm, 2), (0, "update", 0), 0)
            original(store, models, rules)

        monkeypatch.setattr(building, "require_whole", damaged_first)
        with pytest.raises(StoreUnusable, match="generation 2 was not made live, and was dropped: its attribution"):
            crm.projections.rebuild()
        assert (live(crm), fingerprint(crm)) == (1, before)


def test_what_nobody_knows_is_not_repaired(database_url: str) -> None:
    with opened(database_url, Clock()) as crm:
        with pytest.raises(ValueError, match='no projection is called "happiness"'):
            crm.projections.repair(projection="happiness")
        with pytest.raises(regulars.NotFound):
            crm.projections.repair(customer="nobody")


# ------------------------------------------------------------------------------------------------------ being cut off


#: In each kind of database, in each way of folding, before each transaction or after it.
CUTS = pytest.mark.parametrize(
    ("kind", "way", "after"),
    [
        ("sqlite", "batches", False),
        ("sqlite", "batches", True),
        ("sqlite", "customers", True),
        ("postgres", "customers", False),
    ],
)


@pytest.fixture
def url(originals: Originals, kind: str, clock: Clock) -> Iterator[str]:
    with originals.copy(kind, make_everything) as (url, clock.now):
        yield url


def folding_in(way: str) -> Any:
    return folding(batch=8) if way == "batches" else folding(replay_from=1, customers=2, rows_a_slice=20)


@CUTS
def test_a_rebuild_that_is_cut_off_anywhere_is_gone_on_with(url: str, clock: Clock, way: str, after: bool) -> None:
    with opened(url, clock) as crm:
        crm.catch_up()
        before = fingerprint(crm)
        with folding_in(way):
            cuts = cuts_of(crm.projections.rebuild)
        for number, cut in enumerate(cuts):
            answering = live(crm)
            rows = read_models_of(crm, answering)
            with folding_in(way):
                assert is_cut_off(crm.projections.rebuild, cut, after=after)
            went_live = live(crm) != answering  # only what comes after the last commit of all is cut off later
            assert read_models_of(crm, answering) == rows
            assert fingerprint(crm) == before
            if not went_live:
                crm.do(RecordPurchase(customer=PEOPLE[number % 3], order_id=f"between-{number}", amount="10.00"))
                begun = len(crm.projections.generations())
                assert len(crm.customers()) == 3
                assert live(crm) == answering
                with folding_in(way):
                    crm.projections.rebuild()
                assert live(crm) > answering
                assert len(crm.projections.generations()) <= begun + 1
                before = fingerprint(crm)
                crm.projections.prune()
        assert len(cuts) >= 5


@CUTS
def test_a_publication_that_is_cut_off_anywhere_is_gone_on_with(url: str, clock: Clock, way: str, after: bool) -> None:
    with opened(url, clock) as crm:
        crm.catch_up()

        def publish(days: int) -> None:
            with folding_in(way):
                crm.rules.publish(with_edits([("hold_days = 365", f"hold_days = {days}")]), reason="shorter")

        cuts = cuts_of(lambda: publish(30))
        for days, cut in enumerate(cuts, start=31):
            versions, answering = len(crm.rules.history()), live(crm)
            asked = [(each, each.explain(), each.timeline()) for each in crm.customers()]
            assert is_cut_off(partial(publish, days), cut, after=after)
            if live(crm) == answering:
                assert len(crm.rules.history()) == versions
                assert [(each, each.explain(), each.timeline()) for each in crm.customers()] == asked
            publish(days)
            assert crm.ruleset == with_edits([("hold_days = 365", f"hold_days = {days}")])
            assert [each.in_force for each in crm.rules.history()] == [False] * versions + [True]
            fingerprint(crm)
            crm.projections.prune()
        assert len(cuts) >= 5


def test_a_batch_that_was_folded_while_others_began_with_everything_is_thrown_away(
    shop: str, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    original, began = links_changed, list[bool]()
    with opened(shop, clock) as crm, opened(shop, clock) as other:

        def begin_meanwhile(*about: Any) -> set[str]:
            if not began:
                began.append(True)
                with folding(replay_from=1, customers=1):
                    assert is_cut_off(other.catch_up, Cut(2), after=True)
            return original(*about)

        monkeypatch.setattr(catch_up, "links_changed", begin_meanwhile)
        with folding(batch=8):
            crm.catch_up()
        assert began
        assert crm.status().behind == 0
        fingerprint(crm)


@pytest.fixture(params=["sqlite", "postgres"])
def much(request: pytest.FixtureRequest, originals: Originals) -> Iterator[str]:
    """A store of two thousand events, which were folded in."""
    with originals.copy(request.param, trade_much) as (url, _):
        yield url


def trade_much(url: str) -> None:
    with opened(url, noon) as crm:
        for start in range(0, 500, 100):
            crm.do(
                [
                    command
                    for number in range(start, start + 100)
                    for command in (
                        RegisterCustomer(ref=f"much:{number}", occurred_at=BEGIN),
                        EnrollMember(customer=f"much:{number}", occurred_at=BEGIN),
                        RecordPurchase(customer=f"much:{number}", order_id=str(number), amount="9", occurred_at=BEGIN),
                    )
                ]
            )
        crm.catch_up()


def noon() -> datetime:
    return BEGIN + 900 * DAY


def rebuild_in_small_steps(url: str, begun: Signal) -> None:
    replay.CUSTOMERS_AT_ONCE, catch_up.REPLAY_FROM = 25, 1_000
    with opened(url, noon) as crm:
        begun.set()
        crm.projections.rebuild()


def rebuild_at_last(crm: Regulars) -> None:
    """A server notices a moment later that a client is gone, and only then is its lock given back."""
    for _ in range(200):
        try:
            crm.projections.rebuild()
        except StoreBusy:
            time.sleep(0.05)
        else:
            return


def test_a_process_that_is_killed_while_it_rebuilds_leaves_everything_as_it_was(much: str) -> None:
    context = forked()
    moments = random.Random(4)
    with opened(much, noon) as crm:
        crm.catch_up()
        began = time.monotonic()
        crm.projections.rebuild()
        lasts = time.monotonic() - began
        before, answer = fingerprint(crm), crm.customers(limit=20).customers
        for _ in range(6):
            begun = context.Event()
            process = context.Process(target=rebuild_in_small_steps, args=(much, begun))
            process.start()
            assert begun.wait(timeout=60)
            process.join(moments.uniform(0, lasts))
            process.kill()
            process.join()
            assert live(crm) in {each.number for each in crm.projections.generations() if each.is_whole}
            assert crm.customers(limit=20).customers == answer
        assert fingerprint(crm) == before
        answering = live(crm)
        rebuild_at_last(crm)
        assert live(crm) > answering
        assert fingerprint(crm) == before


# -------------------------------------------------------------------------------------------------- several workers


@pytest.fixture
def forked_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers that begin in no time, where what they do is in question and not how they are begun."""
    context = forked()
    monkeypatch.setattr(multiprocessing, "get_context", lambda method: context)


@pytest.mark.usefixtures("forked_workers")
def test_several_workers_build_the_same_as_one(much: str) -> None:
    with opened(much, noon) as crm, folding(replay_from=1_000):
        crm.do([RegisterCustomer(ref="double"), RecordPurchase(customer="double", order_id="twice", amount="9")])
        crm.do(MergeCustomers(customer="double", into="much:2"))
        crm.projections.rebuild()
        alone = fingerprint(crm)
        for workers, events_a_range in ((3, NEVER), (1, 400), (2, 400)):  # several ranges, one after another
            with folding(replay_from=1_000, events_a_range=events_a_range):
                crm.projections.rebuild(workers=workers)
            assert fingerprint(crm) == alone


@pytest.mark.parametrize("away", [min, max])
def test_the_events_of_who_was_merged_are_told_with_the_rest(
    database_url: str, away: Callable[[list[CustomerId]], CustomerId]
) -> None:
    with opened(database_url, noon) as crm:
        crm.do([RegisterCustomer(ref=ref) for ref in ("a", "b", "c")])
        ids = [each.id for each in crm.customers()]
        crm.do(MergeCustomers(customer=away(ids), into=sorted(ids)[len(ids) // 2]))
        told: list[tuple[int, int]] = []
        crm.projections.verify(on_progress=lambda done, total: told.append((done, total)))
        assert told[-1] == (crm.event_count, crm.event_count)


@pytest.mark.parametrize("much", ["sqlite"], indirect=True)
def test_what_waits_in_the_wal_is_taken_over_after_each_range(much: str) -> None:
    wal = Path(f"{much.removeprefix('sqlite:///')}-wal")
    largest = {400: 0, NEVER: 0}
    with opened(much, noon) as crm:
        for events_a_range in largest:

            def note(done: int, total: int, events_a_range: int = events_a_range) -> None:
                largest[events_a_range] = max(largest[events_a_range], wal.stat().st_size)

            crm._store.database.truncate_wal(0)
            with folding(replay_from=1_000, customers=25, events_a_range=events_a_range):
                crm.projections.rebuild(on_progress=note)
    assert 0 < largest[400] < largest[NEVER] / 2


def test_indexes_that_were_not_all_made_are_made_by_whoever_goes_on(much: str, monkeypatch: pytest.MonkeyPatch) -> None:
    made = count()

    def create_three(index: sa.Index, *, if_not_exists: bool) -> CreateIndex:
        if next(made) == 3:
            raise CutOffError
        return CreateIndex(index, if_not_exists=if_not_exists)

    with opened(much, noon) as crm, folding(replay_from=1_000, indexing=0):
        crm.projections.rebuild()
        whole, answering, indexes = fingerprint(crm), live(crm), indexes_of(crm, live(crm))
        monkeypatch.setattr(catch_up, "CreateIndex", create_three)
        with pytest.raises(CutOffError):
            crm.projections.rebuild()
        assert (live(crm), len(indexes_of(crm, answering + 1))) == (answering, 3)
        crm.projections.rebuild()
        assert (live(crm), fingerprint(crm)) == (answering + 1, whole)
        assert indexes_of(crm, answering + 1) == indexes


def test_a_table_more_takes_no_transaction_more(shop: str, clock: Clock) -> None:
    begun: list[Any] = []
    with opened(shop, clock) as crm:
        crm.catch_up()
        with folding(replay_from=1), each_beginning(begun.append):
            crm.projections.rebuild()
    assert len(begun) == len(("made", "begun", "folded", "moved", "indexed", "ended", "checked", "live"))


def indexes_of(crm: Regulars, number: int) -> list[tuple[str, str]]:
    """The indexes of a generation: their names, without its number, and their columns."""
    with crm._store.reading() as tx:
        found = sa.inspect(tx.connection)
        return sorted(
            (str(index["name"]).replace(f"_{number}_", "_"), str(index["column_names"]))
            for table in tables_of(crm, number).values()
            for index in found.get_indexes(table.name)
        )


@pytest.mark.usefixtures("forked_workers")
def test_what_several_workers_began_one_ends_and_the_other_way_round(much: str) -> None:
    def cut_off(done: int, total: int) -> None:
        raise CutOffError

    with opened(much, noon) as crm, folding(replay_from=1_000, customers=25):
        crm.projections.rebuild()
        whole, answering = fingerprint(crm), live(crm)
        for first, second in ((3, 1), (1, 3)):
            with pytest.raises(CutOffError):
                crm.projections.rebuild(workers=first, on_progress=cut_off)
            assert live(crm) == answering
            answering = crm.projections.rebuild(workers=second)
            assert (live(crm), fingerprint(crm)) == (answering, whole)


@pytest.mark.usefixtures("forked_workers")
@pytest.mark.parametrize("much", ["sqlite"], indirect=True)
def test_a_worker_that_is_lost_is_said_and_loses_nothing(much: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with opened(much, noon) as crm, folding(replay_from=1_000):
        crm.projections.rebuild()
        whole, answering = fingerprint(crm), live(crm)
        monkeypatch.setattr(parallel_fold, "_work", end_at_once)
        with pytest.raises(StoreUnusable, match="ended too early"):
            crm.projections.rebuild(workers=2)
        monkeypatch.undo()
        with folding(replay_from=1_000):
            assert crm.projections.rebuild(workers=2) > answering
        assert fingerprint(crm) == whole


def end_at_once(*_: object) -> None:
    """What a worker does that was killed."""


# ----------------------------------------------------------------------------------------------- beside one another


def rebuild_elsewhere(url: str, said: Any) -> None:
    with opened(url, noon) as crm:
        try:
            crm.projections.rebuild()
        except StoreBusy as error:
            said.put(str(error))
        else:
            said.put("rebuilt")


def test_of_two_who_rebuild_one_is_told_to_wait(database_url: str) -> None:
    context = forked()
    said, refused = context.Queue(), list[str]()
    with opened(database_url, noon) as crm, opened(database_url, noon) as other, folding(replay_from=1, customers=2):
        shop_with_everything(crm, Clock())

        def meanwhile(done: int, total: int) -> None:
            if refused:
                return
            for work in (other.projections.rebuild, other.projections.prune):
                with pytest.raises(StoreBusy, match="another process is rebuilding this store") as busy:
                    work()
                refused.append(str(busy.value))
            with pytest.raises(StoreBusy):
                other.rules.publish(with_edits([("hold_days = 365", "hold_days = 30")]), reason="?")
            process = context.Process(target=rebuild_elsewhere, args=(database_url, said))
            process.start()
            refused.append(said.get(timeout=60))
            process.join()

        assert crm.projections.rebuild(on_progress=meanwhile) == 2
        assert len(refused) == 3
        assert len(set(refused)) == 1
        assert other.projections.rebuild() == 3
        fingerprint(crm)


def test_only_one_at_a_time_builds_however_often_they_take_turns(sqlite_database_url: str) -> None:
    inside: list[int] = []
    most: list[int] = []

    def take_turns(_: int) -> None:
        with closing(Store(sqlite_database_url)) as store:
            for _ in range(200):
                with suppress(StoreBusy), building_alone(store):
                    inside.append(1)
                    most.append(len(inside))
                    inside.pop()

    with opened(sqlite_database_url, noon), ThreadPoolExecutor(4) as pool:
        list(pool.map(take_turns, range(4)))
    assert set(most) == {1}


def test_what_was_dropped_meanwhile_never_goes_live(sqlite_database_url: str) -> None:
    with opened(sqlite_database_url, noon) as crm:
        crm.catch_up()
        store = crm._store
        generation = prepare_generation(store, crm.ruleset, 0, afresh=everything(store))
        crm.projections.prune()
        with pytest.raises(StoreUnusable, match="there is no generation"), store.writing() as tx:
            go_live(store, tx.connection, generation.number)
        with pytest.raises(StoreBusy, match="ask again"), store.reading() as tx:
            generation.read_models(store).checkpoint(tx.connection)
        assert live(crm) == 1


@CUTS
def test_questions_and_appends_go_on_while_somebody_rebuilds(url: str, clock: Clock, way: str, after: bool) -> None:
    seen = list[tuple[int, int]]()
    with opened(url, clock) as crm, opened(url, clock) as other, folding_in(way):
        crm.do(regulars.CancelMembership(customer=PEOPLE[0]))

        def meanwhile(done: int, total: int) -> None:
            seen.append((done, total))
            number = len(seen)
            if number > 6:
                return
            who = RegisterCustomer(ref=f"new:{number}") if after else MergeCustomers(customer=PEOPLE[0], into=PEOPLE[1])
            other.do([who, RecordPurchase(customer=PEOPLE[0], order_id=f"new-{number}", amount="1.00")])
            assert live(other) == 1
            assert other.customer(PEOPLE[0]).orders == 1 + number + (0 if after else 1)
            assert len(other.customers()) == 3 + (number if after else -1)

        crm.projections.rebuild(on_progress=meanwhile)
        assert live(crm) == live(other) == 2
        assert len(seen) > 6
        assert all(done <= total for done, total in seen)
        fingerprint(crm)
        assert len(crm.customers()) == (9 if after else 2)


# ------------------------------------------------------------------------------------------------------- generations


def stands(crm: Regulars) -> list[tuple[int, bool, bool, bool]]:
    """Each generation: its number, and whether it is live, the one before, and whole."""
    return [(each.number, each.is_live, each.is_previous, each.is_whole) for each in crm.projections.generations()]


def cards(crm: Regulars) -> list[tuple[Any, ...]]:
    with crm._store.reading() as tx:
        return sorted(
            map(tuple, tx.connection.exec_driver_sql("SELECT customer_id, net_spend FROM regulars_customer_card"))
        )


def test_going_back_takes_no_time_and_misses_nothing(shop: str, clock: Clock) -> None:
    with opened(shop, clock) as crm, opened(shop, clock) as other:
        with pytest.raises(StoreUnusable, match="no generation was live before this one"):
            crm.projections.go_back()
        crm.projections.rebuild()
        assert [each[:3] for each in stands(crm)] == [(1, False, True), (2, True, False)]
        crm.do(RecordPurchase(customer=PEOPLE[0], order_id="since", amount="7.00"))
        crm.catch_up()
        everyone = list(other.customers())
        assert crm.projections.go_back() == 1
        assert stands(crm) == stands(other) == [(1, True, False, True), (2, False, True, True)]
        assert list(other.customers()) == list(crm.customers()) == everyone
        fingerprint(crm)
        assert cards(crm) == sorted((str(each.id), int(each.net_spend * 100)) for each in everyone)
        assert crm.projections.go_back() == 2


def test_nobody_goes_back_to_other_rules_or_other_code(shop: str, clock: Clock) -> None:
    with opened(shop, clock) as crm:
        crm.rules.publish(with_edits([("hold_days = 365", "hold_days = 30")]), reason="shorter")
        with pytest.raises(StoreUnusable, match="generation 1 was judged by other rules"):
            crm.projections.go_back()
        crm.projections.rebuild()
        run(shop, "UPDATE regulars_builds SET versions = '{}' WHERE name = 'loyalty_tier' AND number = 2")
        with pytest.raises(StoreUnusable, match="generation 2 was built by other code"):
            crm.projections.go_back()
        assert live(crm) == 3


def test_pruning_keeps_what_answers_and_what_answered_before(shop: str, clock: Clock) -> None:
    with opened(shop, clock) as crm:
        assert crm.projections.prune() == ()
        for number in (2, 3):
            assert crm.projections.rebuild() == number
        clock.now += 40 * DAY
        page = crm.customers(known_at=BEGIN + 3 * DAY)
        timelines = [each.timeline() for each in page]
        assert len(stands(crm)) == 4
        assert crm.projections.prune() == (1, 4)
        assert stands(crm) == [(2, False, True, True), (3, True, False, True)]
        with crm._store.reading() as tx:
            names = set(sa.inspect(tx.connection).get_table_names())
        assert {name for name in names if name.startswith("regulars_customer_card")} == {
            f"regulars_customer_card_{number}{rest}" for number in (2, 3) for rest in ("", "_places")
        }
        # Who was listed is asked further all the same.
        assert [each.timeline() for each in page] == timelines
        fingerprint(crm)


def test_a_number_never_stands_for_two_generations(shop: str, clock: Clock) -> None:
    """Another open handle remembers by its number what a generation was judged by."""
    editions = [with_edits([("hold_days = 365", f"hold_days = {days}")]) for days in (30, 90, 700)]
    with opened(shop, clock) as crm, opened(shop, clock) as other:
        numbers = [crm.rules.publish(each, reason="a try").generation for each in editions[:2]]
        assert (numbers, other.ruleset) == ([2, 3], editions[1])
        for _ in editions[:2]:
            crm.rules.rollback(reason="no")
        assert crm.projections.prune() == (3,)
        assert crm.rules.publish(editions[2], reason="another try").generation == 4
        assert other.ruleset == editions[2]


def test_the_founding_generation_is_built_anew_too(database_url: str) -> None:
    with opened(database_url, Clock()) as crm:
        assert [crm.projections.rebuild() for _ in range(3)] == [2, 3, 4]
        assert stands(crm)[-1] == (4, True, False, True)


def test_the_stable_names_stand_for_what_is_live(shop: str, clock: Clock) -> None:
    with opened(shop, clock) as crm:
        crm.catch_up()
        before = cards(crm)
        run(shop, "UPDATE regulars_customer_card_1 SET net_spend = 1")
        assert {spend for _, spend in cards(crm)} == {1}
        crm.projections.rebuild()
        assert cards(crm) == before
        crm.projections.go_back()
        assert {spend for _, spend in cards(crm)} == {1}
        assert live(crm) == 1


def test_of_an_empty_store_too(tmp_path: Path) -> None:
    with opened(fresh_sqlite(tmp_path), Clock()) as crm:
        assert crm.projections.verify().holds
        assert crm.projections.rebuild() == 2
        assert crm.projections.repair() == 0
        assert fingerprint(crm) == Fingerprint(0, 0)
