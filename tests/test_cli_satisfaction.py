"""`satisfaction`, `survey` and `assessments` at the command line."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

import regulars
from regulars import Rejected
from saying import Once, Say

SHOP = (
    "RegisterCustomer ref=shop:1 occurred_at=2024-01-01 --currency EUR",
    "RecordPurchase customer=shop:1 order_id=A-1 amount=200.00 occurred_at=2024-01-02",
    "RecordSurveySent customer=shop:1 survey_id=S-1 survey=nps channel=email occurred_at=2024-05-01",
    "RecordSurveyAnswer customer=shop:1 survey=nps score=10 survey_id=S-1 comment=Fine occurred_at=2024-05-02",
    "RegisterCustomer ref=shop:2 occurred_at=2024-01-01",
    "OpenTicket customer=shop:2 ticket_id=T-1 complaint=true occurred_at=2024-05-01",
    "AssignTicket ticket_id=T-1 agent=kim occurred_at=2024-05-01",
    "ResolveTicket ticket_id=T-1 occurred_at=2024-05-02",
    "RateTicket ticket_id=T-1 score=1 occurred_at=2024-05-03",
)


@pytest.fixture
def shop(say: Say, once: Once) -> Say:
    def trade() -> None:
        for line in SHOP:
            assert say("do", *line.split()).status == 0

    once(trade)
    return say


def test_the_table_has_each_number_with_its_interval_and_of_how_many(shop: Say) -> None:
    said = shop("satisfaction")
    assert (said.status, said.widest <= 80) == (0, True)
    lines = {line[:24].strip(): line[24:].split() for line in said.out.splitlines()}
    # One promoter: (1 + 1.5) / 4 less 1.5 / 4 is 0.25; the variance (4 / 4 - 0.25²) / 4, its root 0.484, makes ± 0.949.
    assert lines["NPS"] == ["+100", "-70", "to", "+100", "1", "customer"]
    assert lines["Response, % answered"] == ["100", "21", "to", "100", "1", "survey"]
    assert lines["Complaints to 100 orders"][0] == "100.0"
    assert lines["Complaining, %"] == ["0.0", "0.0", "to", "79.3", "1", "customer", "who", "ordered"]


def test_what_can_not_be_told_is_said_so(shop: Say) -> None:
    said = shop("satisfaction", "--as-of", "2024-02-01")
    assert said.out.count("can't tell") == 3
    assert "1 order" in said.out


@pytest.mark.parametrize("by", ["stage", "tier", "segment", "agent"])
def test_groups_fit_into_eighty_columns_and_are_the_same_for_machines(shop: Say, by: str) -> None:
    said = shop("satisfaction", "--by", by)
    assert (said.status, said.widest <= 80) == (0, True)
    found = shop("satisfaction", "--by", by, "--json").json
    rows = list(csv.DictReader(shop("satisfaction", "--by", by, "--csv").out.splitlines()))
    groups = [each["group"] for each in found["groups"]]
    assert [row["group"] for row in rows] == groups + ([] if by == "agent" else ["all"])
    assert all(each["group"] in said.out for each in found["groups"])
    assert float(rows[0]["csat_n"]) == found["groups"][0]["csat"]["n"]
    if by == "agent":
        assert groups == ["kim"]
        assert "1 in all" in said.out


def test_json_and_csv_at_once_and_a_span_that_ends_too_early_are_refused_in_a_sentence(shop: Say) -> None:
    assert "choose one of them" in shop("satisfaction", "--json", "--csv").err
    said = shop("satisfaction", "--since", "2024-05-01", "--until", "2024-04-01")
    assert said.status == 2
    assert "the span begins at 2024-05-01, which is after its end at 2024-04-01" in said.err
    said = shop("satisfaction", "--since", "2124-05-01")
    assert said.status == 2
    assert "the span begins at 2124-05-01, which is after its end now" in said.err


def test_may_ask_ends_with_1_where_they_may_not(shop: Say) -> None:
    said = shop("survey", "may-ask", "shop:1")
    assert (said.status, said.out) == (
        1,
        "They may be asked again on 2024-07-30: they were asked last on 2024-05-01.\n",
    )
    assert shop("survey", "may-ask", "shop:1", "--as-of", "2024-08-01").status == 0
    assert shop("survey", "may-ask", "shop:2").out == "They may be asked: they never were.\n"
    found = shop("survey", "may-ask", "shop:1", "--json").json
    assert (found["may_ask"], found["again_at"][:10]) == (False, "2024-07-29")


def test_whoever_was_forgotten_may_not_be_asked(shop: Say) -> None:
    forgotten = shop("survey", "may-ask", "shop:2", "--json").json["customer_id"]
    assert shop("forget", "shop:2", "--reason", "asked for it", "--yes").status == 0
    said = shop("survey", "may-ask", forgotten)
    assert (said.status, said.out) == (1, "They may not be asked: they were forgotten.\n")
    found = shop("survey", "may-ask", forgotten, "--json").json
    assert (found["may_ask"], found["forgotten"]) == (False, True)


@pytest.mark.parametrize(
    ("position", "kind", "sentence"),
    [(0, "sentiment", "about: expected the position of an event, a whole number from 1 on"), (1, "", "kind: expected")],
)
def test_what_can_not_be_assessed_is_refused_in_a_sentence(
    tmp_path: Path, position: int, kind: str, sentence: str
) -> None:
    with regulars.open(tmp_path / "shop.db", currency="EUR") as crm, pytest.raises(Rejected) as refused:
        crm.assess(position, kind, "good")
    assert sentence in str(refused.value)
    assert "\n" not in str(refused.value)


def test_what_is_recorded_too_soon_comes_with_a_notice(shop: Say) -> None:
    words = ["customer=shop:1", "survey_id=S-2", "survey=nps", "channel=email", "occurred_at=2024-05-20"]
    said = shop("do", "RecordSurveySent", *words)
    assert said.status == 0
    assert "Notice: survey" in said.out
    assert shop("satisfaction", "--json").json["total"]["counts"]["too_soon"] == 1


def test_one_customer_is_shown_with_the_events_behind_it(shop: Say) -> None:
    said = shop("survey", "show", "shop:1")
    assert (said.status, said.widest <= 80) == (0, True)
    assert "answered NPS with 10, 30 days ago: promoter (#4)" in said.out
    assert "S-1" in said.out
    found = shop("survey", "show", "shop:1", "--json").json
    assert (found["nps"], found["surveys"][0]["fate"]) == ("promoter", "answered")
    assert found["customer_id"].startswith("id:")


def test_versions_are_compared_and_one_that_said_nothing_is_named(shop: Say) -> None:
    for version, value in (("1", "positive"), ("2", "negative")):
        words = f"about=4 kind=sentiment value={value} model=mood version={version}".split()
        assert shop("do", "RecordAssessment", *words).status == 0
    said = shop("assessments", "diff", "1", "2")
    assert (said.status, said.widest <= 80) == (0, True)
    assert "On 0 they say the same: 0 %" in said.out
    found = shop("assessments", "diff", "1", "2", "--json").json
    assert found["moved"] == [{"kind": "sentiment", "old": "positive", "new": "negative", "texts": 1}]
    assert found["changes"][0]["about"] == 4
    said = shop("assessments", "diff", "1", "3")
    assert said.status != 0
    assert 'no assessment is of version "3"' in said.err


def test_satisfaction_is_drawn(shop: Say, tmp_path: Path) -> None:
    path = tmp_path / "satisfaction.svg"
    assert shop("satisfaction", "--svg", str(path)).status == 0
    assert path.read_text(encoding="utf-8").startswith("<svg")
    assert shop("satisfaction", "--svg", str(path)).status == 1  # there is one
    assert "choose one of them" in shop("satisfaction", "--svg", str(path), "--json").err
