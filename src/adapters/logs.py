"""What a program may listen to by Python's `logging`: names of loggers, and nothing personal ever.

INFO tells what changed for good (a store was made or migrated, another generation answers), WARNING what somebody has
to look at (a customer is parked, by id and position), DEBUG what passes.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from regulars.adapters.read_models.histories import Poison

#: Stores that are made, opened, migrated and closed; writers that wait for each other.
STORE = logging.getLogger("regulars.store")
#: Generations that are built and go live; customers who are parked.
PROJECTIONS = logging.getLogger("regulars.projections")

# As the standard library asks of libraries: who doesn't listen isn't spoken to.
logging.getLogger("regulars").addHandler(logging.NullHandler())


def tell_parked(poison: Poison) -> None:
    """Say who is left behind, by id and position alone: the reason may quote what is personal."""
    PROJECTIONS.warning("parked id:%s at event #%d, which can't be folded", poison.customer_id, poison.position)


def tell_live(number: int) -> None:
    """Say which generation answers, once that is committed."""
    PROJECTIONS.info("generation %d answers", number)
