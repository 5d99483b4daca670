"""Events as bytes: a JSON payload that anyone may read, and the personal fields apart, to be encrypted.

Which fields are personal is read off the event types themselves, so a new one can't be forgotten here.
"""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.inspect import Metadata, StructType, type_info

from crm_domain.catalogue import EVENTS
from crm_domain.errors import StoreUnusable
from crm_domain.event import Event

_encoder = msgspec.json.Encoder()


class EventCodec:
    """Encodes and decodes one type of event."""

    __slots__ = ("_blank", "_payloads", "_secrets", "name", "personal")

    def __init__(self, event_type: type[Event]) -> None:
        info = type_info(event_type)
        assert isinstance(info, StructType)
        self.name = str(event_type.__struct_config__.tag)
        self.personal = tuple(field.name for field in info.fields if _is_personal(field.type))
        self._blank: dict[str, Any] = dict.fromkeys(self.personal)
        self._payloads = msgspec.json.Decoder(event_type)
        self._secrets = msgspec.json.Decoder(_secret_type(event_type, self.personal))

    def encode(self, event: Event, reason: str | None) -> tuple[bytes, bytes | None]:
        """The payload, and the plain text of what is personal, None where nothing is."""
        secret = {name: value for name in self.personal if (value := getattr(event, name)) is not None}
        if secret:
            event = msgspec.structs.replace(event, **self._blank)
        if reason is not None:
            secret["reason"] = reason
        return _encoder.encode(event), _encoder.encode(secret) if secret else None

    def decode(self, payload: bytes) -> Event:
        """The event without its personal fields."""
        return self._payloads.decode(payload)

    def reveal(self, event: Event, plain: bytes) -> tuple[Event, str | None]:
        """The event with its personal fields, and the reason."""
        secret = msgspec.structs.asdict(self._secrets.decode(plain))
        reason: str | None = secret.pop("reason")
        return (msgspec.structs.replace(event, **secret) if secret else event), reason


def _is_personal(field_type: object) -> bool:
    return isinstance(field_type, Metadata) and bool((field_type.extra or {}).get("personal"))


def _secret_type(event_type: type[Event], personal: tuple[str, ...]) -> type[Struct]:
    fields = {field.name: field.type for field in msgspec.structs.fields(event_type)}
    columns = [(name, fields[name], None) for name in personal]
    return msgspec.defstruct(f"{event_type.__name__}Secret", [*columns, ("reason", str | None, None)])


CODECS: dict[str, EventCodec] = {name: EventCodec(event_type) for name, event_type in EVENTS.items()}


def codec_of(event_type: str) -> EventCodec:
    """The codec of a stored type. Raises StoreUnusable for a type this code doesn't know."""
    try:
        return CODECS[event_type]
    except KeyError:
        raise StoreUnusable(
            f'this store has an event of type "{event_type}", which this version of Regulars '
            "doesn't know; a newer one wrote it"
        ) from None


def is_personal(event: Event, reason: str | None) -> bool:
    """Whether an event with its reason has anything that must be encrypted."""
    personal = CODECS[str(event.__struct_config__.tag)].personal
    return reason is not None or any(getattr(event, name) is not None for name in personal)


def schema_digest() -> str:
    """SHA-256 over the JSON schemas of all event types: it changes whenever what is stored does."""
    _, components = msgspec.json.schema_components(tuple(EVENTS.values()))
    return hashlib.sha256(msgspec.json.encode(components, order="sorted")).hexdigest()
