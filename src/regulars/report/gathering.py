"""Gathers a monthly report from the questions that anybody may ask; each number names the command that asks it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime, timedelta
from functools import partial
from itertools import count
from typing import Literal, TypeVar
from zoneinfo import ZoneInfo

from msgspec import Struct
from msgspec.structs import replace

from regulars.adapters.progress import Progress
from regulars.asking.customers import CustomerQuery, find_page, lane_values
from regulars.asking.desk import TicketQuery, find_tickets
from regulars.asking.due import DueQuery, find_due
from regulars.asking.paging import MAX_PAGE
from regulars.asking.satisfaction import SatisfactionQuery, read_satisfaction
from regulars.asking.service import ServiceQuery, report_service
from regulars.asking.views import Customer
from regulars.crm_domain.instant import to_datetime
from regulars.crm_domain.rulebook import short
from regulars.measures.asked import Axes, asking
from regulars.measures.cohorts import find_cohorts
from regulars.measures.expiring import find_expiring
from regulars.measures.flow import SEGMENT, find_flow
from regulars.measures.liability import find_liability
from regulars.measures.periods import Period, period_of, periods_between
from regulars.measures.revenue import Revenue, find_revenue
from regulars.measures.trend import Trend, find_trend
from regulars.report.values import Amount, Figure, Moved, Rated, Report, SegmentMoved, Somebody, ToDo
from regulars.session.freshness import freshness_of
from regulars.session.session import Session
from regulars.session.traced import traced
from regulars.statistics.estimate import Estimate, share

#: So many are named in each list of a report.
NAMED = 10
MOVES = 8
#: Whom to call, unless it is said otherwise.
WATCHED = "at_risk"
CALL_WITHIN, BREACH_WITHIN, EXPIRE_WITHIN = timedelta(days=14), timedelta(hours=48), timedelta(days=30)

#: So many parts are gathered one after another.
PARTS = 11

T = TypeVar("T")

_OPEN = ("new", "open", "awaiting_customer", "on_hold")
_YEAR = 12


class _Month(Struct, frozen=True):
    """The month that is asked for, last of thirteen."""

    periods: tuple[Period, ...]

    @property
    def last(self) -> Period:
        return self.periods[-1]

    @property
    def compared(self) -> tuple[Period, Period, Period]:
        """The month, the one before, and the same one a year before."""
        return self.periods[-1], self.periods[-2], self.periods[-1 - _YEAR]

    @property
    def span(self) -> str:
        """The options that ask for these months."""
        return f"--since {self.periods[0].first} --until {self.last.last}"


@traced("report")
def gather_report(
    session: Session,
    month: date | None,
    watch: str,
    personal: bool,
    business: str,
    on_progress: Progress | None,
) -> Report:
    """A month's report; the last one that is over, unless one is named. `on_progress` is told of its parts.

    Raises ValueError for a month that hasn't begun, for one by whose end nobody was known, and for a stage to watch
    that the rules don't have; that of the default may be absent.
    """
    axes, done = Axes(), count(1)

    def told(part: T) -> T:
        if on_progress is not None:
            on_progress(next(done), PARTS)
        return part

    with asking(session, axes) as asked:
        today, zone, now, ruleset, currency = asked.today, asked.zone, asked.now, asked.ruleset, asked.currency
    if not isinstance(month, date | None):
        raise ValueError(f"month is a day of it, such as date(2026, 10, 1), not {month!r}")
    calls = lane_values(ruleset, "stage")
    if watch not in (WATCHED, *calls):
        raise ValueError(f'there is no stage "{watch}" to watch; the rules have {", ".join(calls)}')
    wanted = today.date().replace(day=1) - timedelta(days=1) if month is None else month
    periods = periods_between("month", date(wanted.year - 1, wanted.month, 1), wanted, today)
    chosen = _Month(periods)
    if chosen.last.first > today.date():
        raise ValueError(
            f"{chosen.last.name} hasn't begun yet; expected {period_of('month', today.date()).name} at most"
        )
    since, until = periods[0].first, chosen.last.last
    revenue = told(find_revenue(session, "month", since, until, {}, axes))
    stages = told(find_trend(session, "stage", "month", since, until, {}, axes))
    if not stages.points[-1].total:
        raise ValueError(f"nobody was known by the end of {chosen.last.name}, so there is nothing to report of it")
    before = chosen.periods[-2].last
    end = min(chosen.last.end(zone), now)
    flow = told(find_flow(session, "stage", before, to_datetime(end), {}, axes))
    moved = sorted((each for each in flow.moves if each.before != each.after), key=lambda each: -each.customers)
    return Report(
        business=business,
        month=chosen.last.name,
        first=chosen.last.first,
        last=chosen.last.last,
        is_over=chosen.last.end(zone) <= now,
        as_of=to_datetime(now),
        zone=str(zone),
        rules=short(ruleset.digest()),
        currency=currency,
        personal=personal,
        figures=told(_figures(session, axes, chosen, revenue, stages)),
        stages=_counts(chosen, _known(stages), stages, stages.values),
        values=told(_values(session, axes, chosen, _known(stages))) if lane_values(ruleset, "value") else told(()),
        segments=told(_segments(session, axes, chosen, _known(stages), [each.id for each in ruleset.segment])),
        satisfaction=told(_satisfaction(session, chosen, today.date())),
        service=told(_service(session, chosen, today.date())),
        moved=tuple(Moved(before=each.before, after=each.after, customers=each.customers) for each in moved[:MOVES]),
        moved_by=f"regulars flow {before} {min(until, today.date())} stage",
        cohorts_by=f"regulars cohorts {chosen.span} --as-of {min(until, today.date())}",
        to_call=told(_to_call(session, watch, personal, zone) if watch in calls else ()),
        due=told(
            (
                _breaching(session, personal, zone),
                *((_due_again(session, personal, zone),) if ruleset.due_again.gaps else ()),
                _expiring(session, axes, personal),
            )
        ),
        revenue=revenue,
        trend=stages,
        cohorts=told(find_cohorts(session, "month", since, until, until, {}, axes)),
    )


def _figures(session: Session, axes: Axes, month: _Month, revenue: Revenue, stages: Trend) -> tuple[Figure, ...]:
    since, until = month.periods[0].first, month.last.last
    tickets = find_trend(session, "tickets", "month", since, until, {}, axes)
    points = find_liability(session, "month", since, until, {}, axes)
    known = _known(stages)
    asked = f"regulars revenue {month.span}"
    counted_by = {
        "tickets": f"regulars trend tickets {month.span}",
        "points": f"regulars liability {month.span}",
        "customers": f"regulars trend stage {month.span}",
    }
    figure = partial(_figure, known)
    backlog = [sum(each.counts.get(status, 0) for status in _OPEN) for each in tickets.points]
    found = [
        figure("Revenue", [each.total for each in revenue.periods], asked, is_money=True),
        figure("of it from new customers", [each.new for each in revenue.periods], asked, is_money=True),
        figure("Orders", [each.orders for each in revenue.periods], asked),
        figure("Customers who ordered", [each.buyers for each in revenue.periods], asked),
        figure("of them for the first time", [each.new_buyers for each in revenue.periods], asked),
        figure("Customers known at the end", [each.total for each in stages.points], counted_by["customers"]),
        figure("Tickets not resolved at the end", backlog, counted_by["tickets"]),
    ]
    if any(each.members for each in points.points):
        outstanding = [each.outstanding for each in points.points]
        found.append(figure("Points outstanding at the end", outstanding, counted_by["points"]))
    return tuple(found)


def _known(stages: Trend) -> list[bool]:
    """Of which months anything is known: whoever is known has a stage."""
    return [each.total > 0 for each in stages.points]


def _counts(month: _Month, known: Sequence[bool], trend: Trend, values: Iterable[str]) -> tuple[Figure, ...]:
    asked = f"regulars trend {trend.measured} {month.span}"
    return tuple(_figure(known, value, [each.counts.get(value, 0) for each in trend.points], asked) for value in values)


def _values(session: Session, axes: Axes, month: _Month, known: Sequence[bool]) -> tuple[Figure, ...]:
    found = find_trend(session, "value", "month", month.periods[0].first, month.last.last, {}, axes)
    return _counts(month, known, found, found.values)


def _segments(
    session: Session, axes: Axes, month: _Month, known: Sequence[bool], ids: Sequence[str]
) -> tuple[SegmentMoved, ...]:
    if not ids:
        return ()
    found = find_trend(session, "segment", "month", month.periods[0].first, month.last.last, {}, axes)
    before, after = month.periods[-2].last, month.last.last
    segments = []
    for each in _counts(month, known, found, ids):
        flow = find_flow(session, f"{SEGMENT}{each.name}", before, after, {}, axes)
        moved = {(one.before, one.after): one.customers for one in flow.moves}
        segments.append(
            SegmentMoved(
                members=each,
                entered=moved.get((None, "in"), 0),
                left=moved.get(("in", None), 0),
                moved_by=f"regulars flow {before} {after} {SEGMENT}{each.name}",
            )
        )
    return tuple(segments)


# ------------------------------------------------------------------------------------------- how content, and in time


def _satisfaction(session: Session, month: _Month, today: date) -> tuple[Rated, ...]:
    """What was said, and asked, in each of the three months, as of its end."""
    ends = [min(each.last, today) for each in month.compared]
    found = [
        read_satisfaction(
            session,
            SatisfactionQuery(since=each.first, until=end, as_of=None, known_at=None, by=None),
            None,
        ).total
        for each, end in zip(month.compared, ends, strict=True)
    ]
    asked = f"regulars satisfaction --since {month.last.first} --until {ends[0]}"
    rated = [
        _rated("NPS at the end", "score", "customers", [each.nps for each in found], asked),
        _rated("CSAT at the end, satisfied", "share", "customers", [each.csat for each in found], asked),
        _rated("Surveys answered", "share", "surveys", [each.response for each in found], asked),
        _rated("Complaints to 100 orders", "rate", "orders", [each.complaints for each in found], asked),
    ]
    return tuple(rated) if any(each.value.n for each in rated) else ()


def _service(session: Session, month: _Month, today: date) -> tuple[Rated, ...]:
    """Whether the tickets opened in each of the three months were in time, as of the end of the last."""
    end = min(month.last.last, today)
    since = month.periods[0].first
    query = ServiceQuery(by="month", since=since, until=end, as_of=end, known_at=None, rules=None)
    report = report_service(session, query, None)
    if not report.total.opened:
        return ()
    lines = {each.group: each for each in report.lines}
    found = [lines[each.name] for each in month.compared]
    asked = f"regulars service --by month --since {since} --until {end} --as-of {end}"
    answered, resolved = [each.first_response for each in found], [each.resolution for each in found]
    return (
        _rated("First answers in time", "share", "tickets", [share(each.kept, each.n) for each in answered], asked),
        _rated("Resolved in time", "share", "tickets", [share(each.kept, each.n) for each in resolved], asked),
    )


def _rated(
    name: str, kind: Literal["share", "score", "rate"], of: str, found: Sequence[Estimate], counted_by: str
) -> Rated:
    value, month_before, year_before = found
    return Rated(
        name=name,
        kind=kind,
        of=of,
        value=value,
        month_before=month_before,
        year_before=year_before,
        counted_by=counted_by,
    )


def _figure(
    known: Sequence[bool], name: str, numbers: Sequence[Amount], counted_by: str, *, is_money: bool = False
) -> Figure:
    """A number of the last of thirteen months; there is none of a month before which nothing was known."""
    return Figure(
        name=name,
        value=numbers[-1],
        month_before=numbers[-2] if known[-2] else None,
        year_before=numbers[-1 - _YEAR] if known[-1 - _YEAR] else None,
        counted_by=counted_by,
        is_money=is_money,
    )


# -------------------------------------------------------------------------------------------------- whom, and what


def _to_call(session: Session, watch: str, personal: bool, zone: ZoneInfo) -> tuple[ToDo, ...]:
    days = CALL_WITHIN.days
    becoming = replace(_ANYBODY, becoming={"stage": watch}, within=CALL_WITHIN)
    already = replace(_ANYBODY, stage=watch, order="spend")
    return (
        _customers(
            session,
            becoming,
            personal,
            title=f"About to become {watch} within {days} days, the soonest first",
            counted_by=f"regulars customers --becoming {watch} --within {days}d",
            nothing=f"Nobody becomes {watch} within {days} days.",
            about=lambda each: f"on {_day(each.becomes_at, zone)}, spent {each.net_spend:,}",
        ),
        _customers(
            session,
            already,
            personal,
            title=f"Worth a call: now {watch}, who spent most first",
            counted_by=f"regulars customers --stage {watch} --order spend",
            nothing=f"Nobody is {watch}.",
            about=lambda each: f"since {_day(each.stage_since, zone)}, spent {each.net_spend:,}",
        ),
    )


_ANYBODY = CustomerQuery(
    stage=None,
    tier=None,
    risk_band=None,
    having={},
    becoming=None,
    within=None,
    as_of=None,
    order="id",
    tag=None,
    segment=None,
    owner=None,
    source=None,
    text=None,
    forgotten=False,
    total=True,
    limit=NAMED,
    after=None,
    freshness=freshness_of(True, None),
    goes_on=False,
)


def _customers(
    session: Session,
    query: CustomerQuery,
    personal: bool,
    *,
    title: str,
    counted_by: str,
    nothing: str,
    about: Callable[[Customer], str],
) -> ToDo:
    page = find_page(session, query, None, None, None)
    shown = (
        Somebody(
            id=each.id, ref=each.ref if personal else None, name=each.name if personal else None, about=about(each)
        )
        for each in page
    )
    return ToDo(title=title, shown=tuple(shown), total=page.total or 0, counted_by=counted_by, nothing=nothing)


def _breaching(session: Session, personal: bool, zone: ZoneInfo) -> ToDo:
    hours = BREACH_WITHIN // timedelta(hours=1)
    query = TicketQuery(
        customer=None,
        status=None,
        first_response=None,
        resolution=None,
        breaching_within=BREACH_WITHIN,
        as_of=None,
        known_at=None,
        rules=None,
        limit=MAX_PAGE,
        after=None,
        freshness=freshness_of(True, None),
        goes_on=False,
    )
    found = sorted(find_tickets(session, query, None), key=lambda each: (str(each.breaches_at), each.ticket_id))
    shown = (
        Somebody(
            id=each.customer_id,
            ref=each.ref if personal else None,
            name=None,
            about=f"ticket {each.ticket_id}, late from {_minute(each.breaches_at, zone)}",
        )
        for each in found[:NAMED]
    )
    return ToDo(
        title=f"Tickets that are late within {hours} hours unless somebody acts",
        shown=tuple(shown),
        total=len(found),
        counted_by=f"regulars tickets --breaching-within {hours}h",
        nothing=f"No ticket becomes late within {hours} hours.",
    )


def _due_again(session: Session, personal: bool, zone: ZoneInfo) -> ToDo:
    query = DueQuery(
        value="due",
        item=None,
        customer=None,
        within=None,
        as_of=None,
        limit=MAX_PAGE,
        after=None,
        freshness=freshness_of(True, None),
        goes_on=True,
    )
    page = find_due(session, query, None, None, None)
    shown = (
        Somebody(
            id=each.customer_id,
            ref=each.ref if personal else None,
            name=None,
            about=f"{each.item}, due since {_day(each.since, zone)}, lapses {_day(each.until, zone)}",
        )
        for each in page.items[:NAMED]
    )
    return ToDo(
        title="Items that are due to be bought again, those that lapse first at the top",
        shown=tuple(shown),
        total=sum(1 for _ in page),
        counted_by="regulars due",
        nothing="Nothing is due to be bought again.",
    )


def _day(moment: datetime | None, zone: ZoneInfo) -> str:
    return "" if moment is None else f"{moment.astimezone(zone):%Y-%m-%d}"


def _minute(moment: datetime | None, zone: ZoneInfo) -> str:
    return "" if moment is None else f"{moment.astimezone(zone):%Y-%m-%d %H:%M}"


def _expiring(session: Session, axes: Axes, personal: bool) -> ToDo:
    days = EXPIRE_WITHIN.days
    found = find_expiring(session, EXPIRE_WITHIN, {}, axes)
    shown = (
        Somebody(
            id=each.id,
            ref=each.ref if personal else None,
            name=each.name if personal else None,
            about=f"{each.points:,} points",
        )
        for each in found.members[:NAMED]
    )
    return ToDo(
        title=f"Points that expire within {days} days unless they are spent, the most first",
        shown=tuple(shown),
        total=len(found.members),
        counted_by=f"regulars liability --expiring {days}d",
        nothing=f"No points expire within {days} days.",
    )
