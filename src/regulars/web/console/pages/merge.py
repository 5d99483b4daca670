"""Two customers who are one: who they are and what becomes of them, then merged; and merged ones told apart."""

from __future__ import annotations

from regulars.asking.views import Customer
from regulars.crm_domain.command import CustomerId
from regulars.crm_domain.customer import MergeCustomers, UndoMerge
from regulars.crm_domain.errors import NotFound
from regulars.web.console.acts import said
from regulars.web.console.page import Answer, Asked, GoTo, Page, Shown
from regulars.web.console.pages.customer import called, customer_id
from regulars.web.console.reading import one_of
from regulars.web.console.words import N_

#: So many are offered of those whose name or e-mail address has a part.
OFFERED = 20
_ACTS = ("find", "merge", "undo")


def show(asked: Asked) -> Answer:
    """Whom to merge with, what would become of the two, or what was done."""
    this = asked.crm.customer(customer_id(asked))
    act = one_of(asked, "act", _ACTS) if asked.sent else None
    if act == "merge":
        return _merged(asked, this)
    if act == "undo":
        return _told_apart(asked, this)
    text, other = asked.form.get("who", "").strip(), asked.query.get("other", "") if act is None else ""
    values = {
        "this": this,
        "text": text,
        "found": _found(asked, this, text) if text else (),
        "other": asked.crm.customer(CustomerId(other)) if other else None,
        "called": called,
    }
    return Shown(template="merge.html", values=values)


def _found(asked: Asked, this: Customer, text: str) -> tuple[Customer, ...]:
    """Who has this reference, e-mail address or phone number, or else whose name has it as a part."""
    try:
        found = [asked.crm.customer(asked.crm.find(text))]
    except NotFound:
        found = list(asked.crm.customers(text=text, order="id", limit=OFFERED).customers)
    return tuple(each for each in found if each.id != this.id)


def _merged(asked: Asked, this: Customer) -> Answer:
    other = asked.crm.customer(CustomerId(asked.field("other")))
    kept, away = (other, this) if asked.field("kept") == str(other.id) else (this, other)
    reason = asked.field("reason") or None
    outcome = asked.do(MergeCustomers(customer=away.id, into=kept.id, reason=reason))
    return GoTo(address=asked.links.to(f"/customers/{kept.id}"), said=said(asked, outcome))


def _told_apart(asked: Asked, this: Customer) -> Answer:
    away = one_of(asked, "away", this.merged)
    if away is None:
        raise ValueError(asked._("Say who is somebody else after all."))
    outcome = asked.do(UndoMerge(customer=asked.crm.find(away), reason=asked.field("reason") or None))
    return GoTo(address=asked.links.to(f"/customers/{this.id}"), said=said(asked, outcome))


PAGE = Page(
    path="/customers/{customer}/merge",
    title=N_("Merge with another"),
    handler=show,
    role="clerk",
    sends=True,
    is_of_today=True,
)
