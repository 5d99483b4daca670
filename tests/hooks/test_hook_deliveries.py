"""Delivering: whatever receivers do, each customer's changes arrive in their order and none is skipped."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from time import sleep

import pytest
from standardwebhooks import Webhook

import receivers
import regulars
from receivers import Got, Receiver, receiving
from regulars import NotFound, RegisterCustomer, Regulars, StoreBusy, TagCustomer
from regulars.hooks import delivering, sending
from regulars.hooks.delivering import AT_ONCE
from regulars.hooks.values import Attempt, NewHook
from shops import Clock, opened

PEOPLE = 3
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as started:
        yield started


class Ticking(Clock):
    """A microsecond passes each time that it is looked at; the rest when somebody moves it."""

    def __call__(self) -> datetime:
        self.now += timedelta(microseconds=1)
        return self.now


class Firm:
    """A store with customers and one hook, whose clock hardly moves by itself."""

    def __init__(self, crm: Regulars, clock: Clock) -> None:
        self.crm, self.clock, self.hooks = crm, clock, crm.hooks
        self.tags = 0
        for number in range(PEOPLE):
            crm.do(RegisterCustomer(ref=f"shop:{number}", name=f"Customer {number}", email=f"{number}@example.com"))

    def hook(self, receiver: Receiver, **options: object) -> NewHook:
        return self.hooks.add(receiver.url, kinds=["recorded"], allow_local=True, **options)  # type: ignore[arg-type]

    def trade(self, changes: int, customer: int | None = None) -> None:
        """So many things happen, to all customers in turn or to one."""
        for _ in range(changes):
            who = self.tags % PEOPLE if customer is None else customer
            self.crm.do(TagCustomer(customer=f"shop:{who}", label=f"tag-{self.tags}"))
            self.tags += 1

    def later(self, by: timedelta) -> None:
        self.clock.now += by

    def deliver_until_given_up(self) -> list[Attempt]:
        """Deliver whenever the next attempt is due, until there is a dead letter; the attempts that were made."""
        attempts: list[Attempt] = []
        while not self.hooks.dead():
            self.hooks.deliver(attempts.append)
            self.clock.now = attempts[-1].next_at or self.clock.now
            assert len(attempts) <= 10
        return attempts

    def id_of(self, number: int) -> str:
        return str(self.crm.find(f"shop:{number}"))


@contextmanager
def firm_at(url: str) -> Iterator[Firm]:
    clock = Ticking()
    with opened(url, clock) as crm:
        yield Firm(crm, clock)


@pytest.fixture
def firm(sqlite_database_url: str) -> Iterator[Firm]:
    with firm_at(sqlite_database_url) as found:
        yield found


@pytest.fixture
def either_firm(database_url: str) -> Iterator[Firm]:
    with firm_at(database_url) as found:
        yield found


def in_order(receiver: Receiver) -> bool:
    """Whether each customer's messages came in the order in which they were recorded, the first time that each came."""
    found: dict[str, list[int]] = {}
    for got in receiver.got:
        found.setdefault(got.event["subject"], []).append(got.event["data"]["position"])
    first_times = [list(dict.fromkeys(positions)) for positions in found.values()]
    return all(each == sorted(each) for each in first_times)


def once_at(status: int, times: int) -> Callable[[Got], receivers.Answer]:
    """Answer with a status so many times, and take everything after."""
    left = [times]

    def answer(got: Got) -> receivers.Answer:
        left[0] -= 1
        return status if left[0] >= 0 else 204

    return answer


# ---------------------------------------------------------------------------------------------------- what is posted


def test_what_is_recorded_after_a_hook_was_added_is_posted_once_and_signed(
    either_firm: Firm, receiver: Receiver
) -> None:
    firm = either_firm
    firm.trade(1)
    added = firm.hook(receiver)
    firm.trade(20)
    done = firm.hooks.deliver()
    assert (done.taken, done.failed, done.dead, done.waiting) == (20, 0, 0, 0)
    assert firm.hooks.deliver().taken == 0
    assert len({got.headers["webhook-id"] for got in receiver.got}) == len(receiver.got) == 20
    assert in_order(receiver)
    assert {got.event["subject"] for got in receiver.got} == {firm.id_of(number) for number in range(PEOPLE)}
    for got in receiver.got:
        mac = Webhook(added.secret).sign(got.headers["webhook-id"], firm.clock.now, got.body.decode())
        assert got.headers["webhook-signature"] == mac


def test_nothing_personal_is_posted_unless_the_hook_says_so(firm: Firm, receiver: Receiver) -> None:
    firm.hook(receiver)
    firm.trade(1, customer=1)
    firm.hooks.deliver()
    assert b"Customer 1" not in receiver.got[0].body
    assert receiver.got[0].event["data"]["customer"] == {"id": firm.id_of(1)}


def test_names_are_those_of_when_it_is_posted_and_none_of_who_was_forgotten(firm: Firm, receiver: Receiver) -> None:
    firm.hook(receiver, personal=True)
    firm.trade(2)
    gone = firm.id_of(0)
    firm.crm.forget("shop:0", reason="on request")
    firm.hooks.deliver()
    said = {got.event["subject"]: got.event["data"]["customer"] for got in receiver.got}
    assert said[gone] == {"id": gone, "ref": None, "name": None, "email": None, "phone": None}
    assert said[firm.id_of(1)]["name"] == "Customer 1"
    assert b"Customer 0" not in b"".join(got.body for got in receiver.got)


def test_several_hooks_each_get_everything_and_a_hanging_one_holds_up_no_other(
    firm: Firm, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "DEADLINE", 0.3)
    with receiving() as hanging:
        hanging.answer = lambda got: receivers.hanging(hanging)
        held_up, quick = firm.hook(hanging).hook, firm.hook(receiver).hook
        firm.trade(6)
        done = firm.hooks.deliver()
        assert done.taken == len(receiver.got) == 6
        assert done.failed == len(hanging.got) == PEOPLE
    waiting = {each.id: each.waiting for each in firm.hooks.list()}
    assert waiting == {held_up.id: 6, quick.id: 0}


# ------------------------------------------------------------------------------------------------------ what goes wrong


def test_a_customers_next_change_waits_for_the_one_before_and_others_do_not(
    either_firm: Firm, receiver: Receiver
) -> None:
    firm = either_firm
    firm.hook(receiver)
    firm.trade(9)
    stuck = firm.id_of(0)
    receiver.answer = lambda got: 500 if got.event["subject"] == stuck else 204
    done = firm.hooks.deliver()
    assert (done.taken, done.failed, done.waiting) == (6, 1, 3)
    assert len(receiver.by_customer()[stuck]) == 1
    receiver.answer = lambda got: 204
    assert firm.hooks.deliver().taken == 0
    firm.later(timedelta(seconds=10))
    assert firm.hooks.deliver().taken == 3
    first, *others = receiver.by_customer()[stuck]
    assert others[0] == first
    assert len(set(others)) == 3
    assert in_order(receiver)


def test_a_failure_that_comes_last_ends_no_run(firm: Firm, receiver: Receiver) -> None:
    for number in range(PEOPLE, 30):
        firm.crm.do(RegisterCustomer(ref=f"shop:{number}"))
    firm.hook(receiver)
    for number in range(30):
        firm.trade(1, customer=number)
    stuck = firm.id_of(0)

    def answer(got: Got) -> int:
        if got.event["subject"] != stuck:
            return 204
        while len(receiver.got) < AT_ONCE:
            sleep(0.01)
        sleep(0.1)
        return 500

    receiver.answer = answer
    done = firm.hooks.deliver()
    assert (done.taken, done.failed) == (29, 1)


def test_it_is_tried_again_under_the_same_id_until_it_is_taken(firm: Firm, receiver: Receiver) -> None:
    firm.hook(receiver)
    firm.trade(1)
    receiver.answer = once_at(503, 4)
    attempts: list[Attempt] = []
    for _ in range(6):
        firm.hooks.deliver(attempts.append)
        firm.later(3 * HOUR)
    assert [each.number for each in attempts] == [1, 2, 3, 4, 5]
    assert [each.status for each in attempts] == [503] * 4 + [204]
    assert len({got.headers["webhook-id"] for got in receiver.got}) == 1
    assert firm.hooks.list()[0].failing_since is None


def test_after_ten_attempts_it_is_a_dead_letter_and_the_next_one_goes(firm: Firm, receiver: Receiver) -> None:
    hook = firm.hook(receiver).hook
    firm.trade(2, customer=0)
    receiver.answer = once_at(400, 10)
    attempts = firm.deliver_until_given_up()
    [letter] = firm.hooks.dead(hook.id)
    assert (letter.attempts, letter.failure) == (10, "it answered 400")
    assert letter.change.id == receiver.got[0].headers["webhook-id"]
    assert attempts[-1].is_dead
    firm.later(2 * HOUR)
    firm.hooks.deliver()
    assert receiver.got[-1].headers["webhook-id"] != letter.change.id
    assert firm.hooks.list()[0].waiting == 0


def test_a_dead_letter_is_replayed_and_others_are_dropped_after_thirty_days(firm: Firm, receiver: Receiver) -> None:
    hook = firm.hook(receiver).hook
    for customer in (0, 1):
        firm.trade(1, customer=customer)
        receiver.answer = lambda got: 400
        firm.deliver_until_given_up()
        receiver.answer = lambda got: 204
        if customer == 0:
            assert firm.hooks.replay(hook.id) == 1
            assert firm.hooks.deliver().taken == 1
            assert firm.hooks.dead() == ()
    assert len(firm.hooks.dead()) == 1
    for _ in range(5):
        firm.later(6.1 * DAY)
        firm.hooks.deliver()
    assert firm.hooks.dead() == ()


def test_a_receiver_that_is_down_is_asked_by_one_message_at_a_time(firm: Firm, receiver: Receiver) -> None:
    for number in range(PEOPLE, 40):
        firm.crm.do(RegisterCustomer(ref=f"shop:{number}"))
    firm.hook(receiver)
    for number in range(40):
        firm.trade(1, customer=number)
    receiver.answer = lambda got: 502
    firm.hooks.deliver()
    assert len(receiver.got) == AT_ONCE
    for hours in range(1, 7):
        firm.later(HOUR * 5 / 4)
        firm.hooks.deliver()
        assert len(receiver.got) <= AT_ONCE + hours
    receiver.answer = lambda got: 204
    for _ in range(4):
        firm.later(5 * HOUR)
        firm.hooks.deliver()
    assert firm.hooks.list()[0].waiting == 0
    assert in_order(receiver)


def test_a_receiver_is_left_alone_for_as_long_as_it_asks(firm: Firm, receiver: Receiver) -> None:
    firm.hook(receiver)
    firm.trade(6)
    receiver.answer = lambda got: (429, {"Retry-After": "7200"})
    firm.hooks.deliver()
    came = len(receiver.got)
    receiver.answer = lambda got: 204
    firm.later(HOUR)
    assert firm.hooks.deliver().taken == 0
    assert len(receiver.got) == came
    firm.later(HOUR)
    assert firm.hooks.deliver().taken == 6


# ------------------------------------------------------------------------------------------------------- switched off


def test_410_switches_a_hook_off_and_replay_on_again(
    either_firm: Firm, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    firm = either_firm
    hook = firm.hook(receiver).hook
    firm.trade(1)
    receiver.answer = once_at(410, 1)
    attempts: list[Attempt] = []
    with caplog.at_level(logging.WARNING, "regulars.hooks"):
        done = firm.hooks.deliver(attempts.append)
    assert done.switched_off == (hook.id,)
    assert attempts[0].off_because == "its receiver answered 410: it wants nothing more"
    assert f"switched hook {hook.id} off" in caplog.text
    assert receiver.url not in caplog.text
    firm.trade(2)
    assert firm.hooks.deliver().taken == 0
    [off] = firm.hooks.list()
    assert (off.is_on, off.off_because, off.waiting) == (False, attempts[0].off_because, 1)
    firm.hooks.replay(hook.id)
    assert firm.hooks.deliver().taken == 3
    assert firm.hooks.list()[0].is_on


def test_a_hook_that_takes_nothing_for_five_days_is_switched_off(firm: Firm, receiver: Receiver) -> None:
    hook = firm.hook(receiver).hook
    firm.trade(30)
    receiver.answer = lambda got: 500
    begun = firm.clock.now
    while firm.hooks.list()[0].is_on:
        firm.hooks.deliver()
        firm.later(8 * HOUR)
        assert firm.clock.now < begun + 6 * DAY
    assert firm.clock.now >= begun + 5 * DAY
    [off] = firm.hooks.list()
    assert (off.off_because or "").startswith("it took nothing for 5 days: ")
    assert off.waiting + off.dead == 30
    receiver.answer = lambda got: 204
    assert firm.hooks.replay(hook.id) == 30
    assert firm.hooks.deliver().taken == 30
    assert in_order(receiver)


# ------------------------------------------------------------------------------------------------------------- by hand


def test_what_was_told_is_told_again_under_the_same_ids(firm: Firm, receiver: Receiver) -> None:
    hook = firm.hook(receiver).hook
    firm.trade(4)
    firm.hooks.deliver()
    told = [got.headers["webhook-id"] for got in receiver.got]
    firm.hooks.replay(hook.id, since=firm.clock.now - HOUR)
    firm.hooks.deliver()
    assert set(told) <= {got.headers["webhook-id"] for got in receiver.got[4:]}


def test_a_dropped_hook_gets_nothing_and_is_gone(firm: Firm, receiver: Receiver) -> None:
    hook = firm.hook(receiver).hook
    firm.trade(3)
    firm.hooks.drop(hook.id)
    assert firm.hooks.list() == ()
    assert firm.hooks.deliver().taken == 0
    for ask in (firm.hooks.drop, firm.hooks.replay, firm.hooks.dead):
        with pytest.raises(NotFound, match=f"there is no hook '{hook.id}'"):
            ask(hook.id)


def test_a_hook_that_is_dropped_while_it_is_delivered_to_ends_nothing_else(firm: Firm, receiver: Receiver) -> None:
    hook = firm.hook(receiver).hook
    firm.trade(3)

    def drop(got: Got) -> int:
        if firm.hooks.list():
            firm.hooks.drop(hook.id)
        return 204

    receiver.answer = drop
    firm.hooks.deliver()
    assert firm.hooks.list() == ()


def test_one_process_delivers_at_a_time(either_firm: Firm, receiver: Receiver) -> None:
    firm = either_firm
    firm.hook(receiver)
    firm.trade(1)
    entered, go_on = threading.Event(), threading.Event()

    def wait(got: Got) -> int:
        entered.set()
        go_on.wait(10)
        return 204

    receiver.answer = wait
    first = threading.Thread(target=firm.hooks.deliver)
    first.start()
    assert entered.wait(10)
    with pytest.raises(StoreBusy, match="another process delivers the hooks of this store already"):
        firm.hooks.deliver()
    go_on.set()
    first.join()
    assert firm.hooks.deliver().waiting == 0


def test_delivering_on_and_on_posts_what_comes(firm: Firm, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivering, "POLL_SECONDS", 0.01)
    firm.hook(receiver)
    firm.trade(2)

    def stop_at_five(attempt: Attempt) -> None:
        if len(receiver.got) == 2:
            firm.hook(receiver)
            firm.trade(1)
        if len(receiver.got) >= 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        firm.hooks.deliver_on(stop_at_five)
    assert in_order(receiver)


# --------------------------------------------------------------------------------------------------- in other stores


def test_a_copy_has_no_hooks(either_firm: Firm, receiver: Receiver, tmp_path: Path) -> None:
    firm = either_firm
    firm.hook(receiver)
    firm.trade(2)
    firm.crm.changes("mailer")
    source = str(firm.crm._store.database.url.render_as_string(hide_password=False))
    regulars.copy(source, tmp_path / "copy.db")
    with opened(str(tmp_path / "copy.db"), firm.clock) as copy:
        assert copy.hooks.list() == ()
        assert [each.name for each in copy.subscriptions()] == ["mailer"]
        assert copy.hooks.deliver().taken == 0


def test_a_restored_backup_posts_nothing_until_it_is_told_to(firm: Firm, receiver: Receiver, tmp_path: Path) -> None:
    hook = firm.hook(receiver).hook
    firm.trade(2)
    firm.crm.backup(tmp_path / "backup.db")
    assert firm.hooks.deliver().taken == 2
    regulars.restore(tmp_path / "backup.db", tmp_path / "restored.db", clock=firm.clock)
    with opened(str(tmp_path / "restored.db"), firm.clock) as restored:
        assert restored.hooks.deliver().taken == 0
        assert restored.hooks.list()[0].off_because == "this store was restored from a backup"
        restored.hooks.replay(hook.id)
        assert restored.hooks.deliver().taken == 2


# ------------------------------------------------------------------------------------------------------------- secrets


def test_a_secret_is_stored_sealed_and_shown_once(sqlite_database_url: str, tmp_path: Path, receiver: Receiver) -> None:
    with firm_at(sqlite_database_url) as firm:
        added = firm.hook(receiver)
        assert added.secret not in f"{firm.hooks.list()} {added} {added!r}"
        firm.crm.keys.rotate(bytes(range(32)))
        firm.trade(1)
        assert firm.hooks.deliver().taken == 1
    raw = b"".join(path.read_bytes() for path in tmp_path.iterdir() if path.is_file())
    assert added.secret.removeprefix("whsec_").encode() not in raw
