"""The one command: `python -m benchmarks`, or `make bench`."""

from __future__ import annotations

import argparse
import multiprocessing
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec
from rich.console import Console

from benchmarks import (
    append,
    busy,
    catching_up,
    floor,
    following,
    importing,
    library,
    machine,
    pages,
    postgres,
    preview,
    queries,
    rebuilding,
    report,
    segments,
    server,
)
from benchmarks.bench import Bench, Settings
from benchmarks.rows import Figure

Measure = Callable[[Bench], Iterator[Figure]]

#: By name: the part it belongs to, and what measures it.
MEASUREMENTS: dict[str, tuple[int, Measure]] = {
    "floor": (1, floor.measure),
    "rebuild": (2, rebuilding.measure),
    "library": (3, library.measure),
    "following": (3, following.measure),
    "append": (4, append.measure),
    "postgres": (4, postgres.measure),
    "import": (5, importing.measure),
    "queries": (6, queries.measure),
    "busy": (6, busy.measure),
    "catch-up": (7, catching_up.measure),
    "preview": (8, preview.measure),
    "segments": (9, segments.measure),
    "console": (10, pages.measure),
}
_QUICK_EVENTS = 20_000


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, show each part as soon as it is there, and write the files at the end."""
    asked = _parse(arguments)
    settings = _settings(asked)
    _choose_how_processes_begin(settings)
    console = Console(width=report.WIDTH, highlight=False)
    names = asked.only or list(MEASUREMENTS)
    described = machine.describe() | ({"postgresql": server.describe()} if "postgres" in names else {})
    header = {"machine": described, "run": msgspec.to_builtins(settings, enc_hook=str)}
    report.show_header(console, header)
    figures: dict[str, Figure] = {}
    with tempfile.TemporaryDirectory(prefix="regulars-bench-", dir=asked.folder) as folder:
        bench = Bench(settings, Path(folder))
        for name in names:
            part, measure = MEASUREMENTS[name]
            with console.status(f"measuring: {name}"):
                measured = list(measure(bench))
            report.show_part(console, part, measured)
            figures |= {figure.row: figure for figure in measured}
    if asked.json:
        asked.json.write_bytes(report.as_json(header, figures))
    if asked.markdown:
        asked.markdown.write_text(report.as_markdown(figures), encoding="utf-8")


def _choose_how_processes_begin(settings: Settings) -> None:
    """Each with nothing but what it imports; in a quick run with what was imported once, as that takes longest."""
    multiprocessing.set_start_method("forkserver" if settings.quick else "spawn", force=True)
    if settings.quick:
        multiprocessing.set_forkserver_preload(["benchmarks.__main__"])


def _settings(asked: argparse.Namespace) -> Settings:
    events = asked.events or (_QUICK_EVENTS if asked.quick else 1_000_000)
    return Settings(
        events=events,
        customers=asked.customers or events // 20,
        scale_from=asked.scale_from or events // 4,
        quick=asked.quick,
        cdnow=asked.cdnow,
    )


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    cdnow = os.environ.get("REGULARS_CDNOW")
    parser.add_argument("--events", type=int, help="how many there are (1,000,000)")
    parser.add_argument("--customers", type=int, help="how many there are (a twentieth of the events)")
    parser.add_argument("--scale-from", type=int, help="rebuild so many, and four times as many (events / 4)")
    parser.add_argument("--only", nargs="+", choices=MEASUREMENTS, metavar="NAME", help=", ".join(MEASUREMENTS))
    parser.add_argument("--quick", action="store_true", help="little of everything; the figures say nothing")
    parser.add_argument("--cdnow", type=Path, default=cdnow and Path(cdnow), help="CDNOW_master.txt or its .gz")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every row here, too")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the table for the documentation here")
    parser.add_argument("--folder", type=Path, help="where stores are written (the system's folder for such)")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()
