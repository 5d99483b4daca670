"""What is said of hooks: never their secrets, but for the one that was just made."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from regulars.changes.change import Change


class Hook(Struct, frozen=True, kw_only=True):
    """Where changes are posted. `kinds` are the words that select them, as `Regulars.changes` takes them.

    `waiting` changes are still to be posted and `dead` ones were given up. `failing_since` is when the attempts that
    failed in a row began, `off_since` and `off_because` say when and why it was switched off.
    """

    id: str
    url: str
    kinds: tuple[str, ...]
    personal: bool
    allow_local: bool
    made_at: datetime
    waiting: int = 0
    dead: int = 0
    failures: int = 0
    failing_since: datetime | None = None
    off_since: datetime | None = None
    off_because: str | None = None

    @property
    def is_on(self) -> bool:
        """Whether it is delivered to."""
        return self.off_since is None


class NewHook(Struct, frozen=True, kw_only=True):
    """A hook that was added, and the secret by which its receiver knows us: it can't be shown again."""

    hook: Hook
    secret: str

    def __repr__(self) -> str:
        return f"NewHook(hook={self.hook!r}, secret=...)"


class DeadLetter(Struct, frozen=True, kw_only=True):
    """A change that was given up after so many attempts, and what was wrong with the last one."""

    hook_id: str
    change: Change
    attempts: int
    failure: str
    at: datetime


class Attempt(Struct, frozen=True, kw_only=True):
    """One attempt at a delivery: `failure` is what was wrong, None where it was taken.

    The next one is at `next_at`; None where there is none, as it was taken, is a dead letter now (`is_dead`), or its
    hook was switched off (`off_because` says why).
    """

    hook_id: str
    change_id: str
    number: int
    at: datetime
    status: int | None = None
    failure: str | None = None
    next_at: datetime | None = None
    is_dead: bool = False
    off_because: str | None = None


class Delivered(Struct, frozen=True, kw_only=True):
    """What came of delivering once: how many attempts were taken and failed, how many of these made dead letters.

    `switched_off` are the ids of hooks that were, `waiting` the changes still to be posted by hooks that are on.
    """

    taken: int = 0
    failed: int = 0
    dead: int = 0
    switched_off: tuple[str, ...] = ()
    waiting: int = 0
