"""`report`: a month of the business as a page to send."""

from __future__ import annotations

import re
import sys
from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from regulars.asking.dicts import to_dict
from regulars.cli import as_json, render
from regulars.cli.files import file_to_write, is_standard_output
from regulars.cli.opening import JsonOption, StoreOption, open_to_ask, tell_what_is_missing
from regulars.cli.progress import PATIENCE, Bar, shown_progress
from regulars.cli.viewpoint import fold_first
from regulars.report.gathering import WATCHED
from regulars.report.page import report_page

_MONTH = re.compile(r"\d{4}-\d\d")


def _parse_month(text: str) -> date:
    try:
        if not _MONTH.fullmatch(text):
            raise ValueError
        return date.fromisoformat(f"{text}-01")
    except ValueError:
        raise typer.BadParameter(f'expected a month such as 2026-10, not "{text}"') from None


def report(
    ctx: typer.Context,
    month: Annotated[
        date | None, typer.Option(metavar="MONTH", parser=_parse_month, help="2026-10. The last one that is over.")
    ] = None,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Write a new file, readable by you alone.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the file where there is one.")] = False,
    personal: Annotated[
        bool, typer.Option("--personal", help="With references and names; they can't be forgotten in a page once sent.")
    ] = False,
    watch: Annotated[str, typer.Option(metavar="STAGE", help="Whom to call: who is, or becomes, this.")] = WATCHED,
    business: Annotated[str, typer.Option(metavar="NAME", help="The name in the title.")] = "",
    json: JsonOption = False,
    db: StoreOption = None,
) -> None:
    """Write a month as one page: what happened, against the month and the year before; whom to call; what is due.

    Each number names the command that lists it. The page has no scripts and loads nothing.
    """
    with open_to_ask(ctx, db) as crm:
        fold_first(crm)
        with shown_progress() as progress:
            bar = Bar(progress, "gathering", "parts", patience=PATIENCE)
            try:
                found = crm.report(
                    month=month,
                    personal=personal,
                    watch=watch,
                    business=business,
                    on_progress=lambda done, total: bar.move(done, total, done),
                )
            except ValueError as error:
                raise typer.BadParameter(str(error)) from None
        tell_what_is_missing(crm)
        if json:
            as_json.write_json(sys.stdout, to_dict(found))
            return
        page = report_page(found)
        if out is None or is_standard_output(out):
            sys.stdout.write(page)
            return
        with file_to_write(out, crm, replace=force) as file:
            file.write(page.encode())
    render.draw(f"The report of {found.month}, in {render.clean(str(out))}.")
