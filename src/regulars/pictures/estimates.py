"""Estimates with their intervals: a mark on a line from the low to the high end, and the numbers written beside.

One panel for each thing that was estimated, one row for each group, so that groups are compared at a glance.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import Struct

from regulars.pictures.parts import INK, LINE, SMALL, WEAK, Number, element, picture, text, titled, width_of

_AXIS, _ROW, _HEAD, _TOP = 320, 22, 30, 44


class Estimated(Struct, frozen=True, kw_only=True):
    """An estimate of a group: None where it can't be told, and without an interval where it was counted."""

    group: str
    value: Number | None
    low: Number | None
    high: Number | None
    said: str


class Panel(Struct, frozen=True, kw_only=True):
    """One thing that was estimated, on an axis that has `marks`, the lowest first."""

    title: str
    marks: Sequence[Number]
    rows: Sequence[Estimated]


class Estimates(Struct, frozen=True, kw_only=True):
    """A picture of panels, one below the other. `told` says in words what they are; the numbers follow it."""

    title: str
    told: str
    panels: Sequence[Panel]


def estimates(drawn: Estimates) -> str:
    """Panels of estimates. Each number is written, so that the marks only repeat it."""
    everything = [row for panel in drawn.panels for row in panel.rows]
    left = 32 + max((width_of(row.group) for row in everything), default=0)
    beside = max((width_of(row.said, SMALL) for row in everything), default=0)
    elements: list[str] = []
    y = float(_TOP)
    for panel in drawn.panels:
        elements += _panel(panel, left, y)
        y += _HEAD + _ROW * len(panel.rows) + 30
    told = " ".join(f"{panel.title}, {row.group}: {row.said}." for panel in drawn.panels for row in panel.rows)
    width = max(left + _AXIS + 20 + beside + 16, width_of(drawn.title, 15) + 32)
    return picture(drawn.title, f"{drawn.told} {told}", round(width), round(y), elements)


def _panel(panel: Panel, left: float, top: float) -> Iterator[str]:
    first, last = panel.marks[0], panel.marks[-1]
    bottom = top + _HEAD + _ROW * len(panel.rows)

    def x(number: Number) -> float:
        return left + _AXIS * (min(max(number, first), last) - first) / (last - first)

    yield text(16, top + 16, panel.title, font_weight=600)
    for mark in panel.marks:
        yield element("line", x1=x(mark), y1=top + _HEAD - 4, x2=x(mark), y2=bottom, stroke=LINE if mark else WEAK)
        yield text(x(mark), bottom + 14, f"{mark:,}", weak=True, text_anchor="middle")
    for place, row in enumerate(panel.rows):
        y = top + _HEAD + _ROW * (place + 0.5)
        yield text(16, y + 4, row.group)
        ends = [x(each) for each in (row.low, row.value, row.high) if each is not None]
        if ends:
            yield titled(f"{panel.title}, {row.group}: {row.said}", *_marked(ends, y))
        yield text(left + _AXIS + 20, y + 4, row.said, weak=True)


def _marked(ends: Sequence[float], y: float) -> Iterator[str]:
    """A dot, on a line with ends where there is an interval: low, value, high."""
    if len(ends) > 1:
        low, _, high = ends
        yield element("line", x1=low, y1=y, x2=high, y2=y, stroke=INK, stroke_width=2)
        for end in (low, high):
            yield element("line", x1=end, y1=y - 5, x2=end, y2=y + 5, stroke=INK, stroke_width=2)
    yield element("circle", cx=ends[len(ends) // 2], cy=y, r=4, fill=INK)
