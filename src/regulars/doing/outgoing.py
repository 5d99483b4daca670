"""The offers of a campaign that are to be sent, with addresses, codes and texts, and who isn't sent theirs any more.

Consent, account and address are asked once more, by the gates that the launch asked. How often somebody was drawn
isn't: the draw settled that. Whoever sends asks it of one offer at a time, a list of them of some hundred.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

from msgspec import Struct

from regulars.adapters.read_models.offer_counts import count_offers
from regulars.adapters.store.transaction import Transaction
from regulars.asking.campaign_audience import Unit, stand_before_gates
from regulars.asking.campaign_coupon import codes_told, coupon_of, coupon_stream
from regulars.asking.campaign_gates import REACHED_BY, gates
from regulars.asking.campaigns import (
    OfferQuery,
    OfferView,
    campaign_events,
    find_offers,
    state_of,
)
from regulars.asking.one_customer import read_contacts
from regulars.asking.paging import MAX_PAGE
from regulars.crm_domain.campaign import CATEGORY, CampaignPlan, CampaignState
from regulars.crm_domain.coupon import Coupon
from regulars.crm_domain.offer import WhySkipped
from regulars.projections.offers import OfferState
from regulars.sending.message import filled_in
from regulars.sending.values import OutgoingOffer
from regulars.session.freshness import freshness_of
from regulars.session.session import Session

_ASKED_AGAIN: frozenset[WhySkipped] = frozenset({"closed", "no_consent", "no_address"})
#: So many offers are read together.
_AT_ONCE = 200


class Sendable(Struct, frozen=True, kw_only=True):
    """A campaign as it stands, with its coupon."""

    campaign_id: str
    state: CampaignState
    coupon: Coupon | None

    @property
    def plan(self) -> CampaignPlan:
        """What it offers; every campaign has a plan."""
        assert self.state.plan is not None
        return self.state.plan


def read_sendable(session: Session, tx: Transaction, campaign_id: str) -> Sendable:
    """A campaign as it stands. Raises NotFound."""
    state = state_of(campaign_events(session, tx, campaign_id))
    assert state.plan is not None
    return Sendable(campaign_id=campaign_id, state=state, coupon=coupon_of(session, tx, state.plan))


class Followed:
    """A campaign while it is sent, read again only when something happened to it: its plan may name 20,000 people."""

    def __init__(self, session: Session, campaign_id: str) -> None:
        self._session = session
        self._campaign_id = campaign_id
        self._found: Sendable | None = None
        self._versions: tuple[int, ...] = ()

    def read(self, tx: Transaction) -> Sendable:
        """The campaign as it stands. Raises NotFound."""
        if self._found is None or self._versions_of(tx, self._found) != self._versions:
            self._found = read_sendable(self._session, tx, self._campaign_id)
            self._versions = self._versions_of(tx, self._found)
        return self._found

    def _versions_of(self, tx: Transaction, found: Sendable) -> tuple[int, ...]:
        streams = [self._session.store.stream_of(CATEGORY, self._campaign_id)]
        if found.plan.coupon_id is not None:
            streams.append(coupon_stream(self._session, found.plan.coupon_id))
        return tuple(self._session.store.version_of(tx.connection, each) for each in streams)


def find_outgoing(session: Session, campaign_id: str, *, in_doubt: bool) -> Iterator[OutgoingOffer]:
    """The offers that may still be sent, or those in doubt, with addresses and texts. Raises NotFound."""
    with session.store.reading() as tx:
        campaign = read_sendable(session, tx, campaign_id)
    offers = offers_in(session, campaign_id, "sending" if in_doubt else "assigned")
    while some := list(islice(offers, _AT_ONCE)):
        with session.store.reading() as tx:
            judged = judged_now(session, tx, campaign, some)
            found = outgoing(session, tx, campaign, [each for each in judged if in_doubt or each.fails is None])
        yield from found


def offers_in(session: Session, campaign_id: str, state: OfferState) -> Iterator[OfferView]:
    """The offers of the treated that came so far, in order of their customers. Raises NotFound."""
    query = OfferQuery(
        campaign_id=campaign_id,
        arm="treated",
        state=state,
        as_of=None,
        limit=MAX_PAGE,
        after=None,
        freshness=freshness_of(False, None),
        goes_on=True,
    )
    session.catch_up()
    yield from find_offers(session, query)


def count_left(session: Session, campaign_id: str) -> int:
    """How many offers of the treated aren't sent yet. Raises NotFound."""
    session.catch_up()
    with session.store.reading() as tx:
        models, last_at = session.viewpoint(tx).models, state_of(campaign_events(session, tx, campaign_id)).last_at
        assert models is not None
        assert last_at is not None
        found = count_offers(models, tx.connection, campaign_id, max(session.now(), last_at))
    return sum(count for (arm, state, _, _), count in found.items() if (arm, state) == ("treated", "assigned"))


class Judged(Struct, frozen=True, kw_only=True):
    """An offer, its customer as they stand before the gates now, and the first of those asked once more that they don't
    pass.
    """

    offer: OfferView
    unit: Unit
    fails: WhySkipped | None


def judged_now(session: Session, tx: Transaction, campaign: Sendable, offers: Sequence[OfferView]) -> list[Judged]:
    """Some offers, judged once more."""
    viewpoint, plan, families = session.viewpoint(tx), campaign.plan, tx.families(each.customer_id for each in offers)
    asked = {families.members(each.customer_id) for each in offers}
    found = stand_before_gates(session, tx, viewpoint, campaign.campaign_id, plan, asked, session.now())
    units, judged = {unit.members: unit for unit in found}, list[Judged]()
    for offer in offers:
        unit = units[families.members(offer.customer_id)]
        failed = (each.name for each in gates(unit.standing, plan, viewpoint.ruleset.campaigns) if not each.passes)
        judged.append(
            Judged(offer=offer, unit=unit, fails=next((each for each in failed if each in _ASKED_AGAIN), None))
        )
    return judged


def outgoing(session: Session, tx: Transaction, campaign: Sendable, offers: Sequence[Judged]) -> list[OutgoingOffer]:
    """Some offers as they go out, under no message's id yet."""
    families = [each.unit.members for each in offers]
    contacts = read_contacts(tx, {each for members in families for each in members})
    codes = codes_told(session, tx, campaign.coupon, set(families))
    kind, found = REACHED_BY.get(campaign.plan.channel), list[OutgoingOffer]()
    for each in offers:
        offer, unit = each.offer, each.unit
        name = next((contacts[member].name for member in unit.members if contacts[member].name), None)
        code = codes.get(unit.members)
        reached = None if unit.written_to is None or kind is None else getattr(contacts[unit.written_to], kind)
        found.append(
            OutgoingOffer(
                offer_id=offer.offer_id,
                campaign_id=offer.campaign_id,
                customer_id=offer.customer_id,
                ref=offer.ref,
                name=name,
                channel=campaign.plan.channel,
                address=reached,
                subject=campaign.plan.title,
                text=filled_in(campaign.plan.offer or "", name, code),
                coupon=code,
                message_id="",
            )
        )
    return found
