"""What is due, and the draft of its rules, at the command line."""

from __future__ import annotations

import csv
import io
import tomllib
from datetime import UTC, datetime
from pathlib import Path

import pytest

import regulars
from saying import Once, Say
from shops import default_text


@pytest.fixture
def shop(say: Say, tmp_path: Path, once: Once) -> Say:
    """Ada bought coffee on 1 January and 1 February, Bo on 10 February; the clock of the store stands later."""

    def trade() -> None:
        for ref in ("ada", "bo"):
            say("do", "RegisterCustomer", f"ref={ref}", "occurred_at=2024-01-01T11:00:00Z")
        for number, (ref, day) in enumerate((("ada", "2024-01-01"), ("ada", "2024-02-01"), ("bo", "2024-02-10"))):
            order = (
                f"customer={ref}",
                f"order_id={number}",
                "amount=9.90",
                "currency=EUR",
                f"occurred_at={day}T12:00:00Z",
            )
            say("do", "RecordPurchase", *order, 'lines=[{"sku": "coffee"}, {"sku": "mug"}]')
        rules = f"{default_text()}\n[due_again]\nprior_weight = 2\ngaps = {{ coffee = 31 }}\n"
        (tmp_path / "rules.toml").write_text(rules, encoding="utf-8")
        assert say("rules", "publish", "rules.toml", "--reason", "it runs out").status == 0

    once(trade)
    return say


# Ada's own gap is 31 days, as the item's is: due from 3 March, lapsed from 3 April. Bo: 12 March and 12 April.


def test_what_is_due_is_a_table_of_80_columns(shop: Say) -> None:
    said = shop("due", "--as-of", "2024-03-05").out
    title, ada = said.splitlines()
    assert title.split() == ["Since", "Until", "Customer", "Item", "Last", "bought", "Gap", "Days"]
    assert ada.split() == ["2024-03-03", "2024-04-03", "ada", "coffee", "2024-02-01", "31.0", "2"]
    assert max(map(len, said.splitlines())) <= 80
    assert shop("due", "--as-of", "2024-03-01", "--item", "coffee").out == "Nothing is like that.\n"


def test_what_becomes_due_within_a_week(shop: Say) -> None:
    found = shop("due", "--as-of", "2024-03-05", "--within", "7d", "--json").json
    assert [(each["ref"], each["value"], each["since"]) for each in found] == [
        ("bo", "due", "2024-03-12T12:00:00+00:00")
    ]
    lapsing = shop("due", "--as-of", "2024-03-29", "--within", "1w", "--value", "lapsed", "--json").json
    assert [(each["ref"], each["until"], each["gap_days"]) for each in lapsing] == [("ada", None, 31.0)]


def test_what_is_due_as_csv(shop: Say) -> None:
    said = shop("due", "--as-of", "2024-03-20", "--csv").out
    rows = list(csv.DictReader(io.StringIO(said)))
    assert [(each["ref"], each["item"], each["buying_days"]) for each in rows] == [
        ("ada", "coffee", "2"),
        ("bo", "coffee", "1"),
    ]


def test_one_customer_is_told_why_and_what_they_buy_most(shop: Say) -> None:
    said = shop("due", "ada", "--as-of", "2024-03-05").out
    assert said.splitlines() == [
        "coffee: due since 2024-03-03 until 2024-04-03",
        "  bought on 2 days, last on 2024-02-01",
        "  expected after 31.0 days: 1 own gap of 31.0, the item's of 31.0 weighs 2",
        "  due from 2024-03-03, lapsed from 2024-04-03",
        "",
        "Bought most:",
        "Item    Days  Last bought",
        "coffee  2     2024-02-01",
        "mug     2     2024-02-01",
    ]
    found = shop("due", "ada", "--as-of", "2024-03-05", "--json").json
    assert [reason["clause"] for reason in found["items"][0]["reasons"]] == ["bought", "gap", "turns"]
    assert [each["item"] for each in found["most_bought"]] == ["coffee", "mug"]


def test_of_the_forgotten_nothing_is_shown_and_that_is_said(shop: Say) -> None:
    forgotten = shop("due", "ada", "--json").json["items"][0]["customer_id"]
    assert shop("forget", "ada", "--reason", "asked for it", "--yes").status == 0
    said = shop("due", forgotten, "--as-of", "2024-03-05").out
    assert said.splitlines()[0] == "They were forgotten, so it is not shown what they are due to buy."


def test_a_list_that_goes_on_says_so(shop: Say) -> None:
    assert "The first 1; there are more" in shop("due", "--as-of", "2024-03-20", "--limit", "1").out
    assert "there are more" not in shop("due", "--as-of", "2024-03-20", "--limit", "2").out


def test_long_names_give_way_and_dates_never_do(shop: Say, tmp_path: Path) -> None:
    ref, code = (
        "customer-with-a-very-long-reference-of-a-shop:0123456789",
        "beans of a very long name, 1000 g, in a tin",
    )
    shop("do", "RegisterCustomer", f"ref={ref}", "occurred_at=2024-01-01T11:00:00Z")
    order = (f"customer={ref}", "order_id=long", "amount=5", "currency=EUR", "occurred_at=2024-01-01T12:00:00Z")
    shop("do", "RecordPurchase", *order, f'lines=[{{"sku": "{code}"}}]')
    rules = f'{default_text()}\n[due_again.gaps]\n"{code}" = 300\n'
    (tmp_path / "long.toml").write_text(rules, encoding="utf-8")
    said = shop("due", "--as-of", "2024-12-01", "--rules", "long.toml").out.splitlines()
    assert said[2].split()[:2] == ["2024-10-27", "2025-08-23"]
    assert said[2].split()[-3:] == ["2024-01-01", "300.0", "1"]
    assert max(map(len, said)) <= 80


def test_other_viewpoints_are_said(shop: Say) -> None:
    said = shop("due", "--as-of", "2024-03-05", "--rules", "1").out.splitlines()
    assert said[0].startswith("As of 2024-03-05, by rules ")
    assert said[1:] == [
        "The rules name no items under [due_again]; `regulars rules measure due_again`",
        "drafts their gaps from what was bought.",
    ]


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        (("due", "nobody"), 'no customer has the reference, e-mail or phone number "nobody"'),
        (("due", "--item", "coffe"), 'no gap for the item "coffe" under [due_again]; did you mean "coffee"?'),
        (("due", "--json", "--csv"), "choose one of them"),
        (("due", "--within", "soon"), "expected a number of hours, days or weeks"),
        (("rules", "measure", "tier"), "'tier' is not one of 'due_again'"),
        (
            ("rules", "measure", "due_again", "--min-buyers", "5"),
            "'--min-buyers': expected a number greater than or equal to 6",
        ),
    ],
)
def test_what_can_not_be_asked_is_a_sentence(shop: Say, typed: tuple[str, ...], sentence: str) -> None:
    said = shop(*typed)
    assert said.status != 0
    assert sentence in " ".join(said.err.split())


def test_a_draft_is_toml_that_the_rules_take(shop: Say, tmp_path: Path) -> None:
    nothing = shop("rules", "measure", "due_again")
    assert nothing.out == "No item was bought again by 20 customers; 2 by fewer or by none.\n"
    for number in range(6):
        shop("do", "RegisterCustomer", f"ref=n{number}", "occurred_at=2024-01-01T11:00:00Z")
        for day in ("2024-01-01", "2024-01-15"):
            order = (
                f"customer=n{number}",
                f"order_id=n{number} {day}",
                "amount=5",
                "currency=EUR",
                f"occurred_at={day}T12:00:00Z",
            )
            shop("do", "RecordPurchase", *order, 'lines=[{"sku": "tea 1.5"}]')
    said = shop("rules", "measure", "due_again", "--min-buyers", "6").out
    assert tomllib.loads(said) == {"due_again": {"gaps": {"tea 1.5": 14}}}
    assert said.splitlines()[-1] == '"tea 1.5" = 14  # 14 to 14 (95 %), n = 6 buyers'
    (tmp_path / "drafted.toml").write_text(default_text() + said, encoding="utf-8")
    assert shop("rules", "check", "drafted.toml").status == 0
    found = shop("rules", "measure", "due_again", "--min-buyers", "6", "--json").json
    assert found["gaps"] == [{"item": "tea 1.5", "days": "14", "low": "14", "high": "14", "buyers": 6, "gaps": 6}]
    assert (found["left_out"], found["customers"]) == (2, 8)


def test_a_draft_is_headed_by_the_day_of_the_business(tmp_path: Path) -> None:
    evening = datetime(2026, 11, 27, 23, 30, tzinfo=UTC)  # half past midnight in Berlin
    with regulars.open(tmp_path / "berlin.db", currency="EUR", clock=lambda: evening) as crm:
        assert crm.rules.measure_due_again().toml.splitlines()[0].endswith(" up to 2026-11-28.")
