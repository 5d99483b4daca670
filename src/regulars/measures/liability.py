"""Points outstanding over time: what members could spend, what was pending and what they owed, month by month."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from datetime import date, datetime

from msgspec import Struct

from regulars.adapters.read_models.measuring import outstanding
from regulars.crm_domain.instant import to_datetime
from regulars.measures.asked import Axes, asking, conditions
from regulars.measures.periods import By, periods_between
from regulars.measures.trend import AHEAD
from regulars.session.session import Session
from regulars.session.traced import traced


class LiabilityPoint(Struct, frozen=True, kw_only=True):
    """The points of all members as of the end of a month or week.

    `spendable` is the sum of balances above zero, `owed` that of those below, `pending` is earned and can't be spent
    yet. `members` have any of them. What `is_due` holds if nobody earns or spends any more: only time lets them expire.
    """

    period: str
    at: datetime
    spendable: int
    pending: int
    owed: int
    members: int
    is_due: bool

    @property
    def outstanding(self) -> int:
        """What may still be spent."""
        return self.spendable + self.pending


class Liability(Struct, frozen=True, kw_only=True):
    """Points outstanding over time, of the customers of whom `where` holds now."""

    by: By
    where: Mapping[str, str]
    points: tuple[LiabilityPoint, ...]


@traced("liability")
def find_liability(
    session: Session, by: By, since: date | None, until: date | None, where: Mapping[str, str], axes: Axes
) -> Liability:
    """Points by period. Raises ValueError for periods that can't be, and for what `where` doesn't take."""
    with asking(session, axes) as asked:
        periods = periods_between(by, since, until, asked.today, after=AHEAD)
        instants = [each.end(asked.zone) for each in periods]
        held = conditions(asked, session.store.registry, where)
        changes = [[0, 0, 0, 0] for _ in range(len(instants) + 1)]
        for each in outstanding(asked.models, asked.tx.connection, held, asked.now, instants[0], instants[-1]):
            has_any = int(each.spendable != 0 or each.pending != 0)
            parts = (max(each.spendable, 0), each.pending, max(-each.spendable, 0), has_any)
            for instant, sign in ((each.since, 1), (each.until, -1)):
                change = changes[bisect_left(instants, instant)]
                for place, part in enumerate(parts):
                    change[place] += sign * part
    points, sums = [], [0, 0, 0, 0]
    for period, at, change in zip(periods, instants, changes, strict=False):
        sums = [before + more for before, more in zip(sums, change, strict=True)]
        spendable, pending, owed, members = sums
        points.append(
            LiabilityPoint(
                period=period.name,
                at=to_datetime(at),
                spendable=spendable,
                pending=pending,
                owed=owed,
                members=members,
                is_due=at > asked.now,
            )
        )
    return Liability(by=by, where=dict(where), points=tuple(points))
