"""Text in the payload of an event: fields that could identify a person and aren't `Personal`."""

from __future__ import annotations

from typing import Any

from msgspec import inspect

from regulars.adapters.log.codec import personal_fields
from regulars.crm_domain.aggregate import Aggregate
from regulars.crm_domain.event import Event


def undeclared_text(aggregate: Aggregate) -> list[str]:
    """The paths of text in an aggregate's events that is neither personal nor named in `in_the_clear`, such as
    `VisitBooked.wish`.
    """
    return [
        f"{event.__name__}.{path}"
        for event in aggregate.events
        for path in sorted(text_of(event) - set(personal_fields(event)) - _declared(aggregate, event))
    ]


def _declared(aggregate: Aggregate, event: type[Event]) -> set[str]:
    return {field for each in aggregate.in_the_clear if event in each.events for field in each.fields}


def text_of(event: type[Event]) -> set[str]:
    """The paths of fields that could identify a person: free text, and calendar days."""
    return _text_of(inspect.type_info(event), "")


def _text_of(kind: Any, path: str) -> set[str]:
    match kind:
        case inspect.StrType() | inspect.DateType():
            return {path}
        case inspect.Metadata(type=inner):
            return _text_of(inner, path)
        case inspect.UnionType(types=types):
            return set().union(*(_text_of(each, path) for each in types))
        case inspect.StructType(fields=fields):
            return set().union(*(_text_of(each.type, f"{path}.{each.name}".lstrip(".")) for each in fields))
        case inspect.CollectionType(item_type=inner):
            return _text_of(inner, path)
        case inspect.VarTupleType(item_type=inner):
            return _text_of(inner, path)
        case inspect.DictType(key_type=key, value_type=value):
            return _text_of(key, path) | _text_of(value, path)
        case inspect.AnyType() | inspect.RawType() | inspect.BytesType():
            return {path}
        case _:
            return set()
