"""The reminders of a customer as a value."""

from __future__ import annotations

from regulars.crm_domain.aggregate import Aggregate, InTheClear, addressed
from regulars.crm_domain.reminder.decider import REMINDERS, ReminderSettled, SettleReminder
from regulars.crm_domain.reminder.examples import examples
from regulars.crm_domain.reminder.wording import WORDING

AGGREGATE = Aggregate(
    decider=REMINDERS,
    events=(ReminderSettled,),
    commands=addressed(SettleReminder, customer="customer", own=True),
    wording=WORDING,
    examples=examples,
    in_the_clear=(
        InTheClear(fields=("care",), events=(ReminderSettled,), why="the id of a rule"),
        InTheClear(
            fields=("day", "moved_to"),
            events=(ReminderSettled,),
            why="days that the business named; a birthday's reminder is named by its year alone",
        ),
    ),
)
