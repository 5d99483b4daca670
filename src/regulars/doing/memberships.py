"""Memberships of merged customers: which of them a command addresses."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from msgspec.structs import replace

from regulars.crm_domain.command import Command
from regulars.crm_domain.event import Event
from regulars.crm_domain.membership import (
    MEMBERSHIP,
    Membership,
    MembershipStatus,
    PointsRedeemed,
    RedemptionCancelled,
    has_part,
    has_recorded,
    is_in_force,
    parts_of,
    with_points_of,
)
from regulars.doing.unit_of_work import Target, UnitOfWork


def membership_stream(work: UnitOfWork, customer_id: str) -> str:
    """The stream of a customer's own membership."""
    return work.stream_of(MEMBERSHIP, customer_id)


def own_membership(work: UnitOfWork, customer_id: str) -> Target:
    """A customer's own membership."""
    return Target(stream_id=membership_stream(work, customer_id), decider=MEMBERSHIP, customer_id=customer_id)


def member_meant(work: UnitOfWork, family: Iterable[str], command: Command) -> str:
    """The member of a family whose membership a command is about: that to which the command was applied before.

    Else the one whose membership is in force, or was begun, or the survivor, whichever of them the command names: so
    two concurrent enrollments conflict in one stream.
    """
    memberships = {each: work.state(own_membership(work, each)) for each in family}
    choices: tuple[Callable[[Membership], bool], ...] = (
        lambda state: has_recorded(state, command),
        is_in_force,
        lambda state: state.status is not MembershipStatus.NONE,
    )
    fitting = (each for fits in choices for each, state in memberships.items() if fits(state))
    return next(fitting, next(iter(memberships)))


def first_membership(
    work: UnitOfWork, customer_id: str, family: Iterable[str], fits: Callable[[Membership], bool]
) -> Target:
    """The first membership of a family that fits, the customer's own before the others; the customer's own if none
    fits.
    """
    own = own_membership(work, customer_id)
    others = (own_membership(work, each) for each in family if each != customer_id)
    return next((target for target in (own, *others) if fits(work.state(target))), own)


def of_all(work: UnitOfWork, family: Iterable[str], target: Target, own: Membership, at: int) -> Membership:
    """A membership with the points of all of a family, to decide on what is spent."""
    others = _others(work, family, target)
    return with_points_of(own, others, at) if others else own


def shared(
    work: UnitOfWork, family: Iterable[str], target: Target, event: PointsRedeemed | RedemptionCancelled
) -> list[tuple[Target, Event]]:
    """What follows in each membership of a family where points are spent, or given back, in one: that one first."""
    others = _others(work, family, target)
    if isinstance(event, PointsRedeemed):
        own, parts = parts_of(event, others)
        return [(target, own), *((own_membership(work, whose), part) for whose, part in parts.items())]
    giving = [whose for whose, state in others.items() if has_part(state, event.redemption_id)]
    back = (replace(event, at=max(event.at, others[whose].last_at)) for whose in giving)
    return [(target, event), *zip((own_membership(work, whose) for whose in giving), back, strict=True)]


def _others(work: UnitOfWork, family: Iterable[str], target: Target) -> dict[str, Membership]:
    others = {each: work.state(own_membership(work, each)) for each in family if each != target.customer_id}
    return {each: state for each, state in others.items() if state.status is not MembershipStatus.NONE}
