"""Segments at the command line."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from saying import Once, Say

SEGMENTS = """
[[segment]]
id = "quiet"
title = "Nothing for more than 30 days"
enter = [{ fact = "days_since_order", above = 30 }]
[[segment]]
id = "win_back"
enter = [{ fact = "segment", has = ["quiet"] }, { fact = "spend", from = "100.00" }]
pause_days = 90
"""


@pytest.fixture
def shop(say: Say, tmp_path: Path, once: Once) -> Say:
    """By now, 1 June 2024, Ada and Bo are quiet, Cy has just become so and Di hasn't; only Ada spent much."""

    def trade() -> None:
        say("do", "RegisterCustomer", "ref=nobody", "occurred_at=2024-01-01T12:00:00Z", "--currency", "EUR")
        for ref, name, amount, day in (
            ("a", "Ada", "120", "2024-03-01"),
            ("b", "=Bo", "20", "2024-04-01"),
            ("c", "Cy", "20", "2024-05-02"),
            ("d", "Di", "20", "2024-05-09"),
        ):
            say("do", "RegisterCustomer", f"ref={ref}", f"name={name}", f"occurred_at={day}T12:00:00Z")
            say(
                "do",
                "RecordPurchase",
                f"customer={ref}",
                f"order_id={ref}",
                f"amount={amount}",
                f"occurred_at={day}T12:00:00Z",
            )
        rules = tmp_path / "rules.toml"
        rules.write_text(say("rules", "show").out + SEGMENTS, encoding="utf-8")
        assert say("rules", "publish", str(rules), "--reason", "segments").status == 0

    once(trade)
    return say


def test_a_store_without_segments_says_so(say: Say) -> None:
    say("do", "RegisterCustomer", "ref=a")
    assert "The rules have no segments" in say("segments").out
    assert say("segments", "--json").json == []


def test_segments_are_counted(shop: Say) -> None:
    """Cy's 30 days end at this very instant: they come in a microsecond later, as Di does a week later."""
    said = shop("segments")
    assert said.widest <= 80
    assert [line.split()[:4] for line in said.out.splitlines()] == [
        ["Segment", "Members", "Entering", "Leaving"],
        ["quiet", "2", "2", "0"],
        ["win_back", "1", "0", "0"],
    ]
    found = shop("segments", "--json", "--within", "6d").json
    assert [(each["id"], each["title"], each["members"], each["entering"], each["leaving"]) for each in found] == [
        ("quiet", "Nothing for more than 30 days", 2, 1, 0),
        ("win_back", None, 1, 0, 0),
    ]
    assert [each["members"] for each in shop("segments", "--as-of", "2024-04-15", "--json").json] == [1, 1]
    assert "by rules" in shop("segments", "--rules", "1").out or "no segments" in shop("segments", "--rules", "1").out


def test_members_are_listed(shop: Say) -> None:
    said = shop("segment", "quiet")
    assert said.widest <= 80
    assert [line.split()[0] for line in said.out.splitlines()] == ["Customer", "a", "b"]
    assert [each["ref"] for each in shop("segment", "quiet", "--entering", "--json").json] == ["c", "d"]
    assert [each["ref"] for each in shop("segment", "quiet", "--entering", "--within", "2d", "--json").json] == ["c"]
    assert shop("segment", "quiet", "--leaving").out == "No customer answers to that.\n"
    assert [each["ref"] for each in shop("customers", "--segment", "win_back", "--json").json] == ["a"]
    assert "there are more" in shop("segment", "quiet", "--limit", "1").out


def test_a_csv_is_harmless_to_a_spreadsheet(shop: Say) -> None:
    rows = list(csv.DictReader(io.StringIO(shop("segment", "quiet", "--csv").out)))
    assert [(row["ref"], row["name"], row["since"], row["until"]) for row in rows] == [
        ("a", "Ada", "2024-03-31T12:00:00.000001+00:00", ""),
        ("b", "'=Bo", "2024-05-01T12:00:00.000001+00:00", ""),
    ]


def test_attrition_is_said_condition_by_condition(shop: Say) -> None:
    found = shop("segment", "win_back", "--attrition", "--json").json
    assert (found["customers"], found["members"]) == (5, 1)
    assert [(each["condition"], each["customers"]) for each in found["steps"]] == [
        ("segment (each of quiet)", 2),
        ("spend (at least 100.00)", 1),
    ]
    said = shop("segment", "win_back", "--attrition")
    assert said.widest <= 80
    assert [line.split()[0] for line in said.out.splitlines()] == ["Left", "5", "2", "1", "1"]


def test_explain_tells_of_members_and_of_others(shop: Say) -> None:
    said = shop("explain", "b")
    assert said.widest <= 80
    assert "Segment quiet: in" in said.out
    assert "Segment win_back: out" in said.out
    found = {each["id"]: each for each in shop("explain", "b", "--json").json["segments"]}
    assert [(each["clause"], each["holds"], each["sentence"]) for each in found["win_back"]["clauses"]] == [
        ("enter", True, "in segment quiet (each of quiet)"),
        ("enter", False, "net spend of 20.00 (at least 100.00)"),
    ]


@pytest.mark.parametrize(
    ("words", "status", "sentence"),
    [
        (
            ["segment", "quite"],
            1,
            'no segment is called "quite"; the rules have quiet, win_back; did you mean "quiet"?',
        ),
        (["segment", "quite", "--attrition"], 1, 'no segment is called "quite"'),
        (["customers", "--segment", "quite"], 1, 'no segment is called "quite"'),
        (["segment", "quiet", "--entering", "--leaving"], 2, "--entering and --leaving: choose one of them"),
        (["segment", "quiet", "--csv", "--json"], 2, "choose one of them"),
        (["segment", "quiet", "--attrition", "--excel", "comma"], 2, "--excel or --xlsx and --attrition: choose one"),
        (["segment", "quiet", "--within", "3d"], 2, "only together with --entering or"),
        (["segment", "quiet", "--raw"], 2, "only together with --csv"),
    ],
)
def test_what_makes_no_sense_is_refused_in_a_sentence(shop: Say, words: list[str], status: int, sentence: str) -> None:
    said = shop(*words)
    assert said.status == status
    assert sentence in " ".join(said.err.split())


def test_movers_of_segments_are_explained(shop: Say, tmp_path: Path) -> None:
    (tmp_path / "wish.toml").write_text(shop("rules", "show").out.replace("above = 30", "above = 20"), encoding="utf-8")
    said = shop("rules", "diff", str(tmp_path / "wish.toml"))
    assert max(map(len, said.out.split("Nothing has changed")[0].splitlines())) <= 80
    assert "Segment quiet: 2 would move" in said.out
    assert "new  enter: 23 days since the last order (more than 20)" in said.out
