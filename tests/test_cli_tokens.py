"""Tokens at the command line: printed once, listed without what they are, taken back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import regulars
from saying import Say


@pytest.fixture
def shop(say: Say) -> Say:
    assert say("do", "RegisterCustomer", "ref=shop:42").status == 0
    return say


def test_a_token_is_printed_once(shop: Say) -> None:
    text = shop("tokens", "new", "till", "--role", "clerk").out.strip()
    with regulars.open("regulars.db") as crm:
        found = crm.tokens.find(text)
        assert found is not None
        assert (found.name, found.role) == ("till", "clerk")
    for words in (("tokens", "list"), ("tokens", "list", "--json")):
        said = shop(*words).out
        assert "till" in said
        assert text.removeprefix("regulars_") not in said
    made = json.loads(shop("tokens", "new", "board", "--role", "reader", "--json").out)
    assert made["token"]["role"] == "reader"
    assert made["text"].startswith("regulars_")


def test_a_token_is_taken_back(shop: Say) -> None:
    for name in ("till", "board"):
        shop("tokens", "new", name, "--role", "reader")
    assert shop("tokens", "revoke", "till").out == "Revoked 1 token.\n"
    assert [each["name"] for each in json.loads(shop("tokens", "list", "--json").out)] == ["board"]
    assert json.loads(shop("tokens", "revoke", "--all", "--json").out) == {"revoked": 1}
    assert shop("tokens", "list").out == "There is no token; `regulars tokens new` makes one.\n"


@pytest.mark.parametrize(
    ("words", "status", "sentence"),
    [
        ("new till --role clerk", 1, 'there is a token named "till"; revoke it first, or take another name'),
        ("new boss --role boss", 2, "'boss' is not one of 'reader', 'clerk', 'owner'"),
        ("revoke nobody", 1, 'there is no token "nobody"; `regulars tokens list` lists them'),
        ("revoke", 2, "name one token, or say --all"),
        ("revoke till --all", 2, "name one token, or say --all"),
    ],
)
def test_what_can_t_be_done_is_said_in_a_sentence(shop: Say, words: str, status: int, sentence: str) -> None:
    shop("tokens", "new", "till", "--role", "clerk")
    said = shop("tokens", *words.split())
    assert said.status == status
    assert sentence in " ".join(said.err.split())


def test_asking_for_tokens_makes_no_store(say: Say) -> None:
    for words in (("list",), ("new", "till", "--role", "clerk"), ("revoke", "till")):
        assert say("tokens", *words).status == 1
    assert not Path("regulars.db").exists()
