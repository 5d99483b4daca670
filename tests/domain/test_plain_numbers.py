"""A number is taken as people write it, not as Python would read it."""

from __future__ import annotations

from decimal import Decimal
from importlib import resources

import pytest
from pydantic import BaseModel, ValidationError

from regulars.crm_domain.catalogue import COMMANDS
from regulars.crm_domain.errors import InvalidRules, Rejected
from regulars.crm_domain.money import to_minor_units
from regulars.crm_domain.purchase import OrderLine, RecordPurchase
from regulars.projections.rules.grammar import parse_rules
from regulars.wording.fields import fields_of

ODD = ("1_0", "1_0.0_0", "１０", "٣", "१", "_1", "1_")
MODELS: list[type[BaseModel]] = [*COMMANDS.values(), OrderLine]
WHOLE = [
    (model, field.name) for model in MODELS for field in fields_of(model) if field.takes.startswith("a whole number")
]


@pytest.mark.parametrize("text", ODD)
def test_an_amount_is_written_in_plain_digits(text: str) -> None:
    with pytest.raises(ValidationError, match="money is a Decimal or text such as"):
        RecordPurchase(customer="a", order_id="1", amount=text)
    with pytest.raises(Rejected, match="an amount is a number from 0 upwards"):
        to_minor_units(text, "EUR")


@pytest.mark.parametrize(("model", "name"), WHOLE)
def test_so_is_every_whole_number_of_a_command(model: type[BaseModel], name: str) -> None:
    for text in ODD:
        with pytest.raises(ValidationError) as refused:
            model.model_validate({name: text})
        [said] = [each["msg"] for each in refused.value.errors() if each["loc"] == (name,)]
        assert "the digits 0 to 9" in said


def test_there_are_whole_numbers_to_try() -> None:
    assert {"quantity", "score", "points", "level", "horizon_days"} <= {name for _, name in WHOLE}


@pytest.mark.parametrize("text", ["10", " 10 ", "+10", "10.", "010", "1e1", "10.00"])
def test_what_people_write_is_taken(text: str) -> None:
    assert RecordPurchase(customer="a", order_id="1", amount=text).amount == Decimal(10)
    assert to_minor_units(text, "EUR") == 1_000


def test_a_threshold_in_quotes_is_written_in_plain_digits_too() -> None:
    text = resources.files("regulars").joinpath("rules.toml").read_text(encoding="utf-8")
    assert '"150.00"' in text
    for odd in ("1_500.00", "１５０"):
        with pytest.raises(InvalidRules, match="the digits 0 to 9"):
            parse_rules(text.replace('"150.00"', f'"{odd}"'))
