"""Sending the offers of a campaign, one after the other, each at most once.

1. Consent, account and address are asked once more, in the state that holds at that moment: whoever doesn't pass any
   more is skipped, and stays in their arm.
2. That an offer is being sent is recorded before it goes out, and that it was sent after. Whoever is killed between
   leaves it in doubt: it is listed, and never sent again unless somebody says that it wasn't sent. What a server puts
   off or refuses it didn't take: that is recorded as not sent.
3. A campaign that is paused, ended or over sends nothing, nor does one whose coupon is over, nor any in the quiet hours
   of the rules.
4. What a server refuses for another reason than the address bounced, where it takes those of others. Where it refuses
   several in a row it refuses us: then nobody's offer bounced, and the run ends.

Two processes may send one campaign: of each offer one of them records first that it is being sent.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime, time, timedelta
from secrets import token_hex
from time import monotonic, sleep
from zoneinfo import ZoneInfo

from msgspec import Struct
from msgspec.structs import replace

from regulars.adapters.progress import Progress
from regulars.asking.campaign_coupon import require_coupon
from regulars.asking.campaigns import OfferView
from regulars.crm_domain.command import Command
from regulars.crm_domain.errors import Rejected
from regulars.crm_domain.instant import to_datetime
from regulars.crm_domain.offer import (
    RecordOfferBounced,
    RecordOfferNotSent,
    RecordOfferSending,
    RecordOfferSent,
    SkipOffer,
)
from regulars.doing.outgoing import Followed, Sendable, count_left, judged_now, offers_in, outgoing
from regulars.doing.transacting import Transacting
from regulars.projections.campaigns import CampaignRules
from regulars.sending.message import message_id_of
from regulars.sending.values import Attempt, Carry, OutgoingOffer, SendingReport
from regulars.session.session import Session

#: So many refusals in a row, of which none is its address's fault, are of whoever sends.
REFUSED_IN_A_ROW = 5
#: What a message is called by where no mail server names itself.
NO_HOST = "regulars.invalid"


class _Stop(Struct, frozen=True):
    """Why nothing is sent now, and until when, where that is known."""

    why: str
    until: datetime | None = None


def send_offers(
    session: Session,
    transacting: Transacting,
    campaign_id: str,
    carry: Carry,
    *,
    host: str = NO_HOST,
    per_minute: float | None = None,
    limit: int | None = None,
    on_progress: Progress | None = None,
) -> SendingReport:
    """Send what is to be sent of a campaign. Raises NotFound, Rejected `nothing_to_send` for a campaign without a text,
    ValueError for a pace or a limit that isn't above 0, and whatever `carry` raises.
    """
    if limit is not None and limit < 1:
        raise ValueError(f"limit is how many are sent at most, 1 or more, not {limit}")
    run, pace = _Run(session, transacting, campaign_id, carry, host), _Pace(per_minute)
    total = count_left(session, campaign_id)
    wanted = total if limit is None else min(limit, total)
    for done, offer in enumerate(offers_in(session, campaign_id, "assigned")):
        if done >= wanted or run.stopped is not None:
            break
        pace.wait()
        if run.send(offer):
            pace.follow()
        if on_progress is not None:
            on_progress(done + 1, wanted)
    run.finish()
    return run.report(count_left(session, campaign_id))


class _Run:
    """One run of sending: what it did so far. Of `refused` it isn't known yet whose fault it is."""

    def __init__(self, session: Session, transacting: Transacting, campaign_id: str, carry: Carry, host: str) -> None:
        self._session = session
        self._transacting = transacting
        self._campaign = Followed(session, campaign_id)
        self._carry = carry
        self._host = host
        self._counts = Counter[str]()
        self._skipped = Counter[str]()
        self._refused: list[OutgoingOffer] = []
        self.stopped: _Stop | None = None

    def send(self, offer: OfferView) -> bool:
        """Send one offer, unless it mustn't be sent now, or to them; whether it was tried."""
        found = self._ready(offer)
        match found:
            case _Stop():
                self.stopped = found
            case SkipOffer(why=why):
                if self._record(found):
                    self._skipped[why] += 1
            case OutgoingOffer():
                self._attempt(found)
        return isinstance(found, OutgoingOffer)

    def finish(self) -> None:
        """Nothing more is sent: what was refused last bounced, if anything was taken from us."""
        if self._counts["sent"]:
            self._bounce_refused()
        else:
            self._counts["put_off"] += len(self._refused)

    def report(self, left: int) -> SendingReport:
        """What it did."""
        counts, stopped = self._counts, self.stopped
        return SendingReport(
            sent=counts["sent"],
            skipped=dict(sorted(self._skipped.items())),
            bounced=counts["bounced"],
            put_off=counts["put_off"],
            in_doubt=counts["in_doubt"],
            elsewhere=counts["elsewhere"],
            left=left,
            stopped=None if stopped is None else stopped.why,
            until=None if stopped is None else stopped.until,
        )

    def _ready(self, offer: OfferView) -> OutgoingOffer | SkipOffer | _Stop:
        """What is to be sent, unless they don't pass a gate any more, or nothing is sent now; in one snapshot."""
        session = self._session
        with session.store.reading() as tx:
            viewpoint, campaign = session.viewpoint(tx), self._campaign.read(tx)
            stop = _stopped(campaign, viewpoint.ruleset.campaigns, session.now(), viewpoint.rules.zone)
            if stop is not None:
                return stop
            (judged,) = judged_now(session, tx, campaign, [offer])
            if judged.fails is not None:
                return SkipOffer(
                    customer=offer.customer_id,
                    offer_id=offer.offer_id,
                    campaign_id=offer.campaign_id,
                    why=judged.fails,
                )
            (found,) = outgoing(session, tx, campaign, [judged])
        return replace(found, message_id=message_id_of(offer.offer_id, token_hex(6), self._host))

    def _attempt(self, offer: OutgoingOffer) -> None:
        begun = False

        def about_to() -> None:
            nonlocal begun
            self._transacting.carry_out([RecordOfferSending(offer_id=offer.offer_id, message_id=offer.message_id)])
            begun = True

        try:
            attempt = self._carry(offer, about_to)
        except Rejected as refused:
            if refused.code not in ("offer_sent", "offer_skipped"):
                raise
            self._counts["elsewhere"] += 1
            return
        self._note(offer, attempt, begun=begun)

    def _note(self, offer: OutgoingOffer, attempt: Attempt, *, begun: bool) -> None:
        match attempt:
            case Attempt(fate="sent"):
                self._bounce_refused()
                self._counts["sent"] += self._record(
                    RecordOfferSent.model_validate(
                        {"offer_id": offer.offer_id, "channel": offer.channel, "message_id": offer.message_id}
                    )
                )
            case Attempt(fate="refused", hard=True):
                self._counts["bounced"] += self._record(RecordOfferBounced(offer_id=offer.offer_id, hard=True))
            case Attempt(fate="in_doubt"):
                self._counts["in_doubt"] += 1
            case Attempt(fate=fate) if not begun or self._record(RecordOfferNotSent(offer_id=offer.offer_id)):
                if fate == "refused":
                    self._hold(offer, attempt)
                else:
                    self._counts["put_off"] += 1

    def _hold(self, offer: OutgoingOffer, attempt: Attempt) -> None:
        self._refused.append(offer)
        if len(self._refused) == REFUSED_IN_A_ROW:
            said = f", and said: {attempt.said}" if attempt.said else ""
            self.stopped = _Stop(f"{REFUSED_IN_A_ROW} offers in a row were refused, whatever their address{said}")
            self._counts["put_off"] += len(self._refused)
            self._refused = []

    def _bounce_refused(self) -> None:
        """What was refused while others are taken bounced for its own sake, though its address may work."""
        for each in self._refused:
            self._counts["bounced"] += self._record(RecordOfferBounced(offer_id=each.offer_id, hard=False))
        self._refused = []

    def _record(self, command: Command) -> bool:
        """Record a command; False where another process was quicker."""
        try:
            self._transacting.carry_out([command])
        except Rejected as refused:
            if refused.code != "offer_sent":
                raise
            self._counts["elsewhere"] += 1
            return False
        return True


# ------------------------------------------------------------------------------------------ whether now, and how fast


def _stopped(campaign: Sendable, rules: CampaignRules, at: int, zone: ZoneInfo) -> _Stop | None:
    """Why nothing of a campaign is sent at an instant, if so. Raises Rejected for one without a text."""
    plan, status = campaign.plan, campaign.state.status
    if plan.offer is None:
        raise Rejected("nothing_to_send", "this campaign has no text to send; ChangeCampaign gives it an `offer`")
    if status != "running":
        said = "isn't launched yet" if status == "planned" else f"is {status}"
        return _Stop(f"the campaign {said}")
    moment = to_datetime(at).astimezone(zone)
    if plan.offer_until is not None and moment.date() > plan.offer_until:
        return _Stop(f"its offer ended on {plan.offer_until}")
    if plan.offer_from is not None and moment.date() < plan.offer_from:
        return _Stop(f"its offer begins on {plan.offer_from}", datetime.combine(plan.offer_from, time(), zone))
    try:
        require_coupon(plan, campaign.coupon, at, zone.key)
    except Rejected as refused:
        return _Stop(str(refused))
    until = quiet_until(rules, moment)
    return None if until is None else _Stop("these are quiet hours", until)


def quiet_until(rules: CampaignRules, moment: datetime) -> datetime | None:
    """When the quiet hours are over in which a local moment lies; None where it lies in none."""
    if rules.quiet_from is None or rules.quiet_to is None:
        return None
    begins, ends, now = time.fromisoformat(rules.quiet_from), time.fromisoformat(rules.quiet_to), moment.time()
    is_quiet = begins <= now < ends if begins < ends else now >= begins or now < ends
    if not is_quiet:
        return None
    day = moment.date() if now < ends else moment.date() + timedelta(days=1)
    return datetime.combine(day, ends, moment.tzinfo)


class _Pace:
    """At most so many a minute, evenly."""

    def __init__(self, per_minute: float | None) -> None:
        if per_minute is not None and not per_minute > 0:
            raise ValueError(f"per_minute is how many are sent in a minute at most, more than 0, not {per_minute}")
        self._pause = 0.0 if per_minute is None else 60 / per_minute
        self._may_go_at = monotonic()

    def wait(self) -> None:
        """Wait until the next one may go."""
        now = monotonic()
        if now < self._may_go_at:
            sleep(self._may_go_at - now)
        self._may_go_at = max(now, self._may_go_at)

    def follow(self) -> None:
        """One went: the next one follows it by its distance. Who is skipped keeps nobody waiting."""
        self._may_go_at += self._pause


def by_hand(send: Callable[[OutgoingOffer], None]) -> Carry:
    """A function that sends an offer, as what carries it: it is recorded before that it is called."""

    def carry(offer: OutgoingOffer, about_to: Callable[[], None]) -> Attempt:
        about_to()
        send(offer)
        return Attempt(fate="sent")

    return carry
