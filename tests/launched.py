"""Campaigns that are launched with an audience and a seed of the test's own, whatever the gates say."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from regulars import AssignOffer, Command, CustomerId, HoldOut, LaunchCampaign, PlanCampaign, RegisterCustomer, Regulars

SEED = "00112233445566778899aabbccddeeff"


def plan(crm: Regulars, campaign_id: str, people: Sequence[str], **fields: Any) -> None:
    fields = {"kind": "offer", "channel": "post", "purpose": "news", "customers": people, "title": "Spring"} | fields
    crm.do(PlanCampaign(campaign_id=campaign_id, **fields))


def launch(crm: Regulars, campaign_id: str, people: Sequence[str], held_out: int, at: datetime) -> dict[str, str]:
    """Hold out so many of some people, those whose digests come first; the offer ids of all."""
    ids = {who: str(crm.find(who)) for who in people}
    ranked = sorted(people, key=lambda who: hashlib.sha256(f"{SEED}:{ids[who]}".encode()).hexdigest())
    offers = {who: hashlib.sha256(f"{campaign_id} {ids[who]}".encode()).hexdigest()[:16] for who in people}
    drawn: list[Command] = [
        (HoldOut if place < held_out else AssignOffer)(
            customer=CustomerId(ids[who]), offer_id=offers[who], campaign_id=campaign_id, occurred_at=at
        )
        for place, who in enumerate(ranked)
    ]
    n = len(people)
    settled = LaunchCampaign(
        campaign_id=campaign_id,
        occurred_at=at,
        seed=SEED,
        share=f"{held_out / n:.6f}",
        audience=n,
        eligible=n,
        skipped=0,
        treated=n - held_out,
        held_out=held_out,
    )
    crm.do([settled, *drawn])
    return offers


def register(crm: Regulars, count: int) -> list[str]:
    people = [f"shop:{number}" for number in range(count)]
    crm.do([RegisterCustomer(ref=each) for each in people])
    return people
