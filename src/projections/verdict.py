"""What every projector says: a verdict, and the reasons for it."""

from __future__ import annotations

from msgspec import Struct

from regulars.crm_domain.instant import DAY


class Verdict(Struct, frozen=True, gc=False):
    """What a projector holds of a customer: a value, and a score where it has one (0 to 100)."""

    value: str
    score: int | None = None


class Reason(Struct, frozen=True, kw_only=True):
    """One clause of a verdict: its id in the rules, a sentence, and the positions of the events behind it.

    `contribution` is the clause's share of the score; the contributions of a verdict add up to its score.
    """

    clause: str
    sentence: str
    positions: tuple[int, ...] = ()
    contribution: int | None = None


def days(elapsed: int) -> str:
    """Whole days of an elapsed time in microseconds, for a sentence."""
    return plural(elapsed // DAY, "day")


def money_text(minor: int, exponent: int) -> str:
    """An amount in minor units, with as many digits as its currency has, for a sentence."""
    if not exponent:
        return str(minor)
    whole, rest = divmod(minor, 10**exponent)
    return f"{whole}.{rest:0{exponent}d}"


def plural(count: int, noun: str) -> str:
    """A count with its noun, for a sentence."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
