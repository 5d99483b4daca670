"""Examples of reminders that were settled."""

from __future__ import annotations

from datetime import date

from regulars.crm_domain.aggregate import Examples
from regulars.crm_domain.reminder.decider import ReminderSettled, SettleReminder


def examples() -> Examples:
    """Examples of reminders that were settled."""
    day, later = date(2026, 5, 1), date(2026, 5, 4)
    return Examples(
        events=(
            ReminderSettled(care="anniversary", day=day, how="done"),
            ReminderSettled(care="anniversary", day=day, how="moved", moved_to=later),
        ),
        commands=(SettleReminder(customer="shop:1", care="anniversary", day=day, how="moved", moved_to=later),),
    )
