"""Local times in a zone: around every change of the clocks there is a first one, a gap, or both."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regulars.crm_domain.local_time import localised

ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Santiago", "Asia/Kathmandu", "UTC")


@given(
    instant=st.integers(631_152_000, 2_114_380_800).map(
        lambda second: datetime.fromtimestamp(second, UTC)
    ),  # 1990 to 2037
    zone=st.sampled_from(ZONES).map(ZoneInfo),
)
def test_the_time_that_a_wall_clock_shows_is_that_instant_or_one_that_showed_it_before(
    instant: datetime, zone: ZoneInfo
) -> None:
    shown = instant.astimezone(zone).replace(tzinfo=None)
    found = localised(shown, zone).astimezone(UTC)
    assert found <= instant
    assert found.astimezone(zone).replace(tzinfo=None) == shown
    assert instant - found in (timedelta(), timedelta(minutes=30), timedelta(hours=1))


@pytest.mark.parametrize(
    ("zone", "skipped"),
    [
        ("Europe/Berlin", "2026-03-29T02:30"),
        ("America/New_York", "2026-03-08T02:00"),
        ("America/Santiago", "2026-09-06T00:15"),
    ],
)
def test_a_time_that_clocks_pass_over_is_refused(zone: str, skipped: str) -> None:
    with pytest.raises(ValueError, match=f"doesn't exist in {zone}"):
        localised(datetime.fromisoformat(skipped), ZoneInfo(zone))


def test_a_day_begins_with_its_first_instant() -> None:
    assert (
        localised(date(2026, 3, 1), ZoneInfo("Europe/Berlin")).astimezone(UTC).isoformat()
        == "2026-02-28T23:00:00+00:00"
    )
    # in Santiago there was no midnight on that day; it began at 1:00, which is 4:00 UTC
    assert (
        localised(date(2026, 9, 6), ZoneInfo("America/Santiago")).astimezone(UTC).isoformat()
        == "2026-09-06T04:00:00+00:00"
    )


def test_what_has_an_offset_stays_as_it_is() -> None:
    told = datetime.fromisoformat("2026-03-29T02:30:00+05:30")
    assert localised(told, ZoneInfo("Europe/Berlin")) is told
