"""`reminders` and `calendar`."""

from __future__ import annotations

import sys
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from regulars.asking.dicts import to_dict
from regulars.asking.paging import PAGE
from regulars.asking.reminders import Reminder, Reminders
from regulars.calendars.ics import calendar_ics
from regulars.cli import as_json, render
from regulars.cli.asking import AsOf
from regulars.cli.csv_cells import CsvOption, ExcelOption, RawOption, WriteRow, XlsxOption, rows_asked
from regulars.cli.files import file_to_write, is_standard_output
from regulars.cli.opening import (
    AtLeastOption,
    FreshOption,
    JsonOption,
    StoreOption,
    open_to_ask,
    tell_what_is_missing,
)
from regulars.cli.progress import waiting
from regulars.cli.viewpoint import ByRules, KnownAt, Viewpoint, build_lists, fold_first, viewpoint
from regulars.cli.words import parse_day
from regulars.session.freshness import FRESH

_COLUMNS = (
    *("due", "care", "title", "customer_id", "ref", "name", "why", "owner"),
    *("day", "is_overdue", "since", "settle"),
)
_DAY = len("2026-03-01")
_NO_CARE = "The rules name no occasions under [[care]]; docs/howto-care.md shows some."


FromDay = Annotated[
    date | None,
    typer.Option("--from", metavar="DAY", parser=parse_day, help="The first day on which they are due."),
]
ToDay = Annotated[
    date | None,
    typer.Option(
        "--to", metavar="DAY", parser=parse_day, help="The last one, with what comes up by then if nothing happens."
    ),
]


def reminders(
    ctx: typer.Context,
    since: FromDay = None,
    until: ToDay = None,
    owner: Annotated[str | None, typer.Option(metavar="NAME", help="Only those of this owner.")] = None,
    care: Annotated[str | None, typer.Option(metavar="ID", help="Only those of this rule.")] = None,
    customer: Annotated[str | None, typer.Option(metavar="WHO", help="Only those about this customer.")] = None,
    as_of: AsOf = None,
    known_at: KnownAt = None,
    rules: ByRules = None,
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
    """List whom to call and why, by the rules' [[care]]: what is overdue first, then by day.

    It is what has come up and isn't settled; the last line says how to settle one.
    """
    rows = rows_asked(as_csv=as_csv, raw=raw, excel=excel, xlsx=xlsx, json=json)
    with open_to_ask(ctx, db) as crm:
        seen = viewpoint(crm, known_at, rules)
        build_lists(crm, seen)
        crm.catch_up(within=timedelta(seconds=fresh))
        shown = None if rows.are_asked or json else PAGE
        try:
            found = crm.reminders(
                since=since,
                until=until,
                owner=owner,
                care=care,
                customer=None if customer is None else crm.find(customer),
                as_of=as_of,
                known_at=seen.known_at,
                rules=seen.rules,
                limit=limit or shown,
                fresh=False,
                at_least=at_least,
            )
        except ValueError as error:
            raise typer.BadParameter(str(error)) from None
        if rows.are_asked:
            with rows.written(crm) as write:
                _write_rows(write, found)
        elif json:
            as_json.write_array(sys.stdout, map(as_json.reminder, found))
        else:
            _draw(found, seen, as_of)
        render.tell_what_may_be_missing(found.missing)
        tell_what_is_missing(crm)


def _write_rows(write: WriteRow, found: Reminders) -> None:
    write(_COLUMNS)
    for each in found:
        fields = as_json.reminder(each) | {"due": each.due, "day": each.day, "since": each.since}
        write([fields[column] for column in _COLUMNS])


def _draw(found: Reminders, seen: Viewpoint, as_of: date | None) -> None:
    if seen.is_given:
        render.draw(seen.heading(as_of))
    if not found:
        render.draw("Nobody is to be called." if seen.ruleset.care else _NO_CARE)
        return
    render.draw(_table(list(found)))
    if found.total > len(found):
        render.draw(f"and {found.total - len(found):,} more: --limit N shows N, --csv and --json all.")
    render.draw("", "Settle the first:", *render.command_lines(next(iter(found)).how_to_settle, indent=2))


def _table(found: list[Reminder]) -> Table:
    """One row a reminder. What it is and why give way where there is no room; the day never does."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold", pad_edge=False)
    table.add_column("Due", no_wrap=True, min_width=_DAY)
    for title in ("Customer", "What", "Why"):
        table.add_column(title, overflow="fold", min_width=8)
    for each in found:
        who = " ".join(filter(None, (each.name, each.ref))) or f"id:{each.customer_id}"
        words = (each.due.isoformat() + ("!" if each.is_overdue else ""), who, each.title or each.care, each.why)
        table.add_row(*(Text(render.clean(word)) for word in words))
    return table


def calendar(
    ctx: typer.Context,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Write a new file, readable by you alone.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the file where there is one.")] = False,
    since: FromDay = None,
    until: ToDay = None,
    without_names: Annotated[
        bool,
        typer.Option("--without-names", help="Say whom an entry is about by id alone, and not why."),
    ] = False,
    json: JsonOption = False,
    db: StoreOption = None,
) -> None:
    """Write what is due as a calendar file that Google, Apple and Outlook read.

    Reminders, birthdays, tasks, quotes that run out, and contracts that end or renew are in it, from what is overdue to
    a year ahead. Written again, it changes the entries that a calendar has of it. What was handed on can't be
    forgotten: with --without-names nobody is named.
    """
    with open_to_ask(ctx, db) as crm:
        fold_first(crm)
        try:
            with waiting("gathering", if_stopped="Stopped.") as on_progress:
                found = crm.calendar(since=since, until=until, names=not without_names, on_progress=on_progress)
        except ValueError as error:
            raise typer.BadParameter(str(error)) from None
        render.tell_what_may_be_missing(found.missing)
        tell_what_is_missing(crm)
        if json:
            as_json.write_json(sys.stdout, to_dict(found))
            return
        written = calendar_ics(found)
        if out is None or is_standard_output(out):
            sys.stdout.write(written.decode())
            return
        with file_to_write(out, crm, replace=force) as file:
            file.write(written)
    entries = "1 entry" if len(found) == 1 else f"{len(found):,} entries"
    render.draw(f"{entries} in {render.clean(str(out))}.")
