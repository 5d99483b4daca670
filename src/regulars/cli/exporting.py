"""`export`: events with their envelopes, as JSON lines."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from regulars.cli import render
from regulars.cli.files import file_to_write, is_standard_output
from regulars.cli.opening import StoreOption, open_to_ask


def export(
    ctx: typer.Context,
    what: Annotated[Literal["events"], typer.Argument(metavar="WHAT", help="So far: events.")],
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
