"""Notification of this process's readers when events are committed."""

from __future__ import annotations

import threading


class Announcements:
    """A condition variable of one recorder's threads, for commits and for the end of subscriptions."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._count = 0
        self._committed = 0
        self._settled = 0

    @property
    def count(self) -> int:
        """The number of announcements so far; read it before looking for what `wait` waits for."""
        return self._count

    def ring(self, committed: int = 0) -> None:
        """Wake all waiting threads; `committed` is the last position written, if one was."""
        with self._changed:
            self._count += 1
            self._committed = max(self._committed, committed)
            self._changed.notify_all()

    def wait(self, heard: int, seconds: float) -> None:
        """Wait for the first announcement after the `heard`-th, at most so many seconds."""
        with self._changed:
            self._changed.wait_for(lambda: self._count != heard, seconds)

    def unsettled(self) -> int | None:
        """The last position committed here, unless a read has found it settled."""
        with self._changed:
            return self._committed if self._committed > self._settled else None

    def settle(self, position: int) -> None:
        """Note that a read found this position settled, and with it every earlier one."""
        with self._changed:
            self._settled = max(self._settled, position)
