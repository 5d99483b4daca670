"""Some of what is handed in by mistake or on purpose, each with the sentence that answers it."""

from __future__ import annotations

import csv
import io
from contextlib import suppress
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

import regulars
from regulars import AddNote, NotFound, RegisterCustomer, Rejected, TagCustomer, parse_rules
from regulars.crm_domain.errors import InvalidMapping, InvalidRules
from regulars.doing.transacting import MAX_COMMANDS
from regulars.projections.rules.toml import read_toml
from saying import Say

ESCAPE = "\x1b[31m"


@pytest.fixture
def shop(say: Say) -> Say:
    assert say("do", "RegisterCustomer", "ref=shop:1", "--currency", "EUR").status == 0
    return say


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("AddNote", "customer=shop:1", "text=x", "--actor", ESCAPE), "the character U+001B is not allowed here"),
        (("AddNote", '{"customer": "shop:1", "text": 1e99999999999999999999}'), "a number in it is beyond all bounds"),
        (("AddNote", '{"customer": "shop:1", "text": "a", "text": "b"}'), '"text" is given twice'),
        (("AddNote", '{"text": ' + "[" * 100_000), "it is nested too deeply"),
        (("AddNote", '{"text": ' + "9" * 5_000 + "}"), "Exceeds the limit (4300 digits)"),
        (("AddNote", f"{ESCAPE}x"), 'not "[31mx"'),
    ],
)
def test_what_is_typed_wrong_is_a_usage_error(shop: Say, words: tuple[str, ...], sentence: str) -> None:
    said = shop("do", *words)
    assert said.status == 2
    assert sentence in said.err
    assert "\x1b" not in said.err


def test_who_types_a_megabyte_need_not_read_it_again(shop: Say) -> None:
    said = shop("show", "x" * 100_000)
    assert (said.status, len(said.err) < 21_000) == (1, True)
    assert said.err.endswith("xxx ...\n")


@pytest.mark.parametrize("name", ["[bold]x", "x[", f"{ESCAPE}x"])
def test_a_file_of_any_name_is_named_without_being_markup(shop: Say, name: str) -> None:
    said = shop("backup", name)
    assert said.status == 0
    assert said.out.startswith(f"Copied to {name.replace(chr(27), '')}, ")


def test_a_return_in_a_text_ends_no_row_of_a_csv(shop: Say) -> None:
    with regulars.open("regulars.db") as crm:
        crm.do(TagCustomer(customer="shop:1", label="vip", reason="one\rtwo\r\nthree"))
        crm.do(AddNote(customer="shop:1", text="note", reason="\r=1+1"))
        crm.do(AddNote(customer="shop:1", text="note", reason="＝1+1"))
    rows = list(csv.DictReader(io.StringIO(shop("audit", "--csv").out)))
    assert [row["reason"] for row in rows] == ["'＝1+1", "'\n'=1+1", "one\ntwo\nthree", ""]


@pytest.mark.parametrize("text", ["\ud800", "a\0b"])
def test_nobody_has_what_no_text_has(database_url: str, text: str) -> None:
    with regulars.open(database_url, currency="EUR") as crm:
        crm.do(RegisterCustomer(ref="shop:1"))
        for ask in (crm.customer, crm.find, crm.points, lambda text: crm.find(f"id:{text}")):
            with pytest.raises(NotFound):
                ask(text)
        for question in ({"actor": text}, {"correlation_id": text}):
            with suppress(NotFound):  # what a database can't even be asked for
                assert not crm.audit(**question).entries


@pytest.mark.parametrize("day", [date.min, date.max, datetime.max.replace(tzinfo=UTC)])
def test_a_day_at_the_end_of_the_calendar_is_out_of_reach(day: date) -> None:
    with regulars.open(":memory:", currency="EUR") as crm:
        crm.do(RegisterCustomer(ref="shop:1"))
        with pytest.raises(ValueError, match="out of reach; years run from 2 to 9998"):
            crm.customer("shop:1", as_of=day)
        with pytest.raises(ValueError, match="out of reach"):
            crm.audit(since=day)
        with pytest.raises(ValueError, match="is not the `after` of a page"):
            crm.audit(after=2**63)


def test_a_transaction_takes_so_many_commands_and_no_more() -> None:
    with regulars.open(":memory:", currency="EUR") as crm:
        note = AddNote(customer="shop:1", text="x")
        with pytest.raises(Rejected, match="at most 100,000 commands, not 100,001") as refused:
            crm.do([note] * (MAX_COMMANDS + 1))
        assert refused.value.code == "too_many_commands"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a = " + "[" * 100_000, "nested too deeply"),
        ("a" + ".a" * 300 + " = 1", "more than 200 dots"),
        ("a = 1e99999999999999999999", "beyond all bounds"),
        ("a = " + "9" * 5_000, "4300"),
        ("#" * 1_000_001, "longer than 1,000,000 characters"),
    ],
)
def test_toml_beyond_all_bounds_is_refused(text: str, sentence: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidRules, match=f"rules is not TOML: .*{sentence}"):
        parse_rules(text)
    (tmp_path / "map.toml").write_text(text)
    with (
        regulars.open(":memory:") as crm,
        pytest.raises(InvalidMapping, match=f"map.toml is not TOML: .*{sentence}"),
    ):
        crm.import_file("-", tmp_path / "map.toml")


def test_a_comment_may_have_as_many_dots_as_it_likes() -> None:
    assert read_toml("# " + "." * 1_000 + "\na = 1.5") == {"a": Decimal("1.5")}


def test_of_a_thousand_objections_the_first_are_named_and_all_are_counted() -> None:
    with pytest.raises(InvalidRules, match=r"\n  and 958 more$") as refused:  # 1,000 keys, and 8 tables are missing
        parse_rules("".join(f"key_{number} = 1\n" for number in range(1_000)))
    assert len(str(refused.value).splitlines()) == 52
