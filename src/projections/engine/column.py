"""A verdict's fields are columns of its read model: which ones, read from its type."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Literal, get_args

from msgspec import Struct
from msgspec.inspect import EnumType, IntType, LiteralType, NoneType, StrType, Type, UnionType, type_info
from msgspec.structs import fields

Kind = Literal["text", "number", "short number"]

_KINDS: Mapping[object, Kind] = MappingProxyType({each: each for each in get_args(Kind)})

#: The columns that every read model has beside those of its verdict.
_TAKEN = frozenset({"customer", "customer_id", "valid_from", "valid_to", "scores"})


class Column(Struct, frozen=True, kw_only=True):
    """A field of a verdict as a column: text for words, a whole number for numbers, a short one where the field says
    that it fits into 32 bits, and whether it may be empty.
    """

    name: str
    kind: Kind
    nullable: bool


def columns_of(verdict: type[Struct], key: str | None = None) -> tuple[Column, ...]:
    """The columns of a verdict's fields, beside that of a `key`. Raises ValueError for a field that can't be a column,
    naming it.
    """
    if not verdict.__struct_config__.frozen:
        raise ValueError(f"{verdict.__name__} is no verdict: it isn't frozen")
    if not verdict.__struct_fields__:
        raise ValueError(f"{verdict.__name__} is no verdict: it has no field")
    return tuple(_columns(verdict, key))


def _columns(verdict: type[Struct], key: str | None) -> Iterator[Column]:
    for field in fields(verdict):
        where = f'the field "{field.name}" of {verdict.__name__} can\'t be a column'
        if field.name in _TAKEN or field.name == key:
            raise ValueError(f"{where}: its table has one of that name already")
        found = {*_kinds_of(type_info(field.type))}
        kinds = found - {None}
        if len(kinds) != 1 or not kinds <= _KINDS.keys():
            raise ValueError(f"{where}: expected text, words or a whole number, or None beside one of them")
        (kind,) = kinds
        yield Column(name=field.name, kind=_KINDS[kind], nullable=None in found)


def _kinds_of(info: Type) -> Iterator[Kind | Literal["other"] | None]:
    match info:
        case UnionType(types=types):
            for each in types:
                yield from _kinds_of(each)
        case StrType():
            yield "text"
        case IntType(ge=int() as least, lt=int() as end) if least >= -(2**31) and end <= 2**31:
            yield "short number"
        case IntType():
            yield "number"
        case NoneType():
            yield None
        case EnumType(cls=kind) if all(isinstance(each.value, str) for each in kind):
            yield "text"
        case LiteralType(values=values):
            for value in values:
                yield None if value is None else "text" if isinstance(value, str) else "other"
        case _:
            yield "other"
