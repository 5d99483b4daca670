"""The change feed: what was told and is applied gives what the store answers, whatever happens between two polls."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from histories import SEGMENTS
from regulars import (
    MergeCustomers,
    NotFound,
    OpenTicket,
    RecordPurchase,
    RegisterCustomer,
    Regulars,
    Rejected,
    StoreUnusable,
    TagCustomer,
    VoidPurchase,
)
from regulars.adapters.read_models.histories import read_history
from regulars.changes import Batch, Change, ChangeFeed, spool
from regulars.changes.told import OURS
from regulars.crm_domain.instant import to_instant
from shops import (
    BEGIN,
    DAY,
    END,
    GOLD,
    HOUR,
    PEOPLE,
    Clock,
    Step,
    carry_out,
    fresh_store,
    merges,
    one_by_one,
    opened,
    others,
    purchases,
    register,
    tickets,
    trade,
    with_edits,
)

KINDS = pytest.mark.parametrize("kind", ["sqlite", "postgres"])
LOWER = with_edits([(GOLD, GOLD.replace("500.00", "155.00")), (END, END + SEGMENTS)])
HIGHER = with_edits([(GOLD, GOLD.replace("500.00", "600.00"))])

Applied = dict[tuple[str, str, str | None], str]


class Subscriber:
    """A dictionary to which is applied what is told, once; it knows each change by its id."""

    def __init__(self) -> None:
        self.held: Applied = {}
        self.seen: dict[str, Change] = {}

    def take(self, batch: Batch) -> None:
        for change in batch.changes:
            if change.id in self.seen:
                assert self.seen[change.id] == change
                continue
            self.seen[change.id] = change
            if change.kind == "recorded":
                continue
            place = (str(change.customer_id or ""), change.what, change.key)
            assert self.held.get(place) == change.old
            assert change.old != change.new
            if change.new is None:
                del self.held[place]
            else:
                self.held[place] = change.new


def answers(crm: Regulars, clock: Clock) -> Applied:
    """What is held at the moment, folded from the log customer by customer."""
    store, session, at = crm._store, crm._session, to_instant(clock.now)
    found: Applied = {}
    with store.reading() as tx:
        ids = {row[0] for row in tx.connection.exec_driver_sql("SELECT DISTINCT customer_id FROM regulars_events")}
        families, plan = tx.families(ids), store.registry.plan(session.rules(tx))
        for root in {families.root(each) for each in ids}:
            history = read_history(store, tx.connection, families.members(root), plan)
            for shown in OURS:
                for each in history.timelines[shown.projection]:
                    if each.valid_from <= at < each.valid_to and each.verdict is not None:
                        value = getattr(each.verdict, shown.column)
                        if value is not None:
                            found[root, shown.what, each.key or None] = value
    return found


def hear(feed: ChangeFeed, subscriber: Subscriber) -> None:
    """Take and acknowledge all that there is to tell, whatever time it is by the clock."""
    while True:
        feed.accept_clock()  # which makes nothing ready while batches wait
        batch = next(iter(feed), None)
        if batch is None:
            return
        subscriber.take(batch)
        feed.ack(batch)


Action = Callable[[Regulars, ChangeFeed, Subscriber], None]


def take_one(crm: Regulars, feed: ChangeFeed, subscriber: Subscriber) -> None:
    """The first batch is taken and acknowledged; others may wait until later."""
    feed.accept_clock()
    batch = next(iter(feed), None)
    if batch is not None:
        subscriber.take(batch)
        feed.ack()


def die_before_acknowledging(crm: Regulars, feed: ChangeFeed, subscriber: Subscriber) -> None:
    """A batch is taken, and nobody learns of that."""
    feed.accept_clock()
    batch = next(iter(feed), None)
    if batch is not None:
        subscriber.take(batch)


def publish(ruleset: Any) -> Action:
    return lambda crm, feed, subscriber: void(crm.rules.publish(ruleset, reason="a wish"))


def roll_back(crm: Regulars, feed: ChangeFeed, subscriber: Subscriber) -> None:
    if len(crm.rules.history()) > 1:
        crm.rules.rollback(reason="a mistake")


def rebuild(crm: Regulars, feed: ChangeFeed, subscriber: Subscriber) -> None:
    crm.projections.rebuild()


def forget(who: str) -> Action:
    def forgotten(crm: Regulars, feed: ChangeFeed, subscriber: Subscriber) -> None:
        try:
            crm.forget(who, reason="asked")
        except (NotFound, Rejected):
            pass

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
@settings(max_examples=25, phases=[Phase.explicit, Phase.generate])
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
