"""A drawn timeline says all that the timeline says, to those who see it, and to those who can't."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

import picture
from regulars import EventLine, Span, Timeline
from regulars.asking.timeline_text import colours_of
from regulars.crm_domain.command import CustomerId
from regulars.pictures import timeline_svg
from regulars.pictures.parts import CARD, COLOURS, INK, WEAK

SVG = "{http://www.w3.org/2000/svg}"
START = datetime(2026, 1, 1, tzinfo=UTC)
NOW = START + timedelta(days=100)
END = START + timedelta(days=200)
WHOM = CustomerId("0" * 32)


def drawn(*spans: Span, noted: tuple[EventLine, ...] = (), title: str = "Ada") -> ElementTree.Element:
    timeline = Timeline(WHOM, {"stage": spans})
    return ElementTree.fromstring(timeline_svg(timeline, title=title, now=NOW, start=START, end=END, noted=noted))


def words(picture: ElementTree.Element) -> list[str]:
    return [each.text or "" for each in picture.iter(f"{SVG}text")]


def told(picture: ElementTree.Element, name: str) -> str:
    found = picture.find(f"{SVG}{name}")
    assert found is not None
    return found.text or ""


def spans(*values_and_days: tuple[str, int]) -> tuple[Span, ...]:
    """Values, each for so many days, the last one without an end."""
    found, since = [], START
    for value, days in values_and_days:
        found.append(Span(value, None, since, since + timedelta(days=days)))
        since += timedelta(days=days)
    return (*found[:-1], Span(found[-1].value, None, found[-1].since, None))


def test_the_pictures_in_the_docs_are_what_the_code_draws() -> None:
    assert picture.TARGET.read_text(encoding="utf-8") == picture.picture(), "run make picture"
    assert picture.TREND.read_text(encoding="utf-8") == picture.trend(), "run make picture"


def test_the_picture_in_the_docs_loads_nothing_and_names_no_id() -> None:
    text = picture.TARGET.read_text(encoding="utf-8").replace('xmlns="http://www.w3.org/2000/svg"', "")
    assert not re.search(r"https?:|href|@import|<image|<script|[0-9a-f]{32}", text)


def test_it_has_a_title_and_says_in_words_what_it_shows() -> None:
    found = drawn(*spans(("new", 60), ("active", 90), ("dormant", 90)))
    assert (found.get("role"), told(found, "title")) == ("img", "Ada")
    assert told(found, "desc") == (
        "Now is 2026-04-11; what comes after is due if nothing else happens. stage: new from 2026-01-01 until "
        "2026-03-02; active from 2026-03-02 until 2026-05-31; dormant from 2026-05-31."
    )


def test_what_is_past_and_what_is_due_differ_in_more_than_colour() -> None:
    found = drawn(*spans(("new", 60), ("active", 90)))
    bars = [each for each in found.iter(f"{SVG}rect") if each.get("height") == "24"]
    assert [(each.get("fill", "")[:1], each.get("stroke-dasharray")) for each in bars] == [
        *(("#", None), ("#", None)),  # filled, with a whole edge
        ("u", "3 2"),  # hatched, with a dashed one
    ]


@given(st.lists(st.tuples(st.sampled_from(["new", "active", "at_risk", "dormant"]), st.integers(1, 80)), min_size=1))
def test_every_value_is_named_in_text(values: list[tuple[str, int]]) -> None:
    found = drawn(*spans(*values))
    shown = [span for span in spans(*values) if span.since < END]
    said = " ".join(words(found))
    assert all(re.search(rf"\b{span.value}\b", said) for span in shown)


def test_events_are_numbered_in_order_of_time_and_told() -> None:
    events = tuple(
        EventLine(n, START + timedelta(days=d), what) for n, d, what in ((7, 90, "returned"), (9, 3, "came"))
    )
    said = words(drawn(*spans(("new", 60)), noted=events))
    assert "1 · 2026-01-04 came" in said
    assert "2 · 2026-04-01 returned" in said


def test_text_from_outside_stays_text() -> None:
    name = "</title><script>alert(1)</script>\u202e & co"
    found = drawn(*spans(("<b>", 99)), noted=(EventLine(1, NOW, name),), title=name)
    assert not list(found.iter(f"{SVG}script"))
    assert told(found, "title") == "</title><script>alert(1)</script> & co"


def test_a_high_value_is_no_danger_as_a_high_risk_is() -> None:
    found = {lane: colours_of(lane, ("low", "high")) for lane in ("risk", "value")}
    assert found["risk"] == {"low": "green", "high": "bright_red"}
    assert "red" not in "".join(found["value"].values())
    red = COLOURS["red"][0]
    timelines = {lane: Timeline(WHOM, {lane: spans(("low", 60), ("high", 60))}) for lane in found}
    pictures = {
        lane: timeline_svg(each, title="Ada", now=NOW, start=START, end=END) for lane, each in timelines.items()
    }
    assert red in pictures["risk"]
    assert red not in pictures["value"]


def luminance(colour: str) -> float:
    parts = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_text_and_edges_stand_out_as_WCAG_asks() -> None:
    assert min(contrast(INK, CARD), contrast(WEAK, CARD)) >= 4.5
    for fill, edge in COLOURS.values():
        assert contrast(INK, fill) >= 4.5
        assert contrast(edge, CARD) >= 3


def test_a_window_or_a_width_that_nothing_fits_in_is_refused() -> None:
    timeline = Timeline(WHOM, {"stage": spans(("new", 60))})
    with pytest.raises(ValueError, match="end must come after start"):
        timeline_svg(timeline, title="Ada", now=NOW, start=END, end=START)
    with pytest.raises(ValueError, match="at least 480 pixels, not 100"):
        timeline_svg(timeline, title="Ada", now=NOW, start=START, end=END, width=100)
