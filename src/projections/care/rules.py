"""The tables [[care]]: on which occasions somebody is to be reminded of a customer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from regulars.crm_domain.command import Label
from regulars.projections.conditions.rules import ConditionRule, Labels
from regulars.projections.facts import table as fact_table
from regulars.projections.parts import Part, WindowDays, Word, require_unique, suggestion

MAX_CARE = 50
MAX_CONDITIONS = 20
MAX_HOLIDAYS = 20
MAX_NEAR = 365

#: What a reminder is of.
On = Literal["first_order", "birthday", "holiday", "verdict", "no_contact"]
#: The verdicts that may begin, by the names of the facts that ask them.
Judged = Literal["stage", "tier", "risk_band", "value", "nps_category", "csat_category", "segment"]

Title = Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^[^\r\n]+$", max_length=80)]
Near = Annotated[int, Field(strict=True, ge=0, le=MAX_NEAR)]

#: The keys that each occasion needs, and those that it may have; the others take none of them.
_NEEDS: dict[str, tuple[str, ...]] = {"holiday": ("holidays",), "verdict": ("verdict", "becomes")}
_MAY: dict[str, tuple[str, ...]] = {"no_contact": ("days", "days_by_tier")}
_ITS_OWN = ("holidays", "verdict", "becomes", "days", "days_by_tier")


class CareRule(Part):
    """An occasion on which somebody is to be reminded of each customer who meets its conditions.

    It comes up `ahead_days` before its day, and is let go `late_days` after it, settled or not.
    """

    id: Word = Field(description="What commands and lists call it.")
    title: Title | None = Field(default=None, description="What is to be done, in a line.")
    on: On = Field(
        description='What it is about: "first_order", each year on the day of the first order; "birthday", on theirs; '
        '"holiday", on those named in `holidays`; "verdict", when one begins; "no_contact", after days without any.'
    )
    holidays: Annotated[tuple[str, ...], Field(max_length=MAX_HOLIDAYS)] = Field(
        default=(), description="For a holiday: the names of days in [[business.holidays]]."
    )
    verdict: Judged | None = Field(default=None, description="For a verdict: which one, by the name of its fact.")
    becomes: Labels | None = Field(
        default=None,
        description="For a verdict: what it begins to be; going from one of these to another is no beginning.",
    )
    days: WindowDays | None = Field(
        default=None,
        description="For no contact: after so many days without, and after as many again. Without, only the tiers of "
        "`days_by_tier` are reminded of.",
    )
    days_by_tier: Annotated[dict[str, WindowDays], Field(max_length=100)] = Field(
        default={}, description="For no contact: the days for some tiers, in place of `days`."
    )
    when: Annotated[tuple[ConditionRule, ...], Field(max_length=MAX_CONDITIONS)] = Field(
        default=(), description="Conditions, all of which must hold; without any, everybody is meant."
    )
    ahead_days: Near = Field(default=0, description="It comes up so many days before its day.")
    late_days: Near = Field(default=30, description="It is let go so many days after its day, if nobody settled it.")
    owner: Label | None = Field(default=None, description="Whose it is; without, whoever looks after the customer.")

    @model_validator(mode="after")
    def _fits_what_it_is_about(self) -> CareRule:
        given = [name for name in _ITS_OWN if getattr(self, name)]
        needed, allowed = _NEEDS.get(self.on, ()), (*_NEEDS.get(self.on, ()), *_MAY.get(self.on, ()))
        for name in needed:
            if name not in given:
                raise ValueError(f'care: "{self.id}" is on = "{self.on}" and needs `{name}`')
        for name in given:
            if name not in allowed:
                raise ValueError(f'care: "{self.id}" is on = "{self.on}", which takes no `{name}`')
        if self.on == "no_contact" and not given:
            raise ValueError(f'care: "{self.id}" is on = "no_contact" and needs `days` or `days_by_tier`')
        if any(condition.fact == fact_table.SPELL_ENDED.name for condition in self.when):
            raise ValueError(f'"{self.id}" asks for days_since_spell_ended, which only a rung with a `spell` can ask')
        return self

    @property
    def conditions(self) -> tuple[ConditionRule, ...]:
        """All conditions that it has, that of its verdict among them."""
        return (*self.when, *self.begins)

    @property
    def begins(self) -> tuple[ConditionRule, ...]:
        """The condition on the verdict that begins; none where it is about something else."""
        if self.verdict is None:
            return ()
        key = "any" if fact_table.FACTS[self.verdict].kind == "set" else "in"
        return (ConditionRule.model_validate({"fact": self.verdict, key: self.becomes}),)


EveryCare = Annotated[tuple[CareRule, ...], Field(max_length=MAX_CARE)]


def require_known(
    care: Sequence[CareRule], holidays: Iterable[str], tiers: Iterable[str], segments: Iterable[str]
) -> None:
    """Raise ValueError for an id that comes twice, and for a holiday, a tier or a segment that the rules don't have."""
    require_unique("id of a care rule", [each.id for each in care])
    for each in care:
        _require(each, "holiday", each.holidays, holidays)
        _require(each, "tier", each.days_by_tier, tiers)
        _require(each, "segment", _segments_asked(each), segments)


def _require(each: CareRule, what: str, names: Iterable[str], there: Iterable[str]) -> None:
    known = sorted(set(there))
    for name in names:
        if name not in known:
            raise ValueError(
                f'care: "{each.id}" names the {what} "{name}", which there isn\'t{suggestion(name, known)}'
            )


def _segments_asked(each: CareRule) -> list[str]:
    asked = (condition for condition in each.conditions if condition.fact == fact_table.SEGMENT.name)
    return [word for condition in asked for _, given in condition.bounds if isinstance(given, tuple) for word in given]
