"""The pages, each in a module of its own with a value `PAGE`. Their order is that of the navigation."""

from __future__ import annotations

from regulars.web.console.page import Page
from regulars.web.console.pages import (
    access,
    audit,
    calendar,
    customers,
    forecast,
    house,
    import_file,
    opportunity,
    pipeline,
    reports,
    rules,
    segment,
    segments,
    service,
    ticket,
    tickets,
    today,
)

PAGES: tuple[Page, ...] = (
    today.PAGE,
    customers.PAGE,
    segments.PAGE,
    segment.PAGE,
    tickets.PAGE,
    ticket.PAGE,
    service.PAGE,
    pipeline.PAGE,
    opportunity.PAGE,
    forecast.PAGE,
    reports.PAGE,
    reports.ONE,
    reports.CSV,
    rules.PAGE,
    rules.VERSION,
    import_file.PAGE,
    import_file.FILE,
    import_file.REFUSED,
    house.PAGE,
    access.PAGE,
    calendar.PAGE,
    audit.PAGE,
)
