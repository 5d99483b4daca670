"""What stands in the calendar of a store: reminders, birthdays, tasks, quotes that run out, contracts that end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from regulars.asking.birthdays import BirthdayOf
from regulars.asking.contracts import ContractView
from regulars.asking.quotes import QuoteView
from regulars.asking.reminders import Reminder
from regulars.asking.tasks import TaskDay
from regulars.calendars.entries import CalendarEntry
from regulars.session.instants import require_in_reach

#: How far ahead a calendar goes unless somebody says otherwise.
YEAR = timedelta(days=365)
#: From when on tasks are overdue at the earliest.
LONG_AGO = date(1900, 1, 1)


def entries_of_reminders(reminders: Iterable[Reminder], *, names: bool) -> Iterator[CalendarEntry]:
    """An entry for each reminder. Without `names`, whom it is about is an id."""
    for each in reminders:
        who = _who(each.name, each.ref, each.customer_id, names=names)
        yield CalendarEntry(
            uid=f"reminder-{each.customer_id}-{each.care}-{each.day.isoformat()}@regulars",
            at=each.due,
            title=f"{each.title or each.care}: {who}",
            said_at=each.since,
            details=each.why if names else "",
        )


def entries_of_birthdays(birthdays: Iterable[BirthdayOf], zone: ZoneInfo, *, names: bool) -> Iterator[CalendarEntry]:
    """An entry for each birthday. Without `names`, whose it is is an id."""
    for each in birthdays:
        yield CalendarEntry(
            uid=f"birthday-{each.customer_id}-{each.day.isoformat()}@regulars",
            at=each.day,
            title=f"Birthday: {_who(each.name, each.ref, each.customer_id, names=names)}",
            said_at=datetime.combine(each.day, time(), zone),  # when it was told is personal, and changes nothing
        )


def entries_of_tasks(days: Iterable[TaskDay], *, names: bool) -> Iterator[CalendarEntry]:
    """An entry for each day on which a task falls, at its time where it has one. Without `names`, a task is its id.

    One that repeats has an id for each of its days; what is done once keeps its own whatever the day. Those of
    forgotten customers, of which nobody knows any more what is to be done, are left out.
    """
    for each in days:
        task = each.task
        if task.customer_id is not None and task.what is None:
            continue
        turn = "" if task.recurrence is None else f"-{(task.falls_on if each.is_open else None) or each.day}"
        what = task.what if names and task.what is not None else f"task {task.task_id}"
        who = "" if task.customer_id is None else f": {_who(None, task.ref, task.customer_id, names=names)}"
        yield CalendarEntry(
            uid=f"task-{task.task_id}{turn}@regulars",
            at=task.due_at if each.is_open and task.due_day is None and task.due_at is not None else each.day,
            title=f"{what}{who}",
            said_at=task.since,
        )


def entries_of_quotes(quotes: Iterable[QuoteView], last: date, *, names: bool) -> Iterator[CalendarEntry]:
    """An entry for the last day of each quote, up to a day."""
    for each in quotes:
        if each.valid_until is not None and each.valid_until <= last:
            yield CalendarEntry(
                uid=f"quote-{each.quote_id}@regulars",
                at=each.valid_until,
                title=f"Quote {each.quote_id} runs out: {_who(None, each.ref, each.customer_id, names=names)}",
                said_at=each.sent_at,
            )


def entries_of_contracts(contracts: Iterable[ContractView], last: date, *, names: bool) -> Iterator[CalendarEntry]:
    """An entry for the day by which something is to be done about each contract, up to a day."""
    for each in contracts:
        if each.due is not None and each.due <= last:
            what = "ends" if each.renewal_months is None else "renews unless notice is given"
            yield CalendarEntry(
                uid=f"contract-{each.contract_id}-{each.term_end or each.end}@regulars",
                at=each.due,
                title=f"Contract {each.contract_id} {what}: {_who(None, each.ref, each.customer_id, names=names)}",
                said_at=each.since,
            )


def days_of(since: date | None, until: date | None, today: date) -> tuple[date, date]:
    """The first and the last day of a calendar. Raises ValueError for a day that is out of reach."""
    for day in filter(None, (since, until)):
        require_in_reach(day)
        if day < LONG_AGO:
            raise ValueError(f"a calendar goes back to {LONG_AGO.isoformat()}, not to {day.isoformat()}")
    first = since or today
    return first, until or first + YEAR


def _who(name: str | None, ref: str | None, customer_id: str, *, names: bool) -> str:
    return (name or ref or f"id:{customer_id}") if names else f"id:{customer_id}"
