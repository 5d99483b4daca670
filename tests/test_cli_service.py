"""Service and holidays at the command line: tables that fit, the same numbers for machines, sentences for mistakes."""

from __future__ import annotations

import csv
import io
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import regulars
from regulars import AssignTicket, OpenTicket, RegisterCustomer, ReplyAsAgent, ResolveTicket, as_toml, default_rules
from regulars.cli.holidays import said_years
from regulars.projections.rules.grammar import parse_rules
from saying import NOW, Say

HOUR = timedelta(hours=1)
MAY = datetime(2024, 5, 6, 9, tzinfo=UTC)
HOURS = '\n[[business.hours]]\nfrom = 2024-01-01\nholidays = ["DE-BY"]\nmonday = ["09:00-17:00"]\n'


@pytest.fixture
def ask(say: Say, tmp_path: Path) -> Say:
    """Of three tickets of May, one was answered within a day and one was not; the third is open, and late."""
    path, now = tmp_path / "shop.db", MAY
    with regulars.open(path, currency="EUR", actor="li", clock=lambda: now) as crm:
        now = NOW
        crm.do(RegisterCustomer(ref="ada", occurred_at=MAY))
        for number, hours in ((1, 2), (2, 30), (3, None)):
            ticket, at = f"T-{number}", MAY + number * HOUR
            crm.do(OpenTicket(customer="ada", ticket_id=ticket, channel="email", occurred_at=at))
            if hours is not None:
                crm.do(AssignTicket(ticket_id=ticket, agent="bo", occurred_at=at))
                crm.do(ReplyAsAgent(ticket_id=ticket, occurred_at=at + hours * HOUR))
                crm.do(ResolveTicket(ticket_id=ticket, occurred_at=at + 40 * HOUR))
    return lambda *words: say("--db", str(path), *words)


def test_service_is_a_table_that_fits(ask: Say) -> None:
    said = ask("service", "--by", "agent")
    assert (said.status, said.err) == (0, "")
    rows = [line.split() for line in said.out.split("\n")]
    # Wilson's bounds of 1 in 3 are 6.15 % and 79.2 %; of 1 in 2, 9.45 % and 90.5 %; of 2 in 3, 20.8 % and 93.9 %.
    assert ["bo", "2", "50", "%", "(9-91)", "2", "100", "%", "(34-100)", "2", "0", "0"] in rows
    assert ["none", "1", "0", "%", "(0-79)", "1", "0", "%", "(0-79)", "1", "1", "1"] in rows
    assert ["all", "3", "33", "%", "(6-79)", "3", "67", "%", "(21-94)", "3", "1", "1"] in rows
    assert said.widest <= 80
    for by in ("month", "priority", "channel"):
        assert ask("service", "--by", by).widest <= 80


def test_before_anything_is_decided_it_says_that_it_cannot_tell(ask: Say) -> None:
    said = ask("service", "--as-of", "2024-05-06T12:30:00+00:00")
    assert "can't tell" in said.out
    assert "Still in time, and in no share: 2 first responses and 3 resolutions" in said.out


@pytest.mark.parametrize(
    ("span", "end"), [(("2124-05-01",), "now"), (("2024-05-01", "--until", "2024-04-01"), "at 2024-04-01")]
)
def test_a_span_that_ends_before_it_begins_is_refused_in_a_sentence(ask: Say, span: tuple[str, ...], end: str) -> None:
    said = ask("service", "--since", *span)
    assert said.status == 2
    assert f"the span begins at {span[0]}, which is after its end {end}" in " ".join(said.err.split())


def test_machines_get_the_same_numbers(ask: Say) -> None:
    told = ask("service", "--by", "month", "--json").json
    assert (told["by"], [each["group"] for each in told["lines"]]) == ("month", ["2024-05", "2024-06"])
    total = told["total"]
    assert total["first_response"]["kept"] == 1
    assert (total["first_response"]["n"], total["backlog"], total["breached"]) == (3, 1, 1)
    rows = list(csv.DictReader(io.StringIO(ask("service", "--by", "month", "--csv").out)))
    assert [(each["month"], each["opened"]) for each in rows] == [("2024-05", "3"), ("2024-06", "0"), ("all", "3")]
    assert float(rows[-1]["first_response_share"]) == total["first_response"]["share"]
    assert ask("service", "--json", "--csv").status == 2


def test_service_by_rules_in_a_file(ask: Say, tmp_path: Path) -> None:
    file = tmp_path / "rules.toml"
    file.write_text(as_toml(default_rules()) + HOURS, encoding="utf-8")
    said = ask("service", "--rules", str(file))
    assert "by rules" in said.out
    # Opened on a Monday, the second has 24 open hours until the third Monday, so nobody was late.
    assert "100 % (34-100)" in said.out
    assert "Holidays are not listed for 2024: clocks run on them as on other days." in said.out


# ------------------------------------------------------------------------------------------------------------ holidays


def test_holidays_of_a_region_are_written_as_rules(say: Say) -> None:
    said = say("rules", "holidays", "DE-BY", "2027")
    days = {
        each.day.isoformat(): each.name for each in (parse_rules(text_with(said.out)).business.holidays or ())[0].days
    }
    # Art. 1 of the Bavarian law on holidays, and Easter of 2027 on March 28.
    assert days["2027-01-06"] == "Heilige Drei Könige"
    assert {"2027-01-01", "2027-03-26", "2027-03-29", "2027-05-06", "2027-05-27", "2027-12-26"} < days.keys()
    assert len(days) == 12


def text_with(more: str) -> str:
    return as_toml(default_rules()) + more


def test_they_are_added_to_a_file_and_what_it_said_stays(say: Say, tmp_path: Path) -> None:
    file = tmp_path / "rules.toml"
    file.write_text(f"# mine\n{text_with(HOURS)}".rstrip("\n"), encoding="utf-8")
    before = file.read_text(encoding="utf-8")
    assert "No holidays of DE-BY are listed" in say("rules", "check", str(file)).out
    said = say("rules", "holidays", "DE-BY", "2026", "2027", "--into", str(file))
    assert (said.status, said.err) == (0, "")
    assert "Added 24 holidays of DE-BY" in said.out
    assert file.read_text(encoding="utf-8").startswith(before)
    assert "Holidays of DE-BY are listed for 2026, 2027;" in say("rules", "check", str(file)).out
    assert say("rules", "check", str(file), "--json").json["holidays_listed"] == {"DE-BY": [2026, 2027]}
    written = file.read_text(encoding="utf-8")
    again = say("rules", "holidays", "DE-BY", "2027", "--into", str(file))
    assert (again.status, file.read_text(encoding="utf-8")) == (1, written)
    assert "rules.toml lists the holidays of DE-BY in 2027 already; nothing was added" in again.err
    other = say("rules", "holidays", "AT", "2027", "--into", str(file))
    assert 'no [[business.hours]] keeps them yet; say there: holidays = ["AT"]' in other.err


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("XX", "2027"), 'the holidays of "XX" are not known'),
        (("DE-XX", "2027"), "does not have subdivision XX"),
        (("DE", "1901"), "no holidays of DE are known in 1901"),
        (("DE", "2027", "--into", "nowhere.toml"), "nowhere.toml can't be read: No such file or directory"),
    ],
)
def test_what_is_not_known_is_said(say: Say, words: tuple[str, ...], sentence: str) -> None:
    said = say("rules", "holidays", *words)
    assert said.status == 1
    assert sentence in said.err


def test_a_region_is_taken_in_small_letters_and_written_as_it_is(say: Say) -> None:
    assert say("rules", "holidays", "de-by", "2027").out == say("rules", "holidays", "DE-BY", "2027").out


def test_years_in_a_row_are_said_as_a_range() -> None:
    assert said_years((2024, 2026, 2027, 2028, 2030, 2031)) == "2024, 2026 to 2028, 2030, 2031"


def test_without_the_library_it_says_how_to_get_it(say: Say, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "holidays", None)
    said = say("rules", "holidays", "DE", "2027")
    assert said.status == 1
    assert "pip install 'regulars[holidays]'; or list them in the rules by hand" in said.err


def test_service_is_drawn(ask: Say, tmp_path: Path) -> None:
    path = tmp_path / "service.svg"
    assert ask("service", "--svg", str(path)).status == 0
    assert path.read_text(encoding="utf-8").startswith("<svg")
    assert ask("service", "--svg", str(path)).status == 1  # there is one
    assert "choose one of them" in ask("service", "--svg", str(path), "--json").err
