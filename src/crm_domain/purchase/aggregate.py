"""The purchase as a value."""

from __future__ import annotations

from typing import get_args

from crm_domain.aggregate import Aggregate, addressed
from crm_domain.purchase.decider import (
    PURCHASE,
    PurchaseEvent,
    RecordPurchase,
    RecordReturn,
)
from crm_domain.purchase.wording import WORDING

AGGREGATE = Aggregate(
    decider=PURCHASE,
    events=get_args(PurchaseEvent),
    commands=(
        *addressed(RecordPurchase, customer="customer", key="order_id"),
        *addressed(RecordReturn, key="order_id"),
    ),
    wording=WORDING,
)
