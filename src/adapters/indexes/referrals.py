"""The index of referrals: who brought whom, so that the order of somebody who was brought finds who is to be rewarded.

A row says which event of which customer names which other one. It holds nothing personal: ids are random.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from regulars.adapters.indexes.index import Added, Change, Digest, Entries, Index, side_by_side
from regulars.adapters.schema.tables import Schema
from regulars.adapters.sql.table_names import ours
from regulars.crm_domain.customer import ReferralMade
from regulars.crm_domain.event import Event, Recorded

_POSITION = 2  # the place of a row's column


def _changes(recorded: Recorded[Event], _digest: Digest) -> Iterator[Change]:
    if isinstance(recorded.event, ReferralMade):
        yield Added({"referred_id": recorded.event.referred_id, "position": recorded.position})


def _faults(entries: Entries) -> Iterator[str]:
    for stored, expected in side_by_side(entries.extra, entries.missing, _POSITION):
        if expected is None:
            assert stored is not None
            yield f"has #{stored[_POSITION]} among the referrals, and it is none"
        elif stored is None:
            yield f"lacks event #{expected[_POSITION]} among the referrals"
        else:
            yield f"has event #{expected[_POSITION]} among the referrals, of somebody else"


REFERRALS = Index(
    name="referral",
    table=ours("referrals"),
    handles=frozenset({ReferralMade}),
    changes=_changes,
    faults=_faults,
)


def referring(connection: Connection, schema: Schema, referred_ids: Collection[str]) -> list[int]:
    """The positions of the referrals that name any of some customers, in order."""
    referrals = schema.referrals
    named = sa.select(referrals.c.position).where(referrals.c.referred_id.in_(sorted(referred_ids)))
    return list(connection.execute(named.order_by(referrals.c.position)).scalars())
