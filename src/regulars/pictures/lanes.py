"""A customer's timeline as a picture: past, current and due values of each lane, orders, and events.

It is readable without colour: the past is filled, the due future is hatched and has a dashed edge, and each block bears
its value, or a letter that the legend explains. Text is text, so it can be searched, copied and read aloud; `<title>`
and `<desc>` have all of it in words (accessibility).
"""

from __future__ import annotations

import string
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import chain, groupby, repeat

from msgspec import Struct

from regulars.asking.timeline_text import colours_of, months_to_write
from regulars.asking.views import EventLine, Span, Timeline
from regulars.pictures.parts import CARD, COLOURS, INK, LINE, Number, element, picture, text, titled, width_of

MIN_WIDTH = 480

_LEFT, _RIGHT, _TOP = 76, 20, 54
_BAR, _SCORES, _GAP, _ROW = 24, 34, 22, 18

#: The hatching of what is due; what is named on it stands on a plate in the card's colour, which keeps it readable.
_DUE = element(
    "defs",
    element(
        "pattern",
        element("rect", width=6, height=6, fill=CARD),
        element("line", x1=0, y1=0, x2=0, y2=6, stroke=LINE, stroke_width=2),
        id="regulars-due",
        width=6,
        height=6,
        patternUnits="userSpaceOnUse",
        patternTransform="rotate(45)",
    ),
)


class _Scale(Struct, frozen=True):
    start: datetime
    end: datetime
    left: float
    right: float

    def x(self, moment: datetime) -> float:
        """The x coordinate of a moment, that of the edge where it is outside."""
        share = (min(max(moment, self.start), self.end) - self.start) / (self.end - self.start)
        return round(self.left + share * (self.right - self.left), 1)


class _Block(Struct, frozen=True):
    """A value that holds from one moment to the next, within the window; `until` None where it has no end."""

    value: str
    since: datetime
    until: datetime | None
    left: float
    right: float

    def has_room_for(self, said: str) -> bool:
        return self.right - self.left >= width_of(said) + 6


def timeline_svg(
    timeline: Timeline,
    *,
    title: str,
    now: datetime,
    start: datetime,
    end: datetime,
    noted: Sequence[EventLine] = (),
    width: int = 960,
) -> str:
    """Draw a timeline from `start` to `end`: a row for each lane, for orders, and for the events that are `noted`.

    What lies before `now` is past. A lane whose values have scores (0 to 100) also gets them as a line. `noted` events
    are numbered in order of time and listed below. Days and months are those of the time zone of `now`.

    Raises ValueError where `end` is not after `start`, or `width` is less than 480 pixels.
    """
    if end <= start:
        raise ValueError("end must come after start")
    if width < MIN_WIDTH:
        raise ValueError(f"a timeline needs a width of at least {MIN_WIDTH} pixels, not {width}")
    scale = _Scale(start, end, _LEFT, width - _RIGHT)
    blocks = {lane: _blocks(spans, scale) for lane, spans in timeline.spans.items()}
    letters = _letters(each for row in blocks.values() for each in row)
    drawn: list[str] = []
    y = float(_TOP)
    for lane, spans in timeline.spans.items():
        drawn += _lane(
            lane, blocks[lane], colours_of(lane, (span.value for span in spans)), letters, y, now, scale.x(now)
        )
        y += _BAR
        if any(span.score is not None for span in spans):
            drawn += _scores(lane, spans, scale, now, y + 4)
            y += _SCORES + 4
        y += _GAP
    orders = [each for each in timeline.orders if start <= each < end]
    if orders:
        drawn += _orders(orders, scale, y, now)
        y += _ROW
    events = [
        each
        for each in sorted(noted, key=lambda each: (each.occurred_at, each.position))
        if start <= each.occurred_at < end
    ]
    if events:
        rows = _in_rows(events, scale)
        drawn += _events(rows, scale, y + 4, now)
        y += len(rows) * _ROW + 4
    axis = _axis(scale, now, y)
    legend = _legend(events, letters, y + 46, now)
    height = round(y + 46 + len(legend) * _ROW)
    told = _told(timeline, blocks, orders, events, now)
    return picture(title, told, width, height, [_DUE, *axis, *drawn, *legend])


# ------------------------------------------------------------------------------------------------------------ lanes


def _blocks(spans: Iterable[Span], scale: _Scale) -> list[_Block]:
    """The values of a lane within the window; neighbours of one value are one block."""
    shown = (each for each in spans if each.since < scale.end and (each.until is None or each.until > scale.start))
    found = []
    for value, run in groupby(shown, key=lambda span: span.value):
        held = list(run)
        since, until = held[0].since, held[-1].until
        found.append(_Block(value, since, until, scale.x(since), scale.x(until or scale.end)))
    return found


def _letters(blocks: Iterable[_Block]) -> dict[str, str]:
    """A letter for each value that has no room in some block of its own."""
    narrow = dict.fromkeys(each.value for each in blocks if not each.has_room_for(each.value))
    return dict(zip(narrow, chain(string.ascii_letters, repeat("*")), strict=False))


def _lane(
    lane: str,
    blocks: Iterable[_Block],
    colours: dict[str, str],
    letters: dict[str, str],
    y: float,
    now: datetime,
    here: float,
) -> Iterator[str]:
    yield text(16, y + 16, lane)
    written = 0.0  # how far letters above the row reach
    for each in blocks:
        fill, edge = COLOURS[colours[each.value].removeprefix("bright_")]
        inner = []
        if (past := min(each.right, here)) > each.left:
            inner.append(_bar(each.left, past, y, fill=fill, stroke=edge))
        if (due := max(each.left, here)) < each.right:
            inner.append(_bar(due, each.right, y, fill="url(#regulars-due)", stroke=edge, stroke_dasharray="3 2"))
        named = each.value if each.has_room_for(each.value) else letters[each.value]
        if each.has_room_for(named):
            if each.left + width_of(named) > here:
                inner.append(element("rect", x=each.left + 2, y=y + 4, width=width_of(named), height=16, fill=CARD))
            inner.append(text(each.left + 4, y + 16, named))
        elif (middle := (each.left + each.right) / 2) - 4 >= written:
            inner.append(text(middle, y - 4, named, weak=True, text_anchor="middle"))
            written = middle + 4
        yield titled(f"{lane}: {_held(each, now)}", *inner)


def _bar(left: float, right: float, y: float, **look: Number | str | None) -> str:
    return element("rect", x=left, y=y, width=right - left, height=_BAR, **look)


def _scores(lane: str, spans: Sequence[Span], scale: _Scale, now: datetime, y: float) -> Iterator[str]:
    """The score from 0 (bottom) to 100 (top) as a line, dashed where it is due."""
    shown = [each for each in spans if each.since < scale.end and (each.until is None or each.until > scale.start)]
    yield text(16, y + _SCORES / 2 + 4, f"{lane} 0–100", weak=True)
    for edge in (y, y + _SCORES):
        yield element("line", x1=scale.left, y1=edge, x2=scale.right, y2=edge, stroke=LINE)
    here = scale.x(now)
    for first, last, dash in ((scale.left, here, None), (here, scale.right, "3 2")):
        points = []
        for each in shown:
            left, right = max(scale.x(each.since), first), min(scale.x(each.until or scale.end), last)
            if right > left and each.score is not None:
                height = y + _SCORES * (100 - each.score) / 100
                points += [f"{left:g},{height:g}", f"{right:g},{height:g}"]
        if points:
            shape = " ".join(points)
            yield element("polyline", points=shape, fill="none", stroke=INK, stroke_width=1.5, stroke_dasharray=dash)


# ------------------------------------------------------------------------------------------ orders, events and months


def _orders(orders: Sequence[datetime], scale: _Scale, y: float, now: datetime) -> Iterator[str]:
    yield text(16, y + 4, "orders")
    for each in orders:
        x = scale.x(each)
        tick = element("line", x1=x, y1=y - 7, x2=x, y2=y + 5, stroke=INK, stroke_width=2)
        yield titled(f"order, {_day(each, now)}", tick)


def _in_rows(events: Sequence[EventLine], scale: _Scale) -> list[list[tuple[int, EventLine]]]:
    """The events with their numbers, in as many rows as it takes that no two of a row overlap."""
    rows: list[list[tuple[int, EventLine]]] = []
    for number, each in enumerate(events, start=1):
        free = (row for row in rows if scale.x(row[-1][1].occurred_at) + _ROW <= scale.x(each.occurred_at))
        row = next(free, None)
        if row is None:
            rows.append(row := [])
        row.append((number, each))
    return rows


def _events(rows: list[list[tuple[int, EventLine]]], scale: _Scale, y: float, now: datetime) -> Iterator[str]:
    yield text(16, y + 4, "events")
    for index, row in enumerate(rows):
        for number, each in row:
            x, middle = scale.x(each.occurred_at), y + index * _ROW
            mark = element("circle", cx=x, cy=middle, r=8, fill=CARD, stroke=INK, stroke_width=1.5)
            yield titled(_noted(each, now), mark, text(x, middle + 4, str(number), weak=True, text_anchor="middle"))


def _axis(scale: _Scale, now: datetime, y: float) -> Iterator[str]:
    here = scale.x(now)
    for begins, label in months_to_write(
        scale.start, scale.end, at_most=(scale.right - scale.left) / 62, zone=now.tzinfo
    ):
        x = scale.x(begins)
        yield element("line", x1=x, y1=_TOP - 8, x2=x, y2=y + 6, stroke=LINE)
        yield text(x, y + 20, label, weak=True, text_anchor="middle")
    if scale.start <= now <= scale.end:
        yield element("line", x1=here, y1=_TOP - 10, x2=here, y2=y + 6, stroke=INK, stroke_width=1.5)
        yield text(here, _TOP - 14, f"now, {_day(now, now)}", weak=True, text_anchor="middle")


def _legend(events: Sequence[EventLine], letters: dict[str, str], y: float, now: datetime) -> list[str]:
    lines = ["filled: so far · hatched: due, if nothing else happens"]
    lines += [" · ".join(f"{letter} {value}" for value, letter in letters.items())] if letters else []
    lines += [f"{number} · {_noted(each, now)}" for number, each in enumerate(events, start=1)]
    return [text(_LEFT, y + index * _ROW, line, weak=True) for index, line in enumerate(lines)]


# ------------------------------------------------------------------------------------------------------------ words


def _told(
    timeline: Timeline,
    blocks: dict[str, list[_Block]],
    orders: Sequence[datetime],
    events: Sequence[EventLine],
    now: datetime,
) -> str:
    """The text of `<desc>`: the whole picture in sentences."""
    said = [f"Now is {_day(now, now)}; what comes after is due if nothing else happens."]
    said += [
        f"{lane}: {'; '.join(_held(each, now) for each in blocks[lane]) or 'nothing yet'}." for lane in timeline.spans
    ]
    if orders:
        said.append(f"Orders: {', '.join(_day(each, now) for each in orders)}.")
    if events:
        said.append(f"Events: {'; '.join(_noted(each, now) for each in events)}.")
    return " ".join(said)


def _held(block: _Block, now: datetime) -> str:
    until = "" if block.until is None else f" until {_day(block.until, now)}"
    return f"{block.value} from {_day(block.since, now)}{until}"


def _noted(event: EventLine, now: datetime) -> str:
    return f"{_day(event.occurred_at, now)} {event.what}"


def _day(moment: datetime, now: datetime) -> str:
    return f"{moment.astimezone(now.tzinfo):%Y-%m-%d}"
