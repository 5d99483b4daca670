"""The draw: who of an audience is held out. It depends on the seed and on who they are, and on nothing else."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from fractions import Fraction

#: Of fewer nobody could be held out and somebody treated.
LEAST_DRAWN = 2
_LARGE = 1_000


def share_by_default(people: int) -> str:
    """The share that is held out where the plan names none: half of fewer than 1,000 people, a fifth of more."""
    return "0.5" if people < _LARGE else "0.2"


def how_many_held_out(people: int, share: str) -> int:
    """How many of at least two are held out: the share of them, rounded half up, at least one and never all."""
    return min(max(int(Fraction(share) * people + Fraction(1, 2)), 1), people - 1)


def drawn(customer_ids: Iterable[str], share: str, seed: str) -> frozenset[str]:
    """Those who are held out: of the SHA-256 digests of "seed:customer id" the smallest ones."""
    ranked = sorted((hashlib.sha256(f"{seed}:{each}".encode()).hexdigest(), each) for each in set(customer_ids))
    return frozenset(customer_id for _, customer_id in ranked[: how_many_held_out(len(ranked), share)])
