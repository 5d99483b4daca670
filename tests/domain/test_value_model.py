"""What is refused of a fitted model, and when one is recorded."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from pydantic import ValidationError

from given import given
from regulars.crm_domain.value_model import AGGREGATE, VALUE_MODEL, ModelFitted, RecordFittedModel
from regulars.crm_domain.value_model.decider import ValueModel

[FITTED] = AGGREGATE.examples().events
[COMMAND] = AGGREGATE.examples().commands
assert isinstance(FITTED, ModelFitted)
assert isinstance(COMMAND, RecordFittedModel)
#: The rules that `given` decides under have no digest.
FITTED = replace(FITTED, rules_digest=None)


def test_what_was_fitted_is_recorded_as_it_was_told() -> None:
    given().when(COMMAND).then(FITTED)


def test_the_same_fitted_again_changes_nothing_whatever_was_recorded_beside_it() -> None:
    given(FITTED).when(COMMAND).then()
    given(replace(FITTED, data_position=1, as_of=1, rules_digest="0" * 64)).when(COMMAND).then()


def test_another_horizon_or_other_data_is_another_model() -> None:
    further = COMMAND.model_copy(update={"horizon_days": 730})
    given(FITTED).when(further).then(replace(FITTED, horizon_days=730))
    state = VALUE_MODEL.evolve(VALUE_MODEL.evolve(ValueModel(), FITTED), replace(FITTED, horizon_days=730))
    assert (state.fitted, state.last) == (2, replace(FITTED, horizon_days=730))


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"r": "0"}, "a parameter is above zero"),
        ({"r": "1e-3"}, "should match pattern"),
        ({"alpha": "nan"}, "should match pattern"),
        ({"q": "1"}, "q is above 1"),
        ({"replicates": ("1 2 3 4 5 6",) * 2}, "should match pattern"),
        ({"replicates": ("1 2 3 4 5 1 7",) * 2}, "q is above 1"),
        ({"horizon_days": 0}, "greater than or equal to 1"),
        ({"data_digest": "abc"}, "should match pattern"),
    ],
)
def test_numbers_that_no_forecast_could_be_made_by_are_refused(wrong: dict[str, object], sentence: str) -> None:
    with pytest.raises(ValidationError, match=sentence):
        RecordFittedModel.model_validate(COMMAND.model_dump() | wrong)
