"""What a question is answered with: plain values, frozen, ready to print."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Literal

from crm_domain.command import CustomerId

Lane = Literal["stage", "tier", "risk"]
LANES: dict[Lane, str] = {"stage": "lifecycle_stage", "tier": "loyalty_tier", "risk": "churn_risk"}


@dataclass(frozen=True, slots=True)
class EventLine:
    """One event behind a clause: its position in the store, when it happened, and what it was."""

    position: int
    occurred_at: datetime
    what: str


@dataclass(frozen=True, slots=True)
class Clause:
    """Why a verdict is what it is: the clause's id in the rules, a sentence, its share of the score, its events."""

    id: str
    sentence: str
    contribution: int | None
    events: tuple[EventLine, ...]


@dataclass(frozen=True, slots=True)
class Span:
    """A verdict in a lane and how long it holds: from `since` to just before `until`, None for no end in sight."""

    value: str
    score: int | None
    since: datetime
    until: datetime | None


@dataclass(frozen=True, slots=True)
class VerdictView:
    """One verdict with its reasons, and what it becomes next if nothing more happens."""

    lane: Lane
    value: str
    score: int | None
    since: datetime
    until: datetime | None
    reasons: tuple[Clause, ...]
    next: Span | None

    def __str__(self) -> str:
        """The verdict as text: what, since when, why, and what next."""
        score = "" if self.score is None else f" ({self.score} of 100)"
        lines = [f"{self.lane}: {self.value}{score} since {self.since:%Y-%m-%d}"]
        for clause in self.reasons:
            share = "" if clause.contribution is None else f"{clause.contribution:+d}  "
            lines.append(f"  {share}{clause.id}: {clause.sentence}")
            lines += [f"      #{line.position} {line.occurred_at:%Y-%m-%d} {line.what}" for line in clause.events]
        if self.next is not None:
            score = "" if self.next.score is None else f" ({self.next.score})"
            lines.append(f"  next: {self.next.value}{score} on {self.next.since:%Y-%m-%d} if nothing happens")
        return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class Explanation:
    """Every verdict of one customer, explained event by event."""

    customer_id: CustomerId
    as_of: datetime
    verdicts: tuple[VerdictView, ...]

    def __str__(self) -> str:
        """All verdicts as text."""
        return "\n".join(str(verdict) for verdict in self.verdicts)


@dataclass(frozen=True, slots=True)
class Timeline:
    """One customer's verdicts over all of time, the future that is already due included, and when they ordered."""

    customer_id: CustomerId
    lanes: Mapping[Lane, tuple[Span, ...]]
    orders: tuple[datetime, ...] = ()


@dataclass(frozen=True, slots=True)
class Customer:
    """One customer as of an instant. Times are UTC; money is in the store's currency.

    `ref`, `name`, `email` and `phone` are today's whatever `as_of` says, and None once the customer is forgotten.
    """

    id: CustomerId
    as_of: datetime
    ref: str | None
    name: str | None
    email: str | None
    phone: str | None
    stage: str
    stage_since: datetime
    tier: str
    risk: int
    risk_band: str
    orders: int
    net_spend: Decimal
    first_order_at: datetime | None
    last_order_at: datetime | None
    last_heard_at: datetime | None
    owner: str | None
    source: str | None
    tags: tuple[str, ...]
    becomes_at: datetime | None = None
    _explain: Callable[[], Explanation] = field(repr=False, compare=False, kw_only=True)
    _timeline: Callable[[], Timeline] = field(repr=False, compare=False, kw_only=True)

    def verdict(self, lane: Lane) -> VerdictView:
        """One verdict with its reasons. Raises KeyError for anything but "stage", "tier" or "risk"."""
        if lane not in LANES:
            raise KeyError(f'"{lane}" is not a verdict; there are {", ".join(LANES)}')
        return next(verdict for verdict in self.explain().verdicts if verdict.lane == lane)

    def explain(self) -> Explanation:
        """Every verdict with the clauses that decided it, the events behind each, and what would change it next."""
        return self._explain()

    def timeline(self) -> Timeline:
        """Every verdict from the first event on, with the future that is already due."""
        return self._timeline()


@dataclass(frozen=True, slots=True)
class Page:
    """Some customers, and where to go on: pass `after` to ask for the next page, None where this was the last.

    `behind` counts the recorded events that this answer doesn't know of: none, unless it was asked not to be fresh or
    the store is read-only.
    """

    customers: tuple[Customer, ...]
    after: str | None
    behind: int = 0

    def __iter__(self) -> Iterator[Customer]:
        return iter(self.customers)

    def __len__(self) -> int:
        return len(self.customers)

    def __getitem__(self, index: int) -> Customer:
        return self.customers[index]


@dataclass(frozen=True, slots=True)
class Status:
    """How a store is doing. `behind` counts the events that no query has folded in yet."""

    target: str
    currency: str | None
    events: int
    customers: int
    behind: int
    generation: int
    rules_digest: str
    rejects: int
    counts: Mapping[Lane, Mapping[str, int]]
