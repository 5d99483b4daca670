"""Examples of what happens to an opportunity, and of commands to it."""

from __future__ import annotations

from datetime import date

from regulars.crm_domain.aggregate import Examples
from regulars.crm_domain.command import CustomerId
from regulars.crm_domain.opportunity.decider import (
    ChangeOpportunity,
    LoseOpportunity,
    MoveOpportunity,
    OpenOpportunity,
    OpportunityChanged,
    OpportunityLost,
    OpportunityOpened,
    OpportunityReopened,
    OpportunityStageChanged,
    OpportunityWon,
    ReopenOpportunity,
    WinOpportunity,
)

_AT = 1_772_366_400_000_000  # 2026-03-01, noon
_FIRM = "0123456789abcdef0123456789abcdef"
_DAY = date(2026, 4, 30)


def examples() -> Examples:
    """Examples of what happens to an opportunity, and of commands to it."""
    return Examples(
        events=(
            OpportunityOpened(
                opportunity_id="O-1",
                at=_AT,
                pipeline="sales",
                stage="contacted",
                amount=1_200_00,
                currency="EUR",
                title="Tea for the office",
                owner="li",
                source="fair",
                expected_close=_DAY,
                firm_id=_FIRM,
            ),
            OpportunityStageChanged(opportunity_id="O-1", stage="proposal"),
            OpportunityChanged(
                opportunity_id="O-1",
                changed=("title", "amount", "owner", "source", "expected_close", "firm_id"),
                amount=1_500_00,
                currency="EUR",
                title="Tea for both offices",
                owner="mo",
                source="friend",
                expected_close=_DAY,
                firm_id=_FIRM,
            ),
            OpportunityWon(opportunity_id="O-1", amount=1_450_00, currency="EUR", quote_id="Q-1"),
            OpportunityLost(opportunity_id="O-1", reason="price", detail="The neighbours are cheaper"),
            OpportunityReopened(opportunity_id="O-1", stage="negotiation"),
        ),
        commands=(
            OpenOpportunity(
                customer="shop:1",
                opportunity_id="O-1",
                pipeline="sales",
                stage="contacted",
                amount="1200.00",
                title="Tea for the office",
                owner="li",
                source="fair",
                expected_close=_DAY,
                firm=CustomerId(_FIRM),
            ),
            MoveOpportunity(opportunity_id="O-1", stage="proposal"),
            ChangeOpportunity(opportunity_id="O-1", amount="1500.00", owner="mo"),
            WinOpportunity(opportunity_id="O-1", amount="1450.00", quote_id="Q-1"),
            LoseOpportunity(opportunity_id="O-1", reason="price", detail="The neighbours are cheaper"),
            ReopenOpportunity(opportunity_id="O-1", stage="negotiation"),
        ),
    )
