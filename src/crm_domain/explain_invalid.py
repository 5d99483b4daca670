"""What is wrong with untrusted input, as one sentence for a person."""

from __future__ import annotations

import re
from itertools import islice

from pydantic import ValidationError
from pydantic_core import ErrorDetails

MAX_SHOWN = 60
MAX_OBJECTIONS = 20

_WORDS = {
    "bool_parsing": "expected true or false",
    "bool_type": "expected true or false",
    "dict_type": "expected a table",
    "int_from_float": "expected a whole number",
    "int_parsing": "expected a whole number",
    "int_parsing_size": "expected a whole number",
    "int_type": "expected a whole number",
    "model_type": "expected a table",
    "string_unicode": "expected text",
    "timezone_aware": "expected a time with an offset from UTC, such as 2026-03-01T12:00:00+01:00",
    "tuple_type": "expected a list",
}
# Patterns say nothing to whoever doesn't read them; a field that has one says by its name what it is.
_BY_NAME = {
    "about": "expected the position of an event, a whole number from 1 on",
    "currency": "expected a currency code such as EUR",
    "email": "expected an e-mail address such as ada@example.com",
    "kind": "expected lower-case letters, digits, - and _, beginning with a letter (a-z)",
    "phone": "expected a phone number such as +49 30 123456",
}

_BEGINNINGS = (
    (re.compile(r"^Input should be a valid integer, .*"), "expected a whole number"),
    (re.compile(r"^Input should be a valid number, .*"), "expected a number"),
    (re.compile(r"^Input should be (greater|less) "), r"expected a number \1 "),
    (re.compile(r"^Input should be (a valid string)"), "expected text"),
    (re.compile(r"^Input should be (a valid |an? )?"), r"expected \1"),
    (re.compile(r"^String should have "), "expected text with "),
    (re.compile(r"^String should match pattern "), "expected text that matches "),
    (re.compile(r"^(\w+) should have "), r"expected "),
    (re.compile(r"^Value error, "), ""),
)


def in_our_words(objection: str) -> str:
    """What pydantic says of a value, in the words that all objections have."""
    for beginning, replacement in _BEGINNINGS:
        objection = beginning.sub(replacement, objection)
    return objection


def expectation(detail: ErrorDetails) -> str:
    """What was expected where pydantic objects, in the words that all objections have."""
    return in_our_words(_WORDS.get(detail["type"], detail["msg"]))


def sentence(error: ValidationError) -> str:
    """Each field that is wrong, what was expected of it, and what was found (at most 60 characters of it).

    A sentence such as "amount: expected a valid decimal, found 'abc'; customer: a value is needed, found nothing".
    """
    by_field = objections(error)
    said = [f"{path}: {text}" if path else text for path, text in islice(by_field.items(), MAX_OBJECTIONS)]
    more = len(by_field) - len(said)
    return "; ".join([*said, *([f"and {more:,} more"] if more else [])])


def objections(error: ValidationError) -> dict[str, str]:
    """What is wrong, by the path of each field; "" for a rule over all of them."""
    # Where a field takes one of several types, each type complains; the last is the most general, and speaks for all.
    return {_path(detail): _explained(detail) for detail in error.errors(include_url=False)}


def shown(value: object) -> str:
    """A value as a person would recognise it, printable and cut off after 60 characters."""
    # The slice comes first, so that a megabyte of text isn't turned into its repr for the sake of its beginning.
    try:
        text = repr(value[: MAX_SHOWN + 1] if isinstance(value, str | bytes) else value)
    except (ValueError, RecursionError):  # Python writes no number of thousands of digits
        return f"{type(value).__name__} too long to write out"
    return text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 3] + "..."


def _path(detail: ErrorDetails) -> str:
    """`lines[0].quantity`. What isn't an identifier is pydantic's name for one type of several, not a key."""
    path, last = "", len(detail["loc"]) - 1
    for index, part in enumerate(detail["loc"]):
        found = detail["type"] == "extra_forbidden" and index == last  # a key as somebody spelt it
        if isinstance(part, int):
            path += f"[{part}]"
        elif found or part.isidentifier():
            word = part[:MAX_SHOWN]
            path += f".{word}" if path else word
    return path


def _explained(detail: ErrorDetails) -> str:
    if detail["type"] == "missing":
        return "a value is needed, found nothing"
    if detail["type"] == "extra_forbidden":
        return "there is no such field"
    if detail["type"] == "too_long":
        return f"expected at most {detail['ctx']['max_length']:,} of them, found {detail['ctx']['actual_length']:,}"
    if detail["type"] == "too_short":
        return f"expected at least {detail['ctx']['min_length']:,} of them, found {detail['ctx']['actual_length']:,}"
    expected = expectation(detail)
    if detail["type"] == "string_pattern_mismatch":
        expected = _BY_NAME.get(str(detail["loc"][-1]), expected)
    # A rule over a whole table names what it objects to; to repeat the table would bury that.
    if detail["type"] == "value_error" and isinstance(detail["input"], dict):
        return expected
    return f"{expected}, found {shown(detail['input'])}"
