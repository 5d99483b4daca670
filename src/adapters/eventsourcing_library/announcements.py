"""Waking the readers of this process when something was committed."""

from __future__ import annotations

import threading


class Announcements:
    """What one recorder's threads tell each other: something was committed, or a subscription was stopped."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._count = 0
        self._committed = 0
        self._settled = 0

    @property
    def count(self) -> int:
        """How many announcements there have been; read it before looking for what `wait` is to wait for."""
        return self._count

    def ring(self, committed: int = 0) -> None:
        """Wake everyone who waits; `committed` is the last position written, if one was."""
        with self._changed:
            self._count += 1
            self._committed = max(self._committed, committed)
            self._changed.notify_all()

    def wait(self, heard: int, seconds: float) -> None:
        """Return at the first announcement after the `heard`-th, or when the time is over."""
        with self._changed:
            self._changed.wait_for(lambda: self._count != heard, seconds)

    def unsettled(self) -> int | None:
        """The last position committed here, if no read has found it settled yet."""
        with self._changed:
            return self._committed if self._committed > self._settled else None

    def settle(self, position: int) -> None:
        """A read found this position settled, and with it every earlier one."""
        with self._changed:
            self._settled = max(self._settled, position)
