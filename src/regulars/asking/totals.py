"""Totals: how many customers have each verdict, as of some days; nothing of their own is stored."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from regulars.adapters.read_models.counting import totals
from regulars.asking.views import LANES, Counted
from regulars.projections.segments.projector import SEGMENTS
from regulars.session.freshness import freshness_of
from regulars.session.instants import instant_of
from regulars.session.session import Session
from regulars.session.traced import traced


@traced("totals")
def count_as_of(session: Session, lane: Counted, days: Sequence[datetime | date]) -> tuple[dict[str, int], ...]:
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
    session.freshen(freshness_of(True, None))
    with session.store.reading() as tx:
        instants = [instant_of(each, session.ruleset(tx).zone) for each in days]
        if instants != sorted(set(instants)):
            raise ValueError("the days of `totals` have to rise")
        return tuple(totals(session.models(tx), tx.connection, projection, column, instants))
