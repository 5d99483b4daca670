"""Customers worth a call: about to become at risk, or just become so, in a better tier than the lowest.

Whoever was in touch with the business in the last so many days needs no call now, so to record one settles the line.
"""

from __future__ import annotations

import sqlalchemy as sa

from regulars.adapters.read_models.due.lines import Lines, coming, line, running
from regulars.projections.customer_card import CUSTOMER_CARD
from regulars.projections.facts.table import NO_TIER
from regulars.projections.last_contact import LAST_CONTACT
from regulars.projections.lifecycle_stage.projector import LIFECYCLE_STAGE
from regulars.projections.loyalty_tier.projector import LOYALTY_TIER
from regulars.projections.rules.grammar import Ruleset

AT_RISK, CHURNED = "at_risk", "churned"


def worth_a_call(lines: Lines, ruleset: Ruleset) -> sa.SelectBase:
    """Customers about to become at risk, or just become so, with their tier and the instant of their last order."""
    became = running(lines, LIFECYCLE_STAGE.name, ({"value": (AT_RISK,)},), since=lines.window.since)
    becoming = coming(lines, LIFECYCLE_STAGE.name, ({"value": (AT_RISK,)},))
    stage = lines.table(LIFECYCLE_STAGE.name, "stage")
    is_churned = sa.exists().where(
        stage.c.customer == becoming.c.customer, stage.c.value == CHURNED, lines.now(stage)
    )  # whoever is at risk isn't
    return sa.union_all(
        _worth_a_call(lines, became, ruleset), _worth_a_call(lines, becoming, ruleset).where(~is_churned)
    )


def _worth_a_call(lines: Lines, found: sa.Subquery, ruleset: Ruleset) -> sa.Select[tuple[object, ...]]:
    tier, card = lines.table(LOYALTY_TIER.name, "tier"), lines.table(CUSTOMER_CARD.name, "card")
    joined: sa.FromClause = found
    for table in (tier, card):
        joined = joined.join(table, sa.and_(table.c.customer == found.c.customer, lines.now(table)))
    told = line(found.c.customer, found.c.key, found.c.due, word=tier.c.value, number=card.c.last_order_at)
    contact = lines.table(LAST_CONTACT.name, "contact")
    in_touch = sa.exists().where(
        contact.c.customer == found.c.customer, contact.c.contacted_at > lines.window.since, lines.now(contact)
    )
    lowest = (NO_TIER, ruleset.tier.levels[0].name)
    return sa.select(*told).select_from(joined).where(tier.c.value.not_in(lowest), ~in_touch)
