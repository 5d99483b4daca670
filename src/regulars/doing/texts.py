"""The texts that can be assessed: events in which somebody wrote something, found by their positions."""

from __future__ import annotations

from collections.abc import Iterable

from regulars.asking.texts import TEXTS
from regulars.crm_domain.errors import Rejected
from regulars.crm_domain.event import Event, Recorded
from regulars.doing.unit_of_work import UnitOfWork


def seek_texts(work: UnitOfWork, positions: Iterable[str]) -> None:
    """Read the events at some positions that weren't read yet, in one query."""
    found = work.pending.texts
    missing = {int(each) for each in positions} - found.keys()
    if missing:
        found |= dict.fromkeys(missing, None)
        found |= {each.position: each for each in work.tx.log.at(sorted(missing))}


def text_at(work: UnitOfWork, position: str) -> Recorded[Event]:
    """The event at a position that holds a text. Raises Rejected where there is none."""
    seek_texts(work, [position])
    found = work.pending.texts[int(position)]
    if found is None:
        raise Rejected("unknown_text", f"there is no event #{position} yet whose text could be assessed")
    if not isinstance(found.event, TEXTS):
        sentence = f"event #{position} ({type(found.event).__name__}) has no text that could be assessed"
        raise Rejected("no_text", sentence)
    return found
