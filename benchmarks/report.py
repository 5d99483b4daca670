"""What came of a run: for people as a table, for machines as JSON, for the documentation as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from benchmarks.rows import PARTS, ROWS, Figure, Reach, Row, Unit

WIDTH = 80
_STYLES = {"aim": "green", "yes": "yellow", "no": "red"}


def as_json(header: Mapping[str, Any], figures: Mapping[str, Figure]) -> bytes:
    """Every row there is, with its reach, also where nothing was measured."""
    rows = []
    for row in ROWS:
        figure = figures.get(row.name, Figure(row=row.name, note="not asked for"))
        reached = None if figure.value is None or row.reach is None else row.reach.verdict(figure.value)
        rows.append(msgspec.to_builtins(row) | msgspec.to_builtins(figure) | {"reached": reached})
    return msgspec.json.format(msgspec.json.encode({**header, "rows": rows}), indent=2) + b"\n"


def as_markdown(figures: Mapping[str, Figure]) -> str:
    """The same rows as a table for the documentation."""
    lines = [
        "| what | measured | at least | aim | reached | in absolute numbers |",
        "| --- | --: | --: | --: | --- | --- |",
    ]
    for part, title in PARTS.items():
        lines.append(f"| **{part}. {title}** | | | | | |")
        for row in ROWS:
            figure = figures.get(row.name)
            if row.part == part and figure is not None:
                wanted = [str(each) for each in _reach(row, figure)]
                cells = [row.what, _number(figure.value, row.unit), *wanted, figure.absolute or figure.note]
                lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def show_header(console: Console, header: Mapping[str, Mapping[str, Any]]) -> None:
    """What was asked for, and what it runs on."""
    for name, lines in header.items():
        said = ", ".join(f"{key} {value}" for key, value in lines.items())
        console.print(Text(f"{name}: {said}", style="dim"))


def show_part(console: Console, part: int, figures: Iterable[Figure]) -> None:
    """One part's rows, with the absolute numbers and how they were come by below each."""
    table = Table(title=f"{part}. {PARTS[part]}", title_justify="left", title_style="bold", width=WIDTH, box=None)
    table.add_column("what", ratio=1)
    for heading in ("measured", "at least", "aim", "reached"):
        table.add_column(heading, justify="right", no_wrap=True)
    rows = {row.name: row for row in ROWS}
    for figure in figures:
        row = rows[figure.row]
        table.add_row(_what(row, figure), _number(figure.value, row.unit), *_reach(row, figure))
    console.print(table)
    console.print()


def _what(row: Row, figure: Figure) -> RenderableType:
    below = [Text(line, style="dim") for line in (figure.absolute, figure.note) if line]
    return Group(Text(row.what), *below)


def _reach(row: Row, figure: Figure) -> tuple[RenderableType, ...]:
    reach = row.reach
    if reach is None:
        return "", "", ""
    verdict = "" if figure.value is None else reach.verdict(figure.value)
    wanted = (_wanted(reach, value, row.unit) for value in (reach.at_least, reach.aim))
    return (*wanted, Text(verdict, style=_STYLES.get(verdict, "")))


def _wanted(reach: Reach, value: float | None, unit: Unit) -> str:
    if value is None:
        return "–"
    return f"{'≤' if reach.less else '≥'} {_number(value, unit)}"


def _number(value: float | None, unit: Unit) -> str:
    if value is None:
        return "–"
    digits = f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"
    digits = f"{value:.3f}" if value < 0.1 else digits
    return f"{digits} {unit}" if unit in ("ms", "MiB") else f"{digits}{unit}"
