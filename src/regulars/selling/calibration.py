"""Did what was forecast come true? Probabilities against what was won, and forecast sums against won ones.

A forecast is what was known on its day, by the rules then in force. It came true where the opportunity is won 180 days
later, so only forecasts at least that old count, and those that are still open count as not won.

An opportunity is forecast at the end of every month for which it is open, and what becomes of it is the same each time.
So it counts once for each band of probabilities, by the first month in which it was in it: then n is of opportunities,
and their interval isn't narrower than it may be.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from math import sqrt

from msgspec import Struct

from regulars.adapters.progress import Progress
from regulars.adapters.read_models.histories import History
from regulars.adapters.read_models.opportunities import State, states
from regulars.adapters.read_models.replay import replay
from regulars.adapters.schema.positions import LAST_POSITION
from regulars.adapters.store.transaction import Transaction
from regulars.crm_domain.instant import to_datetime
from regulars.measures.periods import Period, periods_between
from regulars.measures.revenue import money
from regulars.projections.engine.fold import Folded, FoldPlan, by_key
from regulars.projections.pipeline.projector import PIPELINE
from regulars.projections.verdict import Interval as Span
from regulars.selling.forecast import CERTAIN, ENOUGH, WINDOW
from regulars.selling.open_ones import shown
from regulars.selling.states import WON, Held, Staged, at, held_by, staged
from regulars.selling.waterfall import entry_of
from regulars.session.instants import first_instant_of, instant_of
from regulars.session.session import Session
from regulars.session.traced import traced
from regulars.statistics.proportions import Interval, Z, wilson

#: So many months are looked at, unless it is said otherwise.
MONTHS = 24

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


# ------------------------------------------------------------------------------------------------------- as it is asked


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


class _Eve(Struct, frozen=True, kw_only=True):
    """The last instant before a month: up to which position anything was known then, and how it was judged."""

    month: Period
    instant: int
    end: int
    until: int
    plan: FoldPlan


@traced("pipeline calibration")
def find_calibration(
    session: Session,
    since: date | None,
    until: date | None,
    where: Mapping[str, str],
    known_at: datetime | date | None,
    on_progress: Progress | None,
) -> PipelineCalibration:
    """The calibration over some months that are over, the last 24 unless given.

    The events of opportunities are read from the log once, and an opportunity is folded again for each eve by which
    anything new of its customer was known. Raises ValueError for months that can't be, and for another filter.
    """
    held = held_by(where)
    with session.store.reading() as tx:
        seen = session.viewpoint(tx, known_at)
        zone, now = seen.rules.zone, session.now()
        if known_at is not None:
            now = min(now, instant_of(known_at, zone))
        today = to_datetime(now).astimezone(zone)
        eves = _eves(session, tx, periods_between("month", since, until, today, before=MONTHS), now)
        currency = session.store.currency(tx.connection)
        looked = _Looked(eves, now, held)
        total = session.store.count_events(tx.connection)
        plan = FoldPlan(seen.rules, (PIPELINE,), takes=PIPELINE.handles)
        for each in replay(session.store, tx.connection, plan, LAST_POSITION if seen.until is None else seen.until):
            looked.at(each.history)
            if on_progress:
                on_progress(each.events_read, total)
    return PipelineCalibration(
        as_of=to_datetime(now),
        currency=currency,
        where=dict(where),
        brier=brier(looked.forecasts),
        bands=reliability(looked.forecasts),
        months=tuple(
            MonthCalibration(
                month=eve.month.name,
                expected=sums.expected,
                forecast=shown(Fraction(sums.weighted, CERTAIN), currency),
                closed=sums.closed,
                won=money(sums.won, currency),
            )
            for eve, sums in zip(eves, looked.months, strict=True)
        ),
    )


def _eves(session: Session, tx: Transaction, months: Sequence[Period], now: int) -> list[_Eve]:
    """The eves of the months that are over."""
    zone, plans, eves = session.rules(tx).zone, dict[str, FoldPlan](), list[_Eve]()
    for month in months:
        end, instant = month.end(zone), first_instant_of(month.first, zone) - 1
        if end > now:
            break
        seen = session.viewpoint(tx, to_datetime(instant))
        plan = plans.setdefault(seen.ruleset.digest(), FoldPlan(seen.rules, (PIPELINE,)))
        assert seen.until is not None  # it is over, so it isn't now
        eves.append(_Eve(month=month, instant=instant, end=end, until=seen.until, plan=plan))
    return eves


class _Sums(Struct):
    expected: int = 0
    weighted: int = 0
    closed: int = 0
    won: int = 0


class _Looked:
    """Looks at one customer after the other, and collects forecasts and the sums of each month."""

    def __init__(self, eves: Sequence[_Eve], now: int, held: Held) -> None:
        self._eves = eves
        self._now = now
        self._held = held
        self.forecasts: list[Forecast] = []
        self.months = [_Sums() for _ in eves]

    def at(self, history: History) -> None:
        """Look at one more customer; of whom projections are parked, nothing is looked at."""
        if history.poisons:
            return
        became = {key: tuple(staged(states(path))) for key, path in by_key(history.timelines[PIPELINE.name]).items()}
        for path in became.values():
            self._add_won(path)
        self.forecasts += first_in_bands(self._forecasts(history, became))

    def _add_won(self, path: Sequence[Staged]) -> None:
        if not any(each.state.value == WON for each in path):
            return
        for eve, sums in zip(self._eves, self.months, strict=True):
            entry = entry_of(path, eve.instant, eve.end, self._held)
            for part, amount in () if entry is None else entry.parts:
                if part == "won":
                    sums.closed += 1
                    sums.won += amount

    def _forecasts(self, history: History, became: Mapping[str, Sequence[Staged]]) -> Iterator[Forecast]:
        known, folded, plan = -1, dict[str, list[Span]](), None
        for eve, sums in zip(self._eves, self.months, strict=True):
            happened = [each for each in history.happened if each.position <= eve.until]
            if len(happened) != known or eve.plan is not plan:
                known, plan = len(happened), eve.plan
                folded = by_key(plan.fold(Folded(), happened)[PIPELINE.name])
            for key, intervals in folded.items():
                found = at(tuple(staged(states(intervals))), eve.instant)
                if found is None or not found.is_open or not self._held(found) or not _is_known(found.state, plan):
                    continue
                self._expect(found.state, eve, sums)
                if eve.instant + WINDOW <= self._now:
                    later = at(became[key], eve.instant + WINDOW)
                    came_true = later is not None and later.state.value == WON
                    yield Forecast(key, found.state.probability, came_true)

    def _expect(self, state: State, eve: _Eve, sums: _Sums) -> None:
        # The end of a day is the beginning of the next one.
        if state.expected_close is not None and eve.instant + 1 < state.expected_close <= eve.end + 1:
            sums.expected += 1
            sums.weighted += state.amount * state.probability


def _is_known(state: State, plan: FoldPlan) -> bool:
    """Whether the rules had the stage: of another one nothing was forecast."""
    return state.value in plan.rules.pipelines.get(state.pipeline, {})
