"""What else holds of the families in the arms of a campaign: verdicts of other projections, and other campaigns."""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from regulars.adapters.read_models.rows import ReadModels
from regulars.adapters.sql.chunks import chunks
from regulars.crm_domain.instant import FOREVER
from regulars.projections.offers import OFFERS

_ARMS = ("treated", "held_out")


def count_in_arms(
    models: ReadModels, connection: Connection, campaign_id: str, projection: str, column: str, at: int
) -> dict[tuple[str, str], int]:
    """How many families of each arm have each text in a column of a projection at an instant, by arm and text. Who has
    several counts at each of them.
    """
    offers, held = models.of(OFFERS.name).intervals, models.of(projection).intervals
    joined = offers.join(held, held.c.customer == offers.c.customer)
    columns = (offers.c.arm, held.c[column])
    statement = (
        sa.select(*columns, sa.func.count(offers.c.customer.distinct()))
        .select_from(joined)
        .where(*_in_an_arm(offers, campaign_id), held.c.valid_from <= at, held.c.valid_to > at)
        .group_by(*columns)
    )
    return {(arm, text): count for arm, text, count in connection.execute(statement)}


def count_in_both(models: ReadModels, connection: Connection, first: str, second: str) -> dict[tuple[str, str], int]:
    """How many families are in an arm of two campaigns, by the arm that they are in of each."""
    offers = models.of(OFFERS.name).intervals
    one, other = offers.alias("one"), offers.alias("other")
    columns = (one.c.arm, other.c.arm)
    statement = (
        sa.select(*columns, sa.func.count())
        .select_from(one.join(other, one.c.customer == other.c.customer))
        .where(*_in_an_arm(one, first), *_in_an_arm(other, second))
        .group_by(*columns)
    )
    return {(here, there): count for here, there, count in connection.execute(statement)}


def holding(
    models: ReadModels, connection: Connection, projection: str, key: str, at: int, customers: Iterable[int]
) -> set[int]:
    """Those of some customers, by their numbers, of whom a key of a projection holds at an instant."""
    tables = models.of(projection)
    assert tables.projector.key is not None
    table = tables.intervals
    holds = (table.c[tables.projector.key.name] == key, table.c.valid_from <= at, table.c.valid_to > at)
    return {
        customer
        for chunk in chunks(customers)
        for customer in connection.execute(
            sa.select(table.c.customer).where(*holds, table.c.customer.in_(chunk))
        ).scalars()
    }


def _in_an_arm(offers: sa.FromClause, campaign_id: str) -> tuple[sa.ColumnElement[bool], ...]:
    return offers.c.campaign_id == campaign_id, offers.c.arm.in_(_ARMS), offers.c.valid_to == FOREVER
