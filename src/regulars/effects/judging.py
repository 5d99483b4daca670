"""What the difference between two arms is worth, and how that is said. Pure functions of what each arm did.

An arm under 20 families can't tell anything. Else the interval decides: one that contains 0 shows no difference.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import ceil
from statistics import fmean, stdev

from msgspec import Struct
from msgspec.structs import replace

from regulars.effects.values import Difference, EffectVerdict
from regulars.statistics.mean_difference import studentized
from regulars.statistics.power import least_difference, least_difference_of_means
from regulars.statistics.proportions import Interval
from regulars.statistics.two_groups import mantel_haenszel, newcombe

#: Of an arm with fewer families nothing is told.
LEAST_IN_AN_ARM = 20


class Judged(Struct, frozen=True, kw_only=True):
    """A verdict with its difference, the least difference that such arms show 4 times out of 5, and a sentence."""

    verdict: EffectVerdict
    difference: Difference | None = None
    could_show: float | None = None
    sentence: str


class Unit(Struct, frozen=True):
    """A difference times `said` is in this unit, said with so many digits; times `told` it is what a value has."""

    name: str
    digits: int
    said: float
    told: float


#: Shares are told as such, and said in percentage points.
_POINTS = Unit("points", 1, said=100, told=1)


def judge_bought(x1: int, n1: int, x0: int, n0: int, share: str) -> Judged:
    """Of `n1` treated `x1` bought, and of `n0` held out `x0`; `share` of all were held out, as decimal digits."""
    few = _too_few(n1, n0, share)
    if few is not None:
        return few
    found = _judged(x1 / n1 - x0 / n0, newcombe(x1, n1, x0, n0), _POINTS)
    return _with_power(found, least_difference(n1, n0, x0 / n0), _POINTS)


def judge_spend(treated: Sequence[int], held_out: Sequence[int], share: str, seed: str, money: Unit) -> Judged:
    """What each family of an arm spent, in minor units, of which `money` says how they are told; the permutations are
    drawn with a seed.
    """
    n1, n0 = len(treated), len(held_out)
    few = _too_few(n1, n0, share)
    if few is not None:
        return few
    interval = studentized(treated, held_out, seed)
    if interval is None:
        return _cant_tell("every family of an arm spent the same, so nothing is known of how much spend varies")
    value = Fraction(sum(treated), n1) - Fraction(sum(held_out), n0)
    found = _judged(float(value), interval, money)
    least = least_difference_of_means(n1, n0, fmean(held_out), stdev(held_out))
    return found if least is None else _with_power(found, least, money)


def judge_pooled(strata: Sequence[tuple[int, int, int, int]]) -> Judged:
    """Campaigns of one kind, each as `judge_bought` has it, without a share."""
    n1, n0 = (sum(each[place] for each in strata) for place in (1, 3))
    if min(n1, n0) < LEAST_IN_AN_ARM:
        return _cant_tell(f"{_arms(n1, n0)}, and it takes {LEAST_IN_AN_ARM} in each arm; more campaigns add up")
    if not any(treated and held_out for _, treated, _, held_out in strata):
        return _cant_tell("no campaign has families left in both arms")
    value, interval = mantel_haenszel(strata)
    if interval is None:
        return _cant_tell("in each campaign all families did the same, so nothing is known of how much they vary")
    return _judged(value, interval, _POINTS)


def _too_few(n1: int, n0: int, share: str) -> Judged | None:
    """None where both arms are large enough."""
    if min(n1, n0) >= LEAST_IN_AN_ARM:
        return None
    held_out = Fraction(share)
    enough = ceil(LEAST_IN_AN_ARM / min(held_out, 1 - held_out))
    needed = f"{enough:,} would do with a share of {share} held out"
    return _cant_tell(f"{_arms(n1, n0)}, and it takes {LEAST_IN_AN_ARM} in each arm; {needed}")


def _arms(n1: int, n0: int) -> str:
    return f"{n1:,} {'family' if n1 == 1 else 'families'} treated and {n0:,} held out"


def _cant_tell(why: str) -> Judged:
    return Judged(verdict="cant_tell", sentence=f"Can't tell: {why}.")


def _judged(value: float, interval: Interval, unit: Unit) -> Judged:
    shown = interval.low > 0 or interval.high < 0
    low, high = (_signed(end * unit.said, unit) for end in (interval.low, interval.high))
    between = f"between {low} and {high} {unit.name}"
    if shown:
        size, more = _number(abs(value) * unit.said, unit), "more" if value > 0 else "less"
        sentence = f"A difference: {size} {unit.name} {more} among the treated; {between}."
    else:
        sentence = f"No difference shown; {between}."
    return Judged(
        verdict="difference" if shown else "no_difference",
        difference=Difference(value=value * unit.told, low=interval.low * unit.told, high=interval.high * unit.told),
        sentence=sentence,
    )


def _with_power(found: Judged, least: float | None, unit: Unit) -> Judged:
    """Where no difference is shown it is said as well which one would have been."""
    if least is None:
        could = " Arms of this size show none 4 times out of 5, however large."
    else:
        could = f" Arms of this size show one of {_number(least * unit.said, unit)} {unit.name} 4 times out of 5."
    return replace(
        found,
        could_show=None if least is None else least * unit.told,
        sentence=found.sentence + (could if found.verdict == "no_difference" else ""),
    )


def _number(size: float, unit: Unit) -> str:
    """With the usual digits, or as many as it takes not to say that it is 0."""
    said = f"{size:,.{unit.digits}f}"
    return said if float(said.replace(",", "")) or not size else f"{size:.1g}"


def _signed(number: float, unit: Unit) -> str:
    return ("-" if number < 0 else "+" if number > 0 else "") + _number(abs(number), unit)
