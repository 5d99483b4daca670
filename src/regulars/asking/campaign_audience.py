"""The audience of a campaign as of an instant: who is in it, and which gate each of them doesn't pass.

Everything is by family: customers who were merged are one, named by the smallest of their ids.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from msgspec import Struct

from regulars.adapters.indexes.consents import ConsentQuery, contact_standings
from regulars.adapters.indexes.look_ups import all_had, had_at
from regulars.adapters.read_models.keyed_pages import verdicts_of
from regulars.adapters.read_models.membership_pages import Membership, members_page
from regulars.adapters.read_models.rows import ReadModels
from regulars.adapters.store.transaction import Transaction
from regulars.asking.campaign_gates import REACHED_BY, Address, Standing, why_skipped
from regulars.asking.customers import require_segment
from regulars.crm_domain.campaign import LEAST_DRAWN, CampaignPlan, LaunchCampaign, how_many_held_out
from regulars.crm_domain.instant import DAY, to_datetime
from regulars.crm_domain.offer import WhySkipped
from regulars.projections.offers import OFFERS, OfferVerdict
from regulars.projections.segments.projector import SEGMENTS
from regulars.session.session import Session
from regulars.session.viewpoint import Viewpoint

#: The members of a family, the survivor first.
Members = tuple[str, ...]

_ALL = 2**31 - 1


class Unit(Struct, frozen=True, kw_only=True):
    """One family of an audience: its smallest id, its members, how it stands before the gates, and the first that it
    doesn't pass. `written_to` is the first member whose address works; None on channels that need none.
    """

    customer_id: str
    members: Members
    standing: Standing
    why: WhySkipped | None
    written_to: str | None


def find_audience(
    session: Session, tx: Transaction, viewpoint: Viewpoint, campaign_id: str, plan: CampaignPlan, at: int
) -> list[Unit]:
    """Everybody of a plan's audience as of an instant, in order of their smallest ids. Raises NotFound for a segment
    that the rules don't have.
    """
    return stand_before_gates(session, tx, viewpoint, campaign_id, plan, _families(tx, viewpoint, plan, at), at)


def find_alike(
    session: Session, tx: Transaction, viewpoint: Viewpoint, campaign_id: str, plan: CampaignPlan, at: int, before: int
) -> list[Unit]:
    """Who tells what those in a plan's audience do in a time of which `before` is the beginning: whoever was in its
    segment then, by how they stand before the gates as of `at`. A list is the same at any time.

    Whoever is in a segment because of what they bought of late, or didn't, did just that in the time before.
    """
    return stand_before_gates(session, tx, viewpoint, campaign_id, plan, _families(tx, viewpoint, plan, before), at)


def _families(tx: Transaction, viewpoint: Viewpoint, plan: CampaignPlan, at: int) -> Iterable[Members]:
    if plan.segment is None:
        ids: Iterable[str] = plan.customer_ids
    else:
        require_segment(viewpoint.ruleset, plan.segment)
        assert viewpoint.models is not None
        found = members_page(
            viewpoint.models,
            tx.connection,
            SEGMENTS.name,
            plan.segment,
            Membership(asked="in", at=at, until=at),
            remembered_only=False,
            limit=_ALL,
            after=None,
        )
        ids = [each.customer_id for each in found]
    families = tx.families(ids)
    return {families.members(each) for each in ids}


def stand_before_gates(
    session: Session,
    tx: Transaction,
    viewpoint: Viewpoint,
    campaign_id: str,
    plan: CampaignPlan,
    families: Iterable[Members],
    at: int,
) -> list[Unit]:
    """How some families stand before the gates of a plan as of an instant, in order of their smallest ids."""
    families, rules = sorted(families, key=min), viewpoint.ruleset.campaigns
    query = ConsentQuery(channel=plan.channel, purpose=plan.purpose, at=at)
    contacts = contact_standings(tx.connection, session.store.schema, query, families)
    assert viewpoint.models is not None
    made = _offers_made(viewpoint.models, tx, campaign_id, families, at)
    addresses = _addresses(session, tx, plan.channel, families, made, at)
    day = to_datetime(at).astimezone(viewpoint.rules.zone).date()
    since, found = at - rules.within_days * DAY, list[Unit]()
    for members in families:
        customer_id = min(members)
        standing = Standing(
            contactable=contacts[members].contactable,
            consents=contacts[members].consents,
            address=addresses[members].address,
            drawn=sum(each.drawn_at is not None and each.drawn_at > since for each in made[members]),
            held_out_of_all=rules.hold_out is not None and rules.hold_out.holds_out(customer_id, day),
        )
        why = why_skipped(standing, plan, rules)
        written_to = addresses[members].of
        found.append(Unit(customer_id=customer_id, members=members, standing=standing, why=why, written_to=written_to))
    return found


def _offers_made(
    models: ReadModels, tx: Transaction, campaign_id: str, families: Sequence[Members], at: int
) -> Mapping[Members, list[OfferVerdict]]:
    """What became of some families in all campaigns but one."""
    numbers = models.numbers(tx.connection, (each for members in families for each in members))
    of = {numbers[each]: members for members in families for each in members if each in numbers}
    made: dict[Members, list[OfferVerdict]] = {members: [] for members in families}
    for number, interval in verdicts_of(models, tx.connection, OFFERS.name, of, at):
        if interval.key != campaign_id:
            made[of[number]].append(interval.verdict)
    return made


class _Reached(Struct, frozen=True):
    """Whether a family can be reached on a channel, and by the address of which member."""

    address: Address
    of: str | None = None


def _addresses(
    session: Session,
    tx: Transaction,
    channel: str,
    families: Sequence[Members],
    made: Mapping[Members, list[OfferVerdict]],
    at: int,
) -> dict[Members, _Reached]:
    """Whether some families can be reached on a channel: an address that they had as an offer bounced for good works no
    more, however often it is told again.
    """
    kind = REACHED_BY.get(channel)
    if kind is None:
        return dict.fromkeys(families, _Reached("not_needed"))
    everyone = (each for members in families for each in members)
    had = all_had(tx.connection, session.store.schema.lookups, kind, everyone, at)
    found: dict[Members, _Reached] = {}
    for members in families:
        theirs = {each: had[each] for each in members if each in had}
        bounces = [
            each.hard_bounce_at
            for each in made[members]
            if each.hard_bounce_at is not None and each.channel in (None, channel)
        ]
        addresses = {each: had_at(its, at) for each, its in theirs.items()}
        bounced = {had_at(its, bounce) for its in theirs.values() for bounce in bounces}
        works = next((each for each, its in addresses.items() if its is not None and its not in bounced), None)
        if works is not None:
            found[members] = _Reached("works", works)
        else:
            found[members] = _Reached("none" if set(addresses.values()) <= {None} else "bounced")
    return found


def launching(
    campaign_id: str, units: Sequence[Unit], share: str, seed: str, at: datetime | None = None
) -> LaunchCampaign:
    """The command that records a launch to an audience."""
    eligible = sum(each.why is None for each in units)
    held_out = how_many_held_out(eligible, share) if eligible >= LEAST_DRAWN else 0
    return LaunchCampaign(
        campaign_id=campaign_id,
        seed=seed,
        share=Decimal(share),
        audience=len(units),
        eligible=eligible,
        skipped=len(units) - eligible,
        treated=eligible - held_out,
        held_out=held_out,
        occurred_at=at,
    )


def count_skipped(units: Iterable[Unit]) -> dict[str, int]:
    """How many didn't pass which gate, by its name."""
    return dict(sorted(Counter(each.why for each in units if each.why is not None).items()))
