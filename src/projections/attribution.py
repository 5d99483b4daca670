"""Is this a person or a firm, who looks after them, and where did they come from? The last word in time on each."""

from __future__ import annotations

from msgspec import Struct

from regulars.crm_domain.customer import CustomerRegistered, KindChanged, OwnerAssigned
from regulars.projections.engine.projector import Judgement, Projector
from regulars.projections.facts.shared import Facts, kind_at
from regulars.projections.rules.compiled import Rules

VERSION = 2


class Attributed(Struct, frozen=True, kw_only=True, gc=False):
    """A person or a firm, and who looks after them, and where they came from, None where nobody said."""

    kind: str
    owner: str | None
    source: str | None


def judge(standing: None, facts: Facts, rules: Rules, at: int, until: int) -> tuple[Judgement]:
    """Events alone change it, so it is judged once."""
    owner = facts.owners[-1].name if facts.owners else None
    source = facts.source.name if facts.source else None
    return ((at, None, Attributed(kind=kind_at(facts, at), owner=owner, source=source)),)


ATTRIBUTION = Projector(
    name="attribution",
    question="Is this a person or a firm, who looks after them, and where did they come from?",
    version=VERSION,
    handles=frozenset({CustomerRegistered, KindChanged, OwnerAssigned}),
    standing=type(None),
    judges_by=(),
    judge=judge,
    verdict=Attributed,
)
