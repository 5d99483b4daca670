"""CSV cells, escaped against formula injection."""

from __future__ import annotations

import re

# The wide ones are taken for the others where people write Chinese, Japanese or Korean.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")

# A spreadsheet that splits at another sign than the comma doesn't see our quotes, as they don't begin its cells. What
# it finds after a sign, in quotes or not, is a cell of its own.
_FORMULA_INSIDE = re.compile(r"(?<=[;\t|\n])(?=\"*[=+\-@＝＋－＠])")


def harmless(value: object) -> object:
    """A value with an apostrophe wherever a spreadsheet would begin to run it as a formula.

    That is at its beginning, and after each sign at which some spreadsheet splits: semicolon, tab, bar, line break. A
    return becomes a line break: Python writes it without quotes, and a reader would end the row there.
    """
    if not isinstance(value, str):
        return value
    text = _FORMULA_INSIDE.sub("'", value.replace("\r\n", "\n").replace("\r", "\n"))
    return f"'{text}" if value.startswith(_FORMULA) else text
