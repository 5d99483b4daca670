"""The third scene of the walk: an offer to half of an audience, from what it could show to what it did.

It begins where the two years end. Who is drawn is chance, so what everybody does then follows from their place in their
arm, in order of reference: what is printed is the same whoever it was.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from regulars.asking.campaign_preview import CampaignPreview
from regulars.asking.campaign_sentence import what_it_shows
from regulars.crm import Regulars
from regulars.crm_domain.campaign import PlanCampaign
from regulars.crm_domain.command import Command
from regulars.crm_domain.offer import Arm, RecordOfferOpened, RecordOfferSent
from regulars.crm_domain.offer.wording import WHY
from regulars.crm_domain.purchase import RecordPurchase, RecordReturn
from regulars.demo.simulation import SimulatedClock
from regulars.demo.timing import when
from regulars.effects import CampaignEffect

CAMPAIGN = "autumn"
DECIDED_AFTER = timedelta(days=7)

_BUYS: dict[Arm, float] = {"treated": 0.3, "held_out": 0.1}
_OPENS = 0.6
_RETURNS = 0.08


def from_preview_to_effect(crm: Regulars, clock: SimulatedClock, seed: int) -> RenderableType:
    """Plan a campaign, preview and launch it, let a week go by, and ask what it did."""
    crm.do(_planned(crm))
    preview = crm.campaigns.preview(CAMPAIGN)
    crm.campaigns.launch(CAMPAIGN)
    early = crm.campaigns.effect(CAMPAIGN)
    happens = _week_after(crm, seed, clock.now)
    while clock.now < early.decide_at:
        clock.now += timedelta(days=1)
        crm.do([each for each in happens if clock.now - timedelta(days=1) < when(each) <= clock.now])
    told = crm.campaigns.effect(CAMPAIGN)
    return Group(*_previewed(preview), "", Text(early.sentence, style="dim"), "", "A week later:", *_told(told))


def _previewed(found: CampaignPreview) -> Iterator[RenderableType]:
    skipped = "; ".join(f"{count:,}: {WHY[why]}" for why, count in found.skipped.items())
    table = _table()
    table.add_row(found.campaign.title, found.campaign.offer or "")
    table.add_row("audience", f"{found.audience:,} customers; skipped before the draw: {skipped}")
    table.add_row("arms", f"{found.treated:,} treated, {found.held_out:,} held out, to be compared with")
    yield table
    yield Text(what_it_shows(found), style="dim")


def _told(found: CampaignEffect) -> Iterator[RenderableType]:
    """The effect as known on the day of the decision, which stays so whatever comes back later."""
    assert found.then is not None
    table = _table()
    for name, arm in (("treated", found.then.treated), ("held out", found.then.held_out)):
        table.add_row(name, f"{arm.bought:,} of {arm.families:,} bought, {arm.spend:,} {found.currency} together")
    yield table
    yield Text(found.then.sentence)


def _table() -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold", no_wrap=True)
    table.add_column()
    return table


def _planned(crm: Regulars) -> PlanCampaign:
    """The plan: everybody who hasn't left, of whom those who agreed to the newsletter pass the gates."""
    around = sorted(each.ref for each in crm.customers() if each.ref is not None and each.stage != "churned")
    return PlanCampaign(
        campaign_id=CAMPAIGN,
        title="Two new harvests",
        kind="new coffee",
        customers=tuple(around),
        channel="email",
        purpose="newsletter",
        offer="Huila and Sidamo are in; the first bag ships free.",
        decide_after_days=DECIDED_AFTER.days,
    )


def _week_after(crm: Regulars, seed: int, launched_at: datetime) -> list[Command]:
    """What the shop sends, and what its customers do until the day of the decision, in order of time."""
    happened = [command for arm in _BUYS for command in _of_arm(crm, arm, seed, launched_at)]
    return sorted(happened, key=when)


def _of_arm(crm: Regulars, arm: Arm, seed: int, launched_at: datetime) -> Iterator[Command]:
    random = Random(f"{seed} {CAMPAIGN} {arm}")  # noqa: S311 - a simulation must be repeatable, not unguessable
    theirs = sorted(crm.campaigns.who(CAMPAIGN, arm=arm), key=lambda each: each.ref or "")
    for number, each in enumerate(theirs):
        assert each.ref is not None
        sent = launched_at + timedelta(hours=9)
        if arm == "treated":
            yield RecordOfferSent(offer_id=each.offer_id, channel="email", occurred_at=sent)
            if random.random() < _OPENS:
                opened = sent + timedelta(hours=random.randint(1, 30))
                yield RecordOfferOpened(offer_id=each.offer_id, occurred_at=opened)
        if random.random() < _BUYS[arm]:
            bought, order_id = sent + timedelta(hours=random.randint(2, 100)), f"{CAMPAIGN}-{arm}-{number}"
            amount = Decimal(f"{18 * random.lognormvariate(0.0, 0.4):.2f}")
            yield RecordPurchase(customer=each.ref, order_id=order_id, amount=amount, occurred_at=bought)
            if random.random() < _RETURNS:
                yield RecordReturn(order_id=order_id, occurred_at=bought + timedelta(hours=40))
