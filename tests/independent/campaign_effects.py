"""What a campaign did, from exported events alone, by the text of docs/howto-effects.md.

    python tests/independent/campaign_effects.py EVENTS.jsonl CAMPAIGN_ID

EVENTS come from `regulars export events`. It prints JSON: the arms as known when the campaign was decided, and as known
now. It uses nothing of the code that it checks.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from math import sqrt
from pathlib import Path
from typing import Any

Event = dict[str, Any]
EVER = 2**62


@dataclass(frozen=True)
class Arm:
    """How many families an arm has, how many of them bought, and what they spent, in minor units."""

    families: int = 0
    bought: int = 0
    spend: int = 0


@dataclass(frozen=True)
class Answer:
    """What is known of a campaign at some moment."""

    treated: Arm
    held_out: Arm
    crossed: int

    @property
    def shares(self) -> Fraction:
        return share(self.treated) - share(self.held_out)

    @property
    def means(self) -> Fraction:
        """In minor units a family."""
        return Fraction(self.treated.spend, self.treated.families) - Fraction(
            self.held_out.spend, self.held_out.families
        )

    def interval(self) -> tuple[float, float]:
        """Newcombe's: the square-and-add of the two score intervals (Statistics in Medicine 17, 1998, method 10)."""
        p, q = float(share(self.treated)), float(share(self.held_out))
        low, high = score(self.treated.bought, self.treated.families)
        below, above = score(self.held_out.bought, self.held_out.families)
        return p - q - sqrt((p - low) ** 2 + (above - q) ** 2), p - q + sqrt((high - p) ** 2 + (q - below) ** 2)


def share(arm: Arm) -> Fraction:
    return Fraction(arm.bought, arm.families)


def score(count: int, n: int) -> tuple[float, float]:
    """Both roots of (p - share)² n = z² p (1 - p)."""
    z, p = 1.959963984540054, count / n
    a, b, c = n + z * z, -(2 * n * p + z * z), n * p * p
    root = sqrt(max(0.0, b * b - 4 * a * c))
    return (-b - root) / (2 * a), (-b + root) / (2 * a)


def read(lines: str) -> list[Event]:
    """The events of an export in order of position, with their instants in microseconds."""
    found = [json.loads(line) for line in lines.splitlines() if line.strip()]
    for each in found:
        each["at"], each["recorded"] = instant(each["occurred_at"]), instant(each["recorded_at"])
    return sorted(found, key=lambda each: each["position"])


def instant(text: str) -> int:
    return (datetime.fromisoformat(text) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def answers(events: list[Event], campaign_id: str) -> tuple[Answer, Answer]:
    """As known when it was decided, and as known now."""
    launch = next(
        each["event"]
        for each in events
        if each["type"] == "CampaignLaunched" and each["event"]["campaign_id"] == campaign_id
    )
    # What was recorded by the last position before it was decided was known then.
    last = max(each["position"] for each in events if each["recorded"] < launch["decide_at"])
    return (
        answer([each for each in events if each["position"] <= last], launch),
        answer(events, launch),
    )


def answer(events: list[Event], launch: Event) -> Answer:
    into: dict[str, str] = {}
    for each in events:
        if each["type"] == "CustomerMerged":
            into[each["customer_id"]] = each["event"]["into_id"]
        elif each["type"] == "MergeUndone":
            into.pop(each["customer_id"], None)

    def family(customer: str) -> str:
        while customer in into:
            customer = into[customer]
        return customer

    drawn: dict[str, dict[str, str]] = defaultdict(dict)
    for each in events:
        if each["type"] in ("OfferAssigned", "HeldOut") and each["event"]["campaign_id"] == launch["campaign_id"]:
            drawn[family(each["customer_id"])][each["event"]["offer_id"]] = each["type"]
    spent: dict[str, int] = defaultdict(int)
    for customer, amount in orders(events, launch["at"], launch["decide_at"]):
        spent[family(customer)] += amount
    arms: dict[str, list[int]] = {"OfferAssigned": [], "HeldOut": []}
    for whose, offers in drawn.items():
        arms[offers[min(offers)]].append(spent[whose])
    treated, held_out = (Arm(len(each), sum(one > 0 for one in each), sum(each)) for each in arms.values())
    return Answer(treated, held_out, sum(len(set(offers.values())) > 1 for offers in drawn.values()))


def orders(events: list[Event], since: int, until: int) -> list[tuple[str, int]]:
    """Whose each order of the window is, and what it is worth by what came back of it."""
    voided, returns = set(), defaultdict(list)
    for each in events:
        content = each["event"]
        if each["type"] == "PurchaseVoided":
            voided.add((content["order_id"], content["number"]))
        elif each["type"] in ("ReturnRecorded", "ReturnedTotalRecorded"):
            returns[content["order_id"], content.get("number", 1)].append(each)
    found = []
    for each in events:
        if each["type"] == "PurchaseRecorded" and since <= each["at"] < until:
            content, came_back = each["event"], 0
            record = content["order_id"], content.get("number", 1)
            for back in sorted(returns[record], key=lambda one: one["at"]):
                if back["type"] == "ReturnRecorded":
                    came_back = min(came_back + back["event"]["amount"], content["amount"])
                else:
                    came_back = back["event"]["returned_so_far"]
            if record not in voided:
                found.append((each["customer_id"], content["amount"] - came_back))
    return found


if __name__ == "__main__":
    then, now = answers(read(Path(sys.argv[1]).read_text(encoding="utf-8")), sys.argv[2])
    print(json.dumps({"then": asdict(then), "now": asdict(now)}, indent=2))  # noqa: T201
