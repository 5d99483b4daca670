"""`duplicates`: customers who may be the same person."""

from __future__ import annotations

import sys
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from regulars.asking.duplicates import Duplicates, Suspect
from regulars.asking.paging import MAX_PAGE, PAGE
from regulars.cli import as_json, render
from regulars.cli.opening import JsonOption, StoreOption, open_to_ask
from regulars.crm import Regulars

_SHARED = {"email": "e-mail", "phone": "phone"}


def duplicates(
    ctx: typer.Context,
    limit: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="At most so many suspicions: 50, and all with --json.")
    ] = None,
    after: Annotated[
        str | None, typer.Option(metavar="MARK", help="Go on after a page; the line below its table says the mark.")
    ] = None,
    json: JsonOption = False,
    db: StoreOption = None,
) -> None:
    """List customers who may be the same person, because they share an e-mail or a phone number."""
    with open_to_ask(ctx, db) as crm:
        found, mark = _ask(crm, limit if json else limit or PAGE, after)
    if json:
        as_json.write_array(sys.stdout, map(as_json.duplicates, found))
        return
    if not found:
        render.draw("Nobody shares an e-mail or a phone number with another.")
        return
    render.draw(_table(found), "", "To merge two: regulars do MergeCustomers customer=… into=…")
    if mark is not None:
        render.draw(f"There may be more: --after {mark}")


def _ask(crm: Regulars, limit: int | None, after: str | None) -> tuple[list[Duplicates], str | None]:
    """At most `limit` suspicions, page by page, and where to go on."""
    found: list[Duplicates] = []
    while limit is None or len(found) < limit:
        wanted = MAX_PAGE if limit is None else min(limit - len(found), MAX_PAGE)
        try:
            page = crm.duplicates(limit=wanted, after=after)
        except ValueError as error:
            raise typer.BadParameter(str(error), param_hint="--after") from None
        found += page
        after = page.after
        if after is None:
            break
    return found, after


def _table(found: list[Duplicates]) -> Table:
    """One row a customer; those who share something stand together, and what they share stands once."""
    table = Table("Shared", "Customer", "Name", box=None, pad_edge=False)
    for each in found:
        for number, suspect in enumerate(each.customers):
            words = ("" if number else _SHARED[each.shared], _called(suspect), suspect.name or "")
            table.add_row(*(Text(render.clean(word), overflow="ellipsis", no_wrap=True) for word in words))
    return table


def _called(suspect: Suspect) -> str:
    return suspect.ref or f"id:{suspect.id}"
