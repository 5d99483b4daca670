"""Customers who are one: a merge is a link that acts on system time only, and taking it back leaves no trace."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

import regulars
import shops
from regulars import (
    AddNote,
    AdjustPoints,
    AssignOwner,
    CancelMembership,
    CancelRedemption,
    ChangeContactDetails,
    CloseAccount,
    Command,
    EnrollMember,
    ErasePersonalData,
    NotFound,
    OpenTicket,
    RateTicket,
    RecordInteraction,
    RecordPurchase,
    RecordReturn,
    RecordSurveyAnswer,
    RedeemPoints,
    RegisterCustomer,
    Regulars,
    Rejected,
    ReopenAccount,
    ReplyAsAgent,
    RequestCancellation,
    ResolveTicket,
    SuspendMembership,
    TagCustomer,
    UndoMerge,
)
from regulars import MergeCustomers as Merge
from regulars.adapters.read_models import catch_up
from regulars.adapters.read_models.building import build
from regulars.adapters.read_models.generations import everything, prepare_generation
from shops import (
    EXAMPLES,
    CommandTo,
    Rows,
    earlier,
    empty_file,
    give_back,
    on_ticket,
    open_ticket,
    read_models_of,
    redeem,
    to,
)

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
BEGIN = NOW - timedelta(days=800)
ADA, BOB, CY = PEOPLE = ("shop:1", "shop:2", "shop:3")


def clock() -> datetime:
    return NOW


def opened(url: str | Path) -> Regulars:
    return regulars.open(url, currency="EUR", actor="li", clock=clock)


def day(number: int) -> datetime:
    return BEGIN + timedelta(days=number)


def days_ago(number: int) -> datetime:
    return NOW - timedelta(days=number)


@pytest.fixture
def crm(database_url: str) -> Iterator[Regulars]:
    with opened(database_url) as crm:
        crm.do([RegisterCustomer(ref=ref, name=ref.title(), occurred_at=day(0)) for ref in PEOPLE])
        yield crm


def buy(who: str, order_id: str, amount: str = "100.00", at: datetime = NOW) -> RecordPurchase:
    return RecordPurchase(customer=who, order_id=order_id, amount=amount, occurred_at=at)


def refusal(crm: Regulars, command: Command) -> str | None:
    """The code a command is refused with; None where it is taken."""
    try:
        crm.do(command)
    except Rejected as refused:
        return refused.code
    return None


# ---------------------------------------------------------------------------------------------------------- answers


def told(crm: Regulars, who: str, at: datetime) -> dict[str, Any]:
    """Everything that can be asked of a customer as of an instant, but for ids and positions."""
    try:
        found = crm.customer(who, as_of=at)
    except NotFound:
        return {}
    stored = {each.id: each for each in crm.customers(as_of=at)}[found.id]
    assert card(stored) == card(found), "what is stored says something else than what is folded for the question"
    timeline, points = found.timeline(), crm.points(who, as_of=at)
    clocks = ("ticket_id", "status", "first_response", "resolution", "since", "until", "breaches_at")
    return {
        "card": card(found),
        "why": [
            (
                *(each.lane, each.value, each.score, each.since, each.until, each.next),
                *((why.id, why.sentence, [line.what for line in why.events]) for why in each.reasons),
            )
            for each in found.explain().verdicts
        ],
        "lanes": timeline.spans,
        "orders": timeline.orders,
        "points": (points.balance, points.pending, points.spent, points.expired, points.lots),
        "tickets": [tuple(getattr(each, name) for name in clocks) for each in crm.tickets(customer=who, as_of=at)],
    }


def card(each: regulars.Customer) -> tuple[Any, ...]:
    verdicts = (each.stage, each.stage_since, each.tier, each.risk, each.risk_band)
    sums = (each.orders, each.net_spend, each.first_order_at, each.last_order_at, each.last_heard_at)
    return (*verdicts, *sums, each.owner, each.source, each.tags)


moments = st.sampled_from([day(0), day(90), day(400), day(650), NOW, NOW + timedelta(days=200)])

# --------------------------------------------------------------------------------------------------- random histories

Step = Callable[[str, int], Command]  # of a reference, and the number of the step


def dated(commands: st.SearchStrategy[CommandTo], days: st.SearchStrategy[int]) -> st.SearchStrategy[Step]:
    """A command on some day."""
    return st.builds(lambda command, d: lambda who, n: command(who, n, day(d)), commands, days)


def today(commands: st.SearchStrategy[CommandTo]) -> st.SearchStrategy[Step]:
    return commands.map(lambda command: lambda who, n: command(who, n, NOW))


def give_back_a_cent(steps: int) -> CommandTo:
    return lambda who, n, at: RecordReturn(order_id=f"A-{n - steps}", return_id=str(n), amount="0.01", occurred_at=at)


def tag(who: str, n: int, at: datetime) -> Command:
    return TagCustomer(customer=who, label=f"tag-{n}", occurred_at=at)


def assign(who: str, n: int, at: datetime) -> Command:
    return AssignOwner(customer=who, owner=f"owner-{n}", occurred_at=at)


def to_customers() -> st.SearchStrategy[Step]:
    """What may happen to one customer in the same way whether they are merged or not."""
    some_day = st.integers(0, 800)
    directions = st.sampled_from(["inbound", "outbound"])
    return st.one_of(
        dated(st.sampled_from(["0.01", "20.00", "600.00", "1500.00"]).map(shops.buy), some_day),
        dated(earlier.map(give_back), some_day),
        dated(earlier.map(give_back_a_cent), some_day),
        dated(directions.map(lambda way: to(RecordInteraction, channel="phone", direction=way)), some_day),
        dated(st.integers(0, 10).map(lambda score: to(RecordSurveyAnswer, survey="nps", score=score)), some_day),
        dated(st.just(tag), some_day),
        dated(st.just(assign), some_day),
        dated(st.just(open_ticket(subject="?")), some_day),
        today(earlier.map(lambda steps: on_ticket(ReplyAsAgent, steps, message="!"))),
        today(earlier.map(lambda steps: on_ticket(ResolveTicket, steps))),
        today(earlier.map(lambda steps: on_ticket(RateTicket, steps, score=2))),
    )


def to_accounts() -> st.SearchStrategy[Step]:
    """What each identity's own account is told."""
    return st.one_of(
        *(dated(st.just(to(kind)), st.integers(0, 800)) for kind in (CloseAccount, ReopenAccount, RequestCancellation))
    )


def to_memberships() -> st.SearchStrategy[Step]:
    """What a membership is told. Its events come in order of time, so all of this happens on the last days."""
    return st.one_of(
        dated(st.just(to(EnrollMember)), st.integers(0, 300)),
        dated(st.just(to(CancelMembership)), st.integers(400, 700)),
        today(st.just(redeem(15))),
        today(st.just(to(AdjustPoints, points=20, reason="sorry"))),
    )


def anything() -> st.SearchStrategy[Step]:
    return st.one_of(to_customers(), to_customers(), to_accounts(), to_memberships())


class Links:
    """Who is merged into whom, by a model that knows no more than that."""

    def __init__(self) -> None:
        self.into: dict[str, str] = {}

    def root(self, who: str) -> str:
        while who in self.into:
            who = self.into[who]
        return who

    def relatives(self, who: str) -> set[str]:
        return {each for each in PEOPLE if self.root(each) == self.root(who)} - {who}


Action = tuple[str, str, str, Step]
people = st.sampled_from(PEOPLE)
kinds = st.sampled_from(["do", "do", "do", "do", "merge", "undo", "look"])


def actions(steps: st.SearchStrategy[Step]) -> st.SearchStrategy[list[Action]]:
    return st.lists(st.tuples(kinds, people, people, steps), max_size=15)


def merge_or_not(crm: Regulars, links: Links, away: str, into: str) -> None:
    """Merge two customers, where nothing speaks against it."""
    if refusal(crm, Merge(customer=away, into=into)) is None:
        links.into[away] = into


@settings(max_examples=EXAMPLES * 2 // 5)
@given(actions(anything()), moments)
def test_merged_and_told_apart_again_is_never_merged(history: list[Action], at: datetime) -> None:
    """Left out while customers are merged is what has an effect outside of the link, in the membership of another:
    commands to a membership, and purchases of somebody whose relatives have one, which may earn points there."""
    links, members = Links(), set[str]()
    with empty_file() as file, empty_file() as other_file, opened(file) as crm, opened(other_file) as apart:
        for each in (crm, apart):
            each.do([RegisterCustomer(ref=ref, source=f"source of {ref}", occurred_at=day(0)) for ref in PEOPLE])
        for number, (kind, who, other, step) in enumerate(history):
            command = step(who, number)
            match kind:
                case "merge":
                    merge_or_not(crm, links, who, other)
                case "undo":
                    crm.do(UndoMerge(customer=who))
                    links.into.pop(who, None)
                case "look":
                    crm.catch_up()
                case _ if isinstance(command, EnrollMember | CancelMembership | RedeemPoints | AdjustPoints):
                    if not links.relatives(who):
                        assert refusal(crm, command) == refusal(apart, command)
                        members.add(who)
                case _ if isinstance(command, RecordPurchase) and links.relatives(who) & members:
                    pass
                case _:
                    assert refusal(crm, command) == refusal(apart, command)
        for who in PEOPLE:
            crm.do(UndoMerge(customer=who))
        for who in PEOPLE:
            assert told(crm, who, at) == told(apart, who, at)


@settings(max_examples=EXAMPLES * 2 // 5)
@given(actions(to_customers()), st.permutations(PEOPLE), moments)
def test_who_is_merged_is_one_to_whom_everything_happened_at_every_moment(
    history: list[Action], order: list[str], at: datetime
) -> None:
    links = Links()
    with empty_file() as file, empty_file() as other_file, opened(file) as crm, opened(other_file) as single:
        registration = RegisterCustomer(ref=ADA, source="fair", occurred_at=day(0))
        for ref in PEOPLE:
            crm.do(registration.model_copy(update={"ref": ref}))
        single.do(registration)
        for number, (kind, who, other, step) in enumerate(history):
            match kind:
                case "merge":
                    merge_or_not(crm, links, who, other)
                case "undo":
                    crm.do(UndoMerge(customer=who))
                    links.into.pop(who, None)
                case "look":
                    crm.catch_up()
                case _:
                    assert refusal(crm, step(who, number)) == refusal(single, step(ADA, number))
        for away, into in pairwise(order):
            merge_or_not(crm, links, links.root(away), into)
        assert len({links.root(who) for who in PEOPLE}) == 1
        everything = told(single, ADA, at)
        for who in PEOPLE:
            assert told(crm, who, at) == everything
        assert len(crm.customers(as_of=at)) == 1


# ---------------------------------------------------------------------------------------------------- what is stored


def stored(crm: Regulars, number: int) -> Rows:
    """Every row of a generation's tables, in one order."""
    return read_models_of(crm, number)


def rebuilt(crm: Regulars) -> dict[str, list[tuple[Any, ...]]]:
    """The same of a generation that is built anew beside all others."""
    generation = prepare_generation(crm._store, crm.ruleset, 0, afresh=everything(crm._store))
    build(crm._store, generation, crm.ruleset)
    return stored(crm, generation.number)


@settings(max_examples=EXAMPLES * 2 // 5)
@given(actions(anything()))
def test_event_by_event_all_at_once_and_anew_come_to_the_same(history: list[Action]) -> None:
    links = Links()
    with empty_file() as file, opened(file) as crm:
        crm.do([RegisterCustomer(ref=ref, occurred_at=day(0)) for ref in PEOPLE])
        crm.catch_up()
        for number, (kind, who, other, step) in enumerate(history):
            if kind == "merge":
                merge_or_not(crm, links, who, other)
            elif kind == "undo":
                crm.do(UndoMerge(customer=who))
            elif kind == "do":
                refusal(crm, step(who, number))
            crm.catch_up()
        command_by_command = stored(crm, 1)
        all_at_once = rebuilt(crm)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(catch_up, "BATCH", 1)
            event_by_event = rebuilt(crm)
    assert command_by_command == all_at_once
    assert event_by_event == all_at_once


# --------------------------------------------------------------------------------------------------------- refusals


def test_nobody_is_merged_into_themselves_directly_or_in_a_circle(crm: Regulars) -> None:
    assert refusal(crm, Merge(customer=ADA, into=ADA)) == "merge_cycle"
    crm.do([Merge(customer=ADA, into=BOB), Merge(customer=BOB, into=CY)])
    assert refusal(crm, Merge(customer=CY, into=ADA)) == "merge_cycle"
    assert refusal(crm, Merge(customer=CY, into=BOB)) == "merge_cycle"
    assert refusal(crm, Merge(customer=ADA, into=CY)) == "already_merged"
    assert crm.do(Merge(customer=ADA, into=BOB)).events == ()
    with pytest.raises(NotFound):
        crm.do(Merge(customer=CY, into="shop:99"))


def test_a_circle_is_seen_within_one_transaction_too(crm: Regulars) -> None:
    with pytest.raises(Rejected) as refused:
        crm.do([Merge(customer=ADA, into=BOB), Merge(customer=BOB, into=CY), Merge(customer=CY, into=ADA)])
    assert refused.value.code == "merge_cycle"
    assert crm.customer(ADA).merged == crm.customer(CY).merged == ()


@pytest.mark.parametrize("rests", [False, True])
def test_two_memberships_in_force_are_not_merged_until_one_is_cancelled(crm: Regulars, rests: bool) -> None:
    crm.do([EnrollMember(customer=ADA, occurred_at=day(1)), EnrollMember(customer=BOB, occurred_at=day(1))])
    if rests:
        crm.do(SuspendMembership(customer=ADA, occurred_at=day(2)))
    assert refusal(crm, Merge(customer=ADA, into=BOB)) == "two_memberships"
    assert refusal(crm, Merge(customer=BOB, into=ADA)) == "two_memberships"
    crm.do(Merge(customer=CY, into=BOB))
    assert refusal(crm, Merge(customer=ADA, into=CY)) == "two_memberships"
    crm.do(CancelMembership(customer=ADA, occurred_at=day(3)))
    assert refusal(crm, Merge(customer=ADA, into=CY)) is None


def test_who_is_merged_has_one_membership_whoever_is_enrolled(crm: Regulars) -> None:
    crm.do(Merge(customer=ADA, into=BOB))
    assert [each.customer_id for each in crm.do([EnrollMember(customer=ADA), EnrollMember(customer=BOB)])] == [
        crm.customer(BOB).id
    ] * 2
    assert len(crm.audit(type="MembershipEnrolled")) == 1


def test_the_forgotten_are_not_merged(crm: Regulars) -> None:
    ada = crm.customer(ADA).id
    crm.do(ErasePersonalData(customer=ADA, confirm=True))
    assert refusal(crm, Merge(customer=ada, into=BOB)) == "account_erased"
    assert refusal(crm, Merge(customer=BOB, into=ada)) == "account_erased"


# ------------------------------------------------------------------------------------------------------------ chains


def test_a_link_in_a_chain_is_taken_back_and_the_others_hold(crm: Regulars) -> None:
    crm.do([buy(ADA, "A-1", "1.00"), buy(BOB, "B-1", "20.00"), buy(CY, "C-1", "300.00")])
    crm.do([Merge(customer=ADA, into=BOB), Merge(customer=BOB, into=CY)])
    everyone = [str(crm.customer(who).net_spend) for who in PEOPLE]
    assert everyone == ["321.00"] * 3
    assert sorted(crm.customer(ADA).merged) == [ADA, BOB]
    crm.do(UndoMerge(customer=BOB))
    assert [str(crm.customer(who).net_spend) for who in PEOPLE] == ["21.00", "21.00", "300.00"]
    assert {(each.ref, each.merged) for each in crm.customers()} == {(BOB, (ADA,)), (CY, ())}
    crm.do(UndoMerge(customer=ADA))
    assert [str(crm.customer(who).net_spend) for who in PEOPLE] == ["1.00", "20.00", "300.00"]


def test_the_survivor_owns_the_whole_history_as_of_days_before_the_merge(crm: Regulars) -> None:
    crm.do([buy(ADA, "A-1", "1.00", day(10)), buy(BOB, "B-1", "20.00", day(20))])
    crm.do(Merge(customer=ADA, into=BOB))
    assert [str(crm.customer(BOB, as_of=day(number)).net_spend) for number in (9, 10, 20)] == ["0.00", "1.00", "21.00"]
    assert crm.customer(ADA).id == crm.customer(BOB).id == crm.find(BOB)
    assert crm.customer(ADA).name == "Shop:2"


def test_who_has_left_has_closed_every_account(crm: Regulars) -> None:
    crm.do([Merge(customer=ADA, into=BOB), CloseAccount(customer=ADA)])
    assert crm.customer(BOB).stage != "churned"
    crm.do(CloseAccount(customer=BOB))
    assert crm.customer(BOB).stage == "churned"
    crm.do(ReopenAccount(customer=ADA))
    assert crm.customer(BOB).stage != "churned"


def test_an_account_closed_before_the_day_of_its_registration_stays_closed(crm: Regulars) -> None:
    crm.do([RegisterCustomer(ref="shop:4", occurred_at=NOW), CloseAccount(customer="shop:4", occurred_at=day(9))])
    assert crm.customer("shop:4").stage == "churned"


@pytest.mark.parametrize("first", [ADA, BOB])
def test_a_source_is_the_survivors_or_else_that_of_who_has_one(database_url: str, first: str) -> None:
    with opened(database_url) as crm:
        second = BOB if first == ADA else ADA
        sources = {ADA: "fair", BOB: None}
        for number, who in enumerate((first, second)):
            crm.do(RegisterCustomer(ref=who, source=sources[who], occurred_at=day(number)))
        crm.do(Merge(customer=ADA, into=BOB))
        assert crm.customer(BOB).source == "fair"


# -------------------------------------------------------------------------------------------------------- forgetting


def keys_left(crm: Regulars) -> int:
    with crm._store.reading() as tx:
        return tx.connection.execute(sa.select(sa.func.count()).select_from(crm._store.schema.keys)).scalar_one()


def test_forgetting_the_survivor_forgets_everyone_who_is_one_with_them(crm: Regulars) -> None:
    crm.do([buy(ADA, "A-1", "1.00"), Merge(customer=ADA, into=BOB), Merge(customer=BOB, into=CY)])
    for merged_away in (ADA, BOB):
        assert refusal(crm, ErasePersonalData(customer=merged_away, confirm=True)) == "merged_away"
    forgotten = crm.do(ErasePersonalData(customer=CY, confirm=True))
    assert keys_left(crm) == 0
    assert len(forgotten.events) == 3
    assert {each.causation_id for each in forgotten.events} == {None, forgotten.events[0].position}
    for ref in PEOPLE:
        with pytest.raises(NotFound):
            crm.customer(ref)
    survivor = crm.customer(forgotten.customer_id)
    assert (survivor.ref, survivor.name, str(survivor.net_spend)) == (None, None, "1.00")
    assert all(each.startswith("id:") for each in survivor.merged)


def test_who_was_told_apart_is_forgotten_alone(crm: Regulars) -> None:
    crm.do([Merge(customer=ADA, into=BOB), UndoMerge(customer=ADA), ErasePersonalData(customer=BOB, confirm=True)])
    assert keys_left(crm) == 2
    assert crm.customer(ADA).ref == ADA


# ---------------------------------------------------------------------------------------------- commands by either name


def test_an_order_told_again_by_the_survivors_reference_changes_nothing(crm: Regulars) -> None:
    crm.do([buy(ADA, "A-1"), Merge(customer=ADA, into=BOB)])
    assert crm.do(buy(BOB, "A-1")).events == ()
    assert crm.customer(BOB).orders == 1
    crm.do(UndoMerge(customer=ADA))
    assert refusal(crm, buy(BOB, "A-1")) == "purchase_of_another"
    assert (crm.customer(ADA).orders, crm.customer(BOB).orders) == (1, 0)


def test_points_are_spent_by_the_reference_that_was_merged_away(crm: Regulars) -> None:
    # A point for each unit, to be spent after 14 days.
    crm.do([EnrollMember(customer=BOB, occurred_at=days_ago(40)), buy(BOB, "B-1", "70.00", days_ago(30))])
    crm.do(Merge(customer=ADA, into=BOB))
    crm.do(buy(ADA, "A-1", "30.00", days_ago(20)))
    assert crm.points(ADA).balance == 70 + 30
    crm.do(RedeemPoints(customer=ADA, points=90, redemption_id="V-1"))
    assert crm.points(BOB).balance == 100 - 90
    assert crm.do(RedeemPoints(customer=BOB, points=90, redemption_id="V-1")).events == ()


def test_a_return_takes_points_back_where_they_were_earned_also_after_the_undoing(crm: Regulars) -> None:
    crm.do([EnrollMember(customer=BOB, occurred_at=days_ago(40)), Merge(customer=ADA, into=BOB)])
    crm.do([buy(ADA, "A-1", "30.00", days_ago(20)), buy(BOB, "B-1", "70.00", days_ago(20))])
    crm.do(UndoMerge(customer=ADA))
    assert (crm.points(ADA).balance, crm.points(BOB).balance) == (0, 100)
    crm.do(RecordReturn(order_id="A-1"))
    assert (crm.points(ADA).balance, crm.points(BOB).balance) == (0, 70)


def test_so_does_a_return_in_the_same_transaction(crm: Regulars) -> None:
    crm.do(EnrollMember(customer=BOB, occurred_at=days_ago(40)))
    order = buy(ADA, "A-1", "30.00", days_ago(20))
    crm.do([Merge(customer=ADA, into=BOB), order, UndoMerge(customer=ADA), RecordReturn(order_id="A-1")])
    assert (crm.points(ADA).balance, crm.points(BOB).balance) == (0, 0)


def test_points_of_a_cancelled_second_membership_still_count_and_expire(crm: Regulars) -> None:
    crm.do([EnrollMember(customer=ADA, occurred_at=days_ago(40)), buy(ADA, "A-1", "30.00", days_ago(30))])
    crm.do(CancelMembership(customer=ADA, occurred_at=days_ago(10)))
    crm.do([EnrollMember(customer=BOB, occurred_at=days_ago(40)), buy(BOB, "B-1", "70.00", days_ago(30))])
    crm.do(Merge(customer=ADA, into=BOB))
    assert crm.points(BOB).balance == 30 + 70
    # Earned on 30 January 2026 they are lost at the end of January 2027.
    assert crm.points(BOB, as_of=datetime(2027, 1, 30, tzinfo=UTC)).balance == 100
    late = crm.points(BOB, as_of=datetime(2027, 2, 1, tzinfo=UTC))
    assert (late.balance, late.expired) == (0, 100)


def test_what_is_shown_of_two_memberships_can_be_spent_and_given_back(crm: Regulars) -> None:
    crm.do([EnrollMember(customer=ADA, occurred_at=days_ago(40)), buy(ADA, "A-1", "100.00", days_ago(30))])
    crm.do(CancelMembership(customer=ADA, occurred_at=days_ago(10)))
    crm.do([EnrollMember(customer=BOB, occurred_at=days_ago(40)), buy(BOB, "B-1", "200.00", days_ago(30))])
    crm.do(Merge(customer=ADA, into=BOB))
    assert crm.points(BOB).balance == 300
    assert refusal(crm, RedeemPoints(customer=BOB, points=301, redemption_id="V-0")) == "not_enough_points"
    spent = RedeemPoints(customer=BOB, points=250, redemption_id="V-1", occurred_at=days_ago(3))
    crm.do(spent)
    assert crm.points(BOB).balance == 50
    assert crm.do(spent).events == ()
    assert refusal(crm, RedeemPoints(customer=BOB, points=249, redemption_id="V-1")) == "redemption_id_taken"
    crm.do(CancelRedemption(customer=ADA, redemption_id="V-1", occurred_at=days_ago(2)))
    assert crm.points(BOB).balance == 300
    assert crm.do(CancelRedemption(customer=ADA, redemption_id="V-1")).events == ()
    crm.do([RedeemPoints(customer=ADA, points=300, redemption_id="V-2"), UndoMerge(customer=ADA)])
    assert (crm.points(ADA).balance, crm.points(BOB).balance) == (0, 0)
    assert crm.check_records().holds


def test_what_one_of_two_memberships_owes_the_other_can_not_spend(crm: Regulars) -> None:
    crm.do([EnrollMember(customer=ADA, occurred_at=days_ago(40)), buy(ADA, "A-1", "100.00", days_ago(30))])
    crm.do(RedeemPoints(customer=ADA, points=60, redemption_id="V-1"))
    crm.do([RecordReturn(order_id="A-1"), CancelMembership(customer=ADA)])
    crm.do([EnrollMember(customer=BOB, occurred_at=days_ago(40)), buy(BOB, "B-1", "200.00", days_ago(30))])
    crm.do(Merge(customer=ADA, into=BOB))
    assert crm.points(BOB).balance == 200 - 60
    assert refusal(crm, RedeemPoints(customer=BOB, points=141, redemption_id="V-2")) == "not_enough_points"
    crm.do(RedeemPoints(customer=BOB, points=140, redemption_id="V-2"))
    assert crm.points(BOB).balance == 0


def test_what_was_redeemed_before_the_merge_is_known_after_it(crm: Regulars) -> None:
    crm.do([EnrollMember(customer=ADA, occurred_at=days_ago(40)), buy(ADA, "A-1", "30.00", days_ago(30))])
    spent = RedeemPoints(customer=ADA, points=20, redemption_id="V-1", occurred_at=days_ago(11))
    crm.do([spent, CancelMembership(customer=ADA, occurred_at=days_ago(10))])
    crm.do([EnrollMember(customer=BOB, occurred_at=days_ago(40)), buy(BOB, "B-1", "70.00", days_ago(30))])
    crm.do(Merge(customer=ADA, into=BOB))
    assert crm.do(spent).events == ()
    assert crm.points(BOB).balance == 30 + 70 - 20
    crm.do(CancelRedemption(customer=BOB, redemption_id="V-1"))
    assert crm.points(BOB).balance == 30 + 70


# ---------------------------------------------------------------------------------------------------------- questions


def test_the_trail_and_the_tickets_cover_everyone_who_is_one(crm: Regulars) -> None:
    crm.do(
        [OpenTicket(customer=ADA, ticket_id="T-1", subject="?"), OpenTicket(customer=CY, ticket_id="T-2", subject="?")]
    )
    crm.do([AddNote(customer=ADA, text="rang"), Merge(customer=ADA, into=BOB)])
    for who in (ADA, BOB):
        assert [(each.ticket_id, each.ref) for each in crm.tickets(customer=who)] == [("T-1", BOB)]
        types = [each.type for each in crm.audit(customer=who, oldest_first=True)]
        assert types == ["CustomerRegistered"] * 2 + ["TicketOpened", "NoteAdded", "CustomerMerged"]
    assert [each.ref for each in crm.tickets()] == [BOB, CY]


def test_who_becomes_something_is_asked_of_the_whole_history(crm: Regulars) -> None:
    # One order on 1 December: at risk after twice the prior gap of 30 days, on 30 January.
    at = datetime(2025, 12, 1, 12, tzinfo=UTC)
    crm.do([buy(ADA, "A-1", "200.00", at), buy(BOB, "B-1", "1.00", datetime(2026, 2, 1, 12, tzinfo=UTC))])
    asked: dict[str, Any] = {"within": timedelta(days=14), "as_of": datetime(2026, 1, 20, 12, tzinfo=UTC)}
    for _ in range(2):
        due = crm.customers(becoming={"stage": "at_risk"}, **asked)
        assert [(each.ref, each.becomes_at) for each in due] == [(due[0].ref, datetime(2026, 1, 30, 12, tzinfo=UTC))]
        crm.do(Merge(customer=ADA, into=BOB))
    assert due[0].ref == BOB


def test_a_merge_is_seen_by_who_has_not_caught_up(database_url: str, crm: Regulars) -> None:
    crm.do([buy(ADA, "A-1", "1.00"), buy(BOB, "B-1", "20.00")])
    with opened(database_url) as other:
        assert len(other.customers()) == 3
        crm.do(Merge(customer=ADA, into=BOB))
        assert str(other.customer(ADA).net_spend) == "21.00"
        stale = {(each.ref, str(each.net_spend), each.merged) for each in other.customers(fresh=False)}
        assert stale == {(ADA, "1.00", ()), (BOB, "20.00", ()), (CY, "0.00", ())}
        assert {(each.ref, each.merged) for each in other.customers()} == {(BOB, (ADA,)), (CY, ())}
        crm.do(UndoMerge(customer=ADA))
        assert str(other.customer(ADA).net_spend) == "1.00"
        assert str(other.customer(BOB).net_spend) == "20.00"
        assert {(each.ref, each.merged) for each in other.customers(fresh=False)} == {(BOB, (ADA,)), (CY, ())}
        assert len(other.customers()) == 3


def test_of_two_opposite_merges_at_once_one_is_refused(postgres_database_url: str) -> None:
    with opened(postgres_database_url) as crm, opened(postgres_database_url) as rival:
        crm.do([RegisterCustomer(ref=ref) for ref in PEOPLE])
        for _ in range(10):
            codes: list[str | None] = []
            together = threading.Barrier(2)

            def merge(each: Regulars, away: str, into: str, meet: threading.Barrier, said: list[str | None]) -> None:
                meet.wait()
                said.append(refusal(each, Merge(customer=away, into=into)))

            sides = ((crm, ADA, BOB), (rival, BOB, ADA))
            threads = [threading.Thread(target=merge, args=(*side, together, codes)) for side in sides]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert sorted(map(str, codes)) == ["None", "merge_cycle"]
            crm.do([UndoMerge(customer=ADA), UndoMerge(customer=BOB)])


# --------------------------------------------------------------------------------------------------------- duplicates


def suspected(crm: Regulars, **asked: Any) -> list[tuple[str, set[str | None]]]:
    return [(each.shared, {one.ref for one in each.customers}) for each in crm.duplicates(**asked)]


def test_who_shares_an_e_mail_or_a_phone_number_is_suspected(crm: Regulars) -> None:
    assert suspected(crm) == []
    crm.do([ChangeContactDetails(customer=ADA, email="Ada@Example.com", phone="+49 30 12-34")])
    crm.do([ChangeContactDetails(customer=BOB, email=" ada@example.COM ")])
    crm.do([ChangeContactDetails(customer=CY, phone="+49 (30) 1234")])
    assert sorted(suspected(crm), key=str) == sorted([("email", {ADA, BOB}), ("phone", {ADA, CY})], key=str)
    assert {one.name for each in crm.duplicates() for one in each.customers} == {"Shop:1", "Shop:2", "Shop:3"}


def test_who_was_merged_is_suspected_no_more_until_they_are_told_apart(crm: Regulars) -> None:
    crm.do([ChangeContactDetails(customer=who, email="one@example.com") for who in PEOPLE])
    crm.do(Merge(customer=ADA, into=BOB))
    assert suspected(crm) == [("email", {BOB, CY})]
    crm.do(Merge(customer=CY, into=ADA))
    assert suspected(crm) == []
    crm.do(UndoMerge(customer=ADA))
    assert suspected(crm) == [("email", {ADA, BOB})]


def test_who_was_forgotten_is_not_suspected(crm: Regulars) -> None:
    crm.do([ChangeContactDetails(customer=who, email="one@example.com") for who in (ADA, BOB)])
    crm.do(ErasePersonalData(customer=BOB, confirm=True))
    assert suspected(crm) == []


def test_suspicions_come_in_pages_that_pass_over_who_was_merged(crm: Regulars) -> None:
    for number in range(9):
        pair = [RegisterCustomer(ref=f"{side}:{number}", email=f"{number}@example.com") for side in "ab"]
        crm.do(pair)
    crm.do([Merge(customer=f"a:{number}", into=f"b:{number}") for number in (0, 3, 4)])
    seen: list[tuple[str, set[str | None]]] = []
    after: str | None = None
    while True:
        page = crm.duplicates(limit=2, after=after)
        seen += [(each.shared, {one.ref for one in each.customers}) for each in page]
        after = page.after
        if after is None:
            break
    expected = [("email", {f"a:{number}", f"b:{number}"}) for number in (1, 2, 5, 6, 7, 8)]
    assert all(pair in expected for pair in seen)
    assert len(seen) == len(expected) == len({frozenset(refs) for _, refs in seen})


@pytest.mark.parametrize("after", ["", "nonsense", "email:", ":1"])
def test_a_mark_that_no_page_gave_is_refused(crm: Regulars, after: str) -> None:
    for ask in (crm.duplicates, crm.near_duplicates):
        with pytest.raises(ValueError, match="after"):
            ask(after=after)


def nearly(crm: Regulars) -> list[tuple[str, set[str | None]]]:
    return [(each.shared, {one.ref for one in each.customers}) for each in crm.near_duplicates()]


@pytest.mark.parametrize(
    ("kind", "one", "other"),
    [
        ("email", "ada.lovelace@example.com", "adalovelace@example.com"),
        ("email", "ada+shop@example.com", "Ada@example.com"),
        ("email", "a.da+x+y@example.com", "ada+z@example.com"),
        ("phone", "+49 30 123456", "030 / 123456"),
        ("phone", "030 123456", "+43 30 123456"),
        ("phone", "+49 30 123456", "0049 30 123456"),
        ("phone", "+49 (0)30 123456", "+49 30 123456"),
        ("phone", "+39 06 123456", "06 123456"),
        ("phone", "+1 212 5550123", "212 555-0123"),
        ("phone", "030 123456", "30 123456"),
    ],
)
def test_who_has_nearly_the_same_contact_is_suspected_by_a_weaker_sign(
    crm: Regulars, kind: str, one: str, other: str
) -> None:
    crm.do([ChangeContactDetails(customer=ADA, **{kind: one}), ChangeContactDetails(customer=CY, **{kind: other})])
    assert suspected(crm) == []
    assert nearly(crm) == [(kind, {ADA, CY})]
    crm.do(Merge(customer=ADA, into=CY))
    assert nearly(crm) == []
    crm.do(UndoMerge(customer=ADA))
    crm.do(ChangeContactDetails(customer=ADA, email=None, phone=None))
    assert nearly(crm) == []


@pytest.mark.parametrize(
    ("kind", "one", "other"),
    [
        ("email", "ada@example.com", "ADA@example.com"),  # the same
        ("email", "ada@example.com", "ada@example.org"),
        ("email", "ada@mail.example.com", "ada@mailexample.com"),
        ("email", "+ada@example.com", "+bo@example.com"),
        ("phone", "+49 30 123456", "+43 30 123456"),
        ("phone", "+49 30 123456", "040 123456"),
        ("phone", "+49 30 123456", "+49 30 1234567"),
        ("phone", "12345", "+49 12345"),
    ],
)
def test_who_has_another_contact_or_the_same_is_not(crm: Regulars, kind: str, one: str, other: str) -> None:
    crm.do([ChangeContactDetails(customer=ADA, **{kind: one}), ChangeContactDetails(customer=CY, **{kind: other})])
    assert nearly(crm) == []


def test_weaker_suspicions_come_in_pages_and_leave_out_the_forgotten(crm: Regulars) -> None:
    for number in range(5):
        crm.do([RegisterCustomer(ref=f"{side}{number}", email=f"x{side}{number}@example.com") for side in (".", "")])
    crm.do(ErasePersonalData(customer=".3", confirm=True))
    seen: list[set[str | None]] = []
    page = crm.near_duplicates(limit=2)
    while True:
        seen += [{one.ref for one in each.customers} for each in page]
        if page.after is None:
            break
        page = crm.near_duplicates(limit=2, after=page.after)
    assert sorted(seen, key=sorted) == [{f".{number}", str(number)} for number in (0, 1, 2, 4)]
    assert len(list(crm.near_duplicates())) == 4
