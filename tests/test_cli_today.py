"""What is to be done, at the command line."""

from __future__ import annotations

import csv
import io
import shlex
from email import message_from_string
from email.policy import default

import pytest

from saying import Once, Say

MAIL = ("--mail", "--mail-to", "li@example.com", "--mail-from", "shop@example.com")


@pytest.fixture
def shop(say: Say, once: Once) -> Say:
    """Ada's ticket is late since a day, Bo's in an hour: questions are asked on 2024-06-01 at 12:00 UTC."""

    def trade() -> None:
        for ref, name in (("ada", "Ada Byron"), ("bo", "Bo")):
            known = (f"ref={ref}", f"name={name}", "occurred_at=2024-05-01T11:00:00Z", "--currency", "EUR")
            assert say("do", "RegisterCustomer", *known).status == 0
        for ref, at in (("ada", "2024-05-30T12:00:00Z"), ("bo", "2024-05-31T13:00:00Z")):
            assert say("do", "OpenTicket", f"customer={ref}", f"ticket_id=T-{ref}", f"occurred_at={at}").status == 0

    once(trade)
    return say


def test_it_is_told_by_day_with_why_and_how_to_settle_it(shop: Say) -> None:
    said = shop("today")
    assert said.out.splitlines() == [
        "Saturday, 2024-06-01: 2 to do",
        "",
        "Overdue",
        "  ticket T-ada, new: the first answer is late since 2024-05-31 14:00",
        "    Ada Byron (ada)",
        "    regulars do ReplyAsAgent ticket_id=T-ada",
        "",
        "Today",
        "  ticket T-bo, new: the first answer is late from 2024-06-01 15:00",
        "    Bo (bo)",
        "    regulars do ReplyAsAgent ticket_id=T-bo",
    ]
    assert said.widest <= 80


def test_the_command_that_settles_a_line_does(shop: Say) -> None:
    first = shop("today", "--json").json["lines"][0]
    assert shop(*shlex.split(first["settle"])[1:], "occurred_at=2024-06-01T12:10:00Z").status == 0
    left = shop("today", "--json", "--as-of", "2024-06-01T12:30:00+00:00").json["lines"]
    assert [each["key"] for each in left if each["overdue"]] == []


def test_rows_for_a_spreadsheet(shop: Say) -> None:
    rows = list(csv.DictReader(io.StringIO(shop("today", "--csv").out)))
    assert [(each["kind"], each["key"], each["ref"], each["overdue"]) for each in rows] == [
        ("ticket", "T-ada", "ada", "True"),
        ("ticket", "T-bo", "bo", "False"),
    ]
    assert "Ada" not in shop("today", "--csv", "--no-names").out


def test_ids_are_those_that_other_commands_take(shop: Say) -> None:
    rows = list(csv.DictReader(io.StringIO(shop("today", "--csv").out)))
    for each in (*rows, *shop("today", "--json").json["lines"]):
        assert shop("show", each["customer_id"], "--json").json["ref"] == each["ref"]


def test_a_mail_to_be_piped_to_sendmail(shop: Say) -> None:
    said = shop("today", *MAIL).out
    message = message_from_string(said, policy=default)
    assert (message["To"], message["From"]) == ("li@example.com", "shop@example.com")
    assert message["Subject"] == "Saturday, 2024-06-01: 2 to do"
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]
    assert "\r" not in said  # as local mail programs take it
    assert shop("today", *MAIL).out == said


def test_nothing_to_do_is_said(shop: Say) -> None:
    said = shop("today", "--owner", "nobody").out
    assert said == "Saturday, 2024-06-01: 0 to do for nobody\nNothing is due within 7 days.\n"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--mail",), "--mail needs it: an address such as li@example.com"),
        (("--mail-to", "a@b.c"), "it means something only together with --mail"),
        (("--mail", "--json"), "choose one of them"),
        (("--days", "0"), "expected a number greater than or equal to 1"),
        ((*MAIL[:-1], "nobody"), "is no address to mail from"),
    ],
)
def test_what_can_t_be_is_refused_in_a_sentence(shop: Say, words: tuple[str, ...], sentence: str) -> None:
    said = shop("today", *words)
    assert said.status == 2
    assert sentence in " ".join(said.err.split())
