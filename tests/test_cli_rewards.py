"""`rewards forecast`, and what `rules diff` says that other rules of points cost."""

from __future__ import annotations

from pathlib import Path

import pytest

from regulars import as_toml, default_rules
from saying import Say

EARN = """
[[earn]]
id = "welcome"
on = "first_order"
points = 50

[[earn]]
id = "tea"
on = "category"
skus = ["tea-*"]
per_unit = "2"

[[earn]]
id = "friend"
on = "referral"
for = "referrer"
points = 100
keep_days = 30
"""


def rules_with(more: str, worth: str) -> str:
    return as_toml(default_rules()).replace("[points]", f'[points]\nworth = "{worth}"') + more


@pytest.fixture
def shop(say: Say) -> Say:
    """Ada, who buys in April and last week, brought Bo; Cy is no member."""
    Path("rules.toml").write_text(rules_with(EARN, "0.01"), encoding="utf-8")
    for ref, name in (("ada", "Ada"), ("bo", "Bo"), ("cy", "Cy")):
        say("do", "RegisterCustomer", f"ref={ref}", f"name={name}", "occurred_at=2023-01-01", "--currency", "EUR")
    for ref in ("ada", "bo"):
        say("do", "EnrollMember", f"customer={ref}", "occurred_at=2023-01-01")
    say("do", "MakeReferral", "customer=ada", "referred=bo", "occurred_at=2023-01-02")
    tea = 'lines=[{"sku":"tea-1","amount":"30"},{"sku":"mug","amount":"30"}]'
    for order_id, day, lines in (("A-0", "2023-02-01", tea), ("A-1", "2024-04-01", tea), ("A-2", "2024-05-25", tea)):
        say("do", "RecordPurchase", "customer=ada", f"order_id={order_id}", "amount=60", lines, f"occurred_at={day}")
    say("do", "RecordPurchase", "customer=cy", "order_id=C-1", "amount=500", "occurred_at=2024-05-25")
    say("do", "RecordReturn", "order_id=A-2", "amount=20", "occurred_at=2024-05-26")
    return say


def test_an_order_is_forecast_with_its_bonus_and_its_tier(shop: Say) -> None:
    assert shop("rules", "publish", "rules.toml", "--reason", "bonus").status == 0
    said = shop("rewards", "forecast", "bo", "--amount", "160", "--sku", "tea-1=30", "--sku", "mug").out
    lines = said.splitlines()
    assert lines[0] == "An order of 160.00 EUR would bring 270 points."
    assert lines[1] == "Tier: member, and then silver"
    assert [line.split()[:3] for line in lines if line[:1].isdigit()] == [
        ["160", "2024-06-15", "2025-07-01"],
        ["50", "2024-06-15", "2025-07-01"],
        ["60", "2024-06-15", "2025-07-01"],
    ]
    assert lines[-1] == "Ada referred them, and would get 100 (friend)."
    assert max(map(len, lines)) <= 80
    found = shop("rewards", "forecast", "bo", "--amount", "160", "--json").json
    assert (found["points"], found["bonus_points"], found["tier_after"]) == (160, 50, "silver")
    assert [(each["rule"], each["points"]) for each in found["bonuses"]] == [("welcome", 50), ("friend", 100)]
    assert "It earns none" in shop("rewards", "forecast", "cy", "--amount", "500").out
    assert shop("audit", "--customer", "bo", "--json").out.count("RecordPurchase") == 0


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("bo", "--amount", "much"), 'amount: money is a Decimal or text such as "59.90"'),
        (("bo", "--amount", "9", "--sku", "tea=much"), 'amount: money is a Decimal or text such as "59.90"'),
        (("nobody", "--amount", "9"), 'no customer has the reference, e-mail or phone number "nobody"'),
    ],
)
def test_what_is_no_order_is_refused_in_a_sentence(shop: Say, words: tuple[str, ...], complaint: str) -> None:
    said = shop("rewards", "forecast", *words)
    assert (said.status, said.out) == (1, "")
    assert complaint in said.err


def test_other_rules_say_what_they_cost(shop: Say) -> None:
    assert shop("rules", "publish", "rules.toml", "--reason", "bonus").status == 0
    wish = (
        rules_with(EARN, "0.02")
        .replace('per_unit = "1"', 'per_unit = "2.5"')
        .replace('per_unit = "2"\n', "points = 5\n")
    )
    Path("wish.toml").write_text(wish, encoding="utf-8")
    found = shop("rules", "diff", "wish.toml", "--json").json["programme"]
    # By default a point for each euro, for a year: what A-0 earned has expired, and 60 and 40 are left of the others.
    assert (found["outstanding"], found["owed"], found["members"]) == (100, 0, 1)
    assert (found["old_liability"], found["new_liability"]) == ("1.00", "2.00")
    # Of the last 365 days 60 and 40 are kept; 30 and 20 of them are tea.
    assert (found["orders"], found["old_earned"], found["new_earned"]) == (2, 100, 250)
    assert (found["old_bonus"], found["new_bonus"]) == (100, 10)
    assert found["not_counted"] == ["friend"]
    said = shop("rules", "diff", "wish.toml").out
    assert "Points: 100 outstanding, and what was earned stays as it is" in said
    assert "Not counted, as an order alone doesn't tell: friend." in said
    assert max(map(len, said.splitlines())) <= 80


def test_rules_that_leave_points_alone_say_nothing_of_them(shop: Say) -> None:
    other = as_toml(default_rules()).replace('from = "150"', 'from = "100"')
    Path("wish.toml").write_text(other, encoding="utf-8")
    found = shop("rules", "diff", "wish.toml", "--json").json
    assert found["programme"] is None
