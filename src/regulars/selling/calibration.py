"""Did what was forecast come true? Probabilities against what was won, and forecast sums against won ones.

A forecast is what was known on its day, by the rules then in force. It came true where the opportunity is won 180 days
later, so only forecasts at least that old count, and those that are still open count as not won.

An opportunity is forecast at the end of every month for which it is open, and what becomes of it is the same each time.
So it counts once for each band of probabilities, by the first month in which it was in it: then n is of opportunities,
and their interval isn't narrower than it may be.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from math import sqrt

from msgspec import Struct

from regulars.selling.forecast import CERTAIN, ENOUGH
from regulars.statistics.proportions import Interval, Z, wilson

#: So many bands of probabilities, each of a tenth.
BANDS = 10


class Forecast(Struct, frozen=True, gc=False):
    """One opportunity as it was forecast on a day: its probability in hundredths of a percent, and what came of it."""

    opportunity: str
    probability: int
    came_true: bool


class Band(Struct, frozen=True, kw_only=True):
    """The forecasts of one band: their mean probability, and how many of n came true, with the share and its interval.

    `low` and `high` bound the probabilities, from 0 to 1; the higher bound is outside, but for 1.
    """

    low: float
    high: float
    n: int
    probability: float
    won: int
    share: float
    interval: Interval

    @property
    def fits(self) -> bool:
        """Whether the mean probability lies in the interval of what came true."""
        return self.interval.low <= self.probability <= self.interval.high


class Brier(Struct, frozen=True):
    """The mean squared difference between probabilities and what came true: 0 is perfect, and one half for everything
    gives 0.25 (G. W. Brier, Monthly Weather Review 78 (1950), 1-3).

    `constant` is that of always forecasting the share that came true. Of fewer than 30 forecasts all but n is None.
    """

    n: int
    score: float | None
    interval: Interval | None
    constant: float | None


def first_in_bands(forecasts: Iterable[Forecast]) -> tuple[Forecast, ...]:
    """Of each opportunity the first forecast in each band, of forecasts in order of their days."""
    found: dict[tuple[str, int], Forecast] = {}
    for each in forecasts:
        found.setdefault((each.opportunity, _band(each.probability)), each)
    return tuple(found.values())


def reliability(forecasts: Iterable[Forecast]) -> tuple[Band, ...]:
    """The bands that have any forecast, the lowest first."""
    bands: defaultdict[int, list[Forecast]] = defaultdict(list)
    for each in forecasts:
        bands[_band(each.probability)].append(each)
    return tuple(_summed(place, each) for place, each in sorted(bands.items()))


def _band(probability: int) -> int:
    return min(probability * BANDS // CERTAIN, BANDS - 1)


def _summed(place: int, forecasts: list[Forecast]) -> Band:
    n, won = len(forecasts), sum(each.came_true for each in forecasts)
    interval = wilson(won, n)
    assert interval is not None
    return Band(
        low=place / BANDS,
        high=(place + 1) / BANDS,
        n=n,
        probability=sum(each.probability for each in forecasts) / (n * CERTAIN),
        won=won,
        share=won / n,
        interval=interval,
    )


def brier(forecasts: Iterable[Forecast]) -> Brier:
    """The Brier score with its 95 % interval: 1.96 standard errors of the mean to each side."""
    found = list(forecasts)
    n, won = len(found), sum(each.came_true for each in found)
    if n < ENOUGH:
        return Brier(n, None, None, None)
    squares = [(each.probability - CERTAIN * each.came_true) ** 2 for each in found]
    unit, total = CERTAIN * CERTAIN, sum(squares)
    score = total / (n * unit)
    variance = (n * sum(each * each for each in squares) - total * total) / (n * n * (n - 1) * unit * unit)
    half = Z * sqrt(variance)
    interval = Interval(low=max(0.0, score - half), high=min(1.0, score + half))
    return Brier(n, score, interval, won * (n - won) / (n * n))


class MonthCalibration(Struct, frozen=True, kw_only=True):
    """What was forecast for a month on its eve, and what was won in it.

    `forecast` is the sum of the amounts, each times its probability, of the opportunities that were `expected` to be
    closed in the month; `won` is that of all that were `closed` as won in it, in the store's currency.
    """

    month: str
    expected: int
    forecast: Decimal
    closed: int
    won: Decimal


class PipelineCalibration(Struct, frozen=True, kw_only=True):
    """Forecasts of the eves of some months against what came of them, as known by `as_of`.

    `bands` and `brier` are of the forecasts that are at least 180 days old, each opportunity once a band.
    """

    as_of: datetime
    currency: str | None
    where: Mapping[str, str]
    brier: Brier
    bands: tuple[Band, ...]
    months: tuple[MonthCalibration, ...]
