"""The extensions of one store: those that were passed when it was opened, and those that it needs and that are missing.

1. A store only names the extensions that it needs, in its settings; their code is passed by the process that opens it.
2. One is named in the transaction that first records an event of it; or when the store is opened to write, if it has
   projections or indexes, as those also follow from our events.
3. Where a named one is missing, its events are shown as they are stored, and events that its indexes handle are
   refused: so its indexes are complete when it is back.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

import msgspec
import sqlalchemy as sa
from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy.engine import Connection

from regulars.adapters.extensions.extension import Extension
from regulars.adapters.indexes.index import Index
from regulars.adapters.log.codec import Codecs, UnexplainedCodec, codecs_of, tags_of
from regulars.adapters.schema.tables import Schema
from regulars.adapters.sql.columns import unchecked
from regulars.adapters.sql.table_names import ours
from regulars.crm_domain.catalogue import Catalogue
from regulars.crm_domain.errors import StoreUnusable
from regulars.crm_domain.event import Event, tag_of

_SETTING = "extension:"


class Needed(Struct, frozen=True):
    """An extension that a store names, with the types of its events, and of those that its indexes handle."""

    name: str
    events: tuple[str, ...] = ()
    indexed: tuple[str, ...] = ()


class MissingExtension(Struct, frozen=True):
    """An extension that a store needs and that wasn't passed when it was opened; as text, a sentence that says so."""

    name: str

    def __str__(self) -> str:
        return (
            f'this store needs the extension "{self.name}", which isn\'t here: bring it by `extensions` of '
            "regulars.open, by --extension MODULE:NAME, or by installing what provides it; until then its events are "
            "shown as they are stored, and nothing that it bears on is written"
        )


class Extended(Struct, frozen=True, kw_only=True):
    """The extensions of one store: `brought` are present, `missing` are named by the store and aren't.

    `codecs` decode the events of them all. `needs` gives by the type of an event what the store notes of the extension
    that it belongs to.
    """

    brought: tuple[Extension, ...]
    missing: tuple[Needed, ...]
    codecs: Codecs
    needs: Mapping[type[Event], Needed]

    @property
    def stored(self) -> tuple[Needed, ...]:
        """What the store notes of extensions with projections or indexes, before any event of theirs is recorded."""
        of_events = (each for each in self.brought if each.projectors or each.indexes)
        return tuple(_needed(each, self.codecs) for each in of_events)

    def require_written(self, events: Iterable[Event]) -> None:
        """Raise StoreUnusable for an event that an index of a missing extension handles."""
        by_tag = {tag: each.name for each in self.missing for tag in each.indexed}
        for event in events if by_tag else ():
            if tag_of(type(event)) in by_tag:
                missing = MissingExtension(by_tag[tag_of(type(event))])
                raise StoreUnusable(f"{tag_of(type(event))} can't be recorded: {missing}")


def extended(catalogue: Catalogue, brought: tuple[Extension, ...], settings: Mapping[str, bytes]) -> Extended:
    """The extensions of a store with these settings."""
    known, named = codecs_of(catalogue), needed_by(settings)
    missing = tuple(named[name] for name in sorted(named.keys() - {each.name for each in brought}))
    return Extended(
        brought=brought,
        missing=missing,
        codecs=codecs_without(missing, known),
        needs=MappingProxyType({event: _needed(each, known) for each in brought for event in each.events}),
    )


def codecs_without(missing: Iterable[Needed], known: Codecs) -> Codecs:
    """The known codecs, and those by which the events of missing extensions are shown as they are stored."""
    unexplained = {tag: UnexplainedCodec(each.name, tag) for each in missing for tag in each.events}
    return MappingProxyType({**unexplained, **known})


def needed_by(settings: Mapping[str, bytes]) -> dict[str, Needed]:
    """The extensions that a store names. Where one's types can't be decoded, only its name is known."""
    found = {}
    for setting, value in settings.items():
        if setting.startswith(_SETTING):
            found[setting.removeprefix(_SETTING)] = _read(setting, value)
    return found


def _read(setting: str, value: object) -> Needed:
    name = setting.removeprefix(_SETTING)
    try:
        needed = msgspec.json.decode(value, type=Needed) if isinstance(value, bytes) else Needed(name)
    except (msgspec.DecodeError, UnicodeDecodeError):
        needed = Needed(name)
    return replace(needed, name=name)


def _needed(extension: Extension, known: Codecs) -> Needed:
    handled = frozenset(event for index in extension.indexes for event in index.handles)
    return Needed(
        extension.name,
        events=tuple(sorted(map(tag_of, extension.events))),
        indexed=tuple(sorted(tags_of(handled, known))),
    )


def are_noted(connection: Connection, schema: Schema, needed: Iterable[Needed]) -> bool:
    """Whether a store names all of these already."""
    return all(_to_note(each, _noted(connection, schema, each)) is None for each in needed)


def name_needed(connection: Connection, schema: Schema, needed: Iterable[Needed]) -> None:
    """Name extensions in a store, unless it does already. What an older version of one noted is kept."""
    settings = schema.settings
    for each in sorted(needed, key=lambda each: each.name):
        noted = _noted(connection, schema, each)
        note, name = _to_note(each, noted), f"{_SETTING}{each.name}"
        if note is not None and noted is None:
            connection.execute(settings.insert(), {"name": name, "value": msgspec.json.encode(note)})
        elif note is not None:
            ours = settings.update().where(settings.c.name == name)
            connection.execute(ours.values(value=msgspec.json.encode(note)))


def _noted(connection: Connection, schema: Schema, needed: Needed) -> Needed | None:
    settings, name = schema.settings, f"{_SETTING}{needed.name}"
    stored = connection.scalar(sa.select(unchecked(settings.c.value)).where(settings.c.name == name))
    return None if stored is None else _read(name, stored)


def _to_note(needed: Needed, noted: Needed | None) -> Needed | None:
    """The setting to write; None where it is written already."""
    if noted is None:
        return needed
    events, indexed = {*noted.events, *needed.events}, {*noted.indexed, *needed.indexed}
    both = Needed(needed.name, events=tuple(sorted(events)), indexed=tuple(sorted(indexed)))
    return None if both == noted else both


def define_tables(extensions: Iterable[Extension], schema: Schema) -> list[tuple[Index, sa.Table]]:
    """Add the tables of extensions' indexes to a schema."""
    found = []
    for brought in (index for each in extensions for index in each.indexes):
        index = replace(brought, table=ours(brought.table))
        assert index.columns is not None
        found.append((index, sa.Table(index.table, schema.metadata, *index.columns())))
    return found
