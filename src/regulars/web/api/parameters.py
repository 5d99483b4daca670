"""The parameters of a question, as a model that follows from the signature of what is asked.

A customer is named by id alone, so that addresses and the logs they end up in hold nothing personal.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cache
from types import MappingProxyType, NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, create_model

from regulars.crm_domain.command import Amount, CustomerId, Day, When
from regulars.projections.rules.grammar import Ruleset
from regulars.session.freshness import Fresh
from regulars.wording.typed import SPAN, read_span

_ID = "^(id:)?[0-9a-f]{32}$"
_MOST_SECONDS = 30


def _read_id(value: object) -> CustomerId:
    if isinstance(value, str):
        text = value.removeprefix("id:")
        if len(text) == 32 and set(text) <= set("0123456789abcdef"):
            return CustomerId(text)
    raise ValueError(
        "a customer is named by id: 32 hexadecimal digits; the question `find` finds the id of a reference"
    )


def _read_span(value: object) -> timedelta:
    return read_span(value) if isinstance(value, str) else read_span("")


def _read_seconds(value: object) -> timedelta:
    try:
        seconds = float(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else -1.0
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= _MOST_SECONDS:
        raise ValueError(f"expected a number of seconds from 0 to {_MOST_SECONDS}")
    return timedelta(seconds=seconds)


def _read_pairs(value: object) -> dict[str, str]:
    if not isinstance(value, list) or not all(isinstance(each, str) and "=" in each for each in value):
        raise ValueError("expected name=value, once for each name")
    pairs = [each.split("=", 1) for each in value]
    if len({name for name, _ in pairs}) < len(pairs):
        raise ValueError("a name is given twice")
    return {each[0]: each[1] for each in pairs}


def _read_text(value: object) -> object:
    if isinstance(value, str) and "\x00" in value:
        raise ValueError("the character U+0000 is not allowed here")
    return value


def _shown(**schema: Any) -> WithJsonSchema:
    return WithJsonSchema(schema)


Id = Annotated[CustomerId, BeforeValidator(_read_id), _shown(type="string", pattern=_ID)]
_SPAN_TEXT = {"type": "string", "pattern": f"^{SPAN}$", "description": "A length of time: 36h, 14d or 2w."}
Span = Annotated[timedelta, BeforeValidator(_read_span), WithJsonSchema(_SPAN_TEXT)]
_WHEN = {
    "anyOf": [{"type": "string", "format": "date"}, {"type": "string", "format": "date-time"}],
    "description": "A day, which is its end in the business's zone, or a time with its zone.",
}
Instant = Annotated[When, WithJsonSchema(_WHEN)]
CalendarDay = Annotated[Day, _shown(type="string", format="date")]
Pairs = Annotated[
    dict[str, str],
    BeforeValidator(_read_pairs),
    _shown(type="array", items={"type": "string", "pattern": "="}, description="name=value, once for each name."),
]
Version = Annotated[int, Field(ge=1, le=2**31 - 1), _shown(type="integer", minimum=1, maximum=2**31 - 1)]
Number = Annotated[int, Field(ge=-(2**53), le=2**53)]
Seconds = Annotated[timedelta, BeforeValidator(_read_seconds), _shown(type="number", minimum=0, maximum=_MOST_SECONDS)]
Exact = Annotated[Amount, _shown(type="string", pattern="^[0-9]{1,9}(\\.[0-9]{1,9})?$")]
Words = Annotated[str, BeforeValidator(_read_text), Field(max_length=1_000)]

#: How each type of a signature is read. Rules are named by their number, a store folds for so many seconds.
_READ: tuple[tuple[Any, Any], ...] = (
    (str | CustomerId, Id),
    (datetime | date, Instant),
    (date, CalendarDay),
    (timedelta, Span),
    (Fresh, Seconds),
    (Ruleset | int, Version),
    (Mapping[str, str], Pairs),
    (Decimal, Exact),
    (bool, bool),
    (int, Number),
    (str, Words),
)
#: What nobody can send: a function, and a position to wait for, for which a thread would wait that others need.
NOT_SENT = frozenset({"on_progress", "at_least"})


class Parameters(BaseModel):
    """What every question's parameters share: there are no others, and what was given is not repeated in logs."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    def given(self) -> dict[str, Any]:
        """What was given, as the question takes it; what was not is as the question has it."""
        return {name: _as_taken(getattr(self, name)) for name in self.model_fields_set}


@cache
def parameters_of(ask: Callable[..., Any], without: frozenset[str] = frozenset()) -> type[Parameters]:
    """The model of what a question takes, but for the store itself and for what can't be sent."""
    hints, taken = get_type_hints(ask), dict[str, Any]()
    for each in list(inspect.signature(ask).parameters.values())[1:]:
        if each.name in without | NOT_SENT:
            continue
        read = _read_as(hints[each.name], each.default)
        taken[each.name] = (read, ...) if each.default is inspect.Parameter.empty else (read, None)
    return create_model(_title(ask.__name__), __base__=Parameters, **taken)


def _title(name: str) -> str:
    return "".join(each.capitalize() for each in name.split("_"))


def _read_as(hint: Any, default: Any) -> Any:
    wanted = _without_none(hint)
    for known, read in _READ:
        if wanted == known:
            return _or_nothing(read) if wanted != hint and default not in (None, inspect.Parameter.empty) else read
    origin, parts = get_origin(wanted), get_args(wanted)
    if origin is Literal:
        return wanted
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return Pairs
    if isinstance(origin, type) and issubclass(origin, Sequence):
        return Annotated[list[_read_as(parts[0], None)], Field(max_length=1_000)]  # type: ignore[misc]
    raise TypeError(f"a question takes {hint!r}, and nothing says how that is sent")


def _without_none(hint: Any) -> Any:
    if get_origin(hint) not in (Union, UnionType) or NoneType not in get_args(hint):
        return hint
    rest = [each for each in get_args(hint) if each is not NoneType]
    return Union[tuple(rest)]  # noqa: UP007 - of a list that is known at run time


def _or_nothing(read: Any) -> Any:
    """Where nothing is another thing than the default, it is sent as empty text."""
    return Annotated[read | None, BeforeValidator(lambda value: None if value == "" else value)]


def _as_taken(value: Any) -> Any:
    return MappingProxyType(value) if isinstance(value, dict) else value


def is_list(read: type[Parameters], name: str) -> bool:
    """Whether a parameter may be given several times."""
    hint = read.model_fields[name].annotation
    return get_origin(hint) in (list, dict)


def without_defaults(schema: dict[str, Any]) -> dict[str, Any]:
    """A model's schema without titles, and without defaults: what isn't given is as the question has it."""
    fields = {
        name: {key: part for key, part in each.items() if key not in ("default", "title")}
        for name, each in schema.get("properties", {}).items()
    }
    return {key: part for key, part in schema.items() if key not in ("title", "properties")} | {"properties": fields}
