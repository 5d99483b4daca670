"""Enhanced status codes of mail servers (RFC 3463): whether a failure is the address's fault."""

from __future__ import annotations

import re

_PERMANENT = re.compile(r"(?<![\d.])5\.(\d{1,3})\.(\d{1,3})(?![\d.])")
#: The mailbox isn't there, has moved, is ambiguous or badly written, or its domain takes no mail (RFC 7505); it is
#: disabled; and its domain can't be found. That a mailbox is full passes, and the others are about message and sender.
_OF_THE_ADDRESS = frozenset(
    {("1", "0"), ("1", "1"), ("1", "2"), ("1", "3"), ("1", "4"), ("1", "6"), ("1", "10"), ("2", "1"), ("4", "4")}
)


def is_of_the_address(status: str) -> bool | None:
    """Whether a text names a permanent failure that is the address's fault; None where it names no permanent one."""
    found = _PERMANENT.search(status)
    return None if found is None else (found[1], found[2]) in _OF_THE_ADDRESS
