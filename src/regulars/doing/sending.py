"""Sending the offers of a campaign, one after the other, each at most once.

1. Consent, account and address are asked once more, in the state that holds at that moment: whoever doesn't pass any
   more is skipped, and stays in their arm.
2. That an offer is being sent is recorded before it goes out, and that it was sent after. Whoever is killed between
   leaves it in doubt: it is listed, and never sent again.
3. A campaign that is paused, ended or over sends nothing, nor does any in the quiet hours of the rules.

Two processes may send one campaign: of each offer one of them records first that it is being sent.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime, time, timedelta
from itertools import islice
from secrets import token_hex
from time import monotonic, sleep
from zoneinfo import ZoneInfo

from msgspec import Struct

from regulars.adapters.progress import Progress
from regulars.asking.campaign_audience import stand_before_gates
from regulars.asking.campaign_gates import REACHED_BY, gates
from regulars.asking.campaigns import OfferQuery, OfferView, campaign_events, find_campaign, find_offers, state_of
from regulars.asking.one_customer import Contact, read_contacts
from regulars.asking.paging import MAX_PAGE
from regulars.crm_domain.campaign import CampaignPlan, CampaignState
from regulars.crm_domain.command import Command
from regulars.crm_domain.errors import Rejected
from regulars.crm_domain.instant import to_datetime
from regulars.crm_domain.offer import RecordOfferBounced, RecordOfferSending, RecordOfferSent, SkipOffer, WhySkipped
from regulars.doing.transacting import Transacting
from regulars.projections.campaigns import CampaignRules
from regulars.projections.offers import OfferState
from regulars.sending.message import filled_in, message_id_of
from regulars.sending.values import Attempt, Carry, OutgoingOffer, SendingReport
from regulars.session.freshness import freshness_of
from regulars.session.session import Session

#: What is asked once more when an offer is sent; how often somebody was drawn was settled by the draw.
_ASKED_AGAIN: frozenset[WhySkipped] = frozenset({"closed", "no_consent", "no_address"})
#: How often an offer is tried in one run where the server puts it off.
ATTEMPTS = 3
#: The contacts of so many are read together.
_AT_ONCE = 200
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
    and whatever `carry` raises.
    """
    run = _Run(session, transacting, campaign_id, carry, host)
    pace, total = _Pace(per_minute), _left(session, campaign_id)
    wanted = total if limit is None else min(limit, total)
    for done, offer in enumerate(_offers(session, campaign_id, "assigned")):
        if done >= wanted or run.stopped is not None:
            break
        pace.wait()
        run.send(offer)
        if on_progress is not None:
            on_progress(done + 1, wanted)
    run.try_again(pace)
    return run.report(_left(session, campaign_id))


def find_outgoing(session: Session, campaign_id: str, *, in_doubt: bool) -> Iterator[OutgoingOffer]:
    """The offers that are still to be sent, or those in doubt, with addresses and texts. Raises NotFound."""
    with session.store.reading() as tx:
        plan = state_of(campaign_events(session, tx, campaign_id)).plan
    assert plan is not None
    offers = _offers(session, campaign_id, "sending" if in_doubt else "assigned")
    while some := list(islice(offers, _AT_ONCE)):
        with session.store.reading() as tx:
            families = tx.families(each.customer_id for each in some)
            members = [families.members(each.customer_id) for each in some]
            contacts = read_contacts(tx, {each for family in members for each in family})
        for offer, family in zip(some, members, strict=True):
            yield _outgoing(offer, plan, [contacts[each] for each in family], "")


def _offers(session: Session, campaign_id: str, state: OfferState) -> Iterator[OfferView]:
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


def _left(session: Session, campaign_id: str) -> int:
    session.catch_up()
    counts = find_campaign(session, campaign_id, None, freshness_of(False, None)).counts
    return sum(each.families for each in counts if (each.arm, each.state) == ("treated", "assigned"))


class _Run:
    """One run of sending: what it did so far."""

    def __init__(self, session: Session, transacting: Transacting, campaign_id: str, carry: Carry, host: str) -> None:
        self._session = session
        self._transacting = transacting
        self._campaign_id = campaign_id
        self._carry = carry
        self._host = host
        self._counts = Counter[str]()
        self._skipped = Counter[str]()
        self._again: list[OutgoingOffer] = []
        self.stopped: _Stop | None = None

    def send(self, offer: OfferView) -> None:
        """Send one offer, unless it mustn't be sent now, or to them."""
        found = self._ready(offer)
        match found:
            case _Stop():
                self.stopped = found
            case SkipOffer(why=why):
                if self._record(found):
                    self._skipped[why] += 1
            case OutgoingOffer():
                self._attempt(found)

    def try_again(self, pace: _Pace) -> None:
        """Try again what was put off once it was known to be sent: nothing was taken, so it is no second message."""
        for _ in range(ATTEMPTS - 1):
            again, self._again = self._again, []
            for offer in again:
                pace.wait()
                self._attempt(offer)
        self._counts["in_doubt"] += len(self._again)

    def report(self, left: int) -> SendingReport:
        """What it did."""
        counts, stopped = self._counts, self.stopped
        return SendingReport(
            sent=counts["sent"],
            skipped=dict(sorted(self._skipped.items())),
            bounced=counts["refused"],
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
            viewpoint, at = session.viewpoint(tx), session.now()
            state = state_of(campaign_events(session, tx, self._campaign_id))
            stop = _stopped(state, viewpoint.ruleset.campaigns, at, viewpoint.rules.zone)
            if stop is not None:
                return stop
            assert state.plan is not None
            members = session.members(tx, offer.customer_id)
            (unit,) = stand_before_gates(session, tx, viewpoint, self._campaign_id, state.plan, [members], at)
            for gate in gates(unit.standing, state.plan, viewpoint.ruleset.campaigns):
                if gate.name in _ASKED_AGAIN and not gate.passes:
                    return SkipOffer(
                        customer=offer.customer_id,
                        offer_id=offer.offer_id,
                        campaign_id=self._campaign_id,
                        why=gate.name,
                    )
            contacts = read_contacts(tx, members)
        message_id = message_id_of(offer.offer_id, token_hex(6), self._host)
        return _outgoing(offer, state.plan, [contacts[each] for each in members], message_id)

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
        if attempt.fate == "put_off" and begun:
            self._again.append(offer)
            return
        self._counts[attempt.fate] += 1
        self._note(offer, attempt)

    def _note(self, offer: OutgoingOffer, attempt: Attempt) -> None:
        if attempt.fate == "sent":
            self._record(
                RecordOfferSent.model_validate(
                    {"offer_id": offer.offer_id, "channel": offer.channel, "message_id": offer.message_id}
                )
            )
        elif attempt.fate == "refused":
            self._record(RecordOfferBounced(offer_id=offer.offer_id, hard=attempt.hard))

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


def _outgoing(offer: OfferView, plan: CampaignPlan, contacts: list[Contact], message_id: str) -> OutgoingOffer:
    kind = REACHED_BY.get(plan.channel)
    addresses = [] if kind is None else [getattr(each, kind) for each in contacts]
    name = next((each.name for each in contacts if each.name), None)
    return OutgoingOffer(
        offer_id=offer.offer_id,
        campaign_id=offer.campaign_id,
        customer_id=offer.customer_id,
        ref=offer.ref,
        name=name,
        channel=plan.channel,
        address=next(filter(None, addresses), None),
        subject=plan.title,
        text=filled_in(plan.offer or "", name),
        message_id=message_id,
    )


# ------------------------------------------------------------------------------------------ whether now, and how fast


def _stopped(state: CampaignState, rules: CampaignRules, at: int, zone: ZoneInfo) -> _Stop | None:
    """Why nothing of a campaign is sent at an instant, if so. Raises Rejected for one without a text."""
    assert state.plan is not None
    if state.plan.offer is None:
        raise Rejected("nothing_to_send", "this campaign has no text to send; ChangeCampaign gives it an `offer`")
    if state.status != "running":
        said = "isn't launched yet" if state.status == "planned" else f"is {state.status}"
        return _Stop(f"the campaign {said}")
    moment = to_datetime(at).astimezone(zone)
    if state.plan.offer_until is not None and moment.date() > state.plan.offer_until:
        return _Stop(f"its offer ended on {state.plan.offer_until}")
    if state.plan.offer_from is not None and moment.date() < state.plan.offer_from:
        return _Stop(
            f"its offer begins on {state.plan.offer_from}", datetime.combine(state.plan.offer_from, time(), zone)
        )
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
        self._pause = 0.0 if per_minute is None else 60 / per_minute
        self._next = monotonic()

    def wait(self) -> None:
        """Wait until the next one may go."""
        now = monotonic()
        if now < self._next:
            sleep(self._next - now)
        self._next = max(now, self._next) + self._pause


def by_hand(send: Callable[[OutgoingOffer], None]) -> Carry:
    """A function that sends an offer, as what carries it: it is recorded before that it is called."""

    def carry(offer: OutgoingOffer, about_to: Callable[[], None]) -> Attempt:
        about_to()
        send(offer)
        return Attempt(fate="sent")

    return carry
