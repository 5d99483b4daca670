"""Hooks at the command line: added, listed, delivered, given up, replayed and dropped, as their owner sees it."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator

import pytest
from standardwebhooks import Webhook

from receivers import Receiver, receiving
from saying import NOW, Say


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as started:
        yield started


@pytest.fixture
def shop(say: Say) -> Say:
    assert say("do", "RegisterCustomer", "ref=shop:1", "name=Ada").status == 0
    return say


def added(shop: Say, receiver: Receiver, *words: str) -> tuple[str, str]:
    said = shop("hooks", "add", receiver.url, "--allow-local", "--kinds", "recorded", *words)
    assert said.status == 0, said.err
    found = re.search(r"Hook ([0-9a-f]{12}) is added.*\n +(whsec_\S+)$", said.out, re.S | re.M)
    assert found is not None
    return found[1], found[2]


def test_a_hook_is_added_and_delivered_to(shop: Say, receiver: Receiver) -> None:
    hook, secret = added(shop, receiver)
    assert shop("hooks", "list").out.splitlines()[1].split() == [hook, receiver.url, "0", "0", "on"]
    shop("do", "TagCustomer", "customer=shop:1", "label=vip")
    said = shop("deliver", "--once")
    assert (said.status, said.out, said.err) == (0, "Posted 1 change. Waiting: 0.\n", "")
    got = receiver.got[0]
    assert Webhook(secret).sign(got.headers["webhook-id"], NOW, got.body.decode()) == got.headers["webhook-signature"]
    assert receiver.got[0].event["type"] == "regulars.recorded.CustomerTagged"
    assert secret not in shop("hooks", "list", "--json").out
    assert shop("hooks", "drop", hook).out == f"Hook {hook} is deleted, with what it still had to post.\n"
    assert shop("hooks", "list").out == "There are no hooks: `regulars hooks add URL` adds one.\n"


def test_what_goes_wrong_is_said_and_the_exit_status_tells_cron(shop: Say, receiver: Receiver) -> None:
    hook, _ = added(shop, receiver)
    shop("do", "TagCustomer", "customer=shop:1", "label=vip")
    receiver.answer = lambda got: 500
    said = shop("deliver", "--once")
    assert said.status == 1
    assert said.out == "Posted 0 changes; 1 attempt failed. Waiting: 1.\n"
    assert said.err.startswith(f"regulars: hook {hook}: it answered 500; tried again from ")
    assert "failing since" in shop("hooks", "list").out
    assert shop("hooks", "dead").out == "Nothing was given up.\n"
    receiver.answer = lambda got: 410
    assert shop("hooks", "replay", hook).out == "1 change is to be posted by `regulars deliver`.\n"
    said = shop("deliver", "--once")
    assert "it is switched off, as its receiver answered 410: it wants nothing more" in said.err
    listed = shop("hooks", "list").out
    assert "off since" in listed
    assert f"{hook} is off: its receiver answered 410: it wants nothing more.\n" in listed
    assert shop("deliver", "--once").status == 0


def test_each_attempt_is_a_line_of_json(shop: Say, receiver: Receiver) -> None:
    hook, _ = added(shop, receiver)
    for label in ("a", "b"):
        shop("do", "TagCustomer", "customer=shop:1", f"label={label}")
    said = shop("deliver", "--once", "--json")
    lines = [json.loads(line) for line in said.out.splitlines()]
    assert [(each["hook_id"], each["number"], each["status"], each["failure"]) for each in lines] == [
        (hook, 1, 204, None)
    ] * 2


def test_a_secret_of_ones_own_is_read_from_a_file_and_not_printed(shop: Say, receiver: Receiver) -> None:
    secret = "whsec_" + "QUJD" * 10
    with open("secret.txt", "w", encoding="utf-8") as file:
        file.write(f"{secret}\n")
    said = shop("hooks", "add", receiver.url, "--allow-local", "--secret", "secret.txt")
    assert said.status == 0
    assert secret not in said.out
    with open("secret.txt", "w", encoding="utf-8") as file:
        file.write("hunter2")
    said = shop("hooks", "add", receiver.url, "--allow-local", "--secret", "secret.txt")
    assert said.status == 1
    assert "base64 of 24 to 64 bytes" in said.err
    assert "hunter2" not in said.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("hooks", "add", "http://shop.example/"), "begins with https://"),
        (("hooks", "add", "https://shop.example/", "--kinds", "nonsense"), '"nonsense" selects no changes'),
        (("hooks", "add", "https://shop.example/", "--start", "soon"), 'start is "now"'),
        (("hooks", "drop", "nobody"), "there is no hook 'nobody'"),
        (("hooks", "replay", "nobody"), "there is no hook 'nobody'"),
        (("hooks", "dead", "nobody"), "there is no hook 'nobody'"),
    ],
)
def test_what_is_wrong_is_one_sentence(shop: Say, words: tuple[str, ...], said: str) -> None:
    refused = shop(*words)
    assert refused.status == 1
    assert refused.err.startswith("regulars: ")
    assert said in refused.err
    assert refused.err.count("\n") == 1
    assert shop("hooks", "list").out == "There are no hooks: `regulars hooks add URL` adds one.\n"
    assert json.loads(shop("changes", "list", "--json").out) == []


def test_tables_fit_eighty_columns(shop: Say, receiver: Receiver) -> None:
    shop("hooks", "add", "https://hooks.example/" + "a" * 300, "--kinds", "tier")
    assert max(map(len, shop("hooks", "list").out.splitlines())) <= 80


@pytest.mark.parametrize("module", ["httpx", "standardwebhooks"])
def test_without_the_extra_it_is_named(
    shop: Say, receiver: Receiver, monkeypatch: pytest.MonkeyPatch, module: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    for words in (("hooks", "add", receiver.url, "--allow-local"), ("deliver", "--once")):
        said = shop(*words)
        assert said.status == 1
        assert said.err == "regulars: hooks take the extra: pip install 'regulars[hooks]'\n"
    assert shop("hooks", "list").status == 0
