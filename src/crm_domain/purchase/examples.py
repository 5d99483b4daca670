"""Examples of orders and returns."""

from __future__ import annotations

from decimal import Decimal

from regulars.crm_domain.aggregate import Examples
from regulars.crm_domain.purchase.decider import (
    Line,
    OrderLine,
    PurchaseRecorded,
    RecordPurchase,
    RecordReturn,
    ReturnRecorded,
)


def examples() -> Examples:
    """Examples of orders and returns."""
    return Examples(
        events=(
            PurchaseRecorded(
                order_id="A-1",
                amount=5990,
                currency="EUR",
                lines=(Line(sku="tea", quantity=2, amount=4000), Line(sku="gift wrap")),
                channel="web",
            ),
            ReturnRecorded(order_id="A-1", amount=2000, currency="EUR", return_id="R-1"),
        ),
        commands=(
            RecordPurchase(
                customer="shop:1",
                order_id="A-1",
                amount=Decimal("59.90"),
                currency="EUR",
                lines=(OrderLine(sku="tea", quantity=2, amount=Decimal("40.00")), OrderLine(sku="gift wrap")),
                channel="web",
            ),
            RecordReturn(order_id="A-1", amount=Decimal("20"), currency="EUR", return_id="R-1"),
        ),
    )
