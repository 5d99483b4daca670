"""Whose birthday it is, where the rules have no [[care]] for birthdays: nothing is to be settled about it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date

from msgspec.structs import replace

from regulars.adapters.read_models.due.lines import DueRow
from regulars.adapters.read_models.due.search import DueRows
from regulars.adapters.read_models.keyed_pages import verdicts_of
from regulars.asking.birthdays import find_birthdays
from regulars.asking.lunar import days_between
from regulars.crm_domain.errors import StoreUnusable
from regulars.crm_domain.instant import after_day
from regulars.projections.customer_card import CUSTOMER_CARD
from regulars.today.kind import Kind, Saying, Snapshot, day_of


def _find(snapshot: Snapshot) -> DueRows:
    if any(each.on == "birthday" for each in snapshot.viewpoint.ruleset.care):
        return DueRows((), 0)  # they are reminders
    window, zone = snapshot.search.lines.window, snapshot.zone
    span = days_between(day_of(window.at + 1, zone), day_of(window.until, zone))
    try:
        found = find_birthdays(snapshot.tx, span, snapshot.viewpoint.until)
    except StoreUnusable as reason:  # a role that may not look them up still has the other lines
        return DueRows((), 0, (f"birthdays are left out: {reason}",))
    return replace(snapshot.search.listed(_due(snapshot, found.days)), missing=found.missing)


def _due(snapshot: Snapshot, days: Mapping[str, tuple[tuple[date, str], ...]]) -> Iterator[DueRow]:
    lines, connection = snapshot.search.lines, snapshot.tx.connection
    numbers = lines.models.numbers(connection, days)
    cards = verdicts_of(lines.models, connection, CUSTOMER_CARD.name, numbers.values(), lines.window.at)
    known = {customer for customer, _ in cards}  # as of that day
    for customer_id, customer in numbers.items():
        for day in sorted({day for day, _ in days[customer_id]} if customer in known else ()):
            yield DueRow(
                customer=customer,
                key=day.isoformat(),
                due=after_day(day, snapshot.zone),
                overdue=False,
                stake=None,
                worth=0,
                owner=None,
                word=None,
                number=None,
            )


def _say(row: DueRow, saying: Saying) -> tuple[str, str]:
    return f"birthday on {saying.day(row.due)}", ""


BIRTHDAYS = Kind(
    name="birthday",
    title="Birthdays",
    reads=(),
    find=_find,
    say=_say,
)
