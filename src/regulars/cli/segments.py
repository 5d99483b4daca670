"""`segments` and `segment`."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from functools import partial
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer
from rich.table import Table
from rich.text import Text

from regulars.asking.paging import PAGE
from regulars.asking.segments import Attrition, SegmentCount, SegmentMember
from regulars.cli import as_json, render
from regulars.cli.asking import DEFAULT_WITHIN, AsOf, zone_of
from regulars.cli.csv_cells import CsvOption, ExcelOption, RawOption, WriteRow, XlsxOption, require_one, rows_asked
from regulars.cli.opening import (
    AtLeastOption,
    FreshOption,
    JsonOption,
    StoreOption,
    open_to_ask,
    tell_what_is_missing,
)
from regulars.cli.paging import every
from regulars.cli.progress import waiting
from regulars.cli.viewpoint import ByRules, KnownAt, Viewpoint, build_lists, viewpoint
from regulars.cli.words import parse_span
from regulars.crm import Regulars
from regulars.projections.segments.explain import ENTER
from regulars.session.freshness import FRESH

Within = Annotated[
    timedelta | None,
    typer.Option(
        metavar="TIME", parser=parse_span, help="How soon they come in or go out: 36h, 14d, 2w. 14d, unless given."
    ),
]


def segments(
    ctx: typer.Context,
    as_of: AsOf = None,
    known_at: KnownAt = None,
    rules: ByRules = None,
    within: Within = None,
    fresh: FreshOption = FRESH,
    at_least: AtLeastOption = None,
    json: JsonOption = False,
    db: StoreOption = None,
) -> None:
    """List the segments: how many are in each, come in and go out soon.

    Soon is what is due if nothing happens.
    """
    with open_to_ask(ctx, db) as crm:
        seen = viewpoint(crm, known_at, rules)
        build_lists(crm, seen)
        crm.catch_up(within=timedelta(seconds=fresh))
        soon = DEFAULT_WITHIN if within is None else within
        found = _tried(
            partial(crm.segments, within=soon, fresh=False, at_least=at_least),
            as_of=as_of,
            known_at=seen.known_at,
            rules=seen.rules,
        )
        if json:
            as_json.write_array(sys.stdout, map(as_json.segment_count, found))
        elif not found:
            render.draw("The rules have no segments: a [[segment]] table makes one.")
        else:
            if seen.is_given:
                render.draw(seen.heading(as_of))
            render.draw(_counts_table(found, soon))
        tell_what_is_missing(crm)


def segment(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="ID", help="The id of the segment in the rules.")],
    entering: Annotated[bool, typer.Option("--entering", help="Those instead who come in soon by themselves.")] = False,
    leaving: Annotated[bool, typer.Option("--leaving", help="Those alone who go out soon by themselves.")] = False,
    within: Within = None,
    attrition: Annotated[
        bool, typer.Option("--attrition", help="How many customers are left after each condition, instead.")
    ] = False,
    as_of: AsOf = None,
    known_at: KnownAt = None,
    rules: ByRules = None,
    forgotten: Annotated[bool, typer.Option("--forgotten", help="Include forgotten customers.")] = False,
    limit: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="At most so many. A table shows 50; --json and --csv print all."),
    ] = None,
    as_csv: CsvOption = False,
    raw: RawOption = False,
    excel: ExcelOption = None,
    xlsx: XlsxOption = None,
    fresh: FreshOption = FRESH,
    at_least: AtLeastOption = None,
    json: JsonOption = False,
    db: StoreOption = None,
) -> None:
    """List who is in a segment, comes in or goes out soon.

    Soon is what is due if nothing happens. With --attrition, how the segment comes to its members.
    """
    require_one({"--entering": entering, "--leaving": leaving, "--attrition": attrition})
    rows = rows_asked(as_csv=as_csv, raw=raw, excel=excel, xlsx=xlsx, json=json)
    require_one({"--csv, --excel or --xlsx": rows.are_asked, "--attrition": attrition})
    if within is not None and not (entering or leaving):
        raise typer.BadParameter("it means something only together with --entering or --leaving", param_hint="--within")
    with open_to_ask(ctx, db) as crm:
        seen = viewpoint(crm, known_at, rules)
        if attrition:
            _draw_attrition(crm, name, as_of, seen, json=json)
            return
        build_lists(crm, seen)
        crm.catch_up(within=timedelta(seconds=fresh))
        ask = partial(
            _tried,
            partial(crm.segment, name, entering=entering, leaving=leaving, within=within or DEFAULT_WITHIN),
            forgotten=forgotten,
            as_of=as_of,
            known_at=seen.known_at,
            rules=seen.rules,
            fresh=False,
            at_least=at_least,
        )
        if json:
            as_json.write_array(sys.stdout, map(as_json.segment_member, every(ask, limit)))
        elif rows.are_asked:
            with rows.written(crm) as write:
                _write_rows(write, every(ask, limit))
        else:
            if seen.is_given:
                render.draw(seen.heading(as_of))
            _draw_members(list(every(ask, (limit or PAGE) + 1)), limit or PAGE, zone_of(crm))
        tell_what_is_missing(crm)


def _tried(ask: Any, **wish: Any) -> Any:
    try:
        return ask(**wish)
    except ValueError as error:  # more than can be folded for the question
        raise typer.BadParameter(str(error)) from None


def _counts_table(found: Sequence[SegmentCount], within: timedelta) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("Segment", no_wrap=True, overflow="ellipsis", max_width=24)
    table.add_column("Members", justify="right", no_wrap=True)
    table.add_column("Entering", justify="right", no_wrap=True)
    table.add_column("Leaving", justify="right", no_wrap=True)
    table.add_column(f"within {_span_text(within)}", overflow="fold")
    for each in found:
        counts = (f"{each.members:,}", f"{each.entering:,}", f"{each.leaving:,}")
        table.add_row(Text(each.id), *counts, Text(render.clean(each.title or "")))
    return table


def _span_text(span: timedelta) -> str:
    return f"{span.days}d" if span == timedelta(days=span.days) else f"{span // timedelta(hours=1)}h"


def _draw_members(found: Sequence[SegmentMember], limit: int, zone: ZoneInfo) -> None:
    if not found:
        render.draw("No customer answers to that.")
        return
    table = Table(box=None, pad_edge=False)
    for title in ("Customer", "Name"):
        table.add_column(title, overflow="ellipsis", no_wrap=True)
    for title in ("In since", "Until"):
        table.add_column(title, no_wrap=True)
    for each in found[:limit]:
        called = each.ref or f"id:{each.customer_id}"
        cells = (Text(render.clean(called)), Text(render.clean(each.name or "")))
        table.add_row(*cells, render.day(each.since, zone), render.day(each.until, zone))
    more = f"The first {limit}; there are more: --limit N shows N, --csv and --json all."
    render.draw(table, *([more] if len(found) > limit else []))


_COLUMNS = ("ref", "name", "since", "until", "id")


def _write_rows(write: WriteRow, found: Iterable[SegmentMember]) -> None:
    write(_COLUMNS)
    for each in found:
        fields = as_json.segment_member(each) | {"since": each.since, "until": each.until}
        write([fields[column] for column in _COLUMNS])


def _draw_attrition(crm: Regulars, name: str, as_of: date | None, seen: Viewpoint, *, json: bool) -> None:
    with waiting("counting", if_stopped="Stopped.") as on_progress:
        found = crm.attrition(name, as_of=as_of, known_at=seen.known_at, rules=seen.rules, on_progress=on_progress)
    if json:
        as_json.write_json(sys.stdout, as_json.attrition(found))
        return
    if seen.is_given:
        render.draw(seen.heading(as_of))
    render.draw(_attrition_table(found))


def _attrition_table(found: Attrition) -> Table:
    table = Table("Left", "", box=None, pad_edge=False)
    table.columns[0].justify = "right"
    table.columns[1].overflow = "fold"
    table.add_row(f"{found.customers:,}", "customers")
    for step in found.steps:
        table.add_row(
            f"{step.customers:,}", Text(render.clean(f"{'' if step.clause == ENTER else 'and '}{step.condition}"))
        )
    if found.kept_out:
        table.add_row(f"-{found.kept_out:,}", "kept out: they went out less than the pause ago")
    if found.kept_in:
        table.add_row(f"+{found.kept_in:,}", "kept in: by their stay, or as leave hasn't held")
    table.add_row(Text(f"{found.members:,}", style="bold"), Text("members", style="bold"))
    return table
