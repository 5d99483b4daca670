"""JSON Schema of the values that are handed out, as `to_dict` writes them: one reads types, the other values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import fields, is_dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from msgspec import Struct
from pydantic import BaseModel

from regulars.crm_domain.command import CustomerId
from regulars.crm_domain.event import Event, Recorded

Schema = dict[str, Any]
#: The schemas of values by the names they have in the document, each with the class that it is of.
Found = dict[str, tuple[type, Schema]]

_SCALARS: tuple[tuple[type, Schema], ...] = (
    (NoneType, {"type": "null"}),
    (bool, {"type": "boolean"}),
    (int, {"type": "integer"}),
    (float, {"type": "number"}),
    (CustomerId, {"type": "string", "description": "A customer's id: id:<32 hexadecimal digits>; empty for nobody."}),
    (str, {"type": "string"}),
    (datetime, {"type": "string", "format": "date-time"}),
    (date, {"type": "string", "format": "date"}),
    (timedelta, {"type": "number", "description": "Seconds."}),
    (Decimal, {"type": "string", "description": "An exact decimal number."}),
    (bytes, {"type": "string", "description": "Bytes as hexadecimal digits."}),
)
#: What has a shape of its own for each kind of event, or for each extension of the grammar.
_OPEN: tuple[tuple[type, str], ...] = (
    (Event, "An event as it is stored, with its name as `type`."),
    (BaseModel, "A value of the grammar of rules, or of a command."),
)


def shape_of(hint: Any, found: Found) -> Schema:
    """The schema of a type; those of the values in it are added to `found` by their names.

    Raises TypeError for a type that `to_dict` doesn't write, and for two values of one name.
    """
    origin, parts = get_origin(hint), get_args(hint)
    if hint is Any or hint is object:
        return {}
    if origin is Annotated:
        return shape_of(parts[0], found)
    if origin is Literal:
        return {"enum": list(parts)}
    if origin in (Union, UnionType):
        return {"anyOf": [shape_of(each, found) for each in parts]}
    if origin is tuple and parts[-1] is not Ellipsis:
        items = [shape_of(each, found) for each in parts]
        return {"type": "array", "prefixItems": items, "minItems": len(items), "maxItems": len(items)}
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return {"type": "object", "additionalProperties": shape_of(parts[1], found)}
    if isinstance(origin, type) and issubclass(origin, Sequence | Set):
        return {"type": "array", "items": shape_of(parts[0], found)}
    return _shape_of_class(origin or hint, parts, found)


def _shape_of_class(kind: Any, parts: tuple[Any, ...], found: Found) -> Schema:
    if not isinstance(kind, type):
        raise TypeError(f"{kind!r} is no type of what is handed out")
    for scalar, schema in _SCALARS:
        if kind is scalar:
            return dict(schema)
    if issubclass(kind, Enum):
        return {"enum": [each.value for each in kind]}
    for opened, description in _OPEN:
        if issubclass(kind, opened):
            return {"type": "object", "description": description}
    if not (is_dataclass(kind) or issubclass(kind, Struct)):
        raise TypeError(f"{kind.__name__} is no type of what is handed out")
    # By its room: commands have names of one word, and two rooms may have a value of one name.
    name = f"{kind.__module__.split('.')[-2]}.{''.join([kind.__name__, *(each.__name__ for each in parts)])}"
    if name not in found:
        found[name] = kind, {}  # before its parts, which may have it as a part of theirs
        found[name] = kind, _object(kind, parts, found)
    if found[name][0] is not kind:
        raise TypeError(f"there are two values named {name}")
    return {"$ref": f"#/components/schemas/{name}"}


def _object(kind: Any, parts: tuple[Any, ...], found: Found) -> Schema:
    names = [each.name for each in fields(kind)] if is_dataclass(kind) else list(kind.__struct_fields__)
    names = [each for each in names if not each.startswith("_")]
    hints, given = get_type_hints(kind, include_extras=True), dict(zip(_parameters(kind), parts, strict=False))
    if issubclass(kind, Recorded):  # whose instants are written as text
        hints |= {"occurred_at": datetime, "recorded_at": datetime}
    properties = {each: shape_of(_filled_in(hints[each], given), found) for each in names}
    return {
        "type": "object",
        "description": _first_paragraph(kind.__doc__ or ""),
        "properties": properties,
        "required": names,
        "additionalProperties": False,
    }


def _parameters(kind: Any) -> tuple[TypeVar, ...]:
    found: tuple[TypeVar, ...] = getattr(kind, "__parameters__", ())
    return found


def _filled_in(hint: Any, given: Mapping[TypeVar, Any]) -> Any:
    """A hint with what a generic class was given in place of its parameters."""
    if isinstance(hint, TypeVar):
        return given.get(hint, Any)
    wanted = tuple(each for each in getattr(hint, "__parameters__", ()) if each in given)
    return hint[tuple(given[each] for each in wanted)] if wanted else hint


def _first_paragraph(text: str) -> str:
    return " ".join(text.split("\n\n")[0].split())
