"""The value model as a value."""

from __future__ import annotations

from regulars.crm_domain.aggregate import Aggregate, InTheClear, addressed
from regulars.crm_domain.value_model.decider import VALUE_MODEL, ModelFitted, RecordFittedModel
from regulars.crm_domain.value_model.examples import examples
from regulars.crm_domain.value_model.wording import WORDING

AGGREGATE = Aggregate(
    decider=VALUE_MODEL,
    events=(ModelFitted,),
    commands=addressed(RecordFittedModel, key="model"),
    wording=WORDING,
    examples=examples,
    in_the_clear=(
        InTheClear(
            fields=(
                "data_digest",
                "rules_digest",
                "r",
                "alpha",
                "a",
                "b",
                "log_likelihood",
                "p",
                "q",
                "v",
                "spend_log_likelihood",
                "replicates",
                "orders",
                "orders_low",
                "orders_high",
            ),
            events=(ModelFitted,),
            why="numbers about all customers together, written out so that they are exact",
        ),
    ),
    of_nobody=True,
)
