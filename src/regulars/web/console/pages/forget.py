"""Forgetting a customer: whom it concerns, what goes and what stays; then done, by who means it."""

from __future__ import annotations

from regulars.doing.forgetting import Forgetting
from regulars.profile import CustomerPage
from regulars.web.console.page import Answer, Asked, GoTo, Page, Shown
from regulars.web.console.pages.customer import called, customer_id
from regulars.web.console.words import N_


def show(asked: Asked) -> Answer:
    """What forgetting them does, or what it did."""
    page = asked.crm.page(customer_id(asked))
    if asked.sent:
        return _forgotten(asked, page)
    texts = (
        (N_("Notes"), _all(page.notes.found, page.notes.more)),
        (N_("Conversations"), _all(page.conversations.found, page.conversations.more)),
    )
    values = {"page": page, "called": called(page.details, page.customer_id), "texts": texts}
    return Shown(template="forget.html", values=values)


def _all(found: tuple[object, ...], more: int) -> int:
    return len(found) + more


def _forgotten(asked: Asked, page: CustomerPage) -> Answer:
    if asked.field("confirm") != "yes":
        raise ValueError(asked._("Say that you mean it: there is no way back."))
    if not asked.field("reason"):
        raise ValueError(asked._("Say why. The reason is kept in the clear, so it must name nobody."))
    done = asked.crm.forget(page.customer_id, reason=asked.field("reason"))
    return GoTo(address=asked.links.to(f"/customers/{page.customer_id}"), said=_said(asked, done))


def _said(asked: Asked, done: Forgetting) -> str:
    if not done.customer_ids:
        return asked._("Nobody was forgotten: they were before.")
    said = asked._("Forgotten. Backups from before still know them; restoring one forgets them again.")
    if done.owner_needed is not None:
        left = asked._("Traces of keys are left in the files; only the owner of the tables can erase them.")
        return f"{said} {left}"
    if done.pending:
        left = asked._("Traces of keys are left in the files while somebody reads what was there before.")
        return f"{said} {left}"
    return said


PAGE = Page(
    path="/customers/{customer}/forget",
    title=N_("Forget a customer"),
    handler=show,
    role="owner",
    sends=True,
    is_of_today=True,
)
