"""`import`: importing files, with a progress bar."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from regulars.adapters.importing import Mapping, load_mapping, preset_for
from regulars.adapters.importing.source import STANDARD_INPUT
from regulars.cli import as_json, render
from regulars.cli.opening import (
    ActorOption,
    CurrencyOption,
    JsonOption,
    StoreOption,
    is_missing,
    open_to_ask,
    open_to_rehearse,
    open_to_write,
    registry,
)
from regulars.cli.progress import Bar, shown_progress
from regulars.cli.proposing import agreed_mapping
from regulars.crm_domain.errors import NotFound
from regulars.doing.importing import ImportReport, together


def import_file(
    ctx: typer.Context,
    files: Annotated[
        list[str] | None,
        typer.Argument(metavar="FILE...", help="CSV, columns, JSON, spreadsheets or vCards, also .gz; - is stdin."),
    ] = None,
    mapping: Annotated[
        str | None,
        typer.Option(metavar="MAP.toml", help="The mapping that turns rows into commands, or the name of a preset."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Do everything, then take it back.")] = False,
    allow_rejects: Annotated[
        bool, typer.Option("--allow-rejects", help="End with status 0 though rows were refused.")
    ] = False,
    rejects: Annotated[
        bool, typer.Option("--rejects", help="List the rows that imports refused, and import nothing.")
    ] = False,
    actor: ActorOption = None,
    currency: CurrencyOption = None,
    json: JsonOption = False,
    db: StoreOption = None,
) -> None:
    """Import files; the store is made if there is none.

    A row is taken whole or refused, and the rest goes on. The same file again changes nothing. Without a mapping one is
    proposed, and where nobody is there to agree, nothing is imported. The exit status is 1 where rows were refused.
    """
    if rejects:
        _list_rejects(ctx, db, json)
        return
    if not files:
        raise typer.BadParameter("a file to import is needed", param_hint="FILE")
    known = _mapping(ctx, files, mapping, json)
    report = _import(ctx, files, known, dry_run, actor, currency, db)
    if json:
        as_json.write_json(sys.stdout, as_json.report(report))
    else:
        render.draw(render.import_report(report))
    if report.rejected and not allow_rejects:
        raise typer.Exit(1)


def _mapping(ctx: typer.Context, files: list[str], named: str | None, json: bool) -> Mapping:
    catalogue = registry(ctx).catalogue
    for file in files:
        if file != STANDARD_INPUT and not Path(file).exists():
            raise NotFound(f"there is no file {file}")  # before a store is made for nothing
    if named is None:
        return agreed_mapping(files[0], catalogue, json)
    preset = None if Path(named).exists() else preset_for(named, files[0], catalogue)
    return load_mapping(named, catalogue) if preset is None else preset


def _import(
    ctx: typer.Context,
    files: list[str],
    mapping: Mapping,
    dry_run: bool,
    actor: str | None,
    currency: str | None,
    db: str | None,
) -> ImportReport:
    if dry_run and is_missing(ctx, db):
        opened = open_to_rehearse(ctx, actor, currency)
    else:
        opened = open_to_write(ctx, db, actor, currency)
    with opened as crm, shown_progress() as progress:
        reading = Bar(progress, "reading", "rows")
        folding = Bar(progress, "folding in", "events")
        try:
            return together(
                [
                    crm.import_file(
                        file,
                        mapping,
                        dry_run=dry_run,
                        on_progress=lambda done, total, rows: reading.move(done, total, rows),
                        on_catch_up=lambda done, total: folding.move(done, total, done),
                    )
                    for file in files
                ]
            )
        except KeyboardInterrupt:
            progress.console.print("Stopped. What was taken stays; import the file again to go on.")
            raise


def _list_rejects(ctx: typer.Context, db: str | None, json: bool) -> None:
    with open_to_ask(ctx, db) as crm:
        found = crm.rejects()
    if json:
        as_json.write_array(sys.stdout, (as_json.reject(each) for each in found))
    elif found:
        render.draw(render.reject_table(found))
    else:
        render.draw("No row is in quarantine.")
