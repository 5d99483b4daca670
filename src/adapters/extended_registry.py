"""What a store with extensions is read and judged with; none of them takes a name from another, or from us."""

from __future__ import annotations

from collections.abc import Iterator

from adapters.extension import Extension
from adapters.indexes import INDEXES
from adapters.schema import GenerationTables, Schema
from crm_domain.catalogue import AGGREGATES, catalogue_of
from crm_domain.event import tag_of
from crm_domain.upcasts import UPCASTS
from projections.fold import PROJECTORS
from projections.registry import REGISTRY, Registry
from projections.rules import Ruleset


def registry_of(extensions: tuple[Extension, ...]) -> Registry:
    """What a store is read and judged with: what is ours, and what extensions bring.

    Raises ValueError, naming both, where two of them are called alike, or bring an event, a command, a category, a
    table, an index or a rule section of one name, and where one of ours has it.
    """
    if not extensions:
        return REGISTRY
    _require_distinct(extensions)
    return Registry(
        catalogue=catalogue_of((*AGGREGATES, *(each for brought in extensions for each in brought.aggregates))),
        projectors=(*PROJECTORS, *(each for brought in extensions for each in brought.projectors)),
    )


def _require_distinct(extensions: tuple[Extension, ...]) -> None:
    owners = dict.fromkeys(_ours(), "Regulars")
    for each in extensions:
        if not isinstance(each, Extension):
            raise ValueError(f"extensions are a tuple of Extension, not of {type(each).__name__}")
        for kind, name in _claims(each):
            owner = owners.setdefault((kind, name), f'the extension "{each.name}"')
            if owner != f'the extension "{each.name}"':
                raise ValueError(f'the {kind} "{name}" comes twice: in {owner} and in the extension "{each.name}"')
    names = [each.name for each in extensions]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f'two extensions are called "{name}"')


def _ours() -> Iterator[tuple[str, str]]:
    yield from _claims(Extension("regulars", aggregates=AGGREGATES, projectors=PROJECTORS))
    yield from (("event", tag_of(each.retired)) for each in UPCASTS)
    yield from (("index", each.name) for each in INDEXES)
    schema = Schema(is_sqlite=True)
    views = (each.name for each in (schema.audit_trail, *GenerationTables(0).views))
    yield from (("table", name) for name in (*schema.names, *views))
    yield from (("rule section", field.alias or name) for name, field in Ruleset.model_fields.items())


def _claims(extension: Extension) -> Iterator[tuple[str, str]]:
    """The kind and the name of all that nobody else may bring."""
    for each in extension.aggregates:
        yield "category", each.decider.category
        yield from (("command", way.command.__name__) for way in each.commands)
    yield from (("event", tag_of(event)) for event in extension.events)
    yield from (("table", each.name) for each in extension.projectors)
    for index in extension.indexes:
        yield from (("table", index.table), ("index", index.name))
    yield from (("rule section", each.name) for each in extension.sections)
