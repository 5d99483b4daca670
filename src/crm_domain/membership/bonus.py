"""Bonus points: what a rule gives beside what an order earns, and what a return or a correction takes back.

A number of points is given whole, and taken back whole once the order is worth nothing. Points for each unit of
currency follow the order: of a category, in proportion, as a return doesn't say which lines came back.

Whether an occasion is there is found out at the edge; what follows from it is worked out here. The invariants are those
of the membership's `decider`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from decimal import Decimal

from msgspec import Struct

from regulars.crm_domain.instant import DAY
from regulars.crm_domain.membership.decider import BonusEarned, BonusReversed, Membership, was_in_force
from regulars.crm_domain.membership.ledger import Lot, lot_of_bonus
from regulars.crm_domain.money import exponent_of
from regulars.crm_domain.points import (
    MAX_POINTS,
    BonusRule,
    Occasion,
    PointsPolicy,
    available_at,
    expires_at,
    points_for,
)
from regulars.crm_domain.purchase import PurchaseRecorded


class Cause(Struct, frozen=True, kw_only=True):
    """What a bonus is given for. `key` is the id of the stream of the order's record, or of the survey.

    Beside it stands what may be said of it where the points are: the order's id, the survey's, or who was referred.
    """

    key: str
    order_id: str | None = None
    survey_id: str | None = None
    referred_id: str | None = None


class BonusTerms(Struct, frozen=True, kw_only=True):
    """What a rule gives: `points`, or `per_unit` where that is known; no order below the amount `minimum` counts."""

    rule: str
    occasion: Occasion
    points: int
    per_unit: Decimal | None
    skus: tuple[str, ...]
    minimum: Decimal
    available_at: int
    expires_at: int


def bonus_terms(rule: BonusRule, policy: PointsPolicy, at: int) -> BonusTerms:
    """The terms of a rule for what happened at an instant.

    What an order brings can be spent when its points can, or after the days that the rule has it kept; what nothing
    can take back, at once.
    """
    begins = {"referral": at + rule.keep_days * DAY, "survey_answered": at}.get(rule.on, available_at(at, policy))
    return BonusTerms(
        rule=rule.id,
        occasion=rule.on,
        points=rule.points or 0,
        per_unit=rule.per_unit,
        skus=rule.skus,
        minimum=rule.minimum,
        available_at=begins,
        expires_at=expires_at(begins if rule.on == "referral" else at, policy),
    )


def terms_of_bonus(lot: Lot) -> BonusTerms:
    """The terms on which a lot was given, the first of its cause."""
    assert lot.rule is not None
    assert lot.occasion is not None
    return BonusTerms(
        rule=lot.rule,
        occasion=lot.occasion,
        points=lot.points,
        per_unit=None if lot.per_unit is None else Decimal(lot.per_unit),
        skus=lot.skus,
        minimum=Decimal(lot.minimum or 0),
        available_at=lot.available_at,
        expires_at=lot.expires_at,
    )


def bonus_worth(terms: BonusTerms, order: PurchaseRecorded, net: int) -> int:
    """The points that an order brings while `net` minor units of it are kept; none where it isn't what is asked for."""
    if net <= 0 or _is_below(order, terms.minimum) or not _matches(order, terms.skus):
        return 0
    if terms.per_unit is None:
        return min(terms.points, MAX_POINTS)
    return points_for(counted(order, terms.skus) * net // order.amount, order.currency, terms.per_unit)


def counted(order: PurchaseRecorded, skus: tuple[str, ...]) -> int:
    """The minor units of an order that count for some items, or for any where none are named: what their lines say, at
    most all of it; all of it, too, where every line is of them and one doesn't say its amount.
    """
    its = [line.amount for line in order.lines if is_one_of(line.sku, skus)]
    if not skus or (len(its) == len(order.lines) and None in its):
        return order.amount
    return min(sum(amount or 0 for amount in its), order.amount)


def is_one_of(sku: str, skus: Iterable[str]) -> bool:
    """Whether an item is one of some, where `tea-*` is all whose name begins so."""
    return any(sku.startswith(each[:-1]) if each.endswith("*") else sku == each for each in skus)


def _is_below(order: PurchaseRecorded, minimum: Decimal) -> bool:
    numerator, denominator = minimum.as_integer_ratio()
    return order.amount * denominator < numerator * int(10 ** exponent_of(order.currency))


def _matches(order: PurchaseRecorded, skus: tuple[str, ...]) -> bool:
    return not skus or any(is_one_of(line.sku, skus) for line in order.lines)


def give_bonus(
    state: Membership, terms: BonusTerms, cause: Cause, points: int, happened_at: int, at: int, rules_digest: str | None
) -> tuple[BonusEarned, ...]:
    """The bonus for a cause, once, if a membership was in force when that happened. Invariants 2 and 8."""
    lot_id = lot_of_bonus(terms.rule, cause.key)
    if points <= 0 or lot_id in state.lots or not was_in_force(state, happened_at):
        return ()
    return (_given(state, terms, cause, lot_id, points, at, rules_digest),)


def has_bonuses(state: Membership) -> bool:
    """Whether any rule ever gave anything."""
    return any(lot.rule is not None for lot in state.lots.values())


def bonus_lots(state: Membership, key: str) -> list[Lot]:
    """The first lot of each rule that gave something for a cause, by its key."""
    return [lot for lot in state.lots.values() if lot.rule is not None and lot.lot_id == lot_of_bonus(lot.rule, key)]


def follow_bonuses(
    state: Membership,
    key: str,
    order: PurchaseRecorded,
    nets: tuple[int, int],
    at: int,
    rules_digest: str | None,
    *,
    outside: bool = False,
) -> tuple[BonusEarned | BonusReversed, ...]:
    """What is taken back of the bonuses for an order that is worth less than before, or given again where it is worth
    more.

    `nets` are its minor units before and after, of one that was placed while this membership was in force; it loses all
    where it turns out to be placed `outside`. Invariants 2 and 8.
    """
    found: list[BonusEarned | BonusReversed] = []
    for lot in bonus_lots(state, key):
        terms = terms_of_bonus(lot)
        before, after = (bonus_worth(terms, order, net) for net in nets)
        if before == after:
            continue
        if after > before:
            found.append(_given_again(state, lot, cause_of(lot, key), after - before, at, rules_digest))
            continue
        found.append(_taken(state, lot, cause_of(lot, key), before - after, at, rules_digest, outside=outside))
    return tuple(found)


def follow_course_of_bonuses(
    before: Membership,
    state: Membership,
    key: str,
    order: PurchaseRecorded,
    net: int,
    placed_at: int,
    rules_digest: str | None,
) -> tuple[BonusEarned | BonusReversed, ...]:
    """What of the bonuses for an order is lost where this membership turns out not to have been in force when it was
    placed, or given back where it was after all. `before` is the membership as it was known.

    `net` is what the order is worth, in minor units.
    """
    was = was_in_force(before, placed_at)
    if was == was_in_force(state, placed_at):
        return ()
    nets = (net, 0) if was else (0, net)
    return follow_bonuses(state, key, order, nets, placed_at, rules_digest, outside=was)


def follow_course_of_answers(
    before: Membership, state: Membership, cause: Cause, answered_at: Collection[int], rules_digest: str | None
) -> tuple[BonusEarned | BonusReversed, ...]:
    """What of the bonuses for answering a survey is lost where this membership turns out not to have been in force at
    any answer to it, or given back where it was after all. `before` is the membership as it was known.
    """
    was, is_now = (any(was_in_force(each, at) for at in answered_at) for each in (before, state))
    lots, at = bonus_lots(state, cause.key), min(answered_at)
    if was and not is_now:
        return tuple(_taken(state, lot, cause, lot.points, at, rules_digest, outside=True) for lot in lots)
    if is_now and not was:
        return tuple(_given_again(state, lot, cause, lot.points, at, rules_digest) for lot in lots)
    return ()


def cause_of(lot: Lot, key: str) -> Cause:
    """For what an order's lot was given, with the key of that or of the record that took its place."""
    return Cause(key=key, order_id=lot.order_id, referred_id=lot.referred_id)


def _taken(
    state: Membership, lot: Lot, cause: Cause, points: int, at: int, rules_digest: str | None, *, outside: bool
) -> BonusReversed:
    terms = terms_of_bonus(lot)
    return BonusReversed(
        at=max(at, state.last_at),
        lot_id=lot.lot_id,
        points=points,
        rule=terms.rule,
        occasion=terms.occasion,
        order_id=cause.order_id,
        referred_id=cause.referred_id,
        rules_digest=rules_digest,
        outside=outside,
        survey_id=cause.survey_id,
    )


def _given_again(
    state: Membership, lot: Lot, cause: Cause, points: int, at: int, rules_digest: str | None
) -> BonusEarned:
    terms, again = terms_of_bonus(lot), 1
    while (lot_id := lot_of_bonus(terms.rule, cause.key, again)) in state.lots:
        again += 1
    return _given(state, terms, cause, lot_id, points, at, rules_digest)


def _given(
    state: Membership,
    terms: BonusTerms,
    cause: Cause,
    lot_id: str,
    points: int,
    at: int,
    rules_digest: str | None,
) -> BonusEarned:
    return BonusEarned(
        at=max(at, state.last_at),
        lot_id=lot_id,
        points=points,
        rule=terms.rule,
        occasion=terms.occasion,
        available_at=terms.available_at,
        expires_at=terms.expires_at,
        order_id=cause.order_id,
        survey_id=cause.survey_id,
        referred_id=cause.referred_id,
        per_unit=None if terms.per_unit is None else str(terms.per_unit),
        skus=terms.skus,
        minimum=str(terms.minimum) if terms.minimum else None,
        rules_digest=rules_digest,
    )
