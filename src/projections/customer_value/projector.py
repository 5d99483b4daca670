"""The projection: what a customer is worth by what they bought lately."""

from __future__ import annotations

from regulars.crm_domain.purchase import PurchaseRecorded, ReturnedTotalRecorded, ReturnRecorded
from regulars.projections.customer_value.explain import explain
from regulars.projections.customer_value.judge import Worth, judge
from regulars.projections.engine.projector import Projector

VERSION = 2

CUSTOMER_VALUE = Projector(
    name="customer_value",
    question="What is this customer worth, by what they bought within the window?",
    version=VERSION,
    handles=frozenset({PurchaseRecorded, ReturnRecorded, ReturnedTotalRecorded}),
    standing=type(None),
    judges_by=("value",),
    judge=judge,
    explain=explain,
    verdict=Worth,
)
