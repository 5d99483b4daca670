"""`mcp`: an assistant's program asks by the SDK's own client; it reads, and nothing personal unless told to."""

from __future__ import annotations

import json
import sqlite3
import sys
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import anyio
import jsonschema_rs
import msgspec
import pytest
from mcp import Client, StdioServerParameters, stdio_client, types

import regulars
from questions import GIVEN, NAMED, ODD_NAMES, store_in_which_everything_happened
from regulars import RegisterCustomer, Regulars, RegularsError, StoreBusy, StoreUnusable
from regulars.adapters.log.codec import personal_fields
from regulars.adapters.vault.keyring import new_master_key
from regulars.assistants.answering import Opening, answer, sentence_of
from regulars.assistants.tools import Tool, tools
from regulars.web.api.parameters import parameters_of
from regulars.web.api.questions import QUESTIONS
from saying import Say

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
#: What is about somebody's words or details alone, and so is refused in a sentence where there are none.
ABOUT_THE_PERSONAL = {
    *("find", "search", "duplicates", "near_duplicates", "birthdays", "calendar", "export_person", "rejects"),
}


AXES: dict[str, Any] = {"as_of": "2026-02-15T12:00:00Z", "known_at": "2026-03-02T00:00:00Z", "rules": 1}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("assistants") / "shop.db"
    with store_in_which_everything_happened(path, NOW) as crm:
        crm.catch_up()
    return path


@asynccontextmanager
async def assistant(shop: Path, *words: str) -> AsyncIterator[Client]:
    """The SDK's client of a server that it started as a process."""
    command = ["-c", "from regulars.cli import main; main()", "--db", str(shop), "mcp", *words]
    async with Client(stdio_client(StdioServerParameters(command=sys.executable, args=command))) as client:
        yield client


def told(said: types.CallToolResult) -> str:
    [content] = said.content
    assert isinstance(content, types.TextContent)
    return content.text


def given_to(name: str, who: str) -> dict[str, Any]:
    """The input of a tool where it can't do without."""
    takes = tools()[name].takes.model_fields
    people = {each: who for each in ("who", "person", "firm") if each in takes and takes[each].is_required()}
    named = {each: NAMED[each] for each in NAMED if each in takes and takes[each].is_required()}
    if "number" in named:
        named["number"] = 1
    return people | named | GIVEN.get(name, {})


def texts_in(value: object) -> Iterator[str]:
    match value:
        case str():
            yield value
        case Mapping():
            for name, each in value.items():
                yield from (str(name), *texts_in(each))
        case Iterable():
            for each in value:
                yield from texts_in(each)


def personal_texts(shop: Path) -> set[str]:
    """Every text of the log that is personal, as an owner reads it; but for short ones, which may be words of ours."""
    found: set[str] = set()
    with regulars.open(shop, read_only=True) as crm:
        for each in crm.events():
            for field in personal_fields(type(each.event)):
                found.update(texts_in(msgspec.to_builtins(getattr(each.event, field))))
    return {each for each in found if len(each) > 3}


def inputs(name: str, people: Iterable[str]) -> list[dict[str, Any]]:
    """Different inputs of a tool: one about each person, where it is about one."""
    found: list[dict[str, Any]] = []
    for each in people:
        if (given := given_to(name, each)) not in found:
            found.append(given)
    return found


def ids(shop: Path, *refs: str) -> list[str]:
    with regulars.open(shop, read_only=True) as crm:
        return [str(crm.find(each)) for each in refs]


def contents(shop: Path) -> list[str]:
    connection = sqlite3.connect(shop)
    try:
        return list(connection.iterdump())
    finally:
        connection.close()


def opening(shop: Path, *, personal: bool) -> Opening:
    return lambda clock: regulars.open(shop, clock=clock, read_only=True, personal=personal)


class Session(NamedTuple):
    """What a server told in one session: its tools, and each answer with the tool and the input that it is of."""

    tools: list[types.Tool]
    answers: list[tuple[str, dict[str, Any], types.CallToolResult]]
    changed: bool

    def of(self, name: str) -> types.CallToolResult:
        """The last answer of a tool."""
        return [said for tool, _, said in self.answers if tool == name][-1]


@pytest.fixture(scope="module")
def session(shop: Path) -> Session:
    """A session without --personal, in which every tool is called."""
    before, people = contents(shop), ids(shop, "shop:44", "acme")

    async def asked() -> Session:
        async with assistant(shop) as client:
            offered = (await client.list_tools()).tools
            wanted = [(each.name, given) for each in offered for given in inputs(each.name, people)]
            wanted += [("customer", {"who": people[0]} | AXES), ("do", {})]
            answers = [(name, given, await client.call_tool(name, given)) for name, given in wanted]
            return Session(offered, answers, False)

    return anyio.run(asked)._replace(changed=contents(shop) != before)


def test_every_tool_is_a_question_of_the_api_that_says_what_it_takes(session: Session) -> None:
    assert [each.name for each in session.tools] == list(
        dict.fromkeys(each.ask.__name__ for each in QUESTIONS if not each.acts)
    )
    takes = {each.name: jsonschema_rs.Draft202012Validator(each.input_schema) for each in session.tools}
    for name, given, said in session.answers:
        if name in takes:
            takes[name].validate(given)
            assert said.is_error or json.loads(told(said)) == said.structured_content
            assert "something went wrong" not in told(said)
    assert all(each.description and each.annotations and each.annotations.read_only_hint for each in session.tools)
    assert told(session.of("do")) == 'there is no tool "do"; tools/list lists them'
    assert session.of("do").is_error


def test_no_call_changes_anything_in_the_store(session: Session) -> None:
    assert not session.changed


def test_no_word_of_anybody_is_in_any_answer(shop: Path, session: Session) -> None:
    words = personal_texts(shop)
    assert {*ODD_NAMES.values(), "shop:44", "likes tea, says Zoë", "Zoë waits for tea", "call Zoë about tea"} <= words
    for name, _, said in session.answers:
        text = told(said) if said.is_error else "\n".join(texts_in(json.loads(told(said))))
        assert not [word for word in words if word in text], name
    withheld = "this store was opened without personal data"
    refused = {name for name, _, said in session.answers if said.is_error and withheld in told(said)}
    assert refused == ABOUT_THE_PERSONAL


def test_with_personal_an_owner_finds_every_word_in_some_answer(shop: Path) -> None:
    [person, firm] = ids(shop, "shop:44", "acme")
    found = []
    for name in ("customer", "customers", "events", "firm"):
        given = given_to(name, firm if name == "firm" else person)
        found += texts_in(msgspec.to_builtins(answer(opening(shop, personal=True), tools()[name], given).answer))
    assert personal_texts(shop) <= set(found)


def test_an_answer_says_what_it_holds_for_and_is_what_the_store_answers_then(shop: Path, session: Session) -> None:
    [person] = ids(shop, "shop:44")
    connection = sqlite3.connect(shop)
    [last] = connection.execute("SELECT max(position) FROM regulars_events WHERE position < 1000000000").fetchone()
    connection.close()
    one, every, history = (session.of(each).structured_content for each in ("customer", "customers", "rules_history"))
    with regulars.open(shop, read_only=True, personal=False) as crm:
        then = crm.customer(
            regulars.CustomerId(person),
            as_of=datetime(2026, 2, 15, 12, tzinfo=UTC),
            known_at=datetime(2026, 3, 2, tzinfo=UTC),
            rules=1,
        )
        assert one["answer"] == regulars.to_dict(then)
        assert every["answer"] == regulars.to_dict(
            crm.customers(as_of=datetime.fromisoformat(every["holds_for"]["as_of"]))
        )
        assert {one["holds_for"]["rules"], every["holds_for"]["rules"]} == {crm.ruleset.digest()}
    assert one["asked"]["tool"] == "customer"
    assert one["holds_for"]["known_at"] == "2026-03-02T00:00:00Z"
    for each in (one, every, history):
        assert (each["holds_for"]["position"], each["holds_for"]["folded"], each["holds_for"]["behind"]) == (
            last,
            last,
            0,
        )
        assert each["holds_for"]["generation"] == 1
    assert history["holds_for"]["as_of"] is None


def test_what_was_recorded_meanwhile_is_in_the_next_answer_and_lists_say_what_they_lack(tmp_path: Path) -> None:
    path = tmp_path / "shop.db"
    with regulars.open(path, currency="EUR", clock=lambda: NOW) as crm:
        crm.do(RegisterCustomer(ref="shop:1"))
        crm.catch_up()
        ask = opening(path, personal=False)
        first = answer(ask, tools()["customers"], {}).holds_for
        crm.do(RegisterCustomer(ref="shop:2"))
        second = answer(ask, tools()["customers"], {})
        assert (first.position, first.behind) == (1, 0)
        assert (second.holds_for.position, second.holds_for.folded, second.holds_for.behind) == (2, 1, 1)
        assert len(second.answer["customers"]) == 1


def test_an_answer_of_no_one_moment_is_not_given(tmp_path: Path) -> None:
    path = tmp_path / "shop.db"
    with regulars.open(path, currency="EUR", clock=lambda: NOW) as writer:

        def restless(_crm: Regulars) -> int:
            """Ask while somebody writes."""
            return writer.do(RegisterCustomer()).position or 0

        tool = Tool(name="restless", about="", asks=restless, takes=parameters_of(restless))
        with pytest.raises(StoreBusy, match="others wrote to the store while it was asked"):
            answer(opening(path, personal=False), tool, {})
        assert writer.event_count == 3


def test_without_personal_data_a_store_is_read_only_and_needs_no_master_key(tmp_path: Path) -> None:
    path, key = tmp_path / "shop.db", new_master_key()
    with regulars.open(path, currency="EUR", master_key=key) as crm:
        crm.do(RegisterCustomer(ref="shop:1", name="Zoë"))
        crm.catch_up()
    with pytest.raises(StoreUnusable, match="master key"):
        regulars.open(path, read_only=True)
    with regulars.open(path, personal=False) as crm:
        assert crm.read_only
        assert not crm.names_readable
        assert [each.name for each in crm.customers()] == [None]
        with pytest.raises(StoreUnusable, match="read-only"):
            crm.do(RegisterCustomer(ref="shop:2"))
    with pytest.raises(StoreUnusable):
        regulars.open(tmp_path / "none.db", personal=False)
    assert not (tmp_path / "none.db").exists()


@pytest.mark.parametrize(
    ("tool", "given", "sentence"),
    [
        ("customer", {}, "who: a value is needed, found nothing"),
        ("customer", {"who": "shop:44"}, "who: a customer is named by id"),
        ("customer", {"who": "0" * 32}, 'no customer has the id "'),
        ("customers", {"colour": "red"}, "colour: there is no such field"),
        ("customers", {"limit": "ten"}, "limit: "),
        ("customers", {"as_of": "yesterday"}, "as_of: "),
        ("customers", {"rules": 7}, "there is no version 7 of the rules"),
        ("customers", {"known_at": "2026-01-01"}, "a list as known on another day"),
        ("rfm", {"fresh": 1}, "fresh: there is no such field"),
    ],
)
def test_what_can_not_be_answered_is_said_in_a_sentence(
    shop: Path, tool: str, given: dict[str, Any], sentence: str
) -> None:
    with pytest.raises((RegularsError, ValueError)) as raised:
        answer(opening(shop, personal=False), tools()[tool], given)
    assert sentence_of(raised.value).startswith(sentence)
    assert "\n" not in sentence_of(raised.value)


def test_what_nobody_foresaw_is_said_without_its_message() -> None:
    assert "Zoë" not in sentence_of(ZeroDivisionError("Zoë"))


def test_with_personal_a_server_finds_people_by_what_they_are_called(shop: Path) -> None:
    async def asked() -> list[types.CallToolResult]:
        async with assistant(shop, "--personal") as client:
            return [
                await client.call_tool(*each) for each in (("find", {"who": "shop:44"}), ("search", {"text": "tea"}))
            ]

    found, texts = anyio.run(asked)
    assert json.loads(told(found))["answer"] == f"id:{ids(shop, 'shop:44')[0]}"
    assert "likes tea, says Zoë" in texts_in(json.loads(told(texts)))


def test_the_tools_are_listed_without_a_store_and_a_store_that_is_not_there_is_told_at_once(
    say: Say, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    listed = say("mcp", "--json").json
    assert [each["name"] for each in listed] == list(tools())
    shown = say("mcp", "--tools").out
    assert "explain" in shown
    assert max(map(len, shown.splitlines())) <= 80
    said = say("--db", "none.db", "mcp")
    assert said.status == 1
    assert "there is no store at none.db" in said.err
    assert not (tmp_path / "none.db").exists()


def test_without_the_extra_one_sentence_says_so(say: Say, shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "regulars.assistants.serving", raising=False)
    monkeypatch.setitem(sys.modules, "mcp", None)
    said = say("--db", str(shop), "mcp")
    assert said.status == 1
    assert "pip install 'regulars[mcp]'" in said.err
