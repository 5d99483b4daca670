"""Reminders that were settled: the invariants of their stream."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from pydantic import ValidationError

from given import given
from regulars.crm_domain.reminder import REMINDERS, ReminderSettled, SettleReminder

DAY, LATER = date(2026, 5, 1), date(2026, 5, 4)
DONE = ReminderSettled(care="anniversary", day=DAY, how="done")


def settle(how: str = "done", **fields: object) -> SettleReminder:
    return SettleReminder.model_validate({"customer": "shop:1", "care": "anniversary", "day": DAY, "how": how} | fields)


def test_a_reminder_is_settled() -> None:
    given(decider=REMINDERS).when(settle()).then(DONE)
    moved = ReminderSettled(care="anniversary", day=DAY, how="moved", moved_to=LATER)
    given(decider=REMINDERS).when(settle("moved", moved_to=LATER)).then(moved)


def test_settled_again_without_a_time_changes_nothing() -> None:
    given(DONE, decider=REMINDERS).when(settle()).then_nothing()
    given(DONE, decider=REMINDERS).when(settle(occurred_at=datetime(2026, 1, 1, tzinfo=UTC))).then(DONE)


def test_the_last_word_counts_so_it_may_be_another() -> None:
    skipped = ReminderSettled(care="anniversary", day=DAY, how="skipped")
    given(DONE, decider=REMINDERS).when(settle("skipped")).then(skipped)
    given(DONE, skipped, decider=REMINDERS).when(settle()).then(DONE)


@pytest.mark.parametrize(
    "fields", [{"how": "moved"}, {"how": "done", "moved_to": LATER}, {"how": "moved", "moved_to": DAY}]
)
def test_one_that_is_moved_has_another_day_and_no_other_has_one(fields: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match="moved"):
        settle(**fields)  # type: ignore[arg-type]
