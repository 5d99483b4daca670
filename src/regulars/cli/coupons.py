"""`coupon list`, `coupon show` and `coupon codes`."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Annotated, Literal

import typer
from rich.table import Table
from rich.text import Text

from regulars.asking.coupons import CouponView
from regulars.asking.dicts import to_dict
from regulars.cli import as_json, render
from regulars.cli.asking import AsOf, WhoArgument, zone_of
from regulars.cli.csv_cells import CsvOption, ExcelOption, RawOption, XlsxOption, rows_asked
from regulars.cli.opening import JsonOption, StoreOption, open_to_ask
from regulars.cli.viewpoint import KnownThen

Status = Literal["upcoming", "valid", "over"]

LimitOption = Annotated[
    int, typer.Option(min=1, metavar="N", help="At most so many orders in the table; --json prints all.")
]

_COLUMNS = (
    *("coupon_id", "status", "is_personal", "percent", "amount", "up_to", "minimum", "currency", "valid_from"),
    *("valid_until", "per_person", "in_all", "issued", "redeemed", "released", "discount", "outstanding", "may_cost"),
)


def listing(
    ctx: typer.Context,
    status: Annotated[Status | None, typer.Option(help="Only those that are this.")] = None,
    as_of: AsOf = None,
    known_at: KnownThen = None,
    as_csv: CsvOption = False,
    raw: RawOption = False,
    excel: ExcelOption = None,
    xlsx: XlsxOption = None,
    json: JsonOption = False,
    db: StoreOption = None,
) -> None:
    """List coupons as of any day: what was redeemed, what is outstanding, and what that may cost at most."""
    rows = rows_asked(as_csv=as_csv, raw=raw, excel=excel, xlsx=xlsx, json=json)
    with open_to_ask(ctx, db) as crm:
        found = crm.coupons(status=status, as_of=as_of, known_at=known_at)
        if rows.are_asked:
            with rows.written(crm) as write:
                write(_COLUMNS)
                for each in found:
                    write([getattr(each, column) for column in _COLUMNS])
        elif json:
            as_json.write_array(sys.stdout, map(to_dict, found))
        else:
            render.draw(_table(found) if found else _none(status))


def show(
    ctx: typer.Context,
    coupon_id: Annotated[str, typer.Argument(metavar="ID", help="The coupon's id, such as SUMMER10.")],
    as_of: AsOf = None,
    known_at: KnownThen = None,
    limit: LimitOption = 20,
    json: JsonOption = False,
    db: StoreOption = None,
) -> None:
    """Show one coupon in full: what it takes off, its limits, and the orders that redeemed it."""
    with open_to_ask(ctx, db) as crm:
        found = crm.coupon(coupon_id, as_of=as_of, known_at=known_at)
        if json:
            as_json.write_json(sys.stdout, to_dict(found))
            return
        zone, parts = zone_of(crm), [_facts(found.coupon)]
        titles = ("Order", "Customer", "Redeemed", "Taken off")
        cells = (
            (each.order_id, each.ref or f"id:{each.customer_id}", render.day(each.at, zone), f"{each.discount:,}")
            for each in found.uses[:limit]
        )
        render.draw(*parts, *(("", render.table(titles, cells, fold=1)) if found.uses else ()))
        if len(found.uses) > limit:
            render.draw(f"The latest {limit} of {len(found.uses):,}: --limit N shows N, --json all.")


def codes(
    ctx: typer.Context,
    who: WhoArgument,
    json: JsonOption = False,
    db: StoreOption = None,
) -> None:
    """Show the personal coupon codes of a customer, and for how many orders each is still good."""
    with open_to_ask(ctx, db) as crm:
        found = crm.coupon_codes(crm.find(who))
        if json:
            as_json.write_array(sys.stdout, map(to_dict, found))
            return
        zone = zone_of(crm)
        cells = (
            (each.code, each.coupon_id, each.status, str(each.uses_left), render.day(each.issued_at, zone))
            for each in found
        )
        table = render.table(("Code", "Coupon", "Status", "Uses left", "Issued"), cells, fold=1)
        render.draw(table if found else "This customer has no coupon code.")


def _none(status: Status | None) -> str:
    if status is not None:
        return "No coupon is like that."
    return "No coupon was created; `regulars commands CreateCoupon` says how."


def _table(found: tuple[CouponView, ...]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold", pad_edge=False)
    table.add_column("Coupon", overflow="fold", min_width=8)
    fixed: Mapping[str, Literal["left", "right"]] = {
        "Status": "left",
        "Off": "right",
        "Until": "left",
        "Redeemed": "right",
        "Outstanding": "right",
        "May cost": "right",
    }
    for title, justify in fixed.items():
        table.add_column(title, no_wrap=True, justify=justify)
    for each in found:
        until = "" if each.valid_until is None else each.valid_until.isoformat()
        numbers = (f"{each.redeemed - each.released:,}", _number(each.outstanding), _number(each.may_cost))
        words = (each.coupon_id, each.status, _off(each), until, *numbers)
        table.add_row(*(Text(render.clean(word)) for word in words))
    return table


def _facts(each: CouponView) -> Table:
    currency = each.currency or ""
    facts = {
        "coupon": each.coupon_id,
        "status": each.status,
        "takes off": _off(each) if each.amount is None else f"{each.amount:,} {currency}",
        "up to": None if each.up_to is None else f"{each.up_to:,} {currency}",
        "minimum": None if each.minimum is None else f"{each.minimum:,} {currency}",
        "codes": f"personal, {each.issued:,} issued" if each.is_personal else f"everybody's: {each.coupon_id}",
        "valid from": None if each.valid_from is None else each.valid_from.isoformat(),
        "valid until": None if each.valid_until is None else each.valid_until.isoformat(),
        "per person": None if each.per_person is None else f"{each.per_person:,}",
        "in all": None if each.in_all is None else f"{each.in_all:,}",
        "redeemed": f"{each.redeemed:,}, of which {each.released:,} released",
        "taken off": f"{each.discount:,} {currency}",
        "outstanding": _number(each.outstanding),
        "may cost": _number(each.may_cost),
    }
    table = Table.grid(padding=(0, 2))
    for name, fact in facts.items():
        if fact:
            table.add_row(Text(name, style="dim"), Text(render.clean(fact), overflow="fold"))
    return table


def _off(each: CouponView) -> str:
    return f"{each.percent} %" if each.percent is not None else f"{each.amount:,}"


def _number(number: object) -> str:
    return "no limit" if number is None else f"{number:,}"
