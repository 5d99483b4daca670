"""The parts of the two documents that the library reads: a `Ruleset`, and an `ImportMapping`."""

from regulars.adapters.importing.cells import Cell, Condition, Each
from regulars.adapters.importing.mapping import CommandMapping
from regulars.projections.business_hours.rules import Holiday, Holidays, Hours
from regulars.projections.campaigns import CampaignRules, HeldOutOfAll
from regulars.projections.care.rules import CareRule
from regulars.projections.churn_risk.rules import (
    ChurnRisk,
    Feedback,
    FeedbackPoints,
    Overrides,
    Service,
    ServicePoints,
    SteppedComponent,
)
from regulars.projections.conditions.rules import ConditionRule
from regulars.projections.customer_value.rules import Band, Value
from regulars.projections.due_again.rules import DueAgain
from regulars.projections.lifecycle_stage.rules import Lifecycle, StageRule
from regulars.projections.loyalty_tier.rules import Level, Tier
from regulars.projections.pipeline.rules import PipelineRule, PipelineStage
from regulars.projections.points.rules import EarnRule, Points
from regulars.projections.rules.grammar import Business, Cadence, Letterhead
from regulars.projections.satisfaction.rules import Satisfaction
from regulars.projections.segments.rules import SegmentRule
from regulars.projections.ticket_queue.rules import HoursByPriority, Ticket

__all__ = [
    "Band",
    "Business",
    "Cadence",
    "CampaignRules",
    "CareRule",
    "Cell",
    "ChurnRisk",
    "CommandMapping",
    "Condition",
    "ConditionRule",
    "DueAgain",
    "Each",
    "EarnRule",
    "Feedback",
    "FeedbackPoints",
    "HeldOutOfAll",
    "Holiday",
    "Holidays",
    "Hours",
    "HoursByPriority",
    "Letterhead",
    "Level",
    "Lifecycle",
    "Overrides",
    "PipelineRule",
    "PipelineStage",
    "Points",
    "Satisfaction",
    "SegmentRule",
    "Service",
    "ServicePoints",
    "StageRule",
    "SteppedComponent",
    "Ticket",
    "Tier",
    "Value",
]
