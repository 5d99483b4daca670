"""Failed attempts to sign in, so that a password can't be guessed: after FREE of them, each has to wait longer.

What is kept is a digest of the name, in memory, of the last MOST names that failed. A right password forgets them.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from datetime import datetime, timedelta
from threading import Lock

from regulars.session.clock import Clock

FREE = 5
FIRST_WAIT, LONGEST_WAIT = timedelta(seconds=2), timedelta(minutes=5)
MOST = 10_000


class TooOften(Exception):
    """Too many attempts failed; `wait` is how long to wait."""

    def __init__(self, wait: timedelta) -> None:
        super().__init__(f"too many attempts; try again in {wait.total_seconds():.0f} seconds")
        self.wait = wait


class Attempts:
    """The attempts of one process."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._failed: OrderedDict[bytes, tuple[int, datetime]] = OrderedDict()
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._failed)

    def require_patience(self, name: str) -> None:
        """Count an attempt as failed until it isn't. Raises TooOften where the last ones failed just now.

        Attempts that run at the same time count as well, so that guessing at once gains nothing.
        """
        key, now = _key(name), self._clock()
        with self._lock:
            failures, last = self._failed.get(key, (0, now))
            wait = _wait(failures) - (now - last)
            if failures >= FREE and wait > timedelta(0):
                raise TooOften(wait)
            self._failed[key] = (failures + 1, now)
            self._failed.move_to_end(key)
            while len(self._failed) > MOST:
                self._failed.popitem(last=False)

    def forget(self, name: str) -> None:
        """The right password was given."""
        with self._lock:
            self._failed.pop(_key(name), None)


def _wait(failures: int) -> timedelta:
    return timedelta(0) if failures < FREE else min(FIRST_WAIT * 2 ** min(failures - FREE, 20), LONGEST_WAIT)


def _key(name: str) -> bytes:
    return hashlib.sha256(name.encode(errors="replace")).digest()
