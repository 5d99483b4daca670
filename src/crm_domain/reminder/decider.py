"""The reminders of a customer: what was done about each. One stream a customer.

That somebody is to be reminded of something follows from the rules; that it was seen to is a fact.

1. A reminder is named by its rule, `[[care]]`, and by its day. That the rules in force have such a one isn't held here:
   it is looked up as the event is kept, as an identical word is taken under any rules, and what was done stays done.
2. One that is moved has another day to be moved to; no other has one.
3. A day stands in the clear, so the reminder of a birthday is named by the first day of its year: each year has one.
   Whatever day of it is said, that one is kept.
4. The last word in time on a reminder counts. Told without a time, what is so already changes nothing.
"""

from __future__ import annotations

from datetime import date
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace
from pydantic import Field, model_validator

from regulars.crm_domain.chronology import Chronology
from regulars.crm_domain.command import Command, Context, Day, Decider, Label, Who
from regulars.crm_domain.event import Event
from regulars.crm_domain.persistent_map import PersistentMap

CATEGORY = "reminder"

How = Literal["done", "skipped", "moved"]

# ---------------------------------------------------------------------------------------------------------- events


class ReminderSettled(Event, frozen=True, kw_only=True, tag="ReminderSettled"):
    """A reminder was seen to: done, skipped, or `moved_to` another day. `care` is the id of its rule."""

    care: str
    day: date
    how: How
    moved_to: date | None = None


ReminderEvent = ReminderSettled

# ----------------------------------------------------------------------------------------------------------- state


class Reminders(Struct, frozen=True, kw_only=True):
    """What the next decision on a customer's reminders needs to know: the last word on each, by rule and day."""

    settled: PersistentMap[tuple[str, date], ReminderSettled] = PersistentMap()


def evolve(state: Reminders, event: ReminderEvent) -> Reminders:
    """The state after an event. Total: history is never argued with."""
    return replace(state, settled=state.settled.put((event.care, event.day), event))


# -------------------------------------------------------------------------------------------------------- commands


class SettleReminder(Command):
    """Write down that a reminder was seen to, e.g. customer=shop:42 care=anniversary day=2026-05-01 how=done"""

    customer: Who
    care: Label = Field(description="The id of the rule, as [[care]] has it.")
    day: Day = Field(description="The day of the reminder, as the list says it; of a birthday, the first of its year.")
    how: How = Field(description="done, skipped, or moved to another day.")
    moved_to: Day | None = Field(default=None, description="For moved: the day to which.")

    @model_validator(mode="after")
    def _moves_where_it_says(self) -> SettleReminder:
        """Invariant 2."""
        if (self.how == "moved") != (self.moved_to is not None):
            raise ValueError("a reminder that is moved, and no other, has a day that it is `moved_to`")
        if self.moved_to == self.day:
            raise ValueError(f"it can't be moved to its own day, {self.day}")
        return self


# ------------------------------------------------------------------------------------------------------- decisions


def settle(command: SettleReminder, state: Reminders, context: Context) -> tuple[Event, ...]:
    """Invariants 1, 3 and 4."""
    day = command.day.replace(month=1, day=1) if command.care in context.birthdays else command.day
    event = ReminderSettled(care=command.care, day=day, how=command.how, moved_to=command.moved_to)
    if state.settled.get((command.care, day)) == event and command.occurred_at is None:
        return ()
    return (event,)


def decide(command: Command, state: Reminders, context: Context) -> tuple[Event, ...]:
    """Hand a command to its decision."""
    match command:
        case SettleReminder():
            return settle(command, state, context)
        case _:
            raise TypeError(f"{type(command).__name__} is not a command to reminders")


CHRONOLOGY = Chronology(words=((SettleReminder, ReminderSettled),))

REMINDERS = Decider(category=CATEGORY, initial=Reminders(), evolve=evolve, decide=decide, chronology=CHRONOLOGY)
