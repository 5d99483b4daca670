"""Points that expire soon, if nobody earns or spends any more."""

from __future__ import annotations

import sqlalchemy as sa

from regulars.adapters.read_models.due.lines import Lines, holds_at, line
from regulars.projections.points.projector import POINTS


def expiring_points(lines: Lines) -> sa.SelectBase:
    """Without an event points pend and then can be spent, but the sum of both only falls, as they expire."""
    window = lines.window
    now, then, fewer, before = (lines.table(POINTS.name, name) for name in ("now", "points_then", "fewer", "before"))
    expires_at = (
        sa.select(sa.func.min(fewer.c.valid_from))
        .select_from(
            fewer.join(before, sa.and_(before.c.customer == fewer.c.customer, before.c.valid_to == fewer.c.valid_from))
        )
        .where(
            fewer.c.customer == now.c.customer,
            fewer.c.valid_from > window.at,
            fewer.c.valid_from <= window.until,
            _sum(fewer) < _sum(before),
        )
        .scalar_subquery()
    )
    joined = now.join(then, sa.and_(then.c.customer == now.c.customer, holds_at(then, window.until)))
    lost = _sum(now) - _sum(then)
    told = line(now.c.customer, sa.literal("", sa.Text), expires_at, number=lost)
    return sa.select(*told).select_from(joined).where(lines.now(now), now.c.valid_to <= window.until, lost > 0)


def _sum(points: sa.Alias) -> sa.ColumnElement[int]:
    """What can be spent, and what is pending; the value is the latter, as text."""
    return sa.func.coalesce(points.c.score, 0) + sa.cast(points.c.value, sa.BigInteger)
