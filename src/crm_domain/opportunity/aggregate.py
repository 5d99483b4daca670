"""The opportunity as a value."""

from __future__ import annotations

from typing import get_args

from regulars.crm_domain.aggregate import Aggregate, InTheClear, addressed
from regulars.crm_domain.opportunity.decider import (
    OPPORTUNITY,
    ChangeOpportunity,
    LoseOpportunity,
    MoveOpportunity,
    OpenOpportunity,
    OpportunityChanged,
    OpportunityEvent,
    OpportunityLost,
    OpportunityOpened,
    OpportunityReopened,
    OpportunityStageChanged,
    OpportunityWon,
    ReopenOpportunity,
    WinOpportunity,
)
from regulars.crm_domain.opportunity.examples import examples
from regulars.crm_domain.opportunity.wording import WORDING

AGGREGATE = Aggregate(
    decider=OPPORTUNITY,
    events=get_args(OpportunityEvent),
    commands=(
        *addressed(OpenOpportunity, customer="customer", key="opportunity_id"),
        *addressed(
            MoveOpportunity, ChangeOpportunity, WinOpportunity, LoseOpportunity, ReopenOpportunity, key="opportunity_id"
        ),
    ),
    wording=WORDING,
    examples=examples,
    in_the_clear=(
        InTheClear(
            fields=("opportunity_id",),
            events=get_args(OpportunityEvent),
            why="the number that it has outside, by which an opportunity is found",
        ),
        InTheClear(fields=("pipeline",), events=(OpportunityOpened,), why="a word of the rules, to group by"),
        InTheClear(
            fields=("stage",),
            events=(OpportunityOpened, OpportunityStageChanged, OpportunityReopened),
            why="a word of the rules, to group by",
        ),
        InTheClear(
            fields=("currency",),
            events=(OpportunityOpened, OpportunityChanged, OpportunityWon),
            why="the store's currency, which its amounts are in",
        ),
        InTheClear(
            fields=("owner",),
            events=(OpportunityOpened, OpportunityChanged),
            why="who in the business looks after it, to group by",
        ),
        InTheClear(
            fields=("source",),
            events=(OpportunityOpened, OpportunityChanged),
            why="a word for where it came from, to group by",
        ),
        InTheClear(
            fields=("firm_id",),
            events=(OpportunityOpened, OpportunityChanged),
            why="a random id, which says nothing",
        ),
        InTheClear(
            fields=("expected_close",),
            events=(OpportunityOpened, OpportunityChanged),
            why="a day of the business, which says nothing of a person",
        ),
        InTheClear(fields=("quote_id",), events=(OpportunityWon,), why="the number of a quote"),
        InTheClear(
            fields=("reason",), events=(OpportunityLost,), why="a word to group by; their own words are personal"
        ),
    ),
)
