"""`rewards`: what an order would bring."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from rich.console import ConsoleRenderable
from rich.text import Text

from regulars.asking.dicts import to_dict
from regulars.cli import as_json, render
from regulars.cli.asking import WhoArgument, zone_of
from regulars.cli.opening import JsonOption, StoreOption, open_to_ask
from regulars.crm import Regulars
from regulars.crm_domain.command import CustomerId
from regulars.doing.rewards import RewardsForecast, line_of

_TITLES = ("Points", "From", "Until", "By")
#: What the occasion of a bonus is called in a table.
_CALLED = {
    "first_order": "first order",
    "birthday_month": "month of the birthday",
    "category": "items",
    "survey_answered": "answer to a survey",
    "referral": "referral",
}


def forecast(
    ctx: typer.Context,
    who: WhoArgument,
    amount: Annotated[str, typer.Option(metavar="AMOUNT", help="What the order comes to, such as 59.90.")],
    sku: Annotated[
        list[str] | None,
        typer.Option(metavar="SKU[=AMOUNT]", help="An item of it, and what its line comes to. May be repeated."),
    ] = None,
    coupon: Annotated[str | None, typer.Option(metavar="ID", help="A coupon that it redeems, by its id.")] = None,
    json: JsonOption = False,
    db: StoreOption = None,
) -> None:
    """Show what an order would bring a customer now: points, bonus points, the tier, and what coupons would take off.

    Nothing is recorded. It is decided by what decides orders, by the rules in force. Bonus points are those of the
    tables [[earn]]. With a coupon the amount is the price before it.
    """
    with open_to_ask(ctx, db) as crm:
        customer_id = crm.find(who)
        found = crm.rewards_forecast(customer_id, amount, lines=[line_of(each) for each in sku or ()], coupon=coupon)
        if json:
            as_json.write_json(sys.stdout, to_dict(found) | {"bonus_points": found.bonus_points})
            return
        render.draw(*_drawn(found, crm, zone_of(crm)))


def _drawn(found: RewardsForecast, crm: Regulars, zone: ZoneInfo) -> Iterator[ConsoleRenderable | str]:
    less = f", {found.discount:,} off with {found.coupon_id}," if found.coupon_id is not None else ""
    points = f"{found.points + found.bonus_points:,} points"
    yield f"An order of {found.amount:,} {found.currency}{less} would bring {points}."
    yield f"Tier: {found.tier_before or 'none'}{_becomes(found)}"
    rows = list(_rows(found, zone))
    if rows:
        yield ""
        yield render.table(_TITLES, rows, fold=3)
    else:
        yield "It earns none, as they are no member, or it is worth too little for a point."
    for each in found.bonuses:
        if each.customer_id != found.customer_id:
            yield Text(
                f"\n{_called(crm, each.customer_id)} referred them, and would get {each.points:,} ({each.rule})."
            )
    yield from (f"\n{each}" for each in found.notices)
    if found.coupons and found.coupon_id is None:
        yield ""
        cells = ((each.coupon_id, f"{each.discount:,}", each.refused or "") for each in found.coupons)
        yield render.table(("Coupon", "Takes off", "But"), cells, fold=2)


def _rows(found: RewardsForecast, zone: ZoneInfo) -> Iterator[tuple[str, str, str, str]]:
    if found.available_at is not None and found.expires_at is not None:
        span = render.day(found.available_at, zone), render.day(found.expires_at, zone)
        yield (f"{found.points:,}", *span, "the order")
    for each in found.bonuses:
        if each.customer_id == found.customer_id:
            span = render.day(each.available_at, zone), render.day(each.expires_at, zone)
            yield (f"{each.points:,}", *span, f"{each.rule}: {_CALLED[each.occasion]}")


def _becomes(found: RewardsForecast) -> str:
    return "" if found.tier_after == found.tier_before else f", and then {found.tier_after or 'none'}"


def _called(crm: Regulars, customer_id: CustomerId) -> str:
    referrer = crm.customer(customer_id)
    return render.clean(referrer.name or referrer.ref or f"id:{customer_id}")
