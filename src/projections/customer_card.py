"""What do people look at first? The plain facts of one customer, as of an instant."""

from __future__ import annotations

from bisect import bisect_right

from msgspec import Struct

from projections.facts import Facts


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
    tags: tuple[str, ...]

    @property
    def net_spend(self) -> int:
        """What was bought, less what came back."""
        return self.bought - self.returned


def card(facts: Facts, at: int) -> CustomerCard:
    """The card as of an instant; facts may reach beyond it."""
    orders = bisect_right(facts.order_instants, at)
    counted = [back for back in facts.returns if back.at <= at and 0 <= back.order < orders]
    heard = bisect_right(facts.engagements, at)
    owners = [named.name for named in facts.owners if named.at <= at]
    return CustomerCard(
        orders=orders,
        bought=sum(facts.order_amounts[:orders]),
        returned=sum(back.amount for back in counted),
        first_order_at=facts.order_instants[0] if orders else None,
        last_order_at=facts.order_instants[orders - 1] if orders else None,
        last_heard_at=facts.engagements[heard - 1] if heard else None,
        owner=owners[-1] if owners else None,
        source=None if facts.source is None else facts.source.name,
        tags=_tags(facts, at),
    )


def _tags(facts: Facts, at: int) -> tuple[str, ...]:
    last_word = {named.name: named.given for named in facts.tags if named.at <= at}
    return tuple(sorted(label for label, given in last_word.items() if given))
