"""Conditions of a mapping compiled for the columns of one file: functions from the cells of a row to true or false."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Sequence
from decimal import Decimal
from fnmatch import translate

from msgspec import Struct

from regulars.adapters.importing.amounts import NotAnAmount, read_amount
from regulars.adapters.importing.cells import Condition
from regulars.adapters.importing.jsonl import Number
from regulars.adapters.importing.mapping import Mapping
from regulars.adapters.importing.unusable import Unusable, refused_amount

Cells = Sequence[str]


class Test(Struct, frozen=True):
    """Whether the cell of one column holds what a condition says.

    One that is `of_words` asks nothing but what the cell's text is; the others raise Unusable for what is no number.
    """

    at: int
    holds: Callable[[Cells], bool]
    of_words: bool


_COMPARED: dict[str, Callable[[Decimal, Decimal], bool]] = {
    "below": operator.lt,
    "above": operator.gt,
    "at_least": operator.ge,
    "at_most": operator.le,
}


def compile_conditions(
    path: str, conditions: tuple[Condition, ...], mapping: Mapping, index: dict[str, int]
) -> tuple[Test, ...]:
    """A test for each condition. A test raises Unusable for a cell that is no number and is compared as one; `path`
    names the conditions there.
    """
    return tuple(_test(path, condition, mapping, index[condition.column]) for condition in conditions)


def _test(path: str, condition: Condition, mapping: Mapping, at: int) -> Test:
    if condition.comparison is not None:
        compared = _comparison(path, condition, *condition.comparison, at, mapping.decimal_comma)
        return Test(at, compared, of_words=False)
    return Test(at, _said(condition, mapping, at), of_words=True)


def _said(condition: Condition, mapping: Mapping, at: int) -> Callable[[Cells], bool]:
    if condition.matches is not None:
        # A pattern of our own letters alone: what * and ? stand for takes no time that grows with more than the text.
        pattern = re.compile(translate(condition.matches.replace("[", "[[]").lower()))
        return lambda cells: pattern.match(cells[at].lower()) is not None
    # Cells that count as empty are "" by the time they are compared, so the words compared with are, too.
    words = condition.in_ if condition.in_ is not None else (condition.is_, condition.is_not)
    wanted = frozenset("" if word in mapping.empty else word for word in words if word is not None)
    if condition.is_not is not None:
        return lambda cells: cells[at] not in wanted
    return lambda cells: cells[at] in wanted


def _comparison(
    path: str, condition: Condition, key: str, wanted: Decimal, at: int, decimal_comma: bool | None
) -> Callable[[Cells], bool]:
    compare, where = _COMPARED[key], f'column "{condition.column}"'

    def holds(cells: Cells) -> bool:
        text = cells[at]
        if not text:
            return False
        try:
            with_comma = False if isinstance(text, Number) else decimal_comma
            return compare(read_amount(text, decimal_comma=with_comma).amount, wanted)
        except NotAnAmount as problem:
            raise Unusable(f"{path}: {refused_amount(problem, where, text)}") from None

    return holds
