"""The table [lifecycle]: the ladder of stages, and the conditions of its rungs."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from regulars.projections.conditions.rules import ConditionRule
from regulars.projections.facts import table as fact_table
from regulars.projections.parts import Part, Word, require_unique, suggestion


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
            reads = {fact_table.FACTS[condition.fact].reads for condition in rung.when}
            if "lifecycle_stage" in reads:
                raise ValueError(f'"{rung.id}" asks for the stage, which is what the ladder gives')
            if "segments" in reads:
                raise ValueError(f'"{rung.id}" asks for segments, which are judged after the ladder')
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
