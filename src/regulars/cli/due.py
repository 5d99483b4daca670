"""`due` and `rules measure`."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from functools import partial
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

import typer
from rich.table import Table
from rich.text import Text

from regulars.asking.due import DueExplanation, DueItem, MostBought
from regulars.asking.paging import PAGE
from regulars.cli import as_json, render
from regulars.cli.asking import AsOf, zone_of
from regulars.cli.csv_cells import CsvOption, ExcelOption, RawOption, WriteRow, XlsxOption, rows_asked
from regulars.cli.opening import (
    AtLeastOption,
    FreshOption,
    JsonOption,
    StoreOption,
    open_to_ask,
    tell_what_is_missing,
)
from regulars.cli.paging import every
from regulars.cli.progress import waiting
from regulars.cli.viewpoint import ByRules, KnownAt, Viewpoint, build_lists, viewpoint
from regulars.cli.words import parse_span
from regulars.crm import Regulars
from regulars.crm_domain.command import CustomerId
from regulars.crm_domain.instant import DAY, MICROSECOND
from regulars.rules_door.measuring import MIN_BUYERS
from regulars.session.freshness import FRESH

Value = Literal["not_yet", "due", "lapsed", "any"]

_COLUMNS = ("customer_id", "ref", "item", "value", "since", "until", "bought_at", "buying_days", "gap_days")
_TIMES = ("since", "until", "bought_at")
_DAY = len("2026-03-01")
_GAP = len("10.5")
_NO_GAPS = (
    "The rules name no items under [due_again]; `regulars rules measure due_again` drafts their gaps from what was "
    "bought."
)


def due(
    ctx: typer.Context,
    who: Annotated[
        str | None,
        typer.Argument(metavar="WHO", help="One customer: all their items with the reasons, and what they buy most."),
    ] = None,
    item: Annotated[str | None, typer.Option(metavar="CODE", help="Only this item.")] = None,
    value: Annotated[Value | None, typer.Option(help="Items that are this; due, but any of one customer.")] = None,
    within: Annotated[
        timedelta | None,
        typer.Option(metavar="TIME", parser=parse_span, help="Only what comes to be so within this time: 7d, 2w."),
    ] = None,
    as_of: AsOf = None,
    known_at: KnownAt = None,
    rules: ByRules = None,
    limit: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="At most so many. A table shows 50; --json and --csv print all."),
    ] = None,
    as_csv: CsvOption = False,
    raw: RawOption = False,
    excel: ExcelOption = None,
    xlsx: XlsxOption = None,
    fresh: FreshOption = FRESH,
    at_least: AtLeastOption = None,
    json: JsonOption = False,
    db: StoreOption = None,
) -> None:
    """List who is due to buy which item again, by the gaps in the rules, who lapses first at the top.

    An item is due an expected gap after it was last bought, and has lapsed after two, unless the rules say otherwise.
    """
    rows = rows_asked(as_csv=as_csv, raw=raw, excel=excel, xlsx=xlsx, json=json)
    with open_to_ask(ctx, db) as crm:
        seen = viewpoint(crm, known_at, rules)
        build_lists(crm, seen)
        crm.catch_up(within=timedelta(seconds=fresh))
        customer = None if who is None else crm.find(who)
        chosen = value or ("due" if who is None else "any")
        ask = partial(
            crm.due,
            fresh=False,
            at_least=at_least,
            value=None if chosen == "any" else chosen,
            item=item,
            customer=customer,
            within=within,
            as_of=as_of,
            known_at=seen.known_at,
            rules=seen.rules,
        )
        if rows.are_asked:
            with rows.written(crm) as write:
                _write_rows(write, every(ask, limit))
        elif customer is not None:
            found = [
                crm.explain_due(customer, each.item, as_of=as_of, known_at=seen.known_at, rules=seen.rules)
                for each in every(ask, limit or PAGE)
            ]
            _tell_of_one(
                crm,
                customer,
                seen,
                found,
                crm.most_bought(customer, as_of=as_of, known_at=seen.known_at),
                as_of,
                json=json,
            )
        elif json:
            as_json.write_array(sys.stdout, map(as_json.due_item, every(ask, limit)))
        else:
            shown = limit or PAGE
            found_due = list(every(ask, shown + 1))
            _draw(crm, seen, found_due[:shown], as_of, has_more=len(found_due) > shown)
        tell_what_is_missing(crm)


def _write_rows(write: WriteRow, found: Iterable[DueItem]) -> None:
    write(_COLUMNS)
    for each in found:
        fields = as_json.due_item(each) | {name: getattr(each, name) for name in _TIMES}
        write([fields[column] for column in _COLUMNS])


def _draw(crm: Regulars, seen: Viewpoint, found: Sequence[DueItem], as_of: date | None, *, has_more: bool) -> None:
    if seen.is_given:
        render.draw(seen.heading(as_of))
    if not found:
        render.draw("Nothing is like that." if seen.ruleset.due_again.gaps else _NO_GAPS)
        return
    render.draw(_due_table(found, zone_of(crm)))
    if has_more:
        render.draw(f"The first {len(found)}; there are more: --limit N shows N, --csv and --json all.")


def _due_table(found: Sequence[DueItem], zone: ZoneInfo) -> Table:
    """One row an item. Who and what give way where there is no room; the others never do."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold", pad_edge=False)
    for title in ("Since", "Until"):
        table.add_column(title, no_wrap=True, min_width=_DAY)
    table.add_column("Customer", overflow="fold", min_width=8)
    table.add_column("Item", overflow="fold", min_width=8)
    for title, width in (("Last bought", len("Last bought")), ("Gap", _GAP), ("Days", len("Days"))):
        table.add_column(title, no_wrap=True, min_width=width)
    for each in found:
        until = render.day(each.until, zone)
        who, last = each.ref or f"id:{each.customer_id}", render.day(each.bought_at, zone)
        words = (render.day(each.since, zone), until, who, each.item, last, _days(each.gap), str(each.buying_days))
        table.add_row(*(Text(render.clean(word)) for word in words))
    return table


def _tell_of_one(
    crm: Regulars,
    customer: CustomerId,
    seen: Viewpoint,
    found: Sequence[DueExplanation],
    most: Sequence[MostBought],
    as_of: date | None,
    *,
    json: bool,
) -> None:
    if json:
        said = {
            "items": [as_json.due_explanation(each) for each in found],
            "most_bought": [as_json.most_bought(each) for each in most],
        }
        as_json.write_json(sys.stdout, said | seen.as_json())
        return
    zone = zone_of(crm)
    if seen.is_given:
        render.draw(seen.heading(as_of))
    if not found:
        render.draw(_nothing_of(customer, crm, most))
    for each in found:
        until = "" if each.item.until is None else f" until {render.day(each.item.until, zone)}"
        render.draw(f"{each.item.item}: {each.item.value} since {render.day(each.item.since, zone)}{until}")
        render.draw(*(f"  {reason.sentence}" for reason in each.reasons))
    if most:
        rows = ((one.item, str(one.buying_days), render.day(one.bought_at, zone)) for one in most)
        render.draw("", "Bought most:", render.table(("Item", "Days", "Last bought"), rows, fold=0))


def _nothing_of(customer: CustomerId, crm: Regulars, most: Sequence[MostBought]) -> str:
    if crm.consents(customer).barred == "forgotten":
        return "They were forgotten, so it is not shown what they are due to buy."
    return "None of the items that they bought has a gap in the rules." if most else "Nothing was bought."


def _days(gap: timedelta) -> str:
    tenths = gap // MICROSECOND * 10 // DAY
    return f"{tenths // 10}.{tenths % 10}"


def measure(
    ctx: typer.Context,
    table: Annotated[Literal["due_again"], typer.Argument(metavar="TABLE", help="due_again: the gaps of items.")],
    min_buyers: Annotated[
        int,
        typer.Option(min=6, metavar="N", help="Leave out items that fewer customers bought again; they are counted."),
    ] = MIN_BUYERS,
    json: JsonOption = False,
    db: StoreOption = None,
) -> None:
    """Draft a table of the rules from what happened, as TOML to be read, edited and added to the rules.

    Each gap is a median with its 95 % interval and the number of buyers it rests on. Nothing is changed.
    """
    with open_to_ask(ctx, db) as crm, waiting("measuring", if_stopped="Stopped.") as on_progress:
        found = crm.rules.measure_due_again(min_buyers=min_buyers, on_progress=on_progress)
    if json:
        as_json.write_json(sys.stdout, as_json.measured_gaps(found))
    elif found.gaps:
        sys.stdout.write(found.toml)
    else:
        render.draw(f"No item was bought again by {min_buyers} customers; {found.left_out:,} by fewer or by none.")
