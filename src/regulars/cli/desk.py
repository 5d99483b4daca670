"""The help desk and the points counter at the command line."""

from __future__ import annotations

import sys
from datetime import timedelta
from functools import partial
from typing import Annotated, Literal

import typer
from rich.table import Table
from rich.text import Text

from regulars.cli import as_json, render
from regulars.cli.asking import AsOf, WhoArgument, zone_of
from regulars.cli.opening import (
    AtLeastOption,
    FreshOption,
    JsonOption,
    StoreOption,
    open_to_ask,
    tell_what_is_missing,
)
from regulars.cli.paging import every
from regulars.cli.viewpoint import fold_first
from regulars.cli.words import parse_span
from regulars.desk import Points
from regulars.freshness import FRESH

TABLE_LIMIT = 50

Status = Literal["new", "open", "awaiting_customer", "on_hold", "resolved", "closed"]
Timeliness = Literal["on_time", "due_soon", "breached", "met", "late"]


def tickets(
    ctx: typer.Context,
    customer: Annotated[str | None, typer.Option(metavar="WHO", help="Only those of this customer.")] = None,
    status: Annotated[Status | None, typer.Option(help="Only those that stand here.")] = None,
    first_response: Annotated[Timeliness | None, typer.Option(help="Only those answered, or to be, like this.")] = None,
    resolution: Annotated[Timeliness | None, typer.Option(help="Only those resolved, or to be, like this.")] = None,
    breaching_within: Annotated[
        timedelta | None,
        typer.Option(metavar="TIME", parser=parse_span, help="Only those late within this time if nobody acts: 4h."),
    ] = None,
    as_of: AsOf = None,
    limit: Annotated[int | None, typer.Option(min=1, metavar="N", help="At most so many: 50, all with --json.")] = None,
    fresh: FreshOption = FRESH,
    at_least: AtLeastOption = None,
    json: JsonOption = False,
    db: StoreOption = None,
) -> None:
    """List tickets with their clocks, at any moment."""
    with open_to_ask(ctx, db) as crm:
        fold_first(crm)
        crm.catch_up(within=timedelta(seconds=fresh))
        ask = partial(
            crm.tickets,
            fresh=False,
            at_least=at_least,
            customer=None if customer is None else crm.find(customer),
            status=status,
            first_response=first_response,
            resolution=resolution,
            breaching_within=breaching_within,
            as_of=as_of,
        )
        if json:
            as_json.write_array(sys.stdout, map(as_json.ticket, every(ask, limit)))
            tell_what_is_missing(crm)
            return
        zone = zone_of(crm)
        table = Table("Ticket", "Customer", "Status", "Answer", "Resolution", "Late from", box=None, pad_edge=False)
        found = list(every(ask, limit or TABLE_LIMIT))
        for each in found:
            who = each.ref or f"id:{each.customer_id}"
            late = "" if each.breaches_at is None else render.minute(each.breaches_at, zone)
            words = (each.ticket_id, who, each.status, each.first_response, each.resolution, late)
            table.add_row(*(Text(render.clean(word), overflow="ellipsis", no_wrap=True) for word in words))
        render.draw(table if found else "No ticket is like that.")
        if limit is None and len(found) == TABLE_LIMIT:
            render.draw(f"The first {TABLE_LIMIT}; --limit N shows N, --json all.")
        tell_what_is_missing(crm)


def points(
    ctx: typer.Context, who: WhoArgument, as_of: AsOf = None, json: JsonOption = False, db: StoreOption = None
) -> None:
    """Show a member's points: what can be spent, what is pending, and what expires when."""
    with open_to_ask(ctx, db) as crm:
        found = crm.points(crm.find(who), as_of=as_of)
        if json:
            as_json.write_json(sys.stdout, as_json.points(found))
            return
        render.draw(_summary(found))
        if found.lots:
            zone = zone_of(crm)
            table = Table("Points", "From", "Until", box=None, pad_edge=False)
            for lot in found.lots:
                table.add_row(f"{lot.points:,}", render.day(lot.available_at, zone), render.day(lot.expires_at, zone))
            render.draw("", table)


def _summary(found: Points) -> str:
    standing = f"owed {-found.balance:,}" if found.balance < 0 else f"to spend {found.balance:,}"
    soon = found.expiring(timedelta(days=30))
    return (
        f"Points: {standing}, pending {found.pending:,}, lost within 30 days {soon:,}\n"
        f"so far:  spent {found.spent:,}, expired {found.expired:,}"
    )
