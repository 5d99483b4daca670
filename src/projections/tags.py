"""Which tags does a customer carry? For each tag the last word in time counts, of whichever identity it was said."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from regulars.crm_domain.customer import CustomerTagged, CustomerUntagged
from regulars.projections.engine.projector import Judgement, Key, Projector
from regulars.projections.facts.shared import Facts
from regulars.projections.rules.compiled import Rules

VERSION = 1


class TagVerdict(Struct, frozen=True, gc=False):
    """A tag is there; of one that isn't, nothing is held."""

    value: Literal["carried"] = "carried"


def judge(standing: None, is_carried: bool, rules: Rules, at: int, until: int) -> tuple[Judgement]:
    """Events alone change it, so it is judged once."""
    return ((at, None, _CARRIED if is_carried else None),)


_CARRIED = TagVerdict()


def _is_carried(facts: Facts, label: str) -> bool:
    return next(named.given for named in reversed(facts.tags) if named.name == label)


TAGS = Projector(
    name="tags",
    question="Which tags does this customer carry?",
    version=VERSION,
    handles=frozenset({CustomerTagged, CustomerUntagged}),
    standing=type(None),
    judges_by=(),
    judge=judge,
    verdict=TagVerdict,
    key=Key(name="tag", of=lambda event: event.label, facts=_is_carried),
)
