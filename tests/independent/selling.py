"""What is for sale and what is to be done, from exported events and a ruleset, by the text of the docs alone.

    python tests/independent/selling.py EVENTS.jsonl RULES.toml DAY [EARLIER_DAY]

EVENTS come from `regulars export events`, RULES from `regulars rules show`. It prints JSON: the pipeline as of the end
of the day by stage, owner and source; the forecast; the waterfall from the earlier day (30 days before, unless given);
and the lines of `today` that are tasks, reminders of first orders, tickets, quotes, contracts and customers at risk.

It uses nothing of the code that it checks. Left out, as the docs leave too much of them to the code, or rules bear on
them that would be a second program: points and surveys; care rules other than `first_order`; care rules with
conditions; business hours; returns and voided orders; tickets that are reopened or change their priority; closed
accounts; tiers that are lost again, so histories longer than `hold_days`.
"""

from __future__ import annotations

import calendar
import json
import sys
import tomllib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

DAY = 86_400_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

#: At one instant the words of a stream follow one another so.
_RANKS = {
    name: rank
    for names in (
        ("OpportunityReopened", "OpportunityChanged", "OpportunityStageChanged", "OpportunityWon", "OpportunityLost"),
        ("TaskReopened", "TaskReassigned", "TaskSnoozed", "TaskCompleted", "TaskDropped"),
        ("QuoteRevised", "QuoteDeclined", "QuoteAccepted"),
        ("ContractAmended", "ContractRenewed", "ContractEnded"),
    )
    for rank, name in enumerate(names, 1)
}

Event = dict[str, Any]
Where = dict[str, str]


def instant(when: datetime) -> int:
    return (when - _EPOCH) // _MICROSECOND


def moment(at: int) -> datetime:
    return _EPOCH + at * _MICROSECOND


def months_later(day: date, months: int, wanted: int | None = None) -> date:
    """So many months later; on the last day of a month that lacks the `wanted` day of the month."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(wanted or day.day, calendar.monthrange(year, month + 1)[1]))


@dataclass(frozen=True)
class State:
    """An opportunity as of an instant. `status` is open, won or lost."""

    status: str
    pipeline: str
    stage: str
    amount: int | None
    owner: str | None
    source: str | None
    expected_close: date | None

    def has(self, where: Where) -> bool:
        return all(getattr(self, name) == value for name, value in where.items())

    @property
    def place(self) -> str:
        return self.stage if self.status == "open" else self.status


@dataclass(frozen=True)
class Sums:
    """Open opportunities: exact amounts in minor units. `expected` has None where it can't be told."""

    count: int = 0
    amount: int = 0
    unpriced: int = 0
    expected: Fraction = Fraction(0)
    by_history: Fraction | None = Fraction(0)
    untold: int = 0
    stale: int = 0
    stale_amount: int = 0


@dataclass(frozen=True)
class Line:
    """A line of today, with `due` a day or an instant, and the amount at stake and net spend in minor units.

    A reminder is named by its day and its rule, a contract that renews is a notice.
    """

    kind: str
    key: str
    customer: str | None
    due: date | int
    overdue: bool
    day: date
    net_spend: int | None
    stake: int | None = None
    owner: str | None = None


@dataclass
class World:
    """What was recorded up to an instant, about what happened up to another."""

    events: list[Event]
    rules: dict[str, Any]
    known: int
    forgotten: set[str] = field(init=False)

    def __post_init__(self) -> None:
        # Erasure stands outside the axes of time.
        erased = {each["customer_id"] for each in self.events if each["type"] == "PersonalDataErased"}
        self.told = [each for each in self.events if each["recorded"] <= self.known]
        self.zone = ZoneInfo(self.rules["business"]["timezone"])
        self.links: dict[str, str] = {}
        for each in sorted(self.told, key=lambda each: each["position"]):
            if each["type"] == "CustomerMerged":
                self.links[each["customer_id"]] = each["event"]["into_id"]
            elif each["type"] == "MergeUndone":
                self.links.pop(each["customer_id"], None)
        self.forgotten = {self.root(each) for each in erased} | erased
        self.streams: dict[str, list[Event]] = defaultdict(list)
        for each in self.told:
            self.streams[each["stream_id"]].append(each)
        self.families: dict[str, list[Event]] = defaultdict(list)
        for each in self.told:
            if each["customer_id"] is not None:
                self.families[self.root(each["customer_id"])].append(each)
        self.probabilities = {
            (pipeline["id"], stage["id"]): Fraction(str(stage["probability"]))
            for pipeline in self.rules.get("pipeline", ())
            for stage in pipeline["stages"]
        }
        self.stale_days = {
            (pipeline["id"], stage["id"]): stage.get("stale_days")
            for pipeline in self.rules.get("pipeline", ())
            for stage in pipeline["stages"]
        }

    # ---------------------------------------------------------------------------------------------- what all share

    def root(self, customer: str) -> str:
        while customer in self.links:
            customer = self.links[customer]
        return customer

    def local(self, at: int) -> date:
        return moment(at).astimezone(self.zone).date()

    def after(self, day: date) -> int:
        """The instant at which a day ends."""
        following = day + timedelta(days=1)
        return instant(datetime(following.year, following.month, following.day, tzinfo=self.zone).astimezone(UTC))

    def begin(self, day: date) -> int:
        return self.after(day - timedelta(days=1))

    def of(self, category: str) -> Iterator[list[Event]]:
        """The streams of a category, each in order of time, its beginning first."""
        for stream in self.streams.values():
            if stream[0]["category"] == category:
                yield sorted(stream, key=lambda each: (each["version"] > 1, each["at"], _RANKS.get(each["type"], 0)))

    # ------------------------------------------------------------------------------------------------ opportunities

    def history(self, stream: list[Event]) -> list[tuple[int, State]]:
        """Each word about an opportunity: its instant, and the state after it."""
        found: list[tuple[int, State]] = []
        for each in stream:
            said, before = each["event"], found[-1][1] if found else None
            found.append((each["at"], _opened(said) if before is None else _after(before, each["type"], said)))
        return found

    def opportunities(self) -> Iterator[list[tuple[int, State]]]:
        return (self.history(stream) for stream in self.of("opportunity"))

    def is_stale(self, history: list[tuple[int, State]], as_of: int) -> bool:
        so_far = [each for each in history if each[0] <= as_of]
        last, state = so_far[-1]
        days = self.stale_days.get((state.pipeline, state.stage))
        return days is not None and as_of >= last + days * DAY

    def open_at(self, as_of: int, where: Where) -> Iterator[tuple[State, bool]]:
        for history in self.opportunities():
            state = state_at(history, as_of)
            if state is not None and state.status == "open" and state.has(where):
                yield state, self.is_stale(history, as_of)

    def shares(self, as_of: int) -> dict[tuple[str, str], tuple[int, int]]:
        """By stage: how many opportunities that first entered it 180 days ago or earlier were won 180 days after that,
        of how many."""
        found: dict[tuple[str, str], list[bool]] = defaultdict(list)
        for history in self.opportunities():
            entered: dict[str, int] = {}
            for at, state in history:
                if state.status == "open":
                    entered.setdefault(state.stage, at)
            for stage, at in entered.items():
                if at + 180 * DAY <= as_of:
                    then = state_at(history, at + 180 * DAY)
                    found[history[0][1].pipeline, stage].append(then is not None and then.status == "won")
        return {place: (sum(won), len(won)) for place, won in found.items()}

    def summed(self, found: Iterable[tuple[State, bool]], shares: dict[tuple[str, str], tuple[int, int]]) -> Sums:
        sums = Sums()
        for state, stale in found:
            place, amount = (state.pipeline, state.stage), state.amount or 0
            won, entered = shares.get(place, (0, 0))
            told = entered >= 30
            by_history = None
            if told and sums.by_history is not None:
                by_history = sums.by_history + amount * Fraction(won, entered)
            sums = Sums(
                count=sums.count + 1,
                amount=sums.amount + amount,
                unpriced=sums.unpriced + (state.amount is None),
                expected=sums.expected + amount * self.probabilities.get(place, Fraction(0)),
                by_history=by_history,
                untold=sums.untold + (not told),
                stale=sums.stale + stale,
                stale_amount=sums.stale_amount + (amount if stale else 0),
            )
        return sums

    def grouped(self, as_of: int, key: Callable[[State], Any], where: Where | None = None) -> dict[Any, Sums]:
        """The open opportunities, told apart by what `key` says of each."""
        shares, groups = self.shares(as_of), defaultdict[Any, list[tuple[State, bool]]](list)
        for state, stale in self.open_at(as_of, where or {}):
            groups[key(state)].append((state, stale))
        return {group: self.summed(found, shares) for group, found in groups.items()}

    def pipeline(self, as_of: int, by: str, where: Where | None = None) -> dict[Any, Sums]:
        if by == "stage":
            return self.grouped(as_of, lambda state: (state.pipeline, state.stage), where)
        return self.grouped(as_of, lambda state: getattr(state, by), where)

    def by_month(self, as_of: int) -> dict[tuple[str | None, bool], Sums]:
        """By the month of the expected close, and by whether that day lies before the one of the question."""
        today = self.local(as_of)

        def month(state: State) -> tuple[str | None, bool]:
            day = state.expected_close
            return (None, False) if day is None else (f"{day:%Y-%m}", day < today)

        return self.grouped(as_of, month)

    def waterfall(self, first: int, second: int, where: Where | None = None) -> dict[str, tuple[int, int]]:
        """Each part: how many opportunities, and worth how much."""
        parts = defaultdict[str, list[int]](list)
        for history in self.opportunities():
            for part, amount in _parts(history, first, second, where or {}):
                parts[part].append(amount)
        return {part: (len(found), sum(found)) for part, found in parts.items()}

    def moves(self, first: int, second: int) -> dict[tuple[str, str | None, str], tuple[int, int]]:
        """How many went from one stage to another between two instants, and what they are worth after it."""
        found = defaultdict[tuple[str, str | None, str], list[int]](list)
        for history in self.opportunities():
            before, after = state_at(history, first), state_at(history, second)
            if after is not None and (before is None or before.place != after.place):
                key = (after.pipeline, None if before is None else before.place, after.place)
                found[key].append(after.amount or 0)
        return {move: (len(amounts), sum(amounts)) for move, amounts in found.items()}

    # -------------------------------------------------------------------------------------------------------- today

    def today(self, as_of: int, days: int = 7) -> list[Line]:
        """All lines in order: what is overdue first, then by day, then by what is at stake or was spent."""
        self.as_of, self.last_day = as_of, self.local(as_of) + timedelta(days=days)
        self.until, self.since = self.after(self.last_day), as_of - days * DAY
        kinds = (self._tasks, self._reminders, self._tickets, self._quotes, self._contracts, self._at_risk)
        lines = [line for kind in kinds for line in kind() if line.customer not in self.forgotten]
        return sorted(lines, key=order)

    def _line(self, kind: str, key: str, customer: str | None, due: date | int, **more: Any) -> Line:
        """A day is over when it ends; what is due at midnight is due on the day that ends."""
        ends = due if isinstance(due, int) else self.after(due)
        more.setdefault("overdue", self.as_of >= ends)
        customer = None if customer is None else self.root(customer)
        spend = None if customer is None else self.net_spend(customer)
        return Line(kind=kind, key=key, customer=customer, due=due, day=self.local(ends - 1), net_spend=spend, **more)

    def family(self, customer: str) -> Iterator[Event]:
        """What had happened by then to everyone who is one with a customer."""
        return (each for each in self.families[customer] if each["at"] <= self.as_of)

    def net_spend(self, customer: str) -> int:
        window = self.as_of - 365 * DAY
        bought = (each for each in self.family(customer) if each["type"] == "PurchaseRecorded")
        return sum(each["event"]["amount"] for each in bought if each["at"] > window)

    def owner_of(self, customer: str) -> str | None:
        assigned = [each for each in self.family(customer) if each["type"] == "OwnerAssigned"]
        return max(assigned, key=lambda each: each["at"])["event"]["owner"] if assigned else None

    def roots(self) -> list[str]:
        return sorted(self.families)

    def so_far(self, category: str) -> Iterator[list[Event]]:
        for stream in self.of(category):
            if stream[0]["at"] <= self.as_of:
                yield [each for each in stream if each["at"] <= self.as_of]

    def _tasks(self) -> Iterator[Line]:
        for stream in self.so_far("task"):
            task = _task(stream)
            due = task.due
            if task.status != "open" or due is None:
                continue
            if (due if isinstance(due, int) else self.after(due)) > self.until:
                continue
            customer = stream[0]["customer_id"]
            owner = task.owner or (self.owner_of(self.root(customer)) if customer else None)
            yield self._line("task", stream[0]["event"]["task_id"], customer, due, owner=owner)

    def _reminders(self) -> Iterator[Line]:
        for rule in self.rules.get("care", ()):
            if rule["on"] != "first_order" or rule.get("when"):
                continue
            for customer in self.roots():
                yield from self._anniversaries(rule, customer)

    def _anniversaries(self, rule: dict[str, Any], customer: str) -> Iterator[Line]:
        orders = [each["at"] for each in self.family(customer) if each["type"] == "PurchaseRecorded"]
        if not orders:
            return
        ahead, late = timedelta(days=rule.get("ahead_days", 0)), timedelta(days=rule.get("late_days", 30))
        first = self.local(min(orders))
        words = sorted(
            (each for each in self.family(customer) if each["type"] == "ReminderSettled"), key=lambda each: each["at"]
        )
        words = [each for each in words if each["event"]["care"] == rule["id"]]
        for years in range(1, 4):
            day, following = months_later(first, 12 * years), months_later(first, 12 * years + 12)
            turn = [each["event"] for each in words if day - ahead <= _day(each["event"]["day"]) < following - ahead]
            last = turn[-1] if turn else None
            if last is not None and last["how"] != "moved":
                continue
            due = day if last is None else _day(last["moved_to"])
            if due <= self.last_day and self.local(self.as_of) <= due + late:
                owner = rule.get("owner") or self.owner_of(customer)
                yield self._line("reminder", f"{day} {rule['id']}", customer, due, owner=owner)

    def _tickets(self) -> Iterator[Line]:
        for stream in self.so_far("ticket"):
            deadlines = list(self._deadlines(stream))
            if deadlines and min(deadlines) <= self.until:
                said = stream[0]
                yield self._line("ticket", said["event"]["ticket_id"], said["customer_id"], min(deadlines))

    def _deadlines(self, stream: list[Event]) -> Iterator[int]:
        """When the clocks that still run will be, or were, late."""
        opened, targets = stream[0], self.rules["ticket"]
        priority = opened["event"].get("priority") or "normal"
        hours = {
            clock: Fraction(str(targets[clock][priority])) for clock in ("first_response_hours", "resolution_hours")
        }
        types = [each["type"] for each in stream]
        is_settled = "TicketResolved" in types or "TicketClosed" in types
        if "AgentReplied" not in types and not is_settled:
            yield opened["at"] + int(hours["first_response_hours"] * DAY / 24)
        left, since, runs = int(hours["resolution_hours"] * DAY / 24), opened["at"], True
        for each in stream:
            if runs and each["at"] - since >= left:
                break  # a deadline that has passed stays so, whoever's turn it is
            left, since = left - (each["at"] - since if runs else 0), each["at"]
            if each["type"] in ("TicketAwaitingCustomer", "TicketPutOnHold"):
                runs = False
            elif each["type"] in ("CustomerReplied", "TicketResumed"):
                runs = True
        if runs and not is_settled:
            yield since + left

    def _quotes(self) -> Iterator[Line]:
        for stream in self.so_far("quote"):
            number, offer, status = 1, stream[0]["event"], "sent"
            for each in stream[1:]:
                said = each["event"]
                if each["type"] == "QuoteRevised" and said["revision"] > number:
                    number, offer = said["revision"], said
                    status = "sent" if status == "declined" else status
                elif each["type"] == "QuoteAccepted":
                    status = "accepted"
                elif each["type"] == "QuoteDeclined" and status == "sent":
                    status = "declined"
            day = offer.get("valid_until") and _day(offer["valid_until"])
            # One that has just run out is there, too: what has a deadline that passed is overdue (ADR 44), and what
            # has just begun began in the last so many days.
            if status == "sent" and day and self.since < self.after(day) <= self.until:
                said = stream[0]
                yield self._line("quote", said["event"]["quote_id"], said["customer_id"], day, stake=gross(offer))

    def _contracts(self) -> Iterator[Line]:
        today = self.local(self.as_of)
        for stream in self.so_far("contract"):
            terms: Event = {}
            for each in stream:
                said = each["event"]
                if each["type"] == "ContractRenewed":
                    terms["end"] = said["until"]
                elif each["type"] == "ContractEnded":
                    terms |= {"end": said["on"], "renewal_months": None}
                else:
                    names = ("start", "end", "renewal_months", "notice_days", "amount")
                    terms |= {name: said[name] for name in names if said.get(name) is not None}
            if not terms.get("end") or _day(terms["start"]) > today:
                continue
            end, kind = _day(terms["end"]), "notice" if terms.get("renewal_months") else "contract"
            if kind == "notice":
                end = self._notice(end, terms["renewal_months"], terms.get("notice_days") or 0)
            if today <= end <= self.last_day:
                said = stream[0]
                yield self._line(kind, said["event"]["contract_id"], said["customer_id"], end, stake=terms["amount"])

    def _notice(self, first: date, months: int, notice_days: int) -> date:
        """The next day up to whose end notice can be given before a term ends."""
        for term in range(2_000):
            end = months_later(first + timedelta(days=1), months * term) - timedelta(days=1)
            if end - timedelta(days=notice_days) >= self.local(self.as_of):
                return end - timedelta(days=notice_days)
        raise ValueError("no term ends after this day")

    def _at_risk(self) -> Iterator[Line]:
        """Of the first ruleset: from the larger of 2 gaps and 30 days after the last order, to that of 3 and 60."""
        silver = Fraction(str(self.rules["tier"]["levels"][1]["from"])) * 100
        for customer in self.roots():
            events = list(self.family(customer))
            orders = sorted(
                (each["at"], each["event"]["amount"]) for each in events if each["type"] == "PurchaseRecorded"
            )
            if not any(_spent(orders, at) >= silver for at, _ in orders):
                continue
            gap, last = self._gap([at for at, _ in orders]), orders[-1][0]
            begins = last + max(-(-2 * gap.numerator // gap.denominator), 30 * DAY)
            ends = last + max(-(-3 * gap.numerator // gap.denominator), 60 * DAY)
            is_near = self.since < begins <= self.until and self.as_of < ends
            if is_near and not any(_is_contact(each) and each["at"] > self.since for each in events):
                yield self._line("at_risk", "", customer, begins, overdue=False, owner=self.owner_of(customer))

    def _gap(self, orders: list[int]) -> Fraction:
        """The expected gap of a customer, in microseconds."""
        cadence = self.rules["cadence"]
        weight, prior = Fraction(str(cadence["prior_weight"])), Fraction(str(cadence["prior_gap_days"])) * DAY
        count = len({self.local(at) for at in orders}) if cadence.get("buying_days") else len(orders)
        expected = (orders[-1] - orders[0] + weight * prior) / (count - 1 + weight)
        return max(Fraction(str(cadence["min_gap_days"])) * DAY, expected)


# ------------------------------------------------------------------------------------------------------ pure functions


def state_at(history: list[tuple[int, State]], at: int) -> State | None:
    if history[0][0] > at:
        return None
    return [state for when, state in history if when <= at][-1]


def order(line: Line) -> tuple[bool, date, int]:
    """What is overdue first, then by day, then what is worth most."""
    worth = line.stake if line.stake is not None else line.net_spend
    return not line.overdue, line.day, -(worth or 0)


def gross(offer: Event) -> int:
    """What a revision comes to with tax, rounded half up once per rate on the net or the gross total of that rate."""
    totals = defaultdict[str, int](int)
    for line in offer["lines"]:
        totals[line["tax_rate"]] += line["amount"]
    if offer.get("prices") == "gross":
        return sum(totals.values())
    return sum(net + int(net * Fraction(rate) / 100 + Fraction(1, 2)) for rate, net in totals.items())


def _spent(orders: list[tuple[int, int]], until: int) -> int:
    """What was spent in the 365 days up to an instant."""
    return sum(amount for at, amount in orders if until - 365 * DAY < at <= until)


def _opened(said: Event) -> State:
    return State(
        status="open",
        pipeline=said["pipeline"],
        stage=said["stage"],
        amount=said.get("amount"),
        owner=said.get("owner"),
        source=said.get("source"),
        expected_close=_day(said["expected_close"]) if said.get("expected_close") else None,
    )


def _after(state: State, kind: str, said: Event) -> State:
    fields = dict(vars(state))
    if kind == "OpportunityStageChanged" and state.status == "open":
        fields["stage"] = said["stage"]
    elif kind == "OpportunityChanged":
        for name in said["changed"]:
            if name == "expected_close":
                fields[name] = _day(said[name]) if said.get(name) else None
            elif name in fields:
                fields[name] = said.get(name)
    elif kind == "OpportunityWon" and state.status in ("open", "won"):
        fields["status"] = "won"
        if said.get("amount") is not None:
            fields["amount"] = said["amount"]
    elif kind == "OpportunityLost" and state.status == "open":
        fields["status"] = "lost"
    elif kind == "OpportunityReopened" and state.status != "open":
        fields |= {"status": "open", "stage": said.get("stage") or state.stage}
    return State(**fields)


def _parts(history: list[tuple[int, State]], first: int, second: int, where: Where) -> Iterator[tuple[str, int]]:
    """What one opportunity adds to a waterfall."""
    before, after = state_at(history, first), state_at(history, second)
    was_open = before is not None and before.status == "open" and before.has(where)
    is_open = after is not None and after.status == "open" and after.has(where)
    if was_open:
        assert before is not None
        yield "before", before.amount or 0
    if is_open:
        assert after is not None
        yield "after", after.amount or 0
    if where or after is None:  # what moves into a filter and out of it is not told in detail by the docs
        return
    worth = after.amount or 0
    if was_open:
        assert before is not None
        grown = worth - (before.amount or 0)
        if grown:
            yield ("grown", grown) if grown > 0 else ("shrunk", -grown)
    closed_between = after.status != "open" and _closed_last(history, second) > first
    if not was_open and (is_open or closed_between):
        yield ("new" if before is None else "reopened"), worth
    if closed_between:
        yield after.status, worth


def _closed_last(history: list[tuple[int, State]], until: int) -> int:
    found, before = -1, "open"
    for at, state in history:
        if at <= until and state.status != "open" and before == "open":
            found = at
        before = state.status
    return found


@dataclass
class _Task:
    """A task by the days on which it falls, found by walking through them."""

    first: date | None
    due_at: int | None
    every: int | None
    unit: str | None
    ends: date | None
    owner: str | None
    status: str = "open"
    place: int = 0
    snoozed: date | int | None = None
    settled: int | None = None

    @property
    def due(self) -> date | int | None:
        if self.snoozed is not None:
            return self.snoozed
        return self.due_at if self.first is None else self.day(self.place)

    def day(self, place: int) -> date | None:
        """The day with a place; none beyond the end."""
        if self.first is None or place == 0 or self.every is None:
            return self.first
        count = place * self.every
        if self.unit in ("day", "week"):
            day = self.first + timedelta(days=count * (7 if self.unit == "week" else 1))
        else:
            day = months_later(self.first, count, 31 if self.unit == "month_end" else None)
        return None if self.ends is not None and day > self.ends else day

    def complete(self, on: date) -> None:
        self.settled = self.place
        following = self.place + 1
        while self.every is not None and (day := self.day(following)) is not None:
            if day > on:
                self.place, self.snoozed = following, None
                return
            following += 1
        self.status = "done"

    def reopen(self) -> None:
        if self.status == "dropped":
            self.status, self.settled = "open", None
        elif self.settled is not None:
            if self.place != self.settled:
                self.place, self.snoozed = self.settled, None
            self.status, self.settled = "open", None


def _task(stream: list[Event]) -> _Task:
    said = stream[0]["event"]
    task = _Task(
        first=_day(said["due_day"]) if said.get("due_day") else None,
        due_at=said.get("due_at"),
        every=said.get("every"),
        unit=said.get("unit"),
        ends=_day(said["ends"]) if said.get("ends") else None,
        owner=said.get("owner"),
    )
    for each in stream[1:]:
        said, kind = each["event"], each["type"]
        if kind == "TaskReopened":
            task.reopen()
        elif task.status != "open":
            continue
        elif kind == "TaskCompleted":
            task.complete(_day(said["day"]))
        elif kind == "TaskDropped":
            task.status = "dropped"
        elif kind == "TaskSnoozed":
            task.snoozed = _day(said["due_day"]) if said.get("due_day") else said["due_at"]
        elif kind == "TaskReassigned":
            task.owner = said.get("owner")
    return task


def _is_contact(each: Event) -> bool:
    """A call is taken for made once any interaction was recorded (docs/limits.md).

    The fact `days_since_contact` counts tickets, too; that sentence doesn't.
    """
    return each["type"] == "InteractionRecorded"


def _day(text: str) -> date:
    return date.fromisoformat(text)


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def read(lines: str) -> list[Event]:
    """The events of an export, with the instants at which they happened and were recorded."""
    found = [json.loads(line) for line in lines.splitlines() if line.strip()]
    return [
        each | {"at": instant(_time(each["occurred_at"])), "recorded": instant(_time(each["recorded_at"]))}
        for each in found
    ]


def main(argv: list[str]) -> int:
    if len(argv) not in (3, 4):
        sys.stderr.write("expected EVENTS.jsonl RULES.toml DAY [EARLIER_DAY]\n")
        return 2
    events, rules = (Path(path).read_text(encoding="utf-8") for path in argv[:2])
    world = World(read(events), tomllib.loads(rules), instant(datetime(9000, 1, 1, tzinfo=UTC)))
    day = _day(argv[2])
    earlier = _day(argv[3]) if len(argv) == 4 else day - timedelta(days=30)
    as_of, first = world.after(day) - 1, world.after(earlier) - 1
    shares = world.shares(as_of)
    found = {
        "pipeline": {by: _plain(world.pipeline(as_of, by)) for by in ("stage", "owner", "source")},
        "history": {" ".join(place): share for place, share in shares.items()},
        "months": _plain(world.by_month(as_of)),
        "waterfall": world.waterfall(first, as_of),
        "moves": _plain(world.moves(first, as_of)),
        "today": [vars(line) for line in world.today(as_of)],
    }
    text = json.dumps(
        found, indent=2, default=lambda value: float(value) if isinstance(value, Fraction) else str(value)
    )
    sys.stdout.write(text + "\n")
    return 0


def _plain(groups: dict[Any, Any]) -> dict[str, Any]:
    names = {key: " ".join(map(str, key)) if isinstance(key, tuple) else str(key) for key in groups}
    return {names[key]: vars(value) if isinstance(value, Sums) else value for key, value in groups.items()}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
