"""Read your own writes: which customers this process wrote of, for lists that must include them before a catch-up."""

from __future__ import annotations

import threading
from collections.abc import Iterable

from regulars.adapters.store.transaction import Transaction

#: So many customers at most are folded from the log for a list.
MOST = 200


class OwnWrites:
    """The last position at which this process wrote of each customer, of the latest customers. Threads may share it."""

    def __init__(self) -> None:
        self._positions: dict[str, int] = {}
        self._left_out_up_to = 0
        self._lock = threading.Lock()

    def note(self, customer_ids: Iterable[str], position: int) -> None:
        """Remember that something was recorded of some customers, the last of it at a position."""
        with self._lock:
            for customer_id in customer_ids:
                self._positions.pop(customer_id, None)  # so that the latest come last
                self._positions[customer_id] = position
            while len(self._positions) > MOST:
                oldest = next(iter(self._positions))
                self._left_out_up_to = max(self._left_out_up_to, self._positions.pop(oldest))

    def after(self, checkpoint: int) -> list[str] | None:
        """Of whom something was written after a position; None where that are more than the latest ones."""
        with self._lock:
            if self._left_out_up_to > checkpoint:
                return None
            return sorted(each for each, position in self._positions.items() if position > checkpoint)


def families_written(tx: Transaction, customer_ids: Iterable[str], checkpoint: int) -> tuple[tuple[str, ...], ...]:
    """The members of each family of whom something was written after a checkpoint.

    Who was one with them at the checkpoint, and isn't any more, is a family of their own.
    """
    before = tx.families(customer_ids, checkpoint)
    touched = {each for customer_id in customer_ids for each in before.members(customer_id)}.union(customer_ids)
    now = tx.families(touched)
    return tuple(now.members(root) for root in sorted({now.root(each) for each in touched}))
