"""`search`: the texts that were written down, looked through one by one."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import date
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from rich.console import Group
from rich.table import Table
from rich.text import Text

from regulars.asking.search import FoundText, SearchPage
from regulars.cli import as_json, render
from regulars.cli.asking import zone_of
from regulars.cli.opening import JsonOption, StoreOption, open_to_ask
from regulars.cli.progress import waiting
from regulars.cli.words import parse_moment


def search(
    ctx: typer.Context,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What to search for, whatever the case of letters.")],
    customer: Annotated[str | None, typer.Option(metavar="WHO", help="Only what is of this customer.")] = None,
    since: Annotated[
        date | None,
        typer.Option("--from", "--since", metavar="WHEN", parser=parse_moment, help="Only what was said from then on."),
    ] = None,
    until: Annotated[
        date | None,
        typer.Option("--to", "--until", metavar="WHEN", parser=parse_moment, help="Only what was said up to then."),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=1_000, metavar="N", help="At most so many.")] = 20,
    after: Annotated[
        str | None, typer.Option(metavar="MARK", help="Go on where an earlier search stopped, as it printed it.")
    ] = None,
    json: JsonOption = False,
    db: StoreOption = None,
) -> None:
    """Search notes, conversations, comments and messages for a text, the latest first.

    They stand encrypted in the store, so each is decrypted for the search: at most 10,000 at a time. It says how far it
    got and how to go on.
    """
    with open_to_ask(ctx, db) as crm:
        who = None if customer is None else crm.find(customer)
        with waiting("searching", if_stopped="Stopped.", counted="texts") as on_progress:
            try:
                found = crm.search(
                    text, customer=who, since=since, until=until, limit=limit, after=after, on_progress=on_progress
                )
            except ValueError as error:
                raise typer.BadParameter(str(error)) from None
        if json:
            as_json.write_json(sys.stdout, as_json.search_page(found))
        else:
            _draw(found, zone_of(crm))


def _draw(page: SearchPage, zone: ZoneInfo) -> None:
    if page.found:
        table = Table.grid(padding=(0, 2))
        table.add_column(no_wrap=True)
        table.add_column(overflow="fold")
        for each in page.found:
            table.add_row(Text(render.day(each.at, zone)), Group(Text(_whose(each), style="dim"), _excerpt(each)))
        render.draw(table, "")
    else:
        render.draw("No text has that." if page.after is None else "No text has that so far.")
    render.draw(*_told(page, zone))


def _whose(each: FoundText) -> str:
    who = each.name or each.ref or (None if each.customer_id is None else f"id:{each.customer_id}")
    return f"{render.clean(who or 'nobody')}, {render.clean(each.what)} (event {each.position})"


def _excerpt(each: FoundText) -> Text:
    return Text(render.clean(each.excerpt))


def _told(page: SearchPage, zone: ZoneInfo) -> Iterator[str]:
    """How far it got, and how to go on."""
    texts = "1 text was" if page.looked_through == 1 else f"{page.looked_through:,} texts were"
    back = "" if page.after is None else f", back to {render.day(page.reached, zone)}"
    yield f"{texts} decrypted and looked through{back}."
    if page.unreadable:
        yield f"{page.unreadable:,} more can't be read; `regulars verify` says why."
    if page.after is not None:
        yield f"There is more: --after {page.after} goes on."
