"""What do people look at first? The plain facts of one customer, as of an instant."""

from __future__ import annotations

from bisect import bisect_right
from typing import Annotated

from msgspec import Meta, Struct

from regulars.crm_domain.customer import CustomerRegistered
from regulars.crm_domain.interaction import InteractionRecorded, SurveyAnswered
from regulars.crm_domain.purchase import PurchaseRecorded, ReturnedTotalRecorded, ReturnRecorded
from regulars.crm_domain.ticket import TicketOpened, TicketRated
from regulars.projections.engine.projector import Judgement, Projector
from regulars.projections.facts.shared import Facts, kind_at
from regulars.projections.rules.compiled import Rules

VERSION = 2

Count = Annotated[int, Meta(ge=0, lt=2**31)]


class Totals(Struct, frozen=True, kw_only=True, gc=False):
    """What adds up with a customer. Money is in minor units, instants are in microseconds."""

    orders: Count
    net_spend: int
    first_order_at: int | None
    last_order_at: int | None
    last_heard_at: int | None


def judge(standing: None, facts: Facts, rules: Rules, at: int, until: int) -> tuple[Judgement]:
    """Events alone change it, so it is judged once."""
    instants = facts.order_instants
    totals = Totals(
        orders=len(instants),
        net_spend=facts.order_totals[-1] if instants else 0,
        first_order_at=instants[0] if instants else None,
        last_order_at=instants[-1] if instants else None,
        last_heard_at=facts.engaged.at if facts.engaged else None,
    )
    return ((at, None, totals),)


CUSTOMER_CARD = Projector(
    name="customer_card",
    question="What do people look at first? Orders, what they are worth, and when they were last heard from.",
    version=VERSION,
    handles=frozenset(
        {
            CustomerRegistered,
            PurchaseRecorded,
            ReturnRecorded,
            ReturnedTotalRecorded,
            InteractionRecorded,
            SurveyAnswered,
            TicketOpened,
            TicketRated,
        }
    ),
    standing=type(None),
    judges_by=(),
    judge=judge,
    verdict=Totals,
    ranked_by=("net_spend", "last_order_at"),
    shows="latest",
)


class CustomerCard(Struct, frozen=True, kw_only=True):
    """Counts, sums and names as of an instant. Money is in minor units, instants are in microseconds."""

    orders: int
    bought: int
    returned: int
    first_order_at: int | None
    last_order_at: int | None
    last_heard_at: int | None
    owner: str | None
    source: str | None
    kind: str
    tags: tuple[str, ...]

    @property
    def net_spend(self) -> int:
        """What was bought, less what came back."""
        return self.bought - self.returned


def card(facts: Facts, at: int) -> CustomerCard:
    """The card as of an instant; facts may reach beyond it."""
    orders = bisect_right(facts.order_instants, at)
    back = sum(each.amount for each in facts.returns if each.at <= at and 0 <= each.order < orders)
    lowered = sum(each.amount for each in facts.lowered if each.at <= at < each.until and each.order < orders)
    heard = bisect_right(facts.engagements, at)
    owners = [named.name for named in facts.owners if named.at <= at]
    return CustomerCard(
        orders=orders,
        bought=sum(facts.order_amounts[:orders]),
        returned=back + lowered,
        first_order_at=facts.order_instants[0] if orders else None,
        last_order_at=facts.order_instants[orders - 1] if orders else None,
        last_heard_at=facts.engagements[heard - 1] if heard else None,
        owner=owners[-1] if owners else None,
        source=None if facts.source is None else facts.source.name,
        kind=kind_at(facts, at),
        tags=_tags(facts, at),
    )


def _tags(facts: Facts, at: int) -> tuple[str, ...]:
    last_word = {named.name: named.given for named in facts.tags if named.at <= at}
    return tuple(sorted(label for label, given in last_word.items() if given))
