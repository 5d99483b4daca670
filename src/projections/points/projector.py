"""The projection: how many points a customer can spend."""

from __future__ import annotations

from typing import get_args

from regulars.crm_domain.membership import MembershipEvent
from regulars.projections.engine.projector import Projector
from regulars.projections.points.explain import explain
from regulars.projections.points.judge import Standing, judge

VERSION = 1

POINTS = Projector(
    name="points",
    question="How many points can this customer spend, how many are pending, and when does that change?",
    version=VERSION,
    handles=frozenset(get_args(MembershipEvent)),
    standing=Standing,
    judges_by=(),
    judge=judge,
    explain=explain,
)
