"""Was service in time? How many first responses and resolutions kept their targets, and what is left to do.

It is counted from the stored intervals of tickets as of an instant, so any past day is as good as now. A clock that is
still in time is not decided, and is in no share.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Literal, get_args
from zoneinfo import ZoneInfo

from msgspec import Struct

from regulars.adapters.progress import Progress
from regulars.adapters.read_models.catch_up import events_behind
from regulars.adapters.read_models.service import BREACHED, ReportedTicket, open_spans, reported_tickets
from regulars.adapters.store.transaction import Transaction
from regulars.asking.customers import folded_in
from regulars.asking.spans import ends_too_early
from regulars.crm_domain.instant import end_of_day, to_datetime
from regulars.crm_domain.ticket import Priority
from regulars.projections.ticket_queue.judge import Timeliness
from regulars.session.freshness import freshness_of
from regulars.session.instants import first_instant_of, instant_of
from regulars.session.session import AnyRules, Session
from regulars.session.traced import traced
from regulars.session.viewpoint import Viewpoint
from regulars.statistics.proportions import Interval, wilson

ServiceBy = Literal["month", "agent", "priority", "channel"]


@dataclass(frozen=True, slots=True)
class Attainment:
    """How many clocks kept their target: `kept` of `n` that are decided. `undecided` still run, and are in time."""

    kept: int
    n: int
    undecided: int

    @property
    def share(self) -> float | None:
        """The part that was kept, from 0 to 1; None where nothing is decided."""
        return self.kept / self.n if self.n else None

    @property
    def interval(self) -> Interval | None:
        """The 95 % interval of the share (Wilson's); None where nothing is decided."""
        return wilson(self.kept, self.n)


@dataclass(frozen=True, slots=True)
class ServiceLine:
    """Service for a group of tickets; its value is None where a ticket has none, as one without an agent, and for all.

    `opened` tickets were opened in the span. `backlog` is how many are open, whenever they were opened, and `breached`
    how many of those have a clock that is: as of the instant of the report, or for a month, of its end where that comes
    first.
    """

    group: str | None
    opened: int
    first_response: Attainment
    resolution: Attainment
    backlog: int
    breached: int


@dataclass(frozen=True, slots=True)
class ServiceReport:
    """Service as of an instant, for tickets opened in [since, until]; `since` is None for all from the first on.

    `lines` are in order of their groups, `total` is all of them together. `holidays_unknown` are years in which clocks
    ran whose holidays are to be kept and aren't listed. `behind` is how many recorded events are not in it yet.
    """

    as_of: datetime
    since: datetime | None
    until: datetime
    by: ServiceBy | None
    lines: tuple[ServiceLine, ...]
    total: ServiceLine
    holidays_unknown: tuple[int, ...]
    behind: int


class ServiceQuery(Struct, frozen=True, kw_only=True):
    """What is asked of service. See Regulars.service."""

    by: ServiceBy | None
    since: datetime | date | None
    until: datetime | date | None
    as_of: datetime | date | None
    known_at: datetime | date | None
    rules: AnyRules | None


@traced("service")
def report_service(session: Session, query: ServiceQuery, on_progress: Progress | None) -> ServiceReport:
    """Service as of an instant. Raises ValueError for what nothing is grouped by, and for a span that ends before it
    begins.
    """
    if query.by is not None and query.by not in get_args(ServiceBy):
        raise ValueError(f'service is reported by {", ".join(get_args(ServiceBy))}, not by "{query.by}"')
    everything = freshness_of(True, None)
    with folded_in(session, everything, query.known_at, query.rules, on_progress) as (tx, viewpoint):
        return _report(session, tx, viewpoint, query)


def _report(session: Session, tx: Transaction, viewpoint: Viewpoint, query: ServiceQuery) -> ServiceReport:
    models, zone = viewpoint.models, viewpoint.rules.zone
    assert models is not None
    at = session.now() if query.as_of is None else instant_of(query.as_of, zone)
    since = None if query.since is None else first_instant_of(query.since, zone)
    until = at if query.until is None else min(at, instant_of(query.until, zone))
    if query.since is not None and since is not None and since > until:
        raise ends_too_early(query.since, query.as_of if query.until is None or until == at else query.until)
    known = list(reported_tickets(models, tx.connection, at))
    opened = [each for each in known if each.opened_at <= until and (since is None or since <= each.opened_at)]
    first = min((each.opened_at for each in opened), default=until)
    lines = _lines(known, opened, _grouping(query.by, zone)) if query.by else {}
    if query.by == "month":
        ends = dict(_month_ends(first if since is None else since, until, at, zone))
        spans = open_spans(models, tx.connection, min(ends.values(), default=at), at)
        lines = dict(_at_their_ends(lines, ends, list(spans)))
    return ServiceReport(
        as_of=to_datetime(at),
        since=None if since is None else to_datetime(since),
        until=to_datetime(until),
        by=query.by,
        lines=tuple(lines[group] for group in sorted(lines, key=_order)),
        total=_lines(known, opened, _together).get(None, _NOTHING),
        holidays_unknown=viewpoint.rules.tickets.calendar.unlisted(first, at) if opened else (),
        behind=events_behind(session.store, models, tx.connection, viewpoint.until),
    )


#: The groups of a ticket: in which its first response counts, and in which all else does.
_Grouping = Callable[[ReportedTicket], tuple[str | None, str | None]]

_UNDECIDED = Attainment(kept=0, n=0, undecided=0)
_NOTHING = ServiceLine(None, 0, _UNDECIDED, _UNDECIDED, 0, 0)


def _together(ticket: ReportedTicket) -> tuple[None, None]:
    return None, None


def _grouping(by: ServiceBy, zone: ZoneInfo) -> _Grouping:
    match by:
        case "month":
            return lambda ticket: (_month_of(ticket.opened_at, zone),) * 2
        case "agent":
            return lambda ticket: (ticket.agent,) * 2
        case "channel":
            return lambda ticket: (ticket.channel,) * 2
        case "priority":
            return lambda ticket: (ticket.first_response_priority, ticket.resolution_priority)


def _month_of(at: int, zone: ZoneInfo) -> str:
    return f"{to_datetime(at).astimezone(zone):%Y-%m}"


def _order(group: str | None) -> tuple[bool, int, str]:
    """Months and names in their order, priorities from the most urgent, and last what has none."""
    priorities = get_args(Priority)
    return group is None, priorities.index(group) if group in priorities else 0, group or ""


def _lines(
    known: Iterable[ReportedTicket], opened: Iterable[ReportedTicket], grouping: _Grouping
) -> dict[str | None, ServiceLine]:
    """Service by group: attainment of the tickets opened in the span, and the backlog of all that are known."""
    answers, resolutions = Counter[tuple[str | None, str]](), Counter[tuple[str | None, str]]()
    backlog, breached = Counter[str | None](), Counter[str | None]()
    for each in opened:
        answered_in, resolved_in = grouping(each)
        answers[answered_in, each.first_response] += 1
        resolutions[resolved_in, each.resolution] += 1
    for each in known:
        _, group = grouping(each)
        backlog[group] += each.is_open
        breached[group] += each.is_breached
    groups = {group for group, _ in (*answers, *resolutions)} | {group for group in backlog if backlog[group]}
    return {
        group: ServiceLine(
            group=group,
            opened=sum(resolutions[group, outcome] for outcome in get_args(Timeliness)),
            first_response=_attainment(answers, group),
            resolution=_attainment(resolutions, group),
            backlog=backlog[group],
            breached=breached[group],
        )
        for group in groups
    }


def _attainment(outcomes: Counter[tuple[str | None, str]], group: str | None) -> Attainment:
    kept, late = outcomes[group, "met"], outcomes[group, "late"] + outcomes[group, BREACHED]
    undecided = outcomes[group, "on_time"] + outcomes[group, "due_soon"]
    return Attainment(kept=kept, n=kept + late, undecided=undecided)


# ---------------------------------------------------------------------------------------------------------- by month


def _month_ends(first: int, last: int, at: int, zone: ZoneInfo) -> Iterator[tuple[str, int]]:
    """Each month from that of an instant to that of another, with its last instant, or `at` where that is earlier."""
    day = to_datetime(first).astimezone(zone).date().replace(day=1)
    while end_of_day(day - timedelta(days=1), zone) < last:
        following = (day + timedelta(days=31)).replace(day=1)
        yield f"{day:%Y-%m}", min(at, end_of_day(following - timedelta(days=1), zone))
        day = following


def _at_their_ends(
    lines: Mapping[str | None, ServiceLine], ends: Mapping[str, int], spans: Sequence[tuple[int, int, bool]]
) -> Iterator[tuple[str | None, ServiceLine]]:
    """A line for each month, with what was open at its end."""
    backlog, breached = _held(spans), _held([each for each in spans if each[2]])
    for month, at in ends.items():
        line = lines.get(month, _NOTHING)
        yield month, replace(line, group=month, backlog=backlog(at), breached=breached(at))


def _held(spans: Sequence[tuple[int, int, bool]]) -> Callable[[int], int]:
    """How many spans hold an instant: those that have begun by then, less those that have ended."""
    begun, ended = (sorted(each[end] for each in spans) for end in (0, 1))
    return lambda at: bisect_right(begun, at) - bisect_right(ended, at)
