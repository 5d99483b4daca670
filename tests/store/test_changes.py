"""The change feed: what was told and is applied gives what the store answers, whatever happens between two polls."""

from __future__ import annotations

import gc
import tracemalloc
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime, timedelta
from threading import Event
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from histories import SEGMENTS
from regulars import (
    AddTask,
    MergeCustomers,
    NotFound,
    OpenTicket,
    RecordPurchase,
    RegisterCustomer,
    Regulars,
    Rejected,
    StoreBusy,
    StoreUnusable,
    TagCustomer,
    VoidPurchase,
)
from regulars.changes import Batch, Change, ChangeFeed, spool
from shops import (
    BEGIN,
    DAY,
    END,
    GOLD,
    HOUR,
    Clock,
    Step,
    carry_out,
    fresh_store,
    opened,
    register,
    trade,
    with_edits,
)
from subscribers import Subscriber, answers

KINDS = pytest.mark.parametrize("kind", ["sqlite", "postgres"])
LOWER = with_edits([(GOLD, GOLD.replace("500.00", "155.00")), (END, END + SEGMENTS)])
HIGHER = with_edits([(GOLD, GOLD.replace("500.00", "600.00"))])


def hear(feed: ChangeFeed, subscriber: Subscriber) -> None:
    """Take and acknowledge all that there is to tell, whatever time it is by the clock."""
    while True:
        feed.accept_clock()  # which makes nothing ready while batches wait
        batch = next(iter(feed), None)
        if batch is None:
            return
        subscriber.take(batch.changes)
        feed.ack(batch)


Action = Callable[[Regulars, ChangeFeed, Subscriber], None]


def take_one(crm: Regulars, feed: ChangeFeed, subscriber: Subscriber) -> None:
    """The first batch is taken and acknowledged; others may wait until later."""
    feed.accept_clock()
    batch = next(iter(feed), None)
    if batch is not None:
        subscriber.take(batch.changes)
        feed.ack()


def die_before_acknowledging(crm: Regulars, feed: ChangeFeed, subscriber: Subscriber) -> None:
    """A batch is taken, and nobody learns of that."""
    feed.accept_clock()
    batch = next(iter(feed), None)
    if batch is not None:
        subscriber.take(batch.changes)


def publish(ruleset: Any) -> Action:
    return lambda crm, feed, subscriber: void(crm.rules.publish(ruleset, reason="a wish"))


def roll_back(crm: Regulars, feed: ChangeFeed, subscriber: Subscriber) -> None:
    with suppress(Rejected):  # there may be nothing to go back to
        crm.rules.rollback(reason="a mistake")


def rebuild(crm: Regulars, feed: ChangeFeed, subscriber: Subscriber) -> None:
    crm.projections.rebuild()


def forget(who: str) -> Action:
    def forgotten(crm: Regulars, feed: ChangeFeed, subscriber: Subscriber) -> None:
        with suppress(NotFound, Rejected):
            crm.forget(who, reason="asked")

    return forgotten


def listen(crm: Regulars, feed: ChangeFeed, subscriber: Subscriber) -> None:
    hear(feed, subscriber)


def void(_: object) -> None:
    return None


actions = st.sampled_from(
    [
        listen,
        listen,
        take_one,
        take_one,
        die_before_acknowledging,
        die_before_acknowledging,
        publish(LOWER),
        publish(HIGHER),
        roll_back,
        rebuild,
        forget("shop:1"),
        forget("shop:2"),
    ]
)
histories = st.lists(st.tuples(trade(max_size=4), actions), min_size=1, max_size=5)


@KINDS
@settings(max_examples=8, phases=[Phase.explicit, Phase.generate])
@given(histories=histories, start=st.sampled_from(["now", "beginning", 3]), small=st.integers(1, 4))
def test_what_is_told_and_applied_gives_what_the_store_answers(
    kind: str, postgres_url: str, histories: list[tuple[list[Step], Action]], start: str | int, small: int
) -> None:
    with fresh_store(kind, postgres_url) as url, pytest.MonkeyPatch.context() as patch:
        patch.setattr(spool, "BATCH", small)
        clock, subscriber, number = Clock(), Subscriber(), 0
        with opened(url, clock) as crm:
            register(crm, clock)
            if start != "beginning":  # who joins later is told what they know already by nobody
                known = crm.changes("first", start="beginning")
                hear(known, subscriber)
                known.drop()
                start = max(each.position for each in crm.events()) if isinstance(start, int) else start
            crm.changes("mailer", start=start)
        for steps, act in histories:
            with opened(url, clock) as crm:  # each time another process, which knows nothing of the ones before
                for step in steps:
                    carry_out(crm, clock, step, number)
                    number += 1
                act(crm, crm.changes("mailer"), subscriber)
        with opened(url, clock) as crm:
            hear(crm.changes("mailer"), subscriber)
            assert subscriber.held == answers(crm, clock)
            listed = {str(each.id): each for each in crm.customers(limit=100, fresh=True).customers}
            for customer_id, each in listed.items():
                assert subscriber.held[customer_id, "stage", None] == each.stage
                assert subscriber.held[customer_id, "tier", None] == each.tier
                assert subscriber.held[customer_id, "risk", None] == each.risk_band


# ------------------------------------------------------------------------------------------------ what is told, and how


@pytest.fixture
def clock() -> Clock:
    return Clock(BEGIN)


@pytest.fixture
def crm(database_url: str, clock: Clock) -> Iterator[Regulars]:
    with opened(database_url, clock) as crm:
        crm.do(RegisterCustomer(ref="ada", name="Ada"))
        clock.now += HOUR
        yield crm


def heard(feed: ChangeFeed) -> list[Change]:
    """All that there is to tell, acknowledged."""
    found: list[Change] = []
    for batch in feed:
        found += batch.changes
        feed.ack(batch)
    return found


def brief(changes: list[Change], what: str) -> list[tuple[str, str | None, str | None]]:
    return [(each.kind, each.old, each.new) for each in changes if each.what == what]


def buy(crm: Regulars, order_id: str, amount: str, at: datetime | None = None) -> None:
    crm.do(RecordPurchase(customer="ada", order_id=order_id, amount=amount, occurred_at=at))


def test_what_an_event_makes_so_has_begun_and_what_time_makes_so_fell_due(crm: Regulars, clock: Clock) -> None:
    feed = crm.changes("mailer", kinds=["stage"])
    buy(crm, "A-1", "20.00")
    clock.now += HOUR
    (began,) = heard(feed)
    assert (began.kind, began.new, began.due) == ("began", "new", None)
    assert began.since == clock.now - HOUR
    assert began.position == max(each.position for each in crm.events())
    verdict = crm.customer("ada").verdict("stage")
    assert verdict.next is not None
    for _ in range(40):
        clock.now += 6 * DAY
        fell_due = heard(feed)
        if fell_due:
            break
    assert brief(fell_due, "stage") == [("fell_due", "new", verdict.next.value)]
    assert fell_due[0].since == fell_due[0].due == verdict.next.since
    assert fell_due[0].position is None


def test_what_is_told_late_or_voided_is_corrected(crm: Regulars, clock: Clock) -> None:
    feed = crm.changes("mailer", kinds=["tier"])
    buy(crm, "A-1", "200.00", clock.now - 30 * timedelta(minutes=1))
    assert brief(heard(feed), "tier") == [("corrected", "member", "silver")]
    clock.now += HOUR
    crm.do(VoidPurchase(order_id="A-1", reason="a mistake"))
    assert brief(heard(feed), "tier") == [("corrected", "silver", "member")]


def test_what_was_written_while_a_poll_took_its_time_has_begun(crm: Regulars, clock: Clock) -> None:
    feed = crm.changes("mailer", kinds=["tier"])
    clock.now += HOUR
    assert heard(feed) == []
    buy(crm, "A-1", "200.00", clock.now - timedelta(seconds=1))
    assert brief(heard(feed), "tier") == [("began", "member", "silver")]


def test_whoever_waits_learns_how_much_was_looked_at(crm: Regulars, clock: Clock) -> None:
    """Everybody of whom something was recorded, everybody where the rules changed, and what turned by itself."""
    looked_at: list[int] = []
    feed = crm.changes("mailer", kinds=["tier"], start="beginning", on_looked=looked_at.append)
    everybody = sum(1 for _ in crm.customers())
    heard(feed)
    assert sum(looked_at) == everybody
    looked_at.clear()
    assert heard(feed) == looked_at == []
    crm.rules.publish(LOWER, reason="gold for more")
    heard(feed)
    assert sum(looked_at) >= everybody


def test_other_rules_move_whom_they_move_and_nobody_else(crm: Regulars, clock: Clock) -> None:
    buy(crm, "A-1", "200.00")
    clock.now += HOUR
    feed = crm.changes("mailer")
    crm.rules.publish(LOWER, reason="gold for more")
    told = heard(feed)
    assert brief(told, "tier") == [("rules_moved", "silver", "gold")]
    assert {each.kind for each in told} == {"recorded", "rules_moved"}
    crm.rules.rollback(reason="too dear")
    assert brief(heard(feed), "tier") == [("rules_moved", "gold", "silver")]


def test_a_batch_comes_again_unchanged_until_it_is_acknowledged(crm: Regulars, clock: Clock) -> None:
    crm.changes("mailer")
    buy(crm, "A-1", "200.00")
    first = next(iter(crm.changes("mailer")))
    buy(crm, "A-2", "400.00", clock.now - 10 * timedelta(minutes=1))
    crm.do(VoidPurchase(order_id="A-1", reason="a mistake"))
    clock.now += HOUR
    feed = crm.changes("mailer")
    assert next(iter(feed)) == first
    feed.ack(first)
    feed.ack(first)  # as who isn't sure does
    rest = heard(feed)
    assert rest
    assert not {each.id for each in rest} & {each.id for each in first.changes}
    assert [batch.number for batch in feed.replay()] == [1, 2]
    assert next(feed.replay(since=1)) == first
    assert list(feed.replay(since=clock.now + DAY)) == []


def test_the_next_batch_is_not_handed_out_before_one_is_acknowledged(crm: Regulars) -> None:
    feed = crm.changes("mailer", start="beginning")
    with pytest.raises(ValueError, match="batch 1 was not acknowledged"):
        list(feed)
    with pytest.raises(ValueError, match="no batch was handed out"):
        crm.changes("another").ack()


def test_acknowledged_batches_are_kept_for_thirty_days(crm: Regulars, clock: Clock) -> None:
    feed = crm.changes("mailer", start="beginning")
    assert heard(feed)
    for _ in range(6):
        clock.now += 6 * DAY
        buy(crm, f"A-{clock.now:%j}", "20.00")
        heard(feed)
    assert next(batch.number for batch in feed.replay()) > 1


def test_a_clock_that_ran_ahead_tells_nothing_until_somebody_accepts_it(crm: Regulars, clock: Clock) -> None:
    buy(crm, "A-1", "20.00")
    feed = crm.changes("mailer", kinds=["fell_due"])
    clock.now += 400 * DAY
    with pytest.raises(StoreUnusable, match="accept the clock"):
        list(feed)
    clock.now -= 400 * DAY
    assert heard(feed) == []
    clock.now += 400 * DAY
    feed.accept_clock()
    assert heard(feed)
    clock.now -= 300 * DAY  # time that was told never goes back
    assert heard(feed) == []


def test_kinds_select_by_kind_by_what_and_by_both(crm: Regulars, clock: Clock) -> None:
    feeds = {
        words: crm.changes(",".join(words), kinds=words)
        for words in (("tier",), ("recorded",), ("recorded:PurchaseRecorded", "stage"), ("tier", "corrected"))
    }
    buy(crm, "A-1", "200.00")
    crm.do(TagCustomer(customer="ada", label="vip"))
    clock.now += HOUR
    told = {words: [(each.kind, each.what) for each in heard(feed)] for words, feed in feeds.items()}
    assert told == {
        ("tier",): [("began", "tier")],
        ("recorded",): [("recorded", "PurchaseRecorded"), ("recorded", "CustomerTagged")],
        ("recorded:PurchaseRecorded", "stage"): [("recorded", "PurchaseRecorded"), ("began", "stage")],
        ("tier", "corrected"): [],
    }
    with pytest.raises(ValueError, match='"teir" selects no changes'):
        crm.changes("new", kinds=["teir"])
    with pytest.raises(ValueError, match="not one text"):
        crm.changes("new", kinds="tier")
    with pytest.raises(ValueError, match='"tier" is to tier'):
        crm.changes("tier", kinds=["stage"])
    with pytest.raises(ValueError, match="start is"):
        crm.changes("new", start="tomorrow")


def test_what_concerns_a_ticket_or_the_business_says_so(crm: Regulars, clock: Clock) -> None:
    feed = crm.changes("desk", kinds=["ticket", "task"])
    crm.do(OpenTicket(customer="ada", ticket_id="T-1"))
    crm.do(AddTask(task_id="K-1", what="count the tea"))
    clock.now += HOUR
    ticket, task = heard(feed)
    assert (ticket.what, ticket.key, ticket.customer_id, ticket.new) == ("ticket", "T-1", crm.find("ada"), "new")
    assert (task.what, task.key, task.customer_id, task.new) == ("task", "K-1", None, "open")


def test_a_merge_is_told_of_both_and_undoing_it_as_well(crm: Regulars, clock: Clock) -> None:
    buy(crm, "A-1", "200.00")
    crm.do(RegisterCustomer(ref="ada2"))
    both = [crm.find("ada2"), crm.find("ada")]
    clock.now += HOUR
    feed = crm.changes("mailer", kinds=["tier"])
    crm.do(MergeCustomers(customer="ada", into="ada2"))
    told = heard(feed)
    assert {(each.customer_id, each.old, each.new) for each in told} == {
        (both[1], "silver", None),
        (both[0], "member", "silver"),
    }
    assert {each.kind for each in told} == {"corrected"}


def test_nothing_personal_is_told_or_kept(crm: Regulars, clock: Clock) -> None:
    feed = crm.changes("mailer", start="beginning")
    crm.do(RegisterCustomer(ref="zoe", name="Zoëla", email="zoela@example.com"))
    with crm._store.reading() as tx:
        said = repr([*heard(feed)]) + repr(tx.connection.exec_driver_sql("SELECT * FROM regulars_outbox").all())
    assert "Zo" not in said
    assert "zoe" not in said


def test_a_subscription_that_is_dropped_is_gone(crm: Regulars) -> None:
    feed = crm.changes("mailer", start="beginning")
    assert next(iter(feed))
    assert [each.name for each in crm.subscriptions()] == ["mailer"]
    feed.drop()
    assert crm.subscriptions() == ()
    with pytest.raises(NotFound, match='no subscription "mailer"'):
        feed.drop()
    with pytest.raises(NotFound):
        list(feed)


def test_whoever_follows_hears_of_what_another_process_records(crm: Regulars, database_url: str, clock: Clock) -> None:
    feed = crm.changes("mailer", kinds=["recorded:PurchaseRecorded"])
    assert list(feed.follow(timeout=0.01)) == []

    def record() -> None:
        with opened(database_url, clock) as other:
            buy(other, "A-1", "20.00")

    with ThreadPoolExecutor(1) as pool:
        written = pool.submit(record)
        for batch in feed.follow(timeout=60):
            assert [each.what for each in batch.changes] == ["PurchaseRecorded"]
            feed.ack()
            break
        written.result()


def test_pollers_at_once_are_handed_the_same_batches_and_none_is_made_twice(
    crm: Regulars, database_url: str, clock: Clock
) -> None:
    """Passes race each other and somebody who writes; whoever acknowledges a batch, all go on after it."""
    subscriber, ended = Subscriber(), Event()
    hear(crm.changes("mailer", start="beginning"), subscriber)

    def poll() -> dict[int, Batch]:
        heard, last_round = dict[int, Batch](), False
        with opened(database_url, clock) as mine:
            feed = mine.changes("mailer")
            while not last_round:
                last_round = ended.is_set()
                with suppress(StoreBusy, ValueError):  # another acknowledged it first, and one after it
                    for batch in feed:
                        assert heard.setdefault(batch.number, batch) == batch
                        feed.ack(batch)
        return heard

    with ThreadPoolExecutor(3) as threads:
        polling = [threads.submit(poll) for _ in range(3)]
        for number in range(12):
            buy(crm, f"R-{number}", "60.00")
        ended.set()
        made = dict[int, Batch]()
        for each in polling:
            for number, batch in each.result().items():
                assert made.setdefault(number, batch) == batch
    assert sorted(made) == list(range(min(made), min(made) + len(made)))
    for number in sorted(made):
        subscriber.take(made[number].changes)
    hear(crm.changes("mailer"), subscriber)
    assert subscriber.held == answers(crm, clock)
    assert Counter(each.kind for each in subscriber.seen.values())["recorded"] == crm.event_count


def test_what_is_told_of_many_takes_no_more_memory_than_of_few(
    sqlite_database_url: str, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A night in which everybody falls due; what Python keeps of them is measured, not the database's own memory."""
    monkeypatch.setattr(spool, "IN_MEMORY", 20_000)
    monkeypatch.setattr(spool, "BATCH", 100)
    with opened(sqlite_database_url, clock) as crm:
        peaks: list[int] = []
        for number, count in enumerate((50, 800, 2_400)):  # the first one is there to have everything imported
            refs = [f"{number}:{each}" for each in range(count)]
            crm.do([RegisterCustomer(ref=ref, occurred_at=clock.now) for ref in refs])
            crm.do([RecordPurchase(customer=ref, order_id=ref, amount="9", occurred_at=clock.now) for ref in refs])
            feed = crm.changes(f"night {number}", kinds=["stage"])
            clock.now += 300 * DAY
            crm.seal()  # or it is done by the way
            gc.collect()
            tracemalloc.start()
            feed.accept_clock()
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
            assert len(heard(feed)) >= count
            feed.drop()
        assert peaks[2] < 1.5 * peaks[1], peaks
