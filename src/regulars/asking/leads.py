"""How many leads become what: of those registered in a span, the shares that were qualified, opened and won."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal, get_args
from zoneinfo import ZoneInfo

from msgspec import Struct

from regulars.adapters.progress import Progress
from regulars.adapters.read_models.lead_counts import LeadCount, count_leads
from regulars.asking.customers import folded_in
from regulars.asking.spans import ends_too_early
from regulars.crm_domain.instant import to_datetime
from regulars.projections.leads import Step
from regulars.session.freshness import freshness_of
from regulars.session.instants import first_instant_of, instant_of
from regulars.session.session import Session
from regulars.session.traced import traced
from regulars.statistics.estimate import Estimate, share

LeadsBy = Literal["source", "month"]
GROUPINGS: tuple[LeadsBy, ...] = get_args(LeadsBy)


@dataclass(frozen=True, slots=True)
class LeadGroup:
    """What became of the leads of one group: how many were `registered`, and of those the shares that were at least
    qualified, had at least an opportunity opened, and that won one. `disqualified` are those left at that.
    """

    group: str | None
    registered: int
    disqualified: int
    qualified: Estimate
    opened: Estimate
    won: Estimate


@dataclass(frozen=True, slots=True)
class LeadReport:
    """What became, by an instant, of the leads registered from `since` to `until`, in all and in each group.

    `since` is None where it is all that came before. A group is a source, None where none was said, or a month.
    """

    as_of: datetime
    since: datetime | None
    until: datetime
    by: LeadsBy | None
    total: LeadGroup
    groups: tuple[LeadGroup, ...]


class LeadsQuery(Struct, frozen=True, kw_only=True):
    """What is asked. See Regulars.leads."""

    since: datetime | date | None
    until: datetime | date | None
    as_of: datetime | date | None
    known_at: datetime | date | None
    by: LeadsBy | None


@traced("leads")
def read_leads(session: Session, query: LeadsQuery, on_progress: Progress | None) -> LeadReport:
    """What became of leads, once everything recorded is folded in.

    Raises ValueError for a grouping that there isn't, and a span that ends before it begins.
    """
    if query.by is not None and query.by not in GROUPINGS:
        raise ValueError(f'"{query.by}" is not a grouping; there are {", ".join(GROUPINGS)}')
    with folded_in(session, freshness_of(True, None), query.known_at, None, on_progress) as (tx, viewpoint):
        models, zone = viewpoint.models, viewpoint.rules.zone
        assert models is not None
        at = session.now() if query.as_of is None else instant_of(query.as_of, zone)
        until = at if query.until is None else min(at, instant_of(query.until, zone))
        since = None if query.since is None else first_instant_of(query.since, zone)
        if query.since is not None and since is not None and since > until:
            raise ends_too_early(query.since, query.as_of if query.until is None else query.until)
        found = list(count_leads(models, tx.connection, at, since, until))
    return LeadReport(
        as_of=to_datetime(at),
        since=None if since is None else to_datetime(since),
        until=to_datetime(until),
        by=query.by,
        total=_group(None, found),
        groups=tuple(_groups(found, query.by, zone)) if query.by else (),
    )


def _groups(found: Iterable[LeadCount], by: LeadsBy, zone: ZoneInfo) -> Iterator[LeadGroup]:
    """By source those with most leads first, by month in order of time."""
    groups: dict[str | None, list[LeadCount]] = {}
    for each in found:
        group = each.source if by == "source" else f"{to_datetime(each.registered_from).astimezone(zone):%Y-%m}"
        groups.setdefault(group, []).append(each)
    drawn = [_group(name, counts) for name, counts in groups.items()]
    if by == "month":
        return iter(sorted(drawn, key=lambda each: each.group or ""))
    return iter(sorted(drawn, key=lambda each: (-each.registered, each.group is None, each.group or "")))


def _group(name: str | None, found: Iterable[LeadCount]) -> LeadGroup:
    counts: Counter[Step] = Counter()
    for each in found:
        counts[each.step] += each.count
    registered = counts.total()
    opened = counts["opened"] + counts["won"]
    return LeadGroup(
        group=name,
        registered=registered,
        disqualified=counts["disqualified"],
        qualified=share(counts["qualified"] + opened, registered),
        opened=share(opened, registered),
        won=share(counts["won"], registered),
    )
