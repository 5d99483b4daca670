"""What is to be done on a day, worked out from what was said to a store: no part of the library is used here.

Another way to the same lines, to hold the library's against. Where the library asks intervals that it stored, this
script reads what was said up to an instant and asks each question directly: whose ticket is late when, who becomes at
risk when, whose points expire. It knows the rules that a store is founded with, and as much of the words as the shop
that the tests draw says: people with one identity each, orders of one day each, tickets that are opened, answered and
resolved, calls, surveys, members who earn points and never spend any, tasks of customers and of nobody, quotes that are
accepted or not, and contracts that end or renew.

Everything is exact: instants are integer microseconds since 1970, gaps are Fractions.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("Europe/Berlin")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
HOUR = 3_600_000_000
DAY = 24 * HOUR
YEAR = 365 * DAY

FIRST_ANSWER = {"urgent": HOUR, "high": 4 * HOUR, "normal": 24 * HOUR, "low": 24 * HOUR}
RESOLUTION = {"urgent": 8 * HOUR, "high": 24 * HOUR, "normal": 72 * HOUR, "low": 168 * HOUR}
TIERS = ((150_00, "silver"), (500_00, "gold"), (1000_00, "platinum"))
ASK_AGAIN = 90 * DAY
SHOWN = 10

#: What was said: its instant, of whom, what, and the rest: (at, who, "order", amount in minor units), (at, who,
#: "call"), (at, who, "ticket", id, priority), (at, who, "answered", id), (at, who, "resolved", id), (at, who,
#: "survey", ticket id or None), (at, who, "member"), (at, who, "owner", name), (at, who or "", "task", id, last day,
#: owner), (at, who or "", "done", task id), (at, who, "quote", id, last day, amount), (at, who, "accepted", quote id),
#: (at, who, "contract", id, last day, months of renewal or 0, days of notice, amount).
Word = tuple[int, str, str, *tuple[Any, ...]]


@dataclass(frozen=True)
class Line:
    kind: str
    key: str
    who: str
    due: int
    overdue: bool
    worth: int
    owner: str | None
    of_customer: str | None


def instant(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(microseconds=1)


def local(at: int) -> datetime:
    return (EPOCH + timedelta(microseconds=at)).astimezone(ZONE)


def midnight(day: date) -> int:
    return instant(datetime(day.year, day.month, day.day, tzinfo=ZONE).astimezone(UTC))


def today(words: list[Word], at: int, days: int) -> list[Line]:
    """All lines in order; `SHOWN` of each kind are what is shown."""
    said = sorted((word for word in words if word[0] <= at), key=lambda word: word[:3])
    until = midnight(local(at - 1).date() + timedelta(days=days + 1))
    since = at - days * DAY
    surveys = any(word[2] == "survey" for word in said)
    found: list[Line] = []
    for who in sorted({word[1] for word in said}):
        theirs = [word for word in said if word[1] == who]
        owner = next((str(word[3]) for word in reversed(theirs) if word[2] == "owner"), None)
        orders = [(word[0], int(str(word[3]))) for word in theirs if word[2] == "order"]
        worth = sum(amount for when, amount in orders if when > at - YEAR)
        for kind, key, due, overdue in [
            *tickets(theirs, at, until),
            *at_risk(theirs, orders, at, since, until),
            *points(theirs, orders, at, until),
            *(to_ask(theirs, at, since) if surveys else ()),
        ]:
            found.append(Line(kind, key, who, due, overdue, worth, owner, owner))
        for kind, key, due, overdue, stake, whose in (
            *tasks(theirs, at, until),
            *quotes(theirs, at, since, until),
            *contracts(theirs, at, until),
        ):
            found.append(Line(kind, key, who, due, overdue, worth if stake is None else stake, whose or owner, owner))
    return sorted(found, key=order)


def order(line: Line) -> tuple[bool, date, int, int, str]:
    return not line.overdue, local(line.due - 1).date(), -line.worth, line.due, line.key


def tickets(theirs: list[Word], at: int, until: int) -> list[tuple[str, str, int, bool]]:
    found = []
    for opened, _, what, *rest in theirs:
        if what != "ticket":
            continue
        ticket, priority = map(str, rest)
        if any(word[2] == "resolved" and word[3] == ticket for word in theirs):
            continue
        answered = any(word[2] == "answered" and word[3] == ticket for word in theirs)
        late = opened + (RESOLUTION if answered else FIRST_ANSWER)[priority]
        if late <= until:
            found.append(("ticket", ticket, late, late <= at))
    return found


def at_risk(
    theirs: list[Word], orders: list[tuple[int, int]], at: int, since: int, until: int
) -> list[tuple[str, str, int, bool]]:
    if not orders or tier(orders) is None:
        return []
    if any(word[2] == "call" and word[0] > since for word in theirs):
        return []
    first, last = orders[0][0], orders[-1][0]
    gap = max(Fraction(7 * DAY), Fraction(last - first + 2 * 30 * DAY, len(orders) - 1 + 2))
    begins = last + max(ceiling(2 * gap), 30 * DAY)
    ends = last + max(ceiling(3 * gap), 60 * DAY)
    is_near = since < begins <= until and (begins > at or at < ends)
    return [("at_risk", "", begins, False)] if is_near and begins < ends else []


def ceiling(number: Fraction) -> int:
    return -(-number.numerator // number.denominator)


def tier(orders: list[tuple[int, int]]) -> str | None:
    """The tier of a shop that is younger than a year: what was reached is still held; the lowest one is None."""
    spent = sum(amount for _, amount in orders)
    return next((name for least, name in reversed(TIERS) if spent >= least), None)


def points(theirs: list[Word], orders: list[tuple[int, int]], at: int, until: int) -> list[tuple[str, str, int, bool]]:
    """A point for each whole unit that a member spends, lost at the end of the month a year later."""
    joined = min((word[0] for word in theirs if word[2] == "member"), default=None)
    if joined is None:
        return []
    lost = []
    for when, amount in orders:
        day = local(when).date()
        after = date(day.year + 1 + day.month // 12, day.month % 12 + 1, 1)
        if when > joined and amount >= 100 and at < midnight(after) <= until:
            lost.append(midnight(after))
    return [("points", "", min(lost), False)] if lost else []


def to_ask(theirs: list[Word], at: int, since: int) -> list[tuple[str, str, int, bool]]:
    """The ticket that was solved last, lately, unless its customer was asked in the last 90 days."""
    solved = sorted((word[0], str(word[3])) for word in theirs if word[2] == "resolved" and word[0] > since)
    asked = any(word[2] == "survey" and word[0] + ASK_AGAIN > at for word in theirs)
    about = {word[3] for word in theirs if word[2] == "survey"}
    if not solved or asked or solved[-1][1] in about:
        return []
    return [("survey", solved[-1][1], solved[-1][0], False)]


Staked = tuple[str, str, int, bool, int | None, str | None]


def tasks(theirs: list[Word], at: int, until: int) -> list[Staked]:
    done = {word[3] for word in theirs if word[2] == "done"}
    return [
        ("task", word[3], over(word[4]), over(word[4]) <= at, None, word[5])
        for word in theirs
        if word[2] == "task" and word[3] not in done and over(word[4]) <= until
    ]


def quotes(theirs: list[Word], at: int, since: int, until: int) -> list[Staked]:
    accepted = {word[3] for word in theirs if word[2] == "accepted"}
    return [
        ("quote", word[3], over(word[4]), over(word[4]) <= at, word[5], None)
        for word in theirs
        if word[2] == "quote" and word[3] not in accepted and since < over(word[4]) <= until
    ]


def contracts(theirs: list[Word], at: int, until: int) -> list[Staked]:
    found: list[Staked] = []
    for word in theirs:
        if word[2] != "contract":
            continue
        _, _, _, contract, last, months, notice, amount = word
        if not months and at < over(last) <= until:
            found.append(("contract", contract, over(last), False, amount, None))
        ends = [month_later(last, months * term) for term in range(40)] if months else []
        for by in (end - timedelta(days=notice) for end in ends):
            if at < over(by) <= until:
                found.append(("notice", contract, over(by), False, amount, None))
                break
    return found


def over(day: date) -> int:
    """The instant at which a day is over."""
    return midnight(day + timedelta(days=1))


def month_later(last: date, months: int) -> date:
    """The same day some months later; days up to the 27th are in every month."""
    months += last.month - 1
    return date(last.year + months // 12, months % 12 + 1, last.day)
