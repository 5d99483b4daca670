"""The table [lifecycle]: the ladder of stages, and the conditions of its rungs."""

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
from regulars.projections.parts import (
    Number,
    Part,
    WindowDays,
    Word,
    amount_text,
    plain_number,
    require_unique,
    suggestion,
)

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
        "set": "is a set and takes `has`, `lacks`, or both",
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
    below: Number | None = Field(default=None, description="For a number: it must be less than this.")
    in_: Annotated[Labels | None, Field(alias="in")] = Field(
        default=None, description="For a choice: it must be one of these."
    )
    not_in: Labels | None = Field(default=None, description="For a choice: it must be made, and none of these.")
    has: Labels | None = Field(default=None, description="For a set: each of these must be in it.")
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
            ("below", self.below),
            ("in", self.in_),
            ("not_in", self.not_in),
            ("has", self.has),
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
        if self.from_ is not None and self.below is not None and self.below <= self.from_:
            raise ValueError(f"{self.fact} can't be from {self.from_} and below {self.below} at once")
        if fact.kind in ("count", "score") and any(
            value is not None and value % 1 for value in (self.from_, self.below)
        ):
            raise ValueError(f"{self.fact} is counted in whole numbers")
        for label in set(self.has or ()) & set(self.lacks or ()):
            raise ValueError(f'{self.fact} can\'t have "{label}" and lack it at once')
        return self


class StageRule(Part):
    """One rung of the ladder."""

    id: Word = Field(description="What the reasons call this rung.")
    stage: Word = Field(description="The stage that it gives; several rungs may give the same.")
    when: tuple[ConditionRule, ...] = Field(
        description="The conditions, all of which must hold; the last rung has none."
    )
    spell: tuple[Word, ...] = Field(
        default=(),
        description="The stages of which one must have been ended by an order, for `days_since_spell_ended`.",
    )

    @model_validator(mode="after")
    def _spell_and_its_fact(self) -> StageRule:
        uses = any(condition.fact == fact_table.SPELL_ENDED.name for condition in self.when)
        if uses != bool(self.spell):
            raise ValueError("days_since_spell_ended and `spell = [stages]` go together")
        return self


class Lifecycle(Part):
    """The ladder of stages, first match first."""

    stage: Annotated[tuple[StageRule, ...], Field(min_length=1, max_length=32)] = Field(
        description="The rungs; the first one whose conditions all hold is the one."
    )

    @model_validator(mode="after")
    def _asks_not_itself(self) -> Lifecycle:
        for rung in self.stage:
            if any(fact_table.FACTS[condition.fact].reads == "lifecycle_stage" for condition in rung.when):
                raise ValueError(f'"{rung.id}" asks for the stage, which is what the ladder gives')
        return self

    @model_validator(mode="after")
    def _is_total(self) -> Lifecycle:
        require_unique("id", [rung.id for rung in self.stage])
        if self.stage[-1].when:
            raise ValueError(f'the last stage ("{self.stage[-1].id}") must have `when = []`, so that everyone has one')
        for rung in self.stage[:-1]:
            if not rung.when:
                raise ValueError(f'"{rung.id}" has no condition but isn\'t last, so what follows can never be reached')
        stages = {rung.stage for rung in self.stage}
        for unknown in sorted({name for rung in self.stage for name in rung.spell} - stages):
            raise ValueError(f'spell names the stage "{unknown}", which no rung gives{suggestion(unknown, stages)}')
        return self
