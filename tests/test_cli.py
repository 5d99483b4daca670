"""The command line as a person at a terminal meets it, and as a program that reads its JSON does."""

from __future__ import annotations

import csv
import io
import os
import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from unicodedata import category
from zoneinfo import ZoneInfo

import pytest
import typer

import regulars
from regulars import RecordPurchase, RegisterCustomer, cli
from regulars.cli import render
from regulars.cli.app import app
from regulars.crm_domain.catalogue import CATALOGUE
from saying import NOW, Say

COMMANDS = (
    *("demo", "import", "import-mail", "customers", "tasks", "task", "firm", "segments", "segment", "show", "search"),
    *("explain", "timeline", "history", "audit", "today", "due", "value", "forecast", "tickets", "ticket"),
    *("quotes", "contracts", "opportunity", "leads", "service", "satisfaction", "points"),
    *("trend", "flow", "reminders", "calendar", "cohorts", "rfm", "revenue", "liability", "report"),
    *("consents", "contactable", "duplicates", "dismiss", "merge", "deliver", "do", "commands"),
    *("export-person", "generations", "rebuild", "seal", "verify", "prune"),
    *("status", "backup", "archive", "copy", "forget", "forgotten", "restore", "grants", "migrate", "serve", "mcp"),
)
IN_GROUPS = {
    "quote": ("show",),
    "contract": ("show",),
    "coupon": ("list", "show", "codes"),
    "export": ("events", "reports"),
    "pipeline": ("show", "waterfall", "stages", "stale", "forecast", "calibration"),
    "rewards": ("forecast",),
    "rules": ("show", "check", "holidays", "diff", "measure", "publish", "history", "rollback"),
    "survey": ("may-ask", "show"),
    "assessments": ("diff",),
    "model": ("fit", "show", "list"),
    "campaign": ("list", "show", "preview", "launch", "who", "effect", "offers", "send", "bounces"),
    "hooks": ("add", "list", "drop", "dead", "replay"),
    "keys": ("new", "rotate"),
    "generation": ("rollback",),
    "tokens": ("new", "list", "revoke"),
    "users": ("add", "list", "password", "role", "disable", "enable"),
    "changes": ("list", "read", "accept-clock", "drop"),
}
LONG = "Wolfeschlegelsteinhausenbergerdorff " * 4
HOSTILE = "[bold red]=cmd|'/c calc'!A1 \u202egnp.exe\u2066 [/not-open] \u200b日本"

MAPPING = """
format = "csv"
zone = "UTC"
currency = "EUR"
[customer]
ref = "csv:{who}"
[[command]]
do = "RecordPurchase"
[command.fields]
occurred_at = { column = "day", format = "%Y-%m-%d" }
amount = { column = "total", money = "major" }
"""


#: A name of its own for each thing that is wrong, as pydantic would say it.
OF_PYDANTIC = ("Input should", "Value error", "unable to parse", "[type=")


def every_command() -> Iterator[tuple[tuple[str, ...], Any]]:
    """The words of each command, and what it is made of."""

    def listed(command: Any, words: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
        for name, inner in getattr(command, "commands", {}).items():
            yield from listed(inner, (*words, name))
        yield words, command.make_context(" ".join(words), [], resilient_parsing=True).command

    return listed(typer.main.get_command(app), ())


def numeric_options() -> Iterator[tuple[list[str], str]]:
    """Each command that has an option for a number, with as many words as it has arguments, and that option."""
    for words, command in every_command():
        needed = ["x" for each in command.params if each.param_type_name == "argument" and each.required]
        for each in command.params:
            if each.type_descriptor.annotation in (int, float) and each.param_type_name == "option":
                yield [*words, *needed], each.opts[0]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ada buys monthly, and then no more; Bob bought once; the others have names that no table was made for."""
    path = tmp_path_factory.mktemp("shop") / "shop.db"
    with regulars.open(path, currency="EUR", actor="li", clock=lambda: NOW) as crm:
        begin = NOW - timedelta(days=300)
        people = {
            "shop:1": ("Ada Lovelace", "ada@example.com"),
            "shop:2": ("Bob", "both@example.com"),
            "=shop:3": (HOSTILE, "both@example.com"),
            "shop:" + "4" * 60: (LONG, "+1@example.com"),
        }
        for ref, (name, email) in people.items():
            crm.do(RegisterCustomer(ref=ref, name=name, email=email, occurred_at=begin))
        for number in range(7):
            at = begin + timedelta(days=30 * number)
            crm.do(RecordPurchase(customer="shop:1", order_id=f"A-{number}", amount="1059.90", occurred_at=at))
        crm.do(RecordPurchase(customer="shop:2", order_id="B-1", amount="5.00", occurred_at=NOW - timedelta(days=45)))
    return path


@pytest.fixture
def ask(say: Say, shop: Path) -> Say:
    """The same, of the shop."""
    return lambda *words: say("--db", str(shop), *words)


# ------------------------------------------------------------------------------------------------------------- help


def test_the_help_of_an_option_speaks_of_no_option_that_its_command_lacks() -> None:
    for words, command in every_command():
        there = {name for each in command.params for name in (*each.opts, *each.secondary_opts)}
        for each in command.params:
            named = re.findall(r"(?<![\w`])--[a-z][a-z-]+", getattr(each, "help", None) or "")
            assert {*named} <= there, (words, each.opts)


def test_help_lists_every_command_and_has_an_example(say: Say) -> None:
    said = say("--help")
    assert said.status == 0
    assert all(f"\n  {command} " in said.out for command in COMMANDS)
    assert "Examples:" in said.out


@pytest.mark.parametrize(
    "command", [*COMMANDS, *(f"{group} {command}" for group, commands in IN_GROUPS.items() for command in commands)]
)
def test_help_of_every_command_has_an_example_and_offers_json(say: Say, command: str) -> None:
    said = say(*command.split(), "--help")
    assert said.status == 0
    assert re.search(rf"Examples?:\n    regulars {command}", said.out)
    assert "--json" in said.out


@pytest.mark.parametrize("group", ["", *IN_GROUPS])
def test_the_list_says_of_each_command_what_its_own_help_begins_with(say: Say, group: str) -> None:
    listed = dict(
        re.findall(
            r"^  ([a-z-]+) +(\S.*?)(?:\.\.\.|\.)?$", say(*group.split(), "--help").out.split("Commands:")[1], re.M
        )
    )
    for command in IN_GROUPS[group] if group else COMMANDS:
        begins = say(*group.split(), command, "--help").out.partition("\n\n")[2].split()
        assert begins[: len(listed[command].split())][:-1] == listed[command].split()[:-1]


def test_these_are_all_the_commands_there_are() -> None:
    assert [command.name for command in app.registered_commands] == list(COMMANDS)
    groups = {each.name: each.typer_instance for each in app.registered_groups}
    assert {name: tuple(command.name for command in group.registered_commands) for name, group in groups.items()} == (
        IN_GROUPS
    )


def test_the_version_is_told(say: Say) -> None:
    assert say("--version").out == f"regulars {regulars.__version__}\n"


# ------------------------------------------------------------------------------------------------- where a store is


@pytest.mark.parametrize(
    "words", [("customers",), ("show", "x"), ("explain", "x"), ("status",), ("import", "--rejects")]
)
def test_a_question_to_a_missing_store_is_refused_and_makes_none(
    say: Say, tmp_path: Path, words: tuple[str, ...]
) -> None:
    said = say(*words)
    assert said.status == 1
    assert said.err.startswith("regulars: there is no store at regulars.db; make one with")
    assert list(tmp_path.iterdir()) == []


def test_a_question_never_turns_another_file_into_a_store(say: Say, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("not a database, but long enough to be looked at as one" * 20)
    (tmp_path / "empty.db").touch()
    for name in ("notes.txt", "empty.db"):
        said = say("customers", "--db", name)
        assert said.status == 1
        assert name in said.err
    assert (tmp_path / "empty.db").stat().st_size == 0


def test_the_store_is_named_before_or_after_the_command_or_by_the_environment(
    say: Say, shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, after = say("--db", str(shop), "status", "--json"), say("status", "--db", str(shop), "--json")
    monkeypatch.setenv("REGULARS_DB", str(shop))
    assert before.json == after.json == say("status", "--json").json


def test_an_unusable_path_is_refused_in_a_sentence(say: Say, tmp_path: Path) -> None:
    for path in (str(tmp_path), "no/such/folder/x.db", "x" * 5000, "mysql://localhost/x"):
        said = say("do", "RegisterCustomer", "--db", path)
        assert (said.status, said.out) == (1, "")
        assert said.err.count("\n") == 1


# -------------------------------------------------------------------------------------------------------- customers


def test_customers_are_a_table_of_80_columns_whatever_they_are_called(ask: Say) -> None:
    said = ask("customers")
    assert said.status == 0
    assert said.widest <= 80
    assert said.out.split("\n")[0].split() == ["Ref", "Name", "Stage", "Tier", "Risk", "Orders", "Net", "spend"]
    assert len(said.out.splitlines()) == 5
    assert "[bold" in said.out


def test_what_is_drawn_holds_no_control_characters_and_no_colour(ask: Say) -> None:
    for words in (("customers",), ("show", "=shop:3"), ("explain", "=shop:3")):
        said = ask(*words)
        assert said.status == 0
        assert not [c for c in said.out if category(c) in ("Cc", "Cf") and c != "\n"]


def test_json_is_an_array_of_objects_that_say_exactly_what_is_stored(ask: Say) -> None:
    said = ask("customers", "--json")
    by_ref = {each["ref"]: each for each in said.json}
    assert said.out.isascii()
    assert by_ref["=shop:3"]["name"] == HOSTILE
    ada = by_ref["shop:1"]
    assert {name: ada[name] for name in ("stage", "tier", "risk_band", "orders", "net_spend", "currency")} == {
        "stage": "dormant",
        "tier": "platinum",
        "risk_band": "medium",
        "orders": 7,
        "net_spend": "7419.30",
        "currency": "EUR",
    }
    assert isinstance(ada["risk"], int)
    assert datetime.fromisoformat(ada["last_order_at"]) == NOW - timedelta(days=120)
    assert datetime.fromisoformat(ada["as_of"]) == NOW


def test_an_answer_of_nobody_is_an_empty_array_an_empty_csv_or_a_sentence(ask: Say) -> None:
    assert ask("customers", "--tier", "gold", "--json").json == []
    assert ask("customers", "--tier", "gold", "--csv").out.count("\n") == 1
    assert ask("customers", "--tier", "gold").out == "No customer answers to that.\n"


def test_a_spreadsheet_finds_no_formula_in_the_csv(ask: Say) -> None:
    rows = list(csv.DictReader(io.StringIO(ask("customers", "--csv").out)))
    assert {row["ref"] for row in rows} >= {"'=shop:3", "shop:1"}
    assert {row["email"] for row in rows} >= {"'+1@example.com"}
    assert not [cell for row in rows for cell in row.values() if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]


def test_a_day_is_asked_to_its_end_in_the_zone_of_the_business(ask: Say, shop: Path) -> None:
    with regulars.open(shop, clock=lambda: NOW) as crm:
        zone = ZoneInfo(crm.ruleset.business.timezone)
    [ada] = ask("customers", "--as-of", "2023-09-30", "--tier", "platinum", "--json").json
    end = datetime(2023, 10, 1, tzinfo=zone) - timedelta(microseconds=1)
    assert datetime.fromisoformat(ada["as_of"]) == end
    assert ada["orders"] == 2
    assert ask("customers", "--as-of", end.isoformat(), "--tier", "platinum", "--json").json == [ada]


@pytest.mark.parametrize("moment", ["1997", "yesterday", "2024-06-01T12:00:00", "9999-12-31", "2024-02-30", "20240601"])
def test_anything_else_is_no_moment(ask: Say, moment: str) -> None:
    said = ask("customers", "--as-of", moment)
    assert said.status == 2
    assert f'"{moment}"' in said.err


def test_who_becomes_what_is_asked_by_value_or_by_lane(ask: Say) -> None:
    at_risk_soon = ask("customers", "--becoming", "at_risk", "--within", "3w", "--json").json
    assert [each["ref"] for each in at_risk_soon] == ["shop:2"]
    assert datetime.fromisoformat(at_risk_soon[0]["becomes_at"]) > NOW
    assert ask("customers", "--becoming", "stage=at_risk", "--within", "21d", "--json").json == at_risk_soon
    assert ask("customers", "--becoming", "at_risk", "--within", "24h", "--json").json == []
    assert "Becomes" in ask("customers", "--becoming", "at_risk", "--within", "3w").out


@pytest.mark.parametrize(
    "words",
    [
        ("--stage", "gone"),
        ("--risk-band", "gold"),
        ("--becoming", "gone"),
        ("--becoming", "tier=at_risk"),
        ("--within", "14d"),
        ("--becoming", "at_risk", "--within", "14"),
        ("--limit", "0"),
        ("--order", "phone"),
        ("--json", "--csv"),
        ("--nonsense",),
    ],
)
def test_a_question_that_makes_no_sense_is_a_usage_error(ask: Say, words: tuple[str, ...]) -> None:
    said = ask("customers", *words)
    assert (said.status, said.out) == (2, "")
    assert "Error: " in said.err


def test_the_highest_risk_comes_first_and_a_limit_says_that_there_are_more(ask: Say) -> None:
    risks = [each["risk"] for each in ask("customers", "--order", "risk", "--json").json]
    assert risks == sorted(risks, reverse=True)
    assert len(ask("customers", "--limit", "2", "--json").json) == 2
    assert "there are more" in ask("customers", "--limit", "2").out
    assert "there are more" not in ask("customers", "--limit", "4").out


def test_pages_join_into_one_answer(ask: Say, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = ask("customers", "--json").json
    monkeypatch.setattr(cli.paging, "MAX_PAGE", 1)
    assert ask("customers", "--json").json == whole
    assert ask("customers", "--limit", "3", "--json").json == whole[:3]


# ------------------------------------------------------------------------------------------------- show and explain


def test_show_says_who_they_are_where_they_stand_and_draws_their_timeline(ask: Say) -> None:
    said = ask("show", "shop:1")
    assert said.widest <= 80
    assert said.out.startswith("Ada Lovelace\nshop:1 · ada@example.com · id:")
    assert "stage  dormant" in said.out
    assert "until " in said.out
    assert "net spend  7,419.30 EUR" in said.out
    assert "▲" in said.out
    assert "░ due if nothing happens" in said.out
    for lane in ("stage", "tier", "risk"):
        [bar] = [line for line in said.out.splitlines() if line.startswith(f"{lane}   ") and "█" in line]
        assert "░" in bar


def test_show_as_json_holds_the_timeline(ask: Say) -> None:
    ada = ask("show", "shop:1", "--json").json
    assert ada["ref"] == "shop:1"
    stages = ada["timeline"]["stage"]
    assert all(earlier["until"] == later["since"] for earlier, later in pairwise(stages))
    assert stages[-1]["until"] is None


def test_the_timeline_draws_when_tickets_were_open_and_lists_what_happened(say: Say) -> None:
    # T-1 is open for 60 days; a normal ticket is to be answered within a day, and nobody did. T-2 is new today.
    say("do", "RegisterCustomer", "ref=a", "occurred_at=2024-01-01T12:00:00Z", "--actor", "li")
    say("do", "OpenTicket", "customer=a", "ticket_id=T-1", "subject=a leg", "occurred_at=2024-02-01T12:00:00Z")
    say("do", "CloseTicket", "ticket_id=T-1", "occurred_at=2024-04-01T12:00:00Z", "--actor", "li")
    assert "tickets" in say("show", "a").out
    say("do", "OpenTicket", "customer=a", "ticket_id=T-2", "occurred_at=2024-06-01T12:00:00Z", "--actor", "li")
    said = say("timeline", "a")
    assert (said.status, said.widest <= 80) == (0, True)
    [bar] = [line for line in said.out.splitlines() if line.startswith("tickets ")]
    assert re.fullmatch(r"tickets +▐[▐█]* +│[│░]+", bar)
    told = said.out.splitlines()
    assert told[-1] == "2024-06-01  Li opened ticket T-2 for a as normal"
    assert told[-2] == "2024-04-01  Li closed ticket T-1 of a"
    assert "a leg" not in said.out
    spans = say("timeline", "a", "--json").json["tickets"]
    assert [(each["value"], each["since"], each["until"]) for each in spans] == [
        ("open", "2024-02-01T12:00:00+00:00", "2024-02-02T12:00:00+00:00"),
        ("breached", "2024-02-02T12:00:00+00:00", "2024-04-01T12:00:00+00:00"),
        ("open", "2024-06-01T12:00:00+00:00", "2024-06-02T12:00:00+00:00"),
        ("breached", "2024-06-02T12:00:00+00:00", None),
    ]


def test_what_was_told_late_stands_in_the_timeline_where_it_happened(say: Say) -> None:
    for words in (("RegisterCustomer", "ref=a"), ("TagCustomer", "customer=a", "label=second")):
        say("do", *words, "occurred_at=2024-01-03T12:00:00Z", "--actor", "li")
    say("do", "TagCustomer", "customer=a", "label=first", "occurred_at=2024-01-02T12:00:00Z", "--actor", "li")
    told = say("timeline", "a").out.splitlines()[-3:]
    assert told == [
        "2024-01-02  Li tagged a as first",
        "2024-01-03  Li registered a",
        "2024-01-03  Li tagged a as second",
    ]
    assert say("timeline", "a", "--limit", "1").out.splitlines()[-2:] == ["", told[-1]]


def test_who_never_had_a_ticket_has_no_lane_of_tickets(ask: Say) -> None:
    assert "tickets" not in ask("timeline", "shop:1").out
    assert ask("timeline", "shop:1", "--json").json["tickets"] == []


def test_a_customer_is_named_by_reference_e_mail_or_id(ask: Say) -> None:
    by_ref = ask("show", "shop:1", "--json").json
    assert ask("show", "ADA@example.com", "--json").json == by_ref
    assert ask("show", by_ref["id"], "--json").json == by_ref


def test_whoever_is_not_there_or_not_the_only_one_is_refused(ask: Say) -> None:
    assert ask("show", "nobody").err == 'regulars: no customer has the reference, e-mail or phone number "nobody"\n'
    assert "2 customers have the e-mail" in ask("explain", "both@example.com").err
    for who in ("nobody", "both@example.com", "id:" + "0" * 32, "id:", "", "\x1b[31m", "x" * 10_000):
        said = ask("show", who)
        assert said.status == 1
        assert "\x1b" not in said.err


# ----------------------------------------------------------------------------------------------------------- merging


def test_who_shares_an_e_mail_is_listed_with_how_to_merge_them(ask: Say) -> None:
    said = ask("duplicates")
    assert said.status == 0
    assert said.widest <= 80
    assert said.out.splitlines()[0].split() == ["Shared", "Customer", "Name"]
    assert said.out.count("e-mail") == 1
    assert all(sum(ref in line for line in said.out.splitlines()) == 1 for ref in ("shop:2", "=shop:3"))
    assert "regulars do MergeCustomers customer=… into=…" in said.out
    assert "regulars merge --suspected" in " ".join(said.out.split())
    assert "There may be more" not in said.out


def test_suspicions_as_json_name_ids_that_can_be_merged(ask: Say) -> None:
    (found,) = ask("duplicates", "--json").json
    assert found["shared"] == "email"
    assert {each["ref"] for each in found["customers"]} == {"shop:2", "=shop:3"}
    assert all(each["id"].startswith("id:") for each in found["customers"])


def test_suspicions_go_on_after_a_page(say: Say) -> None:
    for number in range(6):
        say("do", "RegisterCustomer", f"ref=shop:{number}", f"email={number // 2}@example.com")
    first = say("duplicates", "--limit", "2")
    mark = first.out.split("--after ")[1].strip()
    rest = say("duplicates", "--limit", "2", "--after", mark)
    assert "There may be more" not in rest.out
    listed = [word for said in (first, rest) for word in said.out.split() if word.startswith("shop:")]
    assert sorted(listed) == [f"shop:{number}" for number in range(6)]
    assert say("duplicates", "--after", "nonsense").status == 2


@pytest.fixture
def suspects(say: Say) -> Say:
    """Three who are one by an e-mail and a phone number, two by an e-mail, and one who is nobody else."""
    for ref, *details in (
        ("b", "email=b@example.com"),
        ("a1", "email=a@example.com", "name=Ada"),
        ("a2", "email=A@example.com", "phone=+49 30 1234567"),
        ("a3", "phone=+49301234567"),
        ("b2", "email=b@example.com"),
        ("c", "email=c@example.com"),
    ):
        say("do", "RegisterCustomer", f"ref={ref}", *details)
    return say


def test_weaker_suspicions_are_asked_for(suspects: Say) -> None:
    assert suspects("duplicates", "--near").out == "Nobody has nearly the same e-mail or phone number as another.\n"
    suspects("do", "RegisterCustomer", "ref=a4", "phone=030 1234567")
    said = suspects("duplicates", "--near")
    assert said.widest <= 80
    assert {word for word in said.out.split() if word[0] in "abc" and len(word) < 3} == {"a2", "a3", "a4"}
    assert "merge --suspected" not in said.out
    [found] = suspects("duplicates", "--near", "--json").json
    assert (found["shared"], len(found["customers"])) == ("phone", 3)


def test_suspects_are_shown_before_they_are_merged(suspects: Say) -> None:
    before = suspects("duplicates", "--json").json
    said = suspects("merge", "--suspected")
    assert (said.status, said.err) == (0, "")
    assert said.widest <= 80
    assert said.out.splitlines()[0].split() == ["Shared", "Becomes", "Customer", "Name"]
    assert said.out.endswith("Nobody was merged; --yes merges them.\n")
    planned = suspects("merge", "--suspected", "--json").json
    assert planned["merged"] is False
    assert len(planned["groups"]) == 3
    assert suspects("duplicates", "--json").json == before


def test_suspects_are_merged_into_the_one_who_was_registered_first(suspects: Say) -> None:
    said = suspects("merge", "--suspected", "--yes")
    assert (said.status, said.err) == (0, "")
    assert "Merged: 3 of 3 groups." in said.out
    merged = {each["ref"]: set(each["merged"]) for each in suspects("customers", "--json").json}
    assert merged == {"b": {"b2"}, "a1": {"a2", "a3"}, "c": set()}
    assert suspects("duplicates", "--json").json == []
    assert suspects("merge", "--suspected", "--yes").out.startswith("Nobody shares")
    assert "the same e-mail" in suspects("audit", "--type", "CustomerMerged", "--json").out
    suspects("do", "UndoMerge", "customer=b2")
    assert len(suspects("duplicates", "--json").json) == 1


def test_a_group_that_can_t_be_merged_is_told_and_the_others_are(suspects: Say) -> None:
    for ref in ("b", "b2"):
        suspects("do", "EnrollMember", f"customer={ref}")
    said = suspects("merge", "--suspected", "--yes", "--json")
    assert said.status == 1
    refused = [each for each in said.json["groups"] if each["refused"]]
    assert [{one["ref"] for one in each["customers"]} for each in refused] == [{"b", "b2"}]
    assert "both customers have a membership" in refused[0]["refused"]
    [left] = suspects("duplicates", "--json").json
    assert {one["ref"] for one in left["customers"]} == {"b", "b2"}
    assert "Refused for b: both customers" in " ".join(suspects("merge", "--suspected", "--yes").out.split())


def test_suspects_who_were_told_apart_are_listed_no_more_and_can_be_listed_by_themselves(suspects: Say) -> None:
    said = suspects("dismiss", "b", "b2", "--reason", "father and son")
    assert (said.status, said.out, said.err) == (0, "They are suspected no more.\n", "")
    assert suspects("dismiss", "b2", "b").out == "They were told apart before.\n"
    listed = suspects("duplicates", "--json").json
    assert all({one["ref"] for one in each["customers"]} <= {"a1", "a2", "a3"} for each in listed)
    [dismissed] = suspects("duplicates", "--dismissed", "--json").json
    assert {one["ref"] for one in dismissed["customers"]} == {"b", "b2"}
    shown = suspects("duplicates", "--dismissed")
    assert shown.widest <= 80
    assert "b2" in shown.out
    assert "father and son" in suspects("audit", "--type", "DuplicateDismissed").out
    undone = suspects("dismiss", "--undo", "b", "b2", "--json").json
    assert (undone["dismissed"], undone["changed"]) == (False, True)
    assert suspects("dismiss", "--undo", "b", "b2").out == "They weren't told apart.\n"
    assert suspects("duplicates", "--dismissed").out == "Nobody was told apart from another.\n"
    assert suspects("dismiss", "b", "nobody").status != 0


def test_who_was_told_apart_is_not_merged_by_way_of_a_third(suspects: Say) -> None:
    suspects("dismiss", "a1", "a3")
    merged = suspects("merge", "--suspected", "--yes", "--json").json
    assert merged["merged"] is True
    refs = {each["ref"]: set(each["merged"]) for each in suspects("customers", "--json").json}
    assert not any({"a1", "a3"} <= {ref, *others} for ref, others in refs.items())
    assert suspects("duplicates", "--json").json == []


def test_who_could_not_be_merged_is_not_taken_for_the_other_in_what_follows(say: Say) -> None:
    for ref, *details in (
        ("a", "email=a@example.com"),
        ("b", "email=a@example.com", "phone=+49 30 1"),
        ("c", "phone=+49 30 1"),
    ):
        say("do", "RegisterCustomer", f"ref={ref}", *details)
        if ref != "c":
            say("do", "EnrollMember", f"customer={ref}")
    assert say("merge", "--suspected", "--yes").status == 1
    merged = {each["ref"]: each["merged"] for each in say("customers", "--json").json}
    assert merged == {"a": [], "b": ["c"]}


def test_whom_to_merge_is_said(say: Say) -> None:
    say("do", "RegisterCustomer", "ref=1")
    said = say("merge")
    assert (said.status, said.out) == (2, "")
    assert "--suspected" in said.err


def test_who_was_merged_is_also_known_by_the_other_reference(say: Say) -> None:
    for number in (41, 42):
        say("do", "RegisterCustomer", f"ref=shop:{number}", "email=ada@example.com")
    assert "merged into another customer" in say("do", "MergeCustomers", "customer=shop:41", "into=shop:42").out
    for who in ("shop:41", "shop:42", "ada@example.com"):
        assert "also known as shop:41" in say("show", who).out
    assert say("show", "shop:42", "--json").json["merged"] == ["shop:41"]
    assert "Nobody shares" in say("duplicates").out
    assert say("duplicates", "--json").json == []
    say("do", "UndoMerge", "customer=shop:41")
    assert "also known as" not in say("show", "shop:42").out


# ----------------------------------------------------------------------------------------------------------- explain


def test_explain_gives_clauses_events_a_sum_and_what_comes_next(ask: Say) -> None:
    said = ask("explain", "shop:1")
    assert said.widest <= 80
    assert "Stage: dormant   since " in said.out
    assert "order A-6 of 1059.90 EUR" in said.out
    assert "and 2 more before" in said.out
    assert "next: churned on " in said.out


def test_contributions_add_up_to_the_score_in_the_table_and_in_json(ask: Say) -> None:
    lines = ask("explain", "shop:1").out.splitlines()
    shares = [int(line.split()[0]) for line in lines if line.strip().startswith("+")]
    [total] = [int(line.split()[0]) for line in lines if line.endswith("in all")]
    [risk] = [each for each in ask("explain", "shop:1", "--json").json["verdicts"] if each["verdict"] == "risk"]
    assert sum(shares) == total == risk["score"] == sum(reason["contribution"] for reason in risk["reasons"])
    assert {event["what"] for reason in risk["reasons"] for event in reason["events"]} >= {"order A-6 of 1059.90 EUR"}


def test_explain_as_of_a_day_knows_nothing_of_what_came_later(ask: Say) -> None:
    said = ask("explain", "shop:1", "--as-of", "2023-09-30")
    assert "as of 2023-09-30\n" in said.out
    assert "A-1" in said.out
    assert "A-2" not in said.out
    assert ask("explain", "shop:1", "--as-of", "2001-01-01").status == 1


# ------------------------------------------------------------------------------------------------------- do, status


@pytest.mark.parametrize(
    ("typed", "happened"),
    [
        ("2024-01-01T12:00:00Z", "2024-01-01T12:00:00+00:00"),
        ("2024-01-01T12:00", "2024-01-01T11:00:00+00:00"),  # the business is in Berlin
        ("2024-07-01", "2024-06-30T22:00:00+00:00"),
    ],
)
def test_a_time_that_is_typed_without_an_offset_is_in_the_business_s_zone(say: Say, typed: str, happened: str) -> None:
    done = say("do", "RegisterCustomer", "ref=a", f"occurred_at={typed}", "--json")
    assert [event["occurred_at"] for event in done.json["events"]] == [happened]


def test_a_time_that_clocks_pass_over_is_refused_by_its_name(say: Say) -> None:
    refused = say("do", "RegisterCustomer", "ref=a", "occurred_at=2024-03-31T02:30")
    assert (refused.status, refused.out) == (1, "")
    assert "2024-03-31T02:30:00 doesn't exist in Europe/Berlin" in refused.err


def test_what_is_done_can_be_shown(say: Say) -> None:
    registered = say("do", "RegisterCustomer", "ref=shop:42", "name=Ada", "--currency", "EUR")
    assert (registered.status, registered.out.split(" (")[0]) == (0, "Recorded: registered")
    bought = say("do", "RecordPurchase", "customer=shop:42", "order_id=A-1", "amount=59.90")
    assert bought.out.startswith("Recorded: order A-1 of 59.90 EUR (event 2, ")
    again = say("do", "RecordPurchase", "customer=shop:42", "order_id=A-1", "amount=59.90")
    assert (again.status, again.out) == (0, "Nothing changed: it was so already.\n")
    assert "net spend  59.90 EUR" in say("show", "shop:42").out


def test_who_acts_is_said_after_or_before_the_command_or_by_the_environment(
    say: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    def actor(*words: str) -> str:
        found: str = say(*words, "--json").json["events"][0]["actor"]
        return found

    monkeypatch.setattr("getpass.getuser", lambda: "login")
    assert actor("do", "RegisterCustomer") == "login"
    monkeypatch.setenv("REGULARS_ACTOR", "environment")
    assert actor("do", "RegisterCustomer") == "environment"
    assert actor("--actor", "before", "do", "RegisterCustomer") == "before"
    assert actor("--actor", "before", "do", "RegisterCustomer", "--actor", "after") == "after"


def test_json_amounts_are_exact_and_lines_come_as_json_either_way(say: Say) -> None:
    say("do", "RegisterCustomer", '{"ref": "a"}', "--currency", "EUR")
    order = '{"customer": "a", "order_id": "1", "amount": 1234567.89, "lines": [{"sku": "x", "amount": 0.29}]}'
    done = say("do", "RecordPurchase", order, "--json")
    assert done.json["changed"] is True
    assert [event["what"] for event in done.json["events"]] == ["order 1 of 1234567.89 EUR"]
    words = ("customer=a", "order_id=1", "amount=1234567.89", 'lines=[{"sku": "x", "amount": "0.29"}]')
    assert say("do", "RecordPurchase", *words, "--json").json["changed"] is False


def test_an_empty_value_clears_and_a_yes_is_a_yes(say: Say) -> None:
    say("do", "RegisterCustomer", "ref=a", "name=Ada", "phone=12345")
    assert "phone changed" in say("do", "ChangeContactDetails", "customer=a", "phone=").out
    assert say("show", "a", "--json").json["phone"] is None
    assert "forgotten" in say("do", "ErasePersonalData", "customer=a", "confirm=true").out
    assert [each["ref"] for each in say("customers", "--forgotten", "--json").json] == [None]
    assert say("customers", "--forgotten").status == 0


def test_a_command_that_is_refused_says_why_and_leaves_no_store(say: Say, tmp_path: Path) -> None:
    said = say("do", "RecordPurchase", "customer=shop:42", "amount=abc", "colour=red")
    assert said.status == 1
    assert said.err.startswith("regulars: RecordPurchase: order_id: a value is needed, found nothing; amount: ")
    assert said.err.endswith(", found 'abc'; colour: there is no such field\n")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (("RecordPurchse", "amount=1"), "did you mean RecordPurchase?"),
        (("recordpurchase",), "did you mean RecordPurchase?"),
        (("RecordPurchase", "amount"), "expected name=value"),
        (("RecordPurchase", "amount=1", "amount=2"), "given twice"),
        (("RecordPurchase", "{"), "not JSON"),
        (("RecordPurchase", '{"a":' + "[" * 90_000), "not JSON"),
        (("RecordPurchase", "lines=x"), "should be JSON"),
        ((), "Missing argument"),
    ],
)
def test_what_is_no_command_at_all_is_a_usage_error(say: Say, words: tuple[str, ...], hint: str) -> None:
    said = say("do", *words)
    assert said.status == 2
    assert hint in said.err


def test_a_refusal_of_the_domain_exits_with_one(say: Say) -> None:
    assert "no customer has the reference" in say("do", "TagCustomer", "customer=x", "label=y").err
    assert say("do", "TagCustomer", "customer=x", "label=y").status == 1
    say("do", "RegisterCustomer", "ref=a", "--currency", "EUR")
    assert say("do", "RegisterCustomer", "ref=b", "--currency", "USD").status == 1
    assert say("do", "RecordPurchase", '{"customer": "a", "order_id": "1", "amount": NaN}').status == 1


def test_commands_tell_every_field_in_plain_words(say: Say) -> None:
    overview = say("commands")
    assert overview.widest <= 80
    assert "customer*, order_id*, amount*, currency, lines, channel" in overview.out
    assert "opportunity_id*, reason*, detail" in overview.out  # what every other command may have, this one needs
    everything = say("commands", "--json").json
    assert {each["command"] for each in everything} == set(CATALOGUE.commands)
    assert all(field["takes"] not in ("", "a value") for each in everything for field in each["fields"])
    one = say("commands", "RecordPurchase")
    assert one.widest <= 80
    assert "a list of {sku, quantity?, amount?}" in one.out
    assert say("commands", "Nonsense").status == 2


def test_status_counts_and_draws(ask: Say) -> None:
    said = ask("status")
    assert said.widest <= 80
    assert "customers  4" in said.out
    assert "█" in said.out
    found = ask("status", "--json").json
    assert (found["currency"], found["events"], found["customers"], found["behind"]) == ("EUR", 12, 4, 0)
    assert found["counts"]["tier"] == {"member": 3, "platinum": 1}


# ----------------------------------------------------------------------------------------------------------- import


@pytest.fixture
def orders(tmp_path: Path) -> tuple[str, str]:
    """A file with a mapping; its third line can't be taken."""
    rows = "who,day,total\n1,2024-01-01,5.00\n2,2024-01-02,[red]five\n3,2024-01-03,7.00\n"
    (tmp_path / "orders.csv").write_text(rows)
    (tmp_path / "orders.toml").write_text(MAPPING)
    return str(tmp_path / "orders.csv"), str(tmp_path / "orders.toml")


def test_an_import_shows_its_sums_and_its_refused_rows(say: Say, orders: tuple[str, str]) -> None:
    file, mapping = orders
    said = say("import", file, "--mapping", mapping, "--allow-rejects")
    assert (said.status, len(said.err.splitlines())) == (0, 1)
    assert said.err.startswith("regulars: this new store keeps its keys beside the names")
    assert said.widest <= 80
    assert "line 3  RecordPurchase.amount: " in said.out
    assert "regulars import --rejects" in said.out
    assert {each["ref"] for each in say("customers", "--json").json} == {"csv:1", "csv:3"}
    [reject] = say("import", "--rejects", "--json").json
    assert (reject["line"], reject["text"]) == (3, "2,2024-01-02,[red]five")
    assert "[red]five" in say("import", "--rejects").out


def test_the_same_import_again_changes_nothing(say: Say, orders: tuple[str, str]) -> None:
    file, mapping = orders
    say("import", file, "--mapping", mapping)
    again = say("import", file, "--mapping", mapping, "--json").json
    assert (again["rows"], again["unchanged"], again["events"], again["rejected"]) == (3, 2, 0, 1)


def test_a_dry_run_tells_the_same_and_leaves_nothing_behind(say: Say, tmp_path: Path, orders: tuple[str, str]) -> None:
    file, mapping = orders
    said = say("import", file, "--mapping", mapping, "--dry-run")
    assert said.status == 1
    assert "nothing was kept" in said.out
    assert "line 3" in said.out
    assert not (tmp_path / "regulars.db").exists()


def test_an_import_ends_with_1_where_rows_were_refused_unless_that_is_allowed(
    say: Say, orders: tuple[str, str]
) -> None:
    file, mapping = orders
    assert say("import", file, "--mapping", mapping).status == 1
    assert say("import", file, "--mapping", mapping, "--allow-rejects").status == 0
    Path(file).write_text("who,day,total\n")
    assert say("import", file, "--mapping", mapping).status == 0


def test_many_refused_rows_are_counted_by_reason_the_most_frequent_first(say: Say, orders: tuple[str, str]) -> None:
    file, mapping = orders
    rows = [f"2,2024-01-02,x{number}\n" for number in range(25)] + ["3,yesterday,5\n"] + ["4,2024-01-0,5\n"]
    Path(file).write_text("who,day,total\n1,2024-01-01,1\n" + "".join(rows))
    said = say("import", file, "--mapping", mapping)
    refused = said.out.partition("Refused:\n")[2].splitlines()
    assert refused[0].startswith("25  RecordPurchase.amount: expected an amount such as")
    assert [line.split()[0] for line in refused if line.split()[1].startswith("RecordPurchase")] == ["25", "2"]
    told = say("import", file, "--mapping", mapping, "--json").json
    assert [each["rows"] for each in told["reasons"]] == [25, 2]


def test_several_files_are_one_import_whose_refusals_name_the_file(say: Say, orders: tuple[str, str]) -> None:
    file, mapping = orders
    other = Path(file).with_name("more.csv")
    other.write_text("who,day,total\n9,2024-01-01,9.00\n9,2024-01-02,nine\n")
    said = say("import", file, str(other), "--mapping", mapping)
    assert "rows             5" in said.out
    assert "orders.csv, line 3" in said.out
    assert "more.csv, line 3" in said.out
    assert say("import", str(other), "nope.csv", "--mapping", mapping).err.startswith(
        "regulars: there is no file nope.csv"
    )


def test_a_separator_that_the_mapping_doesnt_name_is_guessed(say: Say, orders: tuple[str, str]) -> None:
    file, mapping = orders
    Path(file).write_text("who;day;total\n1;2024-01-01;5.00\n")
    said = say("import", file, "--mapping", mapping)
    assert 'the separator looks like ;: delimiter = ";"' in said.err


def test_an_import_needs_a_file_and_a_mapping_and_makes_no_store_without(
    say: Say, tmp_path: Path, orders: tuple[str, str]
) -> None:
    file, mapping = orders
    assert say("import").status == 2
    assert say("import", file).status == 1
    assert say("import", "nope.csv", "--mapping", mapping).status == 1
    assert say("import", file, "--mapping", "nope.toml").status == 1
    (tmp_path / "bad.toml").write_text("format = 'xml'")
    assert "bad.toml" in say("import", file, "--mapping", "bad.toml").err
    assert not (tmp_path / "regulars.db").exists()


# ------------------------------------------------------------------------------------------------------------- demo


def test_the_demo_takes_a_fresh_file_and_leaves_others_alone(
    say: Say, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[tuple[Path, int]] = []

    def run(console: object, path: Path, seed: int) -> None:
        regulars.open(path).close()
        made.append((path, seed))

    monkeypatch.setattr("regulars.demo.run", run)
    monkeypatch.setenv("REGULARS_DB", str(tmp_path / "real.db"))
    assert say("demo").status == 0
    assert say("demo", "--seed", "7").status == 0
    assert say("demo", "--db", "regulars-demo.db").status == 1
    assert say("--db", "mine.db", "demo", "--json").json["seed"] == 42
    assert [(path.name, seed) for path, seed in made] == [
        ("regulars-demo.db", 42),
        ("regulars-demo-2.db", 7),
        ("mine.db", 42),
    ]


# ----------------------------------------------------------------------------------------------- in a real process


def _process(*words: str, **settings: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", "import sys; from regulars.cli import main; main()", *words]
    environment = {**os.environ, **settings}
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment)


def test_a_reader_who_has_seen_enough_ends_it_without_a_word(shop: Path) -> None:
    with _process("--db", str(shop), "customers", "--json") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.wait(timeout=30) == 1
        assert process.stderr.read() == b""


def test_a_terminal_without_the_characters_gets_others(shop: Path) -> None:
    with _process("--db", str(shop), "show", "=shop:3", PYTHONIOENCODING="ascii") as process:
        out, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (0, b"")
    assert out.isascii()


def test_words_that_are_no_text_are_refused(shop: Path) -> None:
    with _process("--db", str(shop), "show", os.fsdecode(b"\xff")) as process:
        _, err = process.communicate(timeout=30)
    assert process.returncode == 1
    assert b"Traceback" not in err


def test_ctrl_c_exits_with_130(say: Say, shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli.asking, "open_to_ask", interrupt)
    assert say("customers").status == 130


# --------------------------------------------------------------------------------------------------- copying a store


def test_copy_says_how_many_events_went_where(say: Say, shop: Path, bare_postgres_url: str) -> None:
    said = say("copy", str(shop), "[b]copy.db")
    assert (said.status, said.out, said.err) == (0, "Copied 12 events to [b]copy.db.\n", "")
    assert say("--db", "[b]copy.db", "customers", "--json").json == say("--db", str(shop), "customers", "--json").json
    url = bare_postgres_url.replace("://postgres:", "://postgres:hidden", 1)
    copied = say("copy", str(shop), bare_postgres_url, "--json").json
    assert (copied["source"], copied["events"]) == (str(shop), 12)
    assert copied["target"].startswith("postgresql+psycopg://")
    assert "hidden" not in say("copy", str(shop), url).err


def test_copy_refuses_in_a_sentence_and_leaves_everything_alone(say: Say, shop: Path, tmp_path: Path) -> None:
    assert say("copy", str(shop), "copy.db").status == 0
    before = (tmp_path / "copy.db").read_bytes()
    for words in (("copy.db", str(shop)), (str(shop), "copy.db"), ("nowhere.db", "new.db"), (str(shop), ":memory:")):
        said = say("copy", *words)
        assert (said.status, said.out, said.err.count("\n")) == (1, "", 1)
    assert (tmp_path / "copy.db").read_bytes() == before
    assert not (tmp_path / "new.db").exists()
    assert say("copy", str(shop)).status == 2
    assert "without --db" in say("--db", str(shop), "copy", "copy.db", "new.db").err


def test_a_copy_that_is_stopped_says_that_there_is_none(say: Say, shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(regulars, "copy", interrupt)
    said = say("copy", str(shop), "copy.db")
    assert (said.status, said.out, said.err) == (130, "", "Stopped. Nothing was copied.\n")


# ---------------------------------------------------------------------------------------------------------- drawing


def test_clean_text_is_one_line_that_moves_no_cursor_and_turns_no_writing() -> None:
    assert render.clean("a\x1b[2Jb\nc\t d\u202ee\u2066f\u200bg\x9b\ud800") == "a[2Jb c defg"
    assert render.clean("\U0001f469\u200d\U0001f52c می\u200cخواهم") == "\U0001f469\u200d\U0001f52c می\u200cخواهم"


def test_a_list_that_may_be_left_out_is_typed_as_json(say: Say) -> None:
    assert say("do", "RegisterCustomer", "ref=ada", "--currency", "EUR").status == 0
    assert say("do", "RecordPurchase", "customer=ada", "order_id=A", "amount=9").status == 0
    corrected = say("do", "CorrectPurchase", "order_id=A", 'lines=[{"sku": "tea", "quantity": 2}]')
    assert corrected.status == 0
    assert "2 x tea" in say("audit", "--type", "PurchaseRecorded").out


def test_verify_says_what_other_code_built_and_what_to_do(say: Say, shop: Path, tmp_path: Path) -> None:
    assert say("--db", str(shop), "verify").out.endswith("All is as the events say.\n")
    older = tmp_path / "older.db"
    older.write_bytes(shop.read_bytes())
    with closing(sqlite3.connect(older)) as connection, connection:
        connection.execute("UPDATE regulars_builds SET versions = '{}' WHERE name IN ('pipeline', 'tasks')")
    said = say("--db", str(older), "verify")
    assert said.status == 0
    assert (
        "All else is as the events say.\nNot compared, as other code built it or nobody yet: pipeline, tasks;"
        in said.out
    )
    assert "`regulars rebuild --stale` builds it." in " ".join(said.out.split())
    (warning,) = said.err.splitlines()
    assert len(warning) < 300


@pytest.mark.parametrize("words", [("customers", "--fresh"), ("value", "--limit")])
def test_a_number_beyond_all_reach_is_refused(ask: Say, words: tuple[str, str]) -> None:
    said = ask(*words, str(10**23))
    assert said.status == 2
    assert f"'{words[1]}': expected a number less than or equal to " in said.err


def test_a_number_that_is_none_is_refused_in_our_words(ask: Say) -> None:
    found = list(numeric_options())
    assert len(found) > 40
    for words, option in found:
        said = ask(*words, f"{option}=twelve")
        assert said.status != 0
        assert not [word for word in OF_PYDANTIC if word in said.err], said.err
