"""Reading what people chose or typed. What is none of it gets one sentence, by ValueError."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import TypeVar

from regulars.web.console.page import Asked

W = TypeVar("W", bound=str)


def one_of(asked: Asked, name: str, words: Iterable[W]) -> W | None:
    """A field that is one of some words, None where it is empty."""
    value, known = asked.field(name), tuple(words)
    if value and value not in known:
        raise ValueError(
            asked._("{name} is one of {known}, not “{value}”.").format(name=name, known=", ".join(known), value=value)
        )
    return next((each for each in known if each == value), None)


def number_of(asked: Asked, name: str, usual: int, least: int, most: int) -> int:
    """A field that is a whole number within bounds, both included."""
    value = asked.field(name)
    if not value:
        return usual
    if not (value.isascii() and value.isdigit() and len(value) < 10 and least <= int(value) <= most):
        raise ValueError(
            asked._("{name} is a whole number from {least} to {most}, not “{value}”.").format(
                name=name, least=least, most=most, value=value
            )
        )
    return int(value)


def day_of(asked: Asked, name: str) -> date | None:
    """A field that is a day, None where it is empty."""
    value = asked.field(name)
    try:
        return date.fromisoformat(value) if value else None
    except ValueError:
        raise ValueError(asked._("A day is written as 2026-03-31, not “{value}”.").format(value=value)) from None
