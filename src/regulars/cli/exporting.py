"""`export events` and `export reports`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from regulars.cli import as_json, render
from regulars.cli.files import file_to_write, is_standard_output
from regulars.cli.opening import JsonOption, StoreOption, open_to_ask
from regulars.cli.progress import waiting


def events(
    ctx: typer.Context,
    jsonl: Annotated[
        bool, typer.Option("--jsonl", help="JSON lines, one event a line. The only format so far.")
    ] = True,
    personal: Annotated[
        bool, typer.Option("--personal", help="With personal data and reasons, which are left out otherwise.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write a new file, readable by you alone."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the file where there is one.")] = False,
    db: StoreOption = None,
) -> None:
    """Print every event with its envelope, in the order they were recorded.

    `regulars customers --csv` exports the customers and where they stand.
    """
    with open_to_ask(ctx, db) as crm:
        if out is None or is_standard_output(out):
            crm.export_events(sys.stdout.buffer.write, personal=personal)
            return
        with file_to_write(out, crm, replace=force) as file:
            count = crm.export_events(file.write, personal=personal)
        render.draw(f"{count:,} events in {render.clean(str(out))}")


def reports(
    ctx: typer.Context,
    parquet: Annotated[
        Path | None, typer.Option(metavar="DIR", help="A new folder, with a Parquet file for each table.")
    ] = None,
    sqlite: Annotated[Path | None, typer.Option(metavar="FILE", help="A new SQLite database.")] = None,
    personal: Annotated[
        bool,
        typer.Option("--personal", help="With a table of people: their references, names, e-mails and phone numbers."),
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Replace an earlier report. Nothing else is ever replaced.")
    ] = False,
    json: JsonOption = False,
    db: StoreOption = None,
) -> None:
    """Write what happened and where everybody stands as tables, for other tools.

    There is no key in a report, nothing encrypted and, without --personal, no name; so it can be handed to whoever
    makes the charts. It is for your eyes alone until you hand it on.
    """
    if parquet is None and sqlite is None:
        raise typer.BadParameter("name a folder, a file, or both", param_hint="--parquet DIR, --sqlite FILE")
    if_stopped = "Stopped. There is no report."
    with (
        open_to_ask(ctx, db) as crm,
        waiting("exporting", if_stopped=if_stopped, counted="rows") as on_progress,
    ):
        done = crm.export_reports(
            parquet=parquet, sqlite=sqlite, personal=personal, replace=force, on_progress=on_progress
        )
    targets = [str(each) for each in (parquet, sqlite) if each is not None]
    if json:
        as_json.write_json(sys.stdout, as_json.reported(targets, done))
        return
    for name, count in sorted(done.tables.items()):
        render.draw(f"{count:>12,}  {name}")
    where = " and ".join(map(render.clean, targets))
    render.draw(f"{sum(done.tables.values()):>12,}  rows in {where}, up to event #{done.up_to_position}.")
