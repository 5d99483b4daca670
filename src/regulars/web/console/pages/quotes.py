"""The quotes: what runs out first at the top, of everybody or of one customer."""

from __future__ import annotations

from typing import get_args

from regulars.crm_domain.command import CustomerId
from regulars.projections.quotes import QuoteStatus
from regulars.web.console.page import Answer, Asked, Page, Shown
from regulars.web.console.reading import one_of
from regulars.web.console.words import N_

SIZE = 50
STATUSES: tuple[QuoteStatus, ...] = get_args(QuoteStatus)


def show(asked: Asked) -> Answer:
    """A page of the list."""
    customer = asked.field("customer")
    status = one_of(asked, "status", STATUSES)
    page = asked.crm.quotes(
        customer=CustomerId(customer) if customer else None,
        status=status,
        as_of=asked.as_of,
        known_at=asked.known_at,
        limit=SIZE,
        after=asked.field("after") or None,
    )
    values = {"page": page, "customer": customer, "status": status, "statuses": STATUSES}
    return Shown(template="quotes.html", values=values, fragment="quotes")


PAGE = Page(path="/quotes", title=N_("Quotes"), handler=show, in_navigation=True)
