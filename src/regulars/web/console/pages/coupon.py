"""One coupon: what it takes off and how often, the orders that redeemed it; ended, and issued to somebody."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from regulars.crm_domain.coupon import EndCoupon
from regulars.crm_domain.issued_coupon import IssueCoupon
from regulars.web.console.acts import Act, done, said
from regulars.web.console.page import Answer, Asked, GoTo, Page, Shown
from regulars.web.console.pages.campaigns import campaigns_of
from regulars.web.console.words import N_

_IN_FORCE = frozenset({"upcoming", "valid"})
ACTS: Mapping[str, Act] = {
    "end": Act(EndCoupon, (), _IN_FORCE, for_good=True),
    "issue": Act(IssueCoupon, (), _IN_FORCE),
}
#: So many orders are shown at most.
SIZE = 100


def show(asked: Asked) -> Answer:
    """The coupon as of an instant, or what was done about it."""
    coupon_id = asked.at["coupon"]
    if asked.sent:
        return _done(asked, coupon_id)
    found = asked.crm.coupon(coupon_id, as_of=asked.as_of, known_at=asked.known_at)
    is_now = asked.as_of is None and asked.known_at is None
    values = {
        "coupon": found.coupon,
        "uses": found.uses[:SIZE],
        "more": max(0, len(found.uses) - SIZE),
        "campaigns": campaigns_of(asked, coupon_id=found.coupon.coupon_id),
        "acts": [name for name, act in ACTS.items() if is_now and found.coupon.status in act.states],
    }
    return Shown(template="coupon.html", values=values)


def _done(asked: Asked, coupon_id: str) -> Answer:
    """A code that was issued is shown on the page of whoever has it, as it is theirs."""
    if asked.field("act") != "issue":
        outcome = done(asked, ACTS, coupon_id=coupon_id)
        return GoTo(address=asked.links.to(f"/coupons/{quote(coupon_id, safe='')}"), said=said(asked, outcome))
    who = asked.crm.find(asked.field("customer"))
    outcome = done(asked, ACTS, coupon_id=coupon_id, customer=f"id:{who}")
    return GoTo(address=asked.links.to(f"/customers/{who}"), said=said(asked, outcome))


PAGE = Page(path="/coupons/{coupon:path}", title=N_("Coupon"), handler=show, sends=True)
