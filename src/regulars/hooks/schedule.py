"""When to try again: the pauses grow over three days, and differ from message to message by its id alone."""

from __future__ import annotations

from datetime import timedelta
from hashlib import sha256

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

#: The pause after the first failed attempt, after the second, and so on; after the last attempt it is a dead letter.
PAUSES = (
    *(5 * SECOND, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR),
    *(10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR),
)
ATTEMPTS = len(PAUSES) + 1
#: Pauses are longer by up to this share, so that what failed together isn't tried again together.
JITTER = 0.25
#: The longest pause that a receiver can ask for (Retry-After).
LONGEST = DAY

#: So many failures in a row, whatever was sent, pause the hook itself: its receiver is down, and trying each of what
#: waits would take up its attempts.
PATIENCE = 5
#: The longest pause of a whole hook, after which one message tries whether the receiver is back.
LONGEST_QUIET = HOUR
#: A hook that took nothing for so long, though it was tried, is switched off.
SWITCHED_OFF_AFTER = 5 * DAY


def pause_after(attempts: int, message_id: str) -> int | None:
    """The pause in microseconds after so many failed attempts, 1 at least; None where there is no other attempt."""
    if attempts > len(PAUSES):
        return None
    return _longer(PAUSES[attempts - 1], f"{message_id} {attempts}")


def quiet_after(failures: int, hook_id: str) -> int:
    """For how many microseconds a hook is quiet after so many failures in a row."""
    if failures < PATIENCE:
        return 0
    pause = PAUSES[min(failures - PATIENCE, len(PAUSES) - 1)]
    return _longer(min(pause, LONGEST_QUIET), f"{hook_id} {failures}")


def asked_for(retry_after: timedelta | None) -> int:
    """The pause in microseconds that a receiver asked for, within what we grant."""
    if retry_after is None:
        return 0
    return min(max(retry_after // timedelta(microseconds=1), 0), LONGEST)


def _longer(pause: int, seed: str) -> int:
    drawn = int.from_bytes(sha256(seed.encode()).digest()[:4], "big")
    return pause + int(pause * JITTER) * drawn // 2**32
