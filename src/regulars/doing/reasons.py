"""Why rows were refused, with what differs from row to row left out, so that rows refused alike can be counted."""

from __future__ import annotations

import re

# As a value is shown: between quotes, or without the last one where it was cut off.
_FOUND = re.compile(r""", found (?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|['"].*?\.\.\.|[\w,]+)""")
_VALUE = re.compile(r""""[^"]*"|'[^']*'|\b\d[\d.,:T+-]*""")
MAX_KINDS = 1_000


def kind_of(reason: str) -> str:
    """A reason without the values that it names: of what was expected, all but what was found."""
    return _FOUND.sub("", reason) if "expected " in reason else _VALUE.sub("…", reason)
