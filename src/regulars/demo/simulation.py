"""Two years of a small coffee roaster's web shop: simulated in memory, then recorded week by week.

The same seed gives the same business, whatever the day it runs on: all chance comes from `random.Random`s made from the
seed, and the clock is a simulated one that ends at END.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from random import Random
from typing import Literal
from zoneinfo import ZoneInfo

from regulars.crm import Regulars
from regulars.crm_domain.command import Channel, Command
from regulars.crm_domain.customer import (
    AssignOwner,
    ChangeContactDetails,
    CloseAccount,
    GiveConsent,
    MakeReferral,
    QualifyLead,
    RecordChurnReason,
    RecordPreference,
    RegisterCustomer,
    ReopenAccount,
    RequestCancellation,
    TagCustomer,
    UntagCustomer,
    WithdrawCancellation,
    WithdrawConsent,
)
from regulars.crm_domain.interaction import AddNote, RecordInteraction, RecordSurveyAnswer
from regulars.crm_domain.purchase import OrderLine, RecordPurchase, RecordReturn
from regulars.crm_domain.ticket import OpenTicket, TicketCommand
from regulars.demo.helpdesk import AGENT, run_desk
from regulars.demo.members import take_part
from regulars.demo.people import Person, invent_people, pause, season
from regulars.demo.selling import sell
from regulars.demo.surveys import with_surveys
from regulars.demo.timing import when

ZONE = ZoneInfo("Europe/Berlin")
LAST_DAY = date(2026, 11, 20)
#: The last instant of LAST_DAY, so that `--as-of 2026-11-20` later asks exactly what the walk-through asked.
END = datetime.combine(LAST_DAY + timedelta(days=1), time.min, ZONE).astimezone(UTC) - timedelta(microseconds=1)
START = END - timedelta(days=730)
CUSTOMERS = 350

_WEEK = timedelta(days=7)
#: From a last order to the account being closed; a customer who comes back comes later.
_LONGEST_GOODBYE = timedelta(days=60)
_CHANNELS: tuple[Channel, ...] = ("email", "chat", "phone")
_OWNERS = ("mara", "jonas")
_GRINDS = ("whole bean", "espresso", "filter", "french press")
_COFFEES = ("huila-250", "sidamo-250", "house-500", "house-1000", "decaf-250", "espresso-1000", "filters-100")
_CAUSES = ("price", "taste", "delivery", "moved away", "drinks less coffee")


@dataclass(slots=True)
class SimulatedClock:
    """A clock that stands still until it is set."""

    now: datetime = START

    def __call__(self) -> datetime:
        """The simulated time."""
        return self.now


def simulate(seed: int) -> list[Command]:
    """All that happens in the business, each as a command with the time it happens at, in order of time."""
    random = Random(seed)  # noqa: S311 - a simulation must be repeatable, not unguessable
    people = invent_people(random, CUSTOMERS, START, END)
    happened: list[Command] = []
    for index, person in enumerate(people):
        happened += _referral(random, person, people[:index])
        happened += _Life(random, person).live()
    # Chance of their own: the orders stay the same, whatever the program and the help desk become.
    happened += _memberships(Random(f"{seed} membership"), happened)  # noqa: S311
    happened += _tickets(Random(f"{seed} tickets"), happened)  # noqa: S311
    happened = list(with_surveys(Random(f"{seed} surveys"), happened))  # noqa: S311
    offices = [person for person in people if person.kind == "office"]
    happened += sell(Random(f"{seed} selling"), offices, END)  # noqa: S311
    # A stable sort: what one customer does at the same instant keeps its order, and registrations precede referrals.
    happened = [command for command in happened if when(command) <= END]
    happened.sort(key=lambda command: (when(command), not isinstance(command, RegisterCustomer)))
    return list(_with_order_numbers(happened))


def record(
    crm: Regulars, clock: SimulatedClock, happened: Sequence[Command], advance: Callable[[int], None] = lambda _: None
) -> None:
    """Carry out what happened, week by week; `advance` is told how many commands each week held.

    A week is a transaction, and another one where somebody worked at the help desk: they act under their own name.
    """
    done = 0
    while clock.now < END:
        clock.now = min(clock.now + _WEEK, END)
        week: list[Command] = []
        while done + len(week) < len(happened) and when(happened[done + len(week)]) <= clock.now:
            week.append(happened[done + len(week)])
        desk = [command for command in week if isinstance(command, OpenTicket | TicketCommand)]
        shop = [command for command in week if not isinstance(command, OpenTicket | TicketCommand)]
        if shop:
            crm.do(shop)
        if desk:
            with crm.acting(actor=AGENT):
                crm.do(desk)
        done += len(week)
        advance(len(week))


def _memberships(random: Random, happened: Sequence[Command]) -> list[Command]:
    returned = frozenset(command.order_id for command in happened if isinstance(command, RecordReturn))
    orders: dict[str, list[RecordPurchase]] = {}
    for order in _orders(happened):
        orders.setdefault(order.customer, []).append(order)
    return [command for theirs in orders.values() for command in take_part(random, theirs, returned)]


def _tickets(random: Random, happened: Sequence[Command]) -> list[Command]:
    return run_desk(random, sorted(_orders(happened), key=lambda order: (when(order), order.order_id)), END)


def _orders(happened: Sequence[Command]) -> Iterator[RecordPurchase]:
    yield from (command for command in happened if isinstance(command, RecordPurchase) and when(command) <= END)


def _with_order_numbers(happened: Sequence[Command]) -> Iterator[Command]:
    """Lives are lived one after the other, so orders get their numbers afterwards, in order of time."""
    numbers: dict[str, str] = {}
    for command in happened:
        if isinstance(command, RecordPurchase):
            numbers[command.order_id] = f"A-{10_001 + len(numbers)}"
        if isinstance(command, RecordPurchase | RecordReturn):
            command = command.model_copy(update={"order_id": numbers[command.order_id]})
        yield command


def _money(amount: float) -> Decimal:
    return Decimal(f"{amount:.2f}")


def _referral(random: Random, person: Person, earlier: Sequence[Person]) -> Iterator[Command]:
    if person.source == "friend" and earlier:
        yield MakeReferral(customer=random.choice(earlier).ref, referred=person.ref, occurred_at=person.arrives)


@dataclass(slots=True)
class _Life:
    """One customer's life with the shop, from the first visit to END."""

    random: Random
    person: Person
    happened: list[Command] = field(default_factory=list)
    orders: int = 0
    account: Literal["open", "cancelling", "closed"] = "open"

    def live(self) -> list[Command]:
        """Everything this customer does, and everything the shop does for them; some of it after END."""
        self._arrive(self.person.arrives)
        if self.person.habits.buys:
            self._buy_again_and_again(self._after(self.person.arrives, 0, 12))
        else:
            self._look_around(self.person.arrives)
        return self.happened

    # ------------------------------------------------------------------------------------------------ the beginning

    def _arrive(self, at: datetime) -> None:
        who, person = self.person.ref, self.person
        self.happened.append(
            RegisterCustomer(
                ref=who,
                name=person.name,
                email=person.email,
                phone=person.phone,
                source=person.source,
                locale=person.locale,
                occurred_at=at,
            )
        )
        if self._chance(0.6):
            self.happened.append(GiveConsent(customer=who, channel="email", purpose="newsletter", occurred_at=at))
            if self._chance(0.12):
                later = self._after(at, 20, 500)
                self.happened.append(
                    WithdrawConsent(customer=who, channel="email", purpose="newsletter", occurred_at=later)
                )
        if person.kind == "office":
            self.happened.append(TagCustomer(customer=who, label="wholesale", occurred_at=at))
            self.happened.append(AssignOwner(customer=who, owner=self.random.choice(_OWNERS), occurred_at=at))

    def _look_around(self, at: datetime) -> None:
        """Never buys, however interested."""
        who = self.person.ref
        if self._chance(0.4):
            at = self._after(at, 1, 30)
            self.happened.append(
                RecordInteraction(
                    customer=who,
                    channel=self.random.choice(_CHANNELS),
                    direction="inbound",
                    summary="Asked about brewing courses",
                    occurred_at=at,
                )
            )
            self.happened.append(QualifyLead(customer=who, occurred_at=self._after(at, 0, 3)))
        while self._chance(0.55):
            at = self._after(at, 20, 120)
            self.happened.append(RecordInteraction(customer=who, channel="email", direction="outbound", occurred_at=at))

    # ----------------------------------------------------------------------------------------------------- the years

    def _buy_again_and_again(self, at: datetime) -> None:
        habits = self.person.habits
        while at <= END:
            self._order(at)
            if self._chance(habits.lapses * (1.6 - habits.content)):
                self._leave(at)
                if not self._chance(habits.comes_back):
                    return
                at += _LONGEST_GOODBYE + pause(self.random, habits.rhythm * 5, 3.0)
                self._return_to_the_shop(at)
            else:
                at += pause(self.random, habits.rhythm / self._season(at), habits.steadiness)
            at = self._opening_hours(at)

    def _order(self, at: datetime) -> None:
        self.orders += 1
        order_id = f"{self.person.ref}/{self.orders}"
        festive = 1.25 if season(at) > 1 else 1.0
        amount = max(6.0, self.person.habits.basket * self.random.lognormvariate(0.0, 0.25) * festive)
        self.happened.append(
            RecordPurchase(
                customer=self.person.ref,
                order_id=order_id,
                amount=_money(amount),
                lines=tuple(OrderLine(sku=sku) for sku in self.random.sample(_COFFEES, self.random.randint(1, 3))),
                channel="web",
                occurred_at=at,
            )
        )
        if self._chance(0.035):
            self._send_back(order_id, amount, at)
        self._talk(at)
        self._answer_surveys(at)
        if self.orders == 5:
            self._become_known(at)

    def _send_back(self, order_id: str, amount: float, at: datetime) -> None:
        part = None if self._chance(0.5) else _money(amount / 3)
        self.happened.append(RecordReturn(order_id=order_id, amount=part, occurred_at=self._after(at, 4, 16)))

    def _talk(self, at: datetime) -> None:
        who = self.person.ref
        if self._chance(self.person.habits.talkative * 0.6):
            channel = self.random.choice(_CHANNELS)
            asked = self._after(at, 1, 9)
            self.happened.append(
                RecordInteraction(customer=who, channel=channel, direction="inbound", occurred_at=asked)
            )
            answered = asked + timedelta(minutes=self.random.randint(20, 900))
            self.happened.append(
                RecordInteraction(customer=who, channel=channel, direction="outbound", occurred_at=answered)
            )

    def _answer_surveys(self, at: datetime) -> None:
        who, mood = self.person.ref, self.person.habits.content + self.random.gauss(0.0, 0.15)
        if self._chance(0.07):
            score = min(10, max(0, round(mood * 11)))
            self.happened.append(
                RecordSurveyAnswer(customer=who, survey="nps", score=score, occurred_at=self._after(at, 6, 20))
            )
        if self._chance(0.05):
            score = min(5, max(1, round(mood * 5.5)))
            self.happened.append(
                RecordSurveyAnswer(customer=who, survey="csat", score=score, occurred_at=self._after(at, 3, 8))
            )

    def _become_known(self, at: datetime) -> None:
        """By the fifth order somebody has noticed them."""
        who = self.person.ref
        self.happened.append(TagCustomer(customer=who, label="regular", occurred_at=at))
        self.happened.append(
            RecordPreference(customer=who, key="grind", value=self.random.choice(_GRINDS), occurred_at=at)
        )
        if self._chance(0.3):
            self.happened.append(AddNote(customer=who, text="Likes to hear about new harvests", occurred_at=at))
        if self._chance(0.1):
            self.happened.append(
                ChangeContactDetails(customer=who, email=f"new.{self.person.email}", occurred_at=self._after(at, 5, 90))
            )

    # ------------------------------------------------------------------------------------------- leaving, and coming

    def _leave(self, at: datetime) -> None:
        """Most just fall silent; some say so, and a few of those close their account."""
        who = self.person.ref
        self._write_to_the_silent(at)
        if self.account != "open" or not self._chance(0.16):
            return
        at = self._after(at, 10, 45)
        self.account = "cancelling"
        self.happened.append(RequestCancellation(customer=who, occurred_at=at))
        self.happened.append(RecordChurnReason(customer=who, cause=self.random.choice(_CAUSES), occurred_at=at))
        if self._chance(0.4):
            self.account = "closed"
            self.happened.append(CloseAccount(customer=who, occurred_at=at + timedelta(days=7)))

    def _write_to_the_silent(self, at: datetime) -> None:
        if self._chance(0.5):
            at += timedelta(days=self.random.randint(60, 120))
            self.happened.append(
                RecordInteraction(customer=self.person.ref, channel="email", direction="outbound", occurred_at=at)
            )

    def _return_to_the_shop(self, at: datetime) -> None:
        who = self.person.ref
        if self.account == "closed":
            self.happened.append(ReopenAccount(customer=who, occurred_at=at))
        elif self.account == "cancelling":
            self.happened.append(WithdrawCancellation(customer=who, occurred_at=at))
        self.account = "open"
        if self.orders >= 5 and self._chance(0.3):
            self.happened.append(UntagCustomer(customer=who, label="regular", occurred_at=at))

    # ------------------------------------------------------------------------------------------------------- chance

    def _chance(self, probability: float) -> bool:
        return self.random.random() < probability

    def _after(self, at: datetime, from_days: float, to_days: float) -> datetime:
        return at + timedelta(days=self.random.uniform(from_days, to_days))

    def _season(self, at: datetime) -> float:
        return self.person.habits.christmas if season(at) > 1 else season(at)

    def _opening_hours(self, at: datetime) -> datetime:
        """Nobody orders at four in the morning; never earlier than it was."""
        return at if at.hour >= 6 else at + timedelta(hours=6)
