"""The fields of a command in plain words, read off its model, and text that was typed turned into them."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints
from zoneinfo import ZoneInfo

from pydantic import BaseModel

from regulars.crm_domain.birthday import BirthdayText
from regulars.crm_domain.campaign import Share
from regulars.crm_domain.command import (
    Amount,
    Command,
    Currency,
    Email,
    Label,
    Moment,
    Phone,
    Reference,
    Text,
    When,
    Who,
)
from regulars.crm_domain.local_time import localised
from regulars.crm_domain.task import Repeat
from regulars.wording.typed import read_json

_WORDS: tuple[tuple[Any, str], ...] = (
    (Who, "a reference, or id:<32 hexadecimal digits>"),
    (Reference, "a reference: your own key for this customer"),
    (Repeat, 'words such as "every 2 weeks" or "last day of the month"'),
    (Label, "a line of text, at most 200 characters"),
    (Text, "text, at most 10,000 characters"),
    (Email, "an e-mail address"),
    (Phone, "a phone number"),
    (Currency, "a currency code such as EUR"),
    (Share, "a share above 0 and below 1, such as 0.2"),
    (Amount, "an amount such as 59.90"),
    (Moment, "a time such as 2026-03-01T12:00:00+01:00, or 2026-03-01"),
    (When, "a day such as 2026-03-01, or a time such as 2026-03-01T12:00:00+01:00"),
    (BirthdayText, "a day such as 1990-05-17, --05-17 or lunar:1990-04-23"),
    (date, "a day such as 1990-05-17"),
    (int, "a whole number"),
)


@dataclass(frozen=True, slots=True)
class Field:
    """A field: its name, what it takes, and whether it must be given. `choices` are the words that it takes, where it
    takes no others.
    """

    name: str
    takes: str
    required: bool
    choices: tuple[str, ...] = ()


def first_line(model: type[Command]) -> str:
    """What a command does, in a line."""
    return (inspect.getdoc(model) or "").partition("\n")[0]


def fields_of(model: type[BaseModel]) -> list[Field]:
    """The fields of a command, those that are needed first and those that every command may have last."""
    hints = get_type_hints(model, include_extras=True)
    names = sorted(
        model.model_fields,
        key=lambda name: (is_shared(model, name), not _is_needed(model, name), name in Command.model_fields),
    )
    return [
        Field(name, takes=_in_words(hints[name]), required=_is_needed(model, name), choices=_choices(hints[name]))
        for name in names
    ]


def _choices(hint: Any) -> tuple[str, ...]:
    parts = get_args(hint)
    if get_origin(hint) is Literal:
        return tuple("true" if part is True else str(part) for part in parts)
    return next((found for part in parts if (found := _choices(part))), ()) if type(None) in parts else ()


def is_shared(model: type[BaseModel], name: str) -> bool:
    """Whether a field is one that every command may have: not where this one needs it, such as why a lead is left."""
    return name in Command.model_fields and not _is_needed(model, name)


def _is_needed(model: type[BaseModel], name: str) -> bool:
    return model.model_fields[name].is_required()


def read_fields(model: type[Command], given: dict[str, str]) -> dict[str, Any]:
    """Values as they were typed, ready for the model: text, None for nothing, JSON where a field is more than text.

    Raises ValueError for what should be JSON and isn't.
    """
    return {name: _read(model, name, text) for name, text in given.items()}


def with_zone(model: type[Command], given: dict[str, Any], zone: ZoneInfo) -> dict[str, Any]:
    """The same values, with bare dates and times without an offset in a zone; where a day is taken as well as a time, a
    bare date stays one. Raises ValueError for a time that doesn't exist there.
    """
    taken = {name: (hint, *get_args(hint)) for name, hint in get_type_hints(model, include_extras=True).items()}
    timed = {name for name, hints in taken.items() if Moment in hints or When in hints}
    return {
        name: _in_zone(value, zone) if name in timed and not (When in taken[name] and _is_day(value)) else value
        for name, value in given.items()
    }


def _is_day(value: Any) -> bool:
    try:
        return bool(date.fromisoformat(value))
    except (TypeError, ValueError):
        return False


def _in_zone(value: Any, zone: ZoneInfo) -> Any:
    for parse in (date.fromisoformat, datetime.fromisoformat):
        try:
            found = parse(value)
        except (TypeError, ValueError):
            continue
        return localised(found, zone)
    return value  # the model says what is wrong with it


def _read(model: type[Command], name: str, text: str) -> Any:
    if text == "":
        return None
    hint: Any = model.model_fields[name].annotation if name in model.model_fields else str
    # Every scalar reads itself from text, except a yes that must be a yes.
    return read_json(text) if _is_list(hint) or hint == Literal[True] else text


def _is_list(hint: Any) -> bool:
    """Whether a field is a list, perhaps one that may be left out."""
    return get_origin(hint) is tuple or any(map(_is_list, get_args(hint)))


def _in_words(hint: Any) -> str:
    for known, words in _WORDS:
        if hint == known:
            return words
    origin, parts = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _in_words(parts[0]) + _bounds(parts[1:])
    if origin is Literal:
        return " or ".join("true" if part is True else str(part) for part in parts)
    if origin is tuple:
        return f"a list of {_in_words(parts[0])}"
    if type(None) in parts:
        return _without_none(hint, parts)
    if isinstance(hint, type) and issubclass(hint, BaseModel):
        inner = (f"{field.name}{'' if field.required else '?'}" for field in fields_of(hint))
        return f"{{{', '.join(inner)}}}"
    return getattr(hint, "__name__", "a value")


def _without_none(hint: Any, parts: tuple[Any, ...]) -> str:
    rest = [part for part in parts if part is not type(None)]
    # `Who | None` is flattened into one union of three, which no longer equals `Who`.
    return _in_words(rest[0]) if len(rest) == 1 else _in_words(Who)


def _bounds(metadata: tuple[Any, ...]) -> str:
    rules = [rule for item in metadata for rule in getattr(item, "metadata", ())]
    lowest = [f" from {rule.ge:,}" for rule in rules if hasattr(rule, "ge")]
    highest = [f" to {rule.le:,}" for rule in rules if hasattr(rule, "le")]
    return "".join(lowest + highest)
