"""Opportunities and leads at the command line."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from saying import Once, Say
from shops import default_text


@pytest.fixture
def shop(say: Say, once: Once) -> Say:
    """Ada came from a fair and may buy for 500.00; Bo came by himself, and won't."""

    def trade() -> None:
        say("do", "RegisterCustomer", "ref=ada", "source=fair", "occurred_at=2024-01-01T11:00:00Z", "--currency", "EUR")
        say("do", "RegisterCustomer", "ref=bo", "occurred_at=2024-02-01T11:00:00Z")
        asked = ("customer=ada", "opportunity_id=O-1", "amount=500", "title=Tea", "occurred_at=2024-01-02T11:00:00Z")
        assert say("do", "QualifyLead", *asked).out.count("\n") >= 2
        assert (
            say("do", "DisqualifyLead", "customer=bo", "reason=no budget", "occurred_at=2024-02-02T11:00:00Z").status
            == 0
        )

    once(trade)
    return say


def test_one_opportunity_is_told_in_80_columns_with_the_events_behind(shop: Say) -> None:
    said = shop("opportunity", "O-1", "--as-of", "2024-01-20")
    assert said.widest <= 80
    for line in (
        "amount       500.00 EUR",
        "source       fair",
        "  in contacted of sales for 18 days, since 2024-01-02 (#4)",
        "  500.00 counts with 10 %",
        "  stale since 2024-01-16, after 14 days without an event (#4)",
    ):
        assert line in said.out.splitlines()


def test_one_opportunity_as_an_object_on_each_axis(shop: Say) -> None:
    found = shop("opportunity", "O-1", "--as-of", "2024-01-10", "--json").json
    assert (found["value"], found["probability"], found["amount"]) == ("contacted", "0.1000", "500.00")
    assert (found["is_stale"], found["stale_at"]) == (False, "2024-01-16T11:00:00+00:00")
    assert [each["type"] for each in found["events"]] == ["OpportunityOpened"]
    early = shop("opportunity", "O-1", "--as-of", "2024-01-01")
    assert (early.status, early.err.count("\n")) == (1, 1)
    assert "was not open yet" in early.err
    unknown = shop("opportunity", "O-9", "--json")
    assert (unknown.status, unknown.err) == (1, 'regulars: there is no opportunity "O-9"\n')


def test_other_rules_count_an_opportunity_otherwise(shop: Say, tmp_path: Path) -> None:
    rules = default_text().replace("probability = 0.1,", "probability = 0.25,")
    (tmp_path / "rules.toml").write_text(rules, encoding="utf-8")
    assert shop("rules", "publish", "rules.toml", "--reason", "measured").status == 0
    assert "  500.00 counts with 25 %" in shop("opportunity", "O-1").out
    assert "  500.00 counts with 10 %" in shop("opportunity", "O-1", "--rules", "1").out


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (("MoveOpportunity", "stage=tasting"), 'the pipeline "sales" has no stage "tasting"'),
        (("ChangeOpportunity", "amount=-1"), "an amount is a number from 0 upwards, not -1"),
        (("ChangeOpportunity", "expected_close=2023-12-31"), "can't be expected to close before that"),
        (("ChangeOpportunity",), "expected at least one of amount, expected_close, firm, owner, source, title"),
        (("LoseOpportunity",), "reason: a value is needed"),
        (("ChangeOpportunity", "firm=nobody"), 'no customer has the reference "nobody"'),
    ],
)
def test_bad_input_is_refused_in_one_sentence_and_nothing_is_recorded(
    shop: Say, given: tuple[str, ...], sentence: str
) -> None:
    before = shop("audit", "--json").json
    said = shop("do", given[0], "opportunity_id=O-1", *given[1:])
    assert said.status != 0
    assert sentence in " ".join(said.err.split())
    assert shop("audit", "--json").json == before


def test_what_became_of_leads_by_source_and_month(shop: Say) -> None:
    said = shop("leads", "--by", "source")
    assert said.widest <= 80
    rows = [line.split() for line in said.out.splitlines() if line.startswith(("fair", "none", "all"))]
    assert [(row[0], row[1], row[2], row[-1]) for row in rows] == [
        ("fair", "1", "100", "0"),
        ("none", "1", "0", "1"),
        ("all", "2", "50", "1"),
    ]
    found = shop("leads", "--by", "month", "--json").json
    assert [(each["group"], each["opened"]["n"], each["opened"]["value"]) for each in found["groups"]] == [
        ("2024-01", 1, 1.0),
        ("2024-02", 1, 0.0),
    ]
    table = list(csv.DictReader(io.StringIO(shop("leads", "--by", "month", "--csv").out)))
    assert [(each["group"], each["registered"], each["won_n"]) for each in table] == [
        ("2024-01", "1", "1"),
        ("2024-02", "1", "1"),
        ("all", "2", "2"),
    ]
    assert "Nobody was registered" in shop("leads", "--since", "2024-05-01").out
    wrong = shop("leads", "--since", "2024-05-01", "--until", "2024-04-01")
    assert wrong.status == 2
    assert "the span begins" in " ".join(wrong.err.split())


def test_the_timeline_has_a_lane_of_what_is_being_sold(shop: Say) -> None:
    assert any(line.startswith("selling ") for line in shop("timeline", "ada").out.splitlines())
    assert not any(line.startswith("selling ") for line in shop("timeline", "bo").out.splitlines())
    spans = shop("timeline", "ada", "--json").json["opportunities"]
    assert [(each["value"], each["since"]) for each in spans] == [("contacted", "2024-01-02T11:00:00+00:00")]


def test_a_persons_export_has_their_opportunities(shop: Say) -> None:
    (found,) = shop("export-person", "ada", "--json").json["opportunities"]
    assert (found["opportunity_id"], found["amount"], found["currency"], found["title"]) == (
        "O-1",
        "500.00",
        "EUR",
        "Tea",
    )
    assert "opportunity O-1, 500.00 EUR, open, in sales, contacted" in shop("export-person", "ada").out
