"""The version of what is answered about one customer as of now: it changes when the answer may."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from regulars.asking.listed import held_at
from regulars.asking.one_customer import Holding, history_of
from regulars.asking.views import LANES
from regulars.crm_domain.command import CustomerId
from regulars.crm_domain.instant import to_datetime
from regulars.session.session import Session
from regulars.session.traced import traced


class CustomerVersion(Struct, frozen=True, kw_only=True):
    """What an answer about a customer as of now follows from.

    `position` is that of the last event of theirs, and of those who are one with them: nobody recorded anything of them
    while it stays. `generation` is the number of the read models that answer; another one may have other rules.
    `valid_from` is since when the youngest of their verdicts holds: time alone brings a new one. None where nothing
    has happened yet.
    """

    position: int
    generation: int
    valid_from: datetime | None


@traced("version of")
def find_version(session: Session, who: str | CustomerId) -> CustomerVersion:
    """The version of what is answered about a customer as of now. Raises NotFound."""
    with session.store.reading() as tx:
        members = session.members(tx, who)
        viewpoint = session.viewpoint(tx)
        now = session.now()
        shown = tuple(LANES.values())
        holding = Holding(shown=shown, at=lambda folded: max(now, folded.last_at or 0))
        history = history_of(session.store, tx, viewpoint, members, holding)
        held = held_at(history.timelines, shown, holding.at(history.folded))
        return CustomerVersion(
            position=tx.last_position_of(members),
            generation=session.live(tx).number,
            valid_from=None if held is None else to_datetime(max(each.valid_from for each in held.values())),
        )
