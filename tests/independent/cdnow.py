"""An independent check: stage, tier and risk of every CDNOW customer, worked out from the text file alone.

Written from the design and the comments in the rules file, by someone who has not seen the library's source; it shares
no code with it and imports the standard library only. Where the library folds events forward and keeps standing and
future changes, this script looks backward: given a customer's orders and an instant, it asks each question directly.

    python tests/independent/cdnow.py CDNOW_master.txt.gz RULES.toml 1997-09-30

prints one JSON object a customer, sorted by reference, and the counts by stage, tier and risk band on stderr.

How the file is read: each row is an order at 00:00:00 UTC of its day; the first row of a customer is also their
registration, which is their only engagement. There is nothing else: no returns, tickets, surveys, memberships.

Everything is exact: instants are integer microseconds since 1970, money is integer cents, ratios are Fractions.
"""

import gzip
import json
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import cache
from itertools import pairwise
from math import floor
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

MICROSECOND = timedelta(microseconds=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1) // MICROSECOND  # 86,400 s, always
RISK_FREQUENCY_WINDOW = 365 * DAY  # said only in a comment of the rules: "orders in the last 365 days"

Rules = dict[str, Any]


@dataclass(frozen=True)
class Order:
    """One row of the file."""

    at: int  # microseconds since the epoch
    cents: int


# --- Reading ----------------------------------------------------------------------------------------------------------


def instant(moment: datetime) -> int:
    return (moment - EPOCH) // MICROSECOND


def last_instant_of(day: date, zone: ZoneInfo) -> int:
    """The microsecond before the next midnight of the business's zone."""
    return instant(datetime.combine(day + timedelta(days=1), time(), tzinfo=zone)) - 1


def in_cents(amount: str) -> int:
    cents = Decimal(amount) * 100
    if cents != int(cents):
        raise ValueError(f"{amount!r} has a fraction of a cent")
    return int(cents)


@cache
def exact(number: Any) -> Fraction:
    """A number of the rules; making a fraction of it takes longer than comparing with one."""
    return Fraction(number)


@cache
def read_orders(path: Path) -> dict[str, list[Order]]:
    """Every customer's orders, oldest first, by customer id as written in the file."""
    orders: dict[str, list[Order]] = {}
    with gzip.open(path, "rt", encoding="ascii") as lines:
        next(lines)  # the header
        for line in lines:
            if not line.strip():
                continue
            customer, day, _number_of_cds, dollars = line.split()
            midnight = datetime.strptime(day + "+0000", "%Y%m%d%z")
            orders.setdefault(customer, []).append(Order(instant(midnight), in_cents(dollars)))
    for customer, theirs in orders.items():
        if any(later.at < earlier.at for earlier, later in pairwise(theirs)):
            raise ValueError(f"the rows of customer {customer} are not in order of date")
    return orders


def read_rules(path: Path) -> Rules:
    with path.open("rb") as file:
        return tomllib.load(file, parse_float=Decimal)


# --- What was known of a customer at an instant -----------------------------------------------------------------------


class Snapshot:
    """One customer as known at `at`: the orders given must be those known then, and at least one.

    A fact that is undefined is None. Facts named in days are exact and may have a fraction.
    """

    def __init__(self, orders: list[Order], at: int, spell_ended_at: int | None, rules: Rules) -> None:
        self.orders = orders
        self.at = at
        self.spell_ended_at = spell_ended_at
        self.rules = rules
        self.since_last_order = at - orders[-1].at
        self.since_first_order = at - orders[0].at
        self._gap: Fraction | None = None

    def orders_less_than_ago(self, window: int) -> int:
        return len(self.orders_within(window))

    def orders_within(self, window: int) -> list[Order]:
        return [order for order in self.orders if self.at - order.at < window]

    def counted(self, orders: list[Order]) -> int:
        """How many orders these are, or on how many days of the business they were placed."""
        if not self.rules["cadence"].get("buying_days"):
            return len(orders)
        zone = ZoneInfo(self.rules["business"]["timezone"])
        return len({datetime.fromtimestamp(order.at // 1_000_000, zone).date() for order in orders})

    def gap(self) -> Fraction:
        """Time since the last order, in units of this customer's own expected gap."""
        if self._gap is None:
            cadence = self.rules["cadence"]
            prior, minimum = exact(cadence["prior_gap_days"]) * DAY, exact(cadence["min_gap_days"]) * DAY
            weight = exact(cadence["prior_weight"])
            span, repeats = self.orders[-1].at - self.orders[0].at, self.counted(self.orders) - 1
            self._gap = self.since_last_order / max(minimum, (span + weight * prior) / (repeats + weight))
        return self._gap

    def fact(self, name: str, within_days: Any = None) -> int | Fraction | bool | None:
        if within_days is not None and name != "orders":
            raise ValueError(f"within_days has no meaning for {name}")
        match name:
            case "orders" if within_days is not None:
                return self.orders_less_than_ago(int(exact(within_days) * DAY))
            case "orders":
                return len(self.orders)
            case "days_since_order":
                return Fraction(self.since_last_order, DAY)
            case "tenure_days" | "days_since_engagement":  # the registration is at the first order
                return Fraction(self.since_first_order, DAY)
            case "gap":
                return self.gap()
            case "days_since_spell_ended":
                return None if self.spell_ended_at is None else Fraction(self.at - self.spell_ended_at, DAY)
            case "account_closed" | "qualified":  # nothing in this data closes an account or qualifies a lead
                return False
        raise ValueError(f"this script knows no fact {name!r}")


# --- Lifecycle stage --------------------------------------------------------------------------------------------------


def holds(condition: dict[str, Any], snapshot: Snapshot) -> bool:
    value = snapshot.fact(condition["fact"], condition.get("within_days"))
    if value is None:
        return False
    return (
        ("is" not in condition or value is condition["is"])
        and ("from" not in condition or value >= exact(condition["from"]))
        and ("below" not in condition or value < exact(condition["below"]))
    )


def stage_of(snapshot: Snapshot) -> str:
    """The first rung of the ladder whose conditions all hold."""
    for rung in snapshot.rules["lifecycle"]["stage"]:
        if all(holds(condition, snapshot) for condition in rung["when"]):
            return str(rung["stage"])
    raise ValueError("the last rung of the ladder must have no condition")


def spell_stages(rules: Rules) -> frozenset[str]:
    spells = [frozenset(rung["spell"]) for rung in rules["lifecycle"]["stage"] if "spell" in rung]
    if len(spells) > 1:
        raise ValueError("this script follows the spells of one rung only")
    return spells[0] if spells else frozenset()


def last_spell_ended_at(orders: list[Order], rules: Rules) -> int | None:
    """The instant of the latest order before which the customer stood in one of the spell's stages.

    Before each order's instant the whole ladder is asked one microsecond earlier, with the orders known then. Each
    question needs the answer to the one before it, since an earlier spell can decide the stage.
    """
    stages = spell_stages(rules)
    ended_at: int | None = None
    for at in sorted({order.at for order in orders})[1:]:
        known_before = [order for order in orders if order.at < at]
        if stage_of(Snapshot(known_before, at - 1, ended_at, rules)) in stages:
            ended_at = at
    return ended_at


# --- Loyalty tier -----------------------------------------------------------------------------------------------------


def tier_of(orders: list[Order], at: int, rules: Rules) -> str:
    """Go from one decision to the next: after the instant a level was reached or renewed, what came first?

    `orders` are those known at `at`. Levels are numbers here, 0 the lowest.
    """
    tier = rules["tier"]
    if tier["measure"] != "net_spend" or tier["members_only"]:
        raise ValueError("this script knows net_spend, and no memberships")
    window, hold, grace = (int(exact(tier[key]) * DAY) for key in ("window_days", "hold_days", "grace_days"))
    names = [str(level["name"]) for level in tier["levels"]]
    thresholds = [in_cents(level["from"]) for level in tier["levels"]]
    order_instants = sorted({order.at for order in orders})

    def earned(when: int) -> int:
        """The level the rolling spend is enough for, an order at this very instant included."""
        spend = sum(order.cents for order in orders if 0 <= when - order.at < window)
        return max((level for level, threshold in enumerate(thresholds) if threshold <= spend), default=0)

    def first_order_earning(wanted: int, first: int, last: int) -> int | None:
        """When, from `first` to `last` (both included), an order first made the spend enough for this level."""
        return next((when for when in order_instants if first <= when <= last and earned(when) >= wanted), None)

    level, held_from = 0, order_instants[0]
    while True:
        review = held_from + hold
        # The lowest level is never reviewed: only an upgrade ends it.
        upgraded = first_order_earning(level + 1, held_from, at if level == 0 else min(at, review))
        if upgraded is not None:
            level, held_from = earned(upgraded), upgraded
            continue
        if level == 0 or at < review:
            return names[level]
        if earned(review) >= level:
            held_from = review
            continue
        grace_end = review + grace
        rescued = first_order_earning(level, review, min(at, grace_end))
        if rescued is not None:
            level, held_from = earned(rescued), rescued
        elif at < grace_end:
            return names[level]
        else:
            level, held_from = level - 1, grace_end


# --- Churn risk -------------------------------------------------------------------------------------------------------


def points_at(value: int | Fraction, steps: list[list[Any]]) -> int:
    """The points of the highest step reached; none below the first."""
    reached = [(exact(start), points) for start, points in steps if value >= exact(start)]
    return int(max(reached)[1]) if reached else 0


def risk_points_of(snapshot: Snapshot) -> dict[str, int]:
    prior = exact(snapshot.rules["cadence"]["prior_gap_days"]) * DAY
    values: dict[str, int | Fraction] = {
        "recency": snapshot.since_last_order / prior,
        "cadence": snapshot.gap(),
        "frequency": snapshot.counted(snapshot.orders_within(RISK_FREQUENCY_WINDOW)),
        "engagement": Fraction(snapshot.since_first_order, DAY),
    }
    return {name: points_at(value, snapshot.rules["churn_risk"][name]["steps"]) for name, value in values.items()}


def risk_of(points: dict[str, int], rules: Rules) -> int:
    """The weighted mean over the components with evidence, rounded half up."""
    weights = {name: exact(rules["churn_risk"][name]["weight"]) for name in points}
    mean = sum((weights[name] * points[name] for name in points), Fraction()) / sum(weights.values())
    return floor(mean + Fraction(1, 2))


def band_of(score: int, rules: Rules) -> str:
    bands: dict[str, int] = rules["churn_risk"]["bands"]
    return max((band for band in bands if bands[band] <= score), key=bands.__getitem__)


# --- Verdicts ---------------------------------------------------------------------------------------------------------


def verdict(ref: str, known: list[Order], at: int, rules: Rules) -> dict[str, Any]:
    snapshot = Snapshot(known, at, last_spell_ended_at(known, rules), rules)
    points = risk_points_of(snapshot)
    risk = risk_of(points, rules)
    dollars, cents = divmod(sum(order.cents for order in known), 100)
    return {
        "ref": ref,
        "stage": stage_of(snapshot),
        "tier": tier_of(known, at, rules),
        "risk": risk,
        "risk_band": band_of(risk, rules),
        "risk_points": points,
        "orders": len(known),
        "net_spend": f"{dollars}.{cents:02}",
    }


def verdicts(path: Path, rules_path: Path, as_of: date) -> dict[str, dict[str, Any]]:
    """Every customer's verdict at the end of that day, by reference; those not yet registered then are left out."""
    rules = read_rules(rules_path)
    at = last_instant_of(as_of, ZoneInfo(rules["business"]["timezone"]))

    def judged() -> Iterator[tuple[str, dict[str, Any]]]:
        for customer, orders in sorted(read_orders(path).items()):
            known = [order for order in orders if order.at <= at]
            if known:
                ref = f"cdnow:{customer}"
                yield ref, verdict(ref, known, at, rules)

    return dict(judged())


def main(arguments: list[str]) -> int:
    if len(arguments) != 3:
        sys.stderr.write("usage: cdnow.py MASTER.txt.gz RULES.toml YYYY-MM-DD\n")
        return 2
    found = verdicts(Path(arguments[0]), Path(arguments[1]), date.fromisoformat(arguments[2]))
    for _ref, one in sorted(found.items()):
        sys.stdout.write(json.dumps(one) + "\n")
    for key in ("stage", "tier", "risk_band"):
        counts = Counter(one[key] for one in found.values())
        sys.stderr.write(f"{key}: " + ", ".join(f"{value} {count}" for value, count in counts.most_common()) + "\n")
    total = sum(Decimal(one["net_spend"]) for one in found.values())
    sys.stderr.write(f"customers {len(found)}, orders {sum(one['orders'] for one in found.values())}, spend {total}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
