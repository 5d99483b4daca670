"""Codes of coupons in a normal form: what reads the same is the same code, however it was typed.

Letters are capitals, of whatever width (NFKC); spaces, hyphens and invisible characters are left out. A personal code
is drawn from 32 digits and capitals, without those that are taken for one another (0 and O, 1 and I): each of its 12
signs is worth 5 bits, so it has 60.
"""

from __future__ import annotations

from typing import Annotated
from unicodedata import category, normalize

from pydantic import AfterValidator, StringConstraints

ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
#: How many signs a personal code has, and in groups of how many it is shown.
SIGNS, GROUP = 12, 4

_LEFT_OUT = frozenset({"Zs", "Pd", "Cf"})


def normal_form(text: str) -> str:
    """A code as codes are compared."""
    kept = "".join(each for each in normalize("NFKC", text) if category(each) not in _LEFT_OUT)
    return normalize("NFKC", kept.casefold().upper())


def _code(text: str) -> str:
    code = normal_form(text)
    if not code.isalnum():
        raise ValueError("a code is made of letters and digits, such as SUMMER10")
    return code


#: A code, or the id of a series of coupons, in its normal form, whatever it is given as.
Code = Annotated[str, StringConstraints(min_length=1, max_length=60), AfterValidator(_code)]


def shown(code: str) -> str:
    """A personal code as people read it: in groups, such as K7QF-2MXH-9RTA."""
    return "-".join(code[at : at + GROUP] for at in range(0, len(code), GROUP))
