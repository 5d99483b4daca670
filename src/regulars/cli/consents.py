"""`consents` and `contactable`: one customer's consents, and the customers who may be contacted."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from functools import partial
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from rich.console import ConsoleRenderable

from regulars.asking.consents import Consents, Contactable
from regulars.asking.paging import PAGE
from regulars.cli import as_json, render
from regulars.cli.asking import AsOf, WhoArgument, zone_of
from regulars.cli.csv_cells import CsvOption, ExcelOption, RawOption, WriteRow, XlsxOption, rows_asked
from regulars.cli.opening import JsonOption, StoreOption, open_to_ask
from regulars.cli.paging import every
from regulars.cli.viewpoint import KnownThen
from regulars.crm_domain.command import Channel

_BARRED = {
    "closed": "The account is closed, so they can't be contacted.",
    "forgotten": "They were forgotten, so they can't be contacted.",
    "unknown": "They were not registered yet, so they can't be contacted.",
}
_COLUMNS = ("ref", "name", "email", "phone", "said_at", "id")


def consents(
    ctx: typer.Context,
    who: WhoArgument,
    as_of: AsOf = None,
    known_at: KnownThen = None,
    json: JsonOption = False,
    db: StoreOption = None,
) -> None:
    """Show one customer's consents, with every grant and withdrawal.

    The last word counts, and of words at the same instant the one that withdraws.
    """
    with open_to_ask(ctx, db) as crm:
        found = crm.consents(crm.find(who), as_of=as_of, known_at=known_at)
        if json:
            as_json.write_json(sys.stdout, as_json.consents(found))
            return
        render.draw(*_drawn(found, zone_of(crm)))


def contactable(
    ctx: typer.Context,
    channel: Annotated[Channel, typer.Option(help="On which channel they agreed to be contacted.")],
    purpose: Annotated[str, typer.Option(metavar="PURPOSE", help="For what, as the consents have it: newsletter.")],
    as_of: AsOf = None,
    known_at: KnownThen = None,
    limit: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="At most so many. A table shows 50; --json and --csv print all."),
    ] = None,
    as_csv: CsvOption = False,
    raw: RawOption = False,
    excel: ExcelOption = None,
    xlsx: XlsxOption = None,
    json: JsonOption = False,
    db: StoreOption = None,
) -> None:
    """List the customers who may be contacted on a channel for a purpose.

    That are those whose last word on it gives consent, and who have an open account. Names and addresses are today's.
    """
    rows = rows_asked(as_csv=as_csv, raw=raw, excel=excel, xlsx=xlsx, json=json)
    with open_to_ask(ctx, db) as crm:
        ask = partial(crm.contactable, channel=channel, purpose=purpose, as_of=as_of, known_at=known_at)
        if json:
            as_json.write_array(sys.stdout, map(as_json.contactable, every(ask, limit)))
        elif rows.are_asked:
            with rows.written(crm) as write:
                _write_rows(write, every(ask, limit))
        else:
            shown = limit or PAGE
            found = list(every(ask, shown + 1))
            render.draw(*_listed(found[:shown], channel, purpose, zone_of(crm)))
            if len(found) > shown:
                render.draw(f"The first {shown}; there are more: --limit N shows N, --csv and --json all.")


def _drawn(found: Consents, zone: ZoneInfo) -> list[ConsoleRenderable | str]:
    barred = [] if found.barred is None else [_BARRED[found.barred]]
    if not found.consents:
        return [*barred, "Nothing was said, so there is no consent."]
    rows = [
        (
            each.channel if number == 0 else "",
            each.purpose if number == 0 else "",
            "yes" if word.given else "no",
            render.day(word.said_at, zone),
            word.actor,
            word.reason or "",
        )
        for each in found.consents
        for number, word in enumerate(reversed(each.words))
    ]
    table = render.table(("On", "For", "Consent", "Said on", "Written by", "Because"), rows, fold=5)
    return [*barred, table, "The topmost word of each counts."]


def _listed(found: list[Contactable], channel: str, purpose: str, zone: ZoneInfo) -> list[ConsoleRenderable | str]:
    if not found:
        return [f"Nobody may be contacted by {channel} for {render.clean(purpose)}."]
    by_phone = channel in ("phone", "sms")
    address = "Phone" if by_phone else "E-mail"
    rows = [
        (
            each.ref or f"id:{each.id}",
            each.name or "",
            (each.phone if by_phone else each.email) or "",
            render.day(each.said_at, zone),
        )
        for each in found
    ]
    return [render.table(("Ref", "Name", address, "Agreed on"), rows)]


def _write_rows(write: WriteRow, found: Iterable[Contactable]) -> None:
    write(_COLUMNS)
    for each in found:
        fields = as_json.contactable(each) | {"said_at": each.said_at}
        write([fields[column] for column in _COLUMNS])
