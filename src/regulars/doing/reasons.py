"""Why rows were refused, with what differs from row to row left out, so that rows refused alike can be counted."""

from __future__ import annotations

import re

_FOUND = re.compile(r", found (?:'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")(?:\.\.\.)?")
_QUOTED = re.compile(r"""(?<!column )(?<!columns )(?<!= )(?:"[^"]*"|'[^']*')""")
_NUMBER = re.compile(r"\b\d[\d.,:T+-]*\d\b|\b\d+\b")
MAX_KINDS = 1_000


def kind_of(reason: str) -> str:
    """A reason without the values that it names."""
    what, _, remedy = _FOUND.sub("", reason).partition("; ")
    bare = _NUMBER.sub("…", _QUOTED.sub("…", what)) if '= "' not in what else what
    return f"{bare}; {remedy}" if remedy and not _NUMBER.search(remedy) else bare
