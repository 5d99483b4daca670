"""Cells of CSV that a spreadsheet may open."""

from __future__ import annotations

# The wide ones are taken for the others where people write Chinese, Japanese or Korean.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def harmless(value: object) -> object:
    """A value with an apostrophe in front where a spreadsheet would run it as a formula.

    A return becomes a line break: Python writes it without quotes, and a reader would end the row there.
    """
    if not isinstance(value, str):
        return value
    text = value.replace("\r\n", "\n").replace("\r", "\n")
    return f"'{text}" if value.startswith(_FORMULA) else text
