"""`pipeline`: what is open, how that came about, what it is expected to bring, and whether it did."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any

import typer
from rich.console import ConsoleRenderable

from regulars.asking.dicts import to_dict
from regulars.asking.paging import PAGE
from regulars.cli import as_json, pipeline_drawn, render
from regulars.cli.asking import AsOf, pairs, zone_of
from regulars.cli.csv_cells import CsvOption, ExcelOption, RawOption, Rows, WriteRow, XlsxOption, rows_asked
from regulars.cli.opening import JsonOption, StoreOption, open_to_ask, tell_what_is_missing
from regulars.cli.pictures import ForceOption, Form, SvgOption, form_asked
from regulars.cli.progress import waiting
from regulars.cli.viewpoint import ByRules, KnownAt, KnownThen, Viewpoint, build_lists, viewpoint
from regulars.cli.words import parse_moment
from regulars.crm import Regulars
from regulars.crm_domain.command import CustomerId
from regulars.pictures.measures import measure_svg
from regulars.selling.calibration import PipelineCalibration
from regulars.selling.pipeline import PipelineBy
from regulars.selling.waterfall import Waterfall

WhereOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME=VALUE",
        help="Only opportunities of which this holds: owner=li; also source, stage, pipeline. May be repeated.",
    ),
]
FirmOption = Annotated[
    str | None, typer.Option(metavar="WHO", help="Only those of this firm, or of others in its name.")
]
ByOption = Annotated[PipelineBy, typer.Option("--by", help="A line for each stage, owner or source.")]


@dataclass(frozen=True, slots=True)
class _Asked:
    """The store, how it is looked at, and what all these questions are asked with."""

    crm: Regulars
    seen: Viewpoint
    axes: dict[str, Any]

    def find(self, who: str | None) -> CustomerId | None:
        """The customer who is meant, if any."""
        return None if who is None else self.crm.find(who)


@contextmanager
def _asking(
    ctx: typer.Context, db: str | None, where: list[str] | None, known_at: date | None, rules: str | None
) -> Iterator[_Asked]:
    """What can't be asked is a wrong parameter."""
    held = pairs(where or [], "--where")
    with open_to_ask(ctx, db) as crm:
        seen = viewpoint(crm, known_at, rules)
        build_lists(crm, seen)
        try:
            yield _Asked(crm, seen, {"where": held, "known_at": seen.known_at, "rules": seen.rules})
        except ValueError as error:
            raise typer.BadParameter(str(error)) from None
        tell_what_is_missing(crm)


_Drawn = Iterable[ConsoleRenderable | str]
_Listed = Iterable[list[object]]


def _picture(crm: Regulars, form: Form, found: Waterfall | PipelineCalibration, drawn: _Drawn, listed: _Listed) -> None:
    form.answer(
        crm,
        picture=lambda: measure_svg(found, zone_of(crm)),
        as_object=lambda: to_dict(found),
        write_rows=lambda write: _write(write, listed),
        drawn=drawn,
    )


def _table(asked: _Asked, rows: Rows, as_object: as_json.Object | None, drawn: _Drawn, listed: _Listed) -> None:
    """Give an answer of which there is no picture; `as_object` is it for machines, where these want it."""
    if as_object is not None:
        as_json.write_json(sys.stdout, as_object)
    elif rows.are_asked:
        with rows.written(asked.crm) as write:
            _write(write, listed)
    else:
        render.draw(*drawn)


def _write(write: WriteRow, listed: _Listed) -> None:
    for row in listed:
        write(row)


def show(
    ctx: typer.Context,
    by: ByOption = "stage",
    as_of: AsOf = None,
    where: WhereOption = None,
    firm: FirmOption = None,
    known_at: KnownAt = None,
    rules: ByRules = None,
    as_csv: CsvOption = False,
    raw: RawOption = False,
    excel: ExcelOption = None,
    xlsx: XlsxOption = None,
    json: JsonOption = False,
    db: StoreOption = None,
) -> None:
    """Show the open opportunities: how many, worth how much, and what they are expected to bring.

    That is each amount times the probability of its stage in the rules. Without a subcommand, `pipeline` shows this.
    """
    table = rows_asked(as_csv=as_csv, raw=raw, excel=excel, xlsx=xlsx, json=json)
    with _asking(ctx, db, where, known_at, rules) as asked:
        found = asked.crm.pipeline(by=by, as_of=as_of, firm=asked.find(firm), **asked.axes)
        drawn = pipeline_drawn.pipeline(found, asked.seen.heading(as_of))
        _table(asked, table, to_dict(found) if json else None, drawn, pipeline_drawn.pipeline_rows(found))


def waterfall(
    ctx: typer.Context,
    first: Annotated[date, typer.Argument(metavar="FROM", parser=parse_moment, help="A day: its end counts.")],
    second: Annotated[date, typer.Argument(metavar="TO", parser=parse_moment, help="A later day, maybe ahead.")],
    where: WhereOption = None,
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
    """Show how what was open on one day became what is open on another: new, grown, won, lost and the rest.

    It adds up. A second table shows from which stage to which they went.
    """
    form = form_asked(json=json, as_csv=as_csv, raw=raw, excel=excel, xlsx=xlsx, svg=svg, force=force)
    with _asking(ctx, db, where, known_at, rules) as asked:
        found = asked.crm.pipeline_waterfall(first, second, **asked.axes)
        zone = zone_of(asked.crm)
        drawn = pipeline_drawn.waterfall(found, asked.seen.subheading, zone)
        _picture(asked.crm, form, found, drawn, pipeline_drawn.waterfall_rows(found))


def stages(
    ctx: typer.Context,
    as_of: AsOf = None,
    where: WhereOption = None,
    known_at: KnownAt = None,
    rules: ByRules = None,
    as_csv: CsvOption = False,
    raw: RawOption = False,
    excel: ExcelOption = None,
    xlsx: XlsxOption = None,
    json: JsonOption = False,
    db: StoreOption = None,
) -> None:
    """Show how long opportunities stay in each stage, and where they go from there.

    Those that are still in it count as far as they were seen, so slow ones aren't missing (Kaplan-Meier).
    """
    table = rows_asked(as_csv=as_csv, raw=raw, excel=excel, xlsx=xlsx, json=json)
    with _asking(ctx, db, where, known_at, rules) as asked:
        found = asked.crm.pipeline_stages(as_of=as_of, **asked.axes)
        drawn = pipeline_drawn.stages(found, asked.seen.heading(as_of))
        _table(asked, table, to_dict(found) if json else None, drawn, pipeline_drawn.stage_rows(found))


def stale(
    ctx: typer.Context,
    as_of: AsOf = None,
    where: WhereOption = None,
    firm: FirmOption = None,
    limit: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="At most so many. A table shows 50; --json and --csv print all."),
    ] = None,
    known_at: KnownAt = None,
    rules: ByRules = None,
    as_csv: CsvOption = False,
    raw: RawOption = False,
    excel: ExcelOption = None,
    xlsx: XlsxOption = None,
    json: JsonOption = False,
    db: StoreOption = None,
) -> None:
    """List the opportunities to which nothing happened for too long, those that are worth most first.

    For how long that may be in a stage is `stale_days` in the rules.
    """
    table = rows_asked(as_csv=as_csv, raw=raw, excel=excel, xlsx=xlsx, json=json)
    with _asking(ctx, db, where, known_at, rules) as asked:
        at_most = limit if json or table.are_asked else (limit or PAGE) + 1
        found = asked.crm.stale_opportunities(as_of=as_of, firm=asked.find(firm), limit=at_most, **asked.axes)
        if json:
            as_json.write_array(sys.stdout, map(to_dict, found))
            return
        drawn = pipeline_drawn.stale(found, limit or PAGE, asked.seen.heading(as_of))
        _table(asked, table, None, drawn, pipeline_drawn.stale_rows(found))


def forecast(
    ctx: typer.Context,
    by_month: Annotated[
        bool, typer.Option("--month", help="By the month in which they are expected to be closed.")
    ] = False,
    as_of: AsOf = None,
    where: WhereOption = None,
    known_at: KnownAt = None,
    rules: ByRules = None,
    as_csv: CsvOption = False,
    raw: RawOption = False,
    excel: ExcelOption = None,
    xlsx: XlsxOption = None,
    json: JsonOption = False,
    db: StoreOption = None,
) -> None:
    """Show what is open is expected to bring: by the probabilities of the rules, and by own history.

    That is which share was won within 180 days of entering a stage, of all that entered it at least 180 days ago, open
    ones included. Of fewer than 30 there are too few to say. Own history is that of the whole store, whatever --where.
    """
    table = rows_asked(as_csv=as_csv, raw=raw, excel=excel, xlsx=xlsx, json=json)
    with _asking(ctx, db, where, known_at, rules) as asked:
        found = asked.crm.pipeline_forecast(as_of=as_of, **asked.axes)
        heading = asked.seen.heading(as_of)
        if by_month:
            drawn, rows = pipeline_drawn.months(found, heading), pipeline_drawn.month_rows(found)
        else:
            drawn, rows = pipeline_drawn.forecast(found, heading), pipeline_drawn.forecast_rows(found)
        _table(asked, table, to_dict(found) if json else None, drawn, rows)


def calibration(
    ctx: typer.Context,
    since: Annotated[
        date | None,
        typer.Option(metavar="DAY", parser=parse_moment, help="From the month of this day on: the last 24."),
    ] = None,
    until: Annotated[
        date | None, typer.Option(metavar="DAY", parser=parse_moment, help="Up to that of this day.")
    ] = None,
    where: WhereOption = None,
    known_at: KnownThen = None,
    svg: SvgOption = None,
    force: ForceOption = False,
    as_csv: CsvOption = False,
    raw: RawOption = False,
    excel: ExcelOption = None,
    xlsx: XlsxOption = None,
    json: JsonOption = False,
    db: StoreOption = None,
) -> None:
    """Show whether forecasts came true: those of the eve of each month, as known on it, by the rules then in force.

    Probabilities are held against what was won 180 days later, and the sum forecast for a month against what was won.
    Rows (--csv) are those of the months; --json has all.
    """
    form = form_asked(json=json, as_csv=as_csv, raw=raw, excel=excel, xlsx=xlsx, svg=svg, force=force)
    held = pairs(where or [], "--where")
    with open_to_ask(ctx, db) as crm:
        try:
            with waiting("folding as known then", if_stopped="Stopped.") as on_progress:
                found = crm.pipeline_calibration(
                    since=since, until=until, where=held, known_at=known_at, on_progress=on_progress
                )
        except ValueError as error:
            raise typer.BadParameter(str(error)) from None
        drawn = pipeline_drawn.calibration(found)
        _picture(crm, form, found, drawn, pipeline_drawn.calibration_rows(found))
