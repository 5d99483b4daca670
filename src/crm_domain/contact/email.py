"""An e-mail address out of what stands where one is expected."""

from __future__ import annotations

import re
from unicodedata import category, normalize

MAX_CHARACTERS = 1_000

_ANGLED = re.compile(r"(?P<name>[^<>@]*)<(?P<address>[^<>]*)>")
_ADDRESS = re.compile(r"[^@\s,;:<>()\[\]\"'\\|/]+(?:'[^@\s,;:<>()\[\]\"\\|/]+)?@[^@\s,;:<>()\[\]\"'\\|/_]+")


def clean_email(text: str) -> str:
    """The one address in a text: letters composed, nothing invisible, no `mailto:`, `<…>` or trailing comma.

    Capitals stay. Raises ValueError, with a sentence, where there is none, or more than one.
    """
    if len(text) > MAX_CHARACTERS:
        raise ValueError("expected one e-mail address such as ada@example.com")
    bare = visible(normalize("NFC", text)).strip()
    angled = _ANGLED.fullmatch(bare.rstrip(" ,;."))
    bare = (angled["address"] if angled else bare).strip()
    if bare[:7].lower() == "mailto:":
        bare = bare[7:].partition("?")[0]
    bare = bare.strip().strip("'\"").rstrip(" ,;.")
    _, _, domain = bare.partition("@")
    if _ADDRESS.fullmatch(bare) is None or "" in domain.split("."):
        raise ValueError("expected one e-mail address such as ada@example.com")
    return bare


def visible(text: str) -> str:
    """The text without what nothing is drawn for: zero-width and direction marks, and control characters."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(each for each in text if category(each) not in ("Cf", "Cc") or each in "\t\r\n")
