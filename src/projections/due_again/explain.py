"""The purchases behind a date."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regulars.crm_domain.instant import DAY
from regulars.projections.due_again.items import OfItem
from regulars.projections.due_again.judge import gap_of, turns_after
from regulars.projections.verdict import Reason, day_text, plural

if TYPE_CHECKING:
    from regulars.projections.rules.compiled import Rules


def explain(standing: None, facts: OfItem, rules: Rules, at: int) -> tuple[Reason, ...]:
    """When the item was bought, what gap follows from that, and from when on it is due and has lapsed."""
    if not facts.bought:
        return (Reason(clause="none", sentence="nothing of it was bought, or all of it came back"),)
    at_last = facts.bought[-1].at
    due_at, lapsed_at = turns_after(at_last, gap_of(facts, rules), rules)
    last, due, lapsed = (day_text(each, rules.zone) for each in (at_last, due_at, lapsed_at))
    usual = _days(*_ratio(rules, facts.item))
    bought = Reason(
        clause="bought",
        sentence=f"bought on {plural(facts.days, 'day')}, last on {last}",
        positions=tuple(each.position for each in facts.bought),
    )
    expected = f"expected after {_days(*gap_of(facts, rules))} days: {_why(facts, rules, usual)}"
    turns = f"due from {due}, lapsed from {lapsed}"
    return (bought, Reason(clause="gap", sentence=expected), Reason(clause="turns", sentence=turns))


def _ratio(rules: Rules, item: str) -> tuple[int, int]:
    """The item's gap by the rules."""
    return rules.due_again.cadences[item].expected_of(0, 0)


def _why(facts: OfItem, rules: Rules, usual: str) -> str:
    repeats = facts.days - 1
    if not repeats:
        return "the item's gap, as there is none of their own"
    own = _days(facts.bought[-1].at - facts.bought[0].at, repeats)
    weight = rules.ruleset.due_again.prior_weight
    return f"{plural(repeats, 'own gap')} of {own}, the item's of {usual} weighs {weight:f}"


def _days(numerator: int, denominator: int) -> str:
    """A ratio of microseconds in days, rounded down to one digit."""
    tenths = numerator * 10 // (denominator * DAY)
    return f"{tenths // 10}.{tenths % 10}"
