"""The tables [[segment]]: who belongs together, since when and for how long at least."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field, StringConstraints, model_validator

from regulars.projections.conditions.rules import ConditionRule
from regulars.projections.facts import table as fact_table
from regulars.projections.facts.table import SEGMENT
from regulars.projections.parts import Days, Part, Word, require_unique, suggestion

MAX_SEGMENTS = 50
MAX_CONDITIONS = 20

Conditions = Annotated[tuple[ConditionRule, ...], Field(min_length=1, max_length=MAX_CONDITIONS)]
Title = Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^[^\r\n]+$", max_length=80)]


class SegmentRule(Part):
    """A segment: customers who are in from when they meet `enter` until they meet `leave`."""

    id: Word = Field(description="What commands, lists and other segments call it.")
    title: Title | None = Field(default=None, description="What people call it, in a line.")
    enter: Conditions = Field(description="The conditions, all of which must hold for somebody to come in.")
    leave: Conditions | None = Field(
        default=None,
        description="The conditions, all of which must hold for somebody to go out; where they hold, nobody comes in. "
        "By default they go out where `enter` doesn't hold.",
    )
    stay_days: Days = Field(default=0, description="Whoever came in stays in for so many days at least.")
    pause_days: Days = Field(default=0, description="Whoever went out doesn't come in again for so many days.")

    @property
    def conditions(self) -> tuple[ConditionRule, ...]:
        """All conditions that it has."""
        return (*self.enter, *(self.leave or ()))

    @model_validator(mode="after")
    def _asks_for_what_there_is(self) -> SegmentRule:
        if any(condition.fact == fact_table.SPELL_ENDED.name for condition in self.conditions):
            raise ValueError(f'"{self.id}" asks for days_since_spell_ended, which only a rung with a `spell` can ask')
        return self


def require_earlier(segments: Sequence[SegmentRule]) -> None:
    """Raise ValueError for an id that comes twice, and for a segment that asks for one that doesn't come before it."""
    require_unique("id of a segment", [each.id for each in segments])
    for place, each in enumerate(segments):
        earlier = [before.id for before in segments[:place]]
        for name in asked_by(each):
            if name not in earlier:
                there = ", ".join(earlier) or "none"
                raise ValueError(
                    f'segment: "{each.id}" asks for the segment "{name}", and may ask for those that come before it: '
                    f"{there}{suggestion(name, earlier)}"
                )


def asked_by(segment: SegmentRule) -> list[str]:
    """The ids of the segments that one asks for, in alphabetical order."""
    asking = (condition for condition in segment.conditions if condition.fact == SEGMENT.name)
    return sorted({name for asked in asking for _, given in asked.bounds if isinstance(given, tuple) for name in given})
