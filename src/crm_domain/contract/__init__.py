"""A contract: what was signed with a customer, from a first day to a last one, or until somebody ends it."""

from regulars.crm_domain.contract.aggregate import AGGREGATE
from regulars.crm_domain.contract.decider import (
    CATEGORY,
    CHRONOLOGY,
    CONTRACT,
    AmendContract,
    Contract,
    ContractAmended,
    ContractEnded,
    ContractEvent,
    ContractRenewed,
    ContractSigned,
    EndContract,
    RenewContract,
    SignContract,
    Terms,
    terms_after,
)

__all__ = [
    "AGGREGATE",
    "CATEGORY",
    "CHRONOLOGY",
    "CONTRACT",
    "AmendContract",
    "Contract",
    "ContractAmended",
    "ContractEnded",
    "ContractEvent",
    "ContractRenewed",
    "ContractSigned",
    "EndContract",
    "RenewContract",
    "SignContract",
    "Terms",
    "terms_after",
]
