"""A report is one page without scripts, in which every number is that of the command beside it."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from html.parser import HTMLParser
from importlib import resources
from pathlib import Path

import pytest

from regulars import (
    EnrollMember,
    NotFound,
    OpenTicket,
    OrderLine,
    RecordPurchase,
    RecordReturn,
    RecordSurveyAnswer,
    RegisterCustomer,
    Regulars,
    ReplyAsAgent,
    parse_rules,
    report_page,
)
from regulars.cli.app import app
from regulars.report.gathering import BREACH_WITHIN, EXPIRE_WITHIN
from saying import NOW, Say
from shops import Clock, opened

NAME = "Ada <b>&\u202e Co"


def on(year: int, month: int, day: int) -> datetime:
    return datetime(year, month, day, 12, tzinfo=UTC)


def trade(crm: Regulars) -> None:
    """Ada buys for two years and falls silent; Bo comes in the April before the report is made, and gives back."""
    crm.do(RegisterCustomer(ref="ada@example.com", name=NAME, occurred_at=on(2022, 5, 1)))
    crm.do(EnrollMember(customer="ada@example.com", occurred_at=on(2022, 5, 2)))
    months = [(year, month) for year in (2022, 2023, 2024) for month in range(1, 13)]
    for year, month in months[4:-8]:
        order = {"order_id": f"A-{year}-{month}", "amount": "50.00", "occurred_at": on(year, month, 3)}
        crm.do(RecordPurchase(customer="ada@example.com", **order))
    crm.do(RegisterCustomer(ref="bo", name="Bo", occurred_at=on(2024, 4, 1)))
    crm.do(RecordPurchase(customer="bo", order_id="B-1", amount="40.00", occurred_at=on(2024, 4, 2)))
    crm.do(RecordReturn(order_id="B-1", amount="15.00", occurred_at=on(2024, 5, 6)))
    crm.do(RecordPurchase(customer="bo", order_id="B-2", amount="20.00", occurred_at=on(2024, 5, 7)))
    crm.do(OpenTicket(customer="bo", ticket_id="T-1", priority="low", occurred_at=NOW))


@pytest.fixture
def crm(sqlite_database_url: str) -> Iterator[Regulars]:
    with opened(sqlite_database_url, Clock(NOW)) as crm:
        trade(crm)
        yield crm


class Page(HTMLParser):
    """The tags of a page with their attributes, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def test_figures_stand_beside_those_of_the_month_and_the_year_before(crm: Regulars) -> None:
    found = crm.report()
    assert (found.month, found.first, found.last, found.is_over) == (
        "2024-05",
        date(2024, 5, 1),
        date(2024, 5, 31),
        True,
    )
    said = {each.name: (each.value, each.month_before, each.year_before) for each in found.figures}
    # May: 20.00 of Bo, less 15.00 that came back. April: 50.00 of Ada and 40.00 of Bo. A year before: 50.00 of Ada.
    assert [str(each) for each in said["Revenue"]] == ["5.00", "90.00", "50.00"]
    assert [str(each) for each in said["of it from new customers"]] == ["0.00", "40.00", "0.00"]
    assert said["Orders"] == (1, 2, 1)
    assert said["Customers known at the end"] == (2, 2, 1)


def test_it_says_how_far_it_is(crm: Regulars) -> None:
    told: list[tuple[int, int]] = []
    crm.report(on_progress=lambda done, total: told.append((done, total)))
    assert told == [(done, len(told)) for done in range(1, len(told) + 1)]


def test_before_anything_was_known_there_is_nothing_to_compare_with(crm: Regulars) -> None:
    figures = crm.report(month=date(2022, 5, 1)).figures
    assert [(each.month_before, each.year_before) for each in figures] == [(None, None)] * len(figures)


def test_a_month_that_goes_on_says_so(crm: Regulars) -> None:
    found = crm.report(month=date(2024, 6, 1))
    assert not found.is_over
    assert "This month isn't over" in Page(report_page(found)).text


def test_a_page_has_no_script_and_allows_itself_nothing_but_its_own_style(crm: Regulars) -> None:
    page = report_page(crm.report(personal=True, business="Mara's"))
    found = Page(page)
    names, ids = {tag for tag, _ in found.tags}, [attrs["id"] for _, attrs in found.tags if "id" in attrs]
    assert len(ids) == len({*ids}) > 0
    assert {*re.findall(r"url\(#(.*?)\)", page)} <= {*ids}
    assert names.isdisjoint({"script", "link", "img", "iframe", "object", "form"})
    assert not [attrs for _, attrs in found.tags if "style" in attrs or "href" in attrs or "src" in attrs]
    style = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)
    assert len(style) == 1
    digest = b64encode(sha256(style[0].encode()).digest()).decode()
    policy = next(attrs["content"] for _, attrs in found.tags if attrs.get("http-equiv"))
    assert policy == f"default-src 'none'; style-src 'sha256-{digest}'"
    assert not re.search(r"url\(http|@import|https?://(?!www\.w3\.org/2000/svg)", page)


def test_nobody_is_named_unless_that_is_asked_for(crm: Regulars) -> None:
    assert {"ada@example.com", "Ada"}.isdisjoint(words(report_page(crm.report(watch="dormant"))))
    personal = report_page(crm.report(watch=crm.customer("ada@example.com").stage, personal=True))
    assert "ada@example.com" in words(personal)
    assert "Ada &lt;b&gt;&amp; Co" in personal


def words(page: str) -> set[str]:
    return set(re.split(r"[\s<>·]+", page))


def test_a_stage_that_the_rules_lack_is_refused_with_those_that_they_have(crm: Regulars) -> None:
    with pytest.raises(ValueError, match=r'no stage "bored" to watch; the rules have .*dormant'):
        crm.report(watch="bored")


def test_a_month_before_anybody_was_known_is_refused(crm: Regulars) -> None:
    with pytest.raises(ValueError, match="nobody was known by the end of 1990-01"):
        crm.report(month=date(1990, 1, 1))


def test_a_month_is_a_day(crm: Regulars) -> None:
    with pytest.raises(ValueError, match="month is a day of it"):
        crm.report(month="2024-05")  # type: ignore[arg-type]


def test_who_came_back_in_a_month_that_is_over_is_counted_up_to_its_end(crm: Regulars) -> None:
    crm.do(RecordPurchase(customer="bo", order_id="B-3", amount="9.00", occurred_at=NOW))
    april = crm.report(month=date(2024, 4, 1)).cohorts.cohorts[-1]
    assert (april.period, april.customers, april.is_over, len(april.retained)) == ("2024-04", 1, True, 1)
    may = crm.report(month=date(2024, 5, 1)).cohorts.cohorts[-2]
    assert [each.customers for each in may.retained] == [1, 1]


def test_what_many_said_and_whether_service_was_in_time_stands_with_n_and_interval(crm: Regulars) -> None:
    for place, score in enumerate([10, 9, 2]):
        ref = f"c{place}"
        crm.do(RegisterCustomer(ref=ref, occurred_at=on(2024, 5, 1)))
        crm.do(RecordSurveyAnswer(customer=ref, survey="nps", score=score, occurred_at=on(2024, 5, 2)))
    crm.do(OpenTicket(customer="bo", ticket_id="T-2", priority="high", occurred_at=on(2024, 5, 6)))
    crm.do(ReplyAsAgent(ticket_id="T-2", occurred_at=on(2024, 5, 6) + timedelta(minutes=1)))
    found = crm.report()
    nps = found.satisfaction[0]
    assert (nps.value.n, round(nps.value.value or 0)) == (3, 33)  # two promoters, one detractor
    assert (nps.month_before.n, nps.month_before.value) == (0, None)
    answered = found.service[0]
    # Of one of one, Wilson's interval begins at 1 / (1 + 1.96²).
    assert (answered.value.n, answered.value.value) == (1, 1)
    assert answered.value.low == pytest.approx(1 / (1 + 1.959964**2))
    text = Page(report_page(found)).text
    assert "of 3 customers" in text
    assert "can't tell" in text


RULES = """
[[segment]]
id = "quiet"
enter = [{ fact = "days_since_order", above = 30 }]

[due_again]
gaps = { beans = 30 }
"""


def test_segments_bands_of_value_and_items_due_again_stand_in_it(crm: Regulars) -> None:
    own = resources.files("regulars").joinpath("rules.toml").read_text(encoding="utf-8")
    crm.rules.publish(parse_rules(own + RULES), reason="to have segments")
    crm.do(
        RecordPurchase(
            customer="bo",
            order_id="B-3",
            amount="9.00",
            lines=(OrderLine(sku="beans"),),
            occurred_at=NOW - timedelta(days=40),
        )
    )
    found = crm.report()
    quiet = found.segments[0]
    flow = crm.flow("segment:quiet", date(2024, 4, 30), date(2024, 5, 31))
    # Ada ordered last on the 3rd of April, so she comes in in May; Bo on the 7th of May.
    assert (quiet.members.value, quiet.members.month_before, quiet.entered, quiet.left) == (1, 0, 1, 0)
    assert [(each.before, each.after, each.customers) for each in flow.moves] == [(None, "in", 1)]
    assert [each.ref for each in crm.movers("segment:quiet", flow.first, flow.second, (None, "in"))] == [
        "ada@example.com"
    ]
    assert sum(each.value for each in found.values) == 2
    items = next(each for each in found.due if each.counted_by == "regulars due")
    assert (items.total, items.shown[0].id) == (1, crm.customer("bo").id)
    assert "beans" in Page(report_page(found)).text


def test_a_segment_that_there_is_not_and_moments_in_the_place_of_a_lane_are_refused(crm: Regulars) -> None:
    with pytest.raises(NotFound, match='no segment is called "loud"'):
        crm.flow("segment:loud", date(2024, 4, 30), date(2024, 5, 31))
    with pytest.raises(ValueError, match="a flow takes what changes, then two moments"):
        crm.flow(date(2024, 4, 30), date(2024, 5, 31), "stage")  # type: ignore[arg-type]


def test_what_is_due_is_listed(crm: Regulars) -> None:
    tickets, points = crm.report().due  # these rules have no gaps
    late = {each.ticket_id for each in crm.tickets() if each.breaches_at is not None}
    assert late == {"T-1"}
    assert tickets.total == len(crm.tickets(breaching_within=BREACH_WITHIN))
    assert points.total == len(crm.expiring(EXPIRE_WITHIN).members)


def test_every_command_beside_a_number_can_be_given(say: Say) -> None:
    say("do", "RegisterCustomer", "ref=a", "name=Ada", "--currency", "EUR")
    say("do", "RecordPurchase", "customer=a", "order_id=1", "amount=5")
    assert say("report", "--out", "r.html").status == 2  # nobody was known in the month before
    assert say("do", "RegisterCustomer", "ref=b", "occurred_at=2024-05-02").status == 0
    assert say("report", "--month", "2024-05", "--out", "r.html").status == 0
    page = Path("r.html").read_text(encoding="utf-8")
    commands = set(re.findall(r"<code>(regulars [^…]*?)</code>", page))
    assert len(commands) >= 6
    for command in commands:
        said = say(*command.split()[1:])
        assert (said.status, said.err) == (0, ""), command
    assert {command.split()[1] for command in commands} <= {each.name for each in app.registered_commands}
