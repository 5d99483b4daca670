"""Quotes and contracts at the command line, and a quote as a page."""

from __future__ import annotations

import csv
import io
import re
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path

import pytest

from saying import Once, Say

LINES = (
    '[{"sku": "tea", "description": "Tea <b>&</b> cake", "quantity": "2", "unit_price": "9.50", "tax_rate": "7"},'
    ' {"description": "A tasting", "quantity": "1.5", "unit_price": "80", "tax_rate": "19"}]'
)


@pytest.fixture
def shop(say: Say, once: Once) -> Say:
    """Ada was sent a quote on 1 March 2024, which she accepted as a contract on 10 March, and Bo one that ran out."""

    def trade() -> None:
        for ref in ("ada", "bo"):
            said = say(
                "do",
                "RegisterCustomer",
                f"ref={ref}",
                f"name={ref.title()}",
                "occurred_at=2024-01-01",
                "--currency",
                "EUR",
            )
            assert said.status == 0
        for quote_id, who in (("Q-1", "ada"), ("Q-2", "bo")):
            fields = (f"customer={who}", f"quote_id={quote_id}", f"lines={LINES}", "valid_until=2024-03-31")
            assert say("do", "SendQuote", *fields, "occurred_at=2024-03-01T12:00:00Z").status == 0
        revised = 'lines=[{"sku": "tea", "unit_price": "9.50", "tax_rate": "7"}]'
        when = "occurred_at=2024-03-05T12:00:00Z"
        assert say("do", "ReviseQuote", "quote_id=Q-1", "revision=2", revised, "note=Danke!", when).status == 0
        terms = ("contract_id=C-1", "start=2024-04-01", "end=2025-03-31", "renewal_months=12", "notice_days=90")
        assert say("do", "AcceptQuote", "quote_id=Q-1", *terms, "occurred_at=2024-03-10T12:00:00Z").status == 0

    once(trade)
    return say


def test_quotes_are_a_table_of_80_columns(shop: Say) -> None:
    said = shop("quotes", "--as-of", "2024-03-15").out
    title, bo, ada = said.splitlines()
    assert title.split() == ["Quote", "Customer", "Rev", "Status", "Net", "Gross", "Valid", "until"]
    # 19.00 at 7 % are 1.33, 120.00 at 19 % are 22.80.
    assert bo.split() == ["Q-2", "bo", "1", "sent", "139.00", "163.13", "2024-03-31"]
    assert ada.split() == ["Q-1", "ada", "2", "accepted", "9.50", "10.17"]
    assert max(map(len, said.splitlines())) <= 80
    assert shop("quotes", "--as-of", "2024-02-01").out == "No quote is like that.\n"


def test_what_runs_out_soon_as_json_and_all_as_csv(shop: Say) -> None:
    found = shop("quotes", "--as-of", "2024-03-20", "--expiring-within", "14d", "--json").json
    assert [(each["quote_id"], each["gross"], each["valid_until"]) for each in found] == [
        ("Q-2", "163.13", "2024-03-31")
    ]
    rows = list(csv.DictReader(io.StringIO(shop("quotes", "--csv").out)))
    assert {(each["quote_id"], each["status"]) for each in rows} == {("Q-1", "accepted"), ("Q-2", "expired")}


def test_contracts_say_by_when_notice_is_given(shop: Say) -> None:
    said = shop("contracts", "--as-of", "2024-12-01").out
    title, row = said.splitlines()
    assert title.split() == ["Contract", "Customer", "Status", "From", "Until", "Notice", "by", "Amount"]
    assert row.split() == ["C-1", "ada", "active", "2024-04-01", "2025-03-31+", "2024-12-31", "9.50"]
    assert max(map(len, said.splitlines())) <= 80
    assert "C-1" in shop("contracts", "--as-of", "2024-12-01", "--ending-within", "31d", "--csv").out
    assert shop("contracts", "--as-of", "2024-11-01", "--ending-within", "31d").out == "No contract is like that.\n"


def test_a_timeline_has_lanes_for_quotes_and_contracts(shop: Say) -> None:
    lanes = shop("timeline", "ada", "--json").json
    assert [(each["value"], each["since"][:10], each["until"][:10]) for each in lanes["quotes"]] == [
        ("sent", "2024-03-01", "2024-03-10")
    ]
    assert [(each["value"], each["since"][:10]) for each in lanes["contracts"]] == [
        ("upcoming", "2024-03-10"),
        ("active", "2024-03-31"),  # 22:00 in UTC, as midnight in Berlin is
    ]
    drawn = shop("timeline", "ada").out
    assert "quotes" in drawn
    assert "contracts" in drawn


def test_one_contract_in_full(shop: Say) -> None:
    said = shop("contract", "show", "C-1", "--as-of", "2024-06-01").out
    assert all(len(line) <= 80 for line in said.splitlines())
    for told in ("ada Ada", "active", "2024-04-01", "by 12 months", "2025-03-31", "2024-12-31"):
        assert told in said
    found = shop("contract", "show", "C-1", "--json").json
    assert (found["contract"]["quote_id"], found["contract"]["start"]) == ("Q-1", "2024-04-01")
    assert shop("contract", "show", "C-9").err.strip().endswith('there is no contract "C-9"')
    early = shop("contract", "show", "C-1", "--as-of", "2024-01-01")
    assert 'contract "C-1" had not been signed by 2024-01-01' in early.err


def test_one_quote_in_full(shop: Say) -> None:
    said = shop("quote", "show", "Q-2", "--as-of", "2024-03-15").out
    assert re.search(r"tax 19 % on 120\.00 +22\.80\n", said)
    assert re.search(r"gross +163\.13 EUR\n", said)
    assert max(map(len, said.splitlines())) <= 80
    found = shop("quote", "show", "Q-1", "--revision", "1", "--json").json
    assert [line["amount"] for line in found["lines"]] == ["19.00", "120.00"]
    assert [each["revision"] for each in found["revisions"]] == [1, 2]


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize(
    ("language", "words", "gross"),
    [("en", "Quote Q-2", "163.13 EUR"), ("de", "Angebot Q-2", "163,13 EUR"), ("zh", "报价单 Q-2", "163.13 EUR")],
)
def test_a_page_says_it_in_the_language_escapes_what_it_was_told_and_loads_nothing(
    shop: Say, language: str, words: str, gross: str
) -> None:
    page = shop("quote", "show", "Q-2", "--html", "--language", language, "--business", "Tea & Co").out
    parsed = _Tags()
    parsed.feed(page)
    assert {words, gross} <= {each.strip() for each in parsed.text.splitlines()} or words in parsed.text
    assert gross in parsed.text
    assert "Tea <b>&</b> cake" in parsed.text
    assert not {"b", "script", "link", "img", "iframe"} & {tag for tag, _ in parsed.found}
    assert not any({"src", "href", "style"} & attributes.keys() for _, attributes in parsed.found)
    style = page.split("<style>")[1].split("</style>")[0]
    assert b64encode(sha256(style.encode()).digest()).decode() in page
    assert "@page { size: A4" in style
    assert parsed.found[0] == ("html", {"lang": "zh-CN" if language == "zh" else language})


def test_a_page_is_in_the_language_of_the_rules_and_from_the_business_that_they_name(shop: Say, tmp_path: Path) -> None:
    page = ("quote", "show", "Q-2", "--html")
    assert "Quote Q-2" in shop(*page).out
    rules = shop("rules", "show").out
    ours = '[letterhead]\nname = "Teehaus & Co"\nlanguage = "de"'
    (tmp_path / "rules.toml").write_text(f"{rules}\n{ours}\n", encoding="utf-8")
    assert shop("rules", "publish", "rules.toml", "--reason", "we are German").status == 0
    told = shop(*page).out
    assert "Teehaus &amp; Co" in told
    assert '<html lang="de">' in told
    assert '<html lang="zh-CN">' in shop(*page, "--language", "zh").out
    assert "Another" in shop(*page, "--business", "Another").out


def test_a_page_is_written_to_a_file_once(shop: Say, tmp_path: Path) -> None:
    asked = ("quote", "show", "Q-1", "--html", "--out", "Q-1.html")
    assert shop(*asked).out == "Quote Q-1, in Q-1.html.\n"
    assert "Accepted on 2024-03-10" in (tmp_path / "Q-1.html").read_text(encoding="utf-8")
    assert shop(*asked).status == 1
    assert shop(*asked, "--force").status == 0
    assert shop("quote", "show", "Q-1", "--revision", "1", "--html").out.count("Superseded by revision 2") == 1


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (("quote", "show", "Q-9"), 'there is no quote "Q-9"'),
        (("quote", "show", "Q-2", "--revision", "3"), "has no revision 3; it has 1"),
        (("quote", "show", "Q-2", "--html", "--json"), "choose one of them"),
        (("quote", "show", "Q-2", "--out", "x.html"), "only together with --html"),
        (("quotes", "--expiring-within", "1d", "--status", "expired"), "can't be asked of"),
        (("do", "AcceptQuote", "quote_id=Q-2"), 'quote "Q-2" was valid until 2024-03-31; revise it first'),
        (("do", "AcceptQuote", "quote_id=Q-1", "revision=1"), "was accepted at 2024-03-10"),
        (("do", "SendQuote", "customer=bo", "quote_id=Q-3", "lines=[]"), 'quote "Q-3" has no lines'),
        (("do", "EndContract", "contract_id=C-1", "on=2024-03-01"), "can't end on 2024-03-01, before it begins"),
    ],
)
def test_what_is_wrong_is_one_sentence(shop: Say, asked: tuple[str, ...], said: str) -> None:
    found = shop(*asked)
    assert found.status in (1, 2)
    assert said in " ".join(found.err.split())
