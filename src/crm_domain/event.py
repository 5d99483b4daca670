"""An event, its envelope, and the mark that makes a field personal."""

from __future__ import annotations

from typing import Annotated, Generic, TypeVar

from msgspec import Meta, Struct

T = TypeVar("T")

#: A field that names or describes a person. It is stored encrypted under that customer's own key and decodes to
#: None once the key is gone, so its type is always optional.
Personal = Annotated[T | None, Meta(extra={"personal": True})]


class Event(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", gc=False):
    """Something that happened. A subclass's `tag` is its storage format and is never renamed."""


def tag_of(event_type: type[Event]) -> str:
    """The name under which events of a type are stored."""
    return str(event_type.__struct_config__.tag)


E_co = TypeVar("E_co", bound=Event, covariant=True)


class Recorded(Struct, Generic[E_co], frozen=True, kw_only=True):
    """An event with its envelope, as the store holds it. Times are UTC microseconds.

    `position` is the global order in the store, `version` the order within the stream, both from 1. `occurred_at`
    is when it happened in the business, `recorded_at` when the store learnt of it. `reason` is personal: it
    decodes to None once the customer is forgotten. `customer_id` is empty where the event is nobody's.
    """

    position: int
    stream_id: str
    version: int
    category: str
    customer_id: str
    occurred_at: int
    recorded_at: int
    actor: str
    event: E_co
    reason: str | None = None
    correlation_id: str | None = None
    causation_id: int | None = None
    command_id: str | None = None
