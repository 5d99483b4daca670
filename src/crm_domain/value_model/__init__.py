"""The value model: what was fitted to the buying of all customers, to forecast by."""

from regulars.crm_domain.value_model.aggregate import AGGREGATE
from regulars.crm_domain.value_model.decider import (
    CATEGORY,
    KEY,
    VALUE_MODEL,
    ModelFitted,
    RecordFittedModel,
    ValueModel,
    decide,
    evolve,
)

__all__ = [
    "AGGREGATE",
    "CATEGORY",
    "KEY",
    "VALUE_MODEL",
    "ModelFitted",
    "RecordFittedModel",
    "ValueModel",
    "decide",
    "evolve",
]
