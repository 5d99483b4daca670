"""Everything held about one person, as plain values: frozen, in order of time, ready to be written down.

Times are UTC; those of `events` are as they are stored, in microseconds. Money is in the currency beside it. What is
personal is None once the person is forgotten.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from msgspec import Struct

from regulars.adapters.vault.quarantine import Reject
from regulars.asking.consents import Consents
from regulars.asking.desk import Points
from regulars.asking.views import Timeline, VerdictView
from regulars.crm_domain.catalogue import Catalogue
from regulars.crm_domain.command import CustomerId
from regulars.crm_domain.event import Event, Recorded


class Detail(Struct, frozen=True, kw_only=True):
    """A contact detail that came to be known; None where it was cleared."""

    field: str
    value: str | date | None
    at: datetime
    position: int


class Identity(Struct, frozen=True, kw_only=True):
    """Who the person is under one id, as of now, and each detail over time.

    `lookups` are the kinds of keyed hashes by which they are found.
    """

    id: CustomerId
    ref: str | None
    name: str | None
    email: str | None
    phone: str | None
    birthday: date | None
    locale: str | None
    source: str | None
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
    """That, when and for what cause the person was forgotten."""

    at: datetime
    cause: str | None


class Line(Struct, frozen=True, kw_only=True):
    """One line of an order."""

    sku: str
    quantity: int
    amount: Decimal | None


class Return(Struct, frozen=True, kw_only=True):
    """Part or all of an order that came back."""

    at: datetime
    amount: Decimal
    return_id: str | None


class Purchase(Struct, frozen=True, kw_only=True):
    """An order with what came back of it."""

    order_id: str
    at: datetime
    amount: Decimal
    currency: str
    channel: str | None
    lines: tuple[Line, ...]
    returns: tuple[Return, ...]


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
    """What somebody thought worth remembering."""

    at: datetime
    text: str | None
    interaction_id: str | None


class Message(Struct, frozen=True, kw_only=True):
    """What was said on a ticket, by the customer or by an agent."""

    at: datetime
    by: str
    message: str | None


class Ticket(Struct, frozen=True, kw_only=True):
    """A ticket as of now, with all that was said on it."""

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


class Membership(Struct, frozen=True, kw_only=True):
    """A membership as of now. A tier given by hand holds up to `tier_until`; where that is None, until it is lifted."""

    customer_id: CustomerId
    status: str
    program: str | None
    tier: str | None
    tier_until: datetime | None


class Merge(Struct, frozen=True, kw_only=True):
    """That two customers were said to be one, from when to when; `undone_at` is None while that holds."""

    customer_id: CustomerId
    into_id: CustomerId
    merged_at: datetime
    undone_at: datetime | None


class PersonExport(Struct, frozen=True, kw_only=True):
    """Everything held about one person, and about everyone who was merged into them.

    `identities` begins with the survivor. `verdicts` are what is worked out about them as of `as_of`, with reasons, by
    the rules in force; `timeline` is the same over time. `referred_at` is when somebody was said to have brought them.
    `rejects` are refused rows of imports that name them, `command_ids` what the command log keeps of them. Days are
    those of `zone`. The store's catalogue goes with it, in whose words events are told.
    """

    as_of: datetime
    zone: str
    currency: str | None
    forgotten: Forgotten | None
    identities: tuple[Identity, ...]
    rules_digest: str
    verdicts: tuple[VerdictView, ...]
    timeline: Timeline
    parked: str | None
    consents: Consents
    purchases: tuple[Purchase, ...]
    interactions: tuple[Interaction, ...]
    answers: tuple[Answer, ...]
    notes: tuple[Note, ...]
    tickets: tuple[Ticket, ...]
    memberships: tuple[Membership, ...]
    points: Points | None
    merges: tuple[Merge, ...]
    referred_at: tuple[datetime, ...]
    rejects: tuple[Reject, ...]
    command_ids: tuple[str, ...]
    events: tuple[Recorded[Event], ...]
    _catalogue: Catalogue
