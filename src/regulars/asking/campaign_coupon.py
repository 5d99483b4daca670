"""The coupon that a campaign names: whether it can be offered, and the code that each customer is told.

One with personal codes is issued to everybody who is treated, at the launch. Of another one the id is everybody's code.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from functools import reduce

from regulars.adapters.store.transaction import Transaction
from regulars.asking.campaign_audience import Members
from regulars.asking.campaigns import campaign_events, state_of
from regulars.crm_domain.campaign import CampaignPlan
from regulars.crm_domain.command import CustomerId
from regulars.crm_domain.coupon import COUPON, Coupon, CouponEvent, require_offerable
from regulars.crm_domain.coupon_code import normal_form, shown
from regulars.crm_domain.event import Event, Recorded
from regulars.crm_domain.issued_coupon import ISSUED_COUPONS, CouponIssued
from regulars.session.session import Session
from regulars.session.traced import traced


def coupon_of(session: Session, tx: Transaction, plan: CampaignPlan) -> Coupon | None:
    """The series that a plan names as it stands; None for a plan without one. One that isn't there has no content."""
    if plan.coupon_id is None:
        return None
    events = tx.log.streams([coupon_stream(session, plan.coupon_id)])
    return reduce(COUPON.evolve, map(_of_coupon, events), Coupon())


def coupon_stream(session: Session, coupon_id: str) -> str:
    """The id of the stream of a series."""
    return session.store.stream_of(COUPON.category, normal_form(coupon_id))


def _of_coupon(recorded: Recorded[Event]) -> CouponEvent:
    event = recorded.event
    assert isinstance(event, CouponEvent)
    return event


@traced("codes told")
def find_codes_told(session: Session, campaign_id: str, customer_ids: Iterable[CustomerId]) -> Mapping[CustomerId, str]:
    """The code of its coupon that each of some customers is told in a campaign. Raises NotFound."""
    wanted = list(customer_ids)
    with session.store.reading() as tx:
        plan = state_of(campaign_events(session, tx, campaign_id)).plan
        assert plan is not None
        families = tx.families(wanted)
        members = {each: families.members(each) for each in wanted}
        codes = codes_told(session, tx, coupon_of(session, tx, plan), set(members.values()))
    return {each: codes[family] for each, family in members.items() if family in codes}


def require_coupon(plan: CampaignPlan, coupon: Coupon | None, at: int, zone: str) -> None:
    """Raise Rejected `unknown_coupon` or `coupon_no_longer_valid` where a plan names a coupon that nobody could redeem
    who is told of it at an instant.
    """
    if coupon is not None and plan.coupon_id is not None:
        require_offerable(coupon, normal_form(plan.coupon_id), at, zone)


def codes_told(
    session: Session, tx: Transaction, coupon: Coupon | None, families: Collection[Members]
) -> Mapping[Members, str]:
    """The code that each of some families is told, as people read it; nothing of whom has none."""
    if coupon is None or coupon.created is None:
        return {}
    coupon_id = coupon.created.coupon_id
    if not coupon.created.is_personal:
        return dict.fromkeys(families, coupon_id)
    everyone = (each for members in families for each in members)
    streams = [session.store.stream_of(ISSUED_COUPONS.category, each) for each in everyone]
    issued: dict[str, str] = {}
    for each in tx.log.streams(streams):
        event = each.event
        if isinstance(event, CouponIssued) and event.coupon_id == coupon_id and event.code is not None:
            issued[each.customer_id] = shown(event.code)
    found = ((members, next((issued[each] for each in members if each in issued), None)) for members in families)
    return {members: code for members, code in found if code is not None}
