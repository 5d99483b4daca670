"""The rulebook as a value. Its commands are not among those that everybody may give: they have a door of their own."""

from __future__ import annotations

from typing import get_args

from regulars.crm_domain.aggregate import Aggregate, InTheClear
from regulars.crm_domain.rulebook.decider import RULEBOOK, RulebookEvent
from regulars.crm_domain.rulebook.examples import examples
from regulars.crm_domain.rulebook.wording import WORDING

AGGREGATE = Aggregate(
    decider=RULEBOOK,
    events=get_args(RulebookEvent),
    wording=WORDING,
    examples=examples,
    in_the_clear=(
        InTheClear(
            fields=("ruleset", "digest", "reason"),
            events=get_args(RulebookEvent),
            why="it is nobody's, so there is no key that it could be under",
        ),
    ),
)
