"""`service`: were tickets answered and resolved in time, and how many are open."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from rich.console import ConsoleRenderable

from regulars.asking.service import Attainment, ServiceBy, ServiceLine, ServiceReport
from regulars.cli import as_json, render
from regulars.cli.asking import AsOf, zone_of
from regulars.cli.csv_cells import CsvOption, ExcelOption, RawOption, WriteRow, XlsxOption
from regulars.cli.holidays import said_years
from regulars.cli.opening import JsonOption, StoreOption, open_to_ask, tell_what_is_missing
from regulars.cli.pictures import ForceOption, SvgOption, form_asked
from regulars.cli.progress import waiting
from regulars.cli.viewpoint import ByRules, KnownAt, Viewpoint, viewpoint
from regulars.cli.words import parse_moment
from regulars.pictures import measure_svg
from regulars.projections.verdict import plural

_GOES_ON = "Stopped. The same question goes on where it was."

Since = Annotated[
    date | None,
    typer.Option("--since", metavar="WHEN", parser=parse_moment, help="Only tickets opened from then on."),
]
Until = Annotated[
    date | None,
    typer.Option(
        "--until", metavar="WHEN", parser=parse_moment, help="Only tickets opened by then, that day included."
    ),
]


def service(
    ctx: typer.Context,
    by: Annotated[ServiceBy | None, typer.Option("--by", help="A line for each, beside the total.")] = None,
    since: Since = None,
    until: Until = None,
    as_of: AsOf = None,
    known_at: KnownAt = None,
    rules: ByRules = None,
    svg: SvgOption = None,
    force: ForceOption = False,
    as_csv: CsvOption = False,
    raw: RawOption = False,
    excel: ExcelOption = None,
    xlsx: XlsxOption = None,
    json: JsonOption = False,
    db: StoreOption = None,
) -> None:
    """Show whether tickets were in time, and how many are open.

    Each share has its 95 % interval and the number of clocks that are decided: what is still in time counts in neither.
    Clocks run in business hours where the rules have any. By month is by when a ticket was opened, and open at its end.
    """
    form = form_asked(json=json, as_csv=as_csv, raw=raw, excel=excel, xlsx=xlsx, svg=svg, force=force)
    with open_to_ask(ctx, db) as crm:
        seen = viewpoint(crm, known_at, rules)
        with waiting("folding in", if_stopped=_GOES_ON) as on_progress:
            try:
                found = crm.service(
                    by=by,
                    since=since,
                    until=until,
                    as_of=as_of,
                    known_at=seen.known_at,
                    rules=seen.rules,
                    on_progress=on_progress,
                )
            except ValueError as error:  # a span that ends before it begins
                raise typer.BadParameter(str(error), param_hint="--since") from None
        form.answer(
            crm,
            picture=lambda: measure_svg(found),
            as_object=lambda: as_json.service(found) | seen.as_json(),
            write_rows=lambda write: _write_rows(write, found),
            drawn=_drawn(found, seen, zone_of(crm), as_of),
        )
        tell_what_is_missing(crm)


def _drawn(
    found: ServiceReport, seen: Viewpoint, zone: ZoneInfo, as_of: date | None
) -> Iterator[ConsoleRenderable | str]:
    span = "" if found.since is None else f" from {render.minute(found.since, zone)}"
    yield f"{seen.heading(as_of)}: tickets opened{span} until {render.minute(found.until, zone)}"
    yield ""
    titles = ("" if found.by is None else found.by.capitalize(), "Opened", "Answered in time", "of")
    rows = [*(_cells(each, each.group or "none") for each in found.lines), _cells(found.total, "all")]
    yield render.table((*titles, "Resolved in time", "of", "Open", "Late"), rows)
    answers, resolutions = found.total.first_response.undecided, found.total.resolution.undecided
    if answers or resolutions:
        counted = f"{plural(answers, 'first response')} and {plural(resolutions, 'resolution')}"
        yield ""
        yield f"Still in time, and in no share: {counted}. Where they are many, ask as of a later day."
    if found.holidays_unknown:
        yield unknown_holidays(found.holidays_unknown)


def _cells(line: ServiceLine, group: str) -> tuple[str, ...]:
    shares = (cell for each in (line.first_response, line.resolution) for cell in (_share(each), f"{each.n:,}"))
    return group, f"{line.opened:,}", *shares, f"{line.backlog:,}", f"{line.breached:,}"


def _share(each: Attainment) -> str:
    if each.share is None or each.interval is None:
        return "can't tell"
    low, high = each.interval.low, each.interval.high
    return f"{100 * each.share:.0f} % ({100 * low:.0f}-{100 * high:.0f})"


def unknown_holidays(years: tuple[int, ...]) -> str:
    """What is said beside clocks that run where holidays aren't listed."""
    return f"Holidays are not listed for {said_years(years)}: clocks run on them as on other days."


_OF_A_CLOCK = ("kept", "n", "share", "low", "high", "undecided")


def _write_rows(write: WriteRow, found: ServiceReport) -> None:
    clocks = ("first_response", "resolution")
    write([found.by or "group", "opened", *(f"{clock}_{each}" for clock in clocks for each in _OF_A_CLOCK), *_BACKLOG])
    for line in (*found.lines, found.total):
        fields = as_json.service_line(line)
        group = "all" if line is found.total else line.group or ""
        write(
            [group, fields["opened"], *(fields[clock][each] for clock in clocks for each in _OF_A_CLOCK)]
            + [fields[each] for each in _BACKLOG]
        )


_BACKLOG = ("backlog", "breached")
