"""What is said of quotes that run out, or just did, and how they are settled."""

from __future__ import annotations

from regulars.adapters.read_models.due.lines import DueRow
from regulars.adapters.read_models.due.quotes import quotes_running_out
from regulars.adapters.read_models.due.search import DueRows
from regulars.projections.quotes import QUOTES
from regulars.today.kind import Kind, Saying, Snapshot
from regulars.wording.command_line import do_line


def _find(snapshot: Snapshot) -> DueRows:
    return snapshot.search.selected(quotes_running_out(snapshot.search.lines))


def _say(row: DueRow, saying: Saying) -> tuple[str, str]:
    if row.overdue:
        why = f"quote {row.key} ran out on {saying.day(row.due)} without an answer"
        return why, do_line("DeclineQuote", quote_id=row.key)
    return f"quote {row.key} runs out on {saying.day(row.due)}", do_line("AcceptQuote", quote_id=row.key)


QUOTES_OUT = Kind(
    name="quote",
    title="Quotes that run out, or just did",
    reads=(QUOTES.name,),
    find=_find,
    say=_say,
)
