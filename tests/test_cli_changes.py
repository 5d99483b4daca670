"""The change feed as a person at a terminal meets it, and as a program that reads its lines does."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import regulars
from regulars import RecordPurchase, RegisterCustomer
from saying import NOW, Say


@pytest.fixture
def ask(say: Say, tmp_path: Path) -> Say:
    """Ask of a shop in which somebody has just bought."""
    path = tmp_path / "shop.db"
    with regulars.open(path, currency="EUR", actor="li", clock=lambda: NOW) as crm:
        crm.do([RegisterCustomer(ref="shop:1", name="Ada"), RecordPurchase(customer="shop:1", order_id="1", amount=9)])
    return lambda *words: say("--db", str(path), *words)


def test_a_program_reads_a_change_a_line_and_acknowledges_what_was_printed(ask: Say) -> None:
    assert ask("changes", "list").out == (
        "Nobody is told of changes: `regulars changes read NAME` makes a subscription.\n"
    )
    first = ask("changes", "read", "mailer", "--kinds", "recorded,stage,corrected,began", "--start", "beginning")
    assert (first.status, first.err) == (0, "")
    words = ("changes", "read", "mailer", "--json")
    waiting = ask(*words)
    lines = [json.loads(line) for line in waiting.out.splitlines()]
    assert [(each["batch"], each["what"], each["new"]) for each in lines] == [(1, "stage", "new")]
    assert ask(*words, "--ack").out == waiting.out
    assert ask(*words, "--ack").out == ""
    assert ask(*words, "--since", "1").out == waiting.out
    (listed,) = ask("changes", "list", "--json").json
    assert (listed["name"], listed["batch"], listed["acknowledged"]) == ("mailer", 1, 1)
    assert ask("changes", "read", "mailer").out == "There is nothing to tell.\n"


def test_what_a_person_reads_fits_the_width_and_names_nobody(ask: Say) -> None:
    said = ask("changes", "read", "mailer", "--start", "beginning").out
    assert "None" not in said
    assert "Ada" not in said
    assert max(map(len, said.splitlines())) <= 80
    assert "PurchaseRecorded" in said


def test_what_is_meant_otherwise_is_refused_in_a_sentence(ask: Say) -> None:
    assert ask("changes", "read", "mailer", "--follow").status == 2
    assert '"teir" selects no changes' in ask("changes", "read", "mailer", "--kinds", "teir").err
    for command in ("accept-clock", "drop"):
        said = ask("changes", command, "nobody")
        assert said.status != 0
        assert 'there is no subscription "nobody"' in said.err
    assert ask("changes", "list", "--json").json == []


def test_a_clock_is_accepted_and_a_subscription_dropped(ask: Say) -> None:
    ask("changes", "read", "mailer", "--ack")
    assert ask("changes", "accept-clock", "mailer").out.startswith("mailer is told up to ")
    assert ask("changes", "drop", "mailer").out == "Dropped: mailer.\n"
    assert ask("changes", "list", "--json").json == []
