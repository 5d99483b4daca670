"""The forecasts that were made on the eve of each month, as known then, and what came of them.

The events of opportunities are read from the log once. An opportunity is folded again, without what was recorded later,
for each eve by which anything new was known of its customer; by the rules that were in force then.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from fractions import Fraction

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
from regulars.projections.verdict import Interval
from regulars.selling.calibration import (
    Forecast,
    MonthCalibration,
    PipelineCalibration,
    brier,
    first_in_bands,
    reliability,
)
from regulars.selling.forecast import CERTAIN, WINDOW
from regulars.selling.open_ones import filter_of, shown
from regulars.selling.states import WON, Held, Staged, at, staged
from regulars.selling.waterfall import entry_of
from regulars.session.instants import first_instant_of, instant_of
from regulars.session.session import Session
from regulars.session.traced import traced

#: So many months are looked at, unless it is said otherwise.
MONTHS = 24


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

    Raises ValueError for months that can't be, and for a filter that can't be.
    """
    with session.store.reading() as tx:
        seen = session.viewpoint(tx, known_at)
        held = filter_of(seen.ruleset, where)
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
        became = {key: _staged(path) for key, path in by_key(history.timelines[PIPELINE.name]).items()}
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
        known, folded, plan = -1, dict[str, list[Interval]](), None
        for eve, sums in zip(self._eves, self.months, strict=True):
            happened = [each for each in history.happened if each.position <= eve.until]
            if len(happened) != known or eve.plan is not plan:
                known, plan = len(happened), eve.plan
                folded = by_key(plan.fold(Folded(), happened)[PIPELINE.name])
            for key, intervals in folded.items():
                found = at(_staged(intervals), eve.instant)
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


def _staged(intervals: Sequence[Interval]) -> tuple[Staged, ...]:
    return tuple(staged(list(states(intervals))))
