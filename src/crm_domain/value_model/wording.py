"""How what was fitted is told."""

from __future__ import annotations

from collections.abc import Iterator

from regulars.crm_domain.value_model.decider import ModelFitted, ValueModel
from regulars.crm_domain.wording import Field, Wording


def what(event: ModelFitted) -> str:
    """What was fitted, in a few words."""
    return f"value model fitted to {event.customers:,} customers for {event.horizon_days} days"


def deed(event: ModelFitted, who: str, other: str) -> str:
    """What was fitted, as somebody did it."""
    return f"fitted a value model to {event.customers:,} customers for {event.horizon_days} days"


def fields(state: ValueModel) -> Iterator[Field]:
    """What the audit compares of the value model."""
    last = state.last
    yield "model", None if last is None else str(state.fitted)
    yield "orders", None if last is None else f"r {last.r}, alpha {last.alpha}, a {last.a}, b {last.b}"
    yield "spend", None if last is None else f"p {last.p}, q {last.q}, v {last.v}"


WORDING = Wording(what=what, deed=deed, fields=fields)
