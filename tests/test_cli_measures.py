"""Measures at a command line: tables within 80 columns, and the same numbers as JSON, as CSV and as a picture."""

from __future__ import annotations

import csv
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from regulars import AdjustPoints, EnrollMember, RecordPurchase, RegisterCustomer, TagCustomer
from regulars.cli.given import DEFAULT_STORE
from saying import NOW, Say
from shops import Clock, opened

ALL = {
    "trend": ["trend", "stage"],
    "flow": ["flow", "2024-01-31", "2024-05-31", "stage"],
    "cohorts": ["cohorts"],
    "rfm": ["rfm"],
    "revenue": ["revenue"],
    "liability": ["liability"],
}


@pytest.fixture
def shop(say: Say) -> Say:
    """In the current folder, where a command line looks for a store."""
    with opened(DEFAULT_STORE, Clock(NOW)) as crm:
        for number, ref in enumerate(("a", "b", "c"), start=1):
            crm.do(RegisterCustomer(ref=ref, name=f"N{ref}", occurred_at=on(1)))
            for month in range(2, number + 2):
                order, amount = f"{ref}-{month}", f"{number}000000.00"
                crm.do(RecordPurchase(customer=ref, order_id=order, amount=amount, occurred_at=on(month)))
        crm.do(TagCustomer(customer="a", label="=1+1", occurred_at=on(2)))
        crm.do(EnrollMember(customer="b", occurred_at=on(2)))
        crm.do(AdjustPoints(customer="b", points=70, reason="sorry"))
        crm.catch_up()
    return say


def on(month: int) -> datetime:
    return datetime(2024, month, 5, 12, tzinfo=UTC)


@pytest.mark.parametrize("name", ALL)
def test_a_measure_fits_and_is_json_csv_and_a_picture(shop: Say, name: str) -> None:
    drawn, told, rows = shop(*ALL[name]), shop(*ALL[name], "--json"), shop(*ALL[name], "--csv")
    assert (drawn.status, told.status, rows.status) == (0, 0, 0)
    assert drawn.widest <= 80
    assert isinstance(told.json, dict)
    table = list(csv.reader(rows.out.splitlines()))
    assert len(table) > 1
    assert {len(row) for row in table} == {len(table[0])}
    assert shop(*ALL[name], "--svg", "m.svg").out == "Drawn into m.svg.\n"
    assert ElementTree.parse("m.svg").getroot().get("role") == "img"
    assert shop(*ALL[name], "--svg", "m.svg").status == 1  # there is one
    assert shop(*ALL[name], "--svg", "m.svg", "--force").status == 0


def test_revenue_is_the_same_in_every_form(shop: Say) -> None:
    # February: 1, 2 and 3 million; March: 2 and 3; April: 3, of those who came in February.
    asked = ("revenue", "--since", "2024-02-01", "--until", "2024-04-30")
    assert [(each["new"], each["returning"]) for each in shop(*asked, "--json").json["periods"]] == [
        ("6000000.00", "0.00"),
        ("0.00", "5000000.00"),
        ("0.00", "3000000.00"),
    ]
    assert [row[1:4] for row in csv.reader(shop(*asked, "--csv").out.splitlines())][1:] == [
        ["0.00", "6000000.00", "6000000.00"],
        ["5000000.00", "0.00", "5000000.00"],
        ["3000000.00", "0.00", "3000000.00"],
    ]
    lines = shop(*asked).out.splitlines()
    assert [lines[place].split()[:4] for place in (1, 2)] == [
        ["2024-02", "0.00", "6,000,000.00", "6,000,000.00"],
        ["2024-03", "5,000,000.00", "0.00", "5,000,000.00"],
    ]


def test_who_moved_is_listed(shop: Say) -> None:
    found = {(each["before"], each["after"]): each["customers"] for each in shop(*ALL["flow"], "--json").json["moves"]}
    assert sum(found.values()) == 3
    for (before, after), number in found.items():
        asked = (*ALL["flow"], "--list", f"{before or '-'}:{after or '-'}")
        listed: Any = shop(*asked, "--json").json
        assert len(listed) == number
        assert all(each["ref"] in shop(*asked).out for each in listed)
        assert len(shop(*asked, "--csv").out.splitlines()) == 1 + number
    assert "Nobody went so." in shop(*ALL["flow"], "--list", "-:-").out


def test_points_that_expire_are_listed_with_their_sum(shop: Say) -> None:
    assert shop("liability", "--expiring", "30d").out == "0 points of 0 members expire if nobody spends them.\n"
    said = shop("liability", "--expiring", "9999d")
    # A point for each of 2 x 2,000,000.00, and 70.
    assert said.out.split()[:6] == ["Ref", "Name", "Points", "b", "Nb", "4,000,070"]
    assert shop("liability", "--expiring", "9999d", "--json").json["members"][0]["points"] == 4_000_070


def test_a_cell_that_a_spreadsheet_would_run_is_harmless_in_csv(shop: Say) -> None:
    assert "'=1+1" in shop("trend", "tag", "--csv").out
    assert ",=1+1" in shop("trend", "tag", "--csv", "--raw").out.replace('"', "")


def test_one_customers_lanes_are_drawn(shop: Say) -> None:
    assert shop("timeline", "a", "--svg", "a.svg").out == "Drawn into a.svg.\n"
    assert "Na · a" in Path("a.svg").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["trend", "mood"], '"mood" is nothing that is measured; there are stage, tier, risk, value, tag, segment,'),
        (["trend", "stage", "--where", "tier"], 'it takes NAME=VALUE, not "tier"'),
        (["trend", "stage", "--where", "tier=x"], 'there is no tier "x"; the rules have'),
        (["revenue", "--since", "2024-05-01", "--until", "2024-04-01"], "expected 2024-05 or later, found 2024-04"),
        (["cohorts", "--json", "--csv"], "choose one of them"),
        (["cohorts", "--xlsx", "x.xlsx", "--svg", "x.svg"], "choose one of them"),
        (["cohorts", "--force"], "it means something only together with --svg"),
        (["cohorts", "--raw"], "it means something only together with --csv"),
        (["rfm", "--recency", "a"], 'expected whole numbers such as 30,90,180, not "a"'),
        (["rfm", "--frequency", "2,3"], "the first limit of frequency is 1"),
        ([*ALL["flow"], "--list", "x:y"], "expected VALUE:VALUE of"),
        ([*ALL["flow"], "--limit", "3"], "it means something only together with --list"),
        (
            ["liability", "--expiring", "30d", "--since", "2024-01-01"],
            "it goes with none of --svg, --since and --until",
        ),
        (["report", "--month", "2024-13"], 'expected a month such as 2026-10, not "2024-13"'),
        (["report", "--month", "2024-07"], "2024-07 hasn't begun yet; expected 2024-06 at most"),
        (["timeline", "a", "--svg", "x", "--json"], "choose one of them"),
    ],
)
def test_what_cannot_be_asked_is_refused_in_a_sentence(shop: Say, words: list[str], said: str) -> None:
    found = shop(*words)
    assert (found.status, found.out) == (2, "")
    assert said in " ".join(found.err.split())
