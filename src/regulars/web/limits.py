"""What a server answers at most. Whoever embeds it may say otherwise."""

from __future__ import annotations

from msgspec import Struct


class Limits(Struct, frozen=True, kw_only=True):
    """The limits of a server. `body` is in bytes, and arrives within `arriving` seconds; `seconds` are for one answer;
    `threads` work at once.

    A token may ask `at_once` requests after a rest, and `per_second` in the long run. A batch has at most `commands`;
    JSON is nested at most `depth` deep. Who waits for changes waits for `wait` seconds at most, and `waiting` at once.
    """

    body: int = 1_048_576
    arriving: float = 20.0
    seconds: float = 30.0
    threads: int = 16
    per_second: float = 50.0
    at_once: int = 200
    commands: int = 1_000
    depth: int = 12
    wait: float = 20.0
    waiting: int = 100
