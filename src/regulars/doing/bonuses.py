"""Bonus points, in the transaction of what they are given for: an order, an answer to a survey, a referral told late.

What was decided isn't decided again: an order that is recorded anew brings what its earlier record brought, on the same
terms, as far as it is still what those asked for; beside that, it brings what the rules in force give for it that had
given nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from regulars.adapters.log.event_log import Draft, Search
from regulars.crm_domain.command import Command
from regulars.crm_domain.customer import ReferralMade
from regulars.crm_domain.event import Event, Recorded
from regulars.crm_domain.interaction import SurveyAnswered
from regulars.crm_domain.membership import (
    BonusEarned,
    BonusReversed,
    BonusTerms,
    Cause,
    Membership,
    bonus_lots,
    bonus_terms,
    bonus_worth,
    cause_of,
    follow_bonuses,
    follow_course_of_answers,
    follow_course_of_bonuses,
    give_bonus,
    terms_of_bonus,
    was_in_force,
)
from regulars.crm_domain.points import BonusRule, Occasion
from regulars.crm_domain.purchase import (
    PURCHASE,
    Purchase,
    PurchaseRecorded,
    PurchaseVoided,
    ReassignPurchase,
    ReturnedTotalRecorded,
    ReturnRecorded,
)
from regulars.crm_domain.survey import SURVEY
from regulars.doing import orders
from regulars.doing.identities import ever_one_with, family_of
from regulars.doing.occasions import (
    ONCE,
    Order,
    is_earliest,
    is_in_month_of,
    membership_then,
    memberships_of,
    memberships_rewarded,
    others_rewarded,
    rewarded,
)
from regulars.doing.orders import Placed, placed_in, placed_within, record_of, stream_of_record
from regulars.doing.unit_of_work import Target, UnitOfWork

#: The occasions on which an order may bring something.
OF_ORDERS: tuple[Occasion, ...] = ("first_order", "birthday_month", "category", "referral")


def move_bonuses(
    work: UnitOfWork,
    event: Event,
    before: Any,
    command: Command,
    target: Target,
    at: int,
    draft: int,
    *,
    placed_at: int | None = None,
) -> None:
    """Give what an event brings, or take back what it costs; `before` is the state before it, `draft` the index of its
    own draft.

    An order that is recorded anew was `placed_at` another instant.
    """
    match event:
        case PurchaseRecorded() if event.number > 1 or _rules(work, *OF_ORDERS):
            order = Order(
                recorded=event,
                net=event.amount,
                stream_id=target.stream_id,
                customer_id=target.customer_id,
                placed_at=at if placed_at is None else placed_at,
                at=at,
                command=command,
                draft=draft,
            )
            _bought(work, order)
        case ReturnRecorded() | ReturnedTotalRecorded() | PurchaseVoided():
            nets, bought_at = (before.net, work.state(target).net), placed_in(work, target.stream_id)
            for membership in memberships_rewarded(work, target.customer_id):
                state, digest = work.state(membership), work.pending.context.rules_digest
                if was_in_force(state, bought_at):
                    moved = follow_bonuses(state, target.stream_id, before.recorded, nets, at, digest)
                    _keep(work, moved, command, membership, draft)
        case SurveyAnswered(survey_id=str(survey_id)):
            _answered(work, survey_id, command, target, at, draft)
        case ReferralMade(referred_id=referred_id):
            _referred(work, referred_id, command, at, draft)
        case _:
            pass


def follow_late_bonuses(
    work: UnitOfWork,
    placed: Placed,
    record: Purchase,
    before: Membership,
    command: Command,
    target: Target,
    draft: int,
    *occasions: Occasion,
) -> None:
    """What an order loses or brings, on some occasions, where it turns out whether this membership was in force when it
    was placed: that of its customer, or of who referred them. `before` is the membership as it was known.
    """
    assert record.recorded is not None
    key, state, digest = placed.stream_id, work.state(target), work.pending.context.rules_digest
    moved = follow_course_of_bonuses(before, state, key, record.recorded, record.net, placed.at, digest)
    _keep(work, moved, command, target, draft)
    rules = _rules(work, *occasions)
    if rules and was_in_force(state, placed.at):
        order = _order_of(work, placed, record, command, draft)
        given = _given_for(work, order)
        for terms, membership, cause in _brought(work, rules, order):
            if (terms.rule, cause.order_id) not in given:
                _give_on(work, terms, order, membership, cause)


def follow_late_answers(
    work: UnitOfWork, before: Membership, command: Command, target: Target, at: int, draft: int
) -> None:
    """What answers to surveys lose or bring where it turns out whether this membership was in force when they were
    given, at an instant or later. `before` is the membership as it was known.
    """
    for survey_id, answered_at in _answers(work, target.customer_id).items():
        if max(answered_at) < at:
            continue
        state, digest = work.state(target), work.pending.context.rules_digest
        cause = Cause(key=work.stream_of(SURVEY, survey_id), survey_id=survey_id)
        _keep(work, follow_course_of_answers(before, state, cause, answered_at, digest), command, target, draft)
        rewarded_at = min((each for each in answered_at if was_in_force(state, each)), default=None)
        if rewarded_at is not None:
            _answered(work, survey_id, command, target, rewarded_at, draft)


def _bought(work: UnitOfWork, order: Order) -> None:
    is_anew = order.recorded.number > 1 and not isinstance(order.command, ReassignPurchase)
    decided = _carry_over(work, order) if is_anew else frozenset[str]()
    _decide(work, [rule for rule in _rules(work, *OF_ORDERS) if rule.id not in decided], order)


def _carry_over(work: UnitOfWork, order: Order) -> frozenset[str]:
    """Give again what earlier records of an order brought: the rules of which that is decided."""
    decided: set[tuple[str, str]] = set()
    for number in range(order.recorded.number - 1, 0, -1):
        key = stream_of_record(work, order.recorded.order_id, number)
        placed_at = orders.placed_at(work.stream(key, PURCHASE))
        is_same_month = placed_at is not None and is_in_month_of(work, placed_at, order.placed_at)
        for membership in memberships_rewarded(work, order.customer_id):
            for lot in bonus_lots(work.state(membership), key):
                terms, one = terms_of_bonus(lot), (membership.stream_id, str(lot.rule))
                if one in decided or (lot.occasion == "birthday_month" and not is_same_month):
                    continue
                decided.add(one)
                if lot.occasion not in ONCE or not others_rewarded(work, terms.rule, order):
                    _give_on(work, terms, order, membership, cause_of(lot, order.stream_id))
    return frozenset(rule for _, rule in decided)


def _answered(work: UnitOfWork, survey_id: str, command: Command, target: Target, at: int, draft: int) -> None:
    """An answer is rewarded once for each survey, of those who were asked as far as that is known."""
    rules, policy = _rules(work, "survey_answered"), work.pending.context.points
    if not rules or policy is None:
        return
    key = work.stream_of(SURVEY, survey_id)
    asked = work.stream(key, SURVEY).customer_id
    if asked is not None and asked not in ever_one_with(work, target.customer_id):
        return
    membership = membership_then(work, target.customer_id, at)
    theirs = memberships_of(work, target.customer_id)
    given = {lot.rule for each in theirs for lot in bonus_lots(work.state(each), key)}
    for rule in rules:
        if rule.id not in given:
            state, digest = work.state(membership), work.pending.context.rules_digest
            terms, cause = bonus_terms(rule, policy, at), Cause(key=key, survey_id=survey_id)
            earned = give_bonus(state, terms, cause, terms.points, at, at, digest)
            _keep(work, earned, command, membership, draft)


def _answers(work: UnitOfWork, customer_id: str) -> Mapping[str, list[int]]:
    """When the surveys were answered that a customer's family answered, by their ids."""
    family, found = family_of(work, customer_id), dict[str, list[int]]()
    search = Search(customer_ids=family, types=frozenset[type[Event]]({SurveyAnswered}), oldest_first=True)
    told: list[Recorded[Event] | Draft] = [*work.tx.log.every(search)]
    told += (draft for draft in work.pending.drafts if draft.customer_id in family)
    for each in told:
        if isinstance(each.event, SurveyAnswered) and each.event.survey_id is not None:
            found.setdefault(each.event.survey_id, []).append(each.occurred_at)
    return found


def _referred(work: UnitOfWork, referred_id: str, command: Command, at: int, draft: int) -> None:
    """A referral that is told late rewards for the first order that was placed since, as if it had been told before."""
    rules = _rules(work, "referral")
    if not rules:
        return
    placed = (each for each in placed_within(work, family_of(work, referred_id), since=at))
    first = min((each for each in placed if record_of(work, each.stream_id).voided is None), default=None)
    if first is not None:
        order = _order_of(work, first, record_of(work, first.stream_id), command, draft)
        rewarded_by = {rule for rule, _ in _given_for(work, order)}
        _decide(work, [rule for rule in rules if rule.id not in rewarded_by], order)


# ------------------------------------------------------------------------------------------------------------- giving


def _rules(work: UnitOfWork, *occasions: Occasion) -> list[BonusRule]:
    return [rule for rule in work.pending.context.earn if rule.on in occasions]


def _order_of(work: UnitOfWork, placed: Placed, record: Purchase, command: Command, draft: int) -> Order:
    """An order of which it is decided now what it brings, as of when it was placed."""
    owner = work.stream(placed.stream_id, PURCHASE).customer_id
    assert record.recorded is not None
    assert owner is not None
    return Order(
        recorded=record.recorded,
        net=record.net,
        stream_id=placed.stream_id,
        customer_id=owner,
        placed_at=placed.at,
        at=placed.at,
        command=command,
        draft=draft,
    )


def _decide(work: UnitOfWork, rules: Iterable[BonusRule], order: Order) -> None:
    """Give what rules in force give for an order."""
    for terms, membership, cause in _brought(work, rules, order):
        _give_on(work, terms, order, membership, cause)


def _given_for(work: UnitOfWork, order: Order) -> set[tuple[str | None, str | None]]:
    """The rules that gave anything for an order, each with the order's id, or None where it rewarded the referrer."""
    memberships = map(work.state, memberships_rewarded(work, order.customer_id))
    return {(lot.rule, lot.order_id) for state in memberships for lot in bonus_lots(state, order.stream_id)}


def _brought(work: UnitOfWork, rules: Iterable[BonusRule], order: Order) -> Iterator[tuple[BonusTerms, Target, Cause]]:
    """What rules in force bring for an order, where their occasions are there: to whose membership, and for what."""
    policy = work.pending.context.points
    if policy is None:
        return
    on = [(rule, bonus_terms(rule, policy, order.placed_at)) for rule in rules]
    on = [(rule, terms) for rule, terms in on if bonus_worth(terms, order.recorded, order.net) > 0]
    if any(rule.on in ONCE for rule, _ in on) and not is_earliest(work, order):
        on = [(rule, terms) for rule, terms in on if rule.on not in ONCE]
    for rule, terms in on:
        yield from ((terms, membership, cause) for membership, cause in rewarded(work, rule, order))


def _give_on(work: UnitOfWork, terms: BonusTerms, order: Order, membership: Target, cause: Cause) -> None:
    points, digest = bonus_worth(terms, order.recorded, order.net), work.pending.context.rules_digest
    earned = give_bonus(work.state(membership), terms, cause, points, order.placed_at, order.at, digest)
    _keep(work, earned, order.command, membership, order.draft)


def _keep(
    work: UnitOfWork, moved: Iterable[BonusEarned | BonusReversed], command: Command, membership: Target, draft: int
) -> None:
    for each in moved:
        work.keep(each, command, membership, each.at, caused_by=draft)
