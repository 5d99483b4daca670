"""What a model is fitted to: for each customer frequency, recency, age, and mean repeat spend."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
Whole: TypeAlias = NDArray[np.int64]

DAYS_A_WEEK = 7


@dataclass(frozen=True, slots=True)
class Buyers:
    """Customers who bought anything, one in each place of all arrays, in no order that means anything.

    `repeats` counts buying days after the first; `recency` is when the last of them was and `age` how long there has
    been time for them, in weeks from the first; `spend` is the mean spend of a repeat, 0 where there was none.
    """

    repeats: Floats
    recency: Floats
    age: Floats
    spend: Floats

    def __len__(self) -> int:
        return len(self.repeats)

    @property
    def repeaters(self) -> int:
        """How many bought again."""
        return int(np.count_nonzero(self.repeats))

    @property
    def spenders(self) -> NDArray[np.bool_]:
        """Who spent anything when they bought again: of the others the spend model has no likelihood."""
        return self.spend > 0

    def in_order(self) -> Buyers:
        """The same customers in order of these numbers, so that they are summed up alike wherever they come from."""
        order = np.lexsort((self.spend, self.age, self.recency, self.repeats))
        return self.some(order)

    def some(self, which: NDArray[np.intp]) -> Buyers:
        """Those at some places."""
        return Buyers(self.repeats[which], self.recency[which], self.age[which], self.spend[which])

    def digest(self) -> str:
        """SHA-256 of all that is known of them, in hexadecimal."""
        together = np.ascontiguousarray(np.column_stack((self.repeats, self.recency, self.age, self.spend)), "<f8")
        return hashlib.sha256(together.tobytes()).hexdigest()


def buyers(repeats: Whole, recency: Whole, age: Whole, spent: Whole, exponent: int) -> Buyers:
    """Buyers from counts, days, and the minor units that all repeats came to, for a currency of so many digits."""
    return Buyers(
        repeats=repeats.astype(np.float64),
        recency=recency / DAYS_A_WEEK,
        age=age / DAYS_A_WEEK,
        spend=spent / 10**exponent / np.maximum(repeats, 1),
    )


def mean(shares: Floats, values: Floats) -> float:
    """The mean of values, each by its share; unlike a product of vectors summed up in one order on every machine."""
    return float(np.sum(shares * values))
