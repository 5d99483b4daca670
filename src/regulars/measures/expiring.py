"""Whose points expire within a time, if nobody earns or spends any more."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta

from msgspec import Struct

from regulars.adapters.read_models.measuring import ids_of, outstanding
from regulars.asking.one_customer import read_contacts
from regulars.crm_domain.command import CustomerId
from regulars.crm_domain.instant import FOREVER, MICROSECOND, to_datetime
from regulars.measures.asked import Axes, asking, conditions
from regulars.session.session import Session
from regulars.session.traced import traced


class ExpiringPoints(Struct, frozen=True, kw_only=True):
    """The points that one member loses; `ref` and `name` are today's, and None once they are forgotten."""

    id: CustomerId
    ref: str | None
    name: str | None
    points: int


class Expiring(Struct, frozen=True, kw_only=True):
    """The points that expire between two moments, those with the most first, then as they were first recorded."""

    since: datetime
    until: datetime
    members: tuple[ExpiringPoints, ...]

    @property
    def total(self) -> int:
        """All of these points."""
        return sum(each.points for each in self.members)


@traced("expiring")
def find_expiring(session: Session, within: timedelta, where: Mapping[str, str], axes: Axes) -> Expiring:
    """Whose points expire. Raises ValueError for a time below zero, and for what `where` doesn't take."""
    if within < timedelta(0):
        raise ValueError(f"within is a time from now on, not {within}")
    with asking(session, axes) as asked:
        now, then = asked.now, min(asked.now + within // MICROSECOND, FOREVER - 1)
        held = conditions(asked, session.store.registry, where)
        lost: Counter[int] = Counter()
        for each in outstanding(asked.models, asked.tx.connection, held, now, now, then):
            # Without an event points pend and then can be spent, but the sum of both only falls, as they expire.
            for instant, sign in ((now, 1), (then, -1)):
                if each.since <= instant < each.until:
                    lost[each.customer] += sign * (each.spendable + each.pending)
        losing = sorted((each for each in lost if lost[each] > 0), key=lambda each: (-lost[each], each))
        ids = ids_of(asked.models, asked.tx.connection, losing)
        contacts = read_contacts(asked.tx, ids.values())
    members = tuple(
        ExpiringPoints(
            id=CustomerId(ids[each]),
            ref=contacts[ids[each]].ref,
            name=contacts[ids[each]].name,
            points=lost[each],
        )
        for each in losing
    )
    return Expiring(
        since=to_datetime(now),
        until=to_datetime(then),
        members=members,
    )
