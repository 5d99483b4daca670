"""An event of an extension that isn't here: told by its type and as it is stored, since nobody knows what it means."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from regulars.crm_domain.event import Event, Personal, tag_of
from regulars.crm_domain.wording import Field, Wording


class Unexplained(Event, frozen=True, kw_only=True, tag="Unexplained"):
    """What an extension recorded that this process was opened without. It is never written.

    `name` is the type under which it is stored, `content` its JSON as stored, `personal` the JSON of what was encrypted
    of it.
    """

    extension: str
    name: str
    content: str
    personal: Personal[str] = None


def name_of(event: Event) -> str:
    """The name of the type that an event has in its store."""
    return event.name if isinstance(event, Unexplained) else tag_of(type(event))


def _what(event: Unexplained) -> str:
    return f'{event.name}, which the extension "{event.extension}" would explain: {event.content}'


def _deed(event: Unexplained, who: str, other: str) -> str:
    return f"recorded of {who} {_what(event)}"


def _no_fields(state: Any) -> Iterator[Field]:
    return iter(())


WORDING = Wording(what=_what, deed=_deed, fields=_no_fields)
