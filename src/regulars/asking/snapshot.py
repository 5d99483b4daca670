"""What an answer follows from: how far the log goes, how far it is folded in, and which read models answer."""

from __future__ import annotations

from msgspec import Struct

from regulars.adapters.schema.positions import last_settled
from regulars.session.session import Session
from regulars.session.traced import traced


class Snapshot(Struct, frozen=True, kw_only=True):
    """What answers follow from, beside the instant they are asked for: while it stays, the same question has the same
    answer.

    `position` is that of the last event, 0 where there is none; questions about one customer know of all. Lists know of
    the events up to `folded`. `generation` is the number of the read models that answer.
    """

    position: int
    folded: int
    generation: int


@traced("snapshot")
def read_snapshot(session: Session) -> Snapshot:
    """What answers follow from by now, without catching up."""
    with session.store.reading() as tx:
        return Snapshot(
            position=last_settled(tx.connection, session.store.schema.events) or 0,
            folded=session.models(tx).checkpoint(tx.connection),
            generation=session.live(tx).number,
        )
