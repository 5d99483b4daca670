"""Does a customer wait for us? Whether any ticket is open, and whether a clock of one that is open is breached."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from regulars.projections.facts.tickets import SETTLED
from regulars.projections.ticket_queue.judge import TicketVerdict
from regulars.projections.together import Together, together, worst
from regulars.projections.verdict import Interval

#: How an open ticket is: with its clocks kept, or with one of them breached.
OpenState = Literal["open", "breached"]


def combine(tickets: Iterable[Iterable[Interval]]) -> list[Together]:
    """What the tickets say together, in order of time: a gap where none is open, and neighbours always differ."""
    return together(tickets, open_state_of, worst("breached", "open"))


def open_state_of(verdict: TicketVerdict) -> OpenState | None:
    """What one ticket adds; None for what is resolved or closed."""
    if verdict.status in SETTLED:
        return None
    return "breached" if "breached" in (verdict.first_response, verdict.resolution) else "open"
