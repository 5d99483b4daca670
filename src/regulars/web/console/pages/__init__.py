"""The pages, each in a module of its own with a value `PAGE`. Their order is that of the navigation."""

from __future__ import annotations

from regulars.web.console.page import Page
from regulars.web.console.pages import customers, import_file, reports, rules, today

PAGES: tuple[Page, ...] = (
    today.PAGE,
    customers.PAGE,
    reports.PAGE,
    reports.ONE,
    reports.CSV,
    rules.PAGE,
    rules.VERSION,
    import_file.PAGE,
    import_file.FILE,
    import_file.REFUSED,
)
