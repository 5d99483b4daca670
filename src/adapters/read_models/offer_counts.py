"""How many offers of a campaign are in which arm and how far they came, as of an instant."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from regulars.adapters.read_models.rows import ReadModels
from regulars.projections.offers import OFFERS


def count_offers(
    models: ReadModels, connection: Connection, campaign_id: str, at: int
) -> dict[tuple[str, str, str | None, int], int]:
    """Counts by arm, state, why and whether arms were crossed; forgotten customers are counted."""
    table = models.of(OFFERS.name).intervals
    columns = (table.c.arm, table.c.state, table.c.why, table.c.crossed)
    holds = (table.c.campaign_id == campaign_id, table.c.valid_from <= at, table.c.valid_to > at)
    rows = connection.execute(sa.select(*columns, sa.func.count()).where(*holds).group_by(*columns))
    return {(arm, state, why, crossed): count for arm, state, why, crossed, count in rows}
