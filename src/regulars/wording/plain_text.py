"""Sanitising text from outside for a terminal or a page: without control and bidirectional characters."""

from __future__ import annotations

import unicodedata

_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_JOINERS = "\u200c\u200d"  # several scripts, and emoji, need them


def clean(text: str) -> str:
    """Text from outside on one line, without control characters and marks that turn the direction of writing."""
    spaced = " ".join(text.split())
    return "".join(c for c in spaced if c in _JOINERS or unicodedata.category(c) not in _UNSEEN)


def clean_lines(text: str) -> str:
    """The same for text whose lines are ours, and stay as they are."""
    return "".join(c for c in text if c in _JOINERS or c == "\n" or unicodedata.category(c) not in _UNSEEN)
