"""The audit trail: who did what, when and why, and what it changed; of a customer, an event, a person, some days."""

from __future__ import annotations

import re
from datetime import date

from regulars.crm_domain.command import CustomerId
from regulars.crm_domain.errors import NotFound
from regulars.web.access.permissions import takes
from regulars.web.api.commands import catalogue_of
from regulars.web.console.page import Answer, Asked, GoTo, Page, Shown
from regulars.web.console.reading import day_of, number_of
from regulars.web.console.words import N_

SIZE = 50


def show(asked: Asked) -> Answer:
    """A page of the trail, newest first. Whom it is about is sent as a form, as addresses hold ids alone."""
    if not asked.sent:
        return _page(asked)
    try:
        customer = asked.crm.find(asked.field("who"))
    except NotFound as error:
        return _page(asked, problem=str(error))
    return GoTo(address=asked.links.to("/audit", customer=customer, **_narrowed(asked)))


def _page(asked: Asked, problem: str | None = None) -> Shown:
    crm, narrowed = asked.crm, _narrowed(asked)
    customer = CustomerId(asked.query["customer"].strip()) if asked.query.get("customer", "").strip() else None
    page = crm.audit(
        customer=customer,
        type=narrowed["type"] or None,
        actor=narrowed["actor"] or None,
        since=day_of(asked, "since"),
        until=min(filter(None, (day_of(asked, "until"), asked.as_of)), default=None),
        known_at=asked.known_at,
        limit=SIZE,
        after=number_of(asked, "after", 0, 0, 999_999_999) or None,
    )
    values = {
        "page": page,
        "customer": customer,
        "about": None if customer is None else crm.customer(customer),
        "kinds": _kinds(asked),
        "in_words": in_words,
        "narrowed": narrowed,
        "who": asked.form.get("who", "").strip(),
        "problem": problem,
    }
    return Shown(template="audit.html", values=values, fragment="trail", status=404 if problem else 200)


def _narrowed(asked: Asked) -> dict[str, str]:
    """What the trail is narrowed by beside a customer, as the address has it."""
    days: dict[str, date | None] = {name: day_of(asked, name) for name in ("since", "until")}
    return {
        "type": asked.field("type"),
        "actor": asked.field("actor"),
        **{name: "" if day is None else day.isoformat() for name, day in days.items()},
    }


def _kinds(asked: Asked) -> dict[str, list[str]]:
    """The types of events that the store knows, those of its extensions too, by what they happen to."""
    catalogue = catalogue_of(asked.crm)
    by_owner: dict[str, list[str]] = {category: [] for category in catalogue.aggregates}
    for name, event in catalogue.events.items():
        by_owner[catalogue.owners[event].decider.category].append(name)
    return by_owner


def in_words(name: str) -> str:
    """The name of an event as words: "Purchase recorded" of "PurchaseRecorded"."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name).capitalize()


PAGE = Page(path="/audit", title=N_("Audit"), handler=show, role=takes("audit"), in_navigation=True, sends=True)
