"""The interval of a difference of two means where most values are zero and a few are large, as spend is.

It holds the differences that a studentized permutation test doesn't reject. A difference is taken off the treated; were
it the true one, any other assignment would then have been as likely to give what is left as the one that was drawn. The
difference of means over its standard error is compared with those of 1,999 assignments; a difference is rejected where
at most 5 % of all 2,000 lie as far from 0, to either side, the one that was drawn included.

- No difference is rejected in at most 5 % of the cases where there is none, whatever spend looks like: R. A. Fisher,
  The Design of Experiments (1935); E. J. G. Pitman, Journal of the Royal Statistical Society, Supplement 4 (1937),
  119–130; with assignments drawn by chance, M. Dwass, Annals of Mathematical Statistics 28 (1957), 181–187.
- Over the standard error it holds in large groups also where they differ in more than their means: A. Janssen,
  Statistics & Probability Letters 36 (1997), 9–21; E. Chung and J. P. Romano, Annals of Statistics 41 (2013), 484–507.
  Where more of the treated buy, both sides together hold the true difference more often than each at 2.5 % would.
- Assignments are drawn with a fixed seed, by operations that every machine rounds alike: the same values have the same
  interval everywhere, in whatever order they come. Another seed moves an end by some 3 % of the interval's half.
- Equal values: an assignment that comes to the same counts as one that lies as far out. Of those with the most usual
  value, as a rule zero, only how many an assignment takes from each group is drawn: time grows with those who bought.
- One group without variance is no trouble, as assignments mix the two. Where neither has any, nothing is known of how
  much values vary, and there is no interval.
"""

from __future__ import annotations

from bisect import bisect
from collections import Counter
from collections.abc import Sequence
from functools import cache
from itertools import accumulate
from math import ceil, copysign, floor, inf, sqrt
from random import Random
from typing import NamedTuple

from regulars.statistics.proportions import Interval

_ASSIGNMENTS = 1999

#: A difference is rejected where no more than so many of them lie as far out: (99 + 1) / 2,000 = 5 %.
_FAR = 99

#: The ends of an interval are found to tenths of a unit.
_STEPS = 10

#: Numbers of draws that are less likely than this, by the likeliest, are never drawn.
_NEVER = 1e-17


class _Group(NamedTuple):
    """The people of a group: the values of those who differ from the most usual one, in tenths of a unit above it,
    and how many have that.
    """

    values: list[int]
    usual: int

    @property
    def size(self) -> int:
        """How many they are."""
        return len(self.values) + self.usual


class _Sums(NamedTuple):
    """An assignment: of those who are put in the first group, their sum, that of their squares, how many are truly of
    it, and the sum of these.
    """

    total: int
    squares: int
    own: int
    own_total: int


class _Statistic(NamedTuple):
    """What an assignment comes to when a difference d is taken off those who are truly of the first group, but for
    factors that all assignments share: a difference of means of `mean - pull × d`, the square of whose standard error
    is `level + slope × d + bend × d²`. Made of whole numbers, so that what is equal is equal.
    """

    mean: float
    pull: float
    level: float
    slope: float
    bend: float


def studentized(treated: Sequence[int], held_out: Sequence[int], seed: str) -> Interval | None:
    """The 95 % interval for the mean of the treated less that of those held out, in the unit of the values, such as
    minor units of money a person. It holds 0 exactly where the test doesn't reject that there is no difference. An end
    is infinite where so few people rule nothing out. None where neither group has any variance.

    Raises ValueError for a group of fewer than two.
    """
    if len(treated) < 2 or len(held_out) < 2:
        raise ValueError(f"expected at least 2 in each group; found {len(treated)} and {len(held_out)}")
    one, other = sorted(treated), sorted(held_out)
    if one[0] == one[-1] and other[0] == other[-1]:
        return None
    # Of equally usual values the lowest.
    ((usual, _),) = Counter(sorted(one + other)).most_common(1)
    # Of two groups the smaller is drawn: that is quicker, and which is called the treated one makes no difference.
    if (len(one), one) <= (len(other), other):
        return _interval(_group(one, usual), _group(other, usual), seed)
    found = _interval(_group(other, usual), _group(one, usual), seed)
    return Interval(low=0 - found.high, high=0 - found.low)


def _group(values: Sequence[int], usual: int) -> _Group:
    others = [_STEPS * (value - usual) for value in values if value != usual]
    return _Group(others, len(values) - len(others))


def _interval(first: _Group, second: _Group, seed: str) -> Interval:
    """For the mean of the first less that of the second."""
    drawn, rest = _sums(first.values, own=first.size), _sums(second.values, own=0)
    everybody = _Sums(drawn.total + rest.total, drawn.squares + rest.squares, drawn.own, drawn.own_total)
    own = _statistic(drawn, everybody, second.size)
    others = [_statistic(sums, everybody, second.size) for sums in _assignments(first, second, seed)]
    error = sqrt(own.level / ((first.size - 1) * (second.size - 1))) / own.pull
    return Interval(
        low=_furthest(floor(own.mean / own.pull), -ceil(error), own, others) / _STEPS,
        high=_furthest(ceil(own.mean / own.pull), ceil(error), own, others) / _STEPS,
    )


def _sums(values: Sequence[int], own: int) -> _Sums:
    total = sum(values)
    return _Sums(total, sum(value * value for value in values), own, total if own else 0)


def _assignments(first: _Group, second: _Group, seed: str) -> list[_Sums]:
    """As many at random as are compared, each of as many people as are in the first group."""
    # Only `random()` gives the same for a seed in every version of Python.
    random = Random(seed).random  # noqa: S311 - it must be repeatable, not unguessable
    values = first.values + second.values
    squares = [value * value for value in values]
    differing, own_differing, usual = len(values), len(first.values), first.usual + second.usual
    order = list(range(differing))
    chances = cache(_chances)
    found = []
    for _ in range(_ASSIGNMENTS):
        taken = _draw(chances(differing, usual, first.size), random())
        for place in range(taken):
            other = place + int(random() * (differing - place))
            order[place], order[other] = order[other], order[place]
        put = order[:taken]
        own = [person for person in put if person < own_differing]
        own_usual = _draw(chances(first.usual, second.usual, first.size - taken), random())
        found.append(
            _Sums(
                total=sum(map(values.__getitem__, put)),
                squares=sum(map(squares.__getitem__, put)),
                own=len(own) + own_usual,
                own_total=sum(map(values.__getitem__, own)),
            )
        )
    return found


def _chances(own: int, others: int, draws: int) -> tuple[int, list[float]]:
    """How many of `own` are among `draws` from them and others (hypergeometric): the fewest, and from it on what the
    chances add up to, by that of the likeliest.
    """
    fewest, most = max(0, draws - others), min(draws, own)
    likeliest = min(most, max(fewest, (draws + 1) * (own + 1) // (own + others + 2)))
    below, above = [], [1.0]
    for number in range(likeliest, most):
        chance = above[-1] * ((own - number) * (draws - number)) / ((number + 1) * (others - draws + number + 1))
        if chance < _NEVER:
            break
        above.append(chance)
    chance = 1.0
    for number in range(likeliest, fewest, -1):
        chance = chance * (number * (others - draws + number)) / ((own - number + 1) * (draws - number + 1))
        if chance < _NEVER:
            break
        below.append(chance)
    return likeliest - len(below), list(accumulate(below[::-1] + above))


def _draw(chances: tuple[int, list[float]], at: float) -> int:
    fewest, summed = chances
    return fewest + bisect(summed, at * summed[-1], hi=len(summed) - 1)


def _statistic(put: _Sums, everybody: _Sums, m: int) -> _Statistic:
    """Of an assignment of some of everybody, all but `m`."""
    n = everybody.own
    left = _Sums(
        everybody.total - put.total,
        everybody.squares - put.squares,
        everybody.own - put.own,
        everybody.own_total - put.own_total,
    )
    level, slope, bend = (
        m * m * (m - 1) * here + n * n * (n - 1) * there
        for here, there in zip(_spread(put, n), _spread(left, m), strict=True)
    )
    return _Statistic(
        mean=float(m * put.total - n * left.total),
        pull=float(m * put.own - n * left.own),
        level=float(level),
        slope=float(slope),
        bend=float(bend),
    )


def _spread(put: _Sums, size: int) -> tuple[int, int, int]:
    """Size times the sum of squares less the square of the sum, by the difference that is taken off."""
    return (
        size * put.squares - put.total * put.total,
        2 * (put.own * put.total - size * put.own_total),
        put.own * (size - put.own),
    )


def _furthest(inside: int, step: int, own: _Statistic, others: Sequence[_Statistic]) -> float:
    """The difference, in tenths, that is furthest from one that isn't rejected, and isn't either."""
    # Whoever is assigned as drawn, or the other way round, lies as far out whatever is taken off.
    if sum(not each.bend for each in others) > _FAR:
        return copysign(inf, step)
    while not _is_rejected(inside + step, own, others):
        step *= 2
    outside = inside + step
    while abs(inside - outside) > 1:
        middle = (inside + outside) // 2
        if _is_rejected(middle, own, others):
            outside = middle
        else:
            inside = middle
    return inside


def _is_rejected(difference: int, own: _Statistic, others: Sequence[_Statistic]) -> bool:
    mean, error = abs(own.mean - own.pull * difference), sqrt(own.level)
    far = 0
    for each_mean, pull, level, slope, bend in others:
        variance = level + difference * (slope + difference * bend)
        if abs(each_mean - pull * difference) * error >= (mean * sqrt(variance) if variance > 0 else 0):
            far += 1
            if far > _FAR:
                return False
    return True
