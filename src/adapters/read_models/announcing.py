"""Log lines about generations and customers, with nothing personal in them."""

from __future__ import annotations

from regulars.adapters.logs import PROJECTIONS
from regulars.adapters.read_models.histories import Poison


def tell_parked(poison: Poison) -> None:
    """Warn that a customer is parked, by id and position alone: the reason may quote personal data."""
    PROJECTIONS.warning("parked id:%s at event #%d, which can't be folded", poison.customer_id, poison.position)


def tell_live(number: int) -> None:
    """Say that a generation is live, once that is committed."""
    PROJECTIONS.info("generation %d answers", number)
