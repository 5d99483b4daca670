"""The purchase as a value."""

from __future__ import annotations

from typing import get_args

from regulars.crm_domain.aggregate import Aggregate, InTheClear, addressed
from regulars.crm_domain.purchase.decider import (
    PURCHASE,
    CorrectPurchase,
    PurchaseEvent,
    PurchaseRecorded,
    PurchaseReported,
    PurchaseVoided,
    ReassignPurchase,
    RecordPurchase,
    RecordReturn,
    RestorePurchase,
    ReturnedTotalRecorded,
    ReturnRecorded,
    VoidPurchase,
)
from regulars.crm_domain.purchase.examples import examples
from regulars.crm_domain.purchase.wording import WORDING

_WITH_CONTENT = (PurchaseRecorded, PurchaseReported)
_OF_AN_AMOUNT = (*_WITH_CONTENT, ReturnRecorded, ReturnedTotalRecorded, PurchaseVoided)

AGGREGATE = Aggregate(
    decider=PURCHASE,
    events=get_args(PurchaseEvent),
    commands=(
        *addressed(RecordPurchase, customer="customer", key="order_id"),
        *addressed(
            RecordReturn,
            VoidPurchase,
            RestorePurchase,
            CorrectPurchase,
            ReassignPurchase,
            key="order_id",
        ),
    ),
    wording=WORDING,
    examples=examples,
    in_the_clear=(
        InTheClear(
            fields=("order_id",),
            events=get_args(PurchaseEvent),
            why="the number that the shop gave it, by which an order is found",
        ),
        InTheClear(fields=("currency",), events=_OF_AN_AMOUNT, why="a code of ISO 4217"),
        InTheClear(fields=("lines.sku",), events=_WITH_CONTENT, why="what was bought, to be counted"),
        InTheClear(fields=("channel",), events=_WITH_CONTENT, why="a word to group by"),
        InTheClear(fields=("source",), events=_WITH_CONTENT, why="the name of a shop or a file, which says so"),
        InTheClear(fields=("coupon",), events=_WITH_CONTENT, why="the id of a series of coupons, which many have"),
        InTheClear(
            fields=("return_id",),
            events=(ReturnRecorded,),
            why="the number that the shop gave it, by which a return is told from others",
        ),
    ),
)
