"""How content the customers are: what they said last, who answers, and who complains; as of any day, in groups.

Each number about many says of how many it is, and comes with its 95 % interval.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from types import MappingProxyType
from typing import Literal, get_args
from zoneinfo import ZoneInfo

from msgspec import Struct

from regulars.adapters.progress import Progress
from regulars.adapters.read_models.feedback_counts import (
    NO_GROUP,
    Counted,
    FeedbackCounts,
    count_by_agents,
    count_by_customers,
)
from regulars.asking.customers import folded_in
from regulars.asking.spans import ends_too_early
from regulars.crm_domain.instant import DAY, to_datetime
from regulars.projections.lifecycle_stage.projector import LIFECYCLE_STAGE
from regulars.projections.loyalty_tier.projector import LOYALTY_TIER
from regulars.projections.segments.projector import SEGMENTS
from regulars.session.freshness import freshness_of
from regulars.session.instants import first_instant_of, instant_of
from regulars.session.session import Session
from regulars.session.traced import traced
from regulars.statistics.estimate import Estimate, net_promoter_score, rate, share

#: A survey counts in the response rate once its customer has had so long to answer.
TIME_TO_ANSWER = 14 * DAY
SPAN = 365 * DAY

GroupedBy = Literal["stage", "tier", "segment", "agent"]
GROUPINGS: tuple[GroupedBy, ...] = get_args(GroupedBy)

#: What a customer's group is the value of, or of segments the key: whoever is in two counts in both.
_OF_CUSTOMERS: Mapping[str, str] = MappingProxyType(
    {"stage": LIFECYCLE_STAGE.name, "tier": LOYALTY_TIER.name, "segment": SEGMENTS.name}
)


@dataclass(frozen=True, slots=True)
class Satisfaction:
    """How content one group is.

    `nps` is from -100 to 100, of the customers whose latest answer still counts; `csat` the share of the satisfied
    among them; `response` the share of surveys that were answered, of those sent in the span long enough ago that came
    through; `complaints` how many complaints there were to 100 orders of the span, `n` being the orders; `complaining`
    the share of the customers who ordered in the span that complained in it. By agent `nps` and `csat` are of what was
    said of their tickets. `counts` are what all of it was worked out from.
    """

    group: str | None
    nps: Estimate
    csat: Estimate
    response: Estimate
    complaints: Estimate
    complaining: Estimate
    counts: FeedbackCounts


@dataclass(frozen=True, slots=True)
class SatisfactionReport:
    """How content everybody is, and each group, as of an instant; surveys, orders and complaints of a span."""

    as_of: datetime
    since: datetime
    until: datetime
    by: GroupedBy | None
    total: Satisfaction
    groups: tuple[Satisfaction, ...]


class SatisfactionQuery(Struct, frozen=True, kw_only=True):
    """What is asked. See Regulars.satisfaction."""

    since: datetime | date | None
    until: datetime | date | None
    as_of: datetime | date | None
    known_at: datetime | date | None
    by: GroupedBy | None


@traced("satisfaction")
def read_satisfaction(session: Session, query: SatisfactionQuery, on_progress: Progress | None) -> SatisfactionReport:
    """How content the customers are, once everything recorded is folded in.

    Raises ValueError for a grouping that there isn't, and a span that ends before it begins.
    """
    if query.by is not None and query.by not in GROUPINGS:
        raise ValueError(f'"{query.by}" is not a grouping; there are {", ".join(GROUPINGS)}')
    everything = freshness_of(True, None)
    with folded_in(session, everything, query.known_at, None, on_progress) as (tx, viewpoint):
        models = viewpoint.models
        assert models is not None
        counted = _counted(query, session.now(), viewpoint.rules.zone)
        everybody = count_by_customers(models, tx.connection, counted, None)
        if query.by == "agent":
            groups = count_by_agents(models, tx.connection, counted, viewpoint.rules.satisfaction)
        elif query.by is not None:
            groups = count_by_customers(models, tx.connection, counted, _OF_CUSTOMERS[query.by])
        else:
            groups = {}
    return SatisfactionReport(
        as_of=to_datetime(counted.at),
        since=to_datetime(counted.since),
        until=to_datetime(counted.until),
        by=query.by,
        total=satisfaction_of(None, everybody.get(NO_GROUP, FeedbackCounts())),
        groups=tuple(satisfaction_of(group, counts) for group, counts in groups.items()),
    )


def _counted(query: SatisfactionQuery, now: int, zone: ZoneInfo) -> Counted:
    """The instant and the span that are meant: they end together, unless the end of each is given."""
    until = None if query.until is None else instant_of(query.until, zone)
    as_of = None if query.as_of is None else instant_of(query.as_of, zone)
    at = as_of if as_of is not None else until if until is not None else now
    ends = at if until is None else until
    until = min(ends, at)  # as of an instant nothing later has happened
    since = until - SPAN + 1 if query.since is None else first_instant_of(query.since, zone)
    if query.since is not None and since > until:
        raise ends_too_early(query.since, query.as_of if query.until is None or until < ends else query.until)
    return Counted(at=at, since=since, until=until, settled_by=at - TIME_TO_ANSWER)


def satisfaction_of(group: str | None, counts: FeedbackCounts) -> Satisfaction:
    """What follows from the counts of a group."""
    answers = counts.promoters + counts.passives + counts.detractors
    rated = counts.satisfied + counts.neutral + counts.dissatisfied
    return Satisfaction(
        group=group,
        nps=net_promoter_score(counts.promoters, counts.detractors, answers),
        csat=share(counts.satisfied, rated),
        response=share(counts.answered, counts.answered + counts.unanswered),
        complaints=rate(counts.complaints, counts.orders, per=100),
        complaining=share(counts.complaining, counts.active),
        counts=counts,
    )
