"""The projection: where a customer stands on the ladder of stages."""

from __future__ import annotations

from regulars.crm_domain.customer import AccountClosed, AccountReopened, CustomerRegistered, LeadQualified
from regulars.crm_domain.interaction import InteractionRecorded, SurveyAnswered
from regulars.crm_domain.purchase import PurchaseRecorded
from regulars.crm_domain.ticket import TicketOpened, TicketRated
from regulars.projections.churn_risk.projector import CHURN_RISK
from regulars.projections.contracts import CONTRACTS
from regulars.projections.customer_value.projector import CUSTOMER_VALUE
from regulars.projections.engine.projector import Projector
from regulars.projections.lifecycle_stage.explain import explain
from regulars.projections.lifecycle_stage.judge import Standing, judge
from regulars.projections.loyalty_tier.projector import LOYALTY_TIER
from regulars.projections.satisfaction.projector import SATISFACTION

VERSION = 1

LIFECYCLE_STAGE = Projector(
    name="lifecycle_stage",
    question="Where does this customer stand on the way from lead to regular, and back?",
    version=VERSION,
    handles=frozenset(
        {
            CustomerRegistered,
            LeadQualified,
            AccountClosed,
            AccountReopened,
            PurchaseRecorded,
            InteractionRecorded,
            SurveyAnswered,
            TicketOpened,
            TicketRated,
        }
    ),
    standing=Standing,
    judges_by=("lifecycle", "cadence"),
    heeds=lambda rules: rules.ladder.events,
    judge=judge,
    explain=explain,
    lists_by=("value", "due"),
    may_read=(CONTRACTS, SATISFACTION, CUSTOMER_VALUE, CHURN_RISK, LOYALTY_TIER),
    reads=lambda rules: rules.ladder.reads,
)
