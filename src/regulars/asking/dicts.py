"""Values as plain dicts, ready for JSON."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import fields, is_dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any

from msgspec import Struct
from pydantic import BaseModel

from regulars.crm_domain.command import CustomerId
from regulars.crm_domain.event import Event, Recorded, tag_of
from regulars.crm_domain.instant import to_datetime


def to_dict(value: object) -> dict[str, Any]:
    """A value that the library handed out, or a command, as a dict that `json.dumps` takes.

    Instants and days are ISO 8601 text, lengths of time seconds; a customer's id is text such as id:<32 hexadecimal
    digits>, as commands and the command line take it. Money is text such as "59.90", in the currency that stands beside
    it or else the store's. Sequences are lists. An event has its name as `type`, and is otherwise as it is stored:
    money in minor units, its own instants in microseconds; `recorded_at` and `occurred_at` beside it are text. What a
    value would have to ask its store for is not in it.

    Raises TypeError for anything else.
    """
    found = plain(value)
    if not isinstance(found, dict):
        raise TypeError(f"to_dict takes a value of this library, not {value!r}")
    return found


def plain(value: object) -> Any:
    """Any value that the library hands out, as `to_dict` writes it. Raises TypeError for anything else."""
    match value:
        case None | bool() | int() | float():
            return value
        case Enum():
            return plain(value.value)
        case CustomerId():
            return f"id:{value}" if value else ""
        case str():
            return str(value)
        case datetime() | date():
            return value.isoformat()
        case timedelta():
            return value.total_seconds()
        case Decimal():
            return format(value, "f")
        case bytes():
            return value.hex()
        case BaseModel():
            return {name: plain(getattr(value, name)) for name in type(value).model_fields}
        case Mapping():
            return {str(key): plain(each) for key, each in value.items()}
        case tuple() | list():
            return [plain(each) for each in value]
        case Set():
            return sorted(map(plain, value))
        case Struct():
            return _struct(value)
    if is_dataclass(value) and not isinstance(value, type):
        return {each.name: plain(getattr(value, each.name)) for each in fields(value)}
    raise TypeError(f"to_dict knows no {type(value).__name__}: {value!r}")


def _struct(value: Struct) -> dict[str, Any]:
    found = {name: plain(getattr(value, name)) for name in value.__struct_fields__ if not name.startswith("_")}
    if isinstance(value, Recorded):
        instants = {name: to_datetime(getattr(value, name)).isoformat() for name in ("occurred_at", "recorded_at")}
        return found | instants
    return {"type": tag_of(type(value))} | found if isinstance(value, Event) else found
