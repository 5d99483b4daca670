"""The projection: how likely it is that a customer is slipping away."""

from __future__ import annotations

from typing import get_args

from regulars.crm_domain.customer import (
    AccountClosed,
    AccountReopened,
    CancellationRequested,
    CancellationWithdrawn,
    CustomerRegistered,
)
from regulars.crm_domain.interaction import InteractionRecorded, SurveyAnswered
from regulars.crm_domain.purchase import PurchaseRecorded, ReturnedTotalRecorded, ReturnRecorded
from regulars.crm_domain.ticket import TicketEvent
from regulars.projections.churn_risk.explain import explain
from regulars.projections.churn_risk.judge import Standing, judge
from regulars.projections.engine.projector import Projector

VERSION = 1

CHURN_RISK = Projector(
    name="churn_risk",
    question="How likely is it that this customer is slipping away?",
    version=VERSION,
    handles=frozenset(
        {
            CustomerRegistered,
            AccountClosed,
            AccountReopened,
            CancellationRequested,
            CancellationWithdrawn,
            PurchaseRecorded,
            ReturnRecorded,
            ReturnedTotalRecorded,
            InteractionRecorded,
            SurveyAnswered,
            *get_args(TicketEvent),
        }
    ),
    standing=Standing,
    judges_by=("churn_risk", "cadence", "satisfaction", "ticket"),
    judge=judge,
    explain=explain,
    lists_by=("value", "due", "score"),
)
