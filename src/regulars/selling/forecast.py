"""What open opportunities are expected to bring: by the probabilities of the rules, and by what became of earlier ones.

Own history says which share was won within 180 days of entering a stage, of those that entered it at least 180 days
ago, whatever became of them. Of closed ones alone the share is too high where winning is quicker than losing: the slow
losses are still open. An opportunity counts once for a stage, from when it first entered it; it is won where it is won
at the end of its 180 days.

Sums are exact, and rounded once, when they are shown.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

from msgspec import Struct

from regulars.adapters.read_models.opportunities import State, read_paths
from regulars.crm_domain.instant import DAY, to_datetime
from regulars.measures.asked import Axes, asking
from regulars.measures.revenue import money
from regulars.selling.open_ones import filter_of, open_at, probabilities_of, shown, stages_told
from regulars.selling.states import CLOSED, WON, Path, Stage
from regulars.session.instants import instant_of
from regulars.session.session import Session
from regulars.session.traced import traced
from regulars.statistics.proportions import Interval, wilson

#: An opportunity has so many days to be won.
WINDOW_DAYS = 180
WINDOW = WINDOW_DAYS * DAY

#: Of fewer opportunities, a share says too little.
ENOUGH = 30

#: A probability is in hundredths of a percent.
CERTAIN = 10_000


class Won(Struct, frozen=True):
    """So many of `n` were won."""

    won: int
    n: int

    @property
    def share(self) -> Fraction | None:
        """The share that was won; None where there are too few to tell."""
        return Fraction(self.won, self.n) if self.n >= ENOUGH else None

    @property
    def interval(self) -> Interval | None:
        """The 95 % interval of the share (Wilson's); None of none at all."""
        return wilson(self.won, self.n)


class Expected(Struct, frozen=True, kw_only=True):
    """So many open opportunities, and what they are expected to bring in minor units: by the rules, and by own history.

    The latter is None where any of them is in a stage whose history is too short; `untold` is how many are. Of
    `unpriced` ones no amount is known, so they add nothing.
    """

    opportunities: int
    amount: int
    by_rules: Fraction
    by_history: Fraction | None
    untold: int
    unpriced: int


def won_by_stage(paths: Iterable[Path], at: int) -> dict[Stage, Won]:
    """What became of the opportunities that entered a stage at least 180 days before an instant."""
    won: defaultdict[Stage, int] = defaultdict(int)
    entered: defaultdict[Stage, int] = defaultdict(int)
    for path in paths:
        for stage, since in _entries(path).items():
            end = since + WINDOW
            if end <= at:
                entered[stage] += 1
                won[stage] += any(each.value == WON and each.since <= end < each.until for each in path)
    return {stage: Won(won[stage], n) for stage, n in entered.items()}


def _entries(path: Path) -> dict[Stage, int]:
    """When an opportunity first entered each of its stages."""
    found: dict[Stage, int] = {}
    for state in path:
        if state.value not in CLOSED:
            found.setdefault((state.pipeline, state.value), state.since)
    return found


def expected(open_states: Iterable[State], history: Mapping[Stage, Won]) -> Expected:
    """What some open opportunities are expected to bring."""
    count = amount = weighted = untold = unpriced = 0
    told = Fraction(0)
    for state in open_states:
        count += 1
        amount += state.amount
        weighted += state.amount * state.probability
        unpriced += not state.amount
        won = history.get((state.pipeline, state.value))
        share = None if won is None else won.share
        if share is None:
            untold += 1
        else:
            told += share * state.amount
    return Expected(
        opportunities=count,
        amount=amount,
        by_rules=Fraction(weighted, CERTAIN),
        by_history=None if untold else told,
        untold=untold,
        unpriced=unpriced,
    )


# ------------------------------------------------------------------------------------------------------- as it is asked


class Sums(Struct, frozen=True, kw_only=True):
    """So many open opportunities, and what they are expected to bring, in the store's currency.

    `by_rules` is by the probabilities of the rules, `by_history` by own history: None where any is in a stage of which
    that tells too little; `untold` is how many are. Of `unpriced` ones no amount is known, so they add nothing.
    """

    opportunities: int
    amount: Decimal
    by_rules: Decimal
    by_history: Decimal | None
    untold: int
    unpriced: int


class StageForecast(Struct, frozen=True, kw_only=True):
    """One stage: its probability by the rules from 0 to 1, and which share of those that entered it at least 180 days
    ago was `won` within 180 days, of `entered`, with its 95 % interval (Wilson).

    `share` is None of fewer than 30. A stage that the rules don't have has probability 0.
    """

    pipeline: str
    stage: str
    probability: Decimal
    won: int
    entered: int
    share: float | None
    interval: Interval | None
    sums: Sums


class MonthForecast(Struct, frozen=True, kw_only=True):
    """What is expected to be closed in a month. It `is_overdue` where that lies before the day of the forecast; None is
    without a day.
    """

    month: str | None
    is_overdue: bool
    sums: Sums


class PipelineForecast(Struct, frozen=True, kw_only=True):
    """What is open as of an instant is expected to bring: by stage in the order of the rules, by month, and in all.

    `overdue` is the sum of the months, and of the part of one, that are.
    """

    as_of: datetime
    currency: str | None
    where: Mapping[str, str]
    stages: tuple[StageForecast, ...]
    months: tuple[MonthForecast, ...]
    overdue: Sums
    total: Sums


@traced("pipeline forecast")
def find_forecast(
    session: Session, as_of: datetime | date | None, where: Mapping[str, str], axes: Axes
) -> PipelineForecast:
    """The forecast as of an instant. Own history is that of all opportunities, whatever the filter.

    Raises ValueError for a filter that can't be.
    """
    with asking(session, axes) as asked:
        held = filter_of(asked.ruleset, where)
        moment = asked.now if as_of is None else instant_of(as_of, asked.zone)
        history = won_by_stage(read_paths(asked.models, asked.tx.connection, 0, moment), moment)
        found = list(open_at(asked, moment, held))
        by_stage, by_month = defaultdict[Stage, list[State]](list), defaultdict[_Month, list[State]](list)
        for state in found:
            by_stage[state.pipeline, state.value].append(state)
            by_month[_month(state, moment, asked.zone)].append(state)
        probabilities = probabilities_of(asked.ruleset)
        ordered = stages_told(asked.ruleset, where, by_stage)
        return PipelineForecast(
            as_of=to_datetime(moment),
            currency=asked.currency,
            where=dict(where),
            stages=tuple(
                _stage(of, probabilities.get(of, 0), by_stage.get(of, []), history, asked.currency) for of in ordered
            ),
            months=tuple(
                MonthForecast(
                    month=name or None,
                    is_overdue=not is_ahead,
                    sums=_sums(expected(states, history), asked.currency),
                )
                for (_, name, is_ahead), states in sorted(by_month.items())
            ),
            overdue=_sums(expected((each for each in found if _is_overdue(each, moment)), history), asked.currency),
            total=_sums(expected(found, history), asked.currency),
        )


#: Those without a day come last; the month's name, "" for none; whether the day is still to come.
_Month = tuple[bool, str, bool]


def _month(state: State, at: int, zone: ZoneInfo) -> _Month:
    if state.expected_close is None:
        return True, "", True
    last = to_datetime(state.expected_close - 1).astimezone(zone)  # the end of a day is the beginning of the next one
    return False, f"{last:%Y-%m}", not _is_overdue(state, at)


def _is_overdue(state: State, at: int) -> bool:
    return state.expected_close is not None and state.expected_close <= at


def _stage(
    of: Stage, probability: int, states: list[State], history: Mapping[Stage, Won], currency: str | None
) -> StageForecast:
    won = history.get(of, Won(0, 0))
    return StageForecast(
        pipeline=of[0],
        stage=of[1],
        probability=Decimal(probability).scaleb(-4),
        won=won.won,
        entered=won.n,
        share=None if won.share is None else float(won.share),
        interval=won.interval,
        sums=_sums(expected(states, history), currency),
    )


def _sums(found: Expected, currency: str | None) -> Sums:
    return Sums(
        opportunities=found.opportunities,
        amount=money(found.amount, currency),
        by_rules=shown(found.by_rules, currency),
        by_history=None if found.by_history is None else shown(found.by_history, currency),
        untold=found.untold,
        unpriced=found.unpriced,
    )
