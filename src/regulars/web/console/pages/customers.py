"""The customers: those with a stage, a tier, a risk or in a segment, in an order, or whose name has a part."""

from __future__ import annotations

from regulars.asking.customers import Order
from regulars.asking.views import Lane
from regulars.web.console.page import Answer, Asked, Page, Shown
from regulars.web.console.reading import one_of
from regulars.web.console.words import N_

SIZE = 50

#: What a list may be in order of, as people call it.
ORDERS: dict[Order, str] = {
    "risk": N_("risk"),
    "spend": N_("spend"),
    "last_order": N_("last order"),
    "known_since": N_("known since"),
    "id": N_("first recorded"),
}
_LANES: tuple[Lane, ...] = ("stage", "tier", "risk")


def show(asked: Asked) -> Answer:
    """A page of the list. A search is sent as a form, as addresses hold no names; its next page too."""
    crm = asked.crm
    text = asked.form.get("text", "").strip()  # of a form alone: an address with a name in it searches for nothing
    choices = {lane: crm.values(lane) for lane in _LANES}
    given = {lane: one_of(asked, lane, choices[lane]) for lane in _LANES}
    order = one_of(asked, "order", ORDERS) or "risk"
    page = crm.customers(
        stage=given["stage"],
        tier=given["tier"],
        risk_band=given["risk"],
        segment=asked.field("segment") or None,
        text=text or None,
        order=order,
        as_of=asked.as_of,
        known_at=asked.known_at,
        limit=SIZE,
        after=asked.field("after") or None,
    )
    values = {
        "page": page,
        "choices": choices,
        "given": given,
        "order": order,
        "orders": ORDERS,
        "segment": asked.field("segment"),
        "segments": [each.id for each in crm.ruleset.segment],
        "text": text,
    }
    return Shown(template="customers.html", values=values, fragment="customers")


PAGE = Page(path="/customers", title=N_("Customers"), handler=show, in_navigation=True, sends=True)
