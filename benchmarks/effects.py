"""What an effect is worth: `python -m benchmarks.effects [REPEATED]`, all seeds fixed. 800 take some twelve minutes.

Audiences are made, of whom each buys with one chance and spends what a log-normal distribution gives. *False alarms*:
both groups are alike, and an interval excludes 0. *Power*: those who are treated buy so much more often that what they
spend differs by the least difference that the groups are said to show; how often is it shown? *Coverage*: how often the
interval then holds that difference.

Of rates nothing is simulated but what becomes of looking every day: every outcome is gone through, with its chance.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from math import exp, lgamma, log, log1p, sqrt
from random import Random
from statistics import fmean, variance

from msgspec import Struct

from regulars.statistics.mean_difference import studentized
from regulars.statistics.power import least_difference, least_difference_of_means
from regulars.statistics.proportions import Interval, Z
from regulars.statistics.two_groups import mantel_haenszel, newcombe

SEED = 57
SIZES = ((80, 20), (240, 60), (1000, 1000))
RATES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5)
#: Campaigns of one kind, as (treated, held out, rate) each.
POOLED = {
    "3 of 80/20 at 5 %": ((80, 20, 0.05),) * 3,
    "5 of 80/20 at 10 %": ((80, 20, 0.1),) * 5,
    "4 of 40/40 at 2, 5, 10, 30 %": ((40, 40, 0.02), (40, 40, 0.05), (40, 40, 0.1), (40, 40, 0.3)),
    "10 of 80/20 at 3 %": ((80, 20, 0.03),) * 10,
}
#: Outcomes that are less likely are left out.
_NEVER = 1e-12
_RESAMPLES = 400
_DAYS = 30

#: What two groups spent gives an interval, or none.
Method = Callable[[Sequence[int], Sequence[int], Random], Interval | None]


class Spend(Struct, frozen=True):
    """How many buy, and for how much: log-normal, by the median in minor units and the deviation of the logarithm."""

    rate: float
    median: float = 3000
    deviation: float = 1.0

    def drawn(self, random: Random, people: int) -> list[int]:
        """What so many spend."""
        middle = log(self.median)
        return [
            round(random.lognormvariate(middle, self.deviation)) if random.random() < self.rate else 0
            for _ in range(people)
        ]

    @property
    def basket(self) -> float:
        """What one who buys spends on average."""
        return self.median * exp(self.deviation**2 / 2)

    @property
    def spread(self) -> float:
        """The standard deviation of what one spends."""
        return sqrt(self.rate * self.median**2 * exp(2 * self.deviation**2) - (self.rate * self.basket) ** 2)


#: As most audiences are, and where single orders are very large.
SPENDS = {"10 % buy": Spend(0.1), "10 % buy, a few for a lot": Spend(0.1, deviation=1.5)}


def permutation(treated: Sequence[int], held_out: Sequence[int], random: Random) -> Interval | None:
    """Ours."""
    return studentized(treated, held_out, str(random.random()))


def bootstrap(treated: Sequence[int], held_out: Sequence[int], random: Random) -> Interval:
    """The percentile bootstrap: both groups drawn again from themselves, and the middle 95 % of the differences."""
    found = sorted(
        fmean(random.choices(treated, k=len(treated))) - fmean(random.choices(held_out, k=len(held_out)))
        for _ in range(_RESAMPLES)
    )
    return Interval(found[_RESAMPLES // 40], found[-_RESAMPLES // 40])


def plain(treated: Sequence[int], held_out: Sequence[int], _: Random) -> Interval:
    """The difference and 1.96 of its standard errors to either side."""
    half = Z * sqrt(variance(treated) / len(treated) + variance(held_out) / len(held_out))
    difference = fmean(treated) - fmean(held_out)
    return Interval(difference - half, difference + half)


#: How each is made, and how many times less often than others it is tried, as it takes long.
METHODS: dict[str, tuple[Method, int]] = {
    "permutation": (permutation, 1),
    "percentile bootstrap": (bootstrap, 4),
    "plain": (plain, 1),
}


def excludes(interval: Interval | None, value: float) -> bool:
    """Whether it says that it isn't that."""
    return interval is not None and not interval.low <= value <= interval.high


def chances(people: int, rate: float) -> Iterator[tuple[int, float]]:
    """How many of them buy, with the chance of it."""
    for buyers in range(people + 1):
        ways = lgamma(people + 1) - lgamma(buyers + 1) - lgamma(people - buyers + 1)
        chance = exp(ways + buyers * log(rate) + (people - buyers) * log1p(-rate))
        if chance > _NEVER:
            yield buyers, chance


def shown(size: tuple[int, int], treated: float, held_out: float) -> float:
    """The chance that Newcombe's interval of such rates excludes 0, by every outcome that there is."""
    n1, n0 = size
    others = list(chances(n0, held_out))
    return sum(
        chance * other
        for x1, chance in chances(n1, treated)
        for x0, other in others
        if excludes(newcombe(x1, n1, x0, n0), 0)
    )


def pooled_alarms(strata: Sequence[tuple[int, int, float]], repeated: int, random: Random) -> float:
    """How often campaigns that did nothing show something together."""

    def bought(people: int, rate: float) -> int:
        return sum(random.random() < rate for _ in range(people))

    return fmean(
        excludes(mantel_haenszel([(bought(n1, rate), n1, bought(n0, rate), n0) for n1, n0, rate in strata])[1], 0)
        for _ in range(repeated)
    )


def daily_alarms(size: tuple[int, int], rate: float, repeated: int, random: Random) -> float:
    """How often one that did nothing shows something on one of the days at least, where it is looked at on each."""
    n1, n0 = size

    def days(people: int) -> list[int]:
        bought = [random.randrange(_DAYS) for _ in range(people) if random.random() < rate]
        return [sum(day <= end for day in bought) for end in range(_DAYS)]

    return fmean(
        any(excludes(newcombe(x1, n1, x0, n0), 0) for x1, x0 in zip(days(n1), days(n0), strict=True))
        for _ in range(repeated)
    )


def simulated(
    size: tuple[int, int], spends: tuple[Spend, Spend], method: Method, repeated: int, random: Random
) -> tuple[float, float]:
    """How often the interval excludes 0, and how often it holds the true difference."""
    (n1, n0), (treated, held_out) = size, spends
    truth = treated.rate * treated.basket - held_out.rate * held_out.basket
    found = [method(treated.drawn(random, n1), held_out.drawn(random, n0), random) for _ in range(repeated)]
    return fmean(excludes(each, 0) for each in found), 1 - fmean(excludes(each, truth) for each in found)


def improved(size: tuple[int, int], spend: Spend) -> Spend | None:
    """What is spent where so many more buy that the difference is the least that is shown, if there are so many."""
    least = least_difference_of_means(*size, spend.rate * spend.basket, spend.spread)
    rate = spend.rate + (least or 0) / spend.basket
    return Spend(rate, spend.median, spend.deviation) if rate < 1 else None


def lines(repeated: int) -> Iterator[str]:
    """What is found, as tables of Markdown, each line as soon as it is there."""
    yield "| groups | " + " | ".join(f"{rate:.0%}" for rate in RATES) + " |"
    yield "| --- |" + " --- |" * len(RATES)
    for size in SIZES:
        yield f"| {name_of(size)}: false alarms |" + row(shown(size, rate, rate) for rate in RATES)
        yield f"| {name_of(size)}: power |" + row(power(size, rate) for rate in RATES)
    yield from ("", "| campaigns of a kind | false alarms |", "| --- | --- |")
    for name, strata in POOLED.items():
        yield f"| {name} |" + row([pooled_alarms(strata, repeated, Random(SEED))])  # noqa: S311
    yield from ("", "| looked at every day, 10 % buy | false alarms |", "| --- | --- |")
    for size in SIZES:
        yield f"| {name_of(size)} |" + row([daily_alarms(size, 0.1, repeated, Random(SEED))])  # noqa: S311
    yield from ("", "| spend | groups | method | false alarms | power | coverage |", "|" + " --- |" * 6)
    for spend_name, spend in SPENDS.items():
        for size, (method_name, (method, rarer)) in ((size, each) for size in SIZES for each in METHODS.items()):
            random, better, times = Random(SEED), improved(size, spend), repeated // rarer  # noqa: S311
            alarms, _ = simulated(size, (spend, spend), method, times, random)
            with_it = simulated(size, (better, spend), method, times, random) if better else (None, None)
            yield f"| {spend_name} | {name_of(size)} | {method_name} |" + row([alarms, *with_it])


def power(size: tuple[int, int], rate: float) -> float | None:
    """How often the least difference that is said to be shown is shown."""
    least = least_difference(*size, rate)
    return None if least is None or rate + least >= 1 else shown(size, rate + least, rate)


def name_of(size: tuple[int, int]) -> str:
    """As it is told."""
    return f"{size[0]:,}/{size[1]:,}"


def row(shares: Iterator[float | None] | Sequence[float | None]) -> str:
    """The rest of a line."""
    return "".join(" - |" if share is None else f" {share:.1%} |" for share in shares)


def main(arguments: Sequence[str]) -> None:
    """Write what is found."""
    for line in lines(int(arguments[0]) if arguments else 800):
        sys.stdout.write(line + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
