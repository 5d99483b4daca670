"""The demo tells the same story for the same seed, and its drawing leaves nothing out."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from io import StringIO
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

import regulars
from regulars.asking.timeline_text import MIN_WIDTH, timeline_text
from regulars.asking.views import LANES, Span, Timeline
from regulars.crm_domain.command import CustomerId
from regulars.crm_domain.membership import EnrollMember, RedeemPoints
from regulars.crm_domain.ticket import OpenTicket
from regulars.demo import run
from regulars.demo.helpdesk import AGENT
from regulars.demo.simulation import END, LAST_DAY, SimulatedClock, simulate
from regulars.today import Today

# ------------------------------------------------------------------------------------------------------ the walk


def walk(path: str, seed: int = 42) -> str:
    out = StringIO()
    run(Console(file=out, width=80), Path(path), seed)
    return out.getvalue().replace(path, "FILE")


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The demo's store, and what it printed; the short relative path is what people use."""
    folder = tmp_path_factory.mktemp("demo")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        return folder / "shop.db", walk("shop.db")


@pytest.fixture(scope="module")
def other_shop(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The demo's store with another seed, and what it printed."""
    path = tmp_path_factory.mktemp("other") / "shop.db"
    return path, walk(str(path), seed=1)


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def reopened(path: Path) -> regulars.Regulars:
    return regulars.open(path, clock=SimulatedClock(now=END))


def test_nobody_is_asked_too_soon_after_another_survey(shop: tuple[Path, str]) -> None:
    path, _ = shop
    with reopened(path) as crm:
        counts = crm.satisfaction(since=date(2024, 1, 1)).total.counts
    assert counts.too_soon == 0
    assert counts.answered > 100


def test_the_same_seed_tells_the_same_story(shop: tuple[Path, str]) -> None:
    assert walk("again.db") == shop[1]


def test_another_seed_tells_another_story(shop: tuple[Path, str], other_shop: tuple[Path, str]) -> None:
    assert other_shop[1].partition("Who they are")[2] != shop[1].partition("Who they are")[2]


def test_it_fits_a_terminal(shop: tuple[Path, str]) -> None:
    assert [line for line in shop[1].splitlines() if len(line) > 80] == []


def test_an_existing_file_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "taken.db").write_bytes(b"mine")
    with pytest.raises(regulars.StoreUnusable, match="exists already"):
        walk("taken.db")
    assert (tmp_path / "taken.db").read_bytes() == b"mine"


def test_it_shows_progress_on_a_terminal() -> None:
    out = StringIO()
    run(Console(file=out, width=80, force_terminal=True), Path("shop.db"))
    assert "recording two years" in out.getvalue()


@pytest.mark.parametrize("of_seed", ["shop", "other_shop"])
def test_the_business_looks_like_one(of_seed: str, request: pytest.FixtureRequest) -> None:
    path, _ = request.getfixturevalue(of_seed)
    with reopened(path) as crm:
        counts = crm.status().counts
        assert all(counts["stage"].get(stage) for stage in crm.values("stage"))
        member, silver, gold, platinum = (counts["tier"][tier] for tier in crm.values("tier"))
        assert member > silver > gold > platinum > 0
        assert all(counts["risk"].get(band, 0) >= 20 for band in crm.values("risk"))
        assert 6 <= len(crm.customers(becoming={"stage": "at_risk"}, within=timedelta(days=14))) <= 25


def test_every_stage_is_shown(shop: tuple[Path, str]) -> None:
    shown = shop[1].partition("Who they are")[2].partition("At risk, and worth a call")[0].split()
    with reopened(shop[0]) as crm:
        assert set(crm.values("stage")) <= set(shown)


def test_the_net_revenue_is_the_sum_over_the_customers(shop: tuple[Path, str]) -> None:
    printed = re.search(r"([\d,.]+)\s+EUR net revenue", shop[1])
    assert printed is not None
    with reopened(shop[0]) as crm:
        total = sum((customer.net_spend for customer in crm.customers(limit=1000, as_of=LAST_DAY)), Decimal(0))
    assert Decimal(printed[1].replace(",", "")) == total


def test_there_are_members_who_spend_points(shop: tuple[Path, str]) -> None:
    happened = simulate(42)
    members = {command.customer for command in happened if isinstance(command, EnrollMember)}
    spent = sum(command.points for command in happened if isinstance(command, RedeemPoints))
    assert len(members) >= 40
    with reopened(shop[0]) as crm:
        points = [crm.points(member) for member in members]
    assert sum(each.spent for each in points) == spent > 0
    assert sum(each.balance > 0 for each in points) > len(members) / 2


@pytest.mark.parametrize("seed", [1, 2, 7, 42])
def test_about_one_in_thirty_orders_ends_at_the_help_desk(seed: int) -> None:
    tickets = [command.ticket_id for command in simulate(seed) if isinstance(command, OpenTicket)]
    assert 60 <= len(tickets) <= 120
    assert len(set(tickets)) == len(tickets)


def test_the_help_desk_shows_what_is_open_and_late_within_a_day(shop: tuple[Path, str]) -> None:
    shown = section(shop[1], "The help desk")
    with reopened(shop[0]) as crm:
        tickets = crm.tickets(limit=1000)
        soon = {ticket.ticket_id for ticket in crm.tickets(breaching_within=timedelta(days=1))}
    still_open = [ticket for ticket in tickets if ticket.status not in ("resolved", "closed")]
    assert f"{len(tickets)} tickets in two years, {len(still_open)} of them open" in shown
    assert sum(map(int, re.findall(r"(\d+) (?:on time|due soon|breached)", shown))) == len(still_open) >= 5
    assert set(re.findall(r"T-\d+", shown)) == soon
    assert 1 <= len(soon) <= 3


def test_what_happened_last_is_the_audit_trail_of_one_person(shop: tuple[Path, str]) -> None:
    shown = section(shop[1], "What happened last")
    with reopened(shop[0]) as crm:
        entries = crm.audit(actor=AGENT, limit=5).entries
        assert [entry.customer_id for entry in entries if entry.customer_id in shown] == []
    places = [shown.index(entry.sentence) for entry in entries]
    assert len(places) == 5
    assert places == sorted(places)
    assert "ticket: open → resolved" in shown


def test_a_member_is_shown_with_their_points(shop: tuple[Path, str]) -> None:
    shown = section(shop[1], "One customer over time")
    ref = re.search(r"\((shop:\d+)\)", shown)
    assert ref is not None
    with reopened(shop[0]) as crm:
        points = crm.points(ref[1])
    soon = points.expiring(timedelta(days=30))
    assert f"Points: {points.balance} to spend, {points.pending} pending; {soon} expire within 30 days" in shown


def test_the_month_says_what_the_questions_say(shop: tuple[Path, str]) -> None:
    groups = section(shop[1], "Who belongs together, and what they are worth")
    due = section(shop[1], "Due to be bought again")
    content = section(shop[1], "Are they content, and were we in time")
    with reopened(shop[0]) as crm:
        segments, bands = crm.segments(as_of=LAST_DAY), crm.value(as_of=LAST_DAY).bands
        report, first = crm.satisfaction(until=LAST_DAY), crm.due(limit=1, as_of=LAST_DAY)[0]
        members = crm.customers(segment="regulars", limit=1_000, as_of=LAST_DAY)
    for each in segments:
        assert re.search(
            rf"^{each.title} +{each.members:,} +{each.entering:,} +{each.leaving:,} *$", groups, re.MULTILINE
        )
    assert len(members) == next(each.members for each in segments if each.id == "regulars") > 50
    for band in bands:
        assert re.search(rf"^{band.band} +{band.customers:,} +{band.net_spend:,} ", groups, re.MULTILINE)
    assert f"{first.ref} " in due
    assert re.search(rf"^Net promoter score .* {report.total.nps.n:,} *$", content, re.MULTILINE)
    assert "can't tell" not in content


def section(printed: str, title: str) -> str:
    """What the walk says under a title, up to the next one."""
    return re.split(r"\n\n[^\n]+\n─+\n", printed.partition(f"{title}\n{'─' * len(title)}\n")[2])[0]


def today_then(path: Path) -> Today:
    """What was due when the walk said so. Who buys in the week after depends on a draw, and wasn't known then."""
    with regulars.open(path, clock=SimulatedClock(now=END + timedelta(days=8))) as crm:
        return crm.today(as_of=END, known_at=END)


def test_what_to_do_is_what_today_answers(shop: tuple[Path, str]) -> None:
    shown = section(shop[1], "What to do today")
    found = today_then(shop[0])
    assert found.lines
    assert f": {found.lines[0].why}" in shown
    assert all(f"{each.title}: {each.count:,}" in " ".join(shown.split()) for each in found.kinds)


def test_each_command_of_what_to_do_is_whole_on_its_line(shop: tuple[Path, str]) -> None:
    settling = {each.settle for each in today_then(shop[0]).lines}
    commands = [line.strip() for line in section(shop[1], "What to do today").splitlines() if "regulars do" in line]
    assert len(commands) == 4
    assert settling.issuperset(commands)


def test_what_to_try_next_is_nine_lines(shop: tuple[Path, str]) -> None:
    assert len(section(shop[1], "What to try next").splitlines()) == 9


def test_the_last_day_asks_what_the_walk_asked(shop: tuple[Path, str]) -> None:
    with reopened(shop[0]) as crm:
        by_clock = crm.customers(limit=1000, as_of=END)
        by_day = crm.customers(limit=1000, as_of=LAST_DAY)
        assert by_clock.customers == by_day.customers


@pytest.mark.parametrize("of_seed", ["shop", "other_shop"])
def test_the_campaign_says_what_its_effect_is(of_seed: str, request: pytest.FixtureRequest) -> None:
    path, printed = request.getfixturevalue(of_seed)
    shown = " ".join(section(printed, "A campaign that proves its effect").split())
    with regulars.open(path, clock=SimulatedClock(now=END + timedelta(days=8))) as crm:
        found = crm.campaigns.effect("autumn")
    assert found.then is not None
    assert found.then.treated.families - found.then.held_out.families in (-1, 0, 1)
    for arm in (found.then.treated, found.then.held_out):
        assert f"{arm.bought} of {arm.families} bought, {arm.spend} EUR together" in shown
    assert shown.endswith(found.then.sentence)


def test_a_simulation_is_in_order_of_time_and_never_beyond_its_end() -> None:
    times = [command.occurred_at for command in simulate(7) if command.occurred_at is not None]
    assert times == sorted(times)
    assert times[-1] <= END


# ----------------------------------------------------------------------------------------------------- the lanes

DAY_ONE = datetime(2025, 1, 1, tzinfo=UTC)
WORDS = ("lead", "new", "active", "at_risk", "reactivated", "low", "x", "a-value-of-other-rules")


def timeline(**values: list[tuple[str, int]]) -> Timeline:
    """Lanes from values and how many days each holds; the last holds for ever."""
    return Timeline(
        customer_id=CustomerId("0" * 32), lanes={lane: spans(values.get(lane, [("x", 1)])) for lane in LANES}
    )


def spans(values: list[tuple[str, int]]) -> tuple[Span, ...]:
    since, found = DAY_ONE, []
    for value, days in values:
        found.append(Span(value=value, score=None, since=since, until=since + timedelta(days=days)))
        since += timedelta(days=days)
    last = found.pop()
    return (*found, Span(value=last.value, score=None, since=last.since, until=None))


def test_lanes_are_drawn_like_this() -> None:
    drawn = timeline_text(
        timeline(
            stage=[("lead", 14), ("new", 1), ("active", 120), ("at_risk", 60), ("churned", 1)],
            tier=[("member", 40), ("silver", 1)],
            risk=[("low", 150), ("medium", 4), ("high", 1)],
        ),
        now=DAY_ONE + timedelta(days=120),
        start=DAY_ONE,
        end=DAY_ONE + timedelta(days=240),
        orders=[DAY_ONE + timedelta(days=day) for day in (14, 41, 70, 71, 100)],
        width=68,
    )
    assert [line.rstrip() for line in drawn.plain.splitlines()] == [
        "        1   active                        at_risk        churned",
        "stage   ▐███▐█████████████████████████░░░░│░░░░░░░░░░░░░░│░░░░░░░░░░",
        "        member    silver",
        "tier    ▐█████████▐███████████████████░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░",
        "        low                                   2 high",
        "risk    ▐█████████████████████████████░░░░░░░░││░░░░░░░░░░░░░░░░░░░░",
        "orders     |      |      2       |",
        "        ───────┬──────┬───────┬───────▲──────┬───────┬───────┬──────",
        "               Feb 2025       Apr    now     Jun     Jul     Aug",
        "        1 lead   2 medium",
        "        too brief to draw: new",
    ]


def test_tickets_are_a_lane_with_gaps_where_none_is_open() -> None:
    # 240 days in 60 cells: four days a cell. Days 110 and 140 to 147 have no room for a name, so they bear a mark.
    days = [("open", 0, 24), ("breached", 60, 100), ("open", 110, 111), ("open", 140, 148)]
    drawn = timeline_text(
        replace(timeline(), tickets=ticket_spans(days)),
        now=DAY_ONE + timedelta(days=120),
        start=DAY_ONE,
        end=DAY_ONE + timedelta(days=240),
        width=68,
    )
    lines = [line.rstrip() for line in drawn.plain.splitlines()]
    assert lines[6:8] == [
        "        open           breached    1       1",
        "tickets ▐█████         ▐█████████  ▐       │░",
    ]
    assert lines[-1] == "        1 open"


def ticket_spans(days: list[tuple[str, int, int]]) -> tuple[Span, ...]:
    day = [DAY_ONE + timedelta(days=number) for number in range(max((until for *_, until in days), default=0) + 1)]
    return tuple(Span(value=value, score=None, since=day[since], until=day[until]) for value, since, until in days)


@st.composite
def days_of_tickets(draw: st.DrawFn) -> tuple[Span, ...]:
    """Spans in order, with and without gaps between them."""
    edges = sorted(draw(st.sets(st.integers(0, 900), max_size=12)))
    values = draw(st.lists(st.sampled_from(["open", "breached", None]), min_size=12, max_size=12))
    told = zip(values, pairwise(edges), strict=False)
    return ticket_spans([(value, since, until) for value, (since, until) in told if value is not None])


@st.composite
def days_of_values(draw: st.DrawFn) -> list[tuple[str, int]]:
    return draw(st.lists(st.tuples(st.sampled_from(WORDS), st.integers(1, 200)), min_size=1, max_size=12))


@given(
    stage=days_of_values(),
    tier=days_of_values(),
    risk=days_of_values(),
    tickets=days_of_tickets(),
    now=st.integers(-100, 2000),
    begins=st.integers(-400, 800),
    lasts=st.integers(1, 2000),
    orders=st.lists(st.integers(-10, 2000)),
    width=st.integers(MIN_WIDTH, 130),
)
def test_every_value_in_the_window_is_named_and_every_row_has_the_width(
    stage: list[tuple[str, int]],
    tier: list[tuple[str, int]],
    risk: list[tuple[str, int]],
    tickets: tuple[Span, ...],
    now: int,
    begins: int,
    lasts: int,
    orders: list[int],
    width: int,
) -> None:
    told = replace(timeline(stage=stage, tier=tier, risk=risk), tickets=tickets)
    start, end = DAY_ONE + timedelta(days=begins), DAY_ONE + timedelta(days=begins + lasts)
    drawn = timeline_text(
        told,
        now=DAY_ONE + timedelta(days=now),
        start=start,
        end=end,
        orders=[DAY_ONE + timedelta(days=day) for day in orders],
        width=width,
    )
    lines = drawn.plain.split("\n")
    height = 2 * (3 + bool(tickets)) + bool(orders) + 2  # a name and a bar a lane, the orders, the axis
    rows, legend = lines[:height], lines[height:]
    assert {len(row) for row in rows} == {width}
    assert all(len(line) <= width for line in legend)
    explained = " ".join(legend).split()
    for index, spans in enumerate((*told.lanes.values(), tickets)):
        named = rows[2 * index].split() + explained
        assert [value for value in in_window(spans, start, end) if value not in named] == []
    assert printed(drawn.plain, width, drawn) == lines


def in_window(spans: tuple[Span, ...], start: datetime, end: datetime) -> set[str]:
    return {span.value for span in spans if span.since < end and (span.until is None or span.until > start)}


def printed(plain: str, width: int, drawn: object) -> list[str]:
    """What a console of that width makes of it."""
    out = StringIO()
    Console(file=out, width=width).print(drawn)
    return out.getvalue().removesuffix("\n").split("\n")


def test_lanes_refuse_a_window_that_ends_before_it_starts() -> None:
    with pytest.raises(ValueError, match="after start"):
        timeline_text(timeline(), now=DAY_ONE, start=DAY_ONE, end=DAY_ONE)


def test_lanes_refuse_to_be_narrower_than_anybody_can_read() -> None:
    with pytest.raises(ValueError, match="at least 40"):
        timeline_text(timeline(), now=DAY_ONE, start=DAY_ONE, end=DAY_ONE + timedelta(days=1), width=39)


# ------------------------------------------------------------------------------------------------------- selling


@pytest.mark.parametrize("of_seed", ["shop", "other_shop"])
def test_what_is_sold_to_offices_adds_up(of_seed: str, request: pytest.FixtureRequest) -> None:
    path, printed = request.getfixturevalue(of_seed)
    said = " ".join(
        printed.partition("What is being sold to offices")[2].partition("Due to be bought again")[0].split()
    )
    numbers = re.search(r"In 90 days: (.*) = ([\d,.]+) Within", said)
    assert numbers is not None
    parts = re.findall(r"([+−]?) ?([\d,]+\.\d\d)", numbers[1])
    signed = (Decimal(amount.replace(",", "")) * (-1 if sign == "−" else 1) for sign, amount in parts)
    assert sum(signed) == Decimal(numbers[2].replace(",", ""))
    with reopened(path) as crm:
        assert crm.pipeline().total.amount == Decimal(numbers[2].replace(",", ""))
        assert len(list(crm.contracts())) == len(list(crm.quotes(status="accepted"))) > 5
        assert all(list(crm.people(firm.id)) for firm in crm.customers(kind="firm"))
