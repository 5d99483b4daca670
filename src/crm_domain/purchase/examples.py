"""Examples of orders and returns."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from regulars.crm_domain.aggregate import Examples
from regulars.crm_domain.purchase.decider import (
    CorrectPurchase,
    Line,
    OrderLine,
    PurchaseRecorded,
    PurchaseReported,
    PurchaseRestored,
    PurchaseVoided,
    ReassignPurchase,
    RecordPurchase,
    RecordReturn,
    RestorePurchase,
    ReturnedTotalRecorded,
    ReturnRecorded,
    VoidPurchase,
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
                source="shop",
                coupon="SUMMER10",
            ),
            PurchaseRecorded(order_id="A-1", amount=4990, currency="EUR", number=2),
            ReturnRecorded(order_id="A-1", amount=2000, currency="EUR", return_id="R-1", number=2),
            ReturnedTotalRecorded(order_id="A-1", returned_so_far=2500, currency="EUR", number=2),
            PurchaseReported(
                order_id="A-1",
                amount=4990,
                currency="EUR",
                lines=(Line(sku="tea", quantity=2, amount=4000),),
                channel="web",
                source="shop",
                coupon="SUMMER10",
            ),
            PurchaseVoided(order_id="A-1", number=1, amount=5990, currency="EUR", cause="correction"),
            PurchaseRestored(order_id="A-1", number=1),
        ),
        commands=(
            RecordPurchase(
                customer="shop:1",
                order_id="A-1",
                amount=Decimal("59.90"),
                currency="EUR",
                lines=(OrderLine(sku="tea", quantity=2, amount=Decimal("40.00")), OrderLine(sku="gift wrap")),
                channel="web",
                source="shop",
                coupon="SUMMER10",
            ),
            RecordReturn(order_id="A-1", amount=Decimal("20"), currency="EUR", return_id="R-1"),
            RecordReturn(order_id="A-1", returned_so_far=Decimal("25")),
            VoidPurchase(order_id="A-1"),
            RestorePurchase(order_id="A-1"),
            CorrectPurchase(
                order_id="A-1",
                amount=Decimal("49.90"),
                lines=(OrderLine(sku="tea"),),
                channel="web",
                bought_at=datetime(2026, 3, 1, 12, tzinfo=UTC),
                coupon="SUMMER10",
            ),
            ReassignPurchase(order_id="A-1", to="shop:2"),
        ),
    )
