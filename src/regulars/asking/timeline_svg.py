"""A customer's timeline as an SVG picture: past, current and due values of each lane, orders, and events.

It is readable without colour: the past is filled, the due future is hatched and has a dashed edge, and each block bears
its value, or a letter that the legend explains. Text is text, so it can be searched, copied and read aloud; `<title>`
and `<desc>` have all of it in words (accessibility). The card is light, or dark where the reader prefers that; it never
relies on the page behind it. The same arguments give the same bytes.
"""

from __future__ import annotations

import string
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from html import escape
from itertools import chain, groupby, repeat

from msgspec import Struct

from regulars.asking.timeline_text import colours_of, months_to_write
from regulars.asking.views import EventLine, Span, Timeline
from regulars.wording.plain_text import clean

MIN_WIDTH = 480

#: Fill and edge of each colour that a lane may have, on the light card and on the dark one.
COLOURS = {
    "cyan": (("#cff1f5", "#0e7490"), ("#12454f", "#67d6e6")),
    "blue": (("#d6e4ff", "#1d4ed8"), ("#1b3566", "#8ab4ff")),
    "green": (("#d3f3dc", "#15803d"), ("#16452a", "#74d99a")),
    "magenta": (("#f3dcf9", "#86198f"), ("#4a1f52", "#e29bf0")),
    "yellow": (("#fdeeb8", "#a16207"), ("#4d3a0a", "#f2c94c")),
    "red": (("#fcd9d6", "#b91c1c"), ("#5a1f1c", "#ff9b94")),
    "white": (("#f0f1f3", "#57606a"), ("#2a3038", "#a9b3be")),
    "black": (("#dfe3e8", "#3d444d"), ("#3a424c", "#c3ccd6")),
}
#: Card, text, weaker text and lines, on the light card and on the dark one.
CARD = (("#ffffff", "#1f2328", "#57606a", "#c8ced5"), ("#12161c", "#e8ecf1", "#a9b3be", "#3a424c"))

_LEFT, _RIGHT, _TOP = 76, 20, 54
_TEXT, _SMALL = 12, 11
_ADVANCE = 0.62  # the width of a character in a sans-serif face, in its size; wider than most
_BAR, _SCORES, _GAP, _ROW = 24, 34, 22, 18


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

    def has_room_for(self, text: str) -> bool:
        return self.right - self.left >= len(text) * _TEXT * _ADVANCE + 6


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
        drawn += _lane(lane, blocks[lane], colours_of(span.value for span in spans), letters, y, now, scale.x(now))
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
    return "\n".join(
        [
            *_opening(title, _told(timeline, blocks, orders, events, now), width, height),
            *axis,
            *drawn,
            *legend,
            "</svg>",
            "",
        ]
    )


def _opening(title: str, told: str, width: int, height: int) -> Iterator[str]:
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="regulars-timeline" role="img" width="{width}" '
        f'height="{height}" viewBox="0 0 {width} {height}" font-size="{_TEXT}" '
        "font-family=\"system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif\">"
    )
    yield f"<title>{_said(title)}</title>"
    yield f"<desc>{_said(told)}</desc>"
    yield "<style>"
    yield from _style(0)
    yield "@media (prefers-color-scheme: dark) {"
    yield from _style(1)
    yield "}"
    yield "</style>"
    yield (
        '<defs><pattern id="regulars-due" width="6" height="6" patternUnits="userSpaceOnUse" '
        'patternTransform="rotate(45)"><rect class="card" width="6" height="6"/>'
        '<line class="hatch" x1="0" y1="0" x2="0" y2="6"/></pattern></defs>'
    )
    yield f'<rect class="card" width="{width}" height="{height}" rx="8"/>'
    yield f'<text class="title" x="16" y="26">{_said(title)}</text>'


def _style(dark: int) -> Iterator[str]:
    card, text, weak, line = CARD[dark]
    rules = {
        ".card": f"fill: {card}",
        "text": f"fill: {text}",
        "text.title": "font-size: 15px; font-weight: 600",
        "text.weak": f"fill: {weak}; font-size: {_SMALL}px",
        ".hatch": f"stroke: {line}; stroke-width: 2",
        ".grid": f"stroke: {line}; stroke-width: 1",
        ".now": f"stroke: {text}; stroke-width: 1.5",
        ".score": f"stroke: {text}; stroke-width: 1.5; fill: none",
        ".mark": f"stroke: {text}; stroke-width: 1.5; fill: {card}",
        ".order": f"stroke: {text}; stroke-width: 2",
        ".due": "fill: url(#regulars-due); stroke-dasharray: 3 2",
        # The name of what is due stands on hatching: a rim in the card's colour keeps it readable.
        "text.halo": f"stroke: {card}; stroke-width: 4; paint-order: stroke; stroke-linejoin: round",
    }
    for name, colours in COLOURS.items():
        fill, edge = colours[dark]
        rules |= {f".{name}": f"stroke: {edge}", f".{name}.past": f"fill: {fill}"}
    return (f".regulars-timeline {selector} {{ {rule} }}" for selector, rule in rules.items())


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
    yield f'<text x="16" y="{y + 16:g}">{_said(lane)}</text>'
    written = 0.0  # how far letters above the row reach
    for each in blocks:
        colour = colours[each.value].removeprefix("bright_")
        yield f"<g><title>{_said(f'{lane}: {_held(each, now)}')}</title>"
        for left, right, kind in (
            (each.left, min(each.right, here), "past"),
            (max(each.left, here), each.right, "due"),
        ):
            if right > left:
                yield (
                    f'<rect class="{colour} {kind}" x="{left:g}" y="{y:g}" width="{right - left:g}" height="{_BAR}"/>'
                )
        halo = ' class="halo"' if each.left + len(each.value) * _TEXT * _ADVANCE > here else ""
        if each.has_room_for(each.value):
            yield f'<text{halo} x="{each.left + 4:g}" y="{y + 16:g}">{_said(each.value)}</text>'
        elif each.has_room_for("m"):
            yield f'<text{halo} x="{each.left + 4:g}" y="{y + 16:g}">{letters[each.value]}</text>'
        elif (middle := (each.left + each.right) / 2) - 4 >= written:
            yield f'<text class="weak" text-anchor="middle" x="{middle:g}" y="{y - 4:g}">{letters[each.value]}</text>'
            written = middle + 4
        yield "</g>"


def _scores(lane: str, spans: Sequence[Span], scale: _Scale, now: datetime, y: float) -> Iterator[str]:
    """The score from 0 (bottom) to 100 (top) as a line, dashed where it is due."""
    shown = [each for each in spans if each.since < scale.end and (each.until is None or each.until > scale.start)]
    yield f'<text class="weak" x="16" y="{y + _SCORES / 2 + 4:g}">{_said(lane)} 0–100</text>'
    yield f'<line class="grid" x1="{scale.left:g}" y1="{y:g}" x2="{scale.right:g}" y2="{y:g}"/>'
    yield f'<line class="grid" x1="{scale.left:g}" y1="{y + _SCORES:g}" x2="{scale.right:g}" y2="{y + _SCORES:g}"/>'
    here = scale.x(now)
    for first, last, dash in ((scale.left, here, ""), (here, scale.right, ' stroke-dasharray="3 2"')):
        points = []
        for each in shown:
            left, right = max(scale.x(each.since), first), min(scale.x(each.until or scale.end), last)
            if right > left and each.score is not None:
                height = y + _SCORES * (100 - each.score) / 100
                points += [f"{left:g},{height:g}", f"{right:g},{height:g}"]
        if points:
            yield f'<polyline class="score"{dash} points="{" ".join(points)}"/>'


# ------------------------------------------------------------------------------------------ orders, events and months


def _orders(orders: Sequence[datetime], scale: _Scale, y: float, now: datetime) -> Iterator[str]:
    yield f'<text x="16" y="{y + 4:g}">orders</text>'
    for each in orders:
        x = scale.x(each)
        yield f'<g><title>order, {_day(each, now)}</title><line class="order" x1="{x:g}" y1="{y - 7:g}" x2="{x:g}" '
        yield f'y2="{y + 5:g}"/></g>'


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
    yield f'<text x="16" y="{y + 4:g}">events</text>'
    for index, row in enumerate(rows):
        for number, each in row:
            x, middle = scale.x(each.occurred_at), y + index * _ROW
            yield f"<g><title>{_said(_noted(each, now))}</title>"
            yield f'<circle class="mark" cx="{x:g}" cy="{middle:g}" r="8"/>'
            yield f'<text class="weak" text-anchor="middle" x="{x:g}" y="{middle + 4:g}">{number}</text></g>'


def _axis(scale: _Scale, now: datetime, y: float) -> Iterator[str]:
    here = scale.x(now)
    for begins, label in months_to_write(
        scale.start, scale.end, at_most=(scale.right - scale.left) / 62, zone=now.tzinfo
    ):
        x = scale.x(begins)
        yield f'<line class="grid" x1="{x:g}" y1="{_TOP - 8}" x2="{x:g}" y2="{y + 6:g}"/>'
        yield f'<text class="weak" text-anchor="middle" x="{x:g}" y="{y + 20:g}">{label}</text>'
    if scale.start <= now <= scale.end:
        yield f'<line class="now" x1="{here:g}" y1="{_TOP - 10}" x2="{here:g}" y2="{y + 6:g}"/>'
        yield f'<text class="weak" text-anchor="middle" x="{here:g}" y="{_TOP - 14}">now, {_day(now, now)}</text>'


def _legend(events: Sequence[EventLine], letters: dict[str, str], y: float, now: datetime) -> list[str]:
    lines = ["filled: so far · hatched: due, if nothing else happens"]
    lines += [" · ".join(f"{letter} {value}" for value, letter in letters.items())] if letters else []
    lines += [f"{number} · {_noted(each, now)}" for number, each in enumerate(events, start=1)]
    return [
        f'<text class="weak" x="{_LEFT}" y="{y + index * _ROW:g}">{_said(line)}</text>'
        for index, line in enumerate(lines)
    ]


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


def _said(text: str) -> str:
    return escape(clean(text), quote=False)
