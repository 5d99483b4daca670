"""`export-person`: all data held about one person, for a subject access request."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Annotated

import typer

from regulars.cli import as_json, render
from regulars.cli.asking import WhoArgument
from regulars.cli.files import file_to_write, is_standard_output
from regulars.cli.opening import JsonOption, StoreOption, open_to_ask
from regulars.person.as_json import person_json
from regulars.person.page import person_page
from regulars.person.values import PersonExport


def export_person(
    ctx: typer.Context,
    who: WhoArgument,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Write a new file, readable by you alone.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the file where there is one.")] = False,
    json: JsonOption = False,
    db: StoreOption = None,
) -> None:
    """Print all data held about one person, decrypted, as a page for them to read.

    It is about everyone who was merged into them, too. Of who was forgotten it says when, and what remains.
    """
    with open_to_ask(ctx, db) as crm:
        written = _written(crm.export_person(crm.find(who)), as_machines_read_it=json)
        if out is None or is_standard_output(out):
            sys.stdout.write(written)
            return
        with file_to_write(out, crm, replace=force) as file:
            file.write(written.encode())
    render.draw(f"Everything held about one person, in {render.clean(str(out))}.")


def _written(found: PersonExport, *, as_machines_read_it: bool) -> str:
    if not as_machines_read_it:
        return person_page(found)
    stream = io.StringIO()
    as_json.write_json(stream, person_json(found))
    return stream.getvalue()
