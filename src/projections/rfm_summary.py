"""When did this customer first buy, when last, how often, and for how much? What models of value are fitted to.

The unit is the buying day, in the business's zone: orders of one day are one. Days of which everything came back don't
count, days of zero spend do; spend is net of returns.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from regulars.crm_domain.purchase import PurchaseRecorded, ReturnedTotalRecorded, ReturnRecorded
from regulars.projections.engine.projector import Judgement, Projector
from regulars.projections.facts.buying_days import buying_days
from regulars.projections.facts.shared import Facts
from regulars.projections.rules.compiled import Rules

VERSION = 1

#: The ordinal of 1970-01-01: databases count days from there.
EPOCH = 719_163

Day = Annotated[int, Meta(ge=-(2**31), lt=2**31)]
Count = Annotated[int, Meta(ge=0, lt=2**31)]


class RfmSummary(Struct, frozen=True, kw_only=True, gc=False):
    """Recency, frequency and monetary value of a customer who bought anything. Days are counted from 1970-01-01, money
    is in minor units. `first_spend` is that of the first day; the rest of `spend` was spent on later days.
    """

    first_day: Day
    last_day: Day
    buying_days: Count
    first_spend: int
    spend: int


def judge(standing: None, facts: Facts, rules: Rules, at: int, until: int) -> tuple[Judgement]:
    """Events alone change it, so it is judged once."""
    return ((at, None, summary(facts, rules)),)


def summary(facts: Facts, rules: Rules) -> RfmSummary | None:
    """The summary of all that is known; None where nothing was bought, or everything came back."""
    days = buying_days(facts, rules.zone)
    count, gone = len(days.ordinals), days.given_back
    if count == len(gone):
        return None
    first, last = 0, count - 1
    for day in gone:
        first += day == first
    for day in reversed(gone):
        last -= day == last
    begin, end, totals = days.bounds[first], days.bounds[first + 1], facts.order_totals
    return RfmSummary(
        first_day=days.ordinals[first] - EPOCH,
        last_day=days.ordinals[last] - EPOCH,
        buying_days=count - len(gone),
        first_spend=totals[end - 1] - (totals[begin - 1] if begin else 0),
        spend=totals[-1],
    )


RFM_SUMMARY = Projector(
    name="rfm_summary",
    question="When did this customer first buy, when last, how often, and for how much?",
    version=VERSION,
    handles=frozenset({PurchaseRecorded, ReturnRecorded, ReturnedTotalRecorded}),
    standing=type(None),
    judges_by=("business",),
    judge=judge,
    verdict=RfmSummary,
)
