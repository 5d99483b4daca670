"""The orders behind a band of value, and what the next one would take."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regulars.projections.customer_value.compiled import Bands
from regulars.projections.customer_value.judge import Worth, first_in_window, worth
from regulars.projections.facts.buying_days import buying_days
from regulars.projections.facts.shared import Facts
from regulars.projections.verdict import Reason, days, money_text, plural

if TYPE_CHECKING:
    from regulars.projections.rules.compiled import Rules


def explain(standing: None, facts: Facts, rules: Rules, at: int) -> tuple[Reason, ...]:
    """Net spend and buying days in the window, with the orders and returns that they are made of."""
    bands = rules.value
    assert bands is not None  # else there is no verdict to explain
    bought_on = buying_days(facts, bands.zone)
    day = first_in_window(bought_on, bands, at)
    found, first = worth(facts, bought_on, bands, day), bought_on.bounds[day]
    spent, bought = money_text(found.net_spend, rules.exponent), plural(found.buying_days, "buying day")
    sentence = f"net spend of {spent} on {bought} in {days(bands.window)} is {found.value}"
    lacking = _lacking(found, bands, rules.exponent)
    if lacking:
        sentence += f"; {lacking}"
    returns = (back.position for back in facts.returns if back.order >= first)
    positions = tuple(sorted([*facts.order_positions[first:], *returns]))
    return (Reason(clause=found.value, sentence=sentence, positions=positions),)


def _lacking(found: Worth, bands: Bands, exponent: int) -> str:
    """What the next band would take more; nothing for the highest."""
    following = bands.of(found.net_spend, found.buying_days) + 1
    if following == len(bands.ids):
        return ""
    spend, more_days = bands.spends[following] - found.net_spend, bands.days[following] - found.buying_days
    more = [f"{money_text(spend, exponent)} more"] if spend > 0 else []
    more += [f"{plural(more_days, 'more buying day')}"] if more_days > 0 else []
    return f"{' and '.join(more)} would reach {bands.ids[following]}"
