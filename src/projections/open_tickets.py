"""Does a customer wait for us? Whether any ticket is open, and whether a clock of one that is open is breached.

It follows from the tickets' own intervals alone, so it is a step function of time as they are, what is due included.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from itertools import groupby
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from regulars.crm_domain.instant import FOREVER
from regulars.projections.facts.tickets import SETTLED
from regulars.projections.ticket_queue.judge import TicketVerdict
from regulars.projections.verdict import Interval

#: How an open ticket is: with its clocks kept, or with one of them breached.
OpenState = Literal["open", "breached"]


class OpenTickets(Struct, frozen=True):
    """The worst that holds for any of a customer's tickets in [valid_from, valid_to); FOREVER is no end."""

    valid_from: int
    valid_to: int
    value: OpenState


def combine(tickets: Iterable[Iterable[Interval]]) -> list[OpenTickets]:
    """What the tickets say together, in order of time: a gap where none is open, and neighbours always differ."""
    changes = sorted(change for intervals in tickets for interval in intervals for change in _changes(interval))
    holding: Counter[OpenState] = Counter()
    combined: list[OpenTickets] = []
    for at, together in groupby(changes, key=lambda change: change[0]):
        for _, state, step in together:
            holding[state] += step
        _turn(combined, at, "breached" if holding["breached"] else "open" if holding["open"] else None)
    return combined


def open_state_of(verdict: TicketVerdict) -> OpenState | None:
    """What one ticket adds; None for what is resolved or closed."""
    if verdict.status in SETTLED:
        return None
    return "breached" if "breached" in (verdict.first_response, verdict.resolution) else "open"


def _changes(interval: Interval) -> Iterable[tuple[int, OpenState, int]]:
    """When one more ticket is in a state, and when one less is."""
    state = open_state_of(interval.verdict)
    if state is not None:
        yield interval.valid_from, state, 1
        yield interval.valid_to, state, -1


def _turn(combined: list[OpenTickets], at: int, value: OpenState | None) -> None:
    """Let a value hold from an instant on, unless it does already."""
    lasting = combined[-1] if combined and combined[-1].valid_to == FOREVER else None
    if value == (None if lasting is None else lasting.value):
        return
    if lasting is not None:
        combined[-1] = replace(lasting, valid_to=at)
    if value is not None:
        combined.append(OpenTickets(at, FOREVER, value))
