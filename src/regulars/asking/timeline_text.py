"""A customer's timeline drawn as rows of text: past, current and due values of each lane, over months.

It is readable without colour: the past is drawn with █ and the future with ░, every block has its value above it, or a
mark that the legend explains.
"""

from __future__ import annotations

import string
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from itertools import groupby

from rich.text import Text

from regulars.asking.views import Span, Timeline

MIN_WIDTH = 40

_LABEL = 8
_PAST, _FUTURE = "█", "░"
_PAST_EDGE, _FUTURE_EDGE = "▐", "│"
_MARKS = string.digits[1:] + string.ascii_lowercase
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MONTH_STEPS = (1, 2, 3, 6, 12, 24, 60, 120, 240, 600, 1200)
_LABEL_ROOM = 6

# The names of the default rules by their lane, and of tickets; a value of other rules takes the next colour that is
# left. A name means what its lane means: a high risk is a danger, a high value is none.
_COLOURS: Mapping[str, Mapping[str, str]] = {
    "stage": {
        "lead": "cyan",
        "prospect": "bright_cyan",
        "cold_lead": "blue",
        "new": "bright_green",
        "active": "green",
        "loyal": "bright_magenta",
        "reactivated": "bright_blue",
        "at_risk": "yellow",
        "dormant": "bright_red",
        "churned": "red",
    },
    "tier": {"member": "white", "silver": "bright_black", "gold": "yellow", "platinum": "bright_cyan"},
    "risk": {"low": "green", "medium": "yellow", "high": "bright_red", "critical": "red"},
    "value": {"low": "white", "mid": "cyan", "high": "green"},
    "tickets": {"open": "cyan", "breached": "red"},
    "tasks": {"open": "cyan", "overdue": "red"},
    "quotes": {"sent": "cyan"},
    "contracts": {"upcoming": "cyan", "active": "green"},
}
_OTHER_COLOURS = ("cyan", "magenta", "blue", "green", "yellow", "red")


@dataclass(frozen=True, slots=True)
class _Scale:
    """The window of time [start, end), cut into cells of equal length."""

    start: datetime
    end: datetime
    cells: int

    def cell(self, moment: datetime) -> int:
        """The cell of a moment; the first or the last one where the moment lies outside."""
        return (moment - self.start) * self.cells // (self.end - self.start)

    def begin(self, cell: int) -> datetime:
        return self.start + (self.end - self.start) * cell / self.cells


@dataclass(frozen=True, slots=True)
class _Block:
    """A value that fills some neighbouring cells, None where there is no value."""

    value: str | None
    first: int
    cells: int


@dataclass(slots=True)
class _Legend:
    """The marks of values without room for their name, and the values that are too short for a cell."""

    marks: dict[str, str]
    brief: list[str]

    def mark(self, value: str) -> str:
        if value not in self.marks:
            self.marks[value] = _MARKS[len(self.marks)] if len(self.marks) < len(_MARKS) else "*"
        return self.marks[value]


def timeline_text(
    timeline: Timeline,
    *,
    now: datetime,
    start: datetime,
    end: datetime,
    orders: Sequence[datetime] = (),
    width: int = 80,
) -> Text:
    """Draw a timeline from `start` to `end`, each verdict as blocks of its values (neighbours of one value are joined).

    A cell shows the value that holds longest in it, and is empty where none does. From the cell of `now` on, blocks are
    the future that is due if no other event happens. `orders` become a row of ticks, or of counts where several share a
    cell. Months are those of the time zone of `now`. All rows but the legend are exactly `width` columns wide, and no
    line is wider; print the result to a console of at least that width.

    Raises ValueError where `end` is not after `start`, or `width` is less than 40.
    """
    if end <= start:
        raise ValueError("end must come after start")
    if width < MIN_WIDTH:
        raise ValueError(f"a drawn timeline needs a width of at least {MIN_WIDTH}, not {width}")
    scale = _Scale(start=start, end=end, cells=width - _LABEL)
    legend = _Legend(marks={}, brief=[])
    lines: list[Text] = []
    for lane, spans in timeline.spans.items():
        lines += _row(lane, spans, scale, scale.cell(now), legend)
    if orders:
        lines.append(_orders(orders, scale))
    lines += _axis(scale, now)
    lines += _legend_lines(legend, width)
    text = Text("\n", no_wrap=True, overflow="crop").join(lines)
    text.no_wrap, text.overflow = True, "crop"
    return text


# ------------------------------------------------------------------------------------------------------------ rows


def _row(lane: str, spans: Sequence[Span], scale: _Scale, now: int, legend: _Legend) -> list[Text]:
    visible = [span for span in spans if span.since < scale.end and (span.until is None or span.until > scale.start)]
    blocks = _blocks(visible, scale)
    shown = {block.value for block in blocks}
    legend.brief += [value for value in dict.fromkeys(span.value for span in visible) if value not in shown]
    colours = colours_of(lane, (span.value for span in spans))
    return [_names(blocks, scale, legend), _bar(lane, blocks, now, colours)]


def _blocks(spans: Sequence[Span], scale: _Scale) -> list[_Block]:
    values = [_longest(spans, scale.begin(cell), scale.begin(cell + 1)) for cell in range(scale.cells)]
    blocks: list[_Block] = []
    for value, run in groupby(range(scale.cells), key=values.__getitem__):
        cells = list(run)
        blocks.append(_Block(value=value, first=cells[0], cells=len(cells)))
    return blocks


def _longest(spans: Sequence[Span], begin: datetime, end: datetime) -> str | None:
    held: dict[str, timedelta] = {}
    for span in spans:
        overlap = min(end, span.until or end) - max(begin, span.since)
        if overlap > timedelta(0):
            held[span.value] = held.get(span.value, timedelta(0)) + overlap
    return max(held, key=held.__getitem__) if held else None


def colours_of(lane: str, values: Iterable[str]) -> dict[str, str]:
    """The terminal colour of each value of a lane."""
    known, distinct = _COLOURS.get(lane, {}), list(dict.fromkeys(values))
    others = [value for value in distinct if value not in known]
    spare = {value: _OTHER_COLOURS[index % len(_OTHER_COLOURS)] for index, value in enumerate(others)}
    return {value: known.get(value) or spare[value] for value in distinct}


def _names(blocks: Sequence[_Block], scale: _Scale, legend: _Legend) -> Text:
    """Each block's name above it where it fits, apart from what stands before it; else its mark."""
    row = [" "] * scale.cells
    for block in blocks:
        if block.value is None:
            continue
        first = block.first + (block.first > 0 and row[block.first - 1] != " ")
        end = block.first + block.cells
        room = end - first - (end < scale.cells)
        if len(block.value) <= room:
            row[first : first + len(block.value)] = block.value
        else:
            row[block.first] = legend.mark(block.value)
    return Text(" " * _LABEL + "".join(row))


def _bar(lane: str, blocks: Sequence[_Block], now: int, colours: dict[str, str]) -> Text:
    bar = Text(lane.ljust(_LABEL))
    for block in blocks:
        if block.value is None:
            bar.append(" " * block.cells)
            continue
        past = min(max(now - block.first, 0), block.cells)
        edge = _PAST_EDGE if past else _FUTURE_EDGE
        bar.append((edge + (_PAST * past + _FUTURE * (block.cells - past))[1:]), style=colours[block.value])
    return bar


# ------------------------------------------------------------------------------------------------ orders and months


def _orders(orders: Sequence[datetime], scale: _Scale) -> Text:
    counts = [0] * scale.cells
    for order in orders:
        if scale.start <= order < scale.end:
            counts[scale.cell(order)] += 1
    return Text("orders".ljust(_LABEL) + "".join(_tick(count) for count in counts))


def _tick(count: int) -> str:
    if count <= 1:
        return "|" if count else " "
    return str(count) if count <= 9 else "+"


def _axis(scale: _Scale, now: datetime) -> list[Text]:
    line, labels = ["─"] * scale.cells, [" "] * scale.cells
    here = scale.cell(now)
    if 0 <= here < scale.cells:
        _write(labels, max(0, min(here - 1, scale.cells - 3)), "now")
    for cell, label in _months(scale, now.tzinfo):
        line[cell] = "┬"
        _write(labels, cell, label)
    if 0 <= here < scale.cells:
        line[here] = "▲"
    return [Text(" " * _LABEL + "".join(line)), Text(" " * _LABEL + "".join(labels))]


def _write(row: list[str], at: int, label: str) -> None:
    """Write a label where it fits with a blank on both sides."""
    end = at + len(label)
    if end <= len(row) and all(character == " " for character in row[max(0, at - 1) : end + 1]):
        row[at:end] = label


def _months(scale: _Scale, zone: tzinfo | None) -> list[tuple[int, str]]:
    """The months to write on the axis, each at its cell."""
    months = months_to_write(scale.start, scale.end, at_most=scale.cells / _LABEL_ROOM, zone=zone)
    found = [(scale.cell(begins), label) for begins, label in months]
    return [(cell, label) for cell, label in found if 0 <= cell < scale.cells]


def months_to_write(
    start: datetime, end: datetime, *, at_most: float, zone: tzinfo | None
) -> list[tuple[datetime, str]]:
    """The labels of months on an axis from `start` to `end`: the first with its year, January as its year.

    Every one, or each second, third, sixth … where there would be more than `at_most`; the day of `start` where no
    month begins.
    """
    start, end = start.astimezone(zone), end.astimezone(zone)
    months = (end - start) / timedelta(days=30.4)
    step = next((step for step in _MONTH_STEPS if step * at_most >= months), _MONTH_STEPS[-1])
    # The month after the start's, counted from year 0, and then on to the next multiple of the step.
    first = -(-(start.year * 12 + start.month) // step) * step
    last = end.year * 12 + end.month - 1
    found: list[tuple[datetime, str]] = []
    for month in range(first, last + 1, step):
        year, index = divmod(month, 12)
        begins = datetime(year, index + 1, 1, tzinfo=zone)
        label = _MONTHS[index] if found and index else str(year) if not index else f"{_MONTHS[index]} {year}"
        if begins < end:
            found.append((begins, label))
    return found or [(start, f"{start.day} {_MONTHS[start.month - 1]} {start.year}")]


# ---------------------------------------------------------------------------------------------------------- legend


def _legend_lines(legend: _Legend, width: int) -> list[Text]:
    marked = [f"{mark} {value}" for value, mark in legend.marks.items()]
    brief = [value for value in dict.fromkeys(legend.brief) if value not in legend.marks]
    lines = _filled(marked, width - _LABEL, "   ")
    if brief:
        lines += _filled(["too brief to draw:", *brief], width - _LABEL, " ")
    return [Text(" " * _LABEL + line, style="dim") for line in lines]


def _filled(entries: Sequence[str], room: int, gap: str) -> list[str]:
    """Entries side by side in as few lines as they need, none of them broken unless it is wider than a line."""
    lines: list[str] = []
    for entry in entries:
        if lines and len(lines[-1]) + len(gap) + len(entry) <= room:
            lines[-1] += gap + entry
        else:
            lines += [entry[at : at + room] for at in range(0, len(entry), room)]
    return lines
