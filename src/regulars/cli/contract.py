"""`contract show`: one contract in full."""

from __future__ import annotations

import sys
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from rich.table import Table
from rich.text import Text

from regulars.asking.dicts import to_dict
from regulars.asking.one_contract import WholeContract
from regulars.cli import as_json, render
from regulars.cli.asking import AsOf, zone_of
from regulars.cli.opening import JsonOption, StoreOption, open_to_ask
from regulars.cli.viewpoint import KnownThen


def show(
    ctx: typer.Context,
    contract_id: Annotated[str, typer.Argument(metavar="ID", help="The contract's own id, such as K-1.")],
    as_of: AsOf = None,
    known_at: KnownThen = None,
    json: JsonOption = False,
    db: StoreOption = None,
) -> None:
    """Show one contract in full: where it stands, what was signed, and its events."""
    with open_to_ask(ctx, db) as crm:
        found = crm.contract(contract_id, as_of=as_of, known_at=known_at)
        if json:
            as_json.write_json(sys.stdout, to_dict(found))
            return
        _draw(found, zone_of(crm))


def _draw(found: WholeContract, zone: ZoneInfo) -> None:
    each = found.contract
    months = "" if each.renewal_months is None else f"by {each.renewal_months} months, unless notice is given"
    facts = {
        "contract": each.contract_id,
        "customer": " ".join(filter(None, (each.ref or f"id:{each.customer_id}", found.name))),
        "firm": found.firm or each.firm_id,
        "status": each.status,
        "subject": found.subject,
        "signed": render.minute(found.signed_at, zone),
        "from": each.start.isoformat(),
        "until": "" if each.end is None else each.end.isoformat(),
        "renews": months,
        "term ends": "" if each.term_end is None else each.term_end.isoformat(),
        "notice by": "" if each.notice_by is None else each.notice_by.isoformat(),
        "amount": f"{each.amount:,} {each.currency}",
        "quote": each.quote_id,
        "opportunity": each.opportunity_id,
        "ended": found.cause,
        "detail": found.detail,
    }
    heading = Table.grid(padding=(0, 2))
    for name, fact in facts.items():
        if fact:
            heading.add_row(Text(name, style="dim"), Text(render.clean(fact), overflow="fold"))
    render.draw(heading, "")
    for event in found.events:
        row = Table.grid(padding=(0, 2))
        row.add_row(Text(render.minute(event.occurred_at, zone), style="dim"), Text(render.clean(event.sentence)))
        render.draw(row)
