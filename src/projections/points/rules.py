"""The tables [points] and [[earn]]: how points are earned. What was earned is a fact, so no verdict depends on it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from regulars.crm_domain.command import Label
from regulars.crm_domain.points import MAX_POINTS, Occasion, Rewarded
from regulars.projections.parts import Days, Money, Part, Word, require_unique

MAX_EARN = 50
MAX_SKUS = 100


def _ends_in_its_star(sku: str) -> str:
    if "*" in sku[:-1]:
        raise ValueError("an item is named whole, or by how it begins and one * at the end, such as tea-*")
    return sku


#: An item by its name, or all whose names begin so, such as `tea-*`.
Sku = Annotated[Label, AfterValidator(_ends_in_its_star)]
#: The occasions that come with an order.
_WITH_AN_ORDER: tuple[Occasion, ...] = ("first_order", "birthday_month", "category", "referral")
#: The keys that an occasion needs, which no other takes.
_NEEDS: dict[Occasion, tuple[str, ...]] = {"category": ("skus",), "referral": ("for", "keep_days")}


class Points(Part):
    """How points are earned, and when they can be spent and expire."""

    per_unit: Money = Field(description="Points for each whole unit of currency, net, rounded down.")
    pending_days: Days = Field(description="Points can be spent so many days after the order.")
    expire_after_months: Annotated[int, Field(strict=True, ge=1, le=1200)] = Field(
        description="Points expire after so many months."
    )
    expire_at: Literal["end_of_month"] = Field(description="When in that month they expire.")
    worth: Money | None = Field(
        default=None,
        description="What a point is worth in money, by which `rules diff` says what the points outstanding may cost.",
    )


class EarnRule(Part):
    """An occasion on which bonus points are given beside those of an order. They are points like any others.

    A number of `points` is taken back once nothing of the order is left; those `per_unit` are in proportion.
    """

    id: Word = Field(description="What lists and the audit call it. Under one id nothing is rewarded twice.")
    on: Occasion = Field(
        description='When: "first_order", the first of a customer; "birthday_month", an order in the month of their '
        'birthday; "category", an order with some items; "survey_answered", an answer that names its survey; '
        '"referral", the first order of somebody whom another brought.'
    )
    points: Annotated[int, Field(strict=True, ge=1, le=MAX_POINTS)] | None = Field(
        default=None, description="So many points."
    )
    per_unit: Annotated[Money, Field(gt=0)] | None = Field(
        default=None,
        description="Or points for each whole unit of currency of the order, net, rounded down; of a category, of the "
        "lines that are of it.",
    )
    skus: Annotated[tuple[Sku, ...], Field(max_length=MAX_SKUS)] = Field(
        default=(), description='For a category: the items, such as "tea-100"; "tea-*" is all whose names begin so.'
    )
    minimum: Money | None = Field(default=None, description="An order of less than this amount brings nothing.")
    for_: Rewarded | None = Field(default=None, alias="for", description="For a referral: whom it rewards.")
    keep_days: Days | None = Field(
        default=None,
        description="For a referral: the points can be spent so many days after the order, once it can't come back any "
        "more.",
    )

    @model_validator(mode="after")
    def _gives_something(self) -> EarnRule:
        if (self.points is None) == (self.per_unit is None):
            raise ValueError(f'earn: "{self.id}" needs `points` or `per_unit`, and not both')
        if self.per_unit is not None and self.on not in _WITH_AN_ORDER:
            raise ValueError(f'earn: "{self.id}" is on = "{self.on}", which has no amount; it takes `points` alone')
        return self

    @model_validator(mode="after")
    def _fits_its_occasion(self) -> EarnRule:
        needed = _NEEDS.get(self.on, ())
        given = {"skus": self.skus or None, "for": self.for_, "keep_days": self.keep_days}
        for name, value in given.items():
            if value is None and name in needed:
                raise ValueError(f'earn: "{self.id}" is on = "{self.on}" and needs `{name}`')
            if value is not None and name not in needed:
                raise ValueError(f'earn: "{self.id}" is on = "{self.on}", which takes no `{name}`')
        if self.minimum is not None and self.on not in _WITH_AN_ORDER:
            raise ValueError(f'earn: "{self.id}" is on = "{self.on}", which takes no `minimum`')
        return self


EveryEarn = Annotated[tuple[EarnRule, ...], Field(max_length=MAX_EARN)]


def require_named_once(earn: Sequence[EarnRule]) -> None:
    """Raise ValueError for an id that comes twice."""
    require_unique("id of a rule in [[earn]]", [each.id for each in earn])
