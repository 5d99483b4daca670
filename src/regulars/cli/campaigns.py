"""`campaign list`, `campaign show`, `campaign preview`, `campaign launch` and `campaign who`."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

import typer
from rich.table import Table
from rich.text import Text

from regulars.asking.campaign_preview import CampaignPreview, WhyOffered
from regulars.asking.campaign_sentence import what_it_shows
from regulars.asking.campaigns import CampaignLaunch, CampaignView, OfferView, WholeCampaign
from regulars.asking.dicts import to_dict
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
    open_to_change,
    tell_what_is_missing,
)
from regulars.cli.paging import every
from regulars.cli.progress import waiting
from regulars.cli.viewpoint import KnownThen, build_lists, fold_first, viewpoint
from regulars.crm_domain.offer.wording import WHY
from regulars.session.freshness import FRESH

Campaign = Annotated[str, typer.Argument(metavar="ID", help="The campaign's own id, such as spring.")]
ArmOption = Annotated[
    Literal["treated", "held_out", "skipped"] | None, typer.Option(help="Only those who are in this arm, or in none.")
]
State = Literal["assigned", "sending", "sent", "opened", "clicked", "bounced", "unsubscribed", "skipped", "held_out"]

_COLUMNS = ("campaign_id", "customer_id", "ref", "name", "arm", "state", "why", "offer_id", "crossed", "since")


def history(
    ctx: typer.Context,
    as_of: AsOf = None,
    known_at: KnownThen = None,
    json: JsonOption = False,
    db: StoreOption = None,
) -> None:
    """List the campaigns, in order of planning."""
    with open_to_ask(ctx, db) as crm:
        found = crm.campaigns.history(as_of=as_of, known_at=known_at)
        if json:
            as_json.write_array(sys.stdout, map(to_dict, found))
        elif not found:
            render.draw("No campaign was planned; `regulars commands PlanCampaign` says how.")
        else:
            render.draw(_list(found, zone_of(crm)))


def _list(found: Iterable[CampaignView], zone: ZoneInfo) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold", pad_edge=False)
    for title in ("Campaign", "Kind", "Audience"):
        table.add_column(title, overflow="fold", min_width=6)
    for title in ("Status", "Launched", "Decided"):
        table.add_column(title, no_wrap=True)
    for title in ("Treated", "Held out"):
        table.add_column(title, no_wrap=True, justify="right")
    for each in found:
        launch = each.launch
        days = ("", "") if launch is None else (render.day(launch.at, zone), _decided_on(launch, zone))
        arms = ("", "") if launch is None else (f"{launch.treated:,}", f"{launch.held_out:,}")
        words = (each.campaign_id, each.kind, _audience(each), each.status, *days, *arms)
        table.add_row(*(Text(render.clean(word)) for word in words))
    return table


def _audience(each: CampaignView) -> str:
    return f"{each.customers:,} people" if each.segment is None else each.segment


def _decided_on(launch: CampaignLaunch, zone: ZoneInfo) -> str:
    """The day at whose end it is decided."""
    return render.day(launch.decide_at - timedelta(microseconds=1), zone)


def show(
    ctx: typer.Context,
    campaign: Campaign,
    as_of: AsOf = None,
    known_at: KnownThen = None,
    fresh: FreshOption = FRESH,
    at_least: AtLeastOption = None,
    json: JsonOption = False,
    db: StoreOption = None,
) -> None:
    """Show one campaign: its plan, what its launch settled, how its offers stand, and its events."""
    with open_to_ask(ctx, db) as crm:
        build_lists(crm, viewpoint(crm, known_at, None))
        crm.catch_up(within=timedelta(seconds=fresh))
        found = crm.campaigns.campaign(campaign, as_of=as_of, known_at=known_at, fresh=False, at_least=at_least)
        if json:
            as_json.write_json(sys.stdout, to_dict(found))
        else:
            _draw_whole(found, zone_of(crm))
        tell_what_is_missing(crm)


def _draw_whole(found: WholeCampaign, zone: ZoneInfo) -> None:
    each, launch = found.campaign, found.campaign.launch
    offered = " to ".join(str(day) for day in (each.offer_from, each.offer_until) if day is not None)
    facts = {
        "campaign": f"{each.campaign_id}: {each.title}",
        "status": each.status,
        "kind": each.kind,
        "audience": _audience(each),
        "sent by": f"{each.channel}, for {each.purpose}",
        "offer": each.offer,
        "coupon": each.coupon_id,
        "offered": offered,
        "held out": "by size" if each.held_out is None else _percent(each.held_out),
        "judged by": "who bought" if each.outcome == "bought" else "what they spent",
        "decided": _decision(each, zone),
        "planned": f"{render.minute(each.planned_at, zone)} by {each.planned_by}",
    }
    if launch is not None:
        facts["held out"] = f"{_percent(launch.share)}, drawn by seed {launch.seed}"
        facts["launched"] = f"{render.minute(launch.at, zone)} by {launch.by}"
        facts["audience"] = f"{_audience(each)}: {_arms(launch)}"
    render.draw(_facts(facts))
    if found.counts:
        rows = (
            (one.arm.replace("_", " "), one.state.replace("_", " "), WHY.get(one.why or "", ""), f"{one.families:,}")
            for one in found.counts
        )
        render.draw("", render.table(("Arm", "Offer", "Why", "Families"), rows, fold=2))
    if found.crossed:
        render.draw(f"{found.crossed:,} were merged after the draw had put them into different arms.")
    render.draw("")
    for event in found.events:
        render.draw(_facts({render.minute(event.occurred_at, zone): event.sentence}))


def _facts(facts: Mapping[str, str | None]) -> Table:
    table = Table.grid(padding=(0, 2))
    for name, fact in facts.items():
        if fact:
            table.add_row(Text(name, style="dim"), Text(render.clean(fact), overflow="fold"))
    return table


def _arms(launch: CampaignLaunch) -> str:
    return f"{launch.treated:,} treated, {launch.held_out:,} held out, {launch.skipped:,} skipped"


def _decision(each: CampaignView, zone: ZoneInfo) -> str:
    if each.launch is not None:
        return f"at the end of {_decided_on(each.launch, zone)}"
    if each.decision_day is not None:
        return f"at the end of {each.decision_day}"
    return f"{each.decide_after_days} days after the launch"


def _percent(share: Decimal) -> str:
    return f"{share * 100:f}".rstrip("0").rstrip(".") + " %"


def preview(
    ctx: typer.Context,
    campaign: Campaign,
    explain: Annotated[
        str | None, typer.Option(metavar="WHO", help="Why this customer gets the offer or doesn't, gate by gate.")
    ] = None,
    as_of: AsOf = None,
    json: JsonOption = False,
    db: StoreOption = None,
) -> None:
    """Say what a campaign would be: who is in it, who isn't and why, and what it could show.

    With --as-of it is what it would have been on an earlier day. Nothing is recorded, and nobody is drawn.
    """
    with open_to_ask(ctx, db) as crm:
        fold_first(crm)
        try:
            if explain is not None:
                why = crm.campaigns.explain(campaign, crm.find(explain), as_of=as_of)
                _tell_why(why, zone_of(crm), json=json)
                return
            with waiting("folding", if_stopped="Stopped.") as on_progress:
                found = crm.campaigns.preview(campaign, as_of=as_of, on_progress=on_progress)
        except ValueError as error:
            raise typer.BadParameter(str(error)) from None
        if json:
            as_json.write_json(sys.stdout, to_dict(found))
        else:
            render.draw(*_previewed(found, zone_of(crm)))
        tell_what_is_missing(crm)


def _tell_why(why: WhyOffered, zone: ZoneInfo, *, json: bool) -> None:
    if json:
        as_json.write_json(sys.stdout, to_dict(why))
        return
    who = " ".join(filter(None, (why.ref or f"id:{why.customer_id}", why.name)))
    when = f"as of {render.minute(why.as_of, zone)}{', as known now' if why.is_launched else ''}"
    render.draw(f"{render.clean(who)} and campaign {render.clean(why.campaign_id)}, {when}")
    render.draw(f"{'yes' if why.in_audience else 'no':<5}they are {'' if why.in_audience else 'not '}in the audience")
    for gate in why.gates:
        render.draw(f"{'yes' if gate.passes else 'no':<5}{render.clean(gate.sentence)}")
    render.draw(_so(why))


def _so(why: WhyOffered) -> str:
    """What follows from the gates, or what was written down."""
    reason = "" if why.why is None else WHY[why.why]
    if why.arm == "skipped":
        return f"The launch skipped them: {reason}."
    if why.arm is not None:
        came = "" if why.state in (why.arm, None) else f", and the offer came as far as {why.state}"
        later = f", and they were skipped later: {reason}" if why.state == "skipped" else came
        return f"The launch put them among the {why.arm.replace('_', ' ')}{later}."
    if why.is_launched:
        return "They weren't in it when it was launched."
    if not why.in_audience:
        return "So they aren't in it."
    return f"So they would be skipped: {reason}." if reason else "So they would be drawn."


def _previewed(found: CampaignPreview, zone: ZoneInfo) -> Iterator[Table | str]:
    each = found.campaign
    drawn = "if it were launched again" if each.launch is not None else "nobody is drawn yet"
    yield f"Campaign {render.clean(each.campaign_id)} as of {render.minute(found.as_of, zone)}; {drawn}"
    facts = {
        "audience": f"{_audience(each)}: {found.audience:,}, merged customers as one",
        "skipped": "; ".join(f"{count:,}: {WHY[why]}" for why, count in found.skipped.items()) or "nobody",
        "arms": f"{found.treated:,} treated, {found.held_out:,} held out ({_percent(found.share)})",
        "decided": f"at the end of {render.day(found.decide_at - timedelta(microseconds=1), zone)}",
        "stages": _counts(found.stages),
        "tiers": _counts(found.tiers),
        "risks": _counts(found.risks),
    }
    yield _facts(facts)
    if found.held_out:
        yield ""
        yield what_it_shows(found)
    if found.first:
        rows = [
            (one.ref or f"id:{one.customer_id}", one.name or "", WHY.get(one.why or "", "drawn")) for one in found.first
        ]
        yield ""
        yield render.table(("Customer", "Name", "Would be"), rows, fold=2)
        if found.audience > len(rows):
            yield f"and {found.audience - len(rows):,} more"
    if found.refusal is not None:
        yield ""
        yield f"It can't be launched: {render.clean(found.refusal)}."
    if found.behind:
        yield f"{found.behind:,} events aren't folded in yet."


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{value} {count:,}" for value, count in sorted(counts.items(), key=lambda item: -item[1]))


def launch(ctx: typer.Context, campaign: Campaign, json: JsonOption = False, db: StoreOption = None) -> None:
    """Launch a campaign: draw who gets the offer and who is held out, for good. Nothing is sent.

    Everybody in the audience stands before the gates; whoever passes is drawn. It is all recorded, or nothing.
    """
    with open_to_change(ctx, db) as crm:
        with waiting("launching", if_stopped="Stopped. Nothing was recorded.", counted="people") as on_progress:
            found = crm.campaigns.launch(campaign, on_progress=on_progress)
        if json:
            as_json.write_json(sys.stdout, to_dict(found))
            return
        assert found.launch is not None
        zone = zone_of(crm)
        render.draw(
            f"Launched campaign {render.clean(found.campaign_id)}: {_arms(found.launch)}.",
            f"It is decided at the end of {_decided_on(found.launch, zone)}.",
        )


def who(
    ctx: typer.Context,
    campaign: Campaign,
    arm: ArmOption = None,
    state: Annotated[State | None, typer.Option(help="Only those whose offer came so far.")] = None,
    as_of: AsOf = None,
    known_at: KnownThen = None,
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
    """List what became of the customers of a campaign: their arm, and how far the offer came.

    Those who are treated but were never sent anything stay in their arm.
    """
    rows = rows_asked(as_csv=as_csv, raw=raw, excel=excel, xlsx=xlsx, json=json)
    with open_to_ask(ctx, db) as crm:
        build_lists(crm, viewpoint(crm, known_at, None))
        crm.catch_up(within=timedelta(seconds=fresh))
        ask = partial(
            crm.campaigns.who,
            campaign,
            arm=arm,
            state=state,
            as_of=as_of,
            known_at=known_at,
            fresh=False,
            at_least=at_least,
        )
        try:
            if rows.are_asked:
                with rows.written(crm) as write:
                    _write_rows(write, every(ask, limit))
            elif json:
                as_json.write_array(sys.stdout, map(to_dict, every(ask, limit)))
            else:
                shown = limit or PAGE
                found = list(every(ask, shown + 1))
                _draw_offers(found[:shown], zone_of(crm), more=len(found) > shown)
        except ValueError as error:
            raise typer.BadParameter(str(error)) from None
        tell_what_is_missing(crm)


def _write_rows(write: WriteRow, found: Iterable[OfferView]) -> None:
    write(_COLUMNS)
    for each in found:
        write([getattr(each, column) for column in _COLUMNS])


def _draw_offers(found: Sequence[OfferView], zone: ZoneInfo, *, more: bool) -> None:
    if not found:
        render.draw("Nobody is like that.")
        return
    rows = (
        (
            each.ref or f"id:{each.customer_id}",
            each.name or "",
            each.arm.replace("_", " ") + ("*" if each.crossed else ""),
            each.state.replace("_", " ") if each.why is None else WHY[each.why],
            render.day(each.since, zone),
        )
        for each in found
    )
    render.draw(render.table(("Customer", "Name", "Arm", "Offer", "Since"), rows, fold=3))
    if any(each.crossed for each in found):
        render.draw("* merged after the draw had put them into different arms; this one counts.")
    if more:
        render.draw(f"The first {len(found)}; there are more: --limit N shows N, --csv and --json all.")
