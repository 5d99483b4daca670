"""Whose birthday it is: the days of a span are looked up by keyed hash, as nothing personal is folded."""

from __future__ import annotations

from calendar import isleap
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import NamedTuple

from regulars.adapters.indexes.links import Families
from regulars.adapters.store.transaction import Transaction
from regulars.asking.lunar import days_between, lunar_birthdays
from regulars.asking.one_customer import read_contacts
from regulars.crm_domain.birthday import days_of_year, found_by
from regulars.crm_domain.command import CustomerId
from regulars.crm_domain.errors import StoreUnusable
from regulars.crm_domain.instant import to_datetime
from regulars.session.session import Session
from regulars.session.traced import traced

#: The longest span that is asked for at once.
MAX_SPAN = timedelta(days=3_660)

#: What lunar birthdays may be, so that it is found out whether there are any.
_EVERY_LUNAR = tuple(f"lunar:{month:02}-{day:02}" for month in range(1, 13) for day in range(1, 31))


class Birthdays(NamedTuple):
    """By customer id the days of a span that are birthdays of theirs, each with the day of a calendar that returns; and
    why some may be missing, a sentence for each reason.
    """

    days: Mapping[str, tuple[tuple[date, str], ...]]
    missing: tuple[str, ...]


def find_birthdays(tx: Transaction, days: Iterable[date], until: int | None) -> Birthdays:
    """Whose birthdays are on some days, by the survivor's id, as customers are called today.

    Merged customers have one birthday: the survivor's, or else that of the first of the others who has one.
    """
    returning: dict[str, list[date]] = {}
    missing: dict[str, None] = {}
    for day in sorted(set(days)):
        for value in days_of_year(day.month, day.day, has_leap_day=isleap(day.year)):
            returning.setdefault(value, []).append(day)
        try:
            for value in lunar_birthdays(day):
                returning.setdefault(value, []).append(day)
        except StoreUnusable as reason:
            missing[str(reason)] = None
    if missing and not tx.find("birthday", _EVERY_LUNAR):
        missing = {}
    found = tx.find("birthday", returning)
    families = tx.families({each for some in found.values() for each in some}, until)
    own = _birthdays_of_merged(tx, families, {each for some in found.values() for each in some})
    by_customer: dict[str, set[tuple[date, str]]] = {}
    for value, customer_ids in found.items():
        for root in map(families.root, customer_ids):
            if own.get(root, value) == value:
                by_customer.setdefault(root, set()).update((day, value) for day in returning[value])
    return Birthdays({each: tuple(sorted(some)) for each, some in by_customer.items()}, tuple(missing))


def _birthdays_of_merged(tx: Transaction, families: Families, found: Iterable[str]) -> dict[str, str]:
    """By the survivor's id the day of a calendar on which the birthday of merged customers returns."""
    merged = {root: families.members(root) for root in map(families.root, found) if families.others.get(root)}
    contacts = read_contacts(tx, (each for members in merged.values() for each in members)) if merged else {}
    theirs = ((root, [contacts[each].birthday for each in members]) for root, members in merged.items())
    return {root: found_by(next(filter(None, told))) for root, told in theirs if any(told)}


@dataclass(frozen=True, slots=True)
class BirthdayOf:
    """A customer's birthday on a day: `birthday` as it is known today, such as `1990-12-10` or `lunar:--08-15`. `ref`
    and `name` are today's, None for who has none.
    """

    customer_id: CustomerId
    ref: str | None
    name: str | None
    day: date
    birthday: str


@dataclass(frozen=True, slots=True)
class BirthdaysFound:
    """Birthdays in order of their days; `missing` says why some may be missing, a sentence for each reason."""

    birthdays: tuple[BirthdayOf, ...]
    missing: tuple[str, ...]

    def __iter__(self) -> Iterator[BirthdayOf]:
        return iter(self.birthdays)

    def __len__(self) -> int:
        return len(self.birthdays)


@traced("birthdays")
def list_birthdays(session: Session, since: date | None, until: date | None) -> BirthdaysFound:
    """Whose birthdays are on the days from one to another: today, unless they are given. Raises ValueError for a span
    that ends before it begins or is longer than ten years.
    """
    with session.store.reading() as tx:
        viewpoint = session.viewpoint(tx)
        first = since or to_datetime(session.now()).astimezone(viewpoint.rules.zone).date()
        last = until or first
        require_span(first, last)
        found = find_birthdays(tx, days_between(first, last), None)
        contacts = read_contacts(tx, found.days)
    birthdays = [
        BirthdayOf(
            customer_id=CustomerId(customer_id),
            ref=contacts[customer_id].ref,
            name=contacts[customer_id].name,
            day=day,
            birthday=contacts[customer_id].birthday or value.replace("solar:", "--").replace("lunar:", "lunar:--"),
        )
        for customer_id, days in found.days.items()
        for day, value in days
    ]
    birthdays.sort(key=lambda each: (each.day, each.ref or "", each.customer_id))
    return BirthdaysFound(tuple(birthdays), found.missing)


def require_span(first: date, last: date) -> None:
    """Raise ValueError for a span that ends before it begins, or is longer than is looked up at once."""
    if last < first:
        raise ValueError(f"the span ends on {last.isoformat()}, before it begins on {first.isoformat()}")
    if last - first > MAX_SPAN:
        raise ValueError(f"the span is longer than {MAX_SPAN.days:,} days, as birthdays are looked up day by day")
