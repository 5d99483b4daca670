"""What every projector says: a verdict, the interval in which it holds, and the reasons for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from msgspec import Struct

from regulars.crm_domain.instant import DAY, to_datetime


class Verdict(Struct, frozen=True, gc=False):
    """What a projector holds of a customer: a value, and a score where it has one (0 to 100)."""

    value: str
    score: int | None = None


#: The key of the one timeline that a customer has where a projector has no keys.
WHOLE = ""


class Interval(Struct, frozen=True, gc=False):
    """A verdict and the span [valid_from, valid_to) in which it holds; FOREVER is no end. `key` says of what it is."""

    valid_from: int
    valid_to: int
    verdict: Any
    key: str = WHOLE


#: By name, what the projectors that are read hold in [at, until) if nothing more happens: the intervals that reach into
#: it, in order of time, of one key after the other. The last one is told without an end. Where the rules name the keys,
#: there is nothing between the intervals in which a key holds.
Told = Mapping[str, Sequence[Interval]]


class Reason(Struct, frozen=True, kw_only=True):
    """One clause of a verdict: its id in the rules, a sentence, and the positions of the events behind it.

    `contribution` is the clause's share of the score; the contributions of a verdict add up to its score. `holds` is
    whether the clause holds, where reasons tell of those that don't as well.
    """

    clause: str
    sentence: str
    positions: tuple[int, ...] = ()
    contribution: int | None = None
    holds: bool | None = None


def days(elapsed: int) -> str:
    """Whole days of an elapsed time in microseconds, for a sentence."""
    return plural(elapsed // DAY, "day")


def money_text(minor: int, exponent: int) -> str:
    """An amount in minor units, with as many digits as its currency has, for a sentence."""
    if not exponent:
        return str(minor)
    whole, rest = divmod(minor, 10**exponent)
    return f"{whole}.{rest:0{exponent}d}"


def day_text(instant: int, zone: ZoneInfo) -> str:
    """The day on which an instant lies in a zone, for a sentence."""
    return to_datetime(instant).astimezone(zone).date().isoformat()


def plural(count: int, noun: str) -> str:
    """A count with its noun, for a sentence."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
