"""Care reminders that are due, or overdue: days are worked out from the rules' [[care]], and birthdays looked up."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from regulars.adapters.read_models.due.lines import DueRow
from regulars.adapters.read_models.due.search import DueRows
from regulars.asking.one_customer import Contact
from regulars.asking.reminders import OpenReminders, ReminderQuery
from regulars.crm_domain.instant import after_day, to_datetime
from regulars.session.freshness import freshness_of
from regulars.today.kind import Kind, Saying, Snapshot, day_of
from regulars.wording.command_line import do_line


def _find(snapshot: Snapshot) -> DueRows:
    if not snapshot.viewpoint.ruleset.care:
        return DueRows((), 0)
    asked = _asked(snapshot)
    return replace(snapshot.search.listed(_due(snapshot, asked)), missing=asked.missing)


def _asked(snapshot: Snapshot) -> OpenReminders:
    window, zone = snapshot.search.lines.window, snapshot.zone
    query = ReminderQuery(
        since=None,
        until=day_of(window.until, zone),
        owner=None,
        care=None,
        customer=None,
        as_of=to_datetime(window.at),
        limit=None,
        freshness=freshness_of(False, None),  # it is fresh already
    )
    return OpenReminders(snapshot.session, snapshot.tx, snapshot.viewpoint, query)


def _due(snapshot: Snapshot, asked: OpenReminders) -> Iterator[DueRow]:
    """What is open, with its why; that has nothing personal in it, as no contact is read for it."""
    window, zone = snapshot.search.lines.window, snapshot.zone
    for found in asked.found(asked.rows()):
        told = asked.view(found, Contact())
        due = after_day(found.open.due, zone)
        yield DueRow(
            customer=found.customer,
            key=f"{found.open.named.isoformat()} {found.rule.id}",
            due=due,
            overdue=due <= window.at,
            stake=None,
            worth=0,
            owner=found.owner,
            word=f"{told.title or told.care}: {told.why}",
            number=None,
        )


def _say(row: DueRow, saying: Saying) -> tuple[str, str]:
    day, _, care = row.key.partition(" ")
    due = f"overdue since {saying.day(row.due)}" if row.overdue else f"on {saying.day(row.due)}"
    return f"{row.word}, {due}", do_line("SettleReminder", customer=saying.who, care=care, day=day, how="done")


REMINDERS = Kind(
    name="reminder",
    title="Reminders that are due, or overdue",
    reads=(),
    find=_find,
    say=_say,
)
