"""A customer's new fold, to be stored."""

from __future__ import annotations

from collections.abc import Collection

from msgspec import Struct

from regulars.adapters.read_models.histories import History
from regulars.adapters.schema.builds import FACTS
from regulars.projections.engine.fold import Folded, Timelines


class Update(Struct, frozen=True, kw_only=True):
    """A customer's new fold. `timelines` begin at the first instant at which they differ from the stored ones.

    `known` is true where rows of this customer are stored already. `changed` are the projections and sets of facts to
    which something happened; of the others all is stored as it was.
    """

    customer: int
    folded: Folded
    timelines: Timelines
    known: bool
    changed: Collection[str]


def new_update(history: History) -> Update:
    """The update of a customer who was folded from the log and of whom no row is stored."""
    return Update(
        customer=history.customer,
        folded=history.folded,
        timelines=history.timelines,
        known=False,
        changed={FACTS, *history.folded.own, *history.timelines},
    )
