"""The buying of customers as of an instant, as models take it."""

from __future__ import annotations

from collections.abc import Sequence
from zoneinfo import ZoneInfo

import numpy as np

from regulars.adapters.read_models.everyone import Held
from regulars.crm_domain.instant import to_datetime
from regulars.modelling.buyers import Buyers, buyers
from regulars.projections.rfm_summary import EPOCH


def buyers_of(held: Sequence[Held], at: int, zone: ZoneInfo, exponent: int) -> Buyers:
    """Customers with their summaries at an instant, in the same order."""
    day = to_datetime(at).astimezone(zone).toordinal() - EPOCH
    rows = [
        (each.buying_days - 1, each.last_day - each.first_day, day - each.first_day, each.spend - each.first_spend)
        for each in (one.verdict for one in held)
    ]
    repeats, recency, age, spent = np.array(rows, dtype=np.int64).reshape(-1, 4).T
    return buyers(repeats, recency, age, spent, exponent)
