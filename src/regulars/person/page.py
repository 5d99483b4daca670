"""The data export of one person as a page of plain text, for that person to read.

Lines are at most 80 columns wide, but for words that are longer. Days are those of the business. Text from outside is
stripped of the characters that a terminal or an editor would act on.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from regulars.adapters.log.codec import personal_fields
from regulars.asking.consents import Consent
from regulars.asking.views import SegmentView, VerdictView
from regulars.crm_domain.customer import FIRM
from regulars.crm_domain.event import Event, Recorded
from regulars.crm_domain.instant import to_datetime
from regulars.crm_domain.rulebook import short
from regulars.person.values import Identity, Opportunity, PersonExport, Purchase, Ticket
from regulars.wording.plain_text import clean
from regulars.wording.sentences import narrate, other_id

WIDTH = 80

_BESIDE_DAYS = " " * len("2024-01-01  ")
_FIELDS = {"ref": "reference", "email": "e-mail", "phone": "phone number", "locale": "language"}
_TITLES = {"stage": "Stage", "tier": "Tier", "risk": "Risk of leaving"}
_BARRED = {
    "closed": "Their account is closed, so they can't be contacted.",
    "forgotten": "They were forgotten, so they can't be contacted.",
    "unknown": "They are not registered yet, so they can't be contacted.",
}


def person_page(person: PersonExport) -> str:
    """Everything held about one person, section by section; an empty section is left out."""
    return _Page(person).text()


class _Page:
    def __init__(self, person: PersonExport) -> None:
        self._person = person
        self._zone = ZoneInfo(person.zone)
        self._called = {str(each.id): each.ref or f"id:{each.id}" for each in person.identities}

    def text(self) -> str:
        """The whole page."""
        survivor = self._person.identities[0]
        unnamed = "somebody who was forgotten" if self._person.forgotten else f"id:{survivor.id}"
        title = list(_paragraph(f"Everything held about {survivor.name or survivor.ref or unnamed}"))
        lines = [*title, "=" * min(max(map(len, title)), WIDTH), "", *self._beginning()]
        for heading, section in self._sections():
            written = list(section)
            if written:
                lines += ["", "", heading, "-" * len(heading), "", *written]
        return "\n".join(lines) + "\n"

    def _sections(self) -> Iterator[tuple[str, Iterator[str]]]:
        yield "Who this is", self._who()
        yield "Names and contact details over time", self._details()
        yield "What is worked out about them", self._verdicts()
        yield "What they agreed to be contacted for", self._consents()
        yield "What they bought", self._purchases()
        yield "Coupon codes that they were given", self._coupons()
        yield "What was said", self._said()
        yield "Tickets", self._tickets()
        yield "What is to be done for them", self._tasks()
        yield "Opportunities", self._opportunities()
        yield "Quotes and contracts", self._selling()
        yield "Membership", self._membership()
        yield "Who they are one with, and who brought them", self._links()
        yield "Refused rows of imports that name them", self._rejects()
        yield "Everything that was recorded", self._events()
        yield "What else is kept", self._traces()

    # ------------------------------------------------------------------------------------------------------ sections

    def _beginning(self) -> Iterator[str]:
        moment = self._person.as_of.astimezone(self._zone)
        yield from _paragraph(
            f"As of {moment:%Y-%m-%d %H:%M %Z}. Days are those of {self._person.zone}. "
            "The JSON of this export says the same with every field."
        )
        forgotten = self._person.forgotten
        if forgotten is not None:
            cause = "" if forgotten.cause is None else f" ({forgotten.cause})"
            events = len(self._person.events)
            counted = "1 event is" if events == 1 else f"{events:,} events are"
            yield ""
            yield from _paragraph(
                f"This person was forgotten on {self._day(forgotten.at)}{cause}. What named or described them was "
                f"destroyed, and nobody can read it any more. What remains has no name: {counted} kept under "
                f"{', '.join(f'id:{each.id}' for each in self._person.identities)}, and what was counted of them."
            )

    def _who(self) -> Iterator[str]:
        for number, identity in enumerate(self._person.identities):
            if number:
                yield from ("", "Merged into this one:", "")
            for name, value in self._facts_about(identity):
                if value:
                    yield from _paragraph(value, f"{name:<18}")

    def _facts_about(self, identity: Identity) -> Iterator[tuple[str, str | None]]:
        source = "" if identity.source is None else f", through {identity.source}"
        yield "Id", f"id:{identity.id}"
        yield "Reference", identity.ref
        yield "Name", identity.name
        yield "E-mail", identity.email
        yield "Phone number", identity.phone
        yield "Birthday", identity.birthday
        yield "Language", identity.locale
        yield "Known since", f"{self._day(identity.registered_at)}{source}"
        yield "Is", "a firm" if identity.kind == FIRM else None
        for each in identity.works_for:
            days = (f"since {each.since}" if each.since else None, f"until {each.until}" if each.until else None)
            yield "Works for", ", ".join(filter(None, (f"id:{each.firm_id}", each.role, *days)))
        yield "Account", identity.status
        yield "Qualified", "as a lead" if identity.qualified else None
        yield "Looked after by", identity.owner
        yield "Tags", ", ".join(identity.tags)
        yield "Preferences", "; ".join(f"{key}: {value}" for key, value in identity.preferences)
        yield "Wants to leave", "yes" if identity.cancelling else None
        reasons = (identity.churn_cause, identity.churn_detail)
        yield "Reason to leave", ": ".join(each for each in reasons if each) or None

    def _details(self) -> Iterator[str]:
        for number, identity in enumerate(self._person.identities):
            whose = f" ({self._name_of(identity.id)})" if number else ""
            for detail in identity.details:
                value = "taken away" if detail.value is None else str(detail.value)
                yield from self._dated(detail.at, f"{_FIELDS.get(detail.field, detail.field)}: {value}{whose}")

    def _verdicts(self) -> Iterator[str]:
        if self._person.verdicts:
            yield from _paragraph(f"By the rules {short(self._person.rules_digest)}, from what was recorded.")
        if self._person.parked is not None:
            yield from _paragraph(self._person.parked)
        for verdict in self._person.verdicts:
            yield ""
            yield from self._verdict(verdict)
        for segment in self._person.segments:
            if segment.inside:
                yield ""
                yield from self._segment(segment)

    def _segment(self, segment: SegmentView) -> Iterator[str]:
        titled = "" if segment.title is None else f" ({segment.title})"
        yield from _paragraph(f"Segment {segment.id}{titled}: in since {self._day(segment.since)}.")
        for clause in segment.clauses:
            if clause.holds:
                yield from _paragraph(clause.sentence, "- ")

    def _verdict(self, verdict: VerdictView) -> Iterator[str]:
        score = "" if verdict.score is None else f", {verdict.score} of 100"
        title = _TITLES.get(verdict.lane, verdict.lane.capitalize().replace("_", " "))
        yield from _paragraph(f"{title}: {verdict.value}{score}, since {self._day(verdict.since)}.")
        for clause in verdict.reasons:
            share = "" if clause.contribution is None else f"{clause.contribution:+d}: "
            yield from _paragraph(f"{share}{clause.sentence}", "- ")
        if verdict.next is not None:
            following = verdict.next
            then = "" if following.score is None else f", {following.score} of 100,"
            yield from _paragraph(
                f"Next: {following.value}{then} from {self._day(following.since)} on, if nothing happens."
            )

    def _consents(self) -> Iterator[str]:
        told = self._person.consents
        if told.consents and told.barred is not None:
            yield from _paragraph(_BARRED[told.barred])
            yield ""
        for consent in told.consents:
            yield from self._consent(consent)

    def _consent(self, consent: Consent) -> Iterator[str]:
        word = "yes" if consent.given else "no"
        yield from _paragraph(f"For {consent.purpose} by {consent.channel}: {word}")
        for each in consent.words:
            said = "agreed" if each.given else "withdrew"
            why = "" if each.reason is None else f", because: {each.reason}"
            yield from self._dated(each.said_at, f"{said}, written down by {each.actor}{why}")

    def _purchases(self) -> Iterator[str]:
        for each in self._person.purchases:
            yield from self._purchase(each)

    def _purchase(self, bought: Purchase) -> Iterator[str]:
        channel = "" if bought.channel is None else f" by {bought.channel}"
        coupon = "" if bought.coupon is None else f" with coupon {bought.coupon}"
        what = f"order {bought.order_id} of {bought.amount} {bought.currency}{channel}{coupon}"
        yield from self._dated(bought.at, what)
        for line in bought.lines:
            amount = "" if line.amount is None else f", {line.amount} {bought.currency}"
            yield from _paragraph(f"{line.quantity} x {line.sku}{amount}", _BESIDE_DAYS)
        for back in bought.returns:
            number = "" if back.return_id is None else f" ({back.return_id})"
            yield from self._dated(back.at, f"{back.amount} {bought.currency} of {bought.order_id} came back{number}")

    def _coupons(self) -> Iterator[str]:
        for each in self._person.coupons:
            code = "" if each.code is None else f": {each.code}"
            yield from self._dated(each.at, f"coupon {each.coupon_id}{code}")

    def _said(self) -> Iterator[str]:
        said: list[tuple[datetime, str, str | None]] = []
        for each in self._person.interactions:
            way = "from them" if each.direction == "inbound" else "to them"
            said.append((each.at, f"{each.channel}, {way}", each.summary))
        said += (
            (each.at, f"{each.survey.upper()} answer: {each.score}", each.comment) for each in self._person.answers
        )
        said += ((each.at, "note", each.text) for each in self._person.notes)
        for at, what, text in sorted(said, key=lambda each: each[0]):
            yield from self._dated(at, what)
            yield from _quoted(text)

    def _opportunities(self) -> Iterator[str]:
        for each in self._person.opportunities:
            yield from self._opportunity(each)

    def _opportunity(self, opportunity: Opportunity) -> Iterator[str]:
        closing = opportunity.expected_close
        words = [
            f"opportunity {opportunity.opportunity_id}",
            None if opportunity.amount is None else f"{opportunity.amount} {opportunity.currency}",
            opportunity.status if opportunity.reason is None else f"{opportunity.status}: {opportunity.reason}",
            f"in {opportunity.pipeline}, {opportunity.stage}",
            None if opportunity.owner is None else f"looked after by {opportunity.owner}",
            None if opportunity.source is None else f"through {opportunity.source}",
            None if closing is None else f"expected to close by {closing.isoformat()}",
            None if opportunity.firm_id is None else f"for the firm id:{opportunity.firm_id}",
            None if opportunity.quote_id is None else f"by quote {opportunity.quote_id}",
        ]
        yield from self._dated(opportunity.opened_at, ", ".join(word for word in words if word))
        yield from _quoted(opportunity.title)
        yield from _quoted(opportunity.detail)

    def _tickets(self) -> Iterator[str]:
        for each in self._person.tickets:
            yield from self._ticket(each)

    def _ticket(self, ticket: Ticket) -> Iterator[str]:
        words = (
            f"ticket {ticket.ticket_id}",
            ticket.status,
            f"priority {ticket.priority}",
            None if ticket.channel is None else f"by {ticket.channel}",
            "a complaint" if ticket.complaint else None,
            None if ticket.topic is None else f"about {ticket.topic}",
            None if ticket.agent is None else f"looked after by {ticket.agent}",
            None if ticket.follows is None else f"following {ticket.follows}",
            None if ticket.rating is None else f"rated {ticket.rating} of 5",
        )
        yield from self._dated(ticket.opened_at, ", ".join(word for word in words if word))
        yield from _quoted(ticket.subject)
        for said in ticket.messages:
            yield from self._dated(said.at, f"said by {'them' if said.by == 'customer' else 'an agent'}")
            yield from _quoted(said.message)
        if ticket.comment is not None:
            yield from _paragraph("said with the rating:", _BESIDE_DAYS)
            yield from _quoted(ticket.comment)

    def _tasks(self) -> Iterator[str]:
        for each in self._person.tasks:
            words = (
                f"task {each.task_id}",
                each.status,
                None if each.due is None else f"due {each.due:%Y-%m-%d}",
                each.repeats,
                None if each.owner is None else f"looked after by {each.owner}",
                None if each.ticket_id is None else f"about ticket {each.ticket_id}",
                None if each.opportunity_id is None else f"about opportunity {each.opportunity_id}",
            )
            yield from self._dated(each.added_at, ", ".join(word for word in words if word))
            yield from _quoted(each.what)

    def _selling(self) -> Iterator[str]:
        for quote in self._person.quotes:
            for each in quote.revisions:
                until = "" if each.valid_until is None else f", valid until {each.valid_until}"
                said = f"quote {quote.quote_id}, revision {each.revision}, of {each.gross} {each.currency}{until}"
                yield from self._dated(each.at, f"{said}; the quote is {quote.status} now")
                for line in each.lines:
                    what = ": ".join(filter(None, (line.sku, line.description))) or None
                    price = f"{line.quantity} at {line.unit_price}"
                    said = ", ".join(filter(None, (what, price, f"tax {line.tax_rate} %")))
                    yield from _quoted(f"{said}: {line.amount}")
                yield from _quoted(each.exemption, before="exempt from tax: ")
                yield from _quoted(each.note, before="note: ")
            if quote.cause or quote.detail:
                yield from _paragraph(f"declined: {quote.cause or 'without a cause'}", _BESIDE_DAYS)
                yield from _quoted(quote.detail)
        for contract in self._person.contracts:
            until = "without an end" if contract.end is None else f"until {contract.end}"
            renews = "" if contract.renewal_months is None else f", then by {contract.renewal_months} months each"
            said = f"contract {contract.contract_id} of {contract.amount} {contract.currency}, {contract.status}"
            yield from self._dated(contract.signed_at, f"{said}, from {contract.start} {until}{renews}")
            yield from _quoted(contract.subject, before="about: ")
            yield from _quoted(contract.cause, before="ended: ")
            yield from _quoted(contract.detail, before="in words: ")

    def _membership(self) -> Iterator[str]:
        for each in self._person.memberships:
            program = "" if each.program is None else f" in {each.program}"
            until = "" if each.tier_until is None else f" until {self._day(each.tier_until)}"
            tier = "" if each.tier is None else f", with the tier {each.tier} given by hand{until}"
            yield from _paragraph(f"The membership{program} is {each.status}{tier}.")
        points = self._person.points
        if points is None:
            return
        balance = f"{-points.balance} owed" if points.balance < 0 else f"{points.balance} to spend"
        yield from _paragraph(
            f"Points: {balance}, {points.pending} pending; {points.spent} spent and {points.expired} expired so far."
        )
        for lot in points.lots:
            span = f"from {self._day(lot.available_at)} until {self._day(lot.expires_at)}"
            yield from _paragraph(f"{lot.points} {span}", "- ")

    def _links(self) -> Iterator[str]:
        for each in self._person.merges:
            away, survivor = self._name_of(each.customer_id), self._name_of(each.into_id)
            yield from self._dated(each.merged_at, f"{away} was merged into {survivor}")
            if each.undone_at is not None:
                yield from self._dated(each.undone_at, f"{away} and {survivor} were told apart again")
        for at in self._person.referred_at:
            yield from self._dated(at, "another customer was said to have brought them")

    def _rejects(self) -> Iterator[str]:
        for each in self._person.rejects:
            yield from _paragraph(f"{each.source}, line {each.line}: {each.reason}")
            yield from _quoted(each.text)

    def _events(self) -> Iterator[str]:
        for recorded in sorted(self._person.events, key=lambda each: (each.occurred_at, each.position)):
            yield from self._event(recorded)

    def _event(self, recorded: Recorded[Event]) -> Iterator[str]:
        event, catalogue = recorded.event, self._person._catalogue
        other = other_id(event, catalogue)
        sentence = narrate(
            event,
            catalogue,
            recorded.actor,
            self._name_of(recorded.customer_id),
            self._called.get(other) if other is not None else None,
        )
        occurred_at, recorded_at = to_datetime(recorded.occurred_at), to_datetime(recorded.recorded_at)
        late = f" (recorded on {self._day(recorded_at)})" if recorded_at - occurred_at >= timedelta(days=1) else ""
        yield from self._dated(occurred_at, f"{sentence}{late}")
        for field in personal_fields(type(event)):
            yield from _quoted(_in_words(getattr(event, field)), before=f"{_FIELDS.get(field, field)}: ")
        if recorded.reason is not None:
            yield from _quoted(recorded.reason, before="because: ")

    def _traces(self) -> Iterator[str]:
        kinds = sorted({_FIELDS.get(kind, kind) for each in self._person.identities for kind in each.lookups})
        if kinds:
            yield from _paragraph(f"They are found by keyed hashes of these: {', '.join(kinds)}.")
        commands = len(self._person.command_ids)
        if commands:
            kept = "1 command" if commands == 1 else f"{commands:,} commands"
            yield from _paragraph(f"The ids of {kept} are kept, so that none counts twice; the JSON names them.")

    # -------------------------------------------------------------------------------------------------------- pieces

    def _day(self, moment: datetime) -> str:
        return f"{moment.astimezone(self._zone):%Y-%m-%d}"

    def _name_of(self, customer_id: str) -> str:
        return self._called.get(customer_id) or f"id:{customer_id}"

    def _dated(self, moment: datetime, text: str) -> Iterator[str]:
        return _paragraph(text, f"{self._day(moment)}  ")


def _paragraph(text: str, column: str = "") -> Iterator[str]:
    """Text beside a column, wrapped to the width of the page. A longer word stays whole."""
    yield from textwrap.wrap(
        clean(text),
        WIDTH,
        initial_indent=column,
        subsequent_indent=" " * len(column),
        break_long_words=False,
        break_on_hyphens=False,
    )


def _in_words(value: str | date | tuple[str | None, ...] | None) -> str | None:
    """What a field of an event says; of several texts, those that there are."""
    match value:
        case None:
            return None
        case tuple():
            return "; ".join(filter(None, value)) or None
        case _:
            return str(value)


def _quoted(text: str | None, before: str = "") -> Iterator[str]:
    """Text that somebody wrote, line by line."""
    for number, line in enumerate((text or "").splitlines()):
        yield from _paragraph(line if number else before + line, _BESIDE_DAYS)
