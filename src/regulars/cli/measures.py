"""`trend`, `flow`, `cohorts`, `rfm`, `revenue` and `liability`: measures over time."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from typing import Annotated, Any

import typer
from rich.console import ConsoleRenderable

from regulars.asking.dicts import to_dict
from regulars.asking.paging import PAGE
from regulars.cli import as_json, measured, render
from regulars.cli.asking import AsOf, pairs, zone_of
from regulars.cli.csv_cells import CsvOption, ExcelOption, RawOption, WriteRow, XlsxOption
from regulars.cli.opening import JsonOption, StoreOption, open_to_ask, tell_what_is_missing
from regulars.cli.pictures import ForceOption, Form, SvgOption, form_asked
from regulars.cli.viewpoint import ByRules, KnownAt, build_lists, viewpoint
from regulars.cli.words import parse_moment, parse_span
from regulars.crm import Regulars
from regulars.measures.expiring import Expiring
from regulars.measures.flow import Flow, Mover
from regulars.measures.periods import By
from regulars.measures.rfm import FREQUENCY, RECENCY
from regulars.pictures.measures import Measure, measure_svg

NOBODY = "-"

ByOption = Annotated[By, typer.Option("--by", help="Months, or weeks from Monday, in the business's zone.")]
SinceOption = Annotated[
    date | None,
    typer.Option(metavar="DAY", parser=parse_moment, help="From the month or week of this day on: the last 12."),
]
UntilOption = Annotated[
    date | None, typer.Option(metavar="DAY", parser=parse_moment, help="Up to that of this day, which may be ahead.")
]
WhereOption = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME=VALUE", help="Only those of whom this holds: tier=gold. May be repeated."),
]


@contextmanager
def _asking(
    ctx: typer.Context, db: str | None, where: list[str] | None, known_at: date | None, rules: str | None
) -> Iterator[tuple[Regulars, dict[str, Any]]]:
    """The store, and what all measures are asked with; what can't be asked is a wrong parameter."""
    held = pairs(where or [], "--where")
    with open_to_ask(ctx, db) as crm:
        seen = viewpoint(crm, known_at, rules)
        build_lists(crm, seen)
        try:
            yield crm, {"where": held, "known_at": seen.known_at, "rules": seen.rules}
        except ValueError as error:
            raise typer.BadParameter(str(error)) from None
        tell_what_is_missing(crm)


def _answer(
    crm: Regulars, form: Form, found: Measure, drawn: Iterable[ConsoleRenderable | str], rows: Iterable[list[object]]
) -> None:
    def write_rows(write: WriteRow) -> None:
        for row in rows:
            write(row)

    form.answer(
        crm,
        picture=lambda: measure_svg(found, zone_of(crm)),
        as_object=lambda: to_dict(found),
        write_rows=write_rows,
        drawn=drawn,
    )


def trend(
    ctx: typer.Context,
    dimension: Annotated[
        str,
        typer.Argument(
            metavar="WHAT",
            help="stage, tier, risk, value, tag, segment, owner, source, tickets, or an extension's lane.",
        ),
    ],
    by: ByOption = "month",
    since: SinceOption = None,
    until: UntilOption = None,
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
    """Show how many had which value at the end of each month, the future that is due included.

    It counts customers, those who are forgotten, too; of tickets it counts them by their status.
    """
    form = form_asked(json=json, as_csv=as_csv, raw=raw, excel=excel, xlsx=xlsx, svg=svg, force=force)
    with _asking(ctx, db, where, known_at, rules) as (crm, asked):
        found = crm.trend(dimension, by=by, since=since, until=until, **asked)
        _answer(crm, form, found, measured.trend(found), measured.trend_rows(found))


def flow(
    ctx: typer.Context,
    first: Annotated[date, typer.Argument(metavar="FROM", parser=parse_moment, help="A day: its end counts.")],
    second: Annotated[date, typer.Argument(metavar="TO", parser=parse_moment, help="A later day, maybe ahead.")],
    lane: Annotated[
        str, typer.Argument(metavar="LANE", help="stage, tier, risk, value, segment:ID, or an extension's lane.")
    ],
    who: Annotated[
        str | None,
        typer.Option(
            "--list",
            metavar="VALUE:VALUE",
            help="List who went so: active:at_risk. - is nobody yet, or out of a segment.",
        ),
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="With --list: at most so many. 50; all with --json, --csv.")
    ] = None,
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
    """Show how many customers went from which verdict to which between two days; with --list, who.

    --where is about the first day.
    """
    form = form_asked(json=json, as_csv=as_csv, raw=raw, excel=excel, xlsx=xlsx, svg=svg, force=force)
    if limit is not None and who is None:
        raise typer.BadParameter("it means something only together with --list", param_hint="--limit")
    if svg is not None and who is not None:
        raise typer.BadParameter("choose one of them", param_hint="--list and --svg")
    with _asking(ctx, db, where, known_at, rules) as (crm, asked):
        if who is None:
            found = crm.flow(lane, first, second, **asked)
            _answer(crm, form, found, measured.flow(found), measured.flow_rows(found))
            return
        most = limit if limit is not None or json or form.rows.are_asked else PAGE
        _list(crm, form, _move(crm.flow(lane, first, second, **asked), who), most, (lane, first, second), asked)


def _move(found: Flow, typed: str) -> tuple[str | None, str | None]:
    before, is_pair, after = typed.partition(":")
    known = {*found.values, NOBODY}
    if not is_pair or not {before, after} <= known:
        values = ", ".join(found.values)
        raise typer.BadParameter(
            f'expected VALUE:VALUE of {values} and {NOBODY} for nobody, not "{typed}"', param_hint="--list"
        )
    return None if before == NOBODY else before, None if after == NOBODY else after


def _list(
    crm: Regulars,
    form: Form,
    move: tuple[str | None, str | None],
    limit: int | None,
    between: tuple[str, date, date],
    asked: dict[str, Any],
) -> None:
    found: tuple[Mover, ...] = crm.movers(*between, move, limit=limit, **asked)
    if form.json:
        as_json.write_array(sys.stdout, map(to_dict, found))
    elif form.rows.are_asked:
        with form.rows.written(crm) as write:
            write(["id", "ref", "name"])
            for each in found:
                write([str(each.id), each.ref, each.name])
    else:
        rows = [(each.ref or f"id:{each.id}", each.name or "") for each in found]
        render.draw(render.table(("Ref", "Name"), rows, fold=1) if rows else "Nobody went so.")
        if limit is not None and len(found) == limit:
            render.draw(f"The first {limit}; --limit N shows N, --csv and --json all.")


def cohorts(
    ctx: typer.Context,
    by: ByOption = "month",
    since: SinceOption = None,
    until: UntilOption = None,
    as_of: AsOf = None,
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
    """Show retention: of those who first ordered in a month, how many ordered in each month since.

    Orders that came back count. --as-of leaves out later orders; --where is about then, or now.
    """
    form = form_asked(json=json, as_csv=as_csv, raw=raw, excel=excel, xlsx=xlsx, svg=svg, force=force)
    with _asking(ctx, db, where, known_at, rules) as (crm, asked):
        found = crm.cohorts(by=by, since=since, until=until, as_of=as_of, **asked)
        _answer(crm, form, found, measured.cohorts(found), measured.cohort_rows(found))


def rfm(
    ctx: typer.Context,
    as_of: AsOf = None,
    recency: Annotated[
        str, typer.Option(metavar="DAYS,…", help="The bands: the last order at most so many days ago.")
    ] = ",".join(map(str, RECENCY)),
    frequency: Annotated[
        str, typer.Option(metavar="ORDERS,…", help="The bands: from so many orders on, the first from 1.")
    ] = ",".join(map(str, FREQUENCY)),
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
    """Show who bought how recently, how often and for how much: customers and net spend by bands.

    Bands are yours, and no quintiles: nobody's depends on what others bought.
    """
    form = form_asked(json=json, as_csv=as_csv, raw=raw, excel=excel, xlsx=xlsx, svg=svg, force=force)
    days, orders = _limits(recency, "--recency"), _limits(frequency, "--frequency")
    with _asking(ctx, db, where, known_at, rules) as (crm, asked):
        found = crm.rfm(as_of=as_of, recency=days, frequency=orders, **asked)
        _answer(crm, form, found, measured.rfm(found), measured.rfm_rows(found))


def _limits(typed: str, option: str) -> tuple[int, ...]:
    try:
        return tuple(int(each) for each in typed.split(","))
    except ValueError:
        raise typer.BadParameter(
            f'expected whole numbers such as 30,90,180, not "{typed}"', param_hint=option
        ) from None


def revenue(
    ctx: typer.Context,
    by: ByOption = "month",
    since: SinceOption = None,
    until: UntilOption = None,
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
    """Show revenue by month, of new customers and of returning ones: by how much their net spend grew.

    A return counts when it came back. A customer is new in the month of their first order.
    """
    form = form_asked(json=json, as_csv=as_csv, raw=raw, excel=excel, xlsx=xlsx, svg=svg, force=force)
    with _asking(ctx, db, where, known_at, rules) as (crm, asked):
        found = crm.revenue(by=by, since=since, until=until, **asked)
        _answer(crm, form, found, measured.revenue(found), measured.revenue_rows(found))


def liability(
    ctx: typer.Context,
    expiring: Annotated[
        timedelta | None,
        typer.Option(
            "--expiring", metavar="TIME", parser=parse_span, help="List whose points expire within a time: 30d."
        ),
    ] = None,
    by: ByOption = "month",
    since: SinceOption = None,
    until: UntilOption = None,
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
    """Show the points of all members at the end of each month, and what expires if nobody earns or spends.

    Owed are points below zero: those spent before the order that earned them came back.
    """
    form = form_asked(json=json, as_csv=as_csv, raw=raw, excel=excel, xlsx=xlsx, svg=svg, force=force)
    if expiring is not None and (svg, since, until) != (None, None, None):
        raise typer.BadParameter("it goes with none of --svg, --since and --until", param_hint="--expiring")
    with _asking(ctx, db, where, known_at, rules) as (crm, asked):
        if expiring is not None:
            _list_expiring(crm, form, crm.expiring(expiring, **asked))
            return
        found = crm.liability(by=by, since=since, until=until, **asked)
        _answer(crm, form, found, measured.liability(found), measured.liability_rows(found))


def _list_expiring(crm: Regulars, form: Form, found: Expiring) -> None:
    if form.json:
        as_json.write_json(sys.stdout, to_dict(found))
    elif form.rows.are_asked:
        with form.rows.written(crm) as write:
            write(["id", "ref", "name", "points"])
            for each in found.members:
                write([str(each.id), each.ref, each.name, each.points])
    else:
        rows = [(each.ref or f"id:{each.id}", each.name or "", f"{each.points:,}") for each in found.members[:PAGE]]
        if rows:
            render.draw(render.table(("Ref", "Name", "Points"), rows, fold=1), "")
        render.draw(f"{found.total:,} points of {len(found.members):,} members expire if nobody spends them.")
        if len(found.members) > PAGE:
            render.draw(f"The {PAGE} with the most; --csv and --json list all.")
