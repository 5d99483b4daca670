"""`firm`: a firm's people, what they bought, and what is to be settled for them."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from decimal import Decimal
from zoneinfo import ZoneInfo

import typer
from rich.console import ConsoleRenderable
from rich.table import Table
from rich.text import Text

from regulars.asking.contracts import ContractView
from regulars.asking.desk import TicketView
from regulars.asking.employments import Party
from regulars.asking.firms import Employee, Firm
from regulars.asking.on_behalf import OpenOpportunity
from regulars.asking.quotes import QuoteView
from regulars.cli import as_json, render
from regulars.cli.asking import AsOf, WhoArgument, zone_of
from regulars.cli.opening import JsonOption, StoreOption, open_to_ask
from regulars.cli.viewpoint import KnownThen


def firm(
    ctx: typer.Context,
    who: WhoArgument,
    as_of: AsOf = None,
    known_at: KnownThen = None,
    json: JsonOption = False,
    db: StoreOption = None,
) -> None:
    """Show a firm: its people, what they bought, and what is open: sales in its name, and tickets.

    Its people are those who work for it on that day, but for those who are forgotten by now. Sales are opportunities,
    quotes without an answer, and contracts that haven't ended; `quotes --firm WHO` and `contracts --firm WHO` list all.
    """
    with open_to_ask(ctx, db) as crm:
        found = crm.firm(crm.find(who), as_of=as_of, known_at=known_at)
        if json:
            as_json.write_json(sys.stdout, as_json.firm(found, crm.currency))
            return
        render.draw(*_drawn(found, crm.currency or "", zone_of(crm)))


def _drawn(found: Firm, currency: str, zone: ZoneInfo) -> Iterable[ConsoleRenderable | str]:
    each = found.customer
    yield render.firm_card(each, currency, zone)
    together = f"{found.net_spend:,} {currency}".strip()
    count = len(found.people)
    yield ""
    if count:
        yield f"{count} {'person' if count == 1 else 'people'}; with the firm {found.orders:,} orders, worth {together}"
        yield _people(found.people)
    else:
        yield "Nobody works for it, as far as is known."
    if any((found.opportunities, found.quotes, found.contracts)):
        yield ""
        yield _selling(found)
    tickets = [*found.tickets, *(ticket for one in found.people for ticket in one.tickets)]
    if tickets:
        yield ""
        yield _tickets(tickets, zone)


def _people(people: Iterable[Employee]) -> Table:
    table = Table("Who", "Role", "Since", box=None, pad_edge=False)
    for title in ("Orders", "Net spend", "Tickets"):
        table.add_column(title, justify="right", no_wrap=True)
    for each in people:
        employment, theirs = each.employment, each.customer
        words = (_called(employment.person), employment.role, str(employment.since or ""))
        bought = ("", "") if theirs is None else (f"{theirs.orders:,}", f"{theirs.net_spend:,}")
        table.add_row(*map(_cell, words), *bought, f"{len(each.tickets):,}")
    return table


def _selling(found: Firm) -> Table:
    """What is open, of the firm itself or in its name."""
    table = Table("Open", "", "Customer", "Status", "Until", box=None, pad_edge=False)
    table.add_column("Amount", justify="right", no_wrap=True)
    for opened in found.opportunities:
        closes = str(opened.expected_close or "")
        _add(table, ("opportunity", opened.opportunity_id, _whose(opened), opened.stage, closes), opened.amount)
    for quoted in found.quotes:
        until = str(quoted.valid_until or "")
        _add(table, ("quote", quoted.quote_id, _whose(quoted), quoted.status, until), quoted.gross)
    for signed in found.contracts:
        ends = str(signed.term_end or signed.end or "")
        _add(table, ("contract", signed.contract_id, _whose(signed), signed.status, ends), signed.amount)
    return table


def _add(table: Table, words: Iterable[str], amount: Decimal) -> None:
    table.add_row(*map(_cell, words), f"{amount:,}" if amount else "")


def _whose(each: OpenOpportunity | QuoteView | ContractView) -> str:
    return each.ref or f"id:{each.customer_id}"


def _tickets(tickets: Iterable[TicketView], zone: ZoneInfo) -> Table:
    table = Table("Ticket", "Customer", "Status", "Answer", "Resolution", "Late from", box=None, pad_edge=False)
    for each in tickets:
        late = "" if each.breaches_at is None else render.minute(each.breaches_at, zone)
        words = (
            each.ticket_id,
            each.ref or f"id:{each.customer_id}",
            each.status,
            each.first_response,
            each.resolution,
        )
        table.add_row(*map(_cell, (*words, late)))
    return table


def _called(party: Party) -> str:
    return party.name or party.ref or f"id:{party.id}"


def _cell(word: str | None) -> Text:
    return Text(render.clean(word or ""), overflow="ellipsis", no_wrap=True)
