"""What is asked and recorded over HTTP is what a program asks and records; what goes wrong is a problem with a code."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import socket
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import fastapi
import httpx
import pytest
from starlette.requests import Request

import regulars
from regulars import (
    AddNote,
    ChangeKind,
    Command,
    GiveConsent,
    RecordEmployment,
    RecordPurchase,
    RegisterCustomer,
    Regulars,
    to_dict,
    web,
)
from regulars.crm_domain.catalogue import AGGREGATES, COMMANDS
from regulars.upkeep.tokens import Token
from regulars.web.api import telling
from regulars.web.api.limits import Threads
from regulars.web.api.problems import Problem
from regulars.web.api.requests import bearer
from regulars.web.api.serving import _unexpected
from regulars.web.limits import Limits
from served import NO_RATE, Standing, asking, bearing, client, serving
from shops import Clock

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
PROBLEM = {"type", "title", "status", "code", "detail"}


class Shop:
    """An open store with somebody in it, its clock, and a client with the token of its owner."""

    def __init__(self, crm: Regulars, clock: Clock) -> None:
        self.crm = crm
        self.clock = clock
        self.api = client(crm)
        crm.do(RegisterCustomer(ref="shop:42", name="Ada", email="ada@example.com"))
        self.ada = str(crm.find("shop:42"))

    @property
    def recorded(self) -> int:
        return self.crm.event_count


@pytest.fixture
def shop(sqlite_database_url: str) -> Iterator[Shop]:
    clock = Clock(NOW)
    with regulars.open(sqlite_database_url, currency="EUR", actor="li", clock=clock, lock_timeout=0.05) as crm:
        yield Shop(crm, clock)


def told(said: httpx.Response) -> object:
    """What came of a command over HTTP."""
    found = said.json()
    return [(each["position"], each["type"]) for each in found["events"]] if said.status_code == 200 else found["code"]


def recorded(crm: Regulars, command: Command) -> object:
    """What comes of a command in Python."""
    try:
        return [(each.position, type(each.event).__name__) for each in crm.do(command).events]
    except regulars.Rejected as error:
        return error.code
    except regulars.NotFound:
        return "not_found"


def is_problem(said: httpx.Response, status: int, code: str) -> bool:
    found = said.json()
    assert said.headers["content-type"] == "application/problem+json"
    assert set(found) == PROBLEM
    assert found["status"] == said.status_code
    assert found["type"].endswith(found["code"])
    return (said.status_code, found["code"]) == (status, code)


# ------------------------------------------------------------------------------------------------- recording, asking


def test_an_order_is_recorded_and_found(shop: Shop) -> None:
    order = {"customer": "shop:42", "order_id": "A-1", "amount": "120.00"}
    said = shop.api.post("/commands/RecordPurchase", json=order)
    assert said.status_code == 200
    done = said.json()
    assert (done["customer_id"], done["changed"], done["position"]) == (f"id:{shop.ada}", True, 2)
    assert [(each["type"], each["actor"]) for each in done["events"]] == [("PurchaseRecorded", "owner")]
    assert shop.api.post("/find", json={"who": "ada@example.com"}).json() == f"id:{shop.ada}"
    assert shop.api.get(f"/customers/{shop.ada}").json()["net_spend"] == "120.00"
    assert shop.api.get(f"/customers/id:{shop.ada}").json() == to_dict(shop.crm.customer("shop:42"))


def test_what_is_answered_can_be_given_back(shop: Shop) -> None:
    found = shop.api.get("/customers").json()["customers"][0]["id"]
    assert shop.api.post("/commands/AddNote", json={"customer": found, "text": "called"}).status_code == 200
    assert shop.crm.search("called").found


def test_every_command_records_over_http_what_it_records_in_python(tmp_path: Path) -> None:
    examples = [command for each in AGGREGATES for command in each.examples().commands]
    assert {type(each).__name__ for each in examples} == COMMANDS.keys()
    clocks = Clock(NOW), Clock(NOW)
    options: dict[str, Any] = {"currency": "EUR", "actor": "owner"}
    with (
        regulars.open(tmp_path / "here.db", clock=clocks[0], **options) as here,
        regulars.open(tmp_path / "there.db", clock=clocks[1], **options) as there,
    ):
        api = client(there)
        for crm in (here, there):
            crm.do([RegisterCustomer(ref="shop:42"), RegisterCustomer(ref="shop:43")])
        for command in examples:
            body = command.model_dump_json(exclude_none=True)
            headers = {"Content-Type": "application/json"}
            said = api.post(f"/commands/{type(command).__name__}", content=body, headers=headers)
            assert told(said) == recorded(here, type(command).model_validate_json(body)), command
        assert here.event_count == there.event_count > len(AGGREGATES)


def test_commands_in_one_batch_are_all_recorded_or_none(shop: Shop) -> None:
    note = {"do": "AddNote", "customer": "shop:42", "text": "called"}
    said = shop.api.post("/batch", json={"commands": [note, note | {"text": "called again"}]})
    assert [each["position"] for each in said.json()["outcomes"]] == [2, 3]
    said = shop.api.post("/batch", json={"commands": [note, note | {"customer": "shop:99"}]})
    assert is_problem(said, 404, "not_found")
    assert shop.recorded == 3
    assert is_problem(shop.api.post("/batch", json={"commands": [{"do": "Fly"}]}), 422, "invalid")
    assert is_problem(shop.api.post("/batch", json={"commands": []}), 422, "invalid")
    said = client(shop.crm, "clerk").post("/batch", json={"commands": [note, {"do": "ErasePersonalData"}]})
    assert is_problem(said, 403, "forbidden")
    assert shop.recorded == 3


def test_the_three_axes_are_those_of_every_question(shop: Shop) -> None:
    shop.crm.do(RecordPurchase(customer="shop:42", order_id="A-1", amount="500", occurred_at=NOW - timedelta(days=400)))
    address = f"/customers/{shop.ada}"
    for axes in ({"as_of": "2026-12-31"}, {"known_at": "2027-01-01T00:00:00+00:00"}, {"rules": "1"}):
        assert shop.api.get(address, params=axes).status_code == 200, axes
    later = shop.api.get(address, params={"as_of": "2027-12-31T00:00:00Z"}).json()
    assert later["stage"] == shop.crm.customer("shop:42", as_of=datetime(2027, 12, 31, tzinfo=UTC)).stage
    listed = shop.api.get("/customers", params={"stage": later["stage"], "as_of": "2027-12-31T00:00:00Z"}).json()
    assert [each["id"] for each in listed["customers"]] == [f"id:{shop.ada}"]


def test_a_list_goes_on_where_a_page_ended(shop: Shop) -> None:
    shop.crm.do([RegisterCustomer(ref=f"tea:{number}") for number in range(5)])
    found: list[str] = []
    after: dict[str, str] = {}
    while True:
        page = shop.api.get("/customers", params={"limit": "2"} | after).json()
        found += [each["id"] for each in page["customers"]]
        if page["after"] is None:
            break
        after = {"after": page["after"]}
    assert found == [f"id:{each.id}" for each in shop.crm.customers()]


def test_events_are_told_from_a_position_on(shop: Shop) -> None:
    shop.crm.do([AddNote(customer="shop:42", text="one"), AddNote(customer="shop:42", text="two")])
    first = shop.api.get("/events", params={"limit": "2"}).json()
    rest = shop.api.get("/events", params={"after": first["after"]}).json()
    assert [each["position"] for each in (*first["events"], *rest["events"])] == [1, 2, 3]
    assert shop.api.get("/events", params={"after": rest["after"]}).json() == {"events": [], "after": None}


def test_changes_are_told_again_until_they_are_acknowledged(shop: Shop) -> None:
    assert shop.api.post("/changes/mailer", json={"kinds": ["stage"], "start": "now"}).json() == {"batch": None}
    shop.crm.do(RecordPurchase(customer="shop:42", order_id="A-1", amount="50"))
    first = shop.api.post("/changes/mailer", json={}).json()["batch"]
    assert shop.api.post("/changes/mailer", json={}).json()["batch"] == first
    assert [(each["customer_id"], each["what"], each["new"]) for each in first["changes"]] == [
        (f"id:{shop.ada}", "stage", shop.crm.customer("shop:42").stage)
    ]
    shop.clock.now += timedelta(days=6)
    shop.crm.do(AddNote(customer="shop:42", text="called"))
    said = shop.api.post("/changes/mailer", json={"acknowledge": first["number"], "wait": 0.1})
    assert said.json() == {"batch": None}
    assert is_problem(shop.api.post("/changes/mailer", json={"acknowledge": 99}), 422, "invalid")


def test_a_subscription_is_one_of_its_token(shop: Shop) -> None:
    other = client(shop.crm, "clerk")
    for api in (shop.api, other):
        assert api.post("/changes/mailer", json={"start": "beginning"}).json()["batch"]["number"] == 1
    assert [each["name"] for each in shop.api.get("/changes").json()] == ["http:clerk:mailer", "http:owner:mailer"]
    assert other.delete("/changes/mailer").status_code == 204
    assert is_problem(other.delete("/changes/mailer"), 404, "not_found")
    assert is_problem(other.post("/changes/a%20b", json={}), 422, "invalid")
    assert is_problem(client(shop.crm, "reader").post("/changes/mailer", json={}), 403, "forbidden")
    assert [each.name for each in shop.crm.subscriptions()] == ["http:owner:mailer"]


# ----------------------------------------------------------------------------------------------- retries, conditions


def test_a_retry_with_the_same_key_changes_nothing(shop: Shop) -> None:
    note = {"customer": "shop:42", "text": "called"}
    key = {"Idempotency-Key": "one"}
    first = shop.api.post("/commands/AddNote", json=note, headers=key).json()
    again = shop.api.post("/commands/AddNote", json=note, headers=key).json()
    assert (again["replayed"], again["position"], shop.recorded) == (True, first["position"], 2)
    said = shop.api.post("/commands/AddNote", json=note | {"text": "other"}, headers=key)
    assert is_problem(said, 422, "command_id_taken")
    assert shop.recorded == 2


def test_a_key_is_one_of_its_token(shop: Shop) -> None:
    note = {"customer": "shop:42", "text": "called"}
    other = client(shop.crm, "clerk")
    for api in (shop.api, other):
        assert not api.post("/commands/AddNote", json=note, headers={"Idempotency-Key": "one"}).json()["replayed"]
    assert [each.actor for each in shop.crm.events(after=1)] == ["owner", "clerk"]
    batch = {"commands": [note | {"do": "AddNote", "command_id": "one"}]}
    assert other.post("/batch", json=batch).json()["outcomes"][0]["replayed"]


def test_what_was_changed_meanwhile_is_not_written_over(shop: Shop) -> None:
    seen = {"If-Match": shop.api.get(f"/customers/{shop.ada}").headers["etag"]}
    note = {"customer": "shop:42", "text": "called"}
    assert shop.api.post("/commands/AddNote", json=note, headers=seen).status_code == 200
    said = shop.api.post("/commands/AddNote", json=note | {"text": "again"}, headers=seen)
    assert is_problem(said, 412, "changed_meanwhile")
    assert shop.recorded == 2
    retried = shop.api.post("/commands/AddNote", json=note, headers=seen | {"Idempotency-Key": "new"})
    assert is_problem(retried, 412, "changed_meanwhile")


def test_time_alone_makes_an_answer_anew_and_refuses_nothing(shop: Shop) -> None:
    shop.crm.do(RecordPurchase(customer="shop:42", order_id="A-1", amount="50"))
    before = shop.api.get(f"/customers/{shop.ada}")
    seen = {"If-None-Match": before.headers["etag"]}
    unchanged = shop.api.get(f"/customers/{shop.ada}", headers=seen)
    assert (unchanged.status_code, unchanged.content) == (304, b"")
    shop.clock.now += timedelta(days=900)
    after = shop.api.get(f"/customers/{shop.ada}", headers=seen)
    assert after.status_code == 200
    assert after.json()["stage"] != before.json()["stage"]
    note = {"customer": "shop:42", "text": "called"}
    said = shop.api.post("/commands/AddNote", json=note, headers={"If-Match": before.headers["etag"]})
    assert said.status_code == 200


def test_what_names_others_or_counts_days_has_no_version(shop: Shop) -> None:
    shop.crm.do(RegisterCustomer(ref="shop:firm", name="Engines"))
    shop.crm.do(ChangeKind(customer="shop:firm", kind="firm"))
    shop.crm.do(RecordEmployment(customer="shop:42", firm="shop:firm", role="engineer"))
    firm = shop.crm.find("shop:firm")
    page = shop.api.get(f"/customers/{firm}/page")
    tag = shop.api.get(f"/customers/{firm}").headers["etag"]
    shop.crm.forget("shop:42", reason="asked to")
    assert shop.api.get(f"/customers/{firm}").headers["etag"] == tag
    again = shop.api.get(f"/customers/{firm}/page", headers={"If-None-Match": tag})
    assert ("Ada" in page.text, "Ada" in again.text, again.status_code) == (True, False, 200)
    for each in (page, shop.api.get(f"/customers/{firm}/explanation")):
        assert (each.headers.get("etag"), each.headers["cache-control"]) == (None, "no-store")


def test_other_rules_make_an_answer_anew(shop: Shop) -> None:
    seen = {"If-None-Match": shop.api.get(f"/customers/{shop.ada}").headers["etag"]}
    text = regulars.as_toml(shop.crm.ruleset).replace('from = "150"', 'from = "100"')
    shop.crm.rules.publish(regulars.parse_rules(text), reason="silver from 100")
    assert shop.api.get(f"/customers/{shop.ada}", headers=seen).status_code == 200
    assert "etag" not in shop.api.get(f"/customers/{shop.ada}", params={"as_of": "2026-02-01"}).headers


# ------------------------------------------------------------------------------------------------------ what is wrong

WRONG: tuple[tuple[str, dict[str, Any], int, str], ...] = (
    ("/commands/AddNote", {"content": b"{", "headers": {"Content-Type": "application/json"}}, 400, "not_json"),
    ("/commands/AddNote", {"content": b"\xff", "headers": {"Content-Type": "application/json"}}, 400, "not_json"),
    ("/commands/AddNote", {"content": b'{"text":"a","text":"b"}', "headers": {"Content-Type": "application/json"}},
     400, "not_json"),
    ("/commands/AddNote", {"content": b"[" * 100_000, "headers": {"Content-Type": "application/json"}},
     400, "not_json"),
    ("/commands/AddNote", {"content": b'{"text":' + b"[" * 20 + b"]" * 20 + b"}",
                           "headers": {"Content-Type": "application/json"}}, 422, "invalid"),
    ("/commands/AddNote", {"content": b"customer=shop"}, 415, "not_json"),
    ("/commands/AddNote", {"json": []}, 422, "invalid"),
    ("/commands/AddNote", {"json": {"customer": "shop:42"}}, 422, "invalid"),
    ("/commands/AddNote", {"json": {"customer": "shop:42", "text": "a", "colour": "red"}}, 422, "invalid"),
    ("/commands/AddNote", {"json": {"customer": "shop:42", "text": 5}}, 422, "invalid"),
    ("/commands/AddNote", {"json": {"customer": "shop:99", "text": "a"}}, 404, "not_found"),
    ("/commands/AddNote", {"json": {"customer": "shop:42", "text": "a" * 5_000_000}}, 413, "too_large"),
    ("/commands/AddNote", {"json": {"customer": "shop:42", "text": "a", "command_id": "1"},
                           "headers": {"Idempotency-Key": "2"}}, 400, "bad_key"),
    ("/commands/AddNote", {"json": {}, "headers": {"Idempotency-Key": "a b"}}, 400, "bad_key"),
    ("/commands/AddNote", {"json": {}, "headers": {"If-Match": "*"}}, 400, "bad_tag"),
    ("/commands/RecordPurchase", {"json": {"customer": "shop:42", "order_id": "1", "amount": 1.5}}, 422, "invalid"),
    ("/commands/RecordPurchase", {"json": {"customer": "shop:42", "order_id": "1", "amount": "1", "currency": "USD"}},
     409, "other_currency"),
    ("/commands/Fly", {"json": {}}, 404, "no_such_address"),
    ("/customers", {"json": {}}, 405, "no_such_method"),
    ("/find", {"json": {}}, 422, "invalid"),
)  # fmt: skip


@pytest.mark.parametrize(("path", "request_", "status", "code"), WRONG)
def test_what_is_wrong_is_a_problem_with_a_code(
    shop: Shop, path: str, request_: dict[str, Any], status: int, code: str
) -> None:
    assert is_problem(shop.api.post(path, **request_), status, code)
    assert shop.recorded == 1


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("as_of=yesterday", "as_of: expected a day"),
        ("as_of=2026-03-01T12:00:00", "as_of: expected a day"),
        ("limit=0", "limit is a number from 1 to 1000"),
        ("limit=2&limit=3", "limit is given twice"),
        ("colour=red", "colour: there is no such field"),
        ("text=Ada", "text: there is no such field"),
        ("firm=acme", "firm: a customer is named by id"),
        ("within=soon", "within: expected a number of hours, days or weeks"),
        ("having=high", "having: expected name=value"),
        ("tier=brass", "brass"),
        ("fresh=-1", "fresh: expected a number of seconds"),
        ("rules=99", "there is no version 99"),
    ],
)
def test_a_question_that_makes_no_sense_is_told_so(shop: Shop, query: str, said: str) -> None:
    found = shop.api.get(f"/customers?{query}")
    assert found.status_code in (404, 422)
    assert said in found.json()["detail"]


@pytest.mark.parametrize("path", ["/nowhere", "/segments/a%0Ab", "/customers/a/b/c"])
def test_an_address_that_leads_nowhere_is_a_problem_too(shop: Shop, path: str) -> None:
    assert is_problem(shop.api.get(path), 404, "no_such_address")


@pytest.mark.parametrize("path", ["/customers/", "//customers", "/", "/commands/AddNote/"])
def test_no_address_leads_to_the_host_that_a_request_names(shop: Shop, path: str) -> None:
    for said in (shop.api.get(path, headers={"Host": "evil.example"}), shop.api.post(path, json={})):
        assert is_problem(said, 404, "no_such_address")
        assert said.headers["cache-control"] == "no-store"


def test_addresses_name_nobody(shop: Shop) -> None:
    for who in ("shop:42", "ada@example.com", "Ada"):
        assert is_problem(shop.api.get(f"/customers/{who}"), 422, "invalid")


def test_without_a_token_in_force_nothing_is_said(shop: Shop) -> None:
    nobody = asking(web.app(shop.crm))
    for headers, code in (
        ({}, "no_token"),
        ({"Authorization": "Basic bGk6bGk="}, "unknown_token"),
        (bearing("regulars_" + "A" * 43), "unknown_token"),
        (bearing("ü"), "unknown_token"),
    ):
        raw = {name: text.encode() for name, text in headers.items()}
        said = nobody.get("/customers", headers=raw)
        assert is_problem(said, 401, code)
        assert said.headers["www-authenticate"] == "Bearer"


def test_a_token_that_was_revoked_is_refused_at_once(shop: Shop) -> None:
    clerk = client(shop.crm, "clerk", name="mara")
    assert clerk.get("/status").status_code == 200
    with regulars.open(shop.crm.files[0]) as elsewhere:
        elsewhere.tokens.revoke("mara")
    assert is_problem(clerk.get("/status"), 401, "unknown_token")


def test_a_token_that_is_revoked_while_it_waits_is_told_nothing_more(shop: Shop) -> None:
    text = shop.crm.tokens.new("mara", role="clerk").text
    request = Request({"type": "http", "headers": [(b"authorization", f"Bearer {text}".encode())]})
    looks = count(1)

    def bear() -> Token:
        if next(looks) == 2:  # it waits, and is about to look again
            shop.crm.tokens.revoke("mara")
            shop.crm.do(AddNote(customer="shop:42", text="called"))
        return bearer(shop.crm, request)

    listening = telling.Listening(wait=20)
    with pytest.raises(Problem, match="not in force"):
        asyncio.run(telling.next_told(shop.crm, Threads(NO_RATE), bear, "mailer", listening, longest=20))


def test_a_token_that_asks_too_often_is_told_when_to_ask_again(shop: Shop) -> None:
    standing = Standing()
    limits = Limits(per_second=0.5, at_once=2)
    api = client(shop.crm, "reader", limits=limits, clock=standing)
    assert [api.get("/status").status_code for _ in range(3)] == [200, 200, 429]
    said = api.get("/status")
    assert is_problem(said, 429, "too_many_requests")
    assert said.headers["retry-after"] == "2"
    standing.now += 2
    assert [api.get("/status").status_code for _ in range(2)] == [200, 429]
    standing.now += 3600
    assert [api.get("/status").status_code for _ in range(3)] == [200, 200, 429]


def test_a_store_that_is_busy_may_be_asked_again(shop: Shop) -> None:
    note = {"customer": "shop:42", "text": "called"}
    with closing(sqlite3.connect(shop.crm.files[0], isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        said = shop.api.post("/commands/AddNote", json=note)
        assert is_problem(said, 503, "busy")
        assert said.headers["retry-after"] == "1"
        other.execute("ROLLBACK")
    assert shop.api.post("/commands/AddNote", json=note).status_code == 200


def test_a_read_only_store_says_so(tmp_path: Path) -> None:
    with regulars.open(tmp_path / "shop.db") as crm:
        text = crm.tokens.new("li", role="owner").text
    with regulars.open(tmp_path / "shop.db", read_only=True) as crm:
        api = asking(web.app(crm), text)
        assert api.get("/status").json()["read_only"]
        assert is_problem(api.post("/commands/RegisterCustomer", json={"ref": "a"}), 503, "store_unusable")


def test_the_log_of_what_nobody_foresaw_says_where_and_nothing_personal(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        try:
            raise KeyError("ada@example.com")
        except KeyError as error:
            said = _unexpected(error)
    assert said.status_code == 500
    assert "KeyError at" in caplog.text
    assert "ada" not in caplog.text + bytes(said.body).decode()


def test_it_is_a_part_of_another_application(shop: Shop) -> None:
    outer = fastapi.FastAPI()
    outer.mount("/crm", web.app(shop.crm, limits=NO_RATE))
    token = shop.crm.tokens.new("mounted", role="reader").text
    inner = asking(outer, token, base_url="http://shop")
    assert inner.get("/crm/api/v1/status").json()["events"] == 1


def test_without_the_extra_it_says_what_to_install(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "starlette.applications", None)
    with pytest.raises(regulars.StoreUnusable, match=r"pip install 'regulars\[web\]'"):
        web.app(shop.crm)


def test_answers_are_kept_by_nobody_on_the_way(shop: Shop) -> None:
    for path in ("/customers", f"/customers/{shop.ada}", "/customers/nobody"):
        kept = shop.api.get(path).headers["cache-control"]
        assert kept in ("no-store", "private, no-cache")


def test_the_secret_of_a_token_is_not_in_the_store(shop: Shop) -> None:
    text = shop.crm.tokens.new("mara", role="clerk").text
    assert len(text) > 43
    said = "".join(path.read_bytes().decode("latin-1") for path in shop.crm.files if path.exists())
    assert text not in said
    assert text.removeprefix("regulars_") not in said
    assert text not in json.dumps([to_dict(each) for each in shop.crm.tokens.in_force()])


def test_the_how_to_answers_as_shown(tmp_path: Path) -> None:
    page = Path("docs/howto-http.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+) (/\S*)` \| (?:`(.*?)`)? ?\| (\d+) \| (?:`(.*)`)? ?\|$", page, re.MULTILINE)
    assert len(rows) == 11
    with regulars.open(tmp_path / "shop.db", currency="EUR") as crm:
        api = client(crm)
        for method, path, body, status, answer in rows:
            said = api.request(method, path, json=json.loads(body) if body else None)
            assert said.status_code == int(status), (path, said.text)
            if answer:
                assert said.json().items() >= json.loads(answer).items(), path


def test_what_comes_too_slowly_is_refused_and_its_connection_ended(tmp_path: Path) -> None:
    with (
        regulars.open(tmp_path / "shop.db", currency="EUR") as crm,
        serving(crm, Limits(arriving=0.2)) as address,
    ):
        token, where = crm.tokens.new("slow", role="owner").text, urlsplit(address)
        head = (
            f"POST {where.path}/commands/AddNote HTTP/1.1\r\nHost: {where.netloc}\r\nAuthorization: Bearer {token}\r\n"
            "Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n"
        )
        with socket.create_connection((where.hostname, where.port), timeout=60) as connection:
            connection.sendall(head.encode() + b'{"customer": ')
            with connection.makefile("rb") as answer:
                said = answer.read()  # to the end: the server closes it
        assert said.startswith(b"HTTP/1.1 408 ")
        assert b'"code":"too_slow"' in said


def test_no_more_wait_for_changes_than_leave_connections_for_others(tmp_path: Path) -> None:
    with (
        regulars.open(tmp_path / "shop.db", currency="EUR") as crm,
        client(crm, limits=Limits(waiting=0)) as api,
    ):
        said = api.post("/changes/mailer", json={"wait": 5})
        assert is_problem(said, 503, "busy")
        assert said.headers["retry-after"] == "5"
        assert api.post("/changes/mailer", json={}).json() == {"batch": None}


def test_who_waited_gives_the_place_to_the_next(tmp_path: Path) -> None:
    with (
        regulars.open(tmp_path / "shop.db", currency="EUR") as crm,
        client(crm, limits=Limits(waiting=1, wait=0.01)) as api,
    ):
        asked = [api.post("/changes/mailer", json={"wait": 5}).status_code for _ in range(3)]
        assert asked == [200, 200, 200]


@pytest.mark.parametrize("path", ["/status", "/nowhere", "/openapi.json", "/customers/nobody"])
def test_no_answer_is_taken_for_another_type_than_it_names(shop: Shop, path: str) -> None:
    assert shop.api.get(path).headers["x-content-type-options"] == "nosniff"


def test_a_campaign_is_launched_in_the_name_of_the_token_and_once(shop: Shop) -> None:
    people = [f"shop:{number}" for number in range(4)]
    for ref in people:
        shop.crm.do([RegisterCustomer(ref=ref), GiveConsent(customer=ref, channel="post", purpose="news")])
    plan = {"campaign_id": "tea", "title": "Tea", "kind": "offer", "channel": "post", "purpose": "news"}
    assert shop.api.post("/commands/PlanCampaign", json={**plan, "customers": people}).status_code == 200
    till = client(shop.crm, name="the shop's till")
    shop.clock.now += timedelta(hours=1)
    assert till.get("/campaigns/tea/preview").json()["eligible"] == 4
    launched = till.post("/campaigns/launch", json={"campaign_id": "tea"}).json()
    assert (launched["launch"]["by"], launched["launch"]["treated"]) == ("the shop's till", 2)
    again = till.post("/campaigns/launch", json={"campaign_id": "tea"})
    assert (again.status_code, again.json()["code"]) == (409, "campaign_launched")
    offers = till.get("/campaigns/tea/offers", params={"arm": "held_out"}).json()["offers"]
    assert len(offers) == 2
    assert till.get("/campaigns/tea/effect").json()["is_decided"] is False


def test_what_is_to_be_sent_is_asked_by_a_clerk_and_is_less_by_what_was_sent(shop: Shop) -> None:
    people = [f"shop:{number}" for number in range(8)]
    for ref in people:
        shop.crm.do(RegisterCustomer(ref=ref, name=ref.upper(), phone=f"+493012345{ref[-1]}0"))
        shop.crm.do(GiveConsent(customer=ref, channel="phone", purpose="news"))
    plan = {"campaign_id": "call", "title": "A call", "kind": "calls", "channel": "phone", "purpose": "news"}
    planned = {**plan, "customers": people, "offer": "Ask {name} how it was.", "held_out": "0.5"}
    assert shop.api.post("/commands/PlanCampaign", json=planned).status_code == 200
    shop.clock.now += timedelta(hours=1)
    shop.api.post("/campaigns/launch", json={"campaign_id": "call"})
    clerk = client(shop.crm, role="clerk")
    told = clerk.get("/campaigns/call/to-send").json()
    treated = shop.api.get("/campaigns/call/offers", params={"arm": "treated"}).json()["offers"]
    assert {each["offer_id"] for each in told} == {each["offer_id"] for each in treated}
    assert all(each["text"] == f"Ask {each['name']} how it was." for each in told)
    first = clerk.get("/campaigns/call/to-send", params={"limit": 1}).json()
    sent = {"offer_id": first[0]["offer_id"], "channel": "phone"}
    shop.clock.now += timedelta(hours=1)
    assert clerk.post("/commands/RecordOfferSent", json=sent).status_code == 200
    left = {each["offer_id"] for each in clerk.get("/campaigns/call/to-send").json()}
    assert left == {each["offer_id"] for each in told} - {sent["offer_id"]}
    assert clerk.get("/campaigns/call/to-send", params={"in_doubt": True}).json() == []
    assert clerk.get("/campaigns/call/to-send", params={"limit": 0}).status_code == 422
    assert clerk.get("/campaigns/nothing/to-send").status_code == 404
    assert client(shop.crm, role="reader").get("/campaigns/call/to-send").status_code == 403
