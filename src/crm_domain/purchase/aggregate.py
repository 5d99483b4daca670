"""The purchase as a value."""

from __future__ import annotations

from typing import get_args

from regulars.crm_domain.aggregate import Aggregate, InTheClear, addressed
from regulars.crm_domain.purchase.decider import (
    PURCHASE,
    PurchaseEvent,
    PurchaseRecorded,
    RecordPurchase,
    RecordReturn,
    ReturnRecorded,
)
from regulars.crm_domain.purchase.examples import examples
from regulars.crm_domain.purchase.wording import WORDING

AGGREGATE = Aggregate(
    decider=PURCHASE,
    events=get_args(PurchaseEvent),
    commands=(
        *addressed(RecordPurchase, customer="customer", key="order_id"),
        *addressed(RecordReturn, key="order_id"),
    ),
    wording=WORDING,
    examples=examples,
    in_the_clear=(
        InTheClear(
            fields=("order_id",),
            events=get_args(PurchaseEvent),
            why="the number that the shop gave it, by which an order is found",
        ),
        InTheClear(fields=("currency",), events=get_args(PurchaseEvent), why="a code of ISO 4217"),
        InTheClear(fields=("lines.sku",), events=(PurchaseRecorded,), why="what was bought, to be counted"),
        InTheClear(fields=("channel",), events=(PurchaseRecorded,), why="a word to group by"),
        InTheClear(
            fields=("return_id",),
            events=(ReturnRecorded,),
            why="the number that the shop gave it, by which a return is told from others",
        ),
    ),
)
