"""Sanitising text from outside for a cell of a spreadsheet, which would run some of it as a formula."""

from __future__ import annotations

import re

from regulars.crm_domain.command import is_phone
from regulars.crm_domain.money import is_plain_number

# The wide ones are taken for the others where people write Chinese, Japanese or Korean.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")

# A spreadsheet that splits at another sign than the comma doesn't see our quotes, as they don't begin its cells. What
# it finds after a sign, in quotes or not, is a cell of its own.
_FORMULA_INSIDE = re.compile(r"(?<=[;\t|\n])(?=\"*[=+\-@＝＋－＠])")


def harmless(value: object) -> object:
    """A value with an apostrophe wherever a spreadsheet would begin to run it as a formula.

    That is at its beginning, and after each sign at which some spreadsheet splits: semicolon, tab, bar, line break. A
    number, a phone number among them, runs nothing. A return becomes a line break: Python writes it without quotes, and
    a reader would end the row there.
    """
    return value if isinstance(value, str) and _is_number(value) else harmless_first(value)


def harmless_first(value: object) -> object:
    """As `harmless`, of the first value of a row: a spreadsheet that splits at another sign than the comma takes it for
    one cell with those after it, and `-1` with what they say may be a formula.
    """
    if not isinstance(value, str):
        return value
    text = _FORMULA_INSIDE.sub("'", value.replace("\r\n", "\n").replace("\r", "\n"))
    return f"'{text}" if value.startswith(_FORMULA) else text


def _is_number(text: str) -> bool:
    return is_phone(text) or is_plain_number(text)
