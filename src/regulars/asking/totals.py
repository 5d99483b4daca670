"""Totals: how many customers have each verdict, as of some days; nothing of their own is stored."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from regulars.adapters.progress import Progress
from regulars.adapters.read_models.counting import totals
from regulars.asking.customers import folded_in
from regulars.asking.views import LANES, Counted
from regulars.projections.segments.projector import SEGMENTS
from regulars.session.freshness import freshness_of
from regulars.session.instants import instant_of
from regulars.session.session import AnyRules, Session
from regulars.session.traced import traced


@traced("totals")
def count_as_of(
    session: Session,
    lane: Counted,
    days: Sequence[datetime | date],
    known_at: datetime | date | None,
    rules: AnyRules | None,
    on_progress: Progress | None,
) -> tuple[dict[str, int], ...]:
    """How many customers have each verdict of a lane, or are in each segment, as of each day, once everything recorded
    is folded in.

    Raises ValueError for what is no lane, and for days that don't rise.
    """
    counted = {name: (projection, "value") for name, projection in LANES.items()} | {
        "segment": (SEGMENTS.name, "segment")
    }
    if lane not in counted:
        raise ValueError(f'"{lane}" is not a verdict; there are {", ".join(counted)}')
    projection, column = counted[lane]
    with folded_in(session, freshness_of(True, None), known_at, rules, on_progress) as (tx, viewpoint):
        instants = [instant_of(each, viewpoint.rules.zone) for each in days]
        if instants != sorted(set(instants)):
            raise ValueError("the days of `totals` have to rise")
        assert viewpoint.models is not None
        return tuple(totals(viewpoint.models, tx.connection, projection, column, instants))
