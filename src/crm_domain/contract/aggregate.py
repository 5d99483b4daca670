"""The contract as a value."""

from __future__ import annotations

from typing import get_args

from regulars.crm_domain.aggregate import Aggregate, InTheClear, addressed
from regulars.crm_domain.contract.decider import (
    CONTRACT,
    AmendContract,
    ContractAmended,
    ContractEnded,
    ContractEvent,
    ContractRenewed,
    ContractSigned,
    EndContract,
    RenewContract,
    SignContract,
)
from regulars.crm_domain.contract.examples import examples
from regulars.crm_domain.contract.wording import WORDING

_A_DAY = "a day of the contract, from or until which it is in force"

AGGREGATE = Aggregate(
    decider=CONTRACT,
    events=get_args(ContractEvent),
    commands=(
        *addressed(SignContract, customer="customer", key="contract_id"),
        *addressed(AmendContract, RenewContract, EndContract, key="contract_id"),
    ),
    wording=WORDING,
    examples=examples,
    in_the_clear=(
        InTheClear(
            fields=("contract_id",),
            events=get_args(ContractEvent),
            why="the number that it has outside, by which a contract is found",
        ),
        InTheClear(fields=("start", "end"), events=(ContractSigned,), why=_A_DAY),
        InTheClear(fields=("end",), events=(ContractAmended,), why=_A_DAY),
        InTheClear(fields=("until",), events=(ContractRenewed,), why=_A_DAY),
        InTheClear(fields=("on",), events=(ContractEnded,), why=_A_DAY),
        InTheClear(fields=("currency",), events=(ContractSigned, ContractAmended), why="a code of ISO 4217"),
        InTheClear(
            fields=("quote_id", "opportunity_id"),
            events=(ContractSigned,),
            why="the numbers of the quote and the opportunity that it came of",
        ),
        InTheClear(fields=("firm_id",), events=(ContractSigned,), why="the random id of a customer"),
        InTheClear(fields=("cause",), events=(ContractEnded,), why="a word to group by"),
    ),
)
