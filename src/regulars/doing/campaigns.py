"""The campaigns of a store: what they would be, launching one, and what became of everybody in it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date, datetime
from pathlib import Path

from regulars.adapters.progress import Progress
from regulars.asking.campaign_coupon import find_codes_told
from regulars.asking.campaign_preview import CampaignPreview, WhyOffered, explain_offer, preview_campaign
from regulars.asking.campaigns import (
    CampaignView,
    OfferPage,
    OfferQuery,
    WholeCampaign,
    find_campaign,
    find_campaigns,
    find_offers,
)
from regulars.asking.paging import page_size
from regulars.crm_domain.command import CustomerId
from regulars.crm_domain.offer import Arm
from regulars.doing.launching import launch_campaign
from regulars.doing.outgoing import find_outgoing
from regulars.doing.returned_mail import ReturnsProgress, take_returned
from regulars.doing.sending import NO_HOST, by_hand, send_offers
from regulars.doing.transacting import Transacting
from regulars.effects import CampaignEffect, CampaignEffects
from regulars.effects.effect import find_effect
from regulars.effects.pooling import find_effects
from regulars.measures.asked import Axes
from regulars.projections.offers import OfferState
from regulars.sending.values import Carry, OutgoingOffer, ReturnsReport, SendingReport
from regulars.session.freshness import USUAL, Fresh, freshness_of
from regulars.session.session import Session


class Campaigns:
    """The campaigns of one store. Get it from `Regulars.campaigns`. PlanCampaign plans one."""

    def __init__(self, session: Session, transacting: Transacting) -> None:
        self._session = session
        self._transacting = transacting

    def history(
        self, *, as_of: datetime | date | None = None, known_at: datetime | date | None = None
    ) -> tuple[CampaignView, ...]:
        """All campaigns that were planned by an instant, in order of planning; `known_at` leaves out what was recorded
        later.
        """
        return find_campaigns(self._session, as_of, known_at)

    def campaign(
        self,
        campaign_id: str,
        *,
        as_of: datetime | date | None = None,
        known_at: datetime | date | None = None,
        fresh: Fresh = USUAL,
        at_least: int | None = None,
    ) -> WholeCampaign:
        """One campaign in full: its plan, its launch, how its offers stand, and its events.

        `known_at` leaves out what was recorded later. `fresh` and `at_least` are those of `Regulars.customers`. Raises
        NotFound where there is none of that id, or it wasn't planned by then.
        """
        return find_campaign(self._session, campaign_id, as_of, freshness_of(fresh, at_least), known_at)

    def preview(
        self, campaign_id: str, *, as_of: datetime | date | None = None, on_progress: Progress | None = None
    ) -> CampaignPreview:
        """What a campaign would be if it were launched as of an instant, now by default: who would be in it, who not
        and by which gate, and the least difference that its arms could show.

        Everything that was recorded is folded in before; `on_progress` is told of that. Raises NotFound for a campaign
        that isn't there, and for a segment that the rules don't have.
        """
        return preview_campaign(self._session, campaign_id, as_of, on_progress)

    def explain(self, campaign_id: str, who: str | CustomerId, *, as_of: datetime | date | None = None) -> WhyOffered:
        """Why somebody gets the offer of a campaign or doesn't, gate by gate: as of now before the launch, and as of
        the launch after it, unless an instant is given.

        Raises NotFound for a campaign or a customer that isn't there.
        """
        return explain_offer(self._session, campaign_id, who, as_of)

    def launch(self, campaign_id: str, *, on_progress: Progress | None = None) -> CampaignView:
        """Launch a campaign: everybody of its audience is judged, whoever passes all gates is drawn by a fresh seed,
        and that is recorded in one transaction; nothing is sent.

        `on_progress` is called with (people written so far, people there are). Raises NotFound for a campaign that
        isn't there; Rejected `campaign_launched` for one that was launched, `empty_audience`, `audience_too_small` with
        fewer than two who pass all gates, `offer_over`, `offer_begins_too_late`, `decided_before_launch`,
        `decided_too_late`, `no_such_segment`, and `changed_meanwhile` where others wrote of these people again and
        again. Then nothing is recorded.
        """
        launch_campaign(self._session, self._transacting, campaign_id, on_progress)
        return find_campaign(self._session, campaign_id, None, freshness_of(False, None)).campaign

    def who(
        self,
        campaign_id: str,
        *,
        arm: Arm | None = None,
        state: OfferState | None = None,
        as_of: datetime | date | None = None,
        known_at: datetime | date | None = None,
        limit: int | None = None,
        after: str | None = None,
        fresh: Fresh = USUAL,
        at_least: int | None = None,
    ) -> OfferPage:
        """What became of the customers of a campaign as of an instant, with arm and state; a page of it.

        `arm` is "treated", "held_out" or "skipped"; `state` is how far the offer came. `known_at`, `limit`, `after`,
        `fresh` and `at_least` are those of `Regulars.customers`. Forgotten customers are left out. Raises NotFound for
        a campaign that isn't there, ValueError for an arm or a state that there isn't.
        """
        query = OfferQuery(
            campaign_id=campaign_id,
            arm=arm,
            state=state,
            as_of=as_of,
            known_at=known_at,
            limit=page_size(limit),
            after=after,
            freshness=freshness_of(fresh, at_least),
            goes_on=limit is None,
        )
        return find_offers(self._session, query)

    def effect(
        self, campaign_id: str, *, known_at: datetime | date | None = None, on_progress: Progress | None = None
    ) -> CampaignEffect:
        """What a campaign did to its outcome in the window from its launch to the end of its decision day.

        Before that day is over it is the arms alone. From then on it is the difference as known then, which stays, and
        as known now, or at `known_at`. `on_progress` is called with (customers read so far, customers to read). Raises
        NotFound for a campaign that isn't there, or wasn't launched yet.
        """
        return find_effect(self._session, campaign_id, Axes(known_at=known_at, on_progress=on_progress))

    def effects(
        self,
        kind: str | None = None,
        *,
        known_at: datetime | date | None = None,
        on_progress: Progress | None = None,
    ) -> CampaignEffects:
        """What all campaigns did that were launched, or those of one kind: those of a kind that are decided together,
        and who is in the arms of two campaigns at once.

        The rest is as `effect` has it. Raises NotFound for a kind that no campaign is of.
        """
        return find_effects(self._session, kind, Axes(known_at=known_at, on_progress=on_progress))

    def to_send(self, campaign_id: str, *, in_doubt: bool = False) -> Iterator[OutgoingOffer]:
        """The offers of a campaign that are still to be sent, with addresses and texts, to be sent by other means; or
        those `in_doubt`, which may have been sent.

        Of those to be sent, whoever doesn't pass the gates of consent, account and address any more is left out.
        RecordOfferSent and RecordOfferNotSent settle what is in doubt. Raises NotFound for a campaign that isn't there.
        """
        return find_outgoing(self._session, campaign_id, in_doubt=in_doubt)

    def codes(self, campaign_id: str, customer_ids: Iterable[CustomerId]) -> Mapping[CustomerId, str]:
        """The code of its coupon that each of some treated customers is told in a campaign: one of their own, where it
        has personal codes. Whoever has none isn't in it. Raises NotFound for a campaign that isn't there.
        """
        return find_codes_told(self._session, campaign_id, customer_ids)

    def send(
        self,
        campaign_id: str,
        by: Callable[[OutgoingOffer], None],
        *,
        per_minute: float | None = None,
        limit: int | None = None,
        on_progress: Progress | None = None,
    ) -> SendingReport:
        """Send what is to be sent of a campaign by a function of yours, each offer at most once, at most so many a
        minute, and at most `limit` this time.

        Consent, account and address are asked once more before each. An offer is recorded as being sent before `by` is
        called, and as sent once it has returned; whatever it raises ends the run, and leaves that offer in doubt.
        Nothing is sent of a campaign that doesn't run, whose coupon
        is over, nor in the quiet hours of the rules; the report says so.
        `on_progress` is called with (offers tried so far, offers there are to try).

        Raises NotFound for a campaign that isn't there, Rejected `nothing_to_send` for one without a text, ValueError
        for a `per_minute` or a `limit` that isn't above 0.
        """
        return self.send_through(campaign_id, by_hand(by), per_minute=per_minute, limit=limit, on_progress=on_progress)

    def send_through(
        self,
        campaign_id: str,
        carry: Carry,
        *,
        host: str = NO_HOST,
        per_minute: float | None = None,
        limit: int | None = None,
        on_progress: Progress | None = None,
    ) -> SendingReport:
        """Send a campaign as `send` does, through what knows itself what became of each offer, as a mail server does.

        `host` is the domain in the ids of the messages. Raises as `send`, and what `carry` raises.
        """
        return send_offers(
            self._session,
            self._transacting,
            campaign_id,
            carry,
            host=host,
            per_minute=per_minute,
            limit=limit,
            on_progress=on_progress,
        )

    def take_returned(self, path: str | Path, *, on_progress: ReturnsProgress | None = None) -> ReturnsReport:
        """Record what came back of offers by mail: bounces, and those who unsubscribe; from an mbox or .eml file.

        The same mail again changes nothing. `on_progress` is called with (bytes read so far, bytes there are or None,
        mails read so far). Raises NotFound where the file can't be opened or holds no mail, StoreUnusable where it
        can't be read to its end; what stood before that is recorded.
        """
        return take_returned(self._session, self._transacting, path, on_progress)
