"""How what happened to a membership is told."""

from __future__ import annotations

from collections.abc import Iterator

from regulars.crm_domain.membership.decider import (
    BonusEarned,
    BonusReversed,
    Membership,
    MembershipCancelled,
    MembershipEnrolled,
    MembershipEvent,
    MembershipResumed,
    MembershipStatus,
    MembershipSuspended,
    PointsAdjusted,
    PointsEarned,
    PointsRedeemed,
    PointsReversed,
    RedemptionCancelled,
    TierOverrideGranted,
    TierOverrideLifted,
)
from regulars.crm_domain.wording import Field, Wording


def what(event: MembershipEvent) -> str:
    """What happened to a membership, in a few words."""
    match event:
        case MembershipEnrolled(program=program):
            return "membership begun" if program is None else f"membership in {program} begun"
        case MembershipSuspended():
            return "membership suspended"
        case MembershipResumed():
            return "membership resumed"
        case MembershipCancelled():
            return "membership cancelled"
        case PointsEarned(points=points, order_id=order_id):
            return f"{say_points(points)} earned on order {order_id}"
        case PointsRedeemed(points=points, redemption_id=redemption_id):
            return f"{say_points(points)} redeemed ({redemption_id})"
        case RedemptionCancelled(redemption_id=redemption_id):
            return f"redemption {redemption_id} cancelled"
        case PointsReversed(points=points, order_id=order_id):
            return f"{say_points(points)} taken back on order {order_id}"
        case BonusEarned(points=points):
            return f"{say_points(points)} earned {_for(event)}"
        case BonusReversed(points=points, rule=rule):
            return f"{say_points(points)} of the bonus {rule} taken back"
        case PointsAdjusted(points=points):
            return f"{say_points(abs(points))} {'added' if points > 0 else 'removed'} by hand"
        case TierOverrideGranted(tier=tier):
            return f"tier {tier} given by hand"
        case TierOverrideLifted():
            return "tier given by hand lifted"


def deed(event: MembershipEvent, who: str, other: str) -> str:
    """What happened to a membership, as somebody did it."""
    match event:
        case MembershipEnrolled(program=program):
            return f"enrolled {who}" if program is None else f"enrolled {who} in {program}"
        case MembershipSuspended():
            return f"suspended the membership of {who}"
        case MembershipResumed():
            return f"resumed the membership of {who}"
        case MembershipCancelled():
            return f"cancelled the membership of {who}"
        case PointsEarned(points=points, order_id=order_id):
            return f"gave {who} {say_points(points)} for order {order_id}"
        case PointsRedeemed(points=points, redemption_id=redemption_id):
            return f"redeemed {say_points(points)} of {who} as {redemption_id}"
        case RedemptionCancelled(redemption_id=redemption_id):
            return f"cancelled redemption {redemption_id} of {who}"
        case PointsReversed(points=points, order_id=order_id, outside=True):
            return f"took {say_points(points)} back from {who} for order {order_id}, placed while not a member"
        case PointsReversed(points=points, order_id=order_id, correction=correction):
            why = "a correction of" if correction else "a return on"
            return f"took {say_points(points)} back from {who} for {why} order {order_id}"
        case BonusEarned(points=points):
            return f"gave {who} {say_points(points)} {_for(event)}"
        case BonusReversed(points=points, order_id=str(order_id)):
            return f"took {say_points(points)} of the bonus {event.rule} back from {who} for order {order_id}"
        case BonusReversed(points=points, rule=rule, survey_id=str(survey_id)):
            return f"took {say_points(points)} of the bonus {rule} back from {who} for an answer to survey {survey_id}"
        case BonusReversed(points=points, rule=rule):
            return f"took {say_points(points)} of the bonus {rule} back from {who} for an order of who was referred"
        case PointsAdjusted(points=points) if points > 0:
            return f"gave {who} {say_points(points)} by hand"
        case PointsAdjusted(points=points):
            return f"took {say_points(-points)} from {who} by hand"
        case TierOverrideGranted(tier=tier):
            return f"gave {who} the tier {tier} by hand"
        case TierOverrideLifted():
            return f"lifted the tier that {who} was given by hand"


def fields(state: Membership) -> Iterator[Field]:
    """What the audit compares of a membership."""
    yield "membership", None if state.status is MembershipStatus.NONE else str(state.status)
    yield "program", state.program
    outstanding = sum(lot.remaining for lot in state.lots.values()) - sum(state.debts.values())
    yield "points", str(outstanding) if state.lots else None  # pending and expired ones included
    yield "tier", None if state.override is None else state.override.tier


def _for(event: BonusEarned) -> str:
    """What a bonus was for."""
    match event.occasion:
        case "first_order":
            why = f"as the first order {event.order_id}"
        case "birthday_month":
            why = f"on order {event.order_id} in the month of a birthday"
        case "category":
            why = f"on items of order {event.order_id}"
        case "survey_answered":
            why = f"for an answer to survey {event.survey_id}"
        case "referral" if event.order_id is None:
            why = "for having referred somebody who bought"
        case "referral":
            why = f"on order {event.order_id}, having been referred"
    return f"{why} (bonus {event.rule})"


def say_points(points: int) -> str:
    """So many points, in words."""
    return "1 point" if points == 1 else f"{points} points"


WORDING = Wording(what=what, deed=deed, fields=fields)
