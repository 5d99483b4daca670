"""A condition on one fact, as rules have it: the grammar that the ladder and segments share."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Annotated

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    ValidationInfo,
    field_serializer,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticKnownError

from regulars.crm_domain.command import Label
from regulars.projections.facts import table as fact_table
from regulars.projections.facts.fact import KEYS, Key, Kind
from regulars.projections.parts import Number, Part, WindowDays, amount_text, plain_number

MAX_LABELS = 100


def _known_fact(name: object) -> object:
    if not isinstance(name, str) or name not in fact_table.FACTS:
        raise PydanticKnownError("literal_error", {"expected": ", ".join(f"'{each}'" for each in fact_table.FACTS)})
    return name


def _each_once(labels: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted(set(labels)))


FactName = Annotated[str, BeforeValidator(_known_fact)]
#: Words that somebody gave; in which order and how often they are named makes no difference.
Labels = Annotated[tuple[Label, ...], Field(min_length=1, max_length=MAX_LABELS), AfterValidator(_each_once)]
#: What stands behind one of a condition's keys.
Given = bool | Decimal | tuple[str, ...]
_TAKES: Mapping[Kind, str] = MappingProxyType(
    {
        "flag": "is a flag and takes `is = true` or `is = false`, nothing else",
        "choice": "is a choice and takes either `in` or `not_in`",
        "elapsed": "is a number of days and takes `from` or `above`, `below`, or one of each",
        "set": "is a set and takes any of `has`, `any` and `lacks`",
    }
)


class ConditionRule(Part):
    """One condition on one fact. The kind of the fact says which keys it takes; an undefined fact makes it false."""

    fact: FactName = Field(description="What is asked of the customer: one of the facts below.")
    is_: Annotated[bool | None, Field(alias="is", strict=True)] = Field(
        default=None, description="For a flag: whether it must be so."
    )
    from_: Annotated[Number | None, Field(alias="from")] = Field(
        default=None, description="For a number: it must be at least this; an amount stands in quotes."
    )
    above: Number | None = Field(default=None, description="For days: more than so many must have passed.")
    below: Number | None = Field(default=None, description="For a number: it must be less than this.")
    in_: Annotated[Labels | None, Field(alias="in")] = Field(
        default=None, description="For a choice: it must be one of these."
    )
    not_in: Labels | None = Field(default=None, description="For a choice: it must be made, and none of these.")
    has: Labels | None = Field(default=None, description="For a set: each of these must be in it.")
    any_: Annotated[Labels | None, Field(alias="any")] = Field(
        default=None, description="For a set: at least one of these must be in it."
    )
    lacks: Labels | None = Field(default=None, description="For a set: none of these may be in it.")
    within_days: WindowDays | None = Field(
        default=None, description="Only what happened in so many days before counts; by default, all there is."
    )

    @field_validator("from_", "below", mode="before")
    @classmethod
    def _amounts_in_quotes(cls, value: object, info: ValidationInfo) -> object:
        fact = fact_table.FACTS.get(info.data.get("fact", ""))
        amount = fact is not None and fact.kind == "amount"
        return amount_text(value) if amount and value is not None else value

    @field_serializer("from_", "below")
    def _as_it_was_written(self, value: Decimal | None) -> Decimal | str | None:
        # Amounts are text in a file, as Money is; other numbers are Decimals.
        amount = value is not None and fact_table.FACTS[self.fact].kind == "amount"
        return plain_number(value) if value is not None and amount else value

    @property
    def bounds(self) -> list[tuple[Key, Given]]:
        """What stands behind each of the keys that are there."""
        given: list[tuple[Key, Given | None]] = [
            ("is", self.is_),
            ("from", self.from_),
            ("above", self.above),
            ("below", self.below),
            ("in", self.in_),
            ("not_in", self.not_in),
            ("has", self.has),
            ("any", self.any_),
            ("lacks", self.lacks),
        ]
        return [(key, value) for key, value in given if value is not None]

    @model_validator(mode="after")
    def _fits_its_fact(self) -> ConditionRule:
        fact = fact_table.FACTS[self.fact]
        keys = [key for key, _ in self.bounds]
        if not keys or not set(keys) <= set(KEYS[fact.kind]) or (fact.kind == "choice" and len(keys) > 1):
            raise ValueError(f"{self.fact} {_TAKES.get(fact.kind, 'is a number and takes `from`, `below`, or both')}")
        if self.within_days is not None and not fact.windowed:
            windowed = [each.name for each in fact_table.FACTS.values() if each.windowed]
            raise ValueError(f"only {', '.join(windowed)} can be asked `within_days`, not {self.fact}")
        if self.from_ is not None and self.above is not None:
            raise ValueError(f"{self.fact} takes `from` or `above`, not both")
        if self.from_ is not None and self.below is not None and self.below <= self.from_:
            raise ValueError(f"{self.fact} can't be from {self.from_} and below {self.below} at once")
        if self.above is not None and self.below is not None and self.below <= self.above:
            raise ValueError(f"{self.fact} can't be above {self.above} and below {self.below} at once")
        if fact.kind in ("count", "score") and any(
            value is not None and value % 1 for value in (self.from_, self.below)
        ):
            raise ValueError(f"{self.fact} is counted in whole numbers")
        for label in set(self.has or ()) & set(self.lacks or ()):
            raise ValueError(f'{self.fact} can\'t have "{label}" and lack it at once')
        return self
