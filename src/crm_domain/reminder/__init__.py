"""The reminders of a customer: what was done about each. One stream a customer."""

from regulars.crm_domain.reminder.aggregate import AGGREGATE
from regulars.crm_domain.reminder.decider import (
    CATEGORY,
    CHRONOLOGY,
    REMINDERS,
    How,
    ReminderEvent,
    Reminders,
    ReminderSettled,
    SettleReminder,
)

__all__ = [
    "AGGREGATE",
    "CATEGORY",
    "CHRONOLOGY",
    "REMINDERS",
    "How",
    "ReminderEvent",
    "ReminderSettled",
    "Reminders",
    "SettleReminder",
]
