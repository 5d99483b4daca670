"""The customers: those with a stage, a tier, a risk or in a segment, in an order, or whose name has a part."""

from __future__ import annotations

import re
from typing import get_args

from regulars.asking.customers import Order, lane_values
from regulars.crm_domain.customer import Kind
from regulars.web.console.narrowing import narrowed
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
_LANES = ("stage", "tier", "risk", "value")
_KINDS: tuple[Kind, ...] = get_args(Kind)


def show(asked: Asked) -> Answer:
    """A page of the list. A search is sent as a form, as addresses hold no names; its next page too."""
    crm = asked.crm
    text = asked.form.get("text", "").strip()  # of a form alone: an address with a name in it searches for nothing
    choices = {lane: lane_values(crm.ruleset, lane) for lane in _LANES}
    given = {lane: one_of(asked, lane, choices[lane]) for lane in _LANES}
    by, order = narrowed(asked), one_of(asked, "order", ORDERS) or "risk"
    page = crm.customers(
        stage=given["stage"],
        tier=given["tier"],
        risk_band=given["risk"],
        having={"value": by["value"]} if "value" in by else {},
        segment=by.get("segment"),
        tag=by.get("tag"),
        owner=by.get("owner"),
        source=by.get("source"),
        kind=one_of(asked, "kind", _KINDS),
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
        "by": by,
        "kinds": _KINDS,
        "order": order,
        "orders": ORDERS,
        "segments": [each.id for each in crm.ruleset.segment],
        "text": text,
        "suggested": _word_of(by),
        "saves": asked.may("owner") and bool(by or text) and asked.known_at is None,
    }
    return Shown(template="customers.html", values=values, fragment="customers")


def _word_of(by: dict[str, str]) -> str:
    """A word that the rules could call them."""
    return re.sub(r"[^a-z0-9]+", "_", "_".join(by.values()).lower()).strip("_0123456789")[:40]


PAGE = Page(path="/customers", title=N_("Customers"), handler=show, in_navigation=True, sends=True)
