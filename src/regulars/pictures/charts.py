"""Charts of numbers over months or weeks, and tables shaded by share.

What is due is paler and has dashed edges, and stands behind a line that says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct

from regulars.pictures.parts import (
    CARD,
    INK,
    LINE,
    SMALL,
    WEAK,
    Look,
    Number,
    element,
    legend,
    looks,
    picture,
    steps_to,
    text,
    titled,
    width_of,
)

_WIDTH, _LEFT, _RIGHT, _TOP, _HIGH = 760, 70, 34, 72, 240
_DUE = "due if nothing happens"
_DASHES = (None, "6 3", "2 3", "8 3 2 3", "12 4", "4 4")


class Chart(Struct, frozen=True, kw_only=True):
    """Numbers by `columns`, such as months: a row for each of `series`. Those from the column `due` on are due.

    `told` says in words what they are; the numbers follow it.
    """

    title: str
    told: str
    columns: Sequence[str]
    series: Mapping[str, Sequence[Number]]
    due: int | None = None


class _Frame:
    """The scales of a chart: where a column and a number are."""

    def __init__(self, chart: Chart, lowest: Number, highest: Number) -> None:
        self.up, self.down = [*steps_to(max(highest, 1))], [*steps_to(-lowest)][1:] if lowest < 0 else []
        self._top, self._low = self.up[-1], self.down[-1] if self.down else 0
        self.step = (_WIDTH - _LEFT - _RIGHT) / max(len(chart.columns), 1)
        self.bottom = _TOP + _HIGH

    def x(self, place: Number) -> float:
        """The middle of a column."""
        return _LEFT + (place + 0.5) * self.step

    def y(self, number: Number) -> float:
        """The height of a number."""
        return _TOP + _HIGH * (self._top - number) / (self._top + self._low)

    def drawn(self, chart: Chart) -> Iterator[str]:
        """The axes, and the line before what is due."""
        for number in (*self.up, *(-each for each in self.down)):
            y = self.y(number)
            yield element("line", x1=_LEFT, y1=y, x2=_WIDTH - _RIGHT, y2=y, stroke=LINE if number else WEAK)
            yield text(_LEFT - 8, y + 4, f"{number:,}", weak=True, text_anchor="end")
        every = -(-int(max(map(width_of, chart.columns), default=0) + 6) // max(int(self.step), 1))
        for place in range(len(chart.columns) - 1, -1, -max(every, 1)):
            yield text(self.x(place), self.bottom + 18, chart.columns[place], weak=True, text_anchor="middle")
        if chart.due is not None and chart.due < len(chart.columns):
            x = self.x(chart.due - 0.5)
            yield element("line", x1=x, y1=_TOP - 28, x2=x, y2=self.bottom + 4, stroke=INK, stroke_dasharray="3 2")
            is_late = x + 4 + width_of(_DUE, SMALL) > _WIDTH
            yield text(x - 4 if is_late else x + 4, _TOP - 20, _DUE, weak=True, text_anchor="end" if is_late else None)


def stacked(chart: Chart) -> str:
    """Bars of one part on the other, numbers below zero downwards, and the sum of each above it."""
    rows = chart.series.values()
    sums = [sum(row[place] for row in rows) for place in range(len(chart.columns))]
    ups = [sum(max(row[place], 0) for row in rows) for place in range(len(chart.columns))]
    downs = [sum(min(row[place], 0) for row in rows) for place in range(len(chart.columns))]
    frame, (found, patterns) = _Frame(chart, min(downs, default=0), max(ups, default=0)), looks([*chart.series])
    drawn = [patterns, *frame.drawn(chart)]
    # The sum of every bar, or of every other; where bars are narrower still, they are in the words alone.
    every = -(-max((width_of(f"{each:,}", SMALL) + 4 for each in sums), default=1) // frame.step)
    for place, column in enumerate(chart.columns):
        up: Number = 0
        down: Number = 0
        for name, row in chart.series.items():
            low, up, down = (
                (up, up + row[place], down) if row[place] > 0 else (down + row[place], up, down + row[place])
            )
            if row[place]:
                bar = _bar(frame, place, low, low + abs(row[place]), found[name], chart.due)
                drawn.append(titled(f"{column}, {name}: {row[place]:,}", bar))
        if every <= 2 and (len(chart.columns) - 1 - place) % every == 0:
            drawn.append(text(frame.x(place), frame.y(up) - 4, f"{sums[place]:,}", weak=True, text_anchor="middle"))
    swatches = [
        (element("rect", width=14, height=12, y=-1, fill=each.fill, stroke=each.edge), name)
        for name, each in found.items()
    ]
    return _finished(chart, drawn, swatches)


def _bar(frame: _Frame, place: int, low: Number, high: Number, look: Look, due: int | None) -> str:
    is_due = due is not None and place >= due
    wide = frame.step * 0.7
    return element(
        "rect",
        x=frame.x(place) - wide / 2,
        y=frame.y(high),
        width=wide,
        height=frame.y(low) - frame.y(high),
        fill=look.fill,
        fill_opacity=0.5 if is_due else None,
        stroke=look.edge,
        stroke_dasharray="3 2" if is_due else None,
    )


def lines(chart: Chart) -> str:
    """A line for each series, dashed in its own way, with its name in the legend and a mark where a number is."""
    numbers = [number for row in chart.series.values() for number in row]
    frame = _Frame(chart, min(numbers, default=0), max(numbers, default=0))
    found, _ = looks([*chart.series])
    drawn, swatches = [*frame.drawn(chart)], []
    for order, (name, row) in enumerate(chart.series.items()):
        dash, edge = _DASHES[order % len(_DASHES)], found[name].edge
        points = " ".join(f"{frame.x(place):.1f},{frame.y(number):.1f}" for place, number in enumerate(row))
        drawn.append(
            element("polyline", points=points, fill="none", stroke=edge, stroke_width=2, stroke_dasharray=dash)
        )
        for place, number in enumerate(row):
            hollow = chart.due is not None and place >= chart.due
            mark = element(
                "circle",
                cx=frame.x(place),
                cy=frame.y(number),
                r=3,
                fill=CARD if hollow else edge,
                stroke=edge,
            )
            drawn.append(titled(f"{chart.columns[place]}, {name}: {number:,}", mark))
        line = element("line", x1=0, y1=5, x2=13, y2=5, stroke=edge, stroke_width=2, stroke_dasharray=dash)
        swatches.append((line, name))
    return _finished(chart, drawn, swatches)


def _finished(chart: Chart, drawn: list[str], swatches: list[tuple[str, str]]) -> str:
    entries, height = legend(swatches, _LEFT, _WIDTH - _RIGHT, _TOP + _HIGH + 34)
    return picture(chart.title, f"{chart.told} {_numbers(chart)}", _WIDTH, height + 6, [*drawn, *entries])


def _numbers(chart: Chart) -> str:
    return " ".join(
        f"{column}: {', '.join(f'{name} {row[place]:,}' for name, row in chart.series.items())}."
        for place, column in enumerate(chart.columns)
    )


# ------------------------------------------------------------------------------------------------------------ tables


class Cell(Struct, frozen=True):
    """One number of a table as it is written, the share (0 to 1) by which it is shaded, and what it says in words."""

    said: str
    share: float
    told: str


class Heat(Struct, frozen=True, kw_only=True):
    """A table of cells, None where there is none. `corner` says what its rows and columns are."""

    title: str
    told: str
    corner: str
    rows: Sequence[str]
    columns: Sequence[str]
    cells: Sequence[Sequence[Cell | None]]


def heat(table: Heat) -> str:
    """A table of numbers, the higher the darker. Each number is written, so the shade only repeats it."""
    left = 24 + max(map(width_of, [*table.rows, table.corner]), default=0)
    longest = max((len(each.said) for row in table.cells for each in row if each), default=1)
    wide = max(42.0, width_of("0" * longest, SMALL) + 10, *(width_of(each, SMALL) + 8 for each in table.columns))
    drawn = [text(16, 54, table.corner, weak=True)]
    drawn += [
        text(left + (place + 0.5) * wide, 54, column, weak=True, text_anchor="middle")
        for place, column in enumerate(table.columns)
    ]
    for line, (name, row) in enumerate(zip(table.rows, table.cells, strict=True)):
        y = 64 + line * 24
        drawn.append(text(16, y + 16, name))
        for place, cell in enumerate(row):
            if cell is not None:
                drawn.append(titled(cell.told, *_shaded(cell, left + place * wide, y, wide)))
    told = f"{table.told} {' '.join(f'{each.told}.' for row in table.cells for each in row if each)}"
    width = max(left + wide * len(table.columns) + 20, width_of(table.title, 15) + 32)
    return picture(table.title, told, round(width), 76 + 24 * len(table.rows), drawn)


def _shaded(cell: Cell, x: float, y: float, wide: float) -> Iterator[str]:
    yield element(
        "rect",
        x=x + 1,
        y=y + 1,
        width=wide - 2,
        height=22,
        fill="#0b4a8f",
        fill_opacity=f"{cell.share:.2f}",
        stroke=LINE,
    )
    ink = CARD if cell.share > 0.55 else INK
    yield text(x + wide / 2, y + 16, cell.said, font_size=SMALL, fill=ink, text_anchor="middle")
