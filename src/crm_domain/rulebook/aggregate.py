"""The rulebook as a value. Its commands are not among those that everybody may give: they have a door of their own."""

from __future__ import annotations

from typing import get_args

from crm_domain.aggregate import Aggregate
from crm_domain.rulebook.decider import (
    RULEBOOK,
    RulebookEvent,
)
from crm_domain.rulebook.wording import WORDING

AGGREGATE = Aggregate(
    decider=RULEBOOK,
    events=get_args(RulebookEvent),
    wording=WORDING,
)
