"""Events of any kind, for Hypothesis. They are drawn from the types themselves, so a new event is covered by itself."""

from __future__ import annotations

from functools import cache
from typing import Any

from hypothesis import strategies as st
from msgspec import inspect

from regulars.crm_domain.catalogue import EVENTS
from regulars.crm_domain.event import Event

# Long enough to be interesting, and shorter than a marker that a test hides among them.
TEXT = st.text(max_size=20)
# What a database column and a JSON reader in any language can hold.
INTEGERS = st.integers(-(2**63), 2**63 - 1)


def any_event() -> st.SearchStrategy[Event]:
    """An event of any type there is."""
    return st.one_of(*(events(event_type) for event_type in EVENTS.values()))


@cache
def events(event_type: type[Event]) -> st.SearchStrategy[Event]:
    """An event of one type, its fields free within what their types allow."""
    return _of(inspect.type_info(event_type))


def _of(kind: inspect.Type) -> st.SearchStrategy[Any]:
    match kind:
        case inspect.Metadata(type=inner):
            return _of(inner)
        case inspect.UnionType(types=types):
            return st.one_of(*map(_of, types))
        case inspect.LiteralType(values=values):
            return st.sampled_from(values)
        case inspect.EnumType(cls=members):
            return st.sampled_from(list(members))
        case inspect.NoneType():
            return st.none()
        case inspect.BoolType():
            return st.booleans()
        case inspect.IntType():
            return INTEGERS
        case inspect.StrType():
            return TEXT
        case inspect.DateType():
            return st.dates()
        case inspect.VarTupleType(item_type=item):
            return st.lists(_of(item), max_size=4).map(tuple)
        case inspect.StructType(cls=struct, fields=fields):
            return st.builds(struct, **{field.name: _of(field.type) for field in fields})
        case _:
            raise TypeError(f"no strategy draws {kind} yet")
