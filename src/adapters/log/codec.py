"""The codec of events: a JSON payload in the clear, and the personal fields apart, to be encrypted.

Which fields are personal follows from the event types, so a new one can't be forgotten here. An event that was stored
as a retired type is decoded as that type and upcast to the current one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from functools import cache
from types import MappingProxyType
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.inspect import Metadata, StructType, type_info

from regulars.crm_domain.catalogue import EVENTS, Catalogue
from regulars.crm_domain.errors import StoreUnusable
from regulars.crm_domain.event import Event, tag_of
from regulars.crm_domain.unexplained import Unexplained
from regulars.crm_domain.upcasts import UPCASTS, Upcast

_encoder = msgspec.json.Encoder()


class EventCodec:
    """Encodes and decodes events of one tag; `reads` is the type they are decoded to, `told_as` its name.

    `upcasts` lead, in order, from the stored type to the current one: none where it is the current one.
    """

    __slots__ = ("_blank", "_payloads", "_secrets", "name", "personal", "reads", "told_as", "upcasts")

    def __init__(self, event_type: type[Event], upcasts: tuple[Upcast[Any, Any], ...] = ()) -> None:
        self.name = tag_of(event_type)
        self.personal = personal_fields(event_type)
        self.upcasts = upcasts
        self.reads: type[Event] = upcasts[-1].successor if upcasts else event_type
        self.told_as = tag_of(self.reads)
        self._blank: dict[str, Any] = dict.fromkeys(self.personal)
        self._payloads = msgspec.json.Decoder(event_type)
        self._secrets = msgspec.json.Decoder(_secret_type(event_type, self.personal))

    def encode(self, event: Event, reason: str | None) -> tuple[bytes, bytes | None]:
        """The payload, and the plain text of the personal fields, None where there is none. Raises TypeError if
        retired.
        """
        if self.upcasts:
            raise TypeError(f"{self.name} is retired: {tag_of(self.reads)} is written in its place")
        secret = {name: value for name in self.personal if (value := getattr(event, name)) is not None}
        if secret:
            event = msgspec.structs.replace(event, **self._blank)
        if reason is not None:
            secret["reason"] = reason
        return _encoder.encode(event), _encoder.encode(secret) if secret else None

    def decode(self, payload: bytes) -> Event:
        """Decode the event without its personal fields."""
        event = self._payloads.decode(payload)
        return self._as_current(event) if self.upcasts else event

    def reveal(self, payload: bytes, plain: bytes) -> tuple[Event, str | None]:
        """Decode the event with its personal fields, and the reason."""
        event, secret = self._payloads.decode(payload), msgspec.structs.asdict(self._secrets.decode(plain))
        reason: str | None = secret.pop("reason")
        return self._as_current(msgspec.structs.replace(event, **secret) if secret else event), reason

    def _as_current(self, event: Event) -> Event:
        for upcast in self.upcasts:
            event = upcast.read(event)
        return event


def personal_fields(event_type: type[Event]) -> tuple[str, ...]:
    """The names of an event type's personal fields."""
    info = type_info(event_type)
    assert isinstance(info, StructType)
    return tuple(field.name for field in info.fields if _is_personal(field.type))


def _is_personal(field_type: object) -> bool:
    return isinstance(field_type, Metadata) and bool((field_type.extra or {}).get("personal"))


def _secret_type(event_type: type[Event], personal: tuple[str, ...]) -> type[Struct]:
    fields = {field.name: field.type for field in msgspec.structs.fields(event_type)}
    columns = [(name, fields[name], None) for name in personal]
    return msgspec.defstruct(f"{event_type.__name__}Secret", [*columns, ("reason", str | None, None)])


class UnexplainedCodec:
    """Decodes events of an extension that is missing; it has EventCodec's attributes."""

    __slots__ = ("_extension", "name", "personal", "reads", "told_as", "upcasts")

    def __init__(self, extension: str, tag: str) -> None:
        self._extension = extension
        self.name = self.told_as = tag
        self.personal = personal_fields(Unexplained)
        self.reads: type[Event] = Unexplained
        self.upcasts: tuple[Upcast[Any, Any], ...] = ()

    def encode(self, event: Event, reason: str | None) -> tuple[bytes, bytes | None]:
        """Raises TypeError: an unknown event can't be written."""
        raise TypeError(f"{self.name} belongs to an extension that isn't here")

    def decode(self, payload: bytes) -> Event:
        """The event as it is stored, without personal data."""
        content = _objects.decode(payload)
        content.pop("type", None)
        return Unexplained(extension=self._extension, name=self.name, content=_text(content))

    def reveal(self, payload: bytes, plain: bytes) -> tuple[Event, str | None]:
        """The event as it is stored, and the reason."""
        personal = _objects.decode(plain)
        reason = personal.pop("reason", None)
        said = _text(personal) if personal else None
        return msgspec.structs.replace(self.decode(payload), personal=said), None if reason is None else str(reason)


_objects = msgspec.json.Decoder(dict[str, object])


def _text(content: dict[str, object]) -> str:
    return _encoder.encode(content).decode()


Codec = EventCodec | UnexplainedCodec

#: A codec for each tag.
Codecs = Mapping[str, Codec]


def codecs(events: Iterable[type[Event]], upcasts: Iterable[Upcast[Any, Any]]) -> dict[str, EventCodec]:
    """A codec for each tag: of the `events` that are written, and of those that `upcasts` retired, newest first.

    Raises ValueError for a duplicate tag, and for a successor that isn't known before its upcast: so each chain of
    upcasts ends in a type that is written, and none is circular.
    """
    known = {tag_of(event_type): EventCodec(event_type) for event_type in events}
    for upcast in upcasts:
        tag, successor = tag_of(upcast.retired), tag_of(upcast.successor)
        if tag in known:
            raise ValueError(f'"{tag}" is retired, so no other event may have this tag, and it is retired only once')
        if successor not in known:
            raise ValueError(f'"{tag}" is read as "{successor}", which is neither written nor retired above it')
        known[tag] = EventCodec(upcast.retired, (upcast, *known[successor].upcasts))
    return known


#: The codecs of our own events, without those of extensions.
CODECS: Codecs = MappingProxyType(codecs(EVENTS.values(), UPCASTS))


def codecs_of(catalogue: Catalogue) -> Codecs:
    """A codec for each tag of a catalogue that begins with ours, and for each retired one.

    Raises ValueError as `codecs` does.
    """
    theirs = [event_type for tag, event_type in catalogue.events.items() if tag not in CODECS]
    return MappingProxyType({**CODECS, **codecs(theirs, catalogue.upcasts)})


def codec_of(tag: str, known: Codecs) -> Codec:
    """The codec of a stored tag. Raises StoreUnusable for one that this code doesn't know."""
    try:
        return known[tag]
    except KeyError:
        raise StoreUnusable(
            f'this store has an event of type "{tag}", which this version of Regulars '
            "doesn't know; a newer one wrote it"
        ) from None


def not_as_recorded(position: object, column: str) -> StoreUnusable:
    """The error for an event with a column of a kind that is never written."""
    return StoreUnusable(
        f"event #{position} can't be read: its {column} is not what was recorded; `regulars verify` tells what was "
        "changed, if it was sealed, and a backup what it was"
    )


def tags_of(event_types: Iterable[type[Event]], known: Codecs) -> frozenset[str]:
    """Every tag under which events of these types may be stored: their own, and those of retired types."""
    wanted = frozenset(event_types)
    return frozenset(tag for tag, codec in known.items() if codec.reads in wanted)


def is_personal(event: Event, reason: str | None, known: Codecs) -> bool:
    """Whether an event with its reason has personal data, which must be encrypted."""
    personal = known[tag_of(type(event))].personal
    return reason is not None or any(getattr(event, name) is not None for name in personal)


@cache
def schema_digest(events: tuple[type[Event], ...] = tuple(EVENTS.values())) -> str:
    """SHA-256 over the JSON schemas of event types: it changes whenever the stored form does."""
    _, components = msgspec.json.schema_components(events)
    return hashlib.sha256(msgspec.json.encode(components, order="sorted")).hexdigest()
