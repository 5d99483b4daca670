"""How events that are no longer written are read: each as its successor, for ever.

An event is retired when its meaning changes and a new field with a default won't do. The new shape gets a new type and
a tag of its own; the old type moves here, unchanged, with the function that makes the one of the other. No reader but
the codec ever sees the old one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

from msgspec import Struct

from regulars.crm_domain.event import Event

Old = TypeVar("Old", bound=Event)
New = TypeVar("New", bound=Event)


class Upcast(Struct, Generic[Old, New], frozen=True, kw_only=True):
    """What was stored as `retired` is read as `successor`, an event of the same aggregate.

    `read` gets what is personal, or None in its place: where nobody asked for it, and for whoever was forgotten.
    """

    retired: type[Old]
    successor: type[New]
    read: Callable[[Old], New]


#: The newest first: a successor is written today or stands above, so no chain leads back to where it began.
UPCASTS: tuple[Upcast[Any, Any], ...] = ()
