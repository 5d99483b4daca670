"""How good the dates of [due_again] are: `python -m benchmarks.due_again [FILE.csv ...]`. Seeds are fixed.

Two histories are generated, alike but for one thing: when something that was bought runs out. With *rhythm* that is
about the item's gap times a factor of the customer's own; at a *constant hazard* it is any time, at the same rate.
Customers come about once a week and buy what has run out. Others are read from files with the columns customer, item
and date. Gaps are drafted on the first two thirds of a history, as `regulars rules measure due_again` does, and
everything is judged in the last.

As a date: of what is called due in a week, how much was bought within half a gap of the date, at either side? The half
gap is that of the item, whoever calls. As a ranking: before each of a customer's orders, are any of the items in a list
of ten in it? Orders are asked in which something is that the customer had bought before.
"""

from __future__ import annotations

import csv
import sys
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from math import exp, log, sqrt
from pathlib import Path
from random import Random

from msgspec import Struct

from regulars import Line, PurchaseRecorded, default_rules
from regulars.crm_domain.instant import DAY, to_instant
from regulars.projections.due_again.projector import DUE_AGAIN
from regulars.projections.due_again.rules import DueAgain
from regulars.projections.engine.fold import Folded, FoldPlan, Happened, by_key
from regulars.projections.rules.compiled import Rules, compile_rules
from regulars.projections.verdict import Interval
from regulars.rules_door.measuring import MIN_BUYERS, gaps_of

SEED = 41
CUSTOMERS, ITEMS = 400, 150
#: Days that are generated.
SPAN = 3 * 365
#: A date that is called is watched for so many days at most, so none is called later than that before the end.
WATCHED = 90
#: How long the lists are.
LENGTHS = (10, 3)
BEGIN = to_instant(datetime(2023, 1, 1, 12, tzinfo=UTC))

#: The day of each purchase of each item, of one customer.
Bought = dict[str, list[int]]
#: Draws after how many days something runs out, of which it usually takes so many.
RunsOut = Callable[[Random, float], float]


def rhythm(random: Random, gap: float) -> float:
    """Gamma with shape 8: a third of the gap sooner or later."""
    return random.gammavariate(8, gap / 8)


def constant_hazard(random: Random, gap: float) -> float:
    """At any time alike."""
    return random.expovariate(1 / gap)


def item_gaps() -> dict[str, float]:
    """The known gap of each item, from 30 to 180 days."""
    random = Random(SEED)  # noqa: S311 - a generated history
    return {f"item-{number}": exp(random.uniform(log(30), log(180))) for number in range(ITEMS)}


def shop(runs_out: RunsOut) -> list[Bought]:
    """Who bought what when. A customer uses 8 to 40 items, gives each up after 10 purchases on average, and comes first
    on any day but those of the last two months.
    """
    gaps, random = item_gaps(), Random(SEED + 1)  # noqa: S311 - a generated history
    return [_customer(gaps, runs_out, random) for _ in range(CUSTOMERS)]


def _customer(gaps: Mapping[str, float], runs_out: RunsOut, random: Random) -> Bought:
    pace, bought = random.lognormvariate(0, 0.3), Bought()
    due = {item: random.uniform(0, gaps[item]) for item in random.sample(sorted(gaps), random.randint(8, 40))}
    begin = random.uniform(0, SPAN - 60)
    day, due = begin, {item: begin + runs for item, runs in due.items()}
    while day < SPAN:
        for item, runs in list(due.items()):
            if runs <= day:
                bought.setdefault(item, []).append(int(day))
                due[item] = SPAN if random.random() < 0.1 else day + runs_out(random, gaps[item] * pace)
        day += random.gammavariate(4, 7 / 4)
    return bought


def read(path: Path) -> list[Bought]:
    """Who bought what when, from a file."""
    found: dict[str, dict[str, set[int]]] = {}
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            day = date.fromisoformat(row["date"]).toordinal()
            found.setdefault(row["customer"], {}).setdefault(row["item"], set()).add(day)
    first = min(min(days) for items in found.values() for days in items.values())
    return [{item: sorted(day - first for day in days) for item, days in items.items()} for items in found.values()]


class Judged(Struct):
    """A customer as they are judged: what they bought, and what [due_again] held of each item at any instant."""

    bought: Bought
    timelines: dict[str, list[Interval]]

    def before(self, item: str, day: int) -> list[int]:
        """The days before one on which they bought an item."""
        days = self.bought[item]
        return days[: bisect_left(days, day)]

    def held(self, item: str, day: int) -> tuple[float, float] | None:
        """The day on which an item was bought last, and the expected gap in days, as known when a day began."""
        instant = BEGIN + day * DAY - 1
        intervals = self.timelines.get(item, [])
        place = bisect_left(intervals, instant + 1, key=lambda each: each.valid_from) - 1
        if place < 0:
            return None
        verdict = intervals[place].verdict
        return (verdict.bought_at - BEGIN) / DAY, verdict.gap / DAY


class History(Struct):
    """Customers who are judged from a day on, until the end; and the gaps of items, which were drafted on the days
    before.
    """

    customers: list[Judged]
    gaps: dict[str, float]
    begin: int
    end: int


def judged(customers: Sequence[Bought]) -> History:
    """Some customers as the projection judges them."""
    end = 1 + max(days[-1] for each in customers for days in each.values())
    begin = end * 2 // 3
    known = [{item: days[: bisect_left(days, begin)] for item, days in each.items()} for each in customers]
    known = [{item: days for item, days in each.items() if days} for each in known]
    measured = gaps_of(known, MIN_BUYERS, as_of=datetime(2026, 1, 1, tzinfo=UTC))
    table = DueAgain(gaps={each.item: each.days for each in measured.gaps})
    plan = FoldPlan(_rules(table), [DUE_AGAIN])
    found = [Judged(each, by_key(plan.fold(Folded(), _events(each))[DUE_AGAIN.name])) for each in customers]
    return History(customers=found, gaps={each.item: float(each.days) for each in measured.gaps}, begin=begin, end=end)


def _rules(table: DueAgain) -> Rules:
    return compile_rules(default_rules().model_copy(update={"due_again": table}), "EUR")


def _events(bought: Bought) -> list[Happened]:
    by_day: dict[int, list[str]] = {}
    for item, days in bought.items():
        for day in days:
            by_day.setdefault(day, []).append(item)
    return [
        Happened(
            BEGIN + day * DAY,
            position,
            PurchaseRecorded(
                order_id=str(position), amount=1, currency="EUR", lines=tuple(Line(sku=each) for each in by_day[day])
            ),
        )
        for position, day in enumerate(sorted(by_day), start=1)
    ]


# ------------------------------------------------------------------------------------------------------------- dates

#: (customer, item, monday) -> the day on which the item is called due, if any, as known when that day began.
Calls = Callable[[Judged, str, int], float | None]


def shrunk(who: Judged, item: str, day: int) -> float | None:
    """What [due_again] says."""
    held = who.held(item, day)
    return None if held is None else held[0] + held[1]


def own_mean(who: Judged, item: str, day: int) -> float | None:
    """The last day and the mean of the customer's own gaps."""
    days = who.before(item, day)
    return days[-1] + (days[-1] - days[0]) / (len(days) - 1) if len(days) > 1 else None


def with_own_gaps(calls: Calls, least: int, most: int) -> Calls:
    """The same, where a customer has so many gaps of their own by then, so that both can be compared."""
    return lambda who, item, day: calls(who, item, day) if least <= len(who.before(item, day)) - 1 <= most else None


def at_any_time(random: Random) -> Calls:
    """A constant hazard of one in the gap that [due_again] expects: due in any week with the same chance, until two
    gaps have passed.
    """

    def call(who: Judged, item: str, day: int) -> float | None:
        held = who.held(item, day)
        if held is None or day - held[0] >= 2 * held[1]:
            return None
        return day + 3.5 if random.random() < 1 - exp(-7 / held[1]) else None

    return call


def dates(history: History, calls: Calls) -> tuple[int, int]:
    """How many times something was called due in a week, and how many of these it was bought within half a gap."""
    called = hit = 0
    for day in range(history.begin, history.end - WATCHED - 7, 7):
        for who in history.customers:
            for item in sorted(who.bought.keys() & history.gaps.keys()):
                due = calls(who, item, day)
                if due is not None and day <= due < day + 7:
                    days, half = who.bought[item], min(history.gaps[item] / 2, WATCHED)
                    place = bisect_left(days, max(day, due - half))
                    called += 1
                    hit += place < len(days) and days[place] <= due + half
    return called, hit


# ------------------------------------------------------------------------------------------------------------ rankings

#: (customer, item, day) -> what an item is put in order by, the highest first.
Ranks = Callable[[Judged, str, int], float]


def by_date(who: Judged, item: str, day: int) -> float:
    """How near the day is to the date, in gaps."""
    held = who.held(item, day)
    return float("-inf") if held is None else -abs((day - held[0]) / held[1] - 1)


def by_waiting(who: Judged, item: str, day: int) -> float:
    """How many gaps have passed, of what has not lapsed."""
    held = who.held(item, day)
    if held is None:
        return float("-inf")
    passed = (day - held[0]) / held[1]
    return passed if passed < 2 else -passed


def by_days(who: Judged, item: str, day: int) -> float:
    """On how many days it was bought; the latest first where they are equal."""
    days = who.before(item, day)
    return len(days) + days[-1] / 1_000_000


def by_days_unless_lapsed(who: Judged, item: str, day: int) -> float:
    """The same, but for what has lapsed, which comes last."""
    held = who.held(item, day)
    lapsed = held is not None and day - held[0] >= 2 * held[1]
    return by_days(who, item, day) - 1_000_000 * lapsed


def rankings(history: History, ranks: Ranks) -> tuple[int, dict[int, int]]:
    """How many orders of items that had been bought before, and how many had any of a list, by its length."""
    orders, hits = 0, dict.fromkeys(LENGTHS, 0)
    for who in history.customers:
        for day in sorted({each for days in who.bought.values() for each in days if each >= history.begin}):
            known = [item for item, days in who.bought.items() if days[0] < day]
            again = {item for item in known if day in who.bought[item]}
            if again:
                best = sorted(known, key=lambda item: (-ranks(who, item, day), item))
                orders += 1
                for long in LENGTHS:
                    hits[long] += not again.isdisjoint(best[:long])
    return orders, hits


# --------------------------------------------------------------------------------------------------------------- shown


def share(of: int, part: int) -> str:
    """A share with its 95 % interval by Wilson's score (1927)."""
    z, p = 1.96, part / of
    middle, half = p + z * z / (2 * of), z * sqrt(p * (1 - p) / of + z * z / (4 * of * of))
    low, high = ((middle + each) / (1 + z * z / of) for each in (-half, half))
    return f"{100 * p:5.1f} %  ({100 * max(low, 0):.1f} to {100 * high:.1f}), n = {of:,}"


def figures(name: str, history: History) -> Iterator[str]:
    """Each figure of a history, a line."""
    yield f"{name}: {len(history.customers):,} customers, {len(history.gaps):,} gaps drafted"
    dated: dict[str, Calls] = {
        "expected gap": shrunk,
        "constant hazard": at_any_time(Random(SEED + 2)),  # noqa: S311 - as above
        "expected gap, where there is an own": with_own_gaps(shrunk, 1, 99),
        "own mean gap": with_own_gaps(own_mean, 1, 99),
        "expected gap, of 1 or 2 own gaps": with_own_gaps(shrunk, 1, 2),
        "own mean gap, of 1 or 2": with_own_gaps(own_mean, 1, 2),
    }
    for title, calls in dated.items():
        yield f"  due in a week, {title:35} {share(*dates(history, calls))}"
    ranked: dict[str, Ranks] = {
        "nearest date": by_date,
        "longest waiting": by_waiting,
        "most bought": by_days,
        "most bought, lapsed ones last": by_days_unless_lapsed,
    }
    counted = {title: rankings(history, ranks) for title, ranks in ranked.items()}
    for long in LENGTHS:
        for title, (orders, hits) in counted.items():
            yield f"  any hit in {long:2}, {title:37} {share(orders, hits[long])}"


def main(files: Sequence[str]) -> None:
    """Print the figures of both generated histories, and of those in files."""
    known, written = item_gaps(), sys.stdout.write
    for name, runs_out in (("rhythm", rhythm), ("constant hazard", constant_hazard)):
        history = judged(shop(runs_out))
        written("\n".join([*figures(name, history), ""]))
        errors = sorted(history.gaps[item] / known[item] - 1 for item in history.gaps)
        low, middle, high = (100 * errors[len(errors) * part // 4] for part in (1, 2, 3))
        written(f"  drafted beside known gaps: {middle:+.1f} %, half of them {low:+.1f} to {high:+.1f} %\n")
    for path in map(Path, files):
        written("\n".join([*figures(path.stem, judged(read(path))), ""]))


if __name__ == "__main__":
    main(sys.argv[1:])
