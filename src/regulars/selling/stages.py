"""How long opportunities stay in a stage, those that are still in it included.

Of those alone that left a stage the slow ones are missing: they are in it. So the median is that of the Kaplan-Meier
curve, in which whoever is still there counts for as long as they have been there.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime
from itertools import groupby

from msgspec import Struct

from regulars.adapters.read_models.opportunities import State, read_paths
from regulars.crm_domain.instant import DAY, to_datetime
from regulars.measures.asked import Axes, asking
from regulars.selling.open_ones import filter_of, stages_told
from regulars.selling.states import CLOSED, Path, Stage, staged
from regulars.session.instants import instant_of
from regulars.session.session import Session
from regulars.session.traced import traced
from regulars.statistics.survival import Median, median


class Stay(Struct, frozen=True, gc=False):
    """One stay of an opportunity in a stage, in microseconds: whether it is over, and what it went on to."""

    pipeline: str
    stage: str
    lasted: int
    is_over: bool
    next: str | None


class StageStays(Struct, frozen=True):
    """The stays in one stage: by what time half of them are over, and how many went on to which stage, won or lost."""

    median: Median
    went_to: dict[str, int]


def stays(path: Path, at: int) -> Iterator[Stay]:
    """The stays of one opportunity up to an instant. Coming back into a stage is another stay."""
    begun = [each for each in path if each.since <= at]
    runs = [list(run) for _, run in groupby(begun, key=_stay_of)]
    for place, run in enumerate(runs):
        first, is_over = run[0], place + 1 < len(runs)
        if first.value in CLOSED:
            continue
        until = runs[place + 1][0].since if is_over else at
        went_to = runs[place + 1][0].value if is_over else None
        yield Stay(first.pipeline, first.value, until - first.since, is_over, went_to)


def _stay_of(state: State) -> tuple[str, str, int]:
    return state.pipeline, state.value, state.entered_at


def stays_by_stage(paths: Iterable[Path], at: int) -> dict[Stage, StageStays]:
    """The stays of some opportunities up to an instant, by pipeline and stage."""
    found: defaultdict[Stage, list[Stay]] = defaultdict(list)
    for path in paths:
        for stay in stays(path, at):
            found[stay.pipeline, stay.stage].append(stay)
    return {of: _summed(each) for of, each in found.items()}


def _summed(stays: list[Stay]) -> StageStays:
    went_to: defaultdict[str, int] = defaultdict(int)
    for stay in stays:
        if stay.next is not None:
            went_to[stay.next] += 1
    return StageStays(median((stay.lasted, stay.is_over) for stay in stays), dict(went_to))


# ------------------------------------------------------------------------------------------------------- as it is asked


class TimeInStage(Struct, frozen=True, kw_only=True):
    """How long opportunities stay in one stage: `stays` so far, `over` of them are over.

    Half of them are over after `median` days, with its 95 % interval; None is a time that is not reached in what was
    seen. `went_to` says how many went on to which stage, or were "won" or "lost".
    """

    pipeline: str
    stage: str
    stays: int
    over: int
    median: float | None
    low: float | None
    high: float | None
    went_to: Mapping[str, int]


class TimesInStages(Struct, frozen=True, kw_only=True):
    """The time in each stage as of an instant, in the order of the rules; stages that they don't have come last."""

    as_of: datetime
    where: Mapping[str, str]
    stages: tuple[TimeInStage, ...]


@traced("pipeline stages")
def find_times_in_stages(
    session: Session, as_of: datetime | date | None, where: Mapping[str, str], axes: Axes
) -> TimesInStages:
    """The time in each stage, of the opportunities that are in a filter by their last state.

    Raises ValueError for a filter that can't be.
    """
    with asking(session, axes) as asked:
        held = filter_of(asked.ruleset, where)
        moment = asked.now if as_of is None else instant_of(as_of, asked.zone)
        paths = (path for path in read_paths(asked.models, asked.tx.connection, 0, moment) if held([*staged(path)][-1]))
        found = stays_by_stage(paths, moment)
        ordered = stages_told(asked.ruleset, where, found)
    return TimesInStages(
        as_of=to_datetime(moment),
        where=dict(where),
        stages=tuple(_time(of, found.get(of, _NONE)) for of in ordered),
    )


_NONE = StageStays(median(()), {})


def _time(of: Stage, found: StageStays) -> TimeInStage:
    middle = found.median
    return TimeInStage(
        pipeline=of[0],
        stage=of[1],
        stays=middle.n,
        over=middle.over,
        median=_days(middle.time),
        low=_days(middle.low),
        high=_days(middle.high),
        went_to=dict(sorted(found.went_to.items())),
    )


def _days(time: int | None) -> float | None:
    return None if time is None else time / DAY
