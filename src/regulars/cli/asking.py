"""`customers`, `show` and `explain`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from datetime import date, timedelta
from functools import partial
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

from regulars.asking.customers import Order, require_other_lane
from regulars.asking.paging import PAGE
from regulars.asking.views import LANES, Customer, Lane, Page
from regulars.cli import as_json, render
from regulars.cli.csv_cells import CsvOption, ExcelOption, RawOption, WriteRow, XlsxOption, rows_asked
from regulars.cli.opening import (
    AtLeastOption,
    FreshOption,
    JsonOption,
    StoreOption,
    open_to_ask,
    tell_what_is_missing,
)
from regulars.cli.page import customer_page
from regulars.cli.paging import every
from regulars.cli.viewpoint import ByRules, KnownAt, Viewpoint, build_lists, viewpoint
from regulars.cli.words import parse_moment, parse_span
from regulars.crm import Regulars
from regulars.crm_domain.customer import Kind
from regulars.session.freshness import FRESH

DEFAULT_WITHIN = timedelta(days=14)

WhoArgument = Annotated[
    str, typer.Argument(metavar="WHO", help="A reference, an e-mail address, a phone number or id:<32 hex digits>.")
]
AsOf = Annotated[
    date | None,
    typer.Option(
        "--as-of",
        metavar="WHEN",
        parser=parse_moment,
        help="A day (its end, in the business's zone), or a time with its zone. Now, unless given.",
    ),
]


def customers(
    ctx: typer.Context,
    stage: Annotated[str | None, typer.Option(metavar="STAGE", help="Only those at this stage.")] = None,
    tier: Annotated[str | None, typer.Option(metavar="TIER", help="Only those in this tier.")] = None,
    risk_band: Annotated[str | None, typer.Option(metavar="BAND", help="Only those at this risk.")] = None,
    having: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="Only those with this other verdict: value=high, or an extension's."),
    ] = None,
    as_of: AsOf = None,
    known_at: KnownAt = None,
    rules: ByRules = None,
    becoming: Annotated[
        str | None,
        typer.Option(metavar="VALUE", help="Only those who become this by themselves: at_risk, or risk=high."),
    ] = None,
    within: Annotated[
        timedelta | None,
        typer.Option(
            metavar="TIME", parser=parse_span, help="How soon, with --becoming: 36h, 14d, 2w. 14d by default."
        ),
    ] = None,
    tag: Annotated[str | None, typer.Option(metavar="TAG", help="Only those with this tag.")] = None,
    segment: Annotated[str | None, typer.Option(metavar="ID", help="Only those in this segment.")] = None,
    owner: Annotated[str | None, typer.Option(metavar="NAME", help="Only those of this owner.")] = None,
    source: Annotated[str | None, typer.Option(metavar="SOURCE", help="Only those of this source.")] = None,
    kind: Annotated[Kind | None, typer.Option(help="Only persons, or only firms.")] = None,
    firm: Annotated[str | None, typer.Option(metavar="WHO", help="Only those who work for this firm then.")] = None,
    text: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Only those with this in their name or e-mail.")
    ] = None,
    forgotten: Annotated[bool, typer.Option("--forgotten", help="Include forgotten customers.")] = False,
    order: Annotated[
        Order,
        typer.Option("--sort", "--order", help="As they came, from A to Z, or the highest or latest of these first."),
    ] = "id",
    limit: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="At most so many. A table shows 50; --json and --csv print all."),
    ] = None,
    as_csv: CsvOption = False,
    raw: RawOption = False,
    excel: ExcelOption = None,
    xlsx: XlsxOption = None,
    total: Annotated[bool, typer.Option("--total", help="Print only how many there are.")] = False,
    fresh: FreshOption = FRESH,
    at_least: AtLeastOption = None,
    json: JsonOption = False,
    db: StoreOption = None,
) -> None:
    """List customers by their verdicts, as of any moment.

    With --becoming, those who will stand elsewhere soon if nothing happens, the soonest first.
    """
    rows = rows_asked(as_csv=as_csv, raw=raw, excel=excel, xlsx=xlsx, json=json)
    if total and rows.are_asked:
        raise typer.BadParameter("choose one of them", param_hint="--total and --csv, --excel or --xlsx")
    if within is not None and becoming is None:
        raise typer.BadParameter("it means something only together with --becoming", param_hint="--within")
    chosen = pairs(having or [], "--having")
    with open_to_ask(ctx, db) as crm:
        seen = viewpoint(crm, known_at, rules)
        _require_other_lane(crm, chosen)
        _require_value(seen, "stage", "--stage", stage)
        _require_value(seen, "tier", "--tier", tier)
        _require_value(seen, "risk", "--risk-band", risk_band)
        ask = partial(
            _ask,
            crm,
            at_least=at_least,
            stage=stage,
            tier=tier,
            risk_band=risk_band,
            having=chosen,
            tag=tag,
            segment=segment,
            owner=owner,
            source=source,
            kind=kind,
            firm=None if firm is None else crm.find(firm),
            text=text,
            forgotten=forgotten,
            as_of=as_of,
            known_at=seen.known_at,
            rules=seen.rules,
            order=order,
            becoming=None if becoming is None else _lane_of(seen, becoming),
            within=None if becoming is None else within or DEFAULT_WITHIN,
        )
        build_lists(crm, seen)
        crm.catch_up(within=timedelta(seconds=fresh))
        if total:
            found = ask(limit=1, fresh=False, total=True).total
            if json:
                as_json.write_json(sys.stdout, {"total": found})
            else:
                render.draw(str(found))
        elif json:
            currency = crm.currency
            as_json.write_array(sys.stdout, (as_json.customer(each, currency) for each in _all(ask, limit)))
        elif rows.are_asked:
            with rows.written(crm) as write:
                _write_rows(write, _all(ask, limit))
        else:
            if seen.is_given:
                render.draw(seen.heading(as_of))
            _draw(crm, ask, limit or PAGE)
        tell_what_is_missing(crm)


def show(
    ctx: typer.Context,
    who: WhoArgument,
    as_of: AsOf = None,
    known_at: KnownAt = None,
    rules: ByRules = None,
    json: JsonOption = False,
    db: StoreOption = None,
) -> None:
    """Show what is good to know of one customer before a call, as of any moment.

    How they are reached, where they stand, what they said last, their notes and open tickets, and their timeline. What
    was said in their own words is decrypted for it.
    """
    with open_to_ask(ctx, db) as crm:
        seen = viewpoint(crm, known_at, rules)
        page = crm.page(crm.find(who), as_of=as_of, known_at=seen.known_at, rules=seen.rules)
        if json:
            as_json.write_json(sys.stdout, as_json.customer_page(page) | seen.as_json())
            return
        nobody = "Somebody who was forgotten" if crm.names_readable else "Somebody, without a name for this role"
        if seen.is_given or as_of is not None:
            render.draw(seen.heading(as_of))
        render.draw(customer_page(page, nobody, width=render.console().width))


def explain(
    ctx: typer.Context,
    who: WhoArgument,
    as_of: AsOf = None,
    known_at: KnownAt = None,
    rules: ByRules = None,
    json: JsonOption = False,
    db: StoreOption = None,
) -> None:
    """Explain the verdicts of one customer, event by event.

    Then what would change it next, and when. Contributions to a risk add up to its score.
    """
    with open_to_ask(ctx, db) as crm:
        seen = viewpoint(crm, known_at, rules)
        found = crm.customer(crm.find(who), as_of=as_of, known_at=seen.known_at, rules=seen.rules)
        if json:
            as_json.write_json(sys.stdout, as_json.explanation(found.explain()) | seen.as_json())
        else:
            render.draw(render.explanation(found.explain(), found, zone_of(crm), seen.subheading))


def zone_of(crm: Regulars) -> ZoneInfo:
    """The business's zone, in which days are shown."""
    return ZoneInfo(crm.ruleset.business.timezone)


def _ask(crm: Regulars, **wish: Any) -> Page:
    try:
        return crm.customers(**wish)
    except ValueError as error:  # more than can be put in order, or folded for the question
        raise typer.BadParameter(str(error)) from None


def _all(ask: Callable[..., Page], limit: int | None) -> Iterator[Customer]:
    """What is new is folded in before the first page, so that all of them answer from the same."""
    return every(partial(ask, fresh=False), limit)


def _draw(crm: Regulars, ask: Callable[..., Page], limit: int) -> None:
    found = list(_all(ask, limit + 1))
    if not found:
        render.draw("No customer answers to that.")
        return
    table = render.customer_table(found[:limit], zone_of(crm), width=render.console().width)
    more = f"The first {limit}; there are more: --limit N shows N, --csv and --json all."
    render.draw(table, *([more] if len(found) > limit else []))


def pairs(typed: Iterable[str], option: str) -> dict[str, str]:
    """`{"tier": "gold"}` for tier=gold, of an option that may be repeated. Raises typer.BadParameter for no pair."""
    found: dict[str, str] = {}
    for pair in typed:
        name, is_pair, value = pair.partition("=")
        if not (name and is_pair and value):
            raise typer.BadParameter(f'it takes NAME=VALUE, not "{pair}"', param_hint=option)
        if name in found:
            raise typer.BadParameter(f'"{name}" is asked for twice', param_hint=option)
        found[name] = value
    return found


def _require_other_lane(crm: Regulars, having: Iterable[str]) -> None:
    try:
        require_other_lane(crm.lanes, having)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--having") from None


def _require_value(seen: Viewpoint, lane: Lane, option: str, value: str | None) -> None:
    if value is not None and value not in seen.values(lane):
        raise typer.BadParameter(
            f'there is no {lane} "{value}"; the rules have {", ".join(seen.values(lane))}', param_hint=option
        )


def _lane_of(seen: Viewpoint, wish: str) -> dict[Lane, str]:
    """`{"stage": "at_risk"}` for at_risk, or for stage=at_risk."""
    name, separator, value = wish.rpartition("=")
    candidates = [lane for lane in LANES if value in seen.values(lane) and (not separator or lane == name)]
    if len(candidates) == 1:
        return {candidates[0]: value}
    if candidates:
        raise typer.BadParameter(
            f'"{value}" is a {" and a ".join(candidates)}; say which, such as {candidates[0]}={value}',
            param_hint="--becoming",
        )
    known = "; ".join(f"{lane}: {', '.join(seen.values(lane))}" for lane in LANES)
    raise typer.BadParameter(f'nothing is called "{wish}"; there are {known}', param_hint="--becoming")


_COLUMNS = (
    *("ref", "name", "email", "stage", "stage_since", "tier", "risk", "risk_band"),
    *("orders", "net_spend", "last_order_at", "as_of", "becomes_at", "id", "phone", "tags", "owner", "birthday"),
    "kind",
)
#: Those that are numbers or times, and no text.
_TYPED = ("stage_since", "net_spend", "last_order_at", "as_of", "becomes_at")


def _write_rows(write: WriteRow, found: Iterable[Customer]) -> None:
    write(_COLUMNS)
    for each in found:
        fields = as_json.customer(each, None) | {"tags": "; ".join(each.tags)}
        fields |= {name: getattr(each, name) for name in _TYPED}
        write([fields[column] for column in _COLUMNS])
