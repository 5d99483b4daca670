"""Quotes that run out, or just did: sent, and neither accepted nor declined."""

from __future__ import annotations

import sqlalchemy as sa

from regulars.adapters.read_models.due.lines import Lines, coming, line, running
from regulars.projections.quotes import QUOTES

_SENT, _EXPIRED = ({"value": ("sent",)},), ({"value": ("expired",)},)


def quotes_running_out(lines: Lines) -> sa.SelectBase:
    """Quotes that run out, or just did."""
    ran_out = running(lines, QUOTES.name, _EXPIRED, since=lines.window.since)
    runs_out = coming(lines, QUOTES.name, _EXPIRED, among=_SENT)
    return sa.union_all(_told(lines, ran_out, overdue=True), _told(lines, runs_out, overdue=False))


def _told(lines: Lines, found: sa.Subquery, *, overdue: bool) -> sa.Select[tuple[object, ...]]:
    quote = lines.table(QUOTES.name, "quote")
    same = sa.and_(quote.c.customer == found.c.customer, quote.c.quote_id == found.c.key, lines.now(quote))
    told = line(found.c.customer, found.c.key, found.c.due, overdue=overdue, stake=quote.c.gross)
    return sa.select(*told).select_from(found.join(quote, same))
