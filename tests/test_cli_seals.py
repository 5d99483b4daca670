"""Seals as a person at a terminal meets them, and as a program that reads the JSON does."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

import regulars
from regulars import AddNote, RegisterCustomer
from saying import NOW, Say


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """Thirty events that nobody sealed."""
    path = tmp_path / "shop.db"
    with regulars.open(path, currency="EUR", actor="li", clock=lambda: NOW) as crm:
        crm.do([RegisterCustomer(ref="shop:1", name="Ada")])
        crm.do([AddNote(customer="shop:1", text=f"note {number}") for number in range(29)])
    return path


@pytest.fixture
def ask(say: Say, shop: Path) -> Say:
    """Ask of the shop."""
    return lambda *words: say("--db", str(shop), *words)


def tamper(shop: Path, statement: str) -> None:
    with closing(sqlite3.connect(shop)) as connection, connection:
        connection.execute(statement)


def test_sealing_tells_the_root_and_verifying_finds_it(ask: Say, shop: Path) -> None:
    assert "Sealed: nothing yet; 30 events not sealed.\n" in ask("verify").out
    first = ask("seal")
    assert (first.status, first.err) == (0, "")
    said, root = first.out.splitlines()
    assert said == "Sealed 30 events in 1 block, up to #30."
    noted = root.removeprefix("root  ")
    again = ask("seal")
    assert again.out == f"Nothing was recorded since the last seal.\n{root}\n"
    assert ask("seal", "--json").json == {"blocks": 0, "events": 0, "seals": 1, "last": 30, "root": noted}

    ask("do", "AddNote", "customer=shop:1", "text=later")
    verified = ask("verify", "--against", noted)
    assert (verified.status, verified.err) == (0, "")
    assert verified.out.startswith("Sealed: 30 events in 1 block, all as they were; 1 event after the last seal.\n")
    assert "The root that was noted is that of seal 1: everything up to #30.\n" in verified.out
    assert verified.out.endswith("All is as the events say.\n")
    answer = ask("verify", "--against", noted.upper(), "--json").json
    assert answer["holds"]
    assert answer["seals"]["noted"] == {"number": 1, "last": 30, "sealed_at": NOW.isoformat()}
    assert [answer["seals"][name] for name in ("holds", "seals", "events", "unsealed", "root")] == (
        [True, 1, 30, 1, noted]
    )


def test_an_empty_store_has_nothing_to_seal(say: Say, tmp_path: Path) -> None:
    regulars.open(tmp_path / "empty.db").close()
    assert say("seal", "--db", "empty.db").out == "There is nothing to seal yet.\n"
    assert say("seal", "--db", "empty.db", "--json").json["root"] is None
    assert say("verify", "--db", "empty.db").out.startswith("Sealed: nothing.\n")


def test_a_root_that_is_not_found_is_told_and_fails(ask: Say) -> None:
    ask("seal")
    said = ask("verify", "--against", "0" * 64)
    assert said.status == 1
    assert "No seal has the root that was noted: the log was cut off," in said.out
    assert said.widest <= 80
    answer = ask("verify", "--against", "0" * 64, "--json")
    assert (answer.status, answer.json["holds"], answer.json["seals"]["noted"]) == (1, False, None)
    wrong = ask("verify", "--against", "abc")
    assert wrong.status == 2
    assert "64 hexadecimal digits" in wrong.err


def test_what_was_changed_is_named_and_fails(ask: Say, shop: Path) -> None:
    ask("seal")
    tamper(shop, "UPDATE regulars_events SET actor = 'eve' WHERE position = 7")
    tamper(shop, "DELETE FROM regulars_events WHERE position = 9")
    tamper(shop, "UPDATE regulars_events SET position = 1000 WHERE position = 11")
    said = ask("verify")
    assert said.status == 1
    assert said.widest <= 80
    lines = [line.split() for line in said.out.splitlines()]
    assert ["Events", "not", "as", "they", "were", "sealed:", "3"] in lines
    assert ["#7", "changed", "1", "#1–#30"] in lines
    assert ["#9", "removed", "1", "#1–#30"] in lines
    assert ["#11", "moved", "to", "#1000", "1", "#1–#30"] in lines
    assert "all as they were" not in said.out
    answer = ask("verify", "--json")
    assert answer.status == 1
    assert answer.json["seals"]["damaged_events"] == 3
    assert [(each["position"], each["what"], each["moved_to"]) for each in answer.json["seals"]["event_damages"]] == [
        (7, "changed", None),
        (9, "removed", None),
        (11, "moved", 1000),
    ]


def test_much_damage_is_counted_and_its_beginning_named(ask: Say, shop: Path) -> None:
    ask("seal")
    tamper(shop, "UPDATE regulars_events SET actor = 'eve'")
    said = ask("verify")
    assert "Events not as they were sealed: 30\n" in said.out
    assert "and 10 more\n" in said.out
    assert "#20 " in said.out
    assert "#21 " not in said.out


def test_a_damaged_seal_is_told(ask: Say, shop: Path) -> None:
    ask("seal")
    ask("do", "AddNote", "customer=shop:1", "text=later")
    ask("seal")
    tamper(shop, "UPDATE regulars_seals SET root = x'00' WHERE number = 1")
    said = ask("verify")
    assert said.status == 1
    assert "Seals not as they were made: 1\n" in said.out
    assert "changed; its events can't be compared" in said.out
    tamper(shop, "DELETE FROM regulars_seals WHERE number = 1")
    assert "missing; its events can't be compared" in ask("verify").out
    assert "doesn't follow" not in ask("verify").out


def test_founding_rules_that_were_changed_are_told(ask: Say, shop: Path) -> None:
    ask("seal")
    tamper(shop, "UPDATE regulars_settings SET value = x'7b7d' WHERE name = 'founding_rules'")
    said = ask("verify")
    assert said.status == 1
    assert "The founding rules are not those that were sealed.\n" in said.out
    assert ask("verify", "--json").json["seals"]["is_founded_so"] is False


@pytest.mark.parametrize("value", ["x'ff00'", "'abc'", "3.5"])
@pytest.mark.parametrize(
    "column",
    ["stream_id", "version", "customer_id", "type", "occurred_at", "recorded_at", "actor", "payload", "secret"],
)
def test_whatever_somebody_writes_past_us_is_told_in_a_sentence(ask: Say, shop: Path, column: str, value: str) -> None:
    ask("seal")
    ask("status")
    tamper(shop, f"UPDATE regulars_events SET {column} = {value} WHERE position = 7")
    verified = ask("verify")
    assert (verified.status, "#7 " in verified.out) == (1, True)
    for words in (["audit"], ["explain", "shop:1"], ["show", "shop:1"], ["export", "events"], ["status"], ["rebuild"]):
        said = ask(*words)
        assert said.status == 0 or said.err.startswith("regulars: "), said.err


def test_a_log_that_cant_be_folded_any_more_still_tells_what_was_changed(ask: Say, shop: Path) -> None:
    ask("seal")
    tamper(shop, "UPDATE regulars_events SET type = 'NoteErased' WHERE position = 7")
    said = ask("verify")
    assert said.status == 1
    assert "#7 " in said.out
    assert said.err.startswith('regulars: this store has an event of type "NoteErased"')
    answer = ask("verify", "--json")
    assert (answer.status, answer.json["holds"]) == (1, False)
    assert [each["position"] for each in answer.json["seals"]["event_damages"]] == [7]
