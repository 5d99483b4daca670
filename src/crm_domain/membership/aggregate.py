"""The membership as a value."""

from __future__ import annotations

from typing import get_args

from regulars.crm_domain.aggregate import Aggregate, InTheClear, addressed
from regulars.crm_domain.membership.decider import (
    MEMBERSHIP,
    AdjustPoints,
    BonusEarned,
    BonusReversed,
    CancelMembership,
    CancelRedemption,
    EnrollMember,
    GrantTierOverride,
    LiftTierOverride,
    MembershipEnrolled,
    MembershipEvent,
    PointsAdjusted,
    PointsEarned,
    PointsRedeemed,
    PointsReversed,
    RedeemPoints,
    RedemptionCancelled,
    ResumeMembership,
    SuspendMembership,
    TierOverrideGranted,
)
from regulars.crm_domain.membership.examples import examples
from regulars.crm_domain.membership.wording import WORDING

AGGREGATE = Aggregate(
    decider=MEMBERSHIP,
    events=get_args(MembershipEvent),
    commands=addressed(
        EnrollMember,
        SuspendMembership,
        ResumeMembership,
        CancelMembership,
        RedeemPoints,
        CancelRedemption,
        AdjustPoints,
        GrantTierOverride,
        LiftTierOverride,
        customer="customer",
        own=True,
    ),
    wording=WORDING,
    examples=examples,
    in_the_clear=(
        InTheClear(fields=("program",), events=(MembershipEnrolled,), why="a word to group members by"),
        InTheClear(
            fields=("lot_id",),
            events=(PointsEarned, PointsAdjusted, BonusEarned, BonusReversed),
            why="an id that points are accounted for by",
        ),
        InTheClear(
            fields=("taken.lot_id",),
            events=(PointsRedeemed, PointsAdjusted),
            why="an id that points are accounted for by",
        ),
        InTheClear(
            fields=("order_id",),
            events=(PointsEarned, PointsReversed, BonusEarned, BonusReversed),
            why="the number that the shop gave the order",
        ),
        InTheClear(fields=("return_id",), events=(PointsReversed,), why="the number that the shop gave the return"),
        InTheClear(fields=("per_unit",), events=(PointsEarned, BonusEarned), why="a number, as exact text"),
        InTheClear(fields=("minimum",), events=(BonusEarned,), why="an amount of the rules, as exact text"),
        InTheClear(fields=("rule",), events=(BonusEarned, BonusReversed), why="a word of the rules"),
        InTheClear(
            fields=("survey_id",), events=(BonusEarned, BonusReversed), why="the number by which a survey is found"
        ),
        InTheClear(fields=("referred_id",), events=(BonusEarned, BonusReversed), why="a random id, which says nothing"),
        InTheClear(fields=("skus",), events=(BonusEarned,), why="items of the shop, as the rules name them"),
        InTheClear(
            fields=("redemption_id",),
            events=(PointsRedeemed, RedemptionCancelled),
            why="the number of a voucher, by which a redemption is found",
        ),
        InTheClear(
            fields=("adjustment_id",),
            events=(PointsAdjusted,),
            why="the id that it has outside, by which an adjustment is found",
        ),
        InTheClear(fields=("tier",), events=(TierOverrideGranted,), why="a word of the rules"),
        InTheClear(
            fields=("rules_digest",),
            events=(PointsEarned, PointsReversed, PointsAdjusted, BonusEarned, BonusReversed),
            why="says which rules decided",
        ),
    ),
)
