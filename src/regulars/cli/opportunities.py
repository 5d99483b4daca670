"""`opportunity` and `leads`."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from datetime import date
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from rich.console import ConsoleRenderable
from rich.table import Table
from rich.text import Text

from regulars.asking.dicts import to_dict
from regulars.asking.leads import LeadGroup, LeadReport, LeadsBy
from regulars.asking.one_opportunity import WholeOpportunity
from regulars.cli import as_json, render
from regulars.cli.asking import AsOf, zone_of
from regulars.cli.csv_cells import CsvOption, ExcelOption, RawOption, WriteRow, XlsxOption, rows_asked
from regulars.cli.opening import JsonOption, StoreOption, open_to_ask
from regulars.cli.progress import waiting
from regulars.cli.viewpoint import ByRules, KnownAt, KnownThen, viewpoint
from regulars.cli.words import parse_moment
from regulars.statistics.estimate import Estimate

_SHARES = ("qualified", "opened", "won")


def opportunity(
    ctx: typer.Context,
    opportunity_id: Annotated[str, typer.Argument(metavar="ID", help="The opportunity's own id, such as O-1.")],
    as_of: AsOf = None,
    known_at: KnownAt = None,
    rules: ByRules = None,
    json: JsonOption = False,
    db: StoreOption = None,
) -> None:
    """Show one opportunity in full: where it stands and why, its stages over time, and its events."""
    with open_to_ask(ctx, db) as crm:
        seen = viewpoint(crm, known_at, rules)
        found = crm.opportunity(opportunity_id, as_of=as_of, known_at=seen.known_at, rules=seen.rules)
        if json:
            as_json.write_json(sys.stdout, _opportunity_object(found))
            return
        zone = zone_of(crm)
        if seen.is_given:
            render.draw(seen.heading(as_of))
        render.draw(_facts(found, zone), "", *_reasons(found), "", _stages(found, zone))
        render.draw("", *(_event(each.sentence, render.minute(each.occurred_at, zone)) for each in found.events))


def leads(
    ctx: typer.Context,
    since: Annotated[
        date | None, typer.Option(metavar="WHEN", parser=parse_moment, help="Leads registered from then on.")
    ] = None,
    until: Annotated[
        date | None, typer.Option(metavar="WHEN", parser=parse_moment, help="Leads registered up to then.")
    ] = None,
    as_of: AsOf = None,
    known_at: KnownThen = None,
    by: Annotated[
        LeadsBy | None, typer.Option(help="In groups: by where they came from, or by the month of registration.")
    ] = None,
    as_csv: CsvOption = False,
    raw: RawOption = False,
    excel: ExcelOption = None,
    xlsx: XlsxOption = None,
    json: JsonOption = False,
    db: StoreOption = None,
) -> None:
    """Show what became of leads: how many were qualified, had an opportunity opened, and won one.

    Each is a share of those registered, with its 95 % interval; whoever came further counts in what is before.
    """
    rows = rows_asked(as_csv=as_csv, raw=raw, excel=excel, xlsx=xlsx, json=json)
    with open_to_ask(ctx, db) as crm:
        with waiting("folding in", if_stopped="Stopped. The same question goes on where it was.") as on_progress:
            if known_at is None:
                crm.catch_up(on_progress)
            try:
                found = crm.leads(
                    since=since, until=until, as_of=as_of, known_at=known_at, by=by, on_progress=on_progress
                )
            except ValueError as error:  # a span that ends before it begins
                raise typer.BadParameter(str(error), param_hint="--since") from None
        if rows.are_asked:
            with rows.written(crm) as write:
                _write_rows(write, found)
        elif json:
            as_json.write_json(sys.stdout, to_dict(found))
        else:
            render.draw(*_drawn(found, zone_of(crm)))


# ------------------------------------------------------------------------------------------------- one opportunity


def _opportunity_object(found: WholeOpportunity) -> as_json.Object:
    firm = None if found.firm_id is None else f"id:{found.firm_id}"
    events = [as_json.audit_entry(each) for each in found.events]
    return to_dict(found) | {"customer_id": f"id:{found.customer_id}", "firm_id": firm, "events": events}


def _facts(found: WholeOpportunity, zone: ZoneInfo) -> Table:
    closing = None if found.expected_close is None else found.expected_close.isoformat()
    facts = {
        "opportunity": found.opportunity_id,
        "customer": found.ref or f"id:{found.customer_id}",
        "title": found.title,
        "pipeline": found.pipeline,
        "stage" if found.value not in ("won", "lost") else "closed": found.value,
        "since": render.minute(found.entered_at, zone),
        "amount": None if found.amount is None else f"{found.amount:,} {found.currency}",
        "expected": closing,
        "owner": found.owner,
        "source": found.source,
        "firm": None if found.firm_id is None else f"id:{found.firm_id}",
        "quote": found.quote_id,
        "in words": found.detail,
    }
    table = Table.grid(padding=(0, 2))
    for name, fact in facts.items():
        if fact is not None:
            table.add_row(Text(name, style="dim"), Text(render.clean(fact), overflow="fold"))
    return table


def _reasons(found: WholeOpportunity) -> Iterable[str]:
    for each in found.reasons:
        behind = "".join(f" (#{event.position})" for event in each.events)
        yield f"  {render.clean(each.sentence)}{behind}"


def _stages(found: WholeOpportunity, zone: ZoneInfo) -> ConsoleRenderable:
    rows = [
        (each.value, render.minute(each.since, zone), "" if each.until is None else render.minute(each.until, zone))
        for each in found.stages
    ]
    return render.table(("Was in", "from", "until"), rows)


def _event(sentence: str, at: str) -> Table:
    line = Table.grid(padding=(0, 2))
    line.add_row(Text(at, style="dim"), Text(render.clean(sentence)))
    return line


# ----------------------------------------------------------------------------------------------------------- leads


def _drawn(found: LeadReport, zone: ZoneInfo) -> Iterable[ConsoleRenderable | str]:
    since = "" if found.since is None else f" from {render.day(found.since, zone)}"
    yield f"Leads registered{since} until {render.day(found.until, zone)}, as of {render.minute(found.as_of, zone)}"
    yield ""
    if not found.total.registered:
        yield "Nobody was registered in that time."
        return
    table = Table(box=None, pad_edge=False)
    table.add_column((found.by or "").capitalize(), min_width=8)
    for title in ("Leads", "Qualified", "Opened", "Won", "Not fit"):
        table.add_column(title, no_wrap=True)  # only the name gives way where there is no room
    for each in found.groups:
        _add(table, each.group or "none", each)
    _add(table, "all", found.total)
    yield table
    yield ""
    yield "Shares of the leads in %, with 95 % intervals; of late ones more may be won yet."


def _add(table: Table, name: str, each: LeadGroup) -> None:
    shares = (_share(getattr(each, share)) for share in _SHARES)
    cells = (Text(cell, no_wrap=True) for cell in (f"{each.registered:,}", *shares, f"{each.disqualified:,}"))
    table.add_row(Text(render.clean(name), overflow="ellipsis", no_wrap=True), *cells)


def _share(estimate: Estimate) -> str:
    if estimate.value is None or estimate.low is None or estimate.high is None:
        return "can't tell"
    value, low, high = (f"{100 * each:.0f}" for each in (estimate.value, estimate.low, estimate.high))
    return f"{value} ({low} to {high})"


def _write_rows(write: WriteRow, found: LeadReport) -> None:
    parts = ("value", "low", "high", "n")
    write(["group", "registered", "disqualified", *(f"{share}_{part}" for share in _SHARES for part in parts)])
    for name, each in [*((each.group, each) for each in found.groups), ("all", found.total)]:
        numbers = (getattr(getattr(each, share), part) for share in _SHARES for part in parts)
        write([name, each.registered, each.disqualified, *numbers])
