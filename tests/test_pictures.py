"""Pictures show under a strict policy, read without colour, and hold every number in words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from xml.etree import ElementTree
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regulars import (
    OpenTicket,
    RecordPurchase,
    RecordReturn,
    RecordSurveyAnswer,
    RegisterCustomer,
    Regulars,
    ReplyAsAgent,
    measure_svg,
    timeline_svg,
)
from regulars.measures import Liability, LiabilityPoint, Revenue, RevenuePeriod, Rfm, Trend, TrendPoint
from regulars.pictures.measures import Measure
from regulars.pictures.parts import SMALL, width_of
from shops import BEGIN, DAY, Clock, opened

SVG = "{http://www.w3.org/2000/svg}"
AT = datetime(2026, 1, 31, tzinfo=UTC)


@pytest.fixture(scope="module")
def measures(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Measure]:
    """Every measure of a shop in which somebody bought, came back, and gave something back."""
    clock = Clock()
    with opened(str(Path(tmp_path_factory.mktemp("shop")) / "shop.db"), clock) as crm:
        sell(crm, clock)
        return {
            "trend": crm.trend("stage"),
            "flow": crm.flow("stage", BEGIN - 40 * DAY, clock.now + 400 * DAY),
            "cohorts": crm.cohorts(),
            "rfm": crm.rfm(),
            "revenue": crm.revenue(),
            "liability": crm.liability(),
            "service": crm.service(by="month"),
            "satisfaction": crm.satisfaction(by="stage"),
        }


def sell(crm: Regulars, clock: Clock) -> None:
    for number, ref in enumerate(("a", "b", "c")):
        crm.do(RegisterCustomer(ref=ref, occurred_at=clock.now))
        for again in range(number + 1):
            amount, at = f"{10 + number}.00", clock.now + again * 30 * DAY
            clock.now = at
            crm.do(RecordPurchase(customer=ref, order_id=f"{ref}-{again}", amount=amount, occurred_at=at))
    clock.now += 40 * DAY
    crm.do(RecordReturn(order_id="c-0", occurred_at=clock.now))


def parsed(svg: str) -> ElementTree.Element:
    return ElementTree.fromstring(svg)


@pytest.mark.parametrize("name", ["trend", "flow", "cohorts", "rfm", "revenue", "liability", "service", "satisfaction"])
def test_a_picture_has_no_style_no_script_and_nothing_from_elsewhere(measures: dict[str, Measure], name: str) -> None:
    svg = measure_svg(measures[name])
    root = parsed(svg)
    assert {each.tag.removeprefix(SVG) for each in root.iter()}.isdisjoint(
        {"style", "script", "foreignObject", "image"}
    )
    assert not [key for each in root.iter() for key in each.attrib if key == "style" or key.startswith("on")]
    assert not re.search(r"https?:|href|@import", svg.replace('xmlns="http://www.w3.org/2000/svg"', ""))
    assert set(re.findall(r"url\((.*?)\)", svg)) <= {f"#{each.get('id')}" for each in root.iter(f"{SVG}pattern")}


@pytest.mark.parametrize("name", ["trend", "flow", "cohorts", "rfm", "revenue", "liability", "service", "satisfaction"])
def test_a_picture_has_a_title_and_a_description_and_is_the_same_each_time(
    measures: dict[str, Measure], name: str
) -> None:
    root = parsed(measure_svg(measures[name]))
    titles = [each.text or "" for each in (root.find(f"{SVG}title"), root.find(f"{SVG}desc")) if each is not None]
    assert root.get("role") == "img"
    assert len(titles) == 2
    assert all(titles)
    assert measure_svg(measures[name]) == measure_svg(measures[name])


def test_the_lanes_of_a_customer_have_no_style_either(tmp_path: Path) -> None:
    clock = Clock()
    with opened(str(tmp_path / "shop.db"), clock) as crm:
        sell(crm, clock)
        timeline = crm.customer("c").timeline()
    svg = timeline_svg(timeline, title="c", now=clock.now, start=BEGIN, end=clock.now + 100 * DAY)
    assert not [each for each in parsed(svg).iter() if each.tag == f"{SVG}style" or "style" in each.attrib]


def periods(count: int) -> list[str]:
    return [f"{2020 + place // 12}-{place % 12 + 1:02}" for place in range(count)]


def trends() -> st.SearchStrategy[Trend]:
    """Trends of up to twelve values, of which the ends from some place on are due."""
    values = st.lists(st.text("abcdefgh_", min_size=1, max_size=12), min_size=1, max_size=12, unique=True)

    def made(values: list[str], counts: list[list[int]], due: int) -> Trend:
        points = tuple(
            TrendPoint(period=period, at=AT, counts=dict(zip(values, row, strict=False)), is_due=place >= due)
            for place, (period, row) in enumerate(zip(periods(len(counts)), counts, strict=True))
        )
        return Trend(measured="stage", by="month", where={}, values=tuple(values), points=points)

    rows = st.lists(st.lists(st.integers(0, 10**7), min_size=12, max_size=12), min_size=1, max_size=30)
    return st.builds(made, values, rows, st.integers(0, 30))


@given(trends())
def test_bars_say_every_number_differ_in_more_than_colour_and_stay_on_the_card(trend: Trend) -> None:
    root = parsed(measure_svg(trend))
    told = root.findtext(f"{SVG}desc") or ""
    for point in trend.points:
        assert all(f"{value} {count:,}" in told for value, count in point.counts.items())
    fills = {each.get("fill") for each in bars(root)}
    shown = {value for point in trend.points for value, count in point.counts.items() if count}
    assert len(fills) == len(shown)  # each value has a texture of its own
    textures = {each.get("id") for each in root.iter(f"{SVG}pattern")}
    assert len(textures) == len(trend.values)
    width, height = (float(root.get(name, "0")) for name in ("width", "height"))
    for each in root.iter(f"{SVG}rect"):
        x, y, wide, high = (float(each.get(name, "0")) for name in ("x", "y", "width", "height"))
        assert -1 <= x <= x + wide <= width
        assert -1 <= y <= y + high <= height
    due = [each.get("stroke-dasharray") for each in bars(root)]
    assert any(due) == any(each.is_due and each.total for each in trend.points)


def bars(root: ElementTree.Element) -> Iterator[ElementTree.Element]:
    """The parts of bars: what is titled."""
    for group in root.iter(f"{SVG}g"):
        if group.find(f"{SVG}title") is not None:
            yield from group.iter(f"{SVG}rect")


@given(st.lists(st.tuples(st.integers(-(10**6), 10**6), st.integers(-(10**6), 10**6)), min_size=1, max_size=24))
def test_bars_below_zero_hang_from_the_line(parts: list[tuple[int, int]]) -> None:
    found = tuple(
        RevenuePeriod(
            period=period,
            first=date(2026, 1, 1),
            last=date(2026, 1, 31),
            new=Decimal(new),
            returning=Decimal(returning),
            orders=1,
            buyers=1,
            new_buyers=1,
            is_over=True,
        )
        for period, (new, returning) in zip(periods(len(parts)), parts, strict=True)
    )
    root = parsed(measure_svg(Revenue(by="month", currency="EUR", where={}, periods=found)))
    zero = next(float(each.get("y", "0")) - 4 for each in root.iter(f"{SVG}text") if each.text == "0")
    for group in root.iter(f"{SVG}g"):
        title, rect = group.findtext(f"{SVG}title"), group.find(f"{SVG}rect")
        if title is not None and rect is not None:
            top, high = float(rect.get("y", "0")), float(rect.get("height", "0"))
            is_below = title.rpartition(": ")[2].startswith("-")
            assert high >= 0
            assert (top >= zero - 0.2) if is_below else (top + high <= zero + 0.2)


def test_numbers_of_many_narrow_bars_do_not_run_into_each_other_nor_over_the_edge() -> None:
    weeks = [f"{year}-W{week:02}" for year in (2025, 2026) for week in range(1, 53)]
    points = tuple(
        TrendPoint(period=week, at=AT, counts={"active": 350}, is_due=place > 100) for place, week in enumerate(weeks)
    )
    root = parsed(measure_svg(Trend(measured="stage", by="week", where={}, values=("active",), points=points)))
    texts = [each for each in root.iter(f"{SVG}text") if each.text]
    assert not [each for each in texts if each.text == "350"]  # there's no room; the words have them
    for each in texts:
        x, wide = float(each.get("x", "0")), width_of(each.text or "", SMALL)
        before = {"end": wide, "middle": wide / 2}.get(each.get("text-anchor", ""), 0.0)
        assert 0 <= x - before <= x - before + wide <= float(root.get("width", "0")), each.text
    assert any(each.text == "due if nothing happens" and each.get("text-anchor") == "end" for each in texts)


def test_a_word_of_wide_letters_is_taken_to_be_wide() -> None:
    # In DejaVu Sans, among the widest: m 0.974, e 0.615, b 0.635, r 0.411 of the size.
    assert width_of("member", 12) >= 12 * (2 * 0.974 + 2 * 0.615 + 0.635 + 0.411)


def test_days_are_those_of_the_zone() -> None:
    rfm = Rfm(
        as_of=datetime(2026, 5, 31, 22, 30, tzinfo=UTC),
        currency="EUR",
        where={},
        recencies=(),
        frequencies=(),
        cells=(),
    )
    assert "as of 2026-06-01" in measure_svg(rfm, ZoneInfo("Europe/Berlin"))
    assert "as of 2026-05-31" in measure_svg(rfm)


def test_lines_differ_in_their_dashes_and_what_is_due_has_hollow_marks() -> None:
    points = tuple(
        LiabilityPoint(period=period, at=AT, spendable=100, pending=50, owed=3, members=2, is_due=place > 1)
        for place, period in enumerate(periods(4))
    )
    root = parsed(measure_svg(Liability(by="month", where={}, points=points)))
    assert len({each.get("stroke-dasharray") for each in root.iter(f"{SVG}polyline")}) == 3
    hollow = [each.get("fill") == "#ffffff" for each in root.iter(f"{SVG}circle")]
    assert hollow == [False, False, True, True] * 3


def test_words_from_outside_stay_words(measures: dict[str, Measure]) -> None:
    hostile = '"/><script>alert(1)</script>'
    trend = Trend(
        measured="tag",
        by="month",
        where={"source": hostile},
        values=(hostile,),
        points=(TrendPoint(period="2026-01", at=AT, counts={hostile: 3}, is_due=False),),
    )
    assert not list(parsed(measure_svg(trend)).iter(f"{SVG}script"))


def test_a_share_is_a_dot_on_the_line_of_its_interval(tmp_path: Path) -> None:
    clock = Clock()
    with opened(str(tmp_path / "shop.db"), clock) as crm:
        crm.do(RegisterCustomer(ref="a"))
        for number, score in enumerate((10, 10, 3)):
            crm.do(RegisterCustomer(ref=f"s-{number}"))
            crm.do(RecordSurveyAnswer(customer=f"s-{number}", survey="nps", score=score))
        svg = measure_svg(crm.satisfaction())
    # Two promoters and a detractor: 1 in 3. Adjusted, 1 in 6 with a variance of (6 / 6 - 1 / 36) / 6: ± 78.9 points.
    assert "NPS, all: 33 (-62 to 96), n = 3." in svg
    assert "CSAT, % satisfied, all: can't tell, n = 0." in svg.replace("&#x27;", "'")
    group = next(each for each in parsed(svg).iter(f"{SVG}g") if each.find(f"{SVG}circle") is not None)
    dot, line = group.find(f"{SVG}circle"), group.find(f"{SVG}line")
    assert dot is not None
    assert line is not None
    left, right, middle = (float(each or "") for each in (line.get("x1"), line.get("x2"), dot.get("cx")))
    assert (right - left) / 320 == pytest.approx(158 / 200, abs=0.01)  # the axis of 320 is 200 points
    assert left < middle < right


def test_service_has_its_shares_and_what_is_open(tmp_path: Path) -> None:
    clock = Clock()
    with opened(str(tmp_path / "shop.db"), clock) as crm:
        crm.do(RegisterCustomer(ref="a"))
        crm.do(OpenTicket(customer="a", ticket_id="T-1", occurred_at=clock.now))
        clock.now += DAY / 24
        crm.do(ReplyAsAgent(ticket_id="T-1"))
        svg = measure_svg(crm.service())
    # Wilson's interval of 1 in 1 is 20.7 % to 100 %.
    assert "Answered in time, %, all: 100 (21 to 100), n = 1." in svg
    assert "Open, all: 1 open, 0 late." in svg
