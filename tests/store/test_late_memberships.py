"""A membership that is told late is one all the same: the orders that were placed in it earn what they would have."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest
from hypothesis import strategies as st

from regulars import (
    BonusEarned,
    BonusReversed,
    CancelMembership,
    Command,
    EnrollMember,
    MakeReferral,
    MergeCustomers,
    PointsEarned,
    PointsReversed,
    RecordPurchase,
    RecordReturn,
    RecordSurveyAnswer,
    RegisterCustomer,
    Regulars,
    ResumeMembership,
    SuspendMembership,
    VoidPurchase,
    as_toml,
    default_rules,
    parse_rules,
)
from shops import BEGIN, DAY, Clock, fresh_store, in_each_database, opened, until_none_is_taken

NOW = BEGIN + 300 * DAY


def bought(day: int, amount: int, customer: str = "ada") -> RecordPurchase:
    return RecordPurchase(
        customer=customer, order_id=f"O-{day}", amount=str(amount), currency="EUR", occurred_at=BEGIN + day * DAY
    )


def enrolled(day: int) -> EnrollMember:
    return EnrollMember(customer="ada", occurred_at=BEGIN + day * DAY)


def balance(crm: Regulars, clock: Clock) -> int:
    clock.now += DAY
    return crm.points("ada").balance


def told(kind: str, postgres_url: str, commands: list[Command], *, together: bool = False) -> int:
    clock = Clock(NOW)
    with fresh_store(kind, postgres_url) as url, opened(url, clock) as crm:
        crm.do(RegisterCustomer(ref="ada", occurred_at=BEGIN))
        for some in [commands] if together else [[each] for each in commands]:
            crm.do(some)
        return balance(crm, clock)


@in_each_database(
    15,
    enrolment=st.integers(0, 60),
    orders=st.dictionaries(st.integers(0, 60), st.integers(1, 100), min_size=1, max_size=4),
    random=st.randoms(use_true_random=False),
    together=st.booleans(),
)
def test_when_a_membership_is_told_changes_no_points(
    *, kind: str, postgres_url: str, enrolment: int, orders: dict[int, int], random: Random, together: bool
) -> None:
    words: list[Command] = [enrolled(enrolment)]
    for day, amount in orders.items():
        words.append(bought(day, amount))
    random.shuffle(words)
    # Told once more after its order, as a return of an order that isn't known yet is refused.
    words += [RecordReturn(order_id=f"O-{day}", amount="1", return_id="R") for day in list(orders)[:2]]
    returned = dict.fromkeys(list(orders)[:2], 1)
    expected = sum(amount - returned.get(day, 0) for day, amount in orders.items() if day >= enrolment)
    assert told(kind, postgres_url, words, together=together) == expected


def test_what_came_back_or_never_was_earns_nothing_late(database_url: str) -> None:
    clock = Clock(NOW)
    with opened(database_url, clock) as crm:
        crm.do(RegisterCustomer(ref="ada", occurred_at=BEGIN))
        crm.do([bought(1, 10), bought(2, 80), bought(3, 50), bought(4, 30)])
        crm.do([RecordReturn(order_id="O-2", amount="20"), RecordReturn(order_id="O-3"), VoidPurchase(order_id="O-4")])
        crm.do(enrolled(2))
        assert balance(crm, clock) == 60
        assert crm.do(enrolled(2)).events == ()
        crm.do(RecordReturn(order_id="O-2"))
        assert balance(crm, clock) == 0


@pytest.mark.parametrize("is_member", [True, False])
def test_what_counts_again_earns_where_the_membership_was_in_force_as_is_known_now(
    database_url: str, is_member: bool
) -> None:
    """Told late while all of the order had come back, by a reading that is corrected later."""
    clock = Clock(NOW)
    with opened(database_url, clock) as crm:
        crm.do([RegisterCustomer(ref="ada", occurred_at=BEGIN), *([] if is_member else [enrolled(1)]), bought(9, 40)])
        crm.do(RecordReturn(order_id="O-9", returned_so_far="40"))
        crm.do(enrolled(2) if is_member else SuspendMembership(customer="ada", occurred_at=BEGIN + 5 * DAY))
        clock.now += DAY
        crm.do(RecordReturn(order_id="O-9", returned_so_far="10"))
        assert balance(crm, clock) == (30 if is_member else 0)
        crm.do(RecordReturn(order_id="O-9", returned_so_far="15"))
        assert balance(crm, clock) == (25 if is_member else 0)
        if not is_member:
            crm.do(ResumeMembership(customer="ada", occurred_at=BEGIN + 6 * DAY))
            assert balance(crm, clock) == 25


def test_it_is_the_membership_of_all_who_are_one(database_url: str) -> None:
    clock = Clock(NOW)
    with opened(database_url, clock) as crm:
        crm.do([RegisterCustomer(ref=who, occurred_at=BEGIN) for who in ("ada", "bob")])
        crm.do([bought(5, 40, "bob"), MergeCustomers(customer="bob", into="ada"), enrolled(1)])
        assert balance(crm, clock) == 40


def test_only_what_was_placed_since_it_went_on_earns(database_url: str) -> None:
    clock = Clock(NOW)
    with opened(database_url, clock) as crm:
        crm.do([RegisterCustomer(ref="ada", occurred_at=BEGIN), enrolled(1)])
        crm.do([CancelMembership(customer="ada", occurred_at=BEGIN + 10 * DAY), bought(12, 40), bought(20, 7)])
        crm.do(enrolled(15))
        assert balance(crm, clock) == 7


# ------------------------------------------------------------------------------------------------ all kinds of moves

MOVES: dict[str, type[Command]] = {
    "enroll": EnrollMember,
    "suspend": SuspendMembership,
    "resume": ResumeMembership,
    "cancel": CancelMembership,
}
#: What may follow in which status, and the status after it: as the documentation words it.
FOLLOW = {
    "none": {"enroll": "active"},
    "active": {"suspend": "suspended", "cancel": "cancelled", "enroll": "active"},
    "suspended": {"resume": "active", "cancel": "cancelled", "suspend": "suspended"},
    "cancelled": {"enroll": "active", "cancel": "cancelled"},
}


@st.composite
def courses(draw: st.DrawFn) -> list[tuple[int, str]]:
    """Moves of a membership that are taken one after the other, each on a day of its own."""
    status, moves = "none", []
    for day in sorted(draw(st.sets(st.integers(0, 40), min_size=1, max_size=5))):
        kind = draw(st.sampled_from(sorted(FOLLOW[status])))
        status = FOLLOW[status][kind]
        moves.append((day, kind))
    return moves


def status_on(moves: list[tuple[int, str]], day: int) -> str:
    status = "none"
    for when, kind in moves:
        if when <= day:
            status = FOLLOW[status][kind]
    return status


@in_each_database(
    20,
    moves=courses(),
    orders=st.dictionaries(st.integers(0, 40), st.integers(1, 100), min_size=1, max_size=4),
    returns=st.sets(st.integers(0, 40), max_size=2),
    random=st.randoms(use_true_random=False),
)
def test_moves_told_in_any_order_give_each_order_its_points(
    kind: str,
    postgres_url: str,
    moves: list[tuple[int, str]],
    orders: dict[int, int],
    returns: set[int],
    random: Random,
) -> None:
    words: list[Command] = [
        MOVES[what](customer="ada", occurred_at=BEGIN + day * DAY)  # type: ignore[call-arg]
        for day, what in moves
    ]
    words += [bought(day, amount) for day, amount in orders.items()]
    back = sorted(returns & orders.keys())
    words += [
        RecordReturn(order_id=f"O-{day}", amount="1", return_id=f"R-{day}", occurred_at=BEGIN + (day + 50) * DAY)
        for day in back
    ]
    random.shuffle(words)
    clock = Clock(NOW)
    with fresh_store(kind, postgres_url) as url, opened(url, clock) as crm:
        crm.do(RegisterCustomer(ref="ada", occurred_at=BEGIN))
        assert until_none_is_taken(crm, words) == []
        points: Counter[str] = Counter()
        for each in crm.events():
            match each.event:
                case PointsEarned(order_id=order_id, points=earned):
                    points[order_id] += earned
                case PointsReversed(order_id=order_id, points=lost):
                    points[order_id] -= lost
                case _:
                    pass
        expected = {
            f"O-{day}": amount - (day in back) if status_on(moves, day) == "active" else 0
            for day, amount in orders.items()
        }
        assert {order: points[order] for order in expected} == expected
        assert balance(crm, clock) == sum(expected.values())
        assert until_none_is_taken(crm, words) == []
        assert balance(crm, clock) == sum(expected.values())
        crm.catch_up()
        assert crm.projections.verify().holds


# ------------------------------------------------------------------------------------- what others did, and answers

BONUS = parse_rules(
    as_toml(default_rules())
    + """
[[earn]]
id = "friend"
on = "referral"
for = "both"
keep_days = 3
points = 1000

[[earn]]
id = "answer"
on = "survey_answered"
points = 20

[[earn]]
id = "welcome"
on = "first_order"
points = 300
"""
)


@in_each_database(
    20,
    referrer=courses(),
    referred=courses(),
    made=st.integers(0, 40),
    bought_on=st.integers(0, 40),
    answers=st.lists(st.tuples(st.sampled_from("ST"), st.integers(0, 40)), max_size=3, unique=True),
    back=st.sampled_from([0, 0, 1, 50]),
    random=st.randoms(use_true_random=False),
)
def test_moves_told_in_any_order_give_referrals_and_answers_their_points(
    kind: str,
    postgres_url: str,
    referrer: list[tuple[int, str]],
    referred: list[tuple[int, str]],
    made: int,
    bought_on: int,
    answers: list[tuple[str, int]],
    back: int,
    random: Random,
) -> None:
    words: list[Command] = [
        MOVES[what](customer=who, occurred_at=BEGIN + day * DAY)  # type: ignore[call-arg]
        for who, moves in (("ada", referrer), ("bob", referred))
        for day, what in moves
    ]
    words += [
        MakeReferral(customer="ada", referred="bob", occurred_at=BEGIN + made * DAY),
        bought(bought_on, 50, "bob"),
    ]
    words += [
        RecordSurveyAnswer(customer="ada", survey="nps", score=9, survey_id=survey, occurred_at=BEGIN + day * DAY)
        for survey, day in answers
    ]
    if back:
        came_back = BEGIN + 90 * DAY
        words.append(RecordReturn(order_id=f"O-{bought_on}", amount=str(back), return_id="R", occurred_at=came_back))
    random.shuffle(words)
    clock = Clock(NOW)
    with fresh_store(kind, postgres_url) as url, opened(url, clock) as crm:
        crm.rules.publish(BONUS, reason="bonus points")
        crm.do([RegisterCustomer(ref=who, occurred_at=BEGIN) for who in ("ada", "bob")])
        assert until_none_is_taken(crm, words) == []
        is_kept, is_referred = back < 50, made <= bought_on
        friend = 1000 * (is_kept and is_referred)
        surveys = {survey for survey, day in answers if status_on(referrer, day) == "active"}
        ada = friend * (status_on(referrer, bought_on) == "active") + 20 * len(surveys)
        bob = (friend + 300 * is_kept + 50 - back) * (status_on(referred, bought_on) == "active")
        assert [outstanding(crm, who) for who in ("ada", "bob")] == [ada, bob]
        crm.catch_up()
        assert crm.projections.verify().holds


def outstanding(crm: Regulars, who: str) -> int:
    """What somebody earned in all, less what was taken back."""
    points = 0
    for each in crm.events(customer=who):
        match each.event:
            case PointsEarned(points=earned) | BonusEarned(points=earned):
                points += earned
            case PointsReversed(points=lost) | BonusReversed(points=lost):
                points -= lost
            case _:
                pass
    return points


def test_what_a_move_brings_late_is_for_who_made_the_first_referral_alone(database_url: str) -> None:
    clock = Clock(NOW)
    with opened(database_url, clock) as crm:
        crm.rules.publish(BONUS, reason="bonus points")
        crm.do([RegisterCustomer(ref=who, occurred_at=BEGIN) for who in ("ada", "bob", "cy")])
        crm.do([MakeReferral(customer=who, referred="bob", occurred_at=BEGIN + DAY) for who in ("ada", "cy")])
        crm.do([enrolled(1).model_copy(update={"customer": "bob"}), bought(2, 50, "bob"), bought(3, 50, "bob")])
        assert outstanding(crm, "bob") == 1000 + 300 + 100
        crm.do([enrolled(1), enrolled(1).model_copy(update={"customer": "cy"})])
        assert [outstanding(crm, who) for who in ("ada", "bob", "cy")] == [1000, 1400, 0]
        crm.do(SuspendMembership(customer="ada", occurred_at=BEGIN + DAY * 3 // 2))
        assert [outstanding(crm, who) for who in ("ada", "bob", "cy")] == [0, 1400, 0]
        sentences = [each.sentence for each in crm.audit(customer="ada") if each.type == "BonusReversed"]
        assert sentences == ["Li took 1000 points of the bonus friend back from ada for an order of who was referred"]
