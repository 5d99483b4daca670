"""The values that queries return: plain, frozen, ready to print."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import InitVar, dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Literal

from msgspec import Struct

from regulars.adapters.log.misplaced import NeverDrawn, RecordedAhead
from regulars.adapters.store.builds import Build
from regulars.adapters.store.horizon import OpenTransaction
from regulars.adapters.vault.erasing import OwnerNeeded
from regulars.asking.asking_again import AsksItsStore
from regulars.asking.paging import Following, Paged
from regulars.crm_domain.command import CustomerId
from regulars.projections.customer_value.projector import CUSTOMER_VALUE
from regulars.projections.registry import PROJECTORS, Registry

Lane = Literal["stage", "tier", "risk"]
#: What totals count customers by.
Counted = Literal["stage", "tier", "risk", "segment"]
LANES: dict[Lane, str] = {"stage": "lifecycle_stage", "tier": "loyalty_tier", "risk": "churn_risk"}


#: Lanes in which not everybody has a verdict.
OPTIONAL_LANES: dict[str, str] = {"value": CUSTOMER_VALUE.name}


def lanes_in(registry: Registry) -> dict[str, str]:
    """The projection of each lane by its name: of ours, and of each that an extension brings, if a customer has one
    value of it at a time.
    """
    others = (
        each.name
        for each in registry.projectors
        if each not in PROJECTORS and each.key is None and "value" in each.verdict.__struct_fields__
    )
    ours: dict[str, str] = dict(LANES.items())
    return ours | OPTIONAL_LANES | {name: name for name in others}


#: The projection that tickets are listed by.
TICKETS = "ticket_queue"


@dataclass(frozen=True, slots=True)
class EventLine:
    """One event behind a clause: its position in the store, when it happened, and what it was."""

    position: int
    occurred_at: datetime
    what: str


@dataclass(frozen=True, slots=True)
class Clause:
    """One reason of a verdict: the clause's id in the rules, a sentence, its share of the score, its events.

    `holds` is whether the clause holds, where reasons tell of those that don't as well: those of a segment.
    """

    id: str
    sentence: str
    contribution: int | None
    events: tuple[EventLine, ...]
    holds: bool | None = None


@dataclass(frozen=True, slots=True)
class Span:
    """A value of a lane and the interval in which it holds: from `since` to just before `until`, None where it has no
    end.
    """

    value: str
    score: int | None
    since: datetime
    until: datetime | None


@dataclass(frozen=True, slots=True)
class VerdictView:
    """One verdict with its reasons, and `next`, the verdict that follows if no other event happens."""

    lane: str
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
class SegmentView:
    """Whether one customer is in a segment, since when, and when that turns if nothing more happens.

    `clauses` are its conditions to `enter` and to `leave`, with what each found and whether it holds, and for how long
    a `stay` or a `pause` keeps the customer where they are.
    """

    id: str
    title: str | None
    inside: bool
    since: datetime
    until: datetime | None
    clauses: tuple[Clause, ...]

    def __str__(self) -> str:
        """The segment as text."""
        turns = "" if self.until is None else f", until {self.until:%Y-%m-%d} if nothing happens"
        lines = [f"segment {self.id}: {'in' if self.inside else 'out'} since {self.since:%Y-%m-%d}{turns}"]
        for clause in self.clauses:
            lines.append(f"  {clause.id}, {'holds' if clause.holds else 'fails'}: {clause.sentence}")
            lines += [f"      #{line.position} {line.occurred_at:%Y-%m-%d} {line.what}" for line in clause.events]
        return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class Explanation:
    """Every verdict of one customer, explained event by event, and every segment, whether they are in it or not.

    `parked` says which event can't be folded, where there is one; the verdicts are those before it.
    """

    customer_id: CustomerId
    as_of: datetime
    verdicts: tuple[VerdictView, ...]
    parked: str | None = None
    segments: tuple[SegmentView, ...] = ()

    def __str__(self) -> str:
        """All verdicts as text."""
        parked = () if self.parked is None else (f"parked: {self.parked}",)
        return "\n".join([*parked, *map(str, self.verdicts), *map(str, self.segments)])


@dataclass(frozen=True, slots=True)
class Timeline:
    """One customer's verdicts over time, the future that is already due included, and when they ordered.

    `tickets` are the intervals in which a ticket of theirs was, is or will be "open", or "breached" where one of those
    is; between the intervals none is open. `tasks` are those in which a task is "open", or "overdue" where one is; one
    that is snoozed is neither. `opportunities` are those in which one is open, with its stage, or several are, such as
    "2 open"; `quotes` those in which one waits for an answer, "sent"; `contracts` those in which one is "active", or
    else "upcoming".
    """

    customer_id: CustomerId
    lanes: Mapping[str, tuple[Span, ...]]
    orders: tuple[datetime, ...] = ()
    tickets: tuple[Span, ...] = ()
    tasks: tuple[Span, ...] = ()
    opportunities: tuple[Span, ...] = ()
    quotes: tuple[Span, ...] = ()
    contracts: tuple[Span, ...] = ()

    @property
    def spans(self) -> Mapping[str, tuple[Span, ...]]:
        """The intervals to draw by the name of their lane: the verdicts; tickets, tasks, opportunities (as "selling"),
        quotes and contracts, where there was any.
        """
        verdicts: dict[str, tuple[Span, ...]] = dict(self.lanes.items())
        beside = {
            "tickets": self.tickets,
            "tasks": self.tasks,
            "selling": self.opportunities,
            "quotes": self.quotes,
            "contracts": self.contracts,
        }
        return verdicts | {lane: spans for lane, spans in beside.items() if spans}


class AsksCustomer(Struct, frozen=True):
    """How a customer's explanation and timeline are asked for."""

    explain: Callable[[], Explanation]
    timeline: Callable[[], Timeline]


@dataclass(frozen=True, slots=True)
class Customer(AsksItsStore[AsksCustomer]):
    """One customer as of an instant. Times are UTC; money is in the store's currency.

    `ref`, `name`, `email`, `phone` and `birthday` are the current ones whatever `as_of` is, and None once the customer
    is forgotten. `kind` is "person" or "firm".
    `parked` names the event that can't be folded, where there is one; all values are those before it. `merged` are the
    references of the customers who were merged into this one, or their ids where they are forgotten. A customer that
    was pickled is no longer connected to its store: `explain` and the like raise StoreUnusable.
    """

    id: CustomerId
    as_of: datetime
    ref: str | None
    name: str | None
    email: str | None
    phone: str | None
    birthday: str | None
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
    kind: str
    tags: tuple[str, ...]
    merged: tuple[str, ...] = ()
    parked: str | None = None
    becomes_at: datetime | None = None
    asks: InitVar[AsksCustomer] = field(kw_only=True)

    def __post_init__(self, asks: AsksCustomer) -> None:
        self._ask_by(asks)

    def verdict(self, lane: str) -> VerdictView:
        """One verdict with its reasons: "stage", "tier" or "risk", or the name of an extension's projection.

        Raises KeyError for a lane in which this customer has no verdict.
        """
        found = {verdict.lane: verdict for verdict in self.explain().verdicts}
        if lane not in found:
            raise KeyError(f'"{lane}" is not a verdict; there are {", ".join(found)}')
        return found[lane]

    def explain(self) -> Explanation:
        """Every verdict with the clauses that decided it, the events behind each, and what would change it next."""
        return self._asked().explain()

    def timeline(self) -> Timeline:
        """Every verdict from the first event on, and the tickets, with the future that is already due."""
        return self._asked().timeline()


@dataclass(frozen=True, slots=True)
class Page(Paged[Customer]):
    """A page of a list of customers: pass `after` to ask for the next page; it is None on the last one.

    Iterating a page that `goes_on`, because no `limit` was given, reads all pages that follow as well; `len` and
    indexes are about this page alone.

    `total` is the number of customers on all pages, where that was asked.

    `behind` counts the recorded events that this answer leaves out: those that other processes appended meanwhile, or
    all that aren't folded in yet with `fresh=False` or where the store is read-only. `held_back_by` is the open
    transaction on the same PostgreSQL server that has to end before they can be folded in, where there is one.
    """

    customers: tuple[Customer, ...]
    after: str | None
    behind: int = 0
    held_back_by: OpenTransaction | None = None
    total: int | None = None
    goes_on: bool = field(init=False)
    following: InitVar[Following | None] = field(kw_only=True)

    def _items(self) -> tuple[Customer, ...]:
        return self.customers


@dataclass(frozen=True, slots=True)
class BuildView:
    """One build: of a projection, or of the facts that all of them fold, as "facts". `checkpoint` is the position up to
    which it has folded in the log.
    """

    name: str
    number: int
    checkpoint: int


@dataclass(frozen=True, slots=True)
class Status:
    """The health and counts of a store.

    `behind` counts the events that aren't folded in yet; in a store that is `read_only` they can't be. `held_back_by`
    is the open transaction on the same PostgreSQL server that keeps them from being folded in, where there is one.

    `stale` lists how the running code differs from the code that folded the read models; `parked` the customers with an
    event that can't be folded. `never_drawn` are rows that another program inserted into the log, at positions that
    were never assigned, None where there are none: every answer leaves them out. `recorded_ahead` are events that were
    recorded by a clock more than five minutes ahead of the current one. `rejects` counts the rows in quarantine, None
    where this role may not read them. `wrapped` is whether a master key wraps the keys, `names_readable` whether this
    role may read the keys of customers. `erasing` is whether traces of destroyed keys are still to be erased from the
    files; where this role may not do that, `owner_needed` names the role that may, and the statement to run.
    `unfinished` are temporary folders of commands that were killed, with incomplete files, beside the store and in the
    working folder. `missing_extensions` says of each extension that the store needs and that wasn't loaded how to load
    it. `builds` are those of the live generation.
    """

    target: str
    currency: str | None
    events: int
    customers: int
    behind: int
    generation: int
    rules_digest: str
    rejects: int | None
    counts: Mapping[Lane, Mapping[str, int]]
    read_only: bool = False
    stale: tuple[str, ...] = ()
    parked: tuple[str, ...] = ()
    never_drawn: NeverDrawn | None = None
    recorded_ahead: RecordedAhead | None = None
    wrapped: bool = False
    erasing: bool = False
    held_back_by: OpenTransaction | None = None
    names_readable: bool = True
    owner_needed: OwnerNeeded | None = None
    unfinished: tuple[str, ...] = ()
    missing_extensions: tuple[str, ...] = ()
    builds: tuple[BuildView, ...] = ()


def views_of(builds: Iterable[Build]) -> tuple[BuildView, ...]:
    """The views of some builds."""
    return tuple(BuildView(each.name, each.number, each.checkpoint) for each in builds)
