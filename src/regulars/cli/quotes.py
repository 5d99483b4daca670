"""`quotes`, `quote show` and `contracts`."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

import typer
from rich.table import Table
from rich.text import Text

from regulars.asking.contracts import ContractView
from regulars.asking.dicts import to_dict
from regulars.asking.paging import PAGE
from regulars.asking.quotes import QuoteView, WholeQuote
from regulars.cli import as_json, render
from regulars.cli.asking import AsOf, zone_of
from regulars.cli.csv_cells import CsvOption, ExcelOption, RawOption, WriteRow, XlsxOption, rows_asked
from regulars.cli.files import file_to_write, is_standard_output
from regulars.cli.opening import (
    AtLeastOption,
    FreshOption,
    JsonOption,
    StoreOption,
    open_to_ask,
    tell_what_is_missing,
)
from regulars.cli.paging import every
from regulars.cli.viewpoint import KnownThen, build_lists, viewpoint
from regulars.cli.words import parse_span
from regulars.projections.rules.grammar import Language
from regulars.quote.page import quote_page
from regulars.session.freshness import FRESH

Status = Literal["sent", "accepted", "declined", "expired"]
Standing = Literal["upcoming", "active", "ended"]

CustomerOption = Annotated[str | None, typer.Option(metavar="WHO", help="Only those of this customer.")]
FirmOption = Annotated[
    str | None, typer.Option(metavar="WHO", help="Only those of this firm, or of others in its name.")
]
LimitOption = Annotated[
    int | None, typer.Option(min=1, metavar="N", help="At most so many. A table shows 50; --json and --csv print all.")
]

_QUOTE_COLUMNS = (
    *("quote_id", "customer_id", "ref", "status", "revision", "net", "tax", "gross", "currency", "sent_at"),
    *("valid_until", "since", "until", "opportunity_id", "firm_id"),
)
_CONTRACT_COLUMNS = (
    *("contract_id", "customer_id", "ref", "status", "start", "end", "amount", "currency", "since", "until"),
    *("renewal_months", "notice_days", "term_end", "notice_by", "quote_id", "opportunity_id", "firm_id"),
)


def quotes(
    ctx: typer.Context,
    customer: CustomerOption = None,
    firm: FirmOption = None,
    status: Annotated[Status | None, typer.Option(help="Only those that are this.")] = None,
    opportunity: Annotated[str | None, typer.Option(metavar="ID", help="Only those for this opportunity.")] = None,
    expiring_within: Annotated[
        timedelta | None,
        typer.Option(metavar="TIME", parser=parse_span, help="Only open ones that run out within this time: 14d."),
    ] = None,
    as_of: AsOf = None,
    known_at: KnownThen = None,
    limit: LimitOption = None,
    as_csv: CsvOption = False,
    raw: RawOption = False,
    excel: ExcelOption = None,
    xlsx: XlsxOption = None,
    fresh: FreshOption = FRESH,
    at_least: AtLeastOption = None,
    json: JsonOption = False,
    db: StoreOption = None,
) -> None:
    """List quotes with what they come to, as of any moment; what runs out first stands at the top."""
    rows = rows_asked(as_csv=as_csv, raw=raw, excel=excel, xlsx=xlsx, json=json)
    with open_to_ask(ctx, db) as crm:
        build_lists(crm, viewpoint(crm, known_at, None))
        crm.catch_up(within=timedelta(seconds=fresh))
        ask = partial(
            crm.quotes,
            fresh=False,
            at_least=at_least,
            customer=None if customer is None else crm.find(customer),
            firm=None if firm is None else crm.find(firm),
            status=status,
            opportunity_id=opportunity,
            expiring_within=expiring_within,
            as_of=as_of,
            known_at=known_at,
        )
        try:
            if rows.are_asked:
                with rows.written(crm) as write:
                    _write_rows(write, _QUOTE_COLUMNS, every(ask, limit))
            elif json:
                as_json.write_array(sys.stdout, map(to_dict, every(ask, limit)))
            else:
                shown = limit or PAGE
                found = list(every(ask, shown + 1))
                _draw(found[:shown], _quote_table(found[:shown]), "No quote is like that.", more=len(found) > shown)
        except ValueError as error:
            raise typer.BadParameter(str(error)) from None
        tell_what_is_missing(crm)


def contracts(
    ctx: typer.Context,
    customer: CustomerOption = None,
    firm: FirmOption = None,
    status: Annotated[Standing | None, typer.Option(help="Only those that are this.")] = None,
    ending_within: Annotated[
        timedelta | None,
        typer.Option(
            metavar="TIME",
            parser=parse_span,
            help="Only those in force that end within this time, or renew unless notice is given within it: 90d.",
        ),
    ] = None,
    as_of: AsOf = None,
    known_at: KnownThen = None,
    limit: LimitOption = None,
    as_csv: CsvOption = False,
    raw: RawOption = False,
    excel: ExcelOption = None,
    xlsx: XlsxOption = None,
    fresh: FreshOption = FRESH,
    at_least: AtLeastOption = None,
    json: JsonOption = False,
    db: StoreOption = None,
) -> None:
    """List contracts as of any moment: until when each goes, and by when notice is given where it renews by itself."""
    rows = rows_asked(as_csv=as_csv, raw=raw, excel=excel, xlsx=xlsx, json=json)
    with open_to_ask(ctx, db) as crm:
        build_lists(crm, viewpoint(crm, known_at, None))
        crm.catch_up(within=timedelta(seconds=fresh))
        ask = partial(
            crm.contracts,
            fresh=False,
            at_least=at_least,
            customer=None if customer is None else crm.find(customer),
            firm=None if firm is None else crm.find(firm),
            status=status,
            ending_within=ending_within,
            as_of=as_of,
            known_at=known_at,
        )
        try:
            if rows.are_asked:
                with rows.written(crm) as write:
                    _write_rows(write, _CONTRACT_COLUMNS, every(ask, limit))
            elif json:
                as_json.write_array(sys.stdout, map(to_dict, every(ask, limit)))
            else:
                shown = limit or PAGE
                found = list(every(ask, shown + 1))
                table = _contract_table(found[:shown])
                _draw(found[:shown], table, "No contract is like that.", more=len(found) > shown)
        except ValueError as error:
            raise typer.BadParameter(str(error)) from None
        tell_what_is_missing(crm)


def _write_rows(write: WriteRow, columns: Sequence[str], found: Iterable[QuoteView | ContractView]) -> None:
    write(columns)
    for each in found:
        write([getattr(each, column) for column in columns])


def _draw(found: Sequence[object], table: Table, nothing: str, *, more: bool) -> None:
    render.draw(table if found else nothing)
    if more:
        render.draw(f"The first {len(found)}; there are more: --limit N shows N, --csv and --json all.")


def _table(fixed: Mapping[str, Literal["left", "right"]], *giving_way: str) -> Table:
    """A table of which some columns give way where there is no room; the others never do."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold", pad_edge=False)
    for title in giving_way:
        table.add_column(title, overflow="fold", min_width=8)
    for title, justify in fixed.items():
        table.add_column(title, no_wrap=True, justify=justify)
    return table


def _quote_table(found: Sequence[QuoteView]) -> Table:
    fixed: Mapping[str, Literal["left", "right"]] = {
        "Rev": "right",
        "Status": "left",
        "Net": "right",
        "Gross": "right",
        "Valid until": "left",
    }
    table = _table(fixed, "Quote", "Customer")
    for each in found:
        until = "" if each.valid_until is None else each.valid_until.isoformat()
        words = (each.quote_id, each.ref or f"id:{each.customer_id}", str(each.revision), each.status)
        table.add_row(*(Text(render.clean(word)) for word in (*words, f"{each.net:,}", f"{each.gross:,}", until)))
    return table


def _contract_table(found: Sequence[ContractView]) -> Table:
    fixed: Mapping[str, Literal["left", "right"]] = {
        "Status": "left",
        "From": "left",
        "Until": "left",
        "Notice by": "left",
        "Amount": "right",
    }
    table = _table(fixed, "Contract", "Customer")
    for each in found:
        until = each.term_end or each.end
        renews = "+" if each.renewal_months is not None else ""
        words = (each.contract_id, each.ref or f"id:{each.customer_id}", each.status, each.start.isoformat())
        days = ("" if until is None else f"{until.isoformat()}{renews}", _day(each.notice_by))
        table.add_row(*(Text(render.clean(word)) for word in (*words, *days, f"{each.amount:,}")))
    return table


def _day(day: object) -> str:
    return "" if day is None else str(day)


def show(
    ctx: typer.Context,
    quote_id: Annotated[str, typer.Argument(metavar="ID", help="The quote's own id, such as Q-1.")],
    revision: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="This revision. The one in force, or the accepted one.")
    ] = None,
    html: Annotated[bool, typer.Option("--html", help="Print a page to send, or to print on A4.")] = False,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="With --html: write a new file, readable by you alone.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the file where there is one.")] = False,
    language: Annotated[Language | None, typer.Option(help="The page's language, in place of the rules' one.")] = None,
    business: Annotated[
        str | None, typer.Option(metavar="NAME", help="Whose quote it is, in place of the rules' one.")
    ] = None,
    as_of: AsOf = None,
    known_at: KnownThen = None,
    json: JsonOption = False,
    db: StoreOption = None,
) -> None:
    """Show one quote in full: its lines, its tax by rate, its revisions and its events; or as a page to send."""
    if html and json:
        raise typer.BadParameter("choose one of them", param_hint="--html and --json")
    if out is not None and not html:
        raise typer.BadParameter("it means something only together with --html", param_hint="--out")
    with open_to_ask(ctx, db) as crm:
        found = crm.quote(quote_id, revision=revision, as_of=as_of, known_at=known_at)
        if json:
            as_json.write_json(sys.stdout, to_dict(found))
            return
        if not html:
            _draw_whole(found, zone_of(crm))
            return
        ours = crm.ruleset.letterhead
        page = quote_page(found, language=language or ours.language, business=business or ours.name)
        if out is None or is_standard_output(out):
            sys.stdout.write(page)
            return
        with file_to_write(out, crm, replace=force) as file:
            file.write(page.encode())
    render.draw(f"Quote {render.clean(quote_id)}, in {render.clean(str(out))}.")


def _draw_whole(found: WholeQuote, zone: ZoneInfo) -> None:
    each = found.quote
    facts = {
        "quote": each.quote_id,
        "customer": " ".join(filter(None, (each.ref or f"id:{each.customer_id}", found.name))),
        "firm": found.firm,
        "status": each.status + ("" if found.cause is None else f": {found.cause}"),
        "revision": f"{found.shown.revision} of {len(found.revisions)}",
        "sent": render.minute(found.shown.sent_at, zone),
        "valid until": _day(found.shown.valid_until),
        "accepted": None if found.accepted_at is None else render.minute(found.accepted_at, zone),
        "order": found.order_id,
        "contract": found.contract_id,
        "opportunity": each.opportunity_id,
        "exemption": found.exemption,
        "note": found.note,
        "detail": found.detail,
    }
    heading = Table.grid(padding=(0, 2))
    for name, fact in facts.items():
        if fact:
            heading.add_row(Text(name, style="dim"), Text(render.clean(fact), overflow="fold"))
    fixed: Mapping[str, Literal["left", "right"]] = {
        "Quantity": "right",
        "Price": "right",
        "Tax %": "right",
        "Net" if found.prices == "net" else "Gross": "right",
    }
    lines = _table(fixed, "What")
    for line in found.lines:
        what = ": ".join(filter(None, (line.sku, line.description)))
        numbers = (line.quantity, line.unit_price, line.tax_rate, line.amount)
        lines.add_row(*(Text(render.clean(word)) for word in (what, *(f"{number:,f}" for number in numbers))))
    rows = [
        *((f"tax {tax.rate:f} % on {tax.net:,}", f"{tax.tax:,}") for tax in found.taxes),
        ("net", f"{found.net:,}"),
        ("gross", f"{found.gross:,} {each.currency}"),
    ]
    sums = Table.grid(padding=(0, 2))
    for name, number in rows:
        sums.add_row(Text(name, style="dim"), Text(number, justify="right"))
    render.draw(heading, "", lines, "", sums)
    if len(found.revisions) > 1:
        past = ((str(one.revision), render.day(one.sent_at, zone), f"{one.gross:,}") for one in found.revisions)
        render.draw("", render.table(("Revision", "Sent", "Gross"), past, fold=0))
    render.draw("")
    for event in found.events:
        row = Table.grid(padding=(0, 2))
        row.add_row(Text(render.minute(event.occurred_at, zone), style="dim"), Text(render.clean(event.sentence)))
        render.draw(row)
