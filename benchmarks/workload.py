"""The customers of a business over four years: who does what when, from a seed.

Orders are spread as they are: a few customers have very many, most a handful, a fifth none. Of what happens, one in
fifty is heard of only days later, and a few customers turn out to be the same person.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum, auto
from random import Random
from typing import NamedTuple

VERSION = 1

DAY = 86_400
YEARS = 4 * 365 * DAY
MOST_ORDERS = 3_000


class Action(IntEnum):
    """What can happen; where two happen at once to one customer, in this order."""

    REGISTER = auto()
    REFER = auto()
    CONSENT = auto()
    QUALIFY = auto()
    OWN = auto()
    TAG = auto()
    BUY = auto()
    RETURN = auto()
    HEAR = auto()
    WRITE = auto()
    ANSWER = auto()
    NOTE = auto()
    PREFER = auto()
    CHANGE = auto()
    ENROLL = auto()
    WELCOME = auto()
    REDEEM = auto()
    SUSPEND = auto()
    RESUME = auto()
    PROMOTE = auto()
    OPEN = auto()
    CLASSIFY = auto()
    ASSIGN = auto()
    REPLY = auto()
    AWAIT = auto()
    REPLY_BACK = auto()
    RESOLVE = auto()
    RATE = auto()
    UNTAG = auto()
    OBJECT = auto()
    CANCEL = auto()
    SAY_WHY = auto()
    CLOSE = auto()
    REOPEN = auto()
    MERGE = auto()
    FORGET = auto()


class Moment(NamedTuple):
    """Something that a customer, by number, does; `known` in seconds from the start, and happened `late` before.

    `serial` counts orders, tickets and so on, each kind of one customer.
    """

    known: int
    customer: int
    action: Action
    serial: int
    late: int = 0


def live(seed: int, events: int, customers: int) -> list[Moment]:
    """All that happens, in the order in which it becomes known.

    It is as much as was asked for or a little more, to be cut off: the last weeks are then in the middle of things.
    """
    orders = events / 2
    while len(happened := _lives(seed, orders, customers)) < events:
        orders *= 1.1
    return happened


def _lives(seed: int, orders: float, customers: int) -> list[Moment]:
    random = Random(seed)  # noqa: S311 - a benchmark must be repeatable, not unguessable
    arrivals = sorted(int(YEARS * 0.9 * random.betavariate(1.0, 1.3)) for _ in range(customers))
    counts = _orders(random, customers, orders)
    return sorted(
        moment
        for customer, (arrives, count) in enumerate(zip(arrivals, counts, strict=True))
        for moment in _Life(random, customer, arrives, count).moments()
        if moment.known < YEARS
    )


def is_duplicate(customer: int) -> bool:
    """Whether this one is the customer before under another number."""
    return customer % 400 == 7


def is_forgotten(customer: int) -> bool:
    """Whether this one asks to be forgotten in the end, and can't be spoken of by reference from then on."""
    return customer % 500 == 13


def _orders(random: Random, customers: int, total: float) -> list[int]:
    shares = [0.0 if random.random() < 0.2 else random.paretovariate(1.3) for _ in range(customers)]
    scale = total / (sum(shares) or 1.0)
    return [min(MOST_ORDERS, int(share * scale + random.random()) if share else 0) for share in shares]


class _Life:
    """One customer's life, told in no particular order."""

    def __init__(self, random: Random, customer: int, arrives: int, orders: int) -> None:
        self._random = random
        self._customer = customer
        self._arrives = arrives
        self._orders = orders
        self._told: list[Moment] = []
        self._tickets = 0
        self._last = arrives

    def moments(self) -> list[Moment]:
        self._arrive()
        instants = list(self._shopping())
        for serial, at in enumerate(instants):
            self._buy(serial, at)
        if not instants:
            self._look_around()
        elif not is_duplicate(self._customer) and 3 <= len(instants) <= 300 and self._chance(0.35):
            self._join(instants[2] + 300)
        self._end()
        return self._told

    def _arrive(self) -> None:
        at = self._arrives
        self._tell(at, Action.REGISTER)
        if self._customer > 10 and self._chance(0.08):
            self._tell(at + 60, Action.REFER)
        if self._chance(0.6):
            self._tell(at + 90, Action.CONSENT)
        if self._chance(0.1):
            self._tell(at + 120, Action.OWN)
        if self._chance(0.15):
            self._tell(at + self._days(1, 400), Action.CHANGE)
        if self._chance(0.1):
            self._tell(at + self._days(1, 400), Action.PREFER)
        if self._chance(0.12):
            self._tell(at + self._days(1, 200), Action.NOTE)

    def _shopping(self) -> Iterator[int]:
        span = (YEARS - self._arrives) * self._random.uniform(0.25, 1.0)
        at = float(self._arrives + self._days(0, 10))
        for _ in range(self._orders):
            yield int(at)
            at += span / self._orders * self._random.gammavariate(1.5, 1 / 1.5)

    def _look_around(self) -> None:
        at = self._arrives + self._days(1, 20)
        self._tell(at, Action.HEAR, 0)
        if self._chance(0.4):
            self._tell(at + self._days(1, 4), Action.QUALIFY)
        for serial in range(self._random.randrange(4)):
            self._tell(at + self._days(20, 400), Action.WRITE, serial)

    def _buy(self, serial: int, at: int) -> None:
        late = self._days(1, 20) if self._chance(0.02) else 0
        self._tell(at + late, Action.BUY, serial, late)
        self._last = max(self._last, at + late)
        if self._chance(0.04):
            self._tell(at + late + self._days(3, 14), Action.RETURN, serial)
        if self._chance(0.15):
            late = self._days(1, 5) if self._chance(0.05) else 0
            self._tell(at + 7_200 + late, Action.HEAR, serial, late)
        if self._chance(0.2):
            self._tell(at + self._days(1, 4), Action.WRITE, serial)
        if self._chance(0.08):
            self._tell(at + self._days(4, 20), Action.ANSWER, serial)
        if self._chance(0.04):
            self._ask(at + self._days(1, 8))
        if serial == 4:
            self._tell(at + 60, Action.TAG)

    def _ask(self, at: int) -> None:
        serial, self._tickets = self._tickets, self._tickets + 1
        self._tell(at, Action.OPEN, serial)
        if self._chance(0.3):
            self._tell(at + 600, Action.CLASSIFY, serial)
        self._tell(at + 900, Action.ASSIGN, serial)
        at += self._days(0.05, 1.5)
        self._tell(at, Action.REPLY, serial)
        if self._chance(0.3):
            self._tell(at + 5, Action.AWAIT, serial)
            at += self._days(0.1, 2)
            self._tell(at, Action.REPLY_BACK, serial)
        at += self._days(0.1, 4)
        self._tell(at, Action.RESOLVE, serial)
        if self._chance(0.1):
            self._tell(at + 3_600, Action.REPLY_BACK, serial)
            at += self._days(0.1, 2)
            self._tell(at + 3_600, Action.RESOLVE, serial)
        if self._chance(0.4):
            self._tell(at + 3_600 + self._days(0.1, 3), Action.RATE, serial)

    def _join(self, at: int) -> None:
        self._tell(at, Action.ENROLL)
        self._tell(at + 60, Action.WELCOME)
        for serial in range(self._random.randrange(3)):
            self._tell(at + self._days(15 + 100 * serial, 100 + 100 * serial), Action.REDEEM, serial)
        if self._chance(0.03):
            self._tell(at + self._days(310, 320), Action.SUSPEND)
            self._tell(at + self._days(321, 350), Action.RESUME)
        if self._chance(0.03):
            self._tell(at + self._days(351, 360), Action.PROMOTE)

    def _end(self) -> None:
        at = self._last + self._days(60, 120)
        if is_duplicate(self._customer):
            self._tell(self._after_all(), Action.MERGE)
        elif is_forgotten(self._customer):
            self._tell(self._after_all(), Action.FORGET)
        elif self._chance(0.06):
            self._tell(at, Action.CANCEL)
            self._tell(at + 60, Action.SAY_WHY)
            if self._chance(0.5):
                self._tell(at + 7 * DAY, Action.CLOSE)
                if self._chance(0.2):
                    self._tell(at + self._days(20, 200), Action.REOPEN)
            else:
                self._tell(at + 7 * DAY, Action.OBJECT)
        elif self._orders > 4 and self._chance(0.1):
            self._tell(at, Action.UNTAG)

    def _after_all(self) -> int:
        return max(moment.known for moment in self._told) + DAY

    def _tell(self, known: int, action: Action, serial: int = 0, late: int = 0) -> None:
        self._told.append(Moment(known, self._customer, action, serial, late))

    def _chance(self, probability: float) -> bool:
        return self._random.random() < probability

    def _days(self, least: float, most: float) -> int:
        return int(DAY * self._random.uniform(least, most))
