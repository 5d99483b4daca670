"""How many leads have come how far, as of an instant, by where they came from and when."""

from __future__ import annotations

from collections.abc import Iterator

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.engine import Connection

from regulars.adapters.read_models.rows import ReadModels
from regulars.crm_domain.instant import SECOND
from regulars.projections.leads import LEADS, Step

#: No zone's day begins between two of these, so leads are counted by them before anybody asks for days.
QUARTER = 15 * 60 * SECOND


class LeadCount(Struct, frozen=True):
    """So many leads of a step and a source, registered in the quarter of an hour that begins at an instant."""

    step: Step
    source: str | None
    registered_from: int
    count: int


def count_leads(
    models: ReadModels, connection: Connection, at: int, since: int | None, until: int
) -> Iterator[LeadCount]:
    """The leads as of an instant who were registered from `since`, or at all, to `until`, both included."""
    leads = models.of(LEADS.name).intervals
    quarter = leads.c.registered_at // QUARTER
    held = sa.and_(leads.c.valid_from <= at, leads.c.valid_to > at, leads.c.registered_at <= until)
    if since is not None:
        held = sa.and_(held, leads.c.registered_at >= since)
    counted = sa.select(leads.c.value, leads.c.source, quarter, sa.func.count()).where(held)
    for step, source, number, count in connection.execute(counted.group_by(leads.c.value, leads.c.source, quarter)):
        yield LeadCount(step, source, int(number) * QUARTER, int(count))
