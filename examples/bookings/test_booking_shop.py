"""The tests of the extension, as its author would write them: against a real store, by the public names alone."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import reduce
from pathlib import Path

import pytest

import regulars
from booking_shop import (
    BOOKING,
    BookingCancelled,
    BookVisit,
    CancelBooking,
    CustomerDidNotCome,
    RecordNoShow,
    VisitBooked,
    extension,
)
from regulars import RegisterCustomer, Regulars, Rejected, Unexplained, as_toml, parse_rules, person_page

VISIT = BookVisit(customer="shop:1", booking_id="B-1", service="haircut", wish="by the window")


NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def crm(tmp_path: Path) -> Iterator[Regulars]:
    options = {"currency": "EUR", "actor": "li", "clock": lambda: NOW}
    with regulars.open(tmp_path / "shop.db", **options, extensions=(extension,)) as found:
        found.do([RegisterCustomer(ref="shop:1", name="Ada"), RegisterCustomer(ref="shop:2", name="Bob")])
        yield found


def test_a_visit_is_booked_once(crm: Regulars) -> None:
    (booked,) = crm.do(VISIT).events
    assert booked.event == VisitBooked(booking_id="B-1", service="haircut", wish="by the window")
    assert crm.do(VISIT).events == ()
    with pytest.raises(Rejected, match='booking "B-1" is for haircut already'):
        crm.do(BookVisit(customer="shop:1", booking_id="B-1", service="massage"))
    with pytest.raises(Rejected, match="belongs to another customer"):
        crm.do(BookVisit(customer="shop:2", booking_id="B-1", service="haircut"))


def test_it_ends_once_and_one_way(crm: Regulars) -> None:
    crm.do([VISIT, BookVisit(customer="shop:2", booking_id="B-2", service="massage")])
    (cancelled,), (missed,) = (
        crm.do(CancelBooking(booking_id="B-1")).events,
        crm.do(RecordNoShow(booking_id="B-2")).events,
    )
    assert (cancelled.event, missed.event) == (BookingCancelled(booking_id="B-1"), CustomerDidNotCome(booking_id="B-2"))
    assert crm.do(CancelBooking(booking_id="B-1")).events == ()
    with pytest.raises(Rejected, match="ended as cancelled already"):
        crm.do(RecordNoShow(booking_id="B-1"))
    with pytest.raises(Rejected, match='there is no booking "B-3"'):
        crm.do(CancelBooking(booking_id="B-3"))


def test_the_audit_tells_it_in_our_words(crm: Regulars) -> None:
    crm.do([VISIT, CancelBooking(booking_id="B-1")])
    cancelled, booked = crm.audit(customer="shop:1", limit=2)
    assert booked.sentence == "Li recorded booking B-1 for haircut of shop:1"
    assert cancelled.sentence == "Li cancelled booking B-1 of shop:1"
    assert [(each.field, each.old, each.new) for each in cancelled.changes] == [("status", "booked", "cancelled")]


def test_what_they_wished_for_is_theirs_and_forgotten_with_them(crm: Regulars) -> None:
    crm.do(VISIT)
    assert "wish: by the window" in person_page(crm.export_person("shop:1"))
    crm.forget("shop:1", reason="asked to be")
    assert [recorded.event for recorded in crm.events(types=VisitBooked)] == [
        VisitBooked(booking_id="B-1", service="haircut")
    ]
    assert crm.do(CancelBooking(booking_id="B-1")).events


def test_without_the_extension_nothing_is_lost(crm: Regulars, tmp_path: Path) -> None:
    crm.do(VISIT)
    crm.close()
    with regulars.open(tmp_path / "shop.db") as without:
        assert "bookings" in str(without.missing_extensions[0])
        (told,) = without.events(types=Unexplained)
        assert (told.event.name, told.event.content) == ("VisitBooked", '{"booking_id":"B-1","service":"haircut"}')
    with regulars.open(tmp_path / "shop.db", extensions=(extension,)) as again:
        assert again.do(CancelBooking(booking_id="B-1")).events
        assert again.check_records().holds
        assert again.projections.verify().holds


def miss(crm: Regulars, who: str, *days: int) -> None:
    """Let somebody miss visits so many days ago."""
    for number, ago in enumerate(days):
        booking_id = f"{who}-{number}"
        crm.do(BookVisit(customer=who, booking_id=booking_id, service="haircut", occurred_at=NOW - 500 * DAY))
        crm.do(RecordNoShow(booking_id=booking_id, occurred_at=NOW - timedelta(days=ago)))


def reliability(crm: Regulars, value: str) -> list[str | None]:
    return sorted(each.ref for each in crm.customers(having={"reliability": value}))


def test_who_misses_visits_is_unreliable_for_a_while(crm: Regulars) -> None:
    miss(crm, "shop:1", 100, 10)
    miss(crm, "shop:2", 300, 10)
    assert (reliability(crm, "poor"), reliability(crm, "good")) == (["shop:1"], ["shop:2"])
    said = crm.customer("shop:1").verdict("reliability")
    assert (said.value, said.reasons[0].sentence) == ("poor", "2 missed visits in 180 days")
    assert len(said.reasons[0].events) == 2
    assert said.next is not None
    assert (said.next.value, said.next.since) == ("good", NOW + 80 * DAY)
    lane = crm.customer("shop:1").timeline().lanes["reliability"]
    assert [span.value for span in lane] == ["good", "poor", "good"]
    assert crm.customers(having={"reliability": "poor"}, as_of=NOW + timedelta(days=100)).customers == ()


def test_its_rules_are_tried_published_and_gone_back_to(crm: Regulars) -> None:
    miss(crm, "shop:1", 100, 10)
    text = as_toml(crm.ruleset) + "\n[reliability]\nwindow_days = 90\n"
    rules = parse_rules(text, grammar=crm.grammar)
    (move,) = crm.rules.diff(rules)
    assert (move.lane, move.old, move.new) == ("reliability", "poor", "good")
    crm.rules.publish(rules, reason="who was ill in spring")
    assert reliability(crm, "poor") == []
    first, second = crm.projections.generations()
    shared = {each.name for each in first.builds} & {each.name for each in second.builds if each in first.builds}
    assert {each.name for each in second.builds} - shared == {"reliability"}
    crm.rules.rollback(reason="too kind")
    assert reliability(crm, "poor") == ["shop:1"]
    assert crm.projections.verify().holds


def test_a_rebuild_by_several_workers_says_the_same(crm: Regulars, monkeypatch: pytest.MonkeyPatch) -> None:
    miss(crm, "shop:1", 100, 10)
    before = crm.projections.verify()
    monkeypatch.setattr("regulars.adapters.read_models.catch_up.REPLAY_FROM", 1)
    crm.projections.rebuild(workers=2)
    assert before.holds
    assert crm.projections.verify().stored == before.stored


def test_its_examples_are_a_story_that_can_be_told() -> None:
    for event in BOOKING.examples().events:
        assert BOOKING.wording.what(event)
        assert "Ada" in BOOKING.wording.deed(event, "Ada", "")
    assert list(BOOKING.wording.fields(BOOKING.decider.initial)) == []
    state = reduce(BOOKING.decider.evolve, BOOKING.examples().events[:2], BOOKING.decider.initial)
    assert dict(BOOKING.wording.fields(state))["status"] == "cancelled"


def test_the_command_line_knows_it(tmp_path: Path) -> None:
    line = [
        Path(sys.executable).with_name("regulars"),
        "--extension",
        "booking_shop:extension",
        "--db",
        tmp_path / "s.db",
    ]
    run = {"cwd": Path(__file__).parent, "capture_output": True, "text": True, "check": True}
    subprocess.run([*line, "do", "RegisterCustomer", "ref=shop:1"], **run)
    said = subprocess.run([*line, "do", "BookVisit", "customer=shop:1", "booking_id=B-1", "service=haircut"], **run)
    assert "booking B-1 for haircut" in said.stdout
    said = subprocess.run([*line, "customers", "--having", "reliability=good", "--json"], **run)
    assert "shop:1" in said.stdout
    said = subprocess.run([*line, "customers", "--having", "reliability=poor", "--json"], **run)
    assert json.loads(said.stdout) == []
