"""What other rules of points cost: what is outstanding, in money by either side, and what the orders of the last 365
days would have earned.

What was earned is a fact, which no rules change. So of the past there is one number of points outstanding; what a point
is worth, and what orders earn, may be other ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal

from msgspec import Struct, field

from regulars.adapters.read_models.measuring import Outstanding
from regulars.crm_domain.membership import BonusTerms, bonus_terms, bonus_worth, was_in_force
from regulars.crm_domain.points import Occasion, points_for
from regulars.crm_domain.purchase import PurchaseRecorded
from regulars.projections.engine.fold import Happened
from regulars.projections.facts.shared import Facts
from regulars.projections.rules.grammar import Ruleset
from regulars.session.session import policies_of

#: What an order alone doesn't tell: a birthday is personal, a referral is another's, and an answer is no order.
_NOT_COUNTED: tuple[Occasion, ...] = ("birthday_month", "referral", "survey_answered")


@dataclass(frozen=True, slots=True)
class ProgrammeChange:
    """Points as of an instant: `outstanding` may still be spent, some of them later, and `owed` can't be taken back.

    `old_worth` and `new_worth` are what a point is worth by the rules of either side, None where they don't say. Of the
    last 365 days `orders` were placed by members: what they would have earned, and the bonus points that a first order
    and its items would have brought. The rules `not_counted` ask for more than an order says.
    """

    outstanding: int
    owed: int
    members: int
    old_worth: Decimal | None
    new_worth: Decimal | None
    orders: int
    old_earned: int
    new_earned: int
    old_bonus: int
    new_bonus: int
    not_counted: tuple[str, ...]

    @property
    def old_liability(self) -> Decimal | None:
        """What the points outstanding are worth by the rules in force."""
        return None if self.old_worth is None else self.outstanding * self.old_worth

    @property
    def new_liability(self) -> Decimal | None:
        """What they would be worth."""
        return None if self.new_worth is None else self.outstanding * self.new_worth


class _Side(Struct, frozen=True, kw_only=True):
    per_unit: Decimal
    on_any: tuple[BonusTerms, ...]
    on_first: tuple[BonusTerms, ...]


class Earnings(Struct):
    """What orders up to an instant earn by both sides, as far as they were added up. Mutable."""

    old: _Side
    new: _Side
    since: int
    until: int
    orders: int = 0
    points: list[int] = field(default_factory=lambda: [0, 0])
    bonus: list[int] = field(default_factory=lambda: [0, 0])

    def add(self, facts: Facts, happened: Iterable[Happened]) -> None:
        """Add what a family's orders of the time earn, those that were placed while one of them was a member."""
        placed = {each.position: each.event for each in happened if isinstance(each.event, PurchaseRecorded)}
        for index, order, net in _orders(facts, placed, self.since, self.until):
            self.orders += 1
            for place, side in enumerate((self.old, self.new)):
                self.points[place] += points_for(net, order.currency, side.per_unit)
                given = (*side.on_any, *(side.on_first if index == 0 else ()))
                self.bonus[place] += sum(bonus_worth(terms, order, net) for terms in given)


def _orders(
    facts: Facts, placed: dict[int, PurchaseRecorded], since: int, until: int
) -> Iterator[tuple[int, PurchaseRecorded, int]]:
    """The places, among all, of a family's orders of a time, what they are, and what is left of them."""
    before = 0
    for index, (at, total) in enumerate(zip(facts.order_instants, facts.order_totals, strict=True)):
        net, before = total - before, total
        is_members = any(was_in_force(each, at) for each in facts.memberships.values())
        if since < at <= until and is_members:
            yield index, placed[facts.order_positions[index]], net


def is_another_programme(old: Ruleset, new: Ruleset) -> bool:
    """Whether two rulesets differ in how points are earned, or in what they are worth."""
    return old.points != new.points or old.earn != new.earn


def earnings_under(old: Ruleset, new: Ruleset, since: int, until: int, currency: str | None) -> Earnings:
    """What orders earn by two rulesets, before any is added."""
    return Earnings(old=_side(old, until, currency), new=_side(new, until, currency), since=since, until=until)


def _side(ruleset: Ruleset, at: int, currency: str | None) -> _Side:
    context = policies_of(ruleset, "")
    policy = context.points
    assert policy is not None
    terms = [bonus_terms(rule, policy, at, currency) for rule in context.earn]
    return _Side(
        per_unit=policy.per_unit,
        on_any=tuple(each for each in terms if each.occasion == "category"),
        on_first=tuple(each for each in terms if each.occasion == "first_order"),
    )


def programme_change(old: Ruleset, new: Ruleset, earned: Earnings, held: Iterable[Outstanding]) -> ProgrammeChange:
    """The change, by what is outstanding at an instant."""
    theirs = list(held)
    asked = dict.fromkeys(rule.id for rule in (*old.earn, *new.earn) if rule.on in _NOT_COUNTED)
    return ProgrammeChange(
        outstanding=sum(max(each.spendable, 0) + each.pending for each in theirs),
        owed=sum(max(-each.spendable, 0) for each in theirs),
        members=sum(1 for each in theirs if each.spendable or each.pending),
        old_worth=old.points.worth,
        new_worth=new.points.worth,
        orders=earned.orders,
        old_earned=earned.points[0],
        new_earned=earned.points[1],
        old_bonus=earned.bonus[0],
        new_bonus=earned.bonus[1],
        not_counted=tuple(asked),
    )
