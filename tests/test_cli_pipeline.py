"""A pipeline at a command line: tables within 80 columns, the same numbers as JSON and CSV, and plain refusals."""

from __future__ import annotations

import csv
from datetime import UTC, datetime, timedelta
from pathlib import Path
from xml.etree import ElementTree

import pytest

from regulars import (
    ChangeOpportunity,
    LoseOpportunity,
    MoveOpportunity,
    OpenOpportunity,
    RegisterCustomer,
    WinOpportunity,
)
from regulars.cli.given import DEFAULT_STORE
from regulars.projections.rules.grammar import parse_rules
from saying import NOW, Say
from shops import Clock, default_text, opened

ALL = {
    "pipeline": ["pipeline"],
    "by owner": ["pipeline", "--by", "owner", "--as-of", "2024-05-31"],
    "show": ["pipeline", "show", "--where", "owner=li"],
    "waterfall": ["pipeline", "waterfall", "2024-01-31", "2024-05-31"],
    "waterfall of one": ["pipeline", "waterfall", "2024-01-31", "2024-05-31", "--where", "owner=li"],
    "stages": ["pipeline", "stages"],
    "stale": ["pipeline", "stale"],
    "forecast": ["pipeline", "forecast"],
    "by month": ["pipeline", "forecast", "--month"],
    "calibration": ["pipeline", "calibration"],
}


def on(month: int, day: int = 5) -> datetime:
    return datetime(2024, month, day, 12, tzinfo=UTC)


@pytest.fixture
def shop(say: Say) -> Say:
    """In the current folder, where a command line looks for a store."""
    clock = Clock(on(1))
    with opened(DEFAULT_STORE, clock) as crm:
        crm.do(RegisterCustomer(ref="a", name="Ada"))
        for number, owner in enumerate(("li", "mo", "li", None), start=1):
            name, amount = f"O-{number}", f"{number}000000.00"
            close = (on(6) + number * timedelta(days=20)).date()
            crm.do(OpenOpportunity(customer="a", opportunity_id=name, amount=amount, owner=owner, expected_close=close))
        for clock.now, command in (
            (on(2), MoveOpportunity(opportunity_id="O-1", stage="proposal")),
            (on(3), WinOpportunity(opportunity_id="O-1", amount="900000.00")),
            (on(3), LoseOpportunity(opportunity_id="O-2", reason="=1+1")),
            (on(4), ChangeOpportunity(opportunity_id="O-3", owner="mo")),
            (on(5, 28), MoveOpportunity(opportunity_id="O-4", stage="negotiation")),
        ):
            crm.do(command)
        clock.now = NOW
        crm.catch_up()
    return say


@pytest.mark.parametrize("name", ALL)
def test_an_answer_fits_and_is_json_and_csv(shop: Say, name: str) -> None:
    drawn, told, rows = shop(*ALL[name]), shop(*ALL[name], "--json"), shop(*ALL[name], "--csv")
    assert (drawn.status, told.status, rows.status) == (0, 0, 0)
    assert drawn.widest <= 80
    assert isinstance(told.json, list if name == "stale" else dict)
    table = list(csv.reader(rows.out.splitlines()))
    assert len(table) > 1
    assert {len(row) for row in table} == {len(table[0])}


@pytest.mark.parametrize("name", ["waterfall", "calibration"])
def test_a_picture_says_every_number_in_words(shop: Say, name: str) -> None:
    assert shop(*ALL[name], "--svg", "p.svg").out == "Drawn into p.svg.\n"
    drawn = Path("p.svg").read_text(encoding="utf-8")
    assert ElementTree.fromstring(drawn).get("role") == "img"
    assert ("won: −900,000.00 (1)" in drawn) == (name == "waterfall")
    assert "style" not in drawn


def test_without_a_subcommand_it_shows_what_is_open(shop: Say) -> None:
    # O-3 of 3 million is contacted (10 %), O-4 of 4 million in negotiation (80 %); O-3 has been still since April.
    assert shop("pipeline").out == shop("pipeline", "show").out
    assert shop("pipeline").out.splitlines()[2:] == [
        "Stage        Open         Worth      Expected  Stale         Worth",
        "contacted       1  3,000,000.00    300,000.00      1  3,000,000.00",
        "qualified       0          0.00          0.00",
        "proposal        0          0.00          0.00",
        "negotiation     1  4,000,000.00  3,200,000.00",
        "all             2  7,000,000.00  3,500,000.00      1  3,000,000.00",
    ]


def test_a_waterfall_shows_its_sum_and_what_moved(shop: Say) -> None:
    lines = [line.split() for line in shop(*ALL["waterfall of one"]).out.splitlines()[2:]]
    assert lines == [
        ["Opportunities", "Worth"],
        ["open", "2024-01-31", "2", "4,000,000.00"],
        ["new", "0", "0.00"],
        ["reopened", "0", "0.00"],
        ["grown", "0", "0.00"],
        ["shrunk", "1", "−100,000.00"],
        ["won", "1", "−900,000.00"],
        ["lost", "0", "0.00"],
        ["moved", "out", "1", "−3,000,000.00"],
        ["open", "2024-05-31", "0", "0.00"],
        [],
        ["From", "To", "Opportunities", "Worth"],
        ["contacted", "outside", "1", "3,000,000.00"],
        ["contacted", "won", "1", "900,000.00"],
    ]
    rows = list(csv.DictReader(shop(*ALL["waterfall"], "--csv").out.splitlines()))
    amounts = [float(row["amount"]) for row in rows if row["row"] != "move"]
    assert sum(amounts[:-1]) == amounts[-1]


def test_a_short_history_is_too_few_and_a_forecast_by_it_can_not_be_told(shop: Say) -> None:
    out = shop("pipeline", "forecast").out
    assert "too few" in out
    assert "can't tell" in out
    assert "2 of 2 are in stages of which own history can't tell." in out
    assert shop("pipeline", "calibration").out.startswith("Can't tell: of no forecast of these months")


def test_a_difference_of_rules_shows_what_would_be_expected(shop: Say) -> None:
    text = default_text().replace("probability = 0.8", "probability = 0.7")
    Path("wish.toml").write_text(text, encoding="utf-8")
    said = shop("rules", "diff", "wish.toml")
    assert ["sales", "2", "3,500,000.00", "3,100,000.00", "-400,000.00", "1"] in [
        line.split() for line in said.out.splitlines()
    ]
    assert shop("rules", "diff", "wish.toml", "--json").json["forecast"] == [
        {
            "pipeline": "sales",
            "opportunities": 2,
            "old": "3500000.00",
            "new": "3100000.00",
            "old_stale": 1,
            "new_stale": 1,
        }
    ]


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (["--where", "tier=gold"], 'opportunities are picked by owner, source, stage, pipeline, not by "tier"'),
        (
            ["--where", "stage=won"],
            'there is no stage "won"; the rules have contacted, qualified, proposal, negotiation',
        ),
        (["--where", "pipeline=x"], 'there is no pipeline "x"; the rules have sales'),
        (["waterfall", "2024-05-01", "2024-04-01"], "expected 2024-05-01 or later, found 2024-04-01"),
        (["waterfal", "2024-05-01", "2024-04-01"], "No such command 'waterfal'"),
        (["calibration", "--since", "2024-05-01", "--until", "2024-04-01"], "expected 2024-05 or later, found 2024-04"),
    ],
)
def test_what_can_not_be_asked_is_one_plain_sentence(shop: Say, typed: list[str], said: str) -> None:
    found = shop("pipeline", *typed)
    assert (found.status, found.out) == (2, "")
    assert said in " ".join(found.err.split())


def test_a_store_without_opportunities_says_so(say: Say) -> None:
    with opened(DEFAULT_STORE, Clock(NOW)) as crm:
        crm.do(RegisterCustomer(ref="a"))
    assert "No opportunity is open." in say("pipeline").out
    assert "No open opportunity is stale." in say("pipeline", "stale").out
    for command in ("forecast", "stages", "calibration"):
        assert say("pipeline", command).status == 0
    assert say("pipeline", "waterfall", "2024-01-01", "2024-02-01").status == 0


@pytest.mark.parametrize("name", ALL)
def test_long_names_give_way_and_no_number_is_cut(say: Say, name: str) -> None:
    long = "a-rather-long-name-of-somebody-or-something-" + "x" * 20
    stages = f'stages = [{{ id = "{long[:60]}", probability = 0.75, stale_days = 1 }}]'
    text = default_text()
    rules = parse_rules(f'{text[: text.index("[[pipeline]]")]}[[pipeline]]\nid = "{long[:50]}"\n{stages}\n')
    clock = Clock(on(1))
    with opened(DEFAULT_STORE, clock) as crm:
        crm.rules.publish(rules, reason="long names")
        crm.do(RegisterCustomer(ref=f"crm:{long[:40]}", name="Ada"))
        for number in range(40):
            opened_one = OpenOpportunity(
                customer=f"crm:{long[:40]}",
                opportunity_id=f"{long[:40]}-{number}",
                amount="123456.78",
                owner=long[:50],
                source=long[:50],
            )
            crm.do(opened_one)
        clock.now = NOW
        crm.catch_up()
    asked = [each.replace("owner=li", f"owner={long[:50]}") for each in ALL[name]]
    drawn = say(*asked)
    assert drawn.status == 0, drawn.err
    assert drawn.widest <= 80
    for line in drawn.out.splitlines():
        for word in line.split()[1:]:
            assert "…" not in word or word.startswith(("a-", "crm:")), line
    if name in ("pipeline", "by owner", "show", "forecast", "by month"):
        assert "4,938,271.20" in drawn.out
        assert "3,703,703.40" in drawn.out


def test_what_is_new_is_told_apart_from_what_was_outside_and_who_stayed_is_no_move(shop: Say) -> None:
    # Before all were opened: mo's are new, but for O-3, which was li's until April.
    def moves(*asked: str) -> list[list[str]]:
        lines = shop("pipeline", "waterfall", *asked).out.splitlines()
        return [line.split()[:3] for line in lines[lines.index("") :] if line.split()[:1] and "," in line][-9:]

    def told(*asked: str) -> list[tuple[str | None, str | None, str | None]]:
        found = shop("pipeline", "waterfall", *asked, "--json").json["moves"]
        return [(each["before"], each["after"], each["elsewhere"]) for each in found]

    assert told("2023-12-31", "2024-05-31", "--where", "owner=mo") == [
        (None, "contacted", "new"),
        (None, "lost", "new"),
    ]
    assert ["new", "contacted", "1"] in moves("2023-12-31", "2024-05-31", "--where", "owner=mo")
    assert told("2024-01-31", "2024-05-31", "--where", "owner=mo") == [
        (None, "contacted", "outside"),
        ("contacted", "lost", None),
    ]
    assert ["outside", "contacted", "1"] in moves("2024-01-31", "2024-05-31", "--where", "owner=mo")
    assert ("contacted", "contacted", None) in told("2024-01-31", "2024-05-31")
    assert ["contacted", "contacted", "1"] not in moves("2024-01-31", "2024-05-31")


def test_of_another_pipeline_than_the_one_asked_for_no_empty_row_is_shown(shop: Say) -> None:
    again = '\n[[pipeline]]\nid = "wholesale"\nstages = [{ id = "offer", probability = 0.5 }]\n'
    Path("two.toml").write_text(default_text() + again, encoding="utf-8")
    assert shop("rules", "publish", "two.toml", "--reason", "two").status == 0
    for asked in (["pipeline"], ["pipeline", "stages"], ["pipeline", "forecast"]):
        assert "wholesale: offer" in shop(*asked).out
        assert "wholesale" not in shop(*asked, "--where", "pipeline=sales").out.replace("pipeline sales", "")
        assert "contacted" not in shop(*asked, "--where", "pipeline=wholesale").out


def test_the_help_of_the_group_says_whose_options_it_takes(say: Say) -> None:
    words = " ".join(say("pipeline", "--help").out.split())
    assert "`pipeline show`, and takes its options" in words
    assert "regulars pipeline --by owner" in words
