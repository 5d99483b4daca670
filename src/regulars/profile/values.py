"""The page of one customer, as plain values: frozen, as of one instant. Times are UTC.

Each section holds a few of what there is; `more` says how many others there are.
"""

from __future__ import annotations

from datetime import datetime
from typing import Generic, TypeVar

from msgspec import Struct

from regulars.asking.campaigns import OfferView
from regulars.asking.consents import Consents
from regulars.asking.contracts import ContractView
from regulars.asking.desk import Points, TicketView
from regulars.asking.due import DueItem
from regulars.asking.employments import Employment
from regulars.asking.on_behalf import OpenOpportunity
from regulars.asking.quotes import QuoteView
from regulars.asking.reminders import Reminder
from regulars.asking.tasks import TaskView
from regulars.asking.views import Customer, Span, Timeline
from regulars.crm_domain.command import CustomerId
from regulars.projections.satisfaction.rules import Csat, Nps

T = TypeVar("T")


class Details(Struct, frozen=True, kw_only=True):
    """How a customer is called and reached, and what they like, as it stood then.

    `birthday` is text as it was said: `1990-12-10`, or
    `--12-10` without a year. All but the account's
    `status` is None or empty once they are forgotten. Of merged customers what the survivor has
    comes first.
    """

    ref: str | None
    name: str | None
    email: str | None
    phone: str | None
    birthday: str | None
    locale: str | None
    status: str
    preferences: tuple[tuple[str, str], ...]


class HeldVerdict(Struct, frozen=True, kw_only=True):
    """A verdict, since when it holds, and what follows if nothing happens; None where nothing is due."""

    lane: str
    value: str
    score: int | None
    since: datetime
    next: Span | None


class HeldSegment(Struct, frozen=True, kw_only=True):
    """A segment that the customer is in, since when, and until when if nothing happens."""

    id: str
    title: str | None
    since: datetime
    until: datetime | None


class Standing(Struct, frozen=True, kw_only=True):
    """Where a customer stands: verdicts, segments, what they said last, and what they are due to buy again.

    `ask_again_at` is from when on they may be sent a survey, None where they never were. Of the items that are `due`
    those that have been for longest come first.
    """

    verdicts: tuple[HeldVerdict, ...]
    segments: tuple[HeldSegment, ...]
    nps: Nps | None
    csat: Csat | None
    ask_again_at: datetime | None
    due: tuple[DueItem, ...]
    due_more: int


class Said(Struct, frozen=True, kw_only=True):
    """Something that was said or written down: when, what happened, and the words, decrypted for this page.

    `text` is None where no words were kept, or once the customer is forgotten.
    """

    position: int
    at: datetime
    actor: str
    what: str
    text: str | None


class Few(Struct, Generic[T], frozen=True, kw_only=True):
    """The first of something, and how many others there are."""

    found: tuple[T, ...]
    more: int


class CustomerPage(Struct, frozen=True, kw_only=True):
    """All that is good to know of one customer before a call, as of an instant, in one snapshot.

    `details` are those of that instant, and `customer` has today's. `forgotten_at` is when they were forgotten: then
    what they said is gone on every day, and counts and verdicts stay. `rules_digest` names the rules that judged.
    `points` are None where they are no member. Personal texts are decrypted for it.

    `works_for` are a person's firms, `people` who works for a firm. Of reminders
    there are those that are overdue or have come up, of tasks those that aren't settled, what
    is due first; of tickets those that aren't, whose clock is breached next; of opportunities those that are open, the
    latest in their stage first; of quotes those that wait for an answer, of contracts those that haven't ended, what
    runs out first; of `offers`, what became of them in each campaign, and of conversations and notes the latest.
    """

    customer_id: CustomerId
    as_of: datetime
    zone: str
    currency: str | None
    rules_digest: str
    forgotten_at: datetime | None
    customer: Customer
    details: Details
    standing: Standing
    consents: Consents
    points: Points | None
    works_for: tuple[Employment, ...]
    people: Few[Employment]
    reminders: Few[Reminder]
    tasks: Few[TaskView]
    tickets: Few[TicketView]
    opportunities: Few[OpenOpportunity]
    quotes: Few[QuoteView]
    contracts: Few[ContractView]
    offers: Few[OfferView]
    conversations: Few[Said]
    notes: Few[Said]
    timeline: Timeline
