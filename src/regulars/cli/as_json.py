"""Output of --json: plain ASCII, so that it survives every terminal and encoding."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, TextIO, cast

import msgspec

from regulars.adapters.checking.result import RecordCheck
from regulars.adapters.importing import Proposal
from regulars.adapters.importing import Row as ImportedRow
from regulars.adapters.read_models.verifying import Verification
from regulars.adapters.schema.builds import Row
from regulars.adapters.sealing.checking import SealCheck
from regulars.adapters.sealing.sealing import Sealing
from regulars.adapters.vault.erasing import OwnerNeeded
from regulars.adapters.vault.quarantine import Reject
from regulars.asking.audit import AuditEntry
from regulars.asking.consents import Consents, Contactable
from regulars.asking.desk import Points, TicketView
from regulars.asking.dicts import to_dict
from regulars.asking.dismissals import Dismissed
from regulars.asking.due import DueExplanation, DueItem, MostBought
from regulars.asking.duplicates import Duplicates
from regulars.asking.employments import Employment, Party
from regulars.asking.firms import Firm
from regulars.asking.forecasts import FittedModel, Forecast, ForecastPage
from regulars.asking.on_behalf import OpenOpportunity
from regulars.asking.one_ticket import WholeTicket
from regulars.asking.reminders import Reminder
from regulars.asking.search import SearchPage
from regulars.asking.segments import Attrition, SegmentCount, SegmentMember
from regulars.asking.service import Attainment, ServiceLine, ServiceReport
from regulars.asking.tasks import TaskView, WholeTask
from regulars.asking.value import Valued, ValuePage
from regulars.asking.views import Clause, Customer, Explanation, SegmentView, Span, Status, Timeline, VerdictView
from regulars.crm_domain.catalogue import Catalogue
from regulars.crm_domain.command import CustomerId
from regulars.crm_domain.instant import to_datetime
from regulars.doing.forgetting import Forgetting, Forgotten
from regulars.doing.importing import ImportReport
from regulars.doing.mail import MailReport
from regulars.doing.outcomes import Outcome
from regulars.profile.values import CustomerPage, Few, Said
from regulars.projections.rules.grammar import Ruleset
from regulars.rules_door.difference import ExplainedMove, Move, RulesDifference
from regulars.rules_door.measuring import MeasuredGap, MeasuredGaps
from regulars.rules_door.programme import ProgrammeChange
from regulars.rules_door.publishing import Publication, RulesVersion
from regulars.today.values import DueLine, Today
from regulars.upkeep.keys import Rotation
from regulars.upkeep.read_models import GenerationView
from regulars.wording.sentences import describe

if TYPE_CHECKING:
    from regulars.adapters.archive.writing import Archived
    from regulars.asking.reports import Reported
    from regulars.restoring import Restoration

Object = dict[str, Any]


def write_json(stream: TextIO, value: object) -> None:
    """One value, indented."""
    stream.write(json.dumps(value, indent=2) + "\n")


def write_array(stream: TextIO, objects: Iterable[Object]) -> None:
    """An array with one object a line, written as they come: memory doesn't grow with their number."""
    before = "[\n"
    for each in objects:
        stream.write(before + json.dumps(each))
        before = ",\n"
    stream.write("[]\n" if before == "[\n" else "\n]\n")


def customer(each: Customer, currency: str | None) -> Object:
    """A customer as of an instant. Money is text; `id` can be given back as WHO."""
    return {
        "id": _id(each.id),
        "ref": each.ref,
        "name": each.name,
        "email": each.email,
        "phone": each.phone,
        "birthday": each.birthday,
        "stage": each.stage,
        "stage_since": each.stage_since.isoformat(),
        "tier": each.tier,
        "risk": each.risk,
        "risk_band": each.risk_band,
        "orders": each.orders,
        "net_spend": str(each.net_spend),
        "currency": currency,
        "first_order_at": _moment(each.first_order_at),
        "last_order_at": _moment(each.last_order_at),
        "last_heard_at": _moment(each.last_heard_at),
        "owner": each.owner,
        "source": each.source,
        "kind": each.kind,
        "tags": list(each.tags),
        "merged": list(each.merged),
        "as_of": each.as_of.isoformat(),
        "becomes_at": _moment(each.becomes_at),
        "parked": each.parked,
    }


def customer_page(page: CustomerPage) -> Object:
    """The page of a customer: the customer with the contact details of that instant, and each section."""
    told, standing = page.details, page.standing
    return customer(page.customer, page.currency) | {
        "ref": told.ref,
        "name": told.name,
        "email": told.email,
        "phone": told.phone,
        "birthday": told.birthday,
        "locale": told.locale,
        "account": told.status,
        "preferences": dict(told.preferences),
        "forgotten_at": _moment(page.forgotten_at),
        "verdicts": [
            {"verdict": one.lane, "value": one.value, "score": one.score, "since": one.since.isoformat()}
            | {"next": None if one.next is None else _span(one.next)}
            for one in standing.verdicts
        ],
        "segments": [
            {"id": one.id, "title": one.title, "since": one.since.isoformat(), "until": _moment(one.until)}
            for one in standing.segments
        ],
        "satisfaction": {
            "nps": standing.nps,
            "csat": standing.csat,
            "ask_again_at": _moment(standing.ask_again_at),
        },
        "due": {"found": [due_item(one) for one in standing.due], "more": standing.due_more},
        "consents": consents(page.consents),
        "points": None if page.points is None else points(page.points),
        "works_for": [employment(one) for one in page.works_for],
        "people": {"found": [employment(one) for one in page.people.found], "more": page.people.more},
        "reminders": {"found": [reminder(one) for one in page.reminders.found], "more": page.reminders.more},
        "tasks": {"found": [task(one) for one in page.tasks.found], "more": page.tasks.more},
        "tickets": {"found": [ticket(one) for one in page.tickets.found], "more": page.tickets.more},
        "opportunities": {
            "found": [_open_opportunity(one) for one in page.opportunities.found],
            "more": page.opportunities.more,
        },
        "quotes": {"found": [to_dict(one) for one in page.quotes.found], "more": page.quotes.more},
        "contracts": {"found": [to_dict(one) for one in page.contracts.found], "more": page.contracts.more},
        "offers": {"found": [to_dict(one) for one in page.offers.found], "more": page.offers.more},
        "conversations": _latest(page.conversations),
        "notes": _latest(page.notes),
        "timeline": timeline(page.timeline),
    }


def _open_opportunity(each: OpenOpportunity) -> Object:
    return {
        "opportunity_id": each.opportunity_id,
        "customer_id": _id(each.customer_id),
        "ref": each.ref,
        "title": each.title,
        "pipeline": each.pipeline,
        "stage": each.stage,
        "amount": str(each.amount),
        "probability": str(each.probability),
        "owner": each.owner,
        "entered_at": each.entered_at.isoformat(),
        "expected_close": None if each.expected_close is None else each.expected_close.isoformat(),
        "is_stale": each.is_stale,
    }


def _latest(each: Few[Said]) -> Object:
    found = [
        {"position": one.position, "at": one.at.isoformat(), "actor": one.actor, "what": one.what, "text": one.text}
        for one in each.found
    ]
    return {"found": found, "more": each.more}


def search_page(page: SearchPage) -> Object:
    """The texts that a search found, and how far it got; `after` can be given to --after."""
    found = [
        {
            "position": one.position,
            "id": None if one.customer_id is None else _id(one.customer_id),
            "ref": one.ref,
            "name": one.name,
            "at": one.at.isoformat(),
            "event": one.event,
            "what": one.what,
            "excerpt": one.excerpt,
            "text": one.text,
        }
        for one in page.found
    ]
    return {
        "found": found,
        "looked_through": page.looked_through,
        "unreadable": page.unreadable,
        "reached": _moment(page.reached),
        "after": page.after,
    }


def mail_report(each: MailReport) -> Object:
    """What an import of mail did."""
    return {
        "mails": each.mails,
        "recorded": each.recorded,
        "unchanged": each.unchanged,
        "nobody": each.nobody,
        "between_us": each.between_us,
        "automatic": each.automatic,
        "rejected": each.rejected,
        "attachments": each.attachments,
        "cut": each.cut,
        "unknown": [{"address": address, "mails": mails} for address, mails in each.unknown],
        "shared": [{"address": address, "mails": mails} for address, mails in each.shared],
        "rejects": [reject(one) for one in each.rejects],
        "dry_run": each.dry_run,
    }


def duplicates(each: Duplicates) -> Object:
    """Customers who may be the same, and what they share; an `id` can be given to MergeCustomers."""
    people = [{"id": _id(one.id), "ref": one.ref, "name": one.name} for one in each.customers]
    return {"shared": each.shared, "customers": people}


def dismissed(each: Dismissed) -> Object:
    """Two customers who were told apart."""
    return {"customers": [{"id": _id(one.id), "ref": one.ref, "name": one.name} for one in each.customers]}


def consents(each: Consents) -> Object:
    """What a customer agreed to, and every word they said on it in order of time; the last one counts."""
    return {
        "id": _id(each.customer_id),
        "ref": each.ref,
        "as_of": each.as_of.isoformat(),
        "barred": each.barred,
        "consents": [
            {
                "channel": one.channel,
                "purpose": one.purpose,
                "given": one.given,
                "said_at": one.said_at.isoformat(),
                "words": [
                    {
                        "given": word.given,
                        "said_at": word.said_at.isoformat(),
                        "recorded_at": word.recorded_at.isoformat(),
                        "actor": word.actor,
                        "reason": word.reason,
                        "position": word.position,
                        "id": _id(word.customer_id),
                    }
                    for word in one.words
                ],
            }
            for one in each.consents
        ],
    }


def contactable(each: Contactable) -> Object:
    """A customer who may be contacted."""
    return {
        "id": _id(each.id),
        "ref": each.ref,
        "name": each.name,
        "email": each.email,
        "phone": each.phone,
        "said_at": each.said_at.isoformat(),
    }


def valued(each: Valued) -> Object:
    """A customer and what they are worth. Money is text."""
    return to_dict(each) | {"id": _id(each.id)}


def value_page(page: ValuePage, customers: Iterable[Valued], currency: str | None) -> Object:
    """Customers by what they are worth, and what each band comes to."""
    return {
        "as_of": page.as_of.isoformat(),
        "currency": currency,
        "bands": [to_dict(each) for each in page.bands],
        "customers": [valued(each) for each in customers],
    }


def forecast(each: Forecast) -> Object:
    """What is expected of a customer. Orders and money are text."""
    return to_dict(each) | {"id": _id(each.id)}


def forecast_page(page: ForecastPage, customers: Iterable[Forecast], currency: str | None) -> Object:
    """Forecasts in order of value, and what all of them will come to together."""
    return {
        "as_of": page.as_of.isoformat(),
        "model": page.model.number,
        "horizon_days": page.model.fit.horizon_days,
        "annual_rate": str(page.annual_rate),
        "currency": currency,
        "looks_ahead": page.looks_ahead,
        "total": page.total,
        "summed": page.summed,
        "orders": None if page.orders is None else to_dict(page.orders),
        "value": None if page.value is None else to_dict(page.value),
        "customers": [forecast(each) for each in customers],
    }


def fitted_model(each: FittedModel) -> Object:
    """A model that was fitted, without its replicates."""
    fit = to_dict(each.fit)
    fit["as_of"] = to_datetime(each.fit.as_of).isoformat()
    del fit["replicates"], fit["type"], fit["model"]
    return {
        "number": each.number,
        "position": each.position,
        "fitted_at": each.fitted_at.isoformat(),
        "actor": each.actor,
        **fit,
        "held_out_is_outside": each.held_out_is_outside,
    }


def timeline(each: Timeline) -> Object:
    """The spans of each lane, in order; "tickets", "tasks", "opportunities", "quotes" and "contracts" are there for
    everyone, empty for who never had one.
    """
    verdicts = {lane: [_span(span) for span in spans] for lane, spans in each.lanes.items()}
    names = ("tickets", "tasks", "opportunities", "quotes", "contracts")
    beside = {name: getattr(each, name) for name in names}
    return verdicts | {name: [_span(span) for span in spans] for name, spans in beside.items()}


def audit_entry(each: AuditEntry) -> Object:
    """One event of the audit trail, with what it changed."""
    return {
        "position": each.position,
        "occurred_at": each.occurred_at.isoformat(),
        "recorded_at": each.recorded_at.isoformat(),
        "actor": each.actor,
        "type": each.type,
        "customer_id": None if each.customer_id is None else _id(each.customer_id),
        "ref": each.ref,
        "sentence": each.sentence,
        "reason": each.reason,
        "correlation_id": each.correlation_id,
        "causation_id": each.causation_id,
        "command_id": each.command_id,
        "changes": [{"field": change.field, "old": change.old, "new": change.new} for change in each.changes],
    }


def ticket(each: TicketView) -> Object:
    """A ticket as of an instant."""
    return {
        "ticket_id": each.ticket_id,
        "customer_id": _id(each.customer_id),
        "ref": each.ref,
        "status": each.status,
        "first_response": each.first_response,
        "resolution": each.resolution,
        "since": each.since.isoformat(),
        "until": _moment(each.until),
        "breaches_at": _moment(each.breaches_at),
        "subject": each.subject,
        "priority": each.priority,
        "agent": each.agent,
        "topic": each.topic,
        "holidays_unknown": list(each.holidays_unknown),
        "firm_id": None if each.firm_id is None else _id(each.firm_id),
        "firm_ref": each.firm_ref,
    }


def employment(each: Employment) -> Object:
    """Who works for whom; `since` and `until` are the first and the last day."""
    return {
        "person": _party(each.person),
        "firm": _party(each.firm),
        "role": each.role,
        "since": None if each.since is None else each.since.isoformat(),
        "until": None if each.until is None else each.until.isoformat(),
    }


def _party(each: Party) -> Object:
    return {"id": _id(each.id), "ref": each.ref, "name": each.name}


def firm(each: Firm, currency: str | None) -> Object:
    """A firm with its people; `orders` and `net_spend` are those of all of them together."""
    return {
        "firm": customer(each.customer, currency),
        "orders": each.orders,
        "net_spend": str(each.net_spend),
        "currency": currency,
        "people": [
            employment(one.employment)
            | {
                "customer": None if one.customer is None else customer(one.customer, currency),
                "tickets": list(map(ticket, one.tickets)),
            }
            for one in each.people
        ],
        "tickets": list(map(ticket, each.tickets)),
        "opportunities": list(map(_open_opportunity, each.opportunities)),
        "quotes": list(map(to_dict, each.quotes)),
        "contracts": list(map(to_dict, each.contracts)),
    }


def task(each: TaskView) -> Object:
    """A task as of an instant."""
    return {
        "task_id": each.task_id,
        "customer_id": None if each.customer_id is None else _id(each.customer_id),
        "ref": each.ref,
        "what": each.what,
        "value": each.value,
        "since": each.since.isoformat(),
        "due_at": _moment(each.due_at),
        "due_day": _day(each.due_day),
        "owner": each.owner,
        "ticket_id": each.ticket_id,
        "opportunity_id": each.opportunity_id,
        "starts": _day(each.starts),
        "repeats": each.repeats,
        "falls_on": _day(each.falls_on),
    }


def whole_task(each: WholeTask) -> Object:
    """One task with the reasons why it stands where it does, and all that happened to it."""
    return task(each.task) | {
        "as_of": each.as_of.isoformat(),
        "reasons": [_clause(clause) for clause in each.reasons],
        "values": [_ticket_span(span) for span in each.values],
        "events": [audit_entry(entry) for entry in each.events],
    }


def _day(each: date | None) -> str | None:
    return None if each is None else each.isoformat()


def service(each: ServiceReport) -> Object:
    """Service as of an instant, by group and in all."""
    return {
        "as_of": each.as_of.isoformat(),
        "since": _moment(each.since),
        "until": each.until.isoformat(),
        "by": each.by,
        "lines": [{"group": line.group} | service_line(line) for line in each.lines],
        "total": service_line(each.total),
        "holidays_unknown": list(each.holidays_unknown),
        "behind": each.behind,
    }


def service_line(each: ServiceLine) -> Object:
    """Service for a group of tickets; shares and their 95 % intervals are from 0 to 1."""
    return {
        "opened": each.opened,
        "first_response": _attainment(each.first_response),
        "resolution": _attainment(each.resolution),
        "backlog": each.backlog,
        "breached": each.breached,
    }


def _attainment(each: Attainment) -> Object:
    return {
        "kept": each.kept,
        "n": each.n,
        "share": each.share,
        "low": None if each.interval is None else each.interval.low,
        "high": None if each.interval is None else each.interval.high,
        "undecided": each.undecided,
    }


def whole_ticket(each: WholeTicket) -> Object:
    """One ticket with all that happened to it."""
    return ticket(each.ticket) | {
        "as_of": each.as_of.isoformat(),
        "opened_at": each.opened_at.isoformat(),
        "channel": each.channel,
        "complaint": each.complaint,
        "level": each.level,
        "follows": each.follows,
        "rating": each.rating,
        "comment": each.comment,
        "statuses": [_ticket_span(span) for span in each.statuses],
        "clocks": {name: [_ticket_span(span) for span in spans] for name, spans in each.clocks.items()},
        "times": {
            name: {"ran_seconds": time.ran.total_seconds(), "target_seconds": time.target.total_seconds()}
            for name, time in each.times.items()
        },
        "messages": [{"at": said.at.isoformat(), "by": said.by, "message": said.message} for said in each.messages],
        "events": [audit_entry(entry) for entry in each.events],
    }


def _ticket_span(span: Span) -> Object:
    return {"value": span.value, "since": span.since.isoformat(), "until": _moment(span.until)}


def points(each: Points) -> Object:
    """A member's points as of an instant, lot by lot."""
    return {
        "id": _id(each.customer_id),
        "as_of": each.as_of.isoformat(),
        "balance": each.balance,
        "pending": each.pending,
        "spent": each.spent,
        "expired": each.expired,
        "lots": [
            {
                "points": lot.points,
                "available_at": lot.available_at.isoformat(),
                "expires_at": lot.expires_at.isoformat(),
            }
            for lot in each.lots
        ],
    }


def due_item(each: DueItem) -> Object:
    """An item of a customer and whether it is due."""
    return {
        "customer_id": _id(each.customer_id),
        "ref": each.ref,
        "item": each.item,
        "value": each.value,
        "since": each.since.isoformat(),
        "until": _moment(each.until),
        "bought_at": each.bought_at.isoformat(),
        "buying_days": each.buying_days,
        "gap_days": round(each.gap.total_seconds() / 86_400, 3),
    }


def reminder(each: Reminder) -> Object:
    """Somebody to be reminded of, with how to settle it."""
    return {
        "care": each.care,
        "title": each.title,
        "customer_id": _id(each.customer_id),
        "ref": each.ref,
        "name": each.name,
        "day": each.day.isoformat(),
        "due": each.due.isoformat(),
        "named": each.named.isoformat(),
        "is_overdue": each.is_overdue,
        "since": each.since.isoformat(),
        "why": each.why,
        "owner": each.owner,
        "settle": each.how_to_settle,
    }


def today(found: Today) -> Object:
    """What is to be done, with all that is said of it."""
    return to_dict(found) | {"lines": [to_dict(each) | whose(each) for each in found.lines]}


def whose(line: DueLine) -> Object:
    """Whom a line is about, as an id that can be typed; None for nobody."""
    return {"customer_id": None if line.customer_id is None else _id(line.customer_id)}


def due_explanation(each: DueExplanation) -> Object:
    """An item of a customer with the reasons why it is due or not."""
    return due_item(each.item) | {"reasons": [_clause(clause) for clause in each.reasons]}


def most_bought(each: MostBought) -> Object:
    """An item that a customer bought on many days."""
    return {"item": each.item, "buying_days": each.buying_days, "bought_at": each.bought_at.isoformat()}


def measured_gaps(found: MeasuredGaps) -> Object:
    """The gaps of items as they were measured."""
    return {
        "as_of": found.as_of.astimezone(UTC).isoformat(),
        "customers": found.customers,
        "min_buyers": found.min_buyers,
        "left_out": found.left_out,
        "gaps": [_measured_gap(each) for each in found.gaps],
    }


def _measured_gap(each: MeasuredGap) -> Object:
    return {
        "item": each.item,
        "days": str(each.days),
        "low": str(each.low),
        "high": str(each.high),
        "buyers": each.buyers,
        "gaps": each.gaps,
    }


def explanation(each: Explanation) -> Object:
    """Every verdict with all of its clauses and events."""
    return {
        "id": _id(each.customer_id),
        "as_of": each.as_of.isoformat(),
        "parked": each.parked,
        "verdicts": [_verdict(verdict) for verdict in each.verdicts],
        "segments": [_segment(segment) for segment in each.segments],
    }


def segment_count(each: SegmentCount) -> Object:
    """How many are in a segment."""
    return {
        "id": each.id,
        "title": each.title,
        "as_of": each.as_of.isoformat(),
        "members": each.members,
        "entering": each.entering,
        "leaving": each.leaving,
    }


def segment_member(each: SegmentMember) -> Object:
    """Who is in a segment, since when and until when."""
    return {
        "id": _id(each.customer_id),
        "ref": each.ref,
        "name": each.name,
        "since": each.since.isoformat(),
        "until": None if each.until is None else each.until.isoformat(),
    }


def attrition(each: Attrition) -> Object:
    """How many customers are left after each condition of a segment."""
    return {
        "id": each.id,
        "as_of": each.as_of.isoformat(),
        "customers": each.customers,
        "steps": [
            {"clause": step.clause, "condition": step.condition, "customers": step.customers} for step in each.steps
        ],
        "kept_in": each.kept_in,
        "kept_out": each.kept_out,
        "members": each.members,
    }


def _segment(each: SegmentView) -> Object:
    return {
        "id": each.id,
        "title": each.title,
        "inside": each.inside,
        "since": each.since.isoformat(),
        "until": None if each.until is None else each.until.isoformat(),
        "clauses": [_clause(clause) | {"holds": clause.holds} for clause in each.clauses],
    }


def outcome(each: Outcome, catalogue: Catalogue) -> Object:
    """What came of a command."""
    return {
        "id": _id(each.customer_id),
        "changed": bool(each.events) and not each.replayed,
        "replayed": each.replayed,
        "position": each.position,
        "events": [
            {
                "position": event.position,
                "type": type(event.event).__name__,
                "occurred_at": to_datetime(event.occurred_at).isoformat(),
                "actor": event.actor,
                "what": describe(event.event, catalogue),
            }
            for event in each.events
        ],
        "notices": list(each.notices),
    }


def report(each: ImportReport) -> Object:
    """What an import did; `rejects` and `notices` are the first 1,000."""
    return {
        "rows": each.rows,
        "events": each.events,
        "unchanged": each.unchanged,
        "rejected": each.rejected,
        "dry_run": each.dry_run,
        "rejects": [reject(one) for one in each.rejects],
        "reasons": [{"reason": reason, "rows": rows} for reason, rows in each.reasons],
        "notices": list(each.notices),
    }


def proposal(each: Proposal, first: Iterable[ImportedRow]) -> Object:
    """A mapping that is proposed for a file, and its first rows as they would be taken."""
    return {
        "preset": None if each.preset is None else each.preset.name,
        "mapping": each.text,
        "rows": [
            {
                "line": row.line,
                "problem": row.problem,
                "commands": [
                    {"do": type(one).__name__, **one.model_dump(mode="json", exclude_none=True)} for one in row.commands
                ],
            }
            for row in first
        ],
    }


def reject(each: Reject) -> Object:
    """A refused row."""
    return {"source": each.source, "line": each.line, "reason": each.reason, "text": each.text}


def status(each: Status) -> Object:
    """The status of a store."""
    return {
        "store": each.target,
        "currency": each.currency,
        "events": each.events,
        "customers": each.customers,
        "behind": each.behind,
        "held_back_by": None if each.held_back_by is None else msgspec.to_builtins(each.held_back_by),
        "read_only": each.read_only,
        "generation": each.generation,
        "builds": [asdict(build) for build in each.builds],
        "rules": each.rules_digest,
        "rejects": each.rejects,
        "stale": list(each.stale),
        "parked": list(each.parked),
        "never_drawn": each.never_drawn and msgspec.structs.asdict(each.never_drawn),
        "recorded_ahead": each.recorded_ahead
        and msgspec.structs.asdict(each.recorded_ahead) | {"recorded_at": each.recorded_ahead.recorded_at.isoformat()},
        "wrapped": each.wrapped,
        "names_readable": each.names_readable,
        "erasing": each.erasing,
        "owner_needed": _owner_needed(each.owner_needed),
        "unfinished": list(each.unfinished),
        "missing_extensions": list(each.missing_extensions),
        "counts": {lane: dict(counts) for lane, counts in each.counts.items()},
    }


# --------------------------------------------------------------------------------------------- rules and read models


def forgetting(each: Forgetting) -> Object:
    """What a forgetting did."""
    return {
        "ids": list(map(_id, each.customer_ids)),
        "positions": list(each.positions),
        "pending": each.pending,
        "reasons_dropped": each.reasons_dropped,
        "owner_needed": _owner_needed(each.owner_needed),
    }


def _owner_needed(needed: OwnerNeeded | None) -> Object | None:
    return None if needed is None else {"owner": needed.owner, "statement": needed.statement}


def forgotten(each: Forgotten) -> Object:
    """Somebody who was forgotten."""
    return {
        "id": _id(each.customer_id),
        "position": each.position,
        "at": each.at.isoformat(),
        "actor": each.actor,
        "reason": each.reason,
    }


def restoration(target: str, each: Restoration) -> Object:
    """What was restored; `listed` is null where no list of those who were forgotten was given."""
    return {
        "store": target,
        "events": each.events,
        "forgotten": list(map(_id, each.forgotten)),
        "listed": each.listed,
        "records": record_check(each.records),
        "reasons_dropped": each.reasons_dropped,
        "added": each.added,
        "without_key": each.without_key,
    }


def reported(targets: list[str], each: Reported) -> Object:
    """What a report has, and where."""
    return {"written": targets, "up_to_position": each.up_to_position, "tables": dict(sorted(each.tables.items()))}


def archived(folder: str, each: Archived) -> Object:
    """What an archive has after a run; `added` is 0 where nothing was new."""
    return {
        "archive": folder,
        "added": each.added,
        "until": each.until,
        "partitions": each.partitions,
        "runs": each.runs,
    }


def rotation(each: Rotation) -> Object:
    """What a rotation of the master key did."""
    return cast("Object", msgspec.to_builtins(each))


def ruleset(each: Ruleset) -> Object:
    """Rules with their digest, which is the SHA-256 of the same without spaces; fractions are text."""
    return {"digest": each.digest(), "rules": json.loads(each.canonical())}


def rules_version(each: RulesVersion) -> Object:
    """Rules that came into force."""
    return asdict(each) | {"published_at": _moment(each.published_at)}


def publication(each: Publication) -> Object:
    """What came of publishing."""
    return asdict(each)


def difference(
    each: RulesDifference, explained: Iterable[ExplainedMove], refs: Mapping[CustomerId, str | None]
) -> Object:
    """Everyone who would move, and the first ones with their name and why, as far as they were explained."""
    why = {one.move: one for one in explained}
    return {
        "old": each.old_digest,
        "new": each.new_digest,
        "as_of": each.as_of.isoformat(),
        "customers": each.customers,
        "currency": each.currency,
        "moved": {
            lane: [{"from": old, "to": new, "customers": count} for (old, new), count in counts.items()]
            for lane, counts in each.moved.items()
        },
        "worth": {lane: str(worth) for lane, worth in each.worth.items()},
        "tickets": [
            {
                "ticket": one.ticket_id,
                "ref": refs[one.customer_id],
                "id": _id(one.customer_id),
                "shown": one.shown,
                "from": one.old,
                "to": one.new,
            }
            for one in each.tickets
        ],
        "due": [
            {"item": one.item, "ref": refs[one.customer_id], "id": _id(one.customer_id), "from": one.old, "to": one.new}
            for one in each.due
        ],
        "forecast": [to_dict(one) for one in each.forecast],
        "programme": None if each.programme is None else programme(each.programme),
        "moves": [
            {"ref": refs[one.customer_id]} | _move(one) | (_explained(why[one]) if one in why else {})
            for one in each.moves
        ],
    }


def programme(each: ProgrammeChange) -> Object:
    """What other rules of points cost."""
    money = {"old_liability": each.old_liability, "new_liability": each.new_liability}
    return to_dict(each) | {name: None if amount is None else format(amount, "f") for name, amount in money.items()}


def _move(each: Move) -> Object:
    return {
        "id": _id(each.customer_id),
        "verdict": each.lane,
        "from": each.old,
        "to": each.new,
        "as_of": each.as_of.isoformat(),
        "worth": str(each.worth),
    }


def _explained(each: ExplainedMove) -> Object:
    return {
        "name": each.name,
        "old": {"clause": each.old_clause, "sentence": each.old_reason},
        "new": {"clause": each.new_clause, "sentence": each.new_reason},
    }


def generation(each: GenerationView) -> Object:
    """One generation of read models."""
    return asdict(each) | {"made_at": _moment(each.made_at), "stale": list(each.stale)}


def verification(each: Verification | None, sealed: SealCheck, records: RecordCheck | None) -> Object:
    """What came of comparing; `differences` are the first 20 of `different`, and bytes are hexadecimal.

    Where the log couldn't be folded at all, or the records not be read, that isn't there.
    """
    checked: Object = {"seals": seal_check(sealed)}
    if records is not None:
        checked |= {"records": record_check(records)}
    if each is None or records is None:
        return {"holds": False} | checked
    return {
        "holds": each.holds and sealed.holds and records.holds,
        **checked,
        "checkpoint": each.checkpoint,
        "builds": dict(each.builds),
        "to_be_built": list(each.to_be_built),
        "customers": each.customers,
        "stored": str(each.stored),
        "folded": str(each.folded),
        "different": each.different,
        "differences": [
            {
                "projection": one.projection,
                "key": one.key,
                "stored": _row(one.columns, one.stored),
                "folded": _row(one.columns, one.folded),
            }
            for one in each.differences
        ],
        "parked": [
            {"id": f"id:{one.customer_id}", "position": one.position, "type": one.type, "reason": one.reason}
            for one in each.parked
        ],
    }


def record_check(each: RecordCheck) -> Object:
    """What came of comparing the records with the log; `faults` are the first 20 of each kind."""
    return {
        "holds": each.holds,
        "compared": [msgspec.structs.asdict(one) for one in each.compared],
        "faults": [msgspec.structs.asdict(one) for one in each.faults],
        "not_covered": [msgspec.structs.asdict(one) for one in each.not_covered],
    }


def sealing(each: Sealing) -> Object:
    """What a sealing did; `root` stands for everything up to the position `last`."""
    return msgspec.structs.asdict(each)


def seal_check(each: SealCheck) -> Object:
    """What came of checking the seals; those named are the first 20 of what is counted."""
    found = msgspec.structs.asdict(each)
    return found | {
        "holds": each.holds,
        "never_drawn": each.never_drawn and msgspec.structs.asdict(each.never_drawn),
        "event_damages": [msgspec.structs.asdict(one) for one in each.event_damages],
        "seal_damages": [msgspec.structs.asdict(one) for one in each.seal_damages],
        "noted": each.noted and msgspec.structs.asdict(each.noted) | {"sealed_at": _moment(each.noted.sealed_at)},
    }


def _row(columns: tuple[str, ...], row: Row | None) -> Object | None:
    if row is None:
        return None
    named = zip(columns, row, strict=True)
    return {name: value.hex() if isinstance(value, bytes) else value for name, value in named}


def _verdict(each: VerdictView) -> Object:
    return {
        "verdict": each.lane,
        "value": each.value,
        "score": each.score,
        "since": each.since.isoformat(),
        "until": _moment(each.until),
        "reasons": [_clause(clause) for clause in each.reasons],
        "next": None if each.next is None else _span(each.next),
    }


def _clause(each: Clause) -> Object:
    return {
        "clause": each.id,
        "sentence": each.sentence,
        "contribution": each.contribution,
        "events": [
            {"position": line.position, "occurred_at": line.occurred_at.isoformat(), "what": line.what}
            for line in each.events
        ],
    }


def _span(each: Span) -> Object:
    return {
        "value": each.value,
        "score": each.score,
        "since": each.since.isoformat(),
        "until": _moment(each.until),
    }


def _id(customer_id: CustomerId) -> str:
    return f"id:{customer_id}"


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
