"""Merging customers: one timeline out of two, by a link alone. What must hold of both sides is decided here.

1. Nobody is merged into themselves, directly or in a circle.
2. Of customers who are merged, one membership at most is in force.
3. Nobody who was forgotten is merged: forgetting the survivor forgets everyone who is one with them.
4. A person and a firm are not merged.
"""

from __future__ import annotations

from msgspec import Struct

from regulars.crm_domain.errors import Rejected


class Family(Struct, frozen=True, kw_only=True):
    """Customers who are one by merges. `root_id` is the survivor, who owns the history of all."""

    root_id: str
    is_member: bool
    is_erased: bool
    is_firm: bool = False


def require_mergeable(away: Family, survivor: Family) -> None:
    """Raises Rejected `merge_cycle`, `account_erased`, `two_kinds` or `two_memberships`: invariants 1 to 4."""
    if away.root_id == survivor.root_id:
        raise Rejected("merge_cycle", "these two are one customer already")
    if away.is_erased or survivor.is_erased:
        raise Rejected("account_erased", "a customer who was forgotten can't be merged")
    if away.is_firm is not survivor.is_firm:
        raise Rejected("two_kinds", "one is a person and the other a firm; ChangeKind says so where one of them isn't")
    if away.is_member and survivor.is_member:
        sentence = "both customers have a membership in force; cancel one of them first"
        raise Rejected("two_memberships", sentence)
