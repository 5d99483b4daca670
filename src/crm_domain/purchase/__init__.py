"""A purchase with its returns: one stream an order, so a customer's thousandth is as quick as the first."""

from regulars.crm_domain.purchase.aggregate import AGGREGATE
from regulars.crm_domain.purchase.decider import (
    CATEGORY,
    MAX_LINES,
    PURCHASE,
    Line,
    OrderLine,
    Purchase,
    PurchaseEvent,
    PurchaseRecorded,
    RecordPurchase,
    RecordReturn,
    ReturnRecorded,
)

__all__ = [
    "AGGREGATE",
    "CATEGORY",
    "MAX_LINES",
    "PURCHASE",
    "Line",
    "OrderLine",
    "Purchase",
    "PurchaseEvent",
    "PurchaseRecorded",
    "RecordPurchase",
    "RecordReturn",
    "ReturnRecorded",
]
