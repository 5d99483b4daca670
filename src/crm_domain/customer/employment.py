"""For whom somebody works, from which day to which: what was said of their days at one firm, laid over one another.

What is said speaks of days, and of each day the last word counts. So a new role begins where it says, and leaves what
was before; and what is said again changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta

from msgspec import Struct
from msgspec.structs import replace

_DAY = timedelta(days=1)

#: The first day of what has no beginning that is known, and the last of what has no end yet.
EVER, STILL = date.min, date.max


class Spell(Struct, frozen=True, array_like=True):
    """Days in a row, from the first to the last, on which somebody works for a firm in one role; None is not known."""

    first: date
    last: date
    role: str | None = None


#: The spells of one person at one firm, in order of their days, none of which overlap.
Spells = tuple[Spell, ...]


def worked(spells: Spells, first: date, last: date, role: str | None) -> Spells:
    """The spells where somebody worked in a role from the first day to the last, whatever was said of these before."""
    return _joined(sorted((*not_worked(spells, first, last), Spell(first, last, role)), key=_first))


def not_worked(spells: Spells, first: date, last: date) -> Spells:
    """The spells where somebody didn't work from the first day to the last, whatever was said of these before."""
    kept = list[Spell]()
    for each in spells:
        if each.last < first or each.first > last:
            kept.append(each)
            continue
        if each.first < first:
            kept.append(replace(each, last=first - _DAY))
        if each.last > last:
            kept.append(replace(each, first=last + _DAY))
    return tuple(kept)


def ended(spells: Spells, last: date) -> Spells:
    """The spells where the last day at the firm was that one."""
    return spells if last == STILL else not_worked(spells, last + _DAY, STILL)


def spell_on(spells: Spells, day: date) -> Spell | None:
    """The spell in which a day lies."""
    return next((each for each in spells if each.first <= day <= each.last), None)


def _joined(spells: Iterable[Spell]) -> Spells:
    """Spells in order, of which those in one role that follow each other without a gap are one."""
    found = list[Spell]()
    for each in spells:
        before = found[-1] if found else None
        if before is not None and before.role == each.role and before.last + _DAY == each.first:
            found[-1] = replace(before, last=each.last)
        else:
            found.append(each)
    return tuple(found)


def _first(spell: Spell) -> date:
    return spell.first
