"""Memberships of customers who are one: what each of them has is spent as if it were one membership's."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from regulars.crm_domain.membership.decider import Membership, PointsRedeemed
from regulars.crm_domain.membership.ledger import Taken, settled


def with_points_of(own: Membership, others: Mapping[str, Membership], at: int) -> Membership:
    """A membership to decide on what is spent at an instant, with the points and debts of others, by whose they are."""
    lots, debts = dict(own.lots), dict(own.debts)
    for whose, state in others.items():
        for lot_id, lot in state.lots.items():
            lots[_theirs(whose, lot_id)] = replace(lot, lot_id=_theirs(whose, lot_id))
        debts |= {_theirs(whose, lot_id): owed for lot_id, owed in state.debts.items()}
    lots, debts = settled(lots, debts, at)
    return replace(own, lots=lots, debts=debts)


def parts_of(
    redeemed: PointsRedeemed, others: Mapping[str, Membership]
) -> tuple[PointsRedeemed, dict[str, PointsRedeemed]]:
    """What a redemption that was decided by `with_points_of` takes from the membership itself, and from each other."""
    taken: dict[str, list[Taken]] = {}
    for each in redeemed.taken:
        whose, _, lot_id = each.lot_id.rpartition(_BETWEEN)
        taken.setdefault(whose, []).append(replace(each, lot_id=lot_id))
    own = tuple(taken.pop("", ()))
    points = sum(each.points for each in own)
    parts = {
        whose: PointsRedeemed(
            at=max(redeemed.at, others[whose].last_at),
            redemption_id=redeemed.redemption_id,
            points=sum(each.points for each in some),
            taken=tuple(some),
            part=True,
        )
        for whose, some in taken.items()
    }
    return replace(redeemed, points=points, taken=own, elsewhere=redeemed.points - points), parts


def has_part(state: Membership, redemption_id: str) -> bool:
    """Whether a membership gave a part of what was redeemed elsewhere, and hasn't got it back."""
    known = state.redemptions.get(redemption_id)
    return known is not None and known.part and not known.cancelled


#: No lot's id has a line break.
_BETWEEN = "\n"


def _theirs(whose: str, lot_id: str) -> str:
    return f"{whose}{_BETWEEN}{lot_id}"
