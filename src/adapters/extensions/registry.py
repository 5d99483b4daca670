"""The registry of a store with extensions; no extension may take a name of another, or of ours."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache

from regulars.adapters.extensions.extension import Extension
from regulars.adapters.indexes.index import Index
from regulars.adapters.indexes.ours import INDEXES
from regulars.adapters.schema.build_views import all_views
from regulars.adapters.schema.builds import FACTS, build_tables
from regulars.adapters.schema.tables import common_schema
from regulars.adapters.sql.table_names import PREFIX
from regulars.crm_domain.aggregate import Aggregate
from regulars.crm_domain.catalogue import AGGREGATES, catalogue_of
from regulars.crm_domain.event import tag_of
from regulars.crm_domain.upcasts import UPCASTS
from regulars.projections.engine.projector import Projector
from regulars.projections.registry import PROJECTORS, REGISTRY, Registry
from regulars.projections.rules.grammar import Ruleset
from regulars.projections.rules.section import Section


def registry_of(extensions: tuple[Extension, ...]) -> Registry:
    """The registry of our aggregates and projections and those of extensions.

    Raises ValueError, naming both, where two of them have the same name, or an event, a command, a category, a table,
    an index or a rule section of one name, and where one of ours has it.
    """
    if not extensions:
        return REGISTRY
    _require_distinct(extensions)
    return Registry(
        catalogue=catalogue_of((*AGGREGATES, *(each for brought in extensions for each in brought.aggregates))),
        projectors=(*PROJECTORS, *(each for brought in extensions for each in brought.projectors)),
        sections=tuple(each for brought in extensions for each in brought.sections),
    )


def _require_distinct(extensions: tuple[Extension, ...]) -> None:
    owners = dict.fromkeys(_ours(), "Regulars")
    for each in extensions:
        if not isinstance(each, Extension):
            raise ValueError(f"extensions are a tuple of Extension, not of {type(each).__name__}")
        for kind, name in _claims(each.aggregates, each.projectors, each.indexes, each.sections):
            owner = owners.setdefault((kind, name), f'the extension "{each.name}"')
            if owner != f'the extension "{each.name}"':
                raise ValueError(f'the {kind} "{name}" comes twice: in {owner} and in the extension "{each.name}"')
    names = [each.name for each in extensions]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f'two extensions are called "{name}"')


#: A kind of thing, and a name that is taken.
_Claim = tuple[str, str]


@cache
def _ours() -> frozenset[_Claim]:
    schema = common_schema(is_sqlite=True)
    built = build_tables({FACTS: 0} | {each.name: 0 for each in PROJECTORS}, REGISTRY)
    views = (each.name for each in all_views(built, schema))
    beside = (
        *(("event", tag_of(each.retired)) for each in UPCASTS),
        *(("table", name.removeprefix(PREFIX)) for name in (*schema.names, *views, FACTS)),
        *(("rule section", field.alias or name) for name, field in Ruleset.model_fields.items()),
    )
    return frozenset((*_claims(AGGREGATES, PROJECTORS, INDEXES, ()), *beside))


def _claims(
    aggregates: Iterable[Aggregate],
    projectors: Iterable[Projector],
    indexes: Iterable[Index],
    sections: Iterable[Section],
) -> Iterator[_Claim]:
    for aggregate in aggregates:
        yield "category", aggregate.decider.category
        yield from (("command", way.command.__name__) for way in aggregate.commands)
        retired = (upcast.retired for upcast in aggregate.upcasts)
        yield from (("event", tag_of(event)) for event in (*aggregate.events, *retired))
    yield from (("table", each.name) for each in projectors)
    for index in indexes:
        yield from (("table", index.table.removeprefix(PREFIX)), ("index", index.name))
    yield from (("rule section", each.name) for each in sections)
