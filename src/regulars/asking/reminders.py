"""Whom to call and why: reminders by the rules' [[care]], as of any day, as known on any day.

What is held of each customer is one row a rule; here its days are worked out, those that were settled are left out, and
birthdays are looked up. What is ahead of a past day is what was ahead then, as if nothing had happened since.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property

from msgspec import Struct

from regulars.adapters.progress import Progress
from regulars.adapters.read_models.histories import read_facts
from regulars.adapters.read_models.keyed_pages import held_between, held_within, verdicts_of
from regulars.adapters.store.transaction import Transaction
from regulars.asking.birthdays import Birthdays, find_birthdays, require_span
from regulars.asking.care_days import OpenDay, Word, open_days
from regulars.asking.customers import folded_in
from regulars.asking.listed import families_changed
from regulars.asking.lunar import days_between
from regulars.asking.one_customer import Contact, history_of, read_contacts
from regulars.crm_domain.birthday import parse_birthday
from regulars.crm_domain.command import CustomerId
from regulars.crm_domain.errors import NotFound
from regulars.crm_domain.instant import DAY, FOREVER, end_of_day, to_datetime
from regulars.crm_domain.reminder import SettleReminder
from regulars.projections.attribution import ATTRIBUTION
from regulars.projections.care.projector import CARE
from regulars.projections.care.rules import CareRule
from regulars.projections.engine.fold import Timelines, fold_until, verdict_at
from regulars.projections.parts import suggestion
from regulars.projections.rules.grammar import Ruleset
from regulars.projections.settled_reminders import SETTLED_REMINDERS
from regulars.projections.verdict import Interval, plural
from regulars.session.freshness import Freshness, freshness_of
from regulars.session.instants import instant_of
from regulars.session.session import AnyRules, Session
from regulars.session.traced import traced
from regulars.session.viewpoint import Viewpoint
from regulars.wording.command_line import do_line


@dataclass(frozen=True, slots=True)
class Reminder:
    """Somebody to be reminded of: by which rule, of what `day`, `due` on that or the day that it was moved to, and why.
    It is settled by the day by which it is `named`: its own, but for a birthday the first of the year, as that stands
    in the clear.

    `since` is when what it is about began. `owner` is the rule's, else whoever looks after the customer. `ref` and
    `name` are today's, None for who has none.
    """

    care: str
    title: str | None
    customer_id: CustomerId
    ref: str | None
    name: str | None
    day: date
    due: date
    named: date
    is_overdue: bool
    since: datetime
    why: str
    owner: str | None

    @property
    def settling(self) -> SettleReminder:
        """The command that says that it was done."""
        return SettleReminder(customer=self.customer_id, care=self.care, day=self.named, how="done")

    @property
    def how_to_settle(self) -> str:
        """The same at the command line."""
        who = self.ref or f"id:{self.customer_id}"
        return do_line("SettleReminder", customer=who, care=self.care, day=self.named.isoformat(), how="done")


@dataclass(frozen=True, slots=True)
class Reminders:
    """Reminders in order of the days on which they are due. `total` is how many there are, shown or not; `missing` says
    why some may be missing, a sentence for each reason.
    """

    reminders: tuple[Reminder, ...]
    total: int
    as_of: datetime
    missing: tuple[str, ...]

    def __iter__(self) -> Iterator[Reminder]:
        return iter(self.reminders)

    def __len__(self) -> int:
        return len(self.reminders)


class ReminderQuery(Struct, frozen=True, kw_only=True):
    """What is asked of reminders. See Regulars.reminders."""

    since: date | None
    until: date | None
    owner: str | None
    care: str | None
    customer: str | CustomerId | None
    as_of: datetime | date | None
    limit: int | None
    freshness: Freshness


@traced("reminders")
def find_reminders(
    session: Session,
    query: ReminderQuery,
    known_at: datetime | date | None,
    rules: AnyRules | None,
    on_progress: Progress | None,
) -> Reminders:
    """Reminders as of an instant. Read models are built first where there are none that answer.

    Raises NotFound for a rule that there isn't and for an unknown customer, ValueError for a span that can't be.
    """
    with folded_in(session, query.freshness, known_at, rules, on_progress) as (tx, viewpoint):
        asking = OpenReminders(session, tx, viewpoint, query)
        found = asking.in_order(asking.rows())
        wanted = [each for each in found if query.owner in (None, each.owner)]
        shown = wanted if query.limit is None else wanted[: query.limit]
        contacts = read_contacts(tx, {each.customer_id for each in shown})
        return Reminders(
            reminders=tuple(asking.view(each, contacts[each.customer_id]) for each in shown),
            total=len(wanted),
            as_of=to_datetime(asking.at),
            missing=asking.missing,
        )


def reminders_of(
    session: Session, tx: Transaction, viewpoint: Viewpoint, members: tuple[str, ...], as_of: datetime | date | None
) -> tuple[Reminder, ...]:
    """The reminders of one family that are overdue or have come up, in a snapshot, from all that is recorded; none of
    whom was forgotten.
    """
    if tx.forgotten(members[:1]):
        return ()
    query = ReminderQuery(
        since=None,
        until=None,
        owner=None,
        care=None,
        customer=CustomerId(members[0]),
        as_of=as_of,
        limit=None,
        freshness=freshness_of(False, None),
    )
    asking = OpenReminders(session, tx, viewpoint, query)
    contact = read_contacts(tx, members[:1])[members[0]]
    return tuple(asking.view(each, contact) for each in asking.in_order(asking.of_family(members)))


class _Row(Struct, frozen=True):
    """What is held of a customer by one rule, with what was said about it, and whoever looks after them."""

    customer: int
    customer_id: str
    interval: Interval
    words: tuple[Word, ...]
    owner: str | None


class FoundReminder(Struct, frozen=True):
    """A day that is open, of a customer by number and id, by a rule; `since` is when what it is about began."""

    customer: int
    customer_id: str
    rule: CareRule
    since: int
    begins: date
    open: OpenDay
    step: int
    owner: str | None


class OpenReminders:
    """Reminders that are asked for: of the rows that are stored, and of customers who have to be folded for it."""

    def __init__(self, session: Session, tx: Transaction, viewpoint: Viewpoint, query: ReminderQuery) -> None:
        self._session, self._tx, self._viewpoint, self._query = session, tx, viewpoint, query
        self._zone = viewpoint.rules.zone
        self.at = session.now() if query.as_of is None else instant_of(query.as_of, self._zone)
        self.today = self._day(self.at)
        self._rules = {each.id: each for each in viewpoint.ruleset.care if query.care in (None, each.id)}
        if query.care is not None and not self._rules:
            there = [each.id for each in viewpoint.ruleset.care]
            raise NotFound(f'the rules have no [[care]] "{query.care}"{suggestion(query.care, there)}')
        if query.until is not None:
            require_span(query.since or min(self.today, query.until), query.until)
        self._holidays = _holidays(viewpoint.ruleset)
        self._whose = None if query.customer is None else session.members(tx, query.customer, viewpoint.until)

    def _day(self, instant: int) -> date:
        return to_datetime(instant).astimezone(self._zone).date()

    # ------------------------------------------------------------------------------------------------------ the days

    def in_order(self, rows: Iterable[_Row]) -> list[FoundReminder]:
        """The days that are open, of each row, by when they are due."""
        return sorted(self.found(rows), key=lambda each: (each.open.due, each.customer, each.rule.id))

    def found(self, rows: Iterable[_Row]) -> Iterator[FoundReminder]:
        """The days that are open, of each row."""
        for row in rows:
            rule, held = self._rules[row.interval.key], row.interval.verdict
            begins, (first, last) = self._day(held.start), self._span(rule)
            listed = self._listed(rule, row.customer_id)
            for day in open_days(rule, held, begins, listed, row.words, first, last):
                if self._is_held(rule, row.interval, day):
                    yield FoundReminder(
                        customer=row.customer,
                        customer_id=row.customer_id,
                        rule=rule,
                        since=held.start,
                        begins=begins,
                        open=day,
                        step=held.step,
                        owner=rule.owner or row.owner,
                    )

    def _span(self, rule: CareRule) -> tuple[date, date]:
        """Between which days what is due is asked for: by default from what is overdue to what has come up."""
        first = self.today - timedelta(days=rule.late_days)
        last = self._query.until or self.today + timedelta(days=rule.ahead_days)
        return max(first, self._query.since or first), last

    def _listed(self, rule: CareRule, customer_id: str) -> Sequence[date]:
        match rule.on:
            case "holiday":
                return sorted({day for day, name in self._holidays if name in rule.holidays})
            case "birthday":
                return sorted({day for day, _ in self._birthdays.days.get(customer_id, ())})
            case _:
                return ()

    def _is_held(self, rule: CareRule, interval: Interval, day: OpenDay) -> bool:
        """Whether the row holds at any instant that is asked for, of those at which the day is open."""
        ahead = rule.ahead_days if day.due == day.day else 0
        opens, closes = day.due - timedelta(days=ahead), day.due + timedelta(days=rule.late_days)
        if self._query.until is None and not opens <= self.today <= closes:
            return False
        first = max(self.at, end_of_day(opens - timedelta(days=1), self._zone) + 1)
        last = self.at if self._query.until is None else end_of_day(min(closes, self._query.until), self._zone)
        # What begins on its own day comes up before it holds.
        holds_from = -FOREVER if interval.verdict.start == interval.valid_from else interval.valid_from
        return first <= last and holds_from <= last and first < interval.valid_to

    # ------------------------------------------------------------------------------------------------------ the rows

    @cached_property
    def _birthdays(self) -> Birthdays:
        """The birthdays in the spans of all rules that are about them; and of those whose reminder was moved there,
        those of the whole year, as its year alone names it.
        """
        days: set[date] = set()
        years: dict[int, set[str]] = {}
        for rule in self._rules.values():
            if rule.on == "birthday":
                first, last = self._span(rule)
                days.update(days_between(first - timedelta(days=rule.ahead_days + rule.late_days), last))
                for customer_id, year in self._moved(rule, first, last):
                    years.setdefault(year, set()).add(customer_id)
        if not days:
            return Birthdays({}, ())
        found = find_birthdays(self._tx, days, self._viewpoint.until)
        for year, moved in years.items():
            whole = days_between(date(year, 1, 1), date(year, 12, 31))
            others = find_birthdays(self._tx, whole, self._viewpoint.until)
            theirs = {each: (*found.days.get(each, ()), *others.days[each]) for each in moved & others.days.keys()}
            found = Birthdays({**found.days, **theirs}, tuple(dict.fromkeys([*found.missing, *others.missing])))
        return found

    def _moved(self, rule: CareRule, first: date, last: date) -> Iterator[tuple[str, int]]:
        """Who has a reminder of a birthday that was moved to a day between two, with the year of that birthday."""
        apart = [self._whose] if self._whose is not None else self._apart
        told = [
            (members[0], interval.verdict)
            for members in apart
            for interval in self._timelines(members)[1][SETTLED_REMINDERS.name]
            if interval.verdict is not None and interval.valid_from <= self.at < interval.valid_to
        ]
        if self._whose is None:
            models, connection = self._viewpoint.models, self._tx.connection
            assert models is not None
            span = (first.isoformat(), last.isoformat())
            held = held_between(models, connection, SETTLED_REMINDERS.name, "moved_to", *span, self.at)
            told += [(each.customer_id, each.interval.verdict) for each in held]
        for customer_id, said in told:
            is_there = said.moved_to is not None and first <= date.fromisoformat(said.moved_to) <= last
            if is_there and said.care == rule.id:
                yield customer_id, date.fromisoformat(said.day).year

    @property
    def missing(self) -> tuple[str, ...]:
        """Why some may be missing."""
        return (*self._birthdays.missing, *self._unlisted())

    def _unlisted(self) -> Iterator[str]:
        """Holidays that no list has in a year that is asked for."""
        for rule in self._rules.values():
            first, last = self._span(rule)
            for name in rule.holidays:
                years = {day.year for day, named in self._holidays if named == name}
                for year in sorted({first.year, last.year} - years):
                    yield f'the rules list no holiday "{name}" in {year}; `regulars rules holidays` writes a year\'s'

    def _horizon(self) -> int:
        if self._query.until is not None:
            return end_of_day(self._query.until, self._zone)
        return self.at + max((each.ahead_days for each in self._rules.values()), default=0) * DAY

    def rows(self) -> Iterator[_Row]:
        """The rows of everybody who is asked for."""
        models, tx, connection = self._viewpoint.models, self._tx, self._tx.connection
        assert models is not None
        if not self._rules:
            return
        apart = self._apart
        beside = {each for members in apart for each in members}
        numbers = models.numbers(connection, [*beside, *(self._whose or ()), *self._birthdays.days])
        of_birthdays = [each.id for each in self._rules.values() if each.on == "birthday"]
        of_others = [each.id for each in self._rules.values() if each.on != "birthday"]
        whose = None if self._whose is None else {numbers[each] for each in self._whose if each in numbers}
        born = {numbers[each] for each in self._birthdays.days if each in numbers}
        left_out = {numbers[each] for each in beside if each in numbers}
        held = [
            each
            for keys, customers in ((of_others, whose), (of_birthdays, born if whose is None else born & whose))
            for each in held_within(
                models, connection, CARE.name, at=self.at, until=self._horizon(), keys=keys, customers=customers
            )
            if each.customer not in left_out
        ]
        customers = {each.customer for each in held}
        words: dict[tuple[int, str], list[Word]] = {}
        for customer, interval in verdicts_of(models, connection, SETTLED_REMINDERS.name, customers, self.at):
            words.setdefault((customer, interval.verdict.care), []).append(_word(interval))
        owners = {
            customer: interval.verdict.owner
            for customer, interval in verdicts_of(models, connection, ATTRIBUTION.name, customers, self.at)
        }
        for each in held:
            theirs = tuple(words.get((each.customer, each.interval.key), ()))
            yield _Row(each.customer, each.customer_id, each.interval, theirs, owners.get(each.customer))
        gone = tx.forgotten(members[0] for members in apart)
        for members in apart:
            if members[0] not in gone and (self._whose is None or members[0] in self._whose):
                yield from self.of_family(members)

    @cached_property
    def _apart(self) -> list[tuple[str, ...]]:
        """The families whom the stored rows don't tell of: this process wrote of them, or what was ahead of them as of
        a day didn't come, as more happened.
        """
        models = self._viewpoint.models
        assert models is not None
        families = list(self._session.families_written(self._tx, self._viewpoint, self._query.freshness))
        if self._query.as_of is not None and self._horizon() > self.at:
            known = {each for members in families for each in members}
            families += families_changed(models, self._tx, self.at, known, "what is ahead")
        return families

    def of_family(self, members: tuple[str, ...]) -> Iterator[_Row]:
        """The rows of one family; as of a day, as if nothing had happened since."""
        customer, timelines = self._timelines(members)
        attributed = verdict_at(timelines[ATTRIBUTION.name], self.at)
        settled = [each for each in timelines[SETTLED_REMINDERS.name] if each.valid_from <= self.at < each.valid_to]
        horizon = self._horizon()
        for each in timelines[CARE.name]:
            if (
                each.verdict is not None
                and each.key in self._rules
                and self.at < each.valid_to
                and (each.valid_from <= max(self.at, horizon))
            ):
                words = tuple(_word(word) for word in settled if word.verdict.care == each.key)
                yield _Row(customer, members[0], each, words, None if attributed is None else attributed.verdict.owner)

    def _timelines(self, members: tuple[str, ...]) -> tuple[int, Timelines]:
        store, tx, viewpoint = self._session.store, self._tx, self._viewpoint
        if self._query.as_of is None:
            whole = history_of(store, tx, viewpoint, members)
            return whole.customer, whole.timelines
        history = read_facts(store, tx.connection, members, viewpoint.rules, viewpoint.until)
        projectors = (ATTRIBUTION, SETTLED_REMINDERS, CARE)
        _, timelines = fold_until(history.happened, viewpoint.rules, self.at, projectors)
        return history.customer, timelines

    # ---------------------------------------------------------------------------------------------------- as it is told

    def view(self, found: FoundReminder, contact: Contact) -> Reminder:
        """A reminder as people read it."""
        return Reminder(
            care=found.rule.id,
            title=found.rule.title,
            customer_id=CustomerId(found.customer_id),
            ref=contact.ref,
            name=contact.name,
            day=found.open.day,
            due=found.open.due,
            named=found.open.named,
            is_overdue=found.open.due < self.today,
            since=to_datetime(found.since),
            why=self._why(found, contact),
            owner=found.owner,
        )

    def _why(self, found: FoundReminder, contact: Contact) -> str:
        rule, day, begins = found.rule, found.open.day, found.begins.isoformat()
        match rule.on:
            case "first_order":
                return f"first order on {begins}, {plural(day.year - found.begins.year, 'year')} before"
            case "birthday":
                return _birthday(
                    contact, day, {value for on, value in self._birthdays.days[found.customer_id] if on == day}
                )
            case "holiday":
                return " and ".join(
                    sorted({name for on, name in self._holidays if on == day and name in rule.holidays})
                )
            case "verdict":
                return f"{rule.verdict} {' or '.join(rule.becomes or ())} from {begins} on"
            case "no_contact":
                return f"no contact for at least {plural((day - found.begins).days + found.step, 'day')}"


def _word(interval: Interval) -> Word:
    return Word(interval.valid_from, interval.verdict)


def _holidays(ruleset: Ruleset) -> tuple[tuple[date, str], ...]:
    lists = ruleset.business.holidays or ()
    return tuple((each.day, each.name) for listed in lists for each in listed.days if each.name is not None)


def _birthday(contact: Contact, day: date, values: Iterable[str]) -> str:
    """A birthday in words: how old somebody becomes, where their year is known, and by which calendar."""
    if contact.birthday is not None:
        born = parse_birthday(contact.birthday)
        if born.returns_on in values and born.year is not None and born.calendar == "solar":
            return f"birthday, {plural(day.year - born.year, 'year')}"
    return "birthday by the lunar calendar" if all(each.startswith("lunar") for each in values) else "birthday"
