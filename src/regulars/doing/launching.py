"""Launching a campaign: everybody of its audience stands before the gates, whoever passes is drawn, whoever is treated
gets a code where its coupon has personal ones, and all of that is written in one transaction.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from msgspec import Struct

from regulars.adapters.progress import Progress
from regulars.adapters.store.transaction import Transaction
from regulars.adapters.tracing import span
from regulars.adapters.vault.cipher import new_id
from regulars.asking.campaign_audience import Unit, find_audience, launching
from regulars.asking.campaign_coupon import coupon_of, require_coupon
from regulars.asking.campaigns import campaign_events, state_of
from regulars.crm_domain.campaign import CAMPAIGN, drawn, require_unlaunched, share_by_default
from regulars.crm_domain.command import Command, Context, CustomerId
from regulars.crm_domain.coupon import Coupon
from regulars.crm_domain.errors import Rejected
from regulars.crm_domain.instant import to_datetime
from regulars.crm_domain.issued_coupon import IssueCoupon
from regulars.crm_domain.offer import AssignOffer, HoldOut, SkipOffer
from regulars.doing.execution import Execution
from regulars.doing.offers import require_segment
from regulars.doing.transacting import MAX_COMMANDS, Transacting
from regulars.session.session import Session

#: How often it is tried again where something was recorded of somebody in the audience between judging and writing.
ATTEMPTS = 5


class _Settled(Struct, frozen=True, kw_only=True):
    """The commands of a launch, and the position up to which everybody was judged."""

    commands: list[Command]
    position: int


def launch_campaign(session: Session, transacting: Transacting, campaign_id: str, on_progress: Progress | None) -> None:
    """Launch a campaign. Raises NotFound and Rejected; then nothing is recorded."""
    for attempt in range(1, ATTEMPTS + 1):
        session.catch_up()
        with session.store.reading() as tx:
            settled = _settled(session, tx, campaign_id)
        with span(session.store, "launch", commands=len(settled.commands)):
            try:
                _write(transacting, settled, on_progress)
            except Rejected as refused:
                if refused.code != "changed_meanwhile" or attempt == ATTEMPTS:
                    raise
            else:
                return


def _settled(session: Session, tx: Transaction, campaign_id: str) -> _Settled:
    """Who is in which arm, and who is skipped. Whatever refuses the launch does so before anything is written."""
    viewpoint = session.viewpoint(tx)
    state = state_of(campaign_events(session, tx, campaign_id))
    require_unlaunched(campaign_id, state)
    assert state.plan is not None
    assert viewpoint.models is not None
    require_segment(state.plan.segment, tuple(each.id for each in viewpoint.ruleset.segment))
    now = session.now()
    units = find_audience(session, tx, viewpoint, campaign_id, state.plan, now)
    eligible = [each.customer_id for each in units if each.why is None]
    share, seed = state.plan.held_out or share_by_default(len(eligible)), new_id()
    # Where the clock that it was planned by runs ahead of ours, it is launched after that.
    at = to_datetime(now) if state.last_at is None or state.last_at <= now else None
    launch = launching(campaign_id, units, share, seed, at)
    CAMPAIGN.decide(launch, state, Context(now=max(now, state.last_at or 0), zone=viewpoint.rules.zone.key))
    coupon = coupon_of(session, tx, state.plan)
    require_coupon(state.plan, coupon, now, viewpoint.rules.zone.key)
    held_out = drawn(eligible, share, seed)
    offers = [_offer(session, campaign_id, each, each.customer_id in held_out, at) for each in units]
    codes = _codes(coupon, set(eligible) - held_out, at)
    if len(offers) + len(codes) >= MAX_COMMANDS:
        each = "people" if not codes else "people and those who get a code"
        sentence = f"a campaign is launched to at most {MAX_COMMANDS - 1:,} {each} at once"
        raise Rejected("audience_too_large", f"{sentence}, not to {len(offers) + len(codes):,}")
    return _Settled(commands=[launch, *offers, *codes], position=viewpoint.models.checkpoint(tx.connection))


def _codes(coupon: Coupon | None, treated: Collection[str], at: datetime | None) -> list[Command]:
    """What issues each of the treated a code of their own, where the coupon has such codes."""
    if coupon is None or coupon.created is None or not coupon.created.is_personal:
        return []
    coupon_id = coupon.created.coupon_id
    return [IssueCoupon(customer=CustomerId(each), coupon_id=coupon_id, occurred_at=at) for each in sorted(treated)]


def _offer(session: Session, campaign_id: str, unit: Unit, is_held_out: bool, at: datetime | None) -> Command:
    fields = {
        "customer": CustomerId(unit.customer_id),
        "offer_id": offer_id_of(session, campaign_id, unit.customer_id),
        "campaign_id": campaign_id,
        "occurred_at": at,
    }
    if unit.why is not None:
        return SkipOffer.model_validate({**fields, "why": unit.why})
    return (HoldOut if is_held_out else AssignOffer).model_validate(fields)


def offer_id_of(session: Session, campaign_id: str, customer_id: str) -> str:
    """The id of what is offered to a customer in a campaign: a keyed hash of both."""
    return session.store.keyed("offer", f"{customer_id}:{campaign_id}".encode())[:16]


def _write(transacting: Transacting, settled: _Settled, on_progress: Progress | None) -> None:
    def work(tx: Transaction, execution: Execution) -> None:
        execution.prepare(settled.commands)
        for number, command in enumerate(settled.commands, 1):
            execution.carry_out(command)
            if on_progress is not None and number % 100 == 0:
                on_progress(number, len(settled.commands))
        execution.require_unchanged(settled.position)
        execution.finish()

    transacting.transact(work, alone=True)
