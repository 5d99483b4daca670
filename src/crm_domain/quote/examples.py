"""Examples of what happens to a quote, and of commands to it."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from regulars.crm_domain.aggregate import Examples
from regulars.crm_domain.quote.decider import (
    AcceptQuote,
    DeclineQuote,
    QuoteAccepted,
    QuoteDeclined,
    QuotedLine,
    QuoteLine,
    QuoteRevised,
    QuoteSent,
    ReviseQuote,
    SendQuote,
)

_AT = 1_772_366_400_000_000  # 2026-03-01, noon
_UNTIL = date(2026, 3, 31)
_LINES = (
    QuotedLine(quantity="2", unit_price="9.5", tax_rate="7", amount=1_900, sku="tea"),
    QuotedLine(quantity="1.5", unit_price="80", tax_rate="0", amount=12_000),
)
_TOLD = (
    QuoteLine(
        sku="tea", description="Green tea, 1 kg", quantity=Decimal(2), unit_price=Decimal("9.50"), tax_rate=Decimal(7)
    ),
    QuoteLine(description="A tasting", quantity=Decimal("1.5"), unit_price=Decimal(80), tax_rate=Decimal(0)),
)
_FIRM = "0123456789abcdef0123456789abcdef"


def examples() -> Examples:
    """Examples of what happens to a quote, and of commands to it."""
    return Examples(
        events=(
            QuoteSent(
                quote_id="Q-1",
                at=_AT,
                currency="EUR",
                lines=_LINES,
                prices="gross",
                valid_until=_UNTIL,
                opportunity_id="O-1",
                firm_id=_FIRM,
                descriptions=("Green tea, 1 kg", "A tasting"),
                exemption="Courses are free of tax",
                note="For your anniversary",
            ),
            QuoteRevised(
                quote_id="Q-1",
                at=_AT,
                revision=2,
                currency="EUR",
                lines=_LINES[:1],
                prices="gross",
                valid_until=_UNTIL,
                descriptions=("Green tea, 1 kg",),
                exemption="Sold abroad",
                note="Without the tasting",
            ),
            QuoteAccepted(
                quote_id="Q-1",
                at=_AT,
                revision=2,
                currency="EUR",
                net=1_776,
                tax=124,
                gross=1_900,
                order_id="A-1",
                contract_id="C-1",
            ),
            QuoteDeclined(quote_id="Q-1", at=_AT, cause="price", detail="My brother has it cheaper"),
        ),
        commands=(
            SendQuote(
                customer="shop:1",
                quote_id="Q-1",
                lines=_TOLD,
                prices="gross",
                valid_until=_UNTIL,
                exemption="Courses are free of tax",
                note="For your anniversary",
                opportunity_id="O-1",
                firm="shop:9",
            ),
            ReviseQuote(quote_id="Q-1", revision=2, lines=_TOLD[:1], prices="gross", valid_until=_UNTIL),
            AcceptQuote(
                quote_id="Q-1",
                revision=2,
                order_id="A-1",
                contract_id="C-1",
                start=date(2026, 4, 1),
                end=date(2027, 3, 31),
                renewal_months=12,
                notice_days=90,
            ),
            DeclineQuote(quote_id="Q-1", cause="price", detail="My brother has it cheaper"),
        ),
    )
