"""13,710 rows of a real help desk: every case is a ticket, and what is stored is what the plain file says."""

from __future__ import annotations

import csv
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any, get_args

import pytest

import regulars

sys.path.insert(0, str(Path(__file__).parent / "independent"))
import helpdesk

from regulars import Regulars
from regulars.asking.desk import TicketView
from regulars.crm_domain.instant import to_instant
from regulars.crm_domain.ticket import TICKET, TicketEvent, TicketStatus
from regulars.projections.rules.grammar import parse_rules

ROOT = Path(__file__).parents[1]
LOG = ROOT.parent / "shared" / "data" / "helpdesk" / "helpdesk_tax2017.csv"
MAPPING = ROOT / "examples" / "helpdesk.toml"
RULES = ROOT / "src" / "regulars" / "rules.toml"

pytestmark = [
    pytest.mark.skipif(not LOG.exists(), reason=f"the help desk's log is not at {LOG}"),
    pytest.mark.xdist_group("helpdesk"),
]

Case = list[tuple[str, int]]  # activities and instants
Tickets = dict[str, list[tuple[str, int, Any]]]  # of each ticket, its events: name, instant, and the event itself


@pytest.fixture(scope="module")
def crm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Regulars]:
    patient = RULES.read_text(encoding="utf-8").replace("auto_close_days = 7", "auto_close_days = 60")
    path = tmp_path_factory.mktemp("helpdesk") / "helpdesk.db"
    with regulars.open(path, actor="import", rules=parse_rules(patient, "patient rules")) as opened:
        report = opened.import_file(LOG, MAPPING)
        assert (report.rows, report.rejects) == (13_710, ())
        yield opened


@pytest.fixture(scope="module")
def cases() -> dict[str, Case]:
    """The file, read without any of us: each case's activities with their instants, in order."""
    found: dict[str, Case] = {}
    with LOG.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            at = datetime.fromisoformat(row["CompleteTimestamp"]).replace(tzinfo=UTC)
            found.setdefault(f"helpdesk:{row['CaseID']}", []).append((row["ActivityID"], to_instant(at)))
    return found


@pytest.fixture(scope="module")
def tickets(crm: Regulars) -> Tickets:
    """What is stored: each ticket's events."""
    found: Tickets = {}
    for recorded in crm.events():
        if recorded.category == "ticket":
            event: Any = recorded.event
            found.setdefault(event.ticket_id, []).append((type(event).__name__, recorded.occurred_at, event))
    return found


def resolved_and_reopened(events: list[tuple[str, int, Any]]) -> tuple[list[int], list[int]]:
    """When a ticket was resolved, and when it no longer was. What was so already is recorded, and moves nothing."""
    state, resolved, reopened = TICKET.initial, list[int](), list[int]()
    for _, at, event in events:
        before, state = state, TICKET.evolve(state, event)
        if before.status is not state.status is TicketStatus.RESOLVED:
            resolved.append(at)
        if before.status is TicketStatus.RESOLVED is not state.status:
            reopened.append(at)
    return resolved, reopened


def instants(events: list[tuple[str, int, Any]], name: str) -> list[int]:
    return [at for found, at, _ in events if found == name]


def test_every_case_is_a_ticket_opened_at_its_first_row(cases: dict[str, Case], tickets: Tickets) -> None:
    assert len(tickets) == 3_804
    assert {ticket: instants(events, "TicketOpened") for ticket, events in tickets.items()} == {
        ticket: [case[0][1]] for ticket, case in cases.items()
    }


def test_the_first_response_is_the_first_time_it_was_taken_in_charge(cases: dict[str, Case], tickets: Tickets) -> None:
    assert {ticket: instants(events, "AgentReplied") for ticket, events in tickets.items()} == {
        ticket: [at for activity, at in case if activity == "8"][:1] for ticket, case in cases.items()
    }


def test_it_is_settled_reopened_and_settled_again_when_the_file_says_so(
    cases: dict[str, Case], tickets: Tickets
) -> None:
    for ticket, case in cases.items():
        settled, reopened, is_settled = [], [], False
        for activity, at in case:
            if activity == "6" and not is_settled:
                settled.append(at)
            if activity != "6" and is_settled:
                reopened.append(at)
            is_settled = activity == "6"
        assert resolved_and_reopened(tickets[ticket]) == (settled, reopened)


def test_every_ticket_stands_where_its_last_row_says(cases: dict[str, Case], tickets: Tickets) -> None:
    statuses: Counter[TicketStatus] = Counter()
    for events in tickets.values():
        state = TICKET.initial
        for _, _, event in events:
            state = TICKET.evolve(state, event)
        statuses[state.status] += 1
    assert {case[-1][0] for case in cases.values()} == {"6"}
    assert statuses == {TicketStatus.RESOLVED: 3_804}


def test_the_same_rows_again_change_nothing(crm: Regulars, tmp_path: Path) -> None:
    part = tmp_path / "part.csv"
    part.write_text("".join(LOG.read_text(encoding="utf-8").splitlines(keepends=True)[:2_001]), encoding="utf-8")
    report = crm.import_file(part, MAPPING)
    assert (report.rows, report.unchanged, report.events, report.rejects) == (2_000, 2_000, 0, ())


def everything(crm: Regulars, as_of: date) -> Iterator[TicketView]:
    after: str | None = None
    while True:
        page = crm.tickets(as_of=as_of, limit=1000, after=after)
        yield from page
        after = page.after
        if after is None:
            return


@pytest.mark.parametrize("as_of", [date(2011, 6, 30), date(2012, 3, 1), date(2014, 1, 1)])
def test_status_and_both_clocks_of_every_ticket_are_what_an_independent_script_works_out(
    crm: Regulars, as_of: date, tmp_path: Path
) -> None:
    patient = tmp_path / "rules.toml"
    patient.write_text(RULES.read_text(encoding="utf-8").replace("auto_close_days = 7", "auto_close_days = 60"))
    rules = helpdesk.read_rules(patient)
    expected = helpdesk.verdicts(LOG, rules, helpdesk.last_instant_of(as_of, crm.ruleset.zone))
    found = {each.ticket_id: (each.status, each.first_response, each.resolution) for each in everything(crm, as_of)}
    assert found == {
        ticket: (each["status"], each["first_response"], each["resolution"]) for ticket, each in expected.items()
    }
    assert len(found) == (3_804 if as_of.year == 2014 else len(expected))


HOURS = """
[[business.hours]]
from = 2009-01-01
monday = ["08:30-12:30", "14:00-18:00"]
tuesday = ["08:30-12:30", "14:00-18:00"]
wednesday = ["08:30-12:30"]
thursday = ["08:30-12:30", "14:00-18:00"]
saturday = ["09:15-11:00"]
"""


def test_in_business_hours_they_are_what_the_script_works_out_that_walks_through_the_days(
    crm: Regulars, tmp_path: Path
) -> None:
    text = RULES.read_text(encoding="utf-8").replace("auto_close_days = 7", "auto_close_days = 60") + HOURS
    (tmp_path / "rules.toml").write_text(text, encoding="utf-8")
    rules = helpdesk.read_rules(tmp_path / "rules.toml")
    always = {each.ticket_id: (each.first_response, each.resolution) for each in everything(crm, date(2012, 3, 1))}
    crm.rules.publish(parse_rules(text), reason="business hours")
    for as_of in (date(2011, 6, 30), date(2012, 3, 1)):
        expected = helpdesk.verdicts(LOG, rules, helpdesk.last_instant_of(as_of, crm.ruleset.zone))
        found = {each.ticket_id: (each.status, each.first_response, each.resolution) for each in everything(crm, as_of)}
        assert found == {
            ticket: (each["status"], each["first_response"], each["resolution"]) for ticket, each in expected.items()
        }
    in_hours = {ticket: shown[1:] for ticket, shown in found.items()}
    assert sum(in_hours[ticket] != always[ticket] for ticket in always) > 100
    crm.rules.rollback(reason="round the clock again")


def test_what_breaches_soon_is_an_ordinary_question(crm: Regulars) -> None:
    as_of = datetime(2012, 3, 1, 12, tzinfo=UTC)
    soon = crm.tickets(breaching_within=timedelta(hours=4), as_of=as_of, limit=1000)
    later = {each.ticket_id: each for each in crm.tickets(as_of=as_of + timedelta(hours=4), limit=1000)}
    for each in soon:
        assert each.breaches_at is not None
        assert as_of < each.breaches_at <= as_of + timedelta(hours=4)
        assert "breached" not in (each.first_response, each.resolution)
        assert each.ticket_id in later


@pytest.mark.parametrize("order", ["newest first", "shuffled"])
def test_in_whatever_order_the_rows_come_the_record_and_the_answers_are_the_same(
    crm: Regulars, order: str, tmp_path: Path
) -> None:
    header, *rows = LOG.read_text(encoding="utf-8").splitlines(keepends=True)
    if order == "shuffled":
        Random(1).shuffle(rows)
    else:
        rows.reverse()
    (tmp_path / "log.csv").write_text(header + "".join(rows), encoding="utf-8")
    patient = RULES.read_text(encoding="utf-8").replace("auto_close_days = 7", "auto_close_days = 60")
    with regulars.open(tmp_path / "shop.db", actor="import", rules=parse_rules(patient, "patient rules")) as other:
        report = other.import_file(tmp_path / "log.csv", MAPPING)
        assert (report.rows, report.rejects) == (13_710, ())
        assert record_of(other) == record_of(crm)
        for as_of in (date(2011, 6, 1), date(2012, 6, 1), date(2014, 6, 1)):
            assert tickets_of(other, as_of) == tickets_of(crm, as_of)


def record_of(crm: Regulars) -> Counter[tuple[datetime, str]]:
    """What happened to tickets, and when, whatever its place in the log."""
    tickets = frozenset(get_args(TicketEvent))
    return Counter((each.occurred_at, repr(each.event)) for each in crm.events(types=tuple(tickets)))


def tickets_of(crm: Regulars, as_of: date) -> list[tuple[Any, ...]]:
    return sorted((each.ticket_id, each.status, each.agent, each.until) for each in crm.tickets(as_of=as_of))
