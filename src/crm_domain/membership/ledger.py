"""The account of points: lots, what was taken from each, and debts.

Points move between fates but never appear or vanish: at every instant what was earned or added is available, pending,
spent, expired, taken back or removed.

**Debt.** A return takes from its own order's lot first, whatever has become of the points in it: also those that are
pending or have expired. What of them is gone (spent, removed by hand, or used to settle another debt) is owed. A debt
is settled, the oldest first, in the very event that makes it or brings points: from its own lot, then from every other
lot that hasn't expired at that event's instant, pending ones too, in the order in which they would be spent. What
settled a debt counts as taken back, and isn't owed again when the lot it came from expires. It needs no clock: time
by itself brings no point that wasn't there before.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from regulars.crm_domain.points import Occasion


class Taken(Struct, frozen=True, kw_only=True):
    """So many points from one lot."""

    lot_id: str
    points: int


class Lot(Struct, frozen=True, kw_only=True):
    """Points that came together and expire together, by what became of them.

    `rule` is that by which they were earned as a bonus on an `occasion`, with the `skus` and the `minimum` of an
    order, an amount as exact text, that it asked for then.
    """

    lot_id: str
    points: int
    available_at: int
    expires_at: int
    order_id: str | None = None
    per_unit: str | None = None
    spent: int = 0
    reversed: int = 0
    removed: int = 0
    rule: str | None = None
    occasion: Occasion | None = None
    referred_id: str | None = None
    skus: tuple[str, ...] = ()
    minimum: str | None = None

    @property
    def remaining(self) -> int:
        """What is left in it; the instant says whether that is pending, available or expired."""
        return self.points - self.spent - self.reversed - self.removed


def lot_of_order(order_id: str, number: int = 1, again: int = 0) -> str:
    """The id of the lot that the record of an order with this number earns, or gets back for the `again`th time.

    No order's id makes one of these out of another, as the first colon stands before it.
    """
    record = "" if number == 1 and not again else f"#{number}"
    return f"order{record}{f'+{again}' if again else ''}:{order_id}"


def lot_of_bonus(rule: str, cause: str, again: int = 0) -> str:
    """The id of the lot that a rule gave for a cause, or gave back for the `again`th time.

    A cause is the id of the stream of the order or the survey, so a referrer's lot doesn't say which order it was.
    """
    return f"bonus{f'+{again}' if again else ''}:{rule}:{cause}"


def in_spending_order(lots: dict[str, Lot]) -> list[Lot]:
    """Earliest expiry first, then earliest available, then by id."""
    return sorted(lots.values(), key=lambda lot: (lot.expires_at, lot.available_at, lot.lot_id))


def taken_from(lots: Iterable[Lot], points: int) -> tuple[Taken, ...]:
    """Up to so many points, from the first lots first."""
    taken: list[Taken] = []
    for lot in lots:
        part = min(points, lot.remaining)
        if part > 0:
            taken.append(Taken(lot_id=lot.lot_id, points=part))
            points -= part
    return tuple(taken)


def moved(
    lots: dict[str, Lot], taken: tuple[Taken, ...], fate: Literal["spent", "reversed", "removed"]
) -> dict[str, Lot]:
    """The lots after points met a fate; below zero, after they came back from it."""
    after = dict(lots)
    for each in taken:
        if each.lot_id in after:
            lot = after[each.lot_id]
            after[each.lot_id] = replace(lot, **{fate: getattr(lot, fate) + each.points})
    return after


def settled(lots: dict[str, Lot], debts: dict[str, int], at: int) -> tuple[dict[str, Lot], dict[str, int]]:
    """Lots and debts after the debts, oldest first, were paid from their own lot and then from what hasn't expired."""
    left: dict[str, int] = {}
    for lot_id, owed in debts.items():
        own = [lot for lot in (lots.get(lot_id),) if lot is not None]
        others = [lot for lot in in_spending_order(lots) if at < lot.expires_at and lot.lot_id != lot_id]
        taken = taken_from([*own, *others], owed)
        lots = moved(lots, taken, "reversed")
        unpaid = owed - sum(each.points for each in taken)
        if unpaid > 0:
            left[lot_id] = unpaid
    return lots, left


class Balance(Struct, frozen=True, kw_only=True):
    """Points at an instant: earned + bonus + added == available + pending + spent + expired + reversed + removed.

    `reversed` is what was taken back so far, `debt` what is still to be; beside a debt nothing is available or pending.
    """

    earned: int = 0
    bonus: int = 0
    added: int = 0
    available: int = 0
    pending: int = 0
    spent: int = 0
    expired: int = 0
    reversed: int = 0
    removed: int = 0
    debt: int = 0

    @property
    def net(self) -> int:
        """What can be spent, or below zero what is owed."""
        return self.available - self.debt


def balance_of(lots: Iterable[Lot], debts: Iterable[int], at: int) -> Balance:
    """Where the points of some lots are at an instant, beside what is owed."""
    lots = tuple(lots)
    return Balance(
        earned=sum(lot.points for lot in lots if lot.rule is None and lot.order_id is not None),
        bonus=sum(lot.points for lot in lots if lot.rule is not None),
        added=sum(lot.points for lot in lots if lot.rule is None and lot.order_id is None),
        available=sum(lot.remaining for lot in lots if lot.available_at <= at < lot.expires_at),
        pending=sum(lot.remaining for lot in lots if at < lot.available_at and at < lot.expires_at),
        spent=sum(lot.spent for lot in lots),
        expired=sum(lot.remaining for lot in lots if lot.expires_at <= at),
        reversed=sum(lot.reversed for lot in lots),
        removed=sum(lot.removed for lot in lots),
        debt=sum(debts),
    )
