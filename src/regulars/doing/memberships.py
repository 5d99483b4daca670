"""Memberships of merged customers: which of them a command addresses."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from regulars.crm_domain.command import Command
from regulars.crm_domain.membership import MEMBERSHIP, Membership, MembershipStatus, has_recorded, is_in_force
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
