"""What an `Extension` is made of: aggregates with their words, indexes, and projections.

`docs/howto-extension.md` shows one. An aggregate is `Decider`, events, commands, `Wording` and `Examples`; all text in
its events is `Personal` or named in `InTheClear`. The kinds of text that a command takes are `Label`, `Text`, `Who` and
`Reference`, other fields `Amount`, `Day`, `Moment` and `Whole`.
"""

from regulars.adapters.indexes.index import OWNER, Added, Changed, Digest, Entries, Index, Removed
from regulars.crm_domain.aggregate import Addressed, Aggregate, Examples, InTheClear, addressed
from regulars.crm_domain.chronology import Chronology
from regulars.crm_domain.command import (
    Amount,
    Context,
    Day,
    Decider,
    Label,
    Moment,
    PipelinePolicy,
    Reference,
    Text,
    TicketPolicy,
    Who,
    Whole,
    occurred_at,
)
from regulars.crm_domain.event import Personal
from regulars.crm_domain.instant import DAY
from regulars.crm_domain.points import BonusRule, PointsPolicy
from regulars.crm_domain.upcasts import Upcast
from regulars.crm_domain.wording import Wording, listed, plain_fields, plain_value
from regulars.projections.engine.projector import Key, Projector, RuledKey
from regulars.projections.facts.fact_set import FactSet
from regulars.projections.parts import Part
from regulars.projections.rules.compiled import Rules
from regulars.projections.rules.section import Section
from regulars.projections.verdict import Interval, Reason, Verdict

__all__ = [
    "DAY",
    "OWNER",
    "Added",
    "Addressed",
    "Aggregate",
    "Amount",
    "BonusRule",
    "Changed",
    "Chronology",
    "Context",
    "Day",
    "Decider",
    "Digest",
    "Entries",
    "Examples",
    "FactSet",
    "InTheClear",
    "Index",
    "Interval",
    "Key",
    "Label",
    "Moment",
    "Part",
    "Personal",
    "PipelinePolicy",
    "PointsPolicy",
    "Projector",
    "Reason",
    "Reference",
    "Removed",
    "RuledKey",
    "Rules",
    "Section",
    "Text",
    "TicketPolicy",
    "Upcast",
    "Verdict",
    "Who",
    "Whole",
    "Wording",
    "addressed",
    "listed",
    "occurred_at",
    "plain_fields",
    "plain_value",
]
