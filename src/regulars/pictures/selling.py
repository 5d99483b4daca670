"""A pipeline's waterfall, and how well its forecasts were calibrated, as pictures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import tzinfo
from decimal import Decimal

from msgspec import Struct

from regulars.pictures.estimates import Estimated, Estimates, Panel
from regulars.pictures.parts import (
    INK,
    LINE,
    SMALL,
    WEAK,
    Look,
    element,
    looks,
    picture,
    steps_to,
    text,
    titled,
    width_of,
)
from regulars.selling.calibration import Band, PipelineCalibration
from regulars.selling.waterfall import Open, Waterfall

_AXIS, _ROW, _TOP = 420, 26, 50
_PERCENT = (0, 20, 40, 60, 80, 100)
_OPEN, _ADDS, _TAKES = "open", "adds", "takes"


class _Bar(Struct, frozen=True):
    """One bar, from one amount to another."""

    name: str
    kind: str
    low: Decimal
    high: Decimal
    said: str


def waterfall(found: Waterfall, zone: tzinfo) -> str:
    """A bar for each end, and between them one for each part that there is, which begins where the one before ended."""
    first, second = (f"{each.astimezone(zone):%Y-%m-%d}" for each in (found.first, found.second))
    bars = list(_bars(found, first, second))
    left = 32 + max(width_of(bar.name) for bar in bars)
    beside = max(width_of(bar.said, SMALL) for bar in bars)
    marks = [*steps_to(max(1.0, *(float(bar.high) for bar in bars)))]
    fills, patterns = looks([_OPEN, _ADDS, _TAKES])
    bottom = _TOP + _ROW * len(bars)

    def x(amount: Decimal | int) -> float:
        return left + _AXIS * float(amount) / marks[-1]

    drawn = [patterns]
    for mark in marks:
        drawn.append(element("line", x1=x(mark), y1=_TOP - 4, x2=x(mark), y2=bottom, stroke=LINE if mark else WEAK))
        drawn.append(text(x(mark), bottom + 14, f"{mark:,}", weak=True, text_anchor="middle"))
    for place, bar in enumerate(bars):
        drawn += _drawn(bar, x(bar.low), x(bar.high), _TOP + _ROW * place, fills[bar.kind], left + _AXIS + 24)
    whose = "".join(f", {name} {value}" for name, value in found.where.items())
    title = f"Pipeline from {first} to {second} in {found.currency or 'no currency yet'}{whose}"
    told = "What was open, what came to it and what was taken from it, and what is open. "
    width = max(left + _AXIS + 40 + beside, width_of(title, 15) + 32)
    return picture(title, told + " ".join(f"{bar.name}: {bar.said}." for bar in bars), round(width), bottom + 28, drawn)


def _bars(found: Waterfall, first: str, second: str) -> Iterator[_Bar]:
    """The bars in order; what adds comes first, so that none reaches below zero."""
    yield _end(f"open {first}", found.before)
    reached = found.before.amount
    for part in sorted((each for each in found.parts if each.opportunities), key=lambda each: each.takes):
        came = reached
        reached += -part.amount if part.takes else part.amount
        kind, said = (_TAKES, "−") if part.takes else (_ADDS, "+")
        said += f"{part.amount:,} ({part.opportunities:,})"
        yield _Bar(part.part.replace("_", " "), kind, min(came, reached), max(came, reached), said)
    yield _end(f"open {second}", found.after)


def _end(name: str, found: Open) -> _Bar:
    return _Bar(name, _OPEN, Decimal(0), found.amount, f"{found.amount:,} ({found.opportunities:,})")


def _drawn(bar: _Bar, low: float, high: float, y: float, look: Look, beside: float) -> Sequence[str]:
    box = element("rect", x=low, y=y, width=max(high - low, 1.0), height=_ROW - 8, fill=look.fill, stroke=look.edge)
    return (
        text(16, y + 13, bar.name, fill=INK),
        titled(f"{bar.name}: {bar.said}", box),
        text(beside, y + 13, bar.said, weak=True),
    )


def calibration(found: PipelineCalibration) -> Estimates:
    """Of each band, the share that was won with its interval, and the mean probability beside it."""
    brier = found.brier
    score = f"can't tell, n = {brier.n:,}" if brier.score is None else f"{brier.score:.3f}, n = {brier.n:,}"
    return Estimates(
        title=f"Forecasts and what was won, as of {found.as_of:%Y-%m-%d}; Brier score {score}",
        told="A dot is the share that was won, the line its 95 % interval; beside it the mean that was forecast.",
        panels=[Panel(title="Won 180 days later, %", marks=_PERCENT, rows=[_band(each) for each in found.bands])],
    )


def _band(each: Band) -> Estimated:
    value, low, high = (round(100 * number) for number in (each.share, each.interval.low, each.interval.high))
    return Estimated(
        group=f"{100 * each.low:.0f}-{100 * each.high:.0f} %",
        value=value,
        low=low,
        high=high,
        said=f"{value} ({low} to {high}), n = {each.n:,}; forecast {100 * each.probability:.0f}",
    )
