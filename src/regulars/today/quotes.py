"""Quotes that run out, or just did: sent, and neither accepted nor declined."""

from __future__ import annotations

import sqlalchemy as sa

from regulars.adapters.read_models.due_lines import DueRow, DueRows, Lines, coming, line, running
from regulars.projections.quotes import QUOTES
from regulars.today.kind import Kind, Saying, Snapshot

_SENT, _EXPIRED = ({"value": ("sent",)},), ({"value": ("expired",)},)


def _find(snapshot: Snapshot) -> DueRows:
    return snapshot.selected(_select(snapshot.lines), None)


def _select(lines: Lines) -> sa.SelectBase:
    ran_out = running(lines, QUOTES.name, _EXPIRED, since=lines.window.since)
    runs_out = coming(lines, QUOTES.name, _EXPIRED, among=_SENT)
    return sa.union_all(_told(lines, ran_out, overdue=True), _told(lines, runs_out, overdue=False))


def _told(lines: Lines, found: sa.Subquery, *, overdue: bool) -> sa.Select[tuple[object, ...]]:
    quote = lines.table(QUOTES.name, "quote")
    same = sa.and_(quote.c.customer == found.c.customer, quote.c.quote_id == found.c.key, lines.now(quote))
    told = line(found.c.customer, found.c.key, found.c.due, overdue=overdue, stake=quote.c.gross)
    return sa.select(*told).select_from(found.join(quote, same))


def _say(row: DueRow, saying: Saying) -> tuple[str, str]:
    if row.overdue:
        why = f"quote {row.key} ran out on {saying.day(row.due)} without an answer"
        return why, saying.do("DeclineQuote", quote_id=row.key)
    return f"quote {row.key} runs out on {saying.day(row.due)}", saying.do("AcceptQuote", quote_id=row.key)


QUOTES_OUT = Kind(
    name="quote",
    title="Quotes that run out, or just did",
    listed_by="regulars quotes --expiring-within {days}d",
    reads=(QUOTES.name,),
    find=_find,
    say=_say,
)
