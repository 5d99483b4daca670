"""The Merkle tree hash of RFC 6962, section 2.1: SHA-256, with leaves and nodes told apart by their first byte."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256


def merkle_root(entries: Sequence[bytes]) -> bytes:
    """The hash that stands for a list of entries in their order.

    The RFC splits a list at the largest power of two below its length. Joining neighbours level by level, where the
    last one of an odd number goes up as it is, makes the same tree.
    """
    level = [sha256(b"\x00" + entry).digest() for entry in entries]
    if not level:
        return sha256().digest()
    while len(level) > 1:
        alone = level[-1:] if len(level) % 2 else []
        pairs = zip(level[::2], level[1::2], strict=False)
        level = [sha256(b"\x01" + left + right).digest() for left, right in pairs] + alone
    return level[0]
