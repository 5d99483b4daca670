"""The data export of one person, as plain values: frozen, in order of time.

Times are UTC; those of `events` are as they are stored, in microseconds. Money is in the currency beside it. Personal
fields are None once the person is forgotten.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from msgspec import Struct

from regulars.adapters.vault.quarantine import Reject
from regulars.asking.consents import Consents
from regulars.asking.desk import Points
from regulars.asking.views import SegmentView, Timeline, VerdictView
from regulars.crm_domain.catalogue import Catalogue
from regulars.crm_domain.command import CustomerId
from regulars.crm_domain.event import Event, Recorded


class Detail(Struct, frozen=True, kw_only=True):
    """A contact detail as it was recorded; None where it was cleared."""

    field: str
    value: str | date | None
    at: datetime
    position: int


class WorksFor(Struct, frozen=True, kw_only=True):
    """Days in a row on which a person works for a firm; None is a first day that isn't known, or no last one yet."""

    firm_id: CustomerId
    role: str | None
    since: date | None
    until: date | None


class Identity(Struct, frozen=True, kw_only=True):
    """A person's current details under one id, and each detail over time.

    `kind` is "person" or "firm". `works_for` has all days that are known, also those that are over. `lookups` are the
    kinds of keyed hashes by which they are found.
    """

    id: CustomerId
    ref: str | None
    name: str | None
    email: str | None
    phone: str | None
    birthday: str | None
    locale: str | None
    source: str | None
    kind: str
    works_for: tuple[WorksFor, ...]
    registered_at: datetime
    status: str
    qualified: bool
    cancelling: bool
    owner: str | None
    tags: tuple[str, ...]
    preferences: tuple[tuple[str, str], ...]
    churn_cause: str | None
    churn_detail: str | None
    details: tuple[Detail, ...]
    lookups: tuple[str, ...]


class Forgotten(Struct, frozen=True, kw_only=True):
    """When and for what cause the person was forgotten."""

    at: datetime
    cause: str | None


class Line(Struct, frozen=True, kw_only=True):
    """One line of an order."""

    sku: str
    quantity: int
    amount: Decimal | None


class Return(Struct, frozen=True, kw_only=True):
    """A return of part or all of an order."""

    at: datetime
    amount: Decimal
    return_id: str | None


class Purchase(Struct, frozen=True, kw_only=True):
    """An order with its returns."""

    order_id: str
    at: datetime
    amount: Decimal
    currency: str
    channel: str | None
    lines: tuple[Line, ...]
    returns: tuple[Return, ...]
    coupon: str | None


class CouponCode(Struct, frozen=True, kw_only=True):
    """A personal code of a series of coupons."""

    at: datetime
    coupon_id: str
    code: str | None


class Interaction(Struct, frozen=True, kw_only=True):
    """A call, a visit or a message."""

    at: datetime
    channel: str
    direction: str
    summary: str | None
    interaction_id: str | None


class Answer(Struct, frozen=True, kw_only=True):
    """An answer to a survey."""

    at: datetime
    survey: str
    score: int
    comment: str | None
    interaction_id: str | None


class Note(Struct, frozen=True, kw_only=True):
    """A note about the person."""

    at: datetime
    text: str | None
    interaction_id: str | None


class Message(Struct, frozen=True, kw_only=True):
    """A message on a ticket, by the customer or by an agent."""

    at: datetime
    by: str
    message: str | None


class Ticket(Struct, frozen=True, kw_only=True):
    """A ticket as of now, with all messages on it."""

    ticket_id: str
    opened_at: datetime
    status: str
    priority: str
    channel: str | None
    subject: str | None
    topic: str | None
    complaint: bool
    agent: str | None
    follows: str | None
    rating: int | None
    comment: str | None
    messages: tuple[Message, ...]


class Task(Struct, frozen=True, kw_only=True):
    """A task for the person as of now, in the business's zone; `due` is the day or the time of the open occurrence."""

    task_id: str
    added_at: datetime
    status: str
    what: str | None
    due: date | datetime | None
    repeats: str | None
    owner: str | None
    ticket_id: str | None
    opportunity_id: str | None


class Opportunity(Struct, frozen=True, kw_only=True):
    """An opportunity as of now: `status` is open, won or lost, for a `reason`; `amount` is in `currency`."""

    opportunity_id: str
    opened_at: datetime
    status: str
    pipeline: str
    stage: str
    title: str | None
    amount: Decimal | None
    currency: str | None
    owner: str | None
    source: str | None
    expected_close: date | None
    firm_id: CustomerId | None
    quote_id: str | None
    reason: str | None
    detail: str | None


class QuotedLine(Struct, frozen=True, kw_only=True):
    """A line of a quote: its tax rate is in percent."""

    description: str | None
    sku: str | None
    quantity: Decimal
    unit_price: Decimal
    tax_rate: Decimal
    amount: Decimal


class QuoteRevision(Struct, frozen=True, kw_only=True):
    """A revision of a quote as it was sent; `prices` says whether those of its lines are net or gross."""

    revision: int
    at: datetime
    gross: Decimal
    currency: str
    prices: str
    valid_until: date | None
    exemption: str | None
    note: str | None
    lines: tuple[QuotedLine, ...]


class Quote(Struct, frozen=True, kw_only=True):
    """A quote as of now, with all its revisions; `accepted` is the number of the accepted one."""

    quote_id: str
    status: str
    revisions: tuple[QuoteRevision, ...]
    accepted: int | None
    cause: str | None
    detail: str | None


class Contract(Struct, frozen=True, kw_only=True):
    """A contract as of now. `end` is its last day, or that of its first term where it renews by itself."""

    contract_id: str
    signed_at: datetime
    status: str
    start: date
    end: date | None
    renewal_months: int | None
    notice_days: int | None
    amount: Decimal
    currency: str
    subject: str | None
    cause: str | None
    detail: str | None


class Membership(Struct, frozen=True, kw_only=True):
    """A membership as of now. A tier that was granted by hand (override) holds up to `tier_until`; where that is None,
    until it is lifted.
    """

    customer_id: CustomerId
    status: str
    program: str | None
    tier: str | None
    tier_until: datetime | None


class Merge(Struct, frozen=True, kw_only=True):
    """A merge of two customers, and when it was undone; `undone_at` is None while it holds."""

    customer_id: CustomerId
    into_id: CustomerId
    merged_at: datetime
    undone_at: datetime | None


class PersonExport(Struct, frozen=True, kw_only=True):
    """Everything held about one person, and about everyone who was merged into them.

    `identities` begins with the survivor. `verdicts` are those as of `as_of`, with reasons, by the rules in force;
    `timeline` has them over time. `segments` are all that the rules have, whether this person is in or not.
    `referred_at` is when a referral named this person as the new customer. `rejects` are refused rows of imports that
    name them, `command_ids` the ids of their commands in the command log. Days are those of `zone`. The store's
    catalogue goes with it, to write events as sentences.
    """

    as_of: datetime
    zone: str
    currency: str | None
    forgotten: Forgotten | None
    identities: tuple[Identity, ...]
    rules_digest: str
    verdicts: tuple[VerdictView, ...]
    segments: tuple[SegmentView, ...]
    timeline: Timeline
    parked: str | None
    consents: Consents
    purchases: tuple[Purchase, ...]
    coupons: tuple[CouponCode, ...]
    interactions: tuple[Interaction, ...]
    answers: tuple[Answer, ...]
    notes: tuple[Note, ...]
    tickets: tuple[Ticket, ...]
    tasks: tuple[Task, ...]
    opportunities: tuple[Opportunity, ...]
    quotes: tuple[Quote, ...]
    contracts: tuple[Contract, ...]
    memberships: tuple[Membership, ...]
    points: Points | None
    merges: tuple[Merge, ...]
    referred_at: tuple[datetime, ...]
    rejects: tuple[Reject, ...]
    command_ids: tuple[str, ...]
    events: tuple[Recorded[Event], ...]
    _catalogue: Catalogue
