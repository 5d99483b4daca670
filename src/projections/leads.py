"""How far has this customer come on the way from a lead to what is won, and where did they come from?"""

from __future__ import annotations

from typing import Literal, get_args

from msgspec import Struct

from regulars.crm_domain.customer import CustomerRegistered, LeadDisqualified, LeadQualified
from regulars.crm_domain.opportunity import OpportunityEvent, OpportunityStatus
from regulars.projections.engine.projector import Judgement, Projector
from regulars.projections.facts.shared import Facts
from regulars.projections.rules.compiled import Rules

VERSION = 1

#: How far somebody has come. An opportunity is a step beyond being qualified, whether or not anybody said so.
Step = Literal["registered", "disqualified", "qualified", "opened", "won"]


class Lead(Struct, frozen=True, kw_only=True, gc=False):
    """The furthest step of somebody who is registered, through what they came, and since when they are known, in
    microseconds.
    """

    value: Step
    source: str | None
    registered_at: int


def judge(standing: None, facts: Facts, rules: Rules, at: int, until: int) -> tuple[Judgement]:
    """Events alone change it, so it is judged once."""
    if facts.registered is None:
        return ((at, None, None),)
    source = None if facts.source is None else facts.source.name
    return ((at, None, Lead(value=_step(facts), source=source, registered_at=facts.registered.at)),)


def _step(facts: Facts) -> Step:
    opened = [each.status for each in facts.opportunities.values() if each.opened]
    if OpportunityStatus.WON in opened:
        return "won"
    if opened:
        return "opened"
    if facts.qualified:
        return "qualified"
    return "disqualified" if facts.disqualified else "registered"


LEADS = Projector(
    name="leads",
    question="How far has this customer come on the way from a lead to what is won?",
    version=VERSION,
    handles=frozenset({CustomerRegistered, LeadQualified, LeadDisqualified, *get_args(OpportunityEvent)}),
    standing=type(None),
    judges_by=(),
    judge=judge,
    verdict=Lead,
)
