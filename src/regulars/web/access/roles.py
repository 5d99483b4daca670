"""Roles: a reader asks, a clerk also records what happened, an owner may do everything."""

from __future__ import annotations

from typing import Literal, get_args

Role = Literal["reader", "clerk", "owner"]

#: From the one who may do least on.
ROLES: tuple[Role, ...] = get_args(Role)


def is_at_least(role: Role, needed: Role) -> bool:
    """Whether a role may do what needs another."""
    return ROLES.index(role) >= ROLES.index(needed)
