"""Answers about a pipeline as people read them in 80 columns, and as rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import dropwhile
from zoneinfo import ZoneInfo

from rich.cells import cell_len
from rich.console import ConsoleRenderable
from rich.table import Table
from rich.text import Text

from regulars.cli import render
from regulars.selling.calibration import Band, MonthCalibration, PipelineCalibration
from regulars.selling.forecast import ENOUGH, WINDOW_DAYS, PipelineForecast, StageForecast, Sums
from regulars.selling.pipeline import OpportunityView, Pipeline, PipelineLine
from regulars.selling.stages import TimeInStage, TimesInStages
from regulars.selling.waterfall import Open, StageMove, Waterfall
from regulars.statistics.proportions import Interval

Drawn = Iterator[ConsoleRenderable | str]
Rows = Iterator[list[object]]

NOBODY = "none"
TOO_FEW = "too few"
CANT_TELL = "can't tell"
OVERDUE = "overdue"
_ALL = "all"
#: A name is never cut to less than the one; columns stand closer for it to have the other.
_LEAST, _READABLE = 8, 24
#: What is drawn for a part of a waterfall.
_SAID: Mapping[str, str] = {"moved_in": "moved in", "moved_out": "moved out"}


def _table(titles: Sequence[str], rows: Sequence[Sequence[str]], *, words: int = 1, wrapped: int = 0) -> Table:
    """The first columns to the left, numbers to the right, and last those that wrap. Where there is no room the gaps
    give way, and the first ones; numbers and titles never do.
    """
    written = [[render.clean(cell) for cell in row] for row in rows]
    numbers = range(words, len(titles) - wrapped)
    widths = [max(map(cell_len, column)) for column in zip(titles, *written, strict=True)]
    least = [
        width if place in numbers else max(_LEAST, cell_len(title))
        for place, (title, width) in enumerate(zip(titles, widths, strict=True))
    ]
    wanted = sum(max(each, min(width, _READABLE)) for each, width in zip(least, widths, strict=True))
    gap = 2 if wanted + 2 * len(titles) <= render.LEAST else 1
    made = Table(box=None, padding=(0, gap, 0, 0), header_style="bold", pad_edge=False)
    for place, (title, width) in enumerate(zip(titles, least, strict=True)):
        made.add_column(
            Text(title, no_wrap=True),
            justify="right" if place in numbers else "left",
            no_wrap=place in numbers,
            overflow="ellipsis",
            min_width=width,
        )
    for row in written:
        may_wrap = (place >= numbers.stop for place in range(len(row)))
        made.add_row(
            *(Text(cell, overflow="ellipsis", no_wrap=not each) for cell, each in zip(row, may_wrap, strict=True))
        )
    return made


def _money(amount: Decimal | None) -> str:
    return CANT_TELL if amount is None else f"{amount:,}"


def _in(currency: str | None) -> str:
    return f"in {currency}" if currency else "in no currency yet"


def _picked(where: Mapping[str, str]) -> str:
    return f", {' and '.join(f'{name} {value}' for name, value in where.items())}" if where else ""


def _dim(text: str) -> Text:
    return Text(text, style="dim")


def _interval(interval: Interval | None) -> str:
    return "" if interval is None else f"{100 * interval.low:.0f}-{100 * interval.high:.0f}"


def _is_one(pipelines: Sequence[str | None]) -> bool:
    return len(set(pipelines)) <= 1


def _stage(pipeline: str | None, stage: str | None, is_one: bool) -> str:
    """How a stage is called: with its pipeline, where there are several."""
    return (stage or NOBODY) if is_one or pipeline is None else f"{pipeline}: {stage}"


# ------------------------------------------------------------------------------------------------------ what is open


def pipeline(found: Pipeline, heading: str) -> Drawn:
    """A row for each stage, owner or source, and one for all."""
    yield f"{heading}{_picked(found.where)}, {_in(found.currency)}"
    yield ""
    if not found.total.opportunities:
        yield "No opportunity is open."
        return
    is_one = _is_one([each.pipeline for each in found.lines])
    rows = [_line(each, _stage(each.pipeline, each.group, is_one)) for each in found.lines]
    titles = (found.by.capitalize(), "Open", "Worth", "Expected", "Stale", "Worth")
    yield _table(titles, [*rows, _line(found.total, _ALL)])
    if found.total.unpriced:
        yield _dim(f"\nNo amount is known of {found.total.unpriced:,} of them, so they add nothing.")


def _line(each: PipelineLine, name: str) -> tuple[str, ...]:
    stale = (f"{each.stale:,}", f"{each.stale_amount:,}") if each.stale else ("", "")
    return name, f"{each.opportunities:,}", f"{each.amount:,}", f"{each.expected:,}", *stale


def pipeline_rows(found: Pipeline) -> Rows:
    """A row for each stage, owner or source."""
    fields = ("opportunities", "amount", "expected", "unpriced", "stale", "stale_amount")
    yield ["pipeline", found.by, *fields]
    for each in found.lines:
        yield [each.pipeline, each.group, *(getattr(each, name) for name in fields)]


def stale(found: Sequence[OpportunityView], limit: int, heading: str) -> Drawn:
    """A row for each opportunity, as far as a limit."""
    yield heading
    yield ""
    if not found:
        yield "No open opportunity is stale."
        return
    shown = found[:limit]
    rows = [
        (
            each.opportunity_id,
            each.ref or f"id:{each.customer_id}",
            each.stage,
            each.owner or "",
            f"{each.days:,}",
            f"{each.amount:,}",
        )
        for each in shown
    ]
    yield _table(("Opportunity", "Customer", "Stage", "Owner", "Days in it", "Worth"), rows, words=4)
    if len(found) > limit:
        yield _dim(f"\nThe {limit} that are worth most; --limit N shows more, --csv and --json list all.")


def stale_rows(found: Sequence[OpportunityView]) -> Rows:
    """A row for each opportunity."""
    fields = ("opportunity_id", "customer_id", "ref", "name", "pipeline", "stage", "days", "amount", "owner")
    yield [*fields]
    for each in found:
        yield [str(value) if name == "customer_id" else value for name in fields for value in (getattr(each, name),)]


def stages(found: TimesInStages, heading: str) -> Drawn:
    """A row for each stage."""
    yield f"{heading}{_picked(found.where)}"
    yield ""
    is_one = _is_one([each.pipeline for each in found.stages])
    rows = [
        (_stage(each.pipeline, each.stage, is_one), f"{each.stays:,}", f"{each.over:,}", _days(each), _went(each))
        for each in found.stages
    ]
    yield _table(("Stage", "Stays", "Over", "Days (95 %)", "Went on to"), rows, wrapped=1)
    yield _dim("\nBy then half of the stays are over; those that last count as far as they go.")


def _days(each: TimeInStage) -> str:
    if each.median is None:
        return CANT_TELL
    low, high = ("…" if end is None else f"{end:.0f}" for end in (each.low, each.high))
    return f"{each.median:.0f} ({low}-{high})"


def _went(each: TimeInStage) -> str:
    return ", ".join(f"{stage} {count:,}" for stage, count in each.went_to.items())


def stage_rows(found: TimesInStages) -> Rows:
    """A row for each stage and for where its stays went on to."""
    yield ["pipeline", "stage", "stays", "over", "median_days", "low", "high", "went_to", "times"]
    for each in found.stages:
        days = [None if end is None else Decimal(f"{end:.2f}") for end in (each.median, each.low, each.high)]
        for stage, times in each.went_to.items() or ((None, 0),):
            yield [each.pipeline, each.stage, each.stays, each.over, *days, stage, times]


# -------------------------------------------------------------------------------------------------------- waterfall


def waterfall(found: Waterfall, subheading: str, zone: ZoneInfo) -> Drawn:
    """The sum with its parts, and the moves between stages."""
    first, second = (render.minute(each, zone) for each in (found.first, found.second))
    seen = f", {subheading}" if subheading else ""
    due = ", if nothing else happens by then" if found.is_due else ""
    yield f"From {first} to {second}{seen}{_picked(found.where)}, {_in(found.currency)}{due}"
    yield ""
    rows = [_end(f"open {first}", found.before)]
    for part in found.parts:
        if part.opportunities or part.part not in ("moved_in", "moved_out"):
            sign = ("−" if part.takes else "+") if part.opportunities else ""
            rows.append((_SAID.get(part.part, part.part), f"{part.opportunities:,}", f"{sign}{part.amount:,}"))
    yield _table(("", "Opportunities", "Worth"), [*rows, _end(f"open {second}", found.after)])
    moves = [each for each in found.moves if each.before != each.after]
    if moves:
        yield ""
        yield _moves(moves)


def _end(name: str, found: Open) -> tuple[str, ...]:
    return name, f"{found.opportunities:,}", f"{found.amount:,}"


def _moves(moves: Sequence[StageMove]) -> Table:
    is_one = _is_one([each.pipeline for each in moves])

    def name(move: StageMove, stage: str | None) -> str:
        return (move.elsewhere or NOBODY) if stage is None else _stage(move.pipeline, stage, is_one)

    rows = [
        (
            name(each, each.before),
            name(each, each.after),
            f"{each.opportunities:,}",
            f"{each.amount:,}",
        )
        for each in moves
    ]
    return _table(("From", "To", "Opportunities", "Worth"), rows, words=2)


def waterfall_rows(found: Waterfall) -> Rows:
    """A row for each end, part and move; what is taken is below zero, so that parts add up to the second end."""
    yield ["row", "pipeline", "before", "after", "elsewhere", "opportunities", "amount"]
    yield ["first", None, None, None, None, found.before.opportunities, found.before.amount]
    for part in found.parts:
        yield [part.part, None, None, None, None, part.opportunities, -part.amount if part.takes else part.amount]
    yield ["second", None, None, None, None, found.after.opportunities, found.after.amount]
    for each in found.moves:
        yield ["move", each.pipeline, each.before, each.after, each.elsewhere, each.opportunities, each.amount]


# --------------------------------------------------------------------------------------------------------- forecast


def forecast(found: PipelineForecast, heading: str) -> Drawn:
    """A row for each stage, and one for all."""
    yield f"{heading}{_picked(found.where)}, {_in(found.currency)}"
    yield ""
    is_one = _is_one([each.pipeline for each in found.stages])
    rows = [(_stage(each.pipeline, each.stage, is_one), *_forecast(each)) for each in found.stages]
    total = (_ALL, *_sums(found.total)[:2], "", _money(found.total.by_rules), "", "", _money(found.total.by_history))
    yield _table(("Stage", "Open", "Worth", "Rules", "Expected", "History", "n", "Expected"), [*rows, total])
    yield _dim(
        f"\nHistory: won within {WINDOW_DAYS} days of entering the stage, of n that entered it at\n"
        "least as long ago, open ones included (95 % interval), in the whole store,\n"
        f"whatever --where. Fewer than {ENOUGH} are too few."
    )
    yield from _untold(found.total)


def _forecast(each: StageForecast) -> tuple[str, ...]:
    share = TOO_FEW if each.share is None else f"{100 * each.share:.0f} % ({_interval(each.interval)})"
    probability = f"{float(100 * each.probability):g} %"
    by_history = _money(each.sums.by_history) if each.sums.opportunities else ""
    expected = _money(each.sums.by_rules) if each.sums.opportunities else ""
    return *_sums(each.sums)[:2], probability, expected, share, f"{each.entered:,}", by_history


def _sums(sums: Sums) -> tuple[str, ...]:
    return f"{sums.opportunities:,}", f"{sums.amount:,}", _money(sums.by_rules), _money(sums.by_history)


def _untold(sums: Sums) -> Drawn:
    if sums.untold:
        yield _dim(f"{sums.untold:,} of {sums.opportunities:,} are in stages of which own history can't tell.")


def months(found: PipelineForecast, heading: str) -> Drawn:
    """A row for each month, and one for all."""
    yield f"{heading}{_picked(found.where)}, {_in(found.currency)}"
    yield ""
    rows = [(each.month or "no day said", *_sums(each.sums)) for each in found.months if not each.is_overdue]
    overdue = (OVERDUE, *_sums(found.overdue))
    titles = ("To be closed", "Open", "Worth", "By the rules", "By history")
    yield _table(titles, [*([overdue] if found.overdue.opportunities else []), *rows, (_ALL, *_sums(found.total))])
    yield _dim("\nBy history: by the shares that `pipeline forecast` shows, with their n.")
    if found.overdue.opportunities:
        yield _dim("Overdue ones were to be closed by now; --csv and --json have their months.")
    yield from _untold(found.total)


_OF_SUMS = ("opportunities", "amount", "by_rules", "by_history", "untold", "unpriced")


def forecast_rows(found: PipelineForecast) -> Rows:
    """A row for each stage."""
    yield ["pipeline", "stage", "probability", "won", "entered", "share", "low", "high", *_OF_SUMS]
    for each in found.stages:
        ends = (None, None) if each.interval is None else (each.interval.low, each.interval.high)
        shares = map(_to_four_places, (each.share, *ends))
        sums = (getattr(each.sums, name) for name in _OF_SUMS)
        yield [each.pipeline, each.stage, each.probability, each.won, each.entered, *shares, *sums]


def month_rows(found: PipelineForecast) -> Rows:
    """A row for each month."""
    yield ["month", "is_overdue", *_OF_SUMS]
    for each in found.months:
        yield [each.month, int(each.is_overdue), *(getattr(each.sums, name) for name in _OF_SUMS)]


def _to_four_places(share: float | None) -> Decimal | None:
    return None if share is None else Decimal(f"{share:.4f}")


# ------------------------------------------------------------------------------------------------------ calibration


def calibration(found: PipelineCalibration) -> Drawn:
    """The score, the bands, and the months from the first one of which anything was known or won."""
    brier = found.brier
    if not brier.n:
        yield f"{CANT_TELL.capitalize()}: of no forecast of these months it is known yet what became of it."
    elif brier.score is None or brier.interval is None:
        yield f"Brier score: {CANT_TELL}; there are {brier.n} forecasts, and {ENOUGH} would be enough."
    else:
        low, high = brier.interval.low, brier.interval.high
        yield f"Brier score {brier.score:.3f} (95 %: {low:.3f}-{high:.3f}), n = {brier.n:,}; 0 is perfect,"
        yield f"and always forecasting the share that was won gives {brier.constant:.3f}."
    if found.bands:
        yield ""
        titles = ("Probability", "n", "Mean", "Won", "Share (95 %)", "")
        yield _table(titles, [_band(each) for each in found.bands])
    shown = list(dropwhile(lambda each: not (each.expected or each.closed), found.months))
    if shown:
        yield ""
        yield _table(
            ("Month", "Expected", f"Forecast {_in(found.currency)}", "Won", "Worth"), list(map(_sums_of, shown))
        )
    yield _dim(
        "\nForecasts are those of the eve of each month, as known on it, by the rules then\n"
        f"in force. Above: won {WINDOW_DAYS} days later, each opportunity once for each tenth. Months:\n"
        "what was expected to be closed in it, against all that was won in it."
    )


def _band(each: Band) -> tuple[str, ...]:
    share = f"{100 * each.share:.0f} % ({_interval(each.interval)})"
    mark = "" if each.fits else ("forecast too high" if each.probability > each.share else "forecast too low")
    bounds = f"{100 * each.low:.0f}-{100 * each.high:.0f} %"
    return bounds, f"{each.n:,}", f"{100 * each.probability:.0f} %", f"{each.won:,}", share, mark


def _sums_of(each: MonthCalibration) -> tuple[str, ...]:
    return each.month, f"{each.expected:,}", f"{each.forecast:,}", f"{each.closed:,}", f"{each.won:,}"


def calibration_rows(found: PipelineCalibration) -> Rows:
    """A row for each month."""
    yield ["month", "expected", "forecast", "closed", "won"]
    for each in found.months:
        yield [each.month, each.expected, each.forecast, each.closed, each.won]
