"""Normal forms of text for comparing: texts that read the same are equal, however they were typed.

`plain` folds case, width and invisible characters (NFKC). `bare` also removes accents, and writes umlauts one way. The
original text is stored unchanged.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from unicodedata import category, decimal, normalize

_BEYOND_ASCII = re.compile(r"[^\x00-\x7f]")
# Invisible characters beside the category Cf: fillers and variation selectors.
_UNSEEN = re.compile("[\u034f\u115f\u1160\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0]")
# Letters that no decomposition takes apart.
_LETTERS = str.maketrans(
    {"æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ı": "i", "ħ": "h", "ŧ": "t"}
)
_UMLAUTS = (("ae", "a"), ("oe", "o"), ("ue", "u"), ("aa", "a"))


def plain(text: str) -> str:
    """A text with case, width and foreign digits folded, and without invisible characters."""
    return _each_replaced(normalize("NFC", text), _plain_letter)


def bare(text: str) -> str:
    """A plain text without accents, and with `a`, `o` and `u` for umlauts and `å`, however they were written."""
    text = _each_replaced(text, _bare_letter)
    for two, one in _UMLAUTS:
        while two in text:  # the marks of äe may be missing, too
            text = text.replace(two, one)
    return text


def _each_replaced(text: str, letter: Callable[[str], str]) -> str:
    if not text.isascii():
        # A row has few letters beyond ASCII, and many rows are read at once.
        for each in set(_BEYOND_ASCII.findall(text)):
            text = text.replace(each, letter(each))
    return text.lower()


@lru_cache(maxsize=10_000)
def _plain_letter(letter: str) -> str:
    if category(letter) == "Cf" or _UNSEEN.match(letter):
        return ""
    if letter.isdecimal():
        return str(decimal(letter))
    return normalize("NFKC", normalize("NFKC", letter).casefold())


@lru_cache(maxsize=10_000)
def _bare_letter(letter: str) -> str:
    taken_apart = normalize("NFKD", _plain_letter(letter))
    return "".join(each for each in taken_apart if category(each) not in ("Mn", "Me")).translate(_LETTERS)
