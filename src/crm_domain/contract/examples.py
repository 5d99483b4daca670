"""Examples of what happens to a contract, and of commands to it."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from regulars.crm_domain.aggregate import Examples
from regulars.crm_domain.contract.decider import (
    AmendContract,
    ContractAmended,
    ContractEnded,
    ContractRenewed,
    ContractSigned,
    EndContract,
    RenewContract,
    SignContract,
)

_AT = 1_772_366_400_000_000  # 2026-03-01, noon
_FIRM = "0123456789abcdef0123456789abcdef"


def examples() -> Examples:
    """Examples of what happens to a contract, and of commands to it."""
    start, end = date(2026, 4, 1), date(2027, 3, 31)
    return Examples(
        events=(
            ContractSigned(
                contract_id="C-1",
                at=_AT,
                start=start,
                amount=120_000,
                currency="EUR",
                end=end,
                renewal_months=12,
                notice_days=90,
                quote_id="Q-1",
                opportunity_id="O-1",
                firm_id=_FIRM,
                subject="Tea for the office of Ada",
            ),
            ContractAmended(
                contract_id="C-1",
                at=_AT,
                end=date(2027, 6, 30),
                renewal_months=6,
                notice_days=30,
                amount=140_000,
                currency="EUR",
                note="As agreed with Ada",
            ),
            ContractRenewed(contract_id="C-1", at=_AT, until=date(2028, 3, 31)),
            ContractEnded(contract_id="C-1", at=_AT, on=date(2028, 3, 31), cause="moved", detail="Ada moves abroad"),
        ),
        commands=(
            SignContract(
                customer="shop:1",
                contract_id="C-1",
                start=start,
                amount=Decimal("1200.00"),
                end=end,
                renewal_months=12,
                notice_days=90,
                quote_id="Q-1",
                opportunity_id="O-1",
                firm="shop:9",
                subject="Tea for the office of Ada",
            ),
            AmendContract(contract_id="C-1", amount=Decimal("1400.00"), note="As agreed with Ada"),
            RenewContract(contract_id="C-1", until=date(2028, 3, 31)),
            EndContract(contract_id="C-1", on=date(2028, 3, 31), cause="moved", detail="Ada moves abroad"),
        ),
    )
