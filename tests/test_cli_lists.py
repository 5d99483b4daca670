"""Lists at the command line."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from saying import Say


@pytest.fixture
def desk(say: Say) -> Say:
    say("do", "RegisterCustomer", "ref=a", "name=Ada", "occurred_at=2024-01-01T12:00:00Z")
    opening = ("ticket_id=T-1", "priority=high", "subject=a leg is missing", "occurred_at=2024-02-01T12:00:00Z")
    say("do", "OpenTicket", "customer=a", *opening)
    say("do", "AssignTicket", "ticket_id=T-1", "agent=li", "occurred_at=2024-02-01T13:00:00Z")
    say("do", "ClassifyTicket", "ticket_id=T-1", "topic=delivery", "occurred_at=2024-02-01T13:00:00Z")
    say("do", "ReplyAsAgent", "ticket_id=T-1", "message=which one?", "occurred_at=2024-02-01T14:00:00Z")
    return say


ABOUT = {"subject": "a leg is missing", "priority": "high", "agent": "li", "topic": "delivery"}


def test_tickets_say_what_they_are_about(desk: Say) -> None:
    [found] = desk("tickets", "--json").json
    assert found.items() >= ABOUT.items()
    said = desk("tickets").out
    assert all(word in said for word in ("T-1", "a leg is", "high", "li", "delivery"))
    assert max(map(len, said.splitlines())) <= 80


def test_a_ticket_is_shown_whole(desk: Say) -> None:
    found = desk("ticket", "T-1", "--json").json
    assert found.items() >= ABOUT.items()
    assert [each["value"] for each in found["statuses"]] == ["new", "open"]
    assert found["messages"] == [{"at": "2024-02-01T14:00:00+00:00", "by": "agent", "message": "which one?"}]
    said = desk("ticket", "T-1").out
    assert all(
        word in said for word in ("a leg is missing", "which one?", "breached", "Root assigned", "delivery", "opened")
    )
    assert max(map(len, said.splitlines())) <= 80


def test_a_ticket_that_is_not_there_is_refused_in_a_sentence(desk: Say) -> None:
    said = desk("ticket", "T-9")
    assert (said.status, said.out) == (1, "")
    assert 'there is no ticket "T-9"' in said.err


# ----------------------------------------------------------------------------------------------------------- customers


@pytest.fixture
def shop(say: Say) -> Say:
    for ref, name, amount in (("a", "Ada", "5"), ("b", "Bo", "90"), ("c", "Dana", "20")):
        say("do", "RegisterCustomer", f"ref={ref}", f"name={name}", f"source=from {ref}", f"phone=+49 30 {amount}")
        say("do", "RecordPurchase", f"customer={ref}", f"order_id={ref}-1", f"amount={amount}", "currency=EUR")
    say("do", "TagCustomer", "customer=a", "label=vip")
    say("do", "TagCustomer", "customer=a", "label=press")
    say("do", "AssignOwner", "customer=c", "owner=li")
    return say


@pytest.mark.parametrize(
    ("words", "refs"),
    [
        (["--sort", "spend"], "bca"),
        (["--sort", "spend", "--limit", "2"], "bc"),
        (["--tag", "vip"], "a"),
        (["--owner", "li"], "c"),
        (["--source", "from b"], "b"),
        (["--text", "da", "--sort", "spend"], "ca"),
        (["--sort", "name"], "abc"),
        (["--sort", "name", "--limit", "2"], "ab"),
    ],
)
def test_customers_are_sorted_and_told_apart(shop: Say, words: list[str], refs: str) -> None:
    assert "".join(each["ref"] for each in shop("customers", "--json", *words).json) == refs


def test_a_total_is_said_alone(shop: Say) -> None:
    assert shop("customers", "--total").out == "3\n"
    assert shop("customers", "--total", "--json", "--text", "da").json == {"total": 2}
    assert "choose one of them" in shop("customers", "--total", "--csv").err


def test_who_was_forgotten_is_listed_where_they_are_asked_for(shop: Say) -> None:
    assert shop("forget", "b", "--reason", "on request", "--yes").status == 0
    assert [each["ref"] for each in shop("customers", "--json").json] == ["a", "c"]
    assert shop("customers", "--total").out == "2\n"
    assert "forgotten" not in shop("customers").out
    asked = [each["name"] for each in shop("customers", "--forgotten", "--sort", "name", "--json").json]
    assert asked == ["Ada", "Dana", None]
    assert shop("customers", "--forgotten", "--total").out == "3\n"
    assert len(shop("customers", "--forgotten", "--csv").out.splitlines()) == 1 + 3


def test_more_than_can_be_sorted_by_name_are_refused_in_a_sentence(shop: Say, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("regulars.asking.customers.MAX_BY_NAME", 2)
    said = shop("customers", "--sort", "name")
    assert (said.status, said.out) == (2, "")
    assert "more than 2 customers answer to that" in said.err
    assert shop("customers", "--sort", "name", "--owner", "li").status == 0


def test_csv_has_phone_tags_owner_birthday_and_spend(shop: Say) -> None:
    shop("do", "ChangeContactDetails", "customer=c", "birthday=1990-12-10")
    titles, *lines = csv.reader(shop("customers", "--csv", "--sort", "spend").out.splitlines())
    rows = [dict(zip(titles, line, strict=True)) for line in lines]
    assert [each["net_spend"] for each in rows] == ["90.00", "20.00", "5.00"]
    assert [each["owner"] for each in rows] == ["", "li", ""]
    assert [each["tags"] for each in rows] == ["", "", "press; vip"]
    assert [each["phone"].endswith("30 90") for each in rows] == [True, False, False]
    assert [each["birthday"] for each in rows] == ["", "1990-12-10", ""]
    assert [each["birthday"] for each in shop("customers", "--json").json] == [None, None, "1990-12-10"]


# ------------------------------------------------------------------------------------------------------- CSV, and back

PEOPLE = {
    "shop:1": {"name": "Ada", "email": "ada@example.com", "phone": "+49 (0) 30 / 123-45"},
    "shop:2": {"name": 'Bo "the; =one"', "phone": "+4930123456"},
    "shop:3": {"name": "-5 Ltd, East", "email": "+3@example.com", "phone": "(030) 123456"},
    "shop:4": {"name": "=1+1", "email": "4@example.com", "phone": "0049 30 123456"},
    "+49 5": {"name": "+49 30 5", "phone": "-30 5"},
}
#: How an import keeps numbers: their digits, and a country as `+`.
DIALLED = {
    "+49 (0) 30 / 123-45": "+493012345",
    "+4930123456": "+4930123456",
    "(030) 123456": "030123456",
    "0049 30 123456": "+4930123456",
    "-30 5": "305",
}
BACK = """
format = "csv"
zone = "UTC"
[customer]
ref = "{ref}"
name = "{name}"
email = "{email}"
phone = "{phone}"
[[command]]
do = "GiveConsent"
fields = { channel = "sms", purpose = "offers", occurred_at = { column = "said_at", format = "iso" } }
"""


@pytest.fixture
def texters(say: Say) -> Say:
    for ref, details in PEOPLE.items():
        say("do", "RegisterCustomer", f"ref={ref}", *(f"{name}={value}" for name, value in details.items()))
        say("do", "GiveConsent", f"customer={ref}", "channel=sms", "purpose=offers")
    return say


CONTACTABLE = ("contactable", "--channel", "sms", "--purpose", "offers")


def known(say: Say, *words: str) -> dict[str, dict[str, str]]:
    fields = ("name", "email", "phone")
    found = say(*words, *CONTACTABLE, "--json").json
    return {each["ref"]: {field: each[field] for field in fields if each[field]} for each in found}


def test_a_phone_number_stands_in_the_csv_as_it_is_dialled(texters: Say) -> None:
    assert known(texters) == PEOPLE
    for words in (CONTACTABLE, ("customers",)):
        lines = list(csv.DictReader(texters(*words, "--csv").out.splitlines()))
        assert {line["phone"] for line in lines} == {each["phone"] for each in PEOPLE.values()}
        assert {"'=1+1", "'-5 Ltd, East", "+49 30 5"} <= {line["name"] for line in lines}


@pytest.mark.parametrize("raw", [(), ("--raw",)])
def test_what_the_csv_says_can_be_imported_again(
    texters: Say, database_url: str, tmp_path: Path, raw: tuple[str, ...]
) -> None:
    (tmp_path / "people.csv").write_text(texters(*CONTACTABLE, "--csv", *raw).out, encoding="utf-8")
    (tmp_path / "back.toml").write_text(BACK)
    imported = texters("--db", database_url, "import", "people.csv", "--mapping", "back.toml", "--json")
    assert (imported.status, imported.json["rows"], imported.json["rejected"]) == (0, 5, 0)
    again = known(texters, "--db", database_url)
    cleaned = {ref: each | {"phone": DIALLED[each["phone"]]} for ref, each in PEOPLE.items()}
    if raw:
        assert again == cleaned
    assert {each["phone"] for each in again.values()} == {each["phone"] for each in cleaned.values()}


def test_raw_cells_are_those_of_the_store_returns_among_them(say: Say) -> None:
    say("do", "RegisterCustomer", "ref==1", "name=@x", "reason=one\r\ntwo\rthree;=4")
    lines = list(csv.DictReader(io.StringIO(say("audit", "--csv", "--raw", "--limit", "1").out, newline="")))
    assert {line["reason"] for line in lines} == {"one\r\ntwo\rthree;=4"}
    [line] = csv.DictReader(say("customers", "--csv", "--raw").out.splitlines())
    assert (line["ref"], line["name"]) == ("=1", "@x")


@pytest.mark.parametrize("command", [CONTACTABLE, ("customers",), ("audit",)])
def test_raw_is_about_csv(say: Say, command: tuple[str, ...]) -> None:
    say("do", "RegisterCustomer", "ref=1")
    said = say(*command, "--raw")
    assert (said.status, said.out) == (2, "")
    assert "--csv" in said.err
