"""The rulebook: by which rules a store judges, and since when, by whose hand and why."""

from regulars.crm_domain.rulebook.aggregate import AGGREGATE
from regulars.crm_domain.rulebook.decider import (
    CATEGORY,
    NOBODY,
    RULEBOOK,
    STREAM,
    Edition,
    PublishRules,
    RollBackRules,
    Rulebook,
    RulebookEvent,
    RulesPublished,
    RulesRolledBack,
    decide,
    evolve,
    founded,
)
from regulars.crm_domain.rulebook.wording import short

__all__ = [
    "AGGREGATE",
    "CATEGORY",
    "NOBODY",
    "RULEBOOK",
    "STREAM",
    "Edition",
    "PublishRules",
    "RollBackRules",
    "Rulebook",
    "RulebookEvent",
    "RulesPublished",
    "RulesRolledBack",
    "decide",
    "evolve",
    "founded",
    "short",
]
