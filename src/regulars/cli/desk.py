"""`tickets`, `ticket` and `points`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

import typer
from rich.console import Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from regulars.asking.audit import AuditEntry
from regulars.asking.desk import Points, TicketView
from regulars.asking.one_ticket import ClockTime, WholeTicket
from regulars.asking.paging import PAGE
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
from regulars.cli.service import unknown_holidays
from regulars.cli.viewpoint import ByRules, KnownAt, KnownThen, build_lists, viewpoint
from regulars.cli.words import parse_span
from regulars.session.freshness import FRESH
from regulars.wording.plain_text import clean_lines

ListedStatus = Literal["new", "open", "awaiting_customer", "on_hold", "resolved", "closed"]
Timeliness = Literal["on_time", "due_soon", "breached", "met", "late"]


def tickets(
    ctx: typer.Context,
    customer: Annotated[str | None, typer.Option(metavar="WHO", help="Only those of this customer.")] = None,
    firm: Annotated[
        str | None, typer.Option(metavar="WHO", help="Only those of this firm, or opened on its behalf.")
    ] = None,
    status: Annotated[ListedStatus | None, typer.Option(help="Only those with this status.")] = None,
    first_response: Annotated[Timeliness | None, typer.Option(help="Only those with this first response.")] = None,
    resolution: Annotated[Timeliness | None, typer.Option(help="Only those with this resolution.")] = None,
    breaching_within: Annotated[
        timedelta | None,
        typer.Option(
            metavar="TIME", parser=parse_span, help="Only those breached within this time unless somebody acts: 4h."
        ),
    ] = None,
    as_of: AsOf = None,
    known_at: KnownAt = None,
    rules: ByRules = None,
    limit: Annotated[int | None, typer.Option(min=1, metavar="N", help="At most so many: 50, all with --json.")] = None,
    fresh: FreshOption = FRESH,
    at_least: AtLeastOption = None,
    json: JsonOption = False,
    db: StoreOption = None,
) -> None:
    """List tickets with their clocks, at any moment: two lines each, the second of what it is about."""
    with open_to_ask(ctx, db) as crm:
        seen = viewpoint(crm, known_at, rules)
        build_lists(crm, seen)
        crm.catch_up(within=timedelta(seconds=fresh))
        ask = partial(
            crm.tickets,
            fresh=False,
            at_least=at_least,
            customer=None if customer is None else crm.find(customer),
            firm=None if firm is None else crm.find(firm),
            status=status,
            first_response=first_response,
            resolution=resolution,
            breaching_within=breaching_within,
            as_of=as_of,
            known_at=seen.known_at,
            rules=seen.rules,
        )
        if json:
            as_json.write_array(sys.stdout, map(as_json.ticket, every(ask, limit)))
            tell_what_is_missing(crm)
            return
        zone = zone_of(crm)
        found = list(every(ask, limit or PAGE))
        if seen.is_given:
            render.draw(seen.heading(as_of))
        table = _ticket_table(found, zone)
        render.draw(table if found else "No ticket is like that.")
        unknown = sorted({year for each in found for year in each.holidays_unknown})
        if unknown:
            render.draw(unknown_holidays(tuple(unknown)))
        if limit is None and len(found) == PAGE:
            render.draw(f"The first {PAGE}; --limit N shows N, --json all.")
        tell_what_is_missing(crm)


def ticket(
    ctx: typer.Context,
    ticket_id: Annotated[str, typer.Argument(metavar="ID", help="The ticket's own id, such as T-1.")],
    as_of: AsOf = None,
    known_at: KnownAt = None,
    rules: ByRules = None,
    json: JsonOption = False,
    db: StoreOption = None,
) -> None:
    """Show one ticket in full: its subject, its status and clocks over time, and its events."""
    with open_to_ask(ctx, db) as crm:
        seen = viewpoint(crm, known_at, rules)
        found = crm.ticket(ticket_id, as_of=as_of, known_at=seen.known_at, rules=seen.rules)
        if json:
            as_json.write_json(sys.stdout, as_json.whole_ticket(found))
            return
        zone = zone_of(crm)
        if seen.is_given:
            render.draw(seen.heading(as_of))
        render.draw(_heading(found, zone), "", _over_time(found, zone))
        said = [each for each in found.messages if each.message is not None]
        if said:
            render.draw("", *(_paragraph(f"{render.minute(each.at, zone)}  {each.by}", each.message) for each in said))
        render.draw("", *(_event(each, zone) for each in found.events))


_TITLES = ("Ticket\n", "Customer\nSubject", "Status\nPriority", "Answer\nAgent", "Resolution\nTopic", "Late from\n")


def _ticket_table(found: Sequence[TicketView], zone: ZoneInfo) -> Table:
    """Two lines a ticket, which fit 80 columns: where it stands, and what it is about."""
    table = Table(*_TITLES, box=None, pad_edge=False)
    for each in found:
        late = "" if each.breaches_at is None else render.minute(each.breaches_at, zone)
        words = (each.ticket_id, _customer(each), each.status, each.first_response, each.resolution, late)
        table.add_row(*(_cell(word) for word in words))
        table.add_row("", *(_cell(word) for word in (each.subject, each.priority, each.agent, each.topic)), style="dim")
    return table


def _cell(word: str | None) -> Text:
    return Text(render.clean(word or ""), overflow="ellipsis", no_wrap=True)


def _customer(each: TicketView) -> str:
    return each.ref or f"id:{each.customer_id}"


def _heading(found: WholeTicket, zone: ZoneInfo) -> Table:
    each = found.ticket
    rated = None if found.rating is None else " ".join(filter(None, (str(found.rating), found.comment)))
    facts = {
        "ticket": each.ticket_id,
        "customer": _customer(each),
        "firm": None if each.firm_id is None else each.firm_ref or f"id:{each.firm_id}",
        "subject": each.subject,
        "priority": each.priority,
        "agent": each.agent,
        "topic": each.topic,
        "complaint": "yes" if found.complaint else None,
        "channel": found.channel,
        "follows": found.follows,
        "escalated": f"level {found.level}" if found.level else None,
        "rated": rated,
        "opened": render.minute(found.opened_at, zone),
        "answer": _time(found.times["first_response"]),
        "resolution": _time(found.times["resolution"]),
        "late from": None if each.breaches_at is None else render.minute(each.breaches_at, zone),
        "holidays": unknown_holidays(each.holidays_unknown) if each.holidays_unknown else None,
    }
    table = Table.grid(padding=(0, 2))
    for name, fact in facts.items():
        if fact is not None:
            table.add_row(Text(name, style="dim"), Text(render.clean(fact), overflow="fold"))
    return table


def _time(each: ClockTime) -> str:
    return f"ran {_hours(each.ran)} of {_hours(each.target)} hours"


def _hours(time: timedelta) -> str:
    """Hours and whole minutes, such as 3:40."""
    minutes = time // timedelta(minutes=1)
    return f"{minutes // 60:,}:{minutes % 60:02}"


def _over_time(found: WholeTicket, zone: ZoneInfo) -> Table:
    """When its status and clocks changed, or are going to by themselves."""
    lanes = {
        "status": found.statuses,
        "answer": found.clocks["first_response"],
        "resolution": found.clocks["resolution"],
    }
    table = Table("", "is", "from", "until", box=None, pad_edge=False)
    for name, spans in lanes.items():
        for span in spans:
            until = "" if span.until is None else render.minute(span.until, zone)
            table.add_row(name, span.value, render.minute(span.since, zone), until)
    return table


def _paragraph(title: str, text: str | None) -> Group:
    return Group(Text(title, style="dim"), Padding(Text(clean_lines(text or "")), (0, 0, 0, 2)))


def _event(entry: AuditEntry, zone: ZoneInfo) -> Table:
    line = Table.grid(padding=(0, 2))
    line.add_row(Text(render.minute(entry.occurred_at, zone), style="dim"), Text(render.clean(entry.sentence)))
    return line


def points(
    ctx: typer.Context,
    who: WhoArgument,
    as_of: AsOf = None,
    known_at: KnownThen = None,
    json: JsonOption = False,
    db: StoreOption = None,
) -> None:
    """Show a member's points: what can be spent, what is pending, and what expires when."""
    with open_to_ask(ctx, db) as crm:
        found = crm.points(crm.find(who), as_of=as_of, known_at=known_at)
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
    balance = f"owed {-found.balance:,}" if found.balance < 0 else f"to spend {found.balance:,}"
    soon = found.expiring(timedelta(days=30))
    return (
        f"Points: {balance}, pending {found.pending:,}, lost within 30 days {soon:,}\n"
        f"so far:  spent {found.spent:,}, expired {found.expired:,}"
    )
