"""Memberships and points: in force or not, lots that are earned, spent, taken back and given back, and none is lost."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal

import hypothesis
import pytest
from hypothesis import strategies as st
from pydantic import ValidationError

from given import NOW, Given, fold
from regulars.crm_domain.command import Command, Context
from regulars.crm_domain.errors import Rejected
from regulars.crm_domain.event import Event
from regulars.crm_domain.instant import DAY, FOREVER, to_datetime, to_instant
from regulars.crm_domain.membership import (
    ALLOWED,
    MEMBERSHIP,
    AdjustPoints,
    Balance,
    CancelMembership,
    CancelRedemption,
    EnrollMember,
    GrantTierOverride,
    LiftTierOverride,
    Membership,
    MembershipCancelled,
    MembershipCommand,
    MembershipEnrolled,
    MembershipResumed,
    MembershipStatus,
    MembershipSuspended,
    PointsAdjusted,
    PointsEarned,
    PointsRedeemed,
    PointsReversed,
    RedeemPoints,
    RedemptionCancelled,
    ResumeMembership,
    SuspendMembership,
    Taken,
    TierOverrideGranted,
    TierOverrideLifted,
    balance,
    decide,
    earn,
    evolve,
    follow_net,
    terms_by,
)
from regulars.crm_domain.points import MAX_POINTS, PointsPolicy, available_at, expires_at, points_for
from regulars.crm_domain.purchase import PurchaseRecorded

POLICY = PointsPolicy(per_unit=Decimal(1), pending_days=14, expire_after_months=12, zone="Europe/Berlin")
DIGEST = "d1"


def day(number: int) -> int:
    """Noon of a day; day 0 is 2026-03-01."""
    return NOW + number * DAY


ENROLLED = MembershipEnrolled(at=day(0))
SUSPENDED = MembershipSuspended(at=day(1))
CANCELLED = MembershipCancelled(at=day(1))


def member(*events: Event, now: int = day(30), policy: PointsPolicy | None = POLICY) -> Given:
    """Someone enrolled on day 0, to whom this happened since, asked on day 30 unless another is named."""
    return stream(ENROLLED, *events, now=now, policy=policy)


def stream(*events: Event, now: int = day(30), policy: PointsPolicy | None = POLICY) -> Given:
    return Given(events=events, context=Context(now=now, currency="EUR", points=policy, rules_digest=DIGEST))


def state_of(*events: Event) -> Membership:
    state = fold(MEMBERSHIP, ENROLLED, *events)
    assert isinstance(state, Membership)
    return state


def earned(order_id: str, points: int, *, on: int = 0, from_: int = 0, to: int = 365) -> PointsEarned:
    return PointsEarned(
        at=day(on),
        lot_id=f"order:{order_id}",
        points=points,
        order_id=order_id,
        per_unit="1",
        available_at=day(from_),
        expires_at=day(to),
        rules_digest=DIGEST,
    )


def spent(points: int, *taken: tuple[str, int], on: int = 1, redemption_id: str = "V-1") -> PointsRedeemed:
    parts = tuple(Taken(lot_id=f"order:{order_id}", points=part) for order_id, part in taken)
    return PointsRedeemed(at=day(on), redemption_id=redemption_id, points=points, taken=parts)


def taken_back(order_id: str, points: int, *, on: int = 2) -> PointsReversed:
    return PointsReversed(at=day(on), order_id=order_id, points=points)


def undone(*, on: int = 3, redemption_id: str = "V-1") -> RedemptionCancelled:
    return RedemptionCancelled(at=day(on), redemption_id=redemption_id)


def redeem(points: int, redemption_id: str = "V-1", *, on: int | None = None) -> RedeemPoints:
    moment = None if on is None else to_datetime(day(on))
    return RedeemPoints(customer="shop:1", points=points, redemption_id=redemption_id, occurred_at=moment)


def cancel_redemption(redemption_id: str = "V-1") -> CancelRedemption:
    return CancelRedemption(customer="shop:1", redemption_id=redemption_id)


def adjust(points: int, adjustment_id: str | None = None) -> AdjustPoints:
    return AdjustPoints(customer="shop:1", points=points, adjustment_id=adjustment_id, reason="Sorry")


def enroll(program: str | None = None) -> EnrollMember:
    return EnrollMember(customer="shop:1", program=program)


def override(tier: str = "gold", until: str | None = None) -> GrantTierOverride:
    return GrantTierOverride.model_validate({"customer": "shop:1", "tier": tier, "until": until})


SUSPEND, RESUME = SuspendMembership(customer="shop:1"), ResumeMembership(customer="shop:1")
CANCEL, LIFT = CancelMembership(customer="shop:1"), LiftTierOverride(customer="shop:1")


def bought(amount: int, order_id: str = "A", currency: str = "EUR") -> PurchaseRecorded:
    return PurchaseRecorded(order_id=order_id, amount=amount, currency=currency)


# ------------------------------------------------------------------------------------------------------- 1. membership


def test_a_customer_is_enrolled() -> None:
    stream().when(enroll("tea-club")).then(MembershipEnrolled(at=day(30), program="tea-club"))


def test_enrolling_twice_changes_nothing() -> None:
    member().when(enroll()).then_nothing()


def test_nobody_is_in_two_programmes_at_once() -> None:
    member().when(enroll("tea-club")).then_rejected("membership_active")


def test_a_membership_rests_and_goes_on() -> None:
    member().when(SUSPEND).then(MembershipSuspended(at=day(30)))
    member(SUSPENDED).when(SUSPEND).then_nothing()
    member(SUSPENDED).when(RESUME).then(MembershipResumed(at=day(30)))
    member().when(RESUME).then_nothing()


@pytest.mark.parametrize("events", [(), (SUSPENDED,)], ids=["active", "suspended"])
def test_a_membership_is_cancelled(events: tuple[Event, ...]) -> None:
    member(*events).when(CANCEL).then(MembershipCancelled(at=day(30)))


def test_cancelling_twice_changes_nothing() -> None:
    member(CANCELLED).when(CANCEL).then_nothing()


def test_a_cancelled_membership_is_enrolled_again_and_keeps_its_points() -> None:
    member(CANCELLED).when(enroll("tea-club")).then(MembershipEnrolled(at=day(30), program="tea-club"))
    again = MembershipEnrolled(at=day(2))
    event = PointsRedeemed(at=day(30), redemption_id="V-1", points=10, taken=(Taken(lot_id="order:A", points=10),))
    member(earned("A", 10), CANCELLED, again).when(redeem(10)).then(event)


@pytest.mark.parametrize(
    ("events", "command", "code"),
    [
        ((SUSPENDED,), enroll(), "membership_suspended"),
        ((CANCELLED,), SUSPEND, "membership_cancelled"),
        ((CANCELLED,), RESUME, "membership_cancelled"),
        ((CANCELLED,), adjust(5), "membership_cancelled"),
        ((CANCELLED,), override(), "membership_cancelled"),
        ((CANCELLED,), redeem(1), "membership_cancelled"),
        ((SUSPENDED,), redeem(1), "membership_suspended"),
    ],
)
def test_an_illegal_move_is_refused(events: tuple[Event, ...], command: Command, code: str) -> None:
    member(earned("A", 10), *events).when(command).then_rejected(code)


@pytest.mark.parametrize("command", [SUSPEND, RESUME, CANCEL, redeem(1), cancel_redemption(), adjust(1), LIFT])
def test_who_never_enrolled_has_no_membership(command: MembershipCommand) -> None:
    stream().when(command).then_rejected("not_a_member")


def test_a_membership_ends_up_only_where_it_is_allowed_to() -> None:
    ways = {
        MembershipStatus.NONE: (),
        MembershipStatus.ACTIVE: (ENROLLED,),
        MembershipStatus.SUSPENDED: (ENROLLED, SUSPENDED),
        MembershipStatus.CANCELLED: (ENROLLED, CANCELLED),
    }
    assert set(ways) == set(ALLOWED) == set(MembershipStatus)
    for status, events in ways.items():
        reached = set()
        for command in (enroll(), SUSPEND, RESUME, CANCEL):
            decided = stream(*events).when(command).events
            reached |= {fold(MEMBERSHIP, *events, event).status for event in decided}
        assert reached == ALLOWED[status]


# ------------------------------------------------------------------------------------------------------------ 2. order


@pytest.mark.parametrize("command", [redeem(1), adjust(1), adjust(-1), override(), cancel_redemption("V-0")])
def test_what_lies_before_the_last_event_is_refused(command: MembershipCommand) -> None:
    history = member(earned("A", 10), spent(1, ("A", 1), redemption_id="V-0"), earned("B", 10, on=5))
    early = command.model_copy(update={"occurred_at": to_datetime(day(5) - 1)})
    history.when(early).then_rejected("out_of_order")
    assert history.when(command.model_copy(update={"occurred_at": to_datetime(day(5))})).code is None


def test_a_retry_of_what_happened_before_changes_nothing_however_early_it_was() -> None:
    member(earned("A", 10), spent(5, ("A", 5)), earned("B", 1, on=9)).when(redeem(5, on=1)).then_nothing()


def test_a_redemption_told_late_is_decided_on_what_stood_at_its_instant() -> None:
    lots = (earned("A", 10, to=20), earned("B", 10, from_=25))
    event = PointsRedeemed(at=day(10), redemption_id="V-1", points=10, taken=(Taken(lot_id="order:A", points=10),))
    member(*lots).when(redeem(10, on=10)).then(event)
    refusal = member(*lots).when(redeem(11, on=10))
    refusal.then_rejected("not_enough_points")
    assert "10 points" in refusal.sentence


def test_the_last_instant_never_goes_back_whatever_history_says() -> None:
    assert state_of(earned("A", 10, on=5), earned("B", 10, on=3)).last_at == day(5)


def test_a_backdated_redemption_can_not_overdraw() -> None:
    spent_later = spent(10, ("A", 10), on=10)
    member(earned("A", 10), spent_later).when(redeem(10, "V-2", on=5)).then_rejected("out_of_order")
    member(earned("A", 10), spent_later).when(redeem(10, "V-2", on=11)).then_rejected("not_enough_points")


# ----------------------------------------------------------------------------------------------------------- 3. earning


def earns(state: Membership, amount: int = 5990, *, on: int) -> tuple[PointsEarned, ...]:
    return earn(state, bought(amount), day(on), day(on), terms_by(POLICY, day(on)), DIGEST)


def test_a_purchase_earns_a_point_for_each_whole_unit() -> None:
    # 59.90 EUR are 59 points; from 14 days later; until the end of March 2027 in Berlin, two hours ahead of UTC.
    event = PointsEarned(
        at=day(5),
        lot_id="order:A",
        points=59,
        order_id="A",
        per_unit="1",
        available_at=day(19),
        expires_at=to_instant(datetime.fromisoformat("2027-03-31T22:00:00+00:00")),
        rules_digest=DIGEST,
    )
    assert earns(state_of(), on=5) == (event,)


@pytest.mark.parametrize(
    ("events", "on", "points"),
    [
        ((), -1, 0),
        ((), 0, 59),
        ((SUSPENDED,), 0, 59),
        ((SUSPENDED,), 1, 0),
        ((SUSPENDED, MembershipResumed(at=day(3))), 2, 0),
        ((SUSPENDED, MembershipResumed(at=day(3))), 3, 59),
        ((SUSPENDED, MembershipResumed(at=day(3)), MembershipCancelled(at=day(5))), 2, 0),
        ((SUSPENDED, MembershipResumed(at=day(3)), MembershipCancelled(at=day(5))), 4, 59),
        ((CANCELLED,), 0, 59),
        ((CANCELLED,), 9, 0),
        ((CANCELLED, MembershipEnrolled(at=day(4))), 3, 0),
        ((CANCELLED, MembershipEnrolled(at=day(4))), 4, 59),
    ],
)
def test_a_purchase_earns_where_a_membership_is_in_force_at_its_instant(
    events: tuple[Event, ...], on: int, points: int
) -> None:
    assert sum(event.points for event in earns(state_of(*events), on=on)) == points


def test_a_customer_without_a_membership_earns_nothing() -> None:
    assert earns(Membership(), on=5) == ()


@pytest.mark.parametrize("amount", [0, 99])
def test_less_than_a_point_is_none(amount: int) -> None:
    assert earns(state_of(), amount, on=5) == ()


def test_an_order_earns_once() -> None:
    assert earns(state_of(earned("A", 59)), on=5) == ()


def test_a_purchase_told_late_earns_at_the_last_event_on_its_own_terms() -> None:
    (event,) = earns(state_of(earned("B", 1, on=20)), on=5)
    assert event.at == day(20)
    assert (event.available_at, event.expires_at) == (available_at(day(5), POLICY), expires_at(day(5), POLICY))


@pytest.mark.parametrize(
    ("amount", "currency", "per_unit", "points"),
    [
        (5990, "EUR", "1", 59),
        (5999, "EUR", "0.5", 29),
        (10, "EUR", "10", 1),
        (1200, "JPY", "0.01", 12),
        (1234, "KWD", "1", 1),
        (10_000, "EUR", "0", 0),
        (3, "EUR", "33.333333333333333333333333333333333", 0),
        (300, "EUR", "0.333333333333333333333333333333333", 0),
        (10**12, "JPY", "1000000000", MAX_POINTS),
    ],
)
def test_points_are_rounded_down(amount: int, currency: str, per_unit: str, points: int) -> None:
    assert points_for(amount, currency, Decimal(per_unit)) == points


@pytest.mark.parametrize(
    ("earned_at", "months", "zone", "expires"),
    [
        ("2026-03-31T23:59:59+02:00", 12, "Europe/Berlin", "2027-04-01T00:00:00+02:00"),
        ("2026-04-01T00:00:00+02:00", 12, "Europe/Berlin", "2027-05-01T00:00:00+02:00"),
        ("2026-02-28T23:30:00+00:00", 12, "Europe/Berlin", "2027-04-01T00:00:00+02:00"),
        ("2026-02-28T23:30:00+00:00", 12, "UTC", "2027-03-01T00:00:00+00:00"),
        ("2026-11-15T12:00:00+00:00", 1, "UTC", "2027-01-01T00:00:00+00:00"),
        ("2026-12-15T12:00:00+00:00", 1, "America/New_York", "2027-02-01T00:00:00-05:00"),
        ("2026-12-15T12:00:00+00:00", 1200, "UTC", "2127-01-01T00:00:00+00:00"),
    ],
)
def test_points_expire_with_the_month_so_many_months_after_they_were_earned(
    earned_at: str, months: int, zone: str, expires: str
) -> None:
    policy = PointsPolicy(per_unit=Decimal(1), pending_days=0, expire_after_months=months, zone=zone)
    at = to_instant(datetime.fromisoformat(earned_at))
    assert expires_at(at, policy) == to_instant(datetime.fromisoformat(expires))


def test_what_would_expire_after_the_calendar_does_not_expire() -> None:
    assert expires_at(to_instant(datetime.fromisoformat("9999-01-01T00:00:00+00:00")), POLICY) == FOREVER


# --------------------------------------------------------------------------------------------------------- 4. redeeming


def test_points_are_redeemed_earliest_expiry_first() -> None:
    lots = (
        earned("late", 10, to=300),
        earned("early", 10, to=100),
        earned("a same, later", 10, from_=2, to=200),
        earned("same, b", 10, from_=1, to=200),
        earned("same, a", 10, from_=1, to=200),
    )
    order = [("early", 10), ("same, a", 10), ("same, b", 10), ("a same, later", 10), ("late", 5)]
    member(*lots).when(redeem(45)).then(spent(45, *order, on=30))


def test_pending_and_expired_points_are_not_redeemed() -> None:
    lots = (earned("expired", 10, to=30), earned("pending", 10, from_=31), earned("good", 10, from_=30, to=31))
    member(*lots).when(redeem(10)).then(spent(10, ("good", 10), on=30))
    refusal = member(*lots).when(redeem(11))
    refusal.then_rejected("not_enough_points")
    assert refusal.sentence == "there are 10 points that can be spent, not 11"


def test_points_are_spent_once() -> None:
    refusal = member(earned("A", 10), spent(4, ("A", 4))).when(redeem(7, "V-2"))
    refusal.then_rejected("not_enough_points")
    assert "6 points" in refusal.sentence
    member(earned("A", 10), spent(4, ("A", 4))).when(redeem(6, "V-2")).then(
        spent(6, ("A", 6), on=30, redemption_id="V-2")
    )


# ------------------------------------------------------------------------------------------------------- 5. redemptions


def test_the_same_redemption_twice_changes_nothing() -> None:
    member(earned("A", 10), spent(10, ("A", 10))).when(redeem(10)).then_nothing()
    member(earned("A", 10), spent(10, ("A", 10)), SUSPENDED).when(redeem(10)).then_nothing()


def test_the_same_redemption_with_other_points_is_refused() -> None:
    member(earned("A", 10), spent(4, ("A", 4))).when(redeem(5)).then_rejected("redemption_id_taken")


def test_the_id_of_a_cancelled_redemption_is_used_up() -> None:
    member(earned("A", 10), spent(4, ("A", 4)), undone()).when(redeem(4)).then_rejected("redemption_cancelled")


@pytest.mark.parametrize("events", [(), (SUSPENDED,), (CANCELLED,)], ids=["active", "suspended", "cancelled"])
def test_a_redemption_is_cancelled_whatever_became_of_the_membership(events: tuple[Event, ...]) -> None:
    member(earned("A", 10), spent(4, ("A", 4)), *events).when(cancel_redemption()).then(undone(on=30))


def test_cancelling_a_redemption_twice_changes_nothing() -> None:
    member(earned("A", 10), spent(4, ("A", 4)), undone()).when(cancel_redemption()).then_nothing()


def test_a_redemption_that_nobody_made_is_not_cancelled() -> None:
    member().when(cancel_redemption()).then_rejected("unknown_redemption")


def test_a_cancelled_redemption_gives_the_lots_back_with_their_original_expiry() -> None:
    state = state_of(earned("A", 10, to=20), earned("B", 10, to=40), spent(15, ("A", 10), ("B", 5)), undone(on=30))
    assert balance(state, day(30)) == Balance(earned=20, available=10, expired=10)
    assert balance(state, day(40)) == Balance(earned=20, expired=20)


def test_what_is_given_back_is_given_back_once_whatever_history_says() -> None:
    once = state_of(earned("A", 10), spent(4, ("A", 4)), undone())
    assert evolve(once, undone()) == once
    assert evolve(once, undone(redemption_id="V-2")) == once


# ----------------------------------------------------------------------------------------------------------- 6. returns


def reversals(state: Membership, amount: int, *returns: int, on: int = 10) -> list[int]:
    """The points that each of these returns of one order takes back."""
    before, points = 0, []
    for each in returns:
        events = follow_net(state, bought(amount), (amount - before, amount - before - each), None, day(on), DIGEST)
        points.append(sum(event.points for event in events))
        before += each
    return points


def test_a_return_takes_back_the_difference_it_makes() -> None:
    # 59.90 is 59 points; without 20.00 it is 39.90, 39 points; without 0.90 more it is 39.00, still 39; then nothing.
    assert reversals(state_of(earned("A", 59)), 5990, 2000, 90, 3900) == [20, 0, 39]


def test_a_return_is_stamped() -> None:
    events = follow_net(state_of(earned("A", 59)), bought(5990), (5990, 0), "R-1", day(10), "d2")
    assert events == (PointsReversed(at=day(10), order_id="A", points=59, return_id="R-1", rules_digest="d2"),)


def test_a_return_told_late_takes_back_at_the_last_event() -> None:
    state = state_of(earned("A", 59), earned("B", 1, on=20))
    (event,) = follow_net(state, bought(5990), (5990, 0), None, day(10), DIGEST)
    assert event.at == day(20)


def test_an_order_that_earned_nothing_gives_nothing_back() -> None:
    assert reversals(state_of(), 5990, 5990) == [0]
    assert reversals(state_of(earned("B", 59)), 5990, 5990) == [0]


def test_a_return_goes_by_the_terms_the_points_were_earned_on() -> None:
    generous = PointsPolicy(per_unit=Decimal("2.5"), pending_days=0, expire_after_months=1, zone="UTC")
    (event,) = earn(state_of(), bought(5990), day(1), day(1), terms_by(generous, day(1)), DIGEST)
    # 59.90 * 2.5 = 149.75; 39.90 * 2.5 = 99.75
    assert event.points == 149
    assert reversals(state_of(event), 5990, 2000, 3990) == [50, 99]


@pytest.mark.parametrize("events", [(SUSPENDED,), (CANCELLED,)], ids=["suspended", "cancelled"])
def test_a_return_takes_points_back_whatever_became_of_the_membership(events: tuple[Event, ...]) -> None:
    assert reversals(state_of(earned("A", 59), *events), 5990, 5990) == [59]


@pytest.mark.parametrize(("from_", "to"), [(50, 365), (0, 365), (0, 2)], ids=["pending", "available", "expired"])
def test_a_return_takes_from_its_own_lot_whatever_became_of_it(from_: int, to: int) -> None:
    state = state_of(earned("A", 10, from_=from_, to=to), taken_back("A", 10, on=5))
    assert balance(state, day(5)) == Balance(earned=10, reversed=10)


def test_a_return_takes_from_its_own_lot_first() -> None:
    state = state_of(earned("B", 10, to=50), earned("A", 10, to=90), taken_back("A", 10))
    assert (state.lots["order:A"].remaining, state.lots["order:B"].remaining) == (0, 10)


# -------------------------------------------------------------------------------------------------------------- 7. debt

SPENT_AND_RETURNED = (earned("A", 100), spent(30, ("A", 30)), taken_back("A", 100))


def test_what_was_spent_of_a_returned_order_is_owed() -> None:
    after = balance(state_of(*SPENT_AND_RETURNED), day(2))
    assert after == Balance(earned=100, spent=30, reversed=70, debt=30)
    assert after.net == -30


def test_nothing_is_redeemed_on_debt() -> None:
    refusal = member(*SPENT_AND_RETURNED).when(redeem(1, "V-2"))
    refusal.then_rejected("not_enough_points")
    assert "0 points" in refusal.sentence


def test_the_next_points_settle_a_debt() -> None:
    part = state_of(*SPENT_AND_RETURNED, earned("B", 20, on=3, from_=17))
    assert balance(part, day(3)) == Balance(earned=120, spent=30, reversed=90, debt=10)
    whole = state_of(*SPENT_AND_RETURNED, earned("B", 20, on=3, from_=17), earned("C", 50, on=4, from_=18))
    assert balance(whole, day(4)) == Balance(earned=170, spent=30, reversed=100, pending=40)
    assert balance(whole, day(18)).net == 40


def test_points_added_by_hand_settle_a_debt() -> None:
    history = member(*SPENT_AND_RETURNED)
    state = fold(MEMBERSHIP, *history.events, *history.when(adjust(50)).events)
    assert balance(state, day(30)) == Balance(earned=100, added=50, spent=30, reversed=100, available=20)


def test_a_debt_is_paid_from_what_else_there_is_at_once_in_the_order_of_spending() -> None:
    others = (earned("late", 20, to=300), earned("pending", 20, from_=90, to=200), earned("expired", 20, to=2))
    state = state_of(*others, *SPENT_AND_RETURNED)
    left = {lot_id: lot.remaining for lot_id, lot in state.lots.items()}
    assert left == {"order:late": 10, "order:pending": 0, "order:expired": 20, "order:A": 0}
    assert state.debts == {}


def test_what_settled_a_debt_is_not_owed_again_when_it_would_have_expired() -> None:
    state = state_of(*SPENT_AND_RETURNED, earned("B", 30, on=3, to=10), earned("C", 5, on=20))
    assert balance(state, day(20)) == Balance(earned=135, spent=30, reversed=100, available=5)


def test_points_that_have_expired_by_the_time_they_are_told_of_settle_nothing_but_their_own() -> None:
    state = state_of(*SPENT_AND_RETURNED, earned("B", 50, on=20, to=19))
    assert balance(state, day(20)) == Balance(earned=150, spent=30, reversed=70, debt=30, expired=50)


def test_a_redemption_cancelled_after_the_return_pays_the_debt_even_where_the_lot_has_expired() -> None:
    events = (earned("A", 100, to=10), spent(30, ("A", 30)), taken_back("A", 100), undone(on=20))
    assert balance(state_of(*events), day(20)) == Balance(earned=100, reversed=100)


def test_the_return_of_an_order_whose_points_paid_a_debt_makes_one_again() -> None:
    state = state_of(*SPENT_AND_RETURNED, earned("B", 50, on=3), taken_back("B", 50, on=4))
    assert balance(state, day(4)) == Balance(earned=150, spent=30, reversed=120, debt=30)


def test_the_oldest_debt_is_paid_first() -> None:
    events = (
        earned("A", 10),
        earned("B", 10),
        spent(20, ("A", 10), ("B", 10)),
        taken_back("B", 10),
        taken_back("A", 10),
    )
    assert state_of(*events, earned("C", 15, on=3)).debts == {"order:A": 5}


# ------------------------------------------------------------------------------------------------------- 8. adjustments


def test_points_are_added_by_hand() -> None:
    # Day 30 is 2026-03-31, so they expire with March of the next year, in Berlin.
    event = PointsAdjusted(
        at=day(30),
        points=50,
        adjustment_id="J-1",
        lot_id="adjustment:J-1",
        available_at=day(30),
        expires_at=to_instant(datetime.fromisoformat("2027-04-01T00:00:00+02:00")),
        rules_digest=DIGEST,
    )
    member().when(adjust(50, "J-1")).then(event)
    assert balance(state_of(event), day(30)) == Balance(added=50, available=50)


def test_points_are_removed_by_hand_pending_ones_too() -> None:
    lots = (earned("expired", 10, to=30), earned("pending", 10, from_=90, to=100), earned("good", 10))
    taken = (Taken(lot_id="order:pending", points=10), Taken(lot_id="order:good", points=5))
    event = PointsAdjusted(at=day(30), points=-15, taken=taken)
    member(*lots).when(adjust(-15)).then(event)
    assert balance(state_of(*lots, event), day(30)) == Balance(earned=30, expired=10, available=5, removed=15)


def test_no_more_is_removed_than_there_is() -> None:
    refusal = member(earned("A", 10)).when(adjust(-11))
    refusal.then_rejected("not_enough_points")
    assert refusal.sentence == "there are 10 points that can be removed, not 11"


def test_the_same_adjustment_twice_changes_nothing() -> None:
    first = member(earned("A", 10)).when(adjust(-5, "J-1")).events
    member(earned("A", 10), *first).when(adjust(-5, "J-1")).then_nothing()
    member(earned("A", 10), *first).when(adjust(5, "J-1")).then_rejected("adjustment_id_taken")


def test_an_adjustment_without_an_id_is_one_of_its_own() -> None:
    first = member().when(adjust(5)).events
    second = member(*first).when(adjust(5)).events
    assert balance(state_of(*first, *second), day(30)) == Balance(added=10, available=10)


def test_nothing_is_added_without_rules_that_say_when_it_expires() -> None:
    member(policy=None).when(adjust(5)).then_rejected("no_points_rules")
    assert member(earned("A", 10), policy=None).when(adjust(-5)).code is None


def test_a_resting_membership_can_be_corrected() -> None:
    assert member(earned("A", 10), SUSPENDED).when(adjust(-5)).code is None


# --------------------------------------------------------------------------------------------------------- 9. overrides

UNTIL = "2026-12-31T00:00:00+00:00"
GOLD = TierOverrideGranted(at=day(1), tier="gold", until=to_instant(datetime.fromisoformat(UNTIL)))


def test_a_tier_is_given_by_hand() -> None:
    member().when(override()).then(TierOverrideGranted(at=day(30), tier="gold"))
    member().when(override("gold", UNTIL)).then(TierOverrideGranted(at=day(30), tier="gold", until=GOLD.until))


def test_the_same_override_twice_changes_nothing() -> None:
    member(GOLD).when(override("gold", UNTIL)).then_nothing()


def test_another_override_takes_the_place_of_the_first() -> None:
    member(GOLD).when(override("silver", UNTIL)).then(TierOverrideGranted(at=day(30), tier="silver", until=GOLD.until))
    member(GOLD).when(override()).then(TierOverrideGranted(at=day(30), tier="gold"))


def test_an_override_ends_after_it_begins() -> None:
    member(now=day(30)).when(override("gold", to_datetime(day(30)).isoformat())).then_rejected("override_over")
    assert member(now=day(30)).when(override("gold", to_datetime(day(30) + 1).isoformat())).code is None


def test_an_override_is_lifted() -> None:
    member(GOLD).when(LIFT).then(TierOverrideLifted(at=day(30)))
    member(GOLD, MembershipCancelled(at=day(2))).when(LIFT).then(TierOverrideLifted(at=day(30)))
    member(GOLD, TierOverrideLifted(at=day(2))).when(LIFT).then_nothing()
    member().when(LIFT).then_nothing()


def test_what_has_ended_by_itself_needs_no_lifting() -> None:
    assert GOLD.until is not None
    member(GOLD, now=GOLD.until).when(LIFT).then_nothing()
    member(GOLD, now=GOLD.until - 1).when(LIFT).then(TierOverrideLifted(at=GOLD.until - 1))


# -------------------------------------------------------------------------------------------------------------- balance


def test_a_lot_is_pending_then_available_then_expired() -> None:
    state = state_of(earned("A", 10, from_=14, to=20))
    assert balance(state, day(14) - 1) == Balance(earned=10, pending=10)
    assert balance(state, day(14)) == Balance(earned=10, available=10)
    assert balance(state, day(20) - 1) == Balance(earned=10, available=10)
    assert balance(state, day(20)) == Balance(earned=10, expired=10)


def test_a_lot_that_expires_before_it_is_available_is_never_to_be_spent() -> None:
    state = state_of(earned("A", 10, from_=20, to=14))
    assert [balance(state, day(on)).available for on in (13, 14, 19, 20, 21)] == [0, 0, 0, 0, 0]
    assert balance(state, day(14)).expired == 10


# ------------------------------------------------------------------------------------------------------ for any history

policies = st.builds(
    PointsPolicy,
    per_unit=st.sampled_from(["1", "0.75", "2.5", "0"]).map(Decimal),
    pending_days=st.sampled_from([0, 1, 14, 45]),
    expire_after_months=st.integers(1, 3),
    zone=st.sampled_from(["Europe/Berlin", "UTC", "America/New_York"]),
)
MOVES: dict[str, MembershipCommand] = {"suspend": SUSPEND, "resume": RESUME, "cancel": CANCEL, "enroll": enroll()}
# Dense enough that debts come about, are settled, and come about again.
ACTIONS = ("buy", "redeem", "redeem all", "return", "return all", "undo", "add", "buy late", "remove")
one_step = st.tuples(
    st.sampled_from([12, 0, 20 * 24, 60 * 24]),
    st.sampled_from((*ACTIONS, *ACTIONS, *ACTIONS, *ACTIONS, "resume", "enroll", *MOVES)),
    st.integers(100, 9999),
)
steps = st.lists(one_step, min_size=12, max_size=40)


class Life:
    """One customer's purchases and membership: what was asked, and every event that came of it."""

    def __init__(self) -> None:
        self.at = day(0)
        self.state = evolve(Membership(), ENROLLED)
        self.events: list[Event] = [ENROLLED]
        self.orders: list[tuple[PurchaseRecorded, int]] = []

    def go_on(self, hours: int, action: str, number: int, policy: PointsPolicy) -> None:
        self.at += hours * DAY // 24
        before = self.state
        try:
            events = self._act(action, number, policy)
        except Rejected:
            events = ()
            assert self.state == before
        for event in events:
            self.state = evolve(self.state, event)  # type: ignore[arg-type]
        self.events.extend(events)

    def _act(self, action: str, number: int, policy: PointsPolicy) -> tuple[Event, ...]:
        match action:
            case "buy" | "buy late":
                purchase = bought(number, f"{len(self.orders)}")
                self.orders.append((purchase, 0))
                late = 0 if action == "buy" else number * DAY // 100
                placed_at = self.at - late
                return earn(self.state, purchase, placed_at, placed_at, terms_by(policy, placed_at), DIGEST)
            case "return" | "return all":
                return self._return(number, whole=action == "return all")
            case _:
                context = Context(now=self.at, currency="EUR", points=policy, rules_digest=DIGEST)
                return decide(self._command(action, number), self.state, context)

    def _return(self, number: int, *, whole: bool) -> tuple[Event, ...]:
        if not self.orders:
            return ()
        index = len(self.orders) - 1 if whole else number % len(self.orders)
        purchase, before = self.orders[index]
        amount = purchase.amount - before if whole else min(number, purchase.amount - before)
        self.orders[index] = (purchase, before + amount)
        nets = (purchase.amount - before, purchase.amount - before - amount)
        return follow_net(self.state, purchase, nets, None, self.at, DIGEST)

    def _command(self, action: str, number: int) -> Command:
        match action:
            case "redeem all":
                return redeem(max(1, balance(self.state, self.at).available), f"{len(self.events)}")
            case "redeem":
                there = balance(self.state, self.at).available
                return redeem(1 + number % (there + there // 8 + 1), f"{len(self.events)}")
            case "undo":
                made = [event.redemption_id for event in self.events if isinstance(event, PointsRedeemed)]
                return cancel_redemption(made[number % len(made)] if made else "none")
            case "add" | "remove":
                return adjust((1 + number % 60) * (1 if action == "add" else -1))
            case _:
                return MOVES[action]

    def of(self, kind: type[Event]) -> Iterator[Event]:
        return (event for event in self.events if isinstance(event, kind))


def sum_of(life: Life, kind: type[Event]) -> int:
    return sum(event.points for event in life.of(kind))  # type: ignore[attr-defined]


def check_all_are_somewhere(life: Life) -> None:
    """Sums over the events alone say what was earned, added, spent, removed and taken back or owed."""
    adjusted = [event.points for event in life.events if isinstance(event, PointsAdjusted)]
    undone_ids = {event.redemption_id for event in life.events if isinstance(event, RedemptionCancelled)}
    redeemed = [event for event in life.events if isinstance(event, PointsRedeemed)]
    lots = life.state.lots.values()
    boundaries = {each + step for lot in lots for each in (lot.available_at, lot.expires_at) for step in (-1, 0)}
    for at in {life.at, *(each for each in boundaries if each > life.at)}:
        now = balance(life.state, at)
        assert now.earned == sum_of(life, PointsEarned)
        assert now.added == sum(points for points in adjusted if points > 0)
        assert now.removed == -sum(points for points in adjusted if points < 0)
        assert now.spent == sum(event.points for event in redeemed if event.redemption_id not in undone_ids)
        assert now.reversed + now.debt == sum_of(life, PointsReversed)
        kept = now.available + now.pending + now.expired
        assert now.earned + now.bonus + now.added == kept + now.spent + now.reversed + now.removed
        assert min(now.available, now.pending, now.expired, now.spent, now.reversed, now.removed, now.debt) >= 0
        assert now.debt == 0 or now.available == now.pending == 0
    assert all(lot.remaining >= 0 for lot in lots)


@hypothesis.given(st.lists(policies, min_size=1, max_size=3), steps)
def test_points_never_appear_or_vanish(rules: list[PointsPolicy], wishes: list[tuple[int, str, int]]) -> None:
    life = Life()
    for index, (hours, action, number) in enumerate(wishes):
        life.go_on(hours, action, number, rules[index % len(rules)])
        check_all_are_somewhere(life)


@hypothesis.given(policies, steps)
def test_no_redemption_takes_what_is_pending_or_expired_or_gone(
    policy: PointsPolicy, wishes: list[tuple[int, str, int]]
) -> None:
    life = Life()
    for hours, action, number in wishes:
        before, known = life.state, len(life.events)
        life.go_on(hours, action, number, policy)
        for event in life.events[known:]:
            if isinstance(event, PointsRedeemed):
                lots = [before.lots[each.lot_id] for each in event.taken]
                assert all(lot.available_at <= event.at < lot.expires_at for lot in lots)
                assert all(0 < each.points <= lot.remaining for each, lot in zip(event.taken, lots, strict=True))
                assert sum(each.points for each in event.taken) == event.points
                assert [lot.expires_at for lot in lots] == sorted(lot.expires_at for lot in lots)


@hypothesis.given(policies, steps)
def test_the_events_of_a_membership_stand_in_order(policy: PointsPolicy, wishes: list[tuple[int, str, int]]) -> None:
    life = Life()
    for hours, action, number in wishes:
        life.go_on(hours, action, number, policy)
    instants = [event.at for event in life.events]  # type: ignore[attr-defined]
    assert instants == sorted(instants)
    assert life.state == fold(MEMBERSHIP, *life.events)
    assert life.state.last_at == instants[-1]


# Many a life ends without points to spend; those that don't are enough.
@hypothesis.settings(suppress_health_check=[hypothesis.HealthCheck.filter_too_much])
@hypothesis.given(policies, steps)
def test_redeem_and_undo_leaves_every_lot_as_it_was(policy: PointsPolicy, wishes: list[tuple[int, str, int]]) -> None:
    life = Life()
    for hours, action, number in wishes:
        life.go_on(hours, action, number, policy)
    there = balance(life.state, life.at).available
    hypothesis.assume(there > 0 and life.state.status is MembershipStatus.ACTIVE)
    before = life.state.lots
    context = Context(now=life.at)
    for command in (redeem(there, "last"), cancel_redemption("last")):
        for event in decide(command, life.state, context):
            life.state = evolve(life.state, event)  # type: ignore[arg-type]
    assert life.state.lots == before


@hypothesis.given(
    policies, st.integers(1, 50_000), st.lists(st.integers(1, 20_000), max_size=8), st.integers(0, 100_000)
)
def test_buy_earn_and_return_in_any_steps_leaves_none(
    policy: PointsPolicy, amount: int, parts: list[int], wish: int
) -> None:
    state = state_of()
    for earning in earn(state, bought(amount), day(0), day(0), terms_by(policy, day(0)), DIGEST):
        state = evolve(state, earning)
    pending_over = day(policy.pending_days)
    used = min(wish, balance(state, pending_over).available)
    context = Context(now=pending_over)
    if used:
        for event in decide(redeem(used), state, context):
            state = evolve(state, event)  # type: ignore[arg-type]
    before = 0
    for part in (*parts, amount):
        part = min(part, amount - before)
        nets = (amount - before, amount - before - part)
        for event in follow_net(state, bought(amount), nets, None, pending_over, DIGEST):
            state = evolve(state, event)
        before += part
    points = balance(state, pending_over).earned
    assert balance(state, pending_over) == Balance(earned=points, spent=used, reversed=points - used, debt=used)
    if used:
        for event in decide(cancel_redemption(), state, context):
            state = evolve(state, event)  # type: ignore[arg-type]
    assert balance(state, pending_over) == Balance(earned=points, reversed=points)


# ------------------------------------------------------------------------------------------------------------- the door


@pytest.mark.parametrize("points", [0, -1, MAX_POINTS + 1, "many", 1.5])
def test_a_redemption_is_of_one_point_or_more(points: object) -> None:
    with pytest.raises(ValidationError, match="points"):
        RedeemPoints.model_validate({"customer": "shop:1", "redemption_id": "V-1", "points": points})


@pytest.mark.parametrize("points", [0, MAX_POINTS + 1, -MAX_POINTS - 1])
def test_an_adjustment_changes_something(points: int) -> None:
    with pytest.raises(ValidationError, match="points"):
        AdjustPoints(customer="shop:1", points=points, reason="Sorry")


def test_an_adjustment_has_a_reason() -> None:
    with pytest.raises(ValidationError, match="reason"):
        AdjustPoints.model_validate({"customer": "shop:1", "points": 5})
    with pytest.raises(ValidationError, match="reason"):
        AdjustPoints.model_validate({"customer": "shop:1", "points": 5, "reason": None})


# --------------------------------------------------------------------------------------------------- moves told late


def at_day(command: MembershipCommand, on: int) -> MembershipCommand:
    return command.model_copy(update={"occurred_at": to_datetime(day(on))})


def test_a_move_is_decided_on_what_stood_at_its_own_instant() -> None:
    history = member(MembershipSuspended(at=day(9)), earned("A", 10, on=10))
    history.when(at_day(CANCEL, 5)).then(MembershipCancelled(at=day(5)))
    history.when(at_day(SUSPEND, 5)).then(MembershipSuspended(at=day(5)))
    history.when(at_day(RESUME, 5)).then(MembershipResumed(at=day(5)))
    history.when(at_day(SUSPEND, 9)).then()
    history.when(at_day(SUSPEND, -1)).then_rejected("not_a_member")


def test_moves_lead_on_in_order_of_time() -> None:
    told = [MembershipEnrolled(at=day(0)), MembershipCancelled(at=day(9)), MembershipSuspended(at=day(3))]
    state: Membership = fold(MEMBERSHIP, *told, MembershipResumed(at=day(6)))
    assert (state.status, state.in_force) == (MembershipStatus.CANCELLED, ((day(0), day(3)), (day(6), day(9))))
