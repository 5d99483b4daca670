"""The simulated customers: a name, and habits that the business never gets to see."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

FIRST_NAMES = (
    "Ada", "Aiko", "Amara", "Anders", "Anja", "Antonio", "Ayşe", "Bea", "Bilal", "Bruno", "Carmen", "Chidi", "Clara",
    "Daan", "Dara", "Diego", "Ebba", "Elif", "Emil", "Esra", "Fatima", "Femi", "Finn", "Freya", "Gabriel", "Greta",
    "Hana", "Henrik", "Ines", "Ivan", "Jakub", "Joana", "Jonas", "Kaito", "Karim", "Katja", "Lars", "Leila", "Lena",
    "Linh", "Luca", "Maja", "Malik", "Marta", "Mateo", "Mei", "Mira", "Nadia", "Nils", "Noor", "Olga", "Omar", "Paula",
    "Pavel", "Priya", "Rafael", "Ravi", "Rosa", "Samir", "Sanna", "Sofia", "Tariq", "Theo", "Tomás", "Uma", "Viktor",
    "Wanda", "Yusuf", "Zoë", "Zuri",
)  # fmt: skip
LAST_NAMES = (
    "Adeyemi", "Almeida", "Andersen", "Bauer", "Becker", "Bianchi", "Brandt", "Costa", "Demir", "Diallo", "Dubois",
    "Eriksen", "Fischer", "Fontana", "García", "Haddad", "Hansen", "Hoang", "Horvat", "Ivanova", "Jansen", "Kaya",
    "Keller", "Kim", "Kowalski", "Krause", "Larsen", "Lindqvist", "Marino", "Meyer", "Moreau", "Mwangi", "Nakamura",
    "Novak", "Okafor", "Olsen", "Patel", "Peeters", "Pereira", "Petrov", "Quinn", "Richter", "Romero", "Rossi", "Saito",
    "Santos", "Sharma", "Silva", "Svensson", "Tanaka", "Torres", "Vogel", "Weber", "Wójcik", "Yılmaz", "Zhang",
)  # fmt: skip
SOURCES = ("search", "search", "friend", "market stall", "instagram", "newsletter", "fair")
LOCALES = ("de-DE", "de-DE", "de-DE", "en-GB", "fr-FR", "nl-NL", "it-IT")


@dataclass(frozen=True, slots=True, kw_only=True)
class Habits:
    """What a customer is like. `rhythm` is in days, `basket` in currency, chances are those per order."""

    buys: bool
    rhythm: float
    steadiness: float
    basket: float
    christmas: float
    lapses: float
    comes_back: float
    content: float
    talkative: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A simulated customer: what they tell the shop, and their habits."""

    ref: str
    name: str
    email: str
    phone: str | None
    source: str
    locale: str
    kind: str
    arrives: datetime
    habits: Habits


def invent_people(random: Random, count: int, start: datetime, end: datetime) -> list[Person]:
    """Some people in the order in which they arrive: ever more of them, and most before Christmas."""
    arrivals = sorted(_arrival(random, start, end) for _ in range(count))
    return [_invent(random, number, arrives) for number, arrives in enumerate(arrivals, start=1001)]


def season(moment: datetime) -> float:
    """How much busier than usual a shop for nice things is at this time of the year."""
    day = moment.timetuple().tm_yday
    if 320 <= day <= 355:
        return 1.6
    return 0.8 if 190 <= day <= 235 else 1.0


def _arrival(random: Random, start: datetime, end: datetime) -> datetime:
    while True:
        arrives = start + (end - start) * random.betavariate(1.15, 1.1)
        if random.random() < season(arrives) / 1.6:
            return arrives.replace(hour=random.randint(7, 21), minute=random.randint(0, 59), second=0, microsecond=0)


def _invent(random: Random, number: int, arrives: datetime) -> Person:
    first, last = random.choice(FIRST_NAMES), random.choice(LAST_NAMES)
    kind = random.choices(("household", "enthusiast", "office", "gift buyer"), weights=(60, 20, 7, 13))[0]
    return Person(
        ref=f"shop:{number}",
        name=f"{first} {last}",
        email=f"{_plain(first)}.{_plain(last)}.{number}@example.{random.choice(('com', 'org'))}",
        phone=f"+49 30 {random.randint(1_000_000, 9_999_999)}" if random.random() < 0.4 else None,
        source=random.choice(SOURCES),
        locale=random.choice(LOCALES),
        kind=kind,
        arrives=arrives,
        habits=_habits(random, kind),
    )


def _habits(random: Random, kind: str) -> Habits:
    rhythm, basket, christmas, lapses = {
        "household": (38.0, 26.0, 1.2, 0.09),
        "enthusiast": (24.0, 38.0, 1.1, 0.05),
        "office": (21.0, 88.0, 0.9, 0.035),
        "gift buyer": (110.0, 54.0, 2.2, 0.22),
    }[kind]
    return Habits(
        buys=random.random() < (0.95 if kind == "office" else 0.8),
        rhythm=max(9.0, rhythm * random.lognormvariate(0.0, 0.35)),
        steadiness=random.uniform(2.0, 8.0),
        basket=basket * random.lognormvariate(0.0, 0.35),
        christmas=christmas,
        lapses=lapses * random.uniform(0.4, 1.6),
        comes_back=random.uniform(0.25, 0.75),
        content=random.betavariate(6.0, 2.0),
        talkative=random.betavariate(1.2, 6.0),
    )


def _plain(name: str) -> str:
    """A name in ASCII letters, for an address."""
    decomposed = unicodedata.normalize("NFKD", name.lower().replace("ı", "i").replace("ł", "l"))
    return decomposed.encode("ascii", "ignore").decode()


def pause(random: Random, days: float, steadiness: float) -> timedelta:
    """A pause of about so many days; the steadier, the closer to it."""
    return timedelta(days=random.gammavariate(steadiness, days / steadiness))
