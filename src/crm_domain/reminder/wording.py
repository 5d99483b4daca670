"""How what was done about a reminder is told."""

from __future__ import annotations

from collections.abc import Iterator

from regulars.crm_domain.reminder.decider import ReminderEvent, Reminders
from regulars.crm_domain.wording import Field, Wording


def _how(event: ReminderEvent) -> str:
    return event.how if event.moved_to is None else f"moved to {event.moved_to.isoformat()}"


def what(event: ReminderEvent) -> str:
    """What happened to a reminder, in a few words."""
    return f"reminder {event.care} of {event.day.isoformat()} {_how(event)}"


def deed(event: ReminderEvent, who: str, other: str) -> str:
    """What happened to a reminder, as somebody did it."""
    return f"settled the reminder {event.care} of {event.day.isoformat()} about {who}: {_how(event)}"


def fields(state: Reminders) -> Iterator[Field]:
    """What the audit compares of a customer's reminders."""
    for (care, day), event in state.settled.items():
        yield f"{care} {day.isoformat()}", _how(event)


WORDING = Wording(what=what, deed=deed, fields=fields)
