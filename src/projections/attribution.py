"""Who looks after this customer, and where did they come from? The last word in time on each."""

from __future__ import annotations

from msgspec import Struct

from regulars.crm_domain.customer import CustomerRegistered, OwnerAssigned
from regulars.projections.engine.projector import Judgement, Projector
from regulars.projections.facts.shared import Facts
from regulars.projections.rules.compiled import Rules

VERSION = 1


class Attributed(Struct, frozen=True, kw_only=True, gc=False):
    """At least one of both is known; of a customer of whom neither is, nothing is held."""

    owner: str | None
    source: str | None


def judge(standing: None, facts: Facts, rules: Rules, at: int, until: int) -> tuple[Judgement]:
    """Events alone change it, so it is judged once."""
    owner = facts.owners[-1].name if facts.owners else None
    source = facts.source.name if facts.source else None
    return ((at, None, None if owner is source is None else Attributed(owner=owner, source=source)),)


ATTRIBUTION = Projector(
    name="attribution",
    question="Who looks after this customer, and where did they come from?",
    version=VERSION,
    handles=frozenset({CustomerRegistered, OwnerAssigned}),
    standing=type(None),
    judges_by=(),
    judge=judge,
    verdict=Attributed,
)
