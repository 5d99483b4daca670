"""Whether the occasion of a rule of bonus points is there with an order, and whose membership is rewarded."""

from __future__ import annotations

from contextlib import suppress
from datetime import date
from zoneinfo import ZoneInfo

from msgspec import Struct

from regulars.asking.lunar import lunar_month
from regulars.crm_domain.birthday import Birthday, parse_birthday
from regulars.crm_domain.command import Command
from regulars.crm_domain.customer import CUSTOMER
from regulars.crm_domain.errors import StoreUnusable
from regulars.crm_domain.instant import to_datetime
from regulars.crm_domain.membership import Cause, was_in_force
from regulars.crm_domain.points import BonusRule, Occasion
from regulars.crm_domain.purchase import PURCHASE, PurchaseRecorded
from regulars.doing.identities import ever_one_with, family_of
from regulars.doing.memberships import first_membership, own_membership
from regulars.doing.orders import placed_within, record_of
from regulars.doing.referrals import Referral, referral_before, referrals_of, shared_contact
from regulars.doing.unit_of_work import Target, UnitOfWork

#: The occasions on which a rule rewards a customer but once.
ONCE: tuple[Occasion, ...] = ("first_order", "referral")


class Order(Struct, frozen=True, kw_only=True):
    """A record of an order that may bring bonuses: whose it is, what it is worth, and when it was placed.

    `command` leads to them, by the draft with the index `draft`; `at` is when they are given.
    """

    recorded: PurchaseRecorded
    net: int
    stream_id: str
    customer_id: str
    placed_at: int
    at: int
    command: Command
    draft: int


def rewarded(work: UnitOfWork, rule: BonusRule, order: Order) -> list[tuple[Target, Cause]]:
    """Whose membership a rule gives to for an order, and for what; nobody's where its occasion isn't there.

    One that comes but ONCE is asked of the earliest order alone.
    """
    own = membership_then(work, order.customer_id, order.placed_at)
    for_itself = [(own, Cause(key=order.stream_id, order_id=order.recorded.order_id))]
    match rule.on:
        case "category":
            return for_itself
        case "first_order":
            return [] if others_rewarded(work, rule.id, order) else for_itself
        case "birthday_month":
            return for_itself if _is_in_birthday_month(work, order) else []
        case "referral":
            referral = _rewarded_referral(work, rule, order)
            if referral is None:
                return []
            referrer = membership_then(work, referral.referrer_id, order.placed_at)
            for_referring = [(referrer, Cause(key=order.stream_id, referred_id=order.customer_id))]
            sides = {"referrer": for_referring, "referred": for_itself, "both": [*for_referring, *for_itself]}
            return sides[rule.rewards_whom]
        case "survey_answered":
            return []


def membership_then(work: UnitOfWork, customer_id: str, at: int) -> Target:
    """The membership of a customer's family that was in force at an instant; their own where none was."""
    return first_membership(work, customer_id, family_of(work, customer_id), lambda state: was_in_force(state, at))


def memberships_of(work: UnitOfWork, customer_id: str) -> list[Target]:
    """The memberships of all who are or were one with a customer, each once."""
    return [own_membership(work, each) for each in dict.fromkeys(ever_one_with(work, customer_id))]


def memberships_rewarded(work: UnitOfWork, customer_id: str) -> list[Target]:
    """The memberships in which an order of a customer may have brought anything: theirs, and those of whoever referred
    them.
    """
    found = memberships_of(work, customer_id)
    for each in referrals_of(work, customer_id):
        found += (membership for membership in memberships_of(work, each.referrer_id) if membership not in found)
    return found


def is_in_month_of(work: UnitOfWork, one: int, other: int) -> bool:
    """Whether two instants lie in the same month of the same year, in the business's zone."""
    first, second = (_day(work, each) for each in (one, other))
    return (first.year, first.month) == (second.year, second.month)


# ------------------------------------------------------------------------------------------------------ first orders


def others_rewarded(work: UnitOfWork, rule: str, order: Order) -> bool:
    """Whether a rule gave anything, to an order's customer or to who referred them, for another order that stands, of
    anybody of that customer's family.
    """
    theirs = frozenset(family_of(work, order.customer_id))
    memberships = map(work.state, memberships_rewarded(work, order.customer_id))
    lots = (lot for state in memberships for lot in state.lots.values() if lot.rule == rule and lot.occasion in ONCE)
    streams = {lot.lot_id.rpartition(":")[2] for lot in lots} - {order.stream_id}
    return any(work.stream(each, PURCHASE).customer_id in theirs and _stands(work, each) for each in streams)


def is_earliest(work: UnitOfWork, order: Order) -> bool:
    """Whether no order that stands was placed before by anybody of a customer's family."""
    family = family_of(work, order.customer_id)
    earlier = placed_within(work, family, until=order.placed_at - 1)
    return not any(_stands(work, each.stream_id) for each in earlier)


def _stands(work: UnitOfWork, stream_id: str) -> bool:
    record = record_of(work, stream_id)
    return record.recorded is not None and record.voided is None


# ---------------------------------------------------------------------------------------------------------- birthdays


def _is_in_birthday_month(work: UnitOfWork, order: Order) -> bool:
    """Whether an order was placed in the month of its customer's birthday, or of that of who is one with them.

    It is remarked where that can't be told of a birthday of the lunar calendar.
    """
    born = _birthday(work, order.customer_id)
    if born is None:
        return False
    day = _day(work, order.placed_at)
    try:
        return born.month == (lunar_month(day) if born.calendar == "lunar" else day.month)
    except StoreUnusable as reason:
        remark = f"there may be a bonus for the month of the birthday: {reason}"
        work.pending.put(work.pending.remarks, order.draft, remark)
        return False


def _birthday(work: UnitOfWork, customer_id: str) -> Birthday | None:
    for member in (customer_id, *family_of(work, customer_id)):
        told = work.stream(member, CUSTOMER).state.birthday
        if told is not None:
            with suppress(ValueError):
                return parse_birthday(told)
    return None


def _day(work: UnitOfWork, at: int) -> date:
    return to_datetime(at).astimezone(ZoneInfo(work.pending.context.zone)).date()


# ---------------------------------------------------------------------------------------------------------- referrals


def _rewarded_referral(work: UnitOfWork, rule: BonusRule, order: Order) -> Referral | None:
    """The referral that the first order of who was referred is rewarded for.

    It is remarked where those two may be one person.
    """
    referral = referral_before(work, order.customer_id, order.placed_at)
    if referral is None or others_rewarded(work, rule.id, order):
        return None
    referrers, family = (family_of(work, each) for each in (referral.referrer_id, order.customer_id))
    shared = shared_contact(work, referrers, family)
    if shared is None:
        return referral
    remark = (
        "the referral of this customer is not rewarded: they and who referred them have the same "
        f"{shared}, so they may be one person"
    )
    work.pending.put(work.pending.remarks, order.draft, remark)
    return None
