"""The rows of generations: which builds they have, and which of them is live.

It works without an open store, so migrations can create the first generation.
"""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from regulars.adapters.schema.build_views import views_of
from regulars.adapters.schema.builds import BuildTables, build_tables
from regulars.adapters.schema.settings import live_of, number_of
from regulars.adapters.schema.tables import LIVE_GENERATION, Schema
from regulars.adapters.schema.views import put_views
from regulars.adapters.sql.columns import unchecked
from regulars.adapters.sql.damage import Damaged
from regulars.adapters.store.builds import build_specs, create_build, next_numbers, read_builds, reusable, versions_of
from regulars.projections.registry import Registry
from regulars.projections.rules.grammar import Ruleset

LIVE, PREVIOUS = LIVE_GENERATION, "previous_generation"
#: The setting that holds the highest number that was dropped: others may still remember what it stood for.
_DROPPED = "dropped_generation"


def generation_numbers(schema: Schema, connection: Connection) -> list[int]:
    """The numbers of all stored generations, also of those that can't be read otherwise."""
    number = schema.generations.c.number
    return list(connection.execute(sa.select(number).order_by(number)).scalars())


def live_number(schema: Schema, connection: Connection) -> int | None:
    """The number of the live generation; None in a new store, and where the setting is missing."""
    value = setting_of(schema, connection, LIVE)
    return None if value is None else live_of(value)


def previous_number(schema: Schema, connection: Connection) -> int | None:
    """The number of the generation that was live before; None where there was none or it is dropped."""
    return _number(schema, connection, PREVIOUS)


def setting_of(schema: Schema, connection: Connection, name: str) -> object:
    """A setting's value, unchecked; None where there is none."""
    settings = schema.settings
    return connection.scalar(sa.select(unchecked(settings.c.value)).where(settings.c.name == name))


def _number(schema: Schema, connection: Connection, name: str) -> int | None:
    """Decode the number of a generation; None where it can't be decoded."""
    with suppress(Damaged):
        value = setting_of(schema, connection, name)
        return None if value is None else number_of(name, value)
    return None


def live_if_known(schema: Schema, connection: Connection) -> int | None:
    """The number of the live generation; None also where the setting is damaged."""
    with suppress(Damaged):
        return live_number(schema, connection)
    return None


def point_at(schema: Schema, connection: Connection, pointers: dict[str, int]) -> None:
    """Replace the settings that name the live and the previous generation."""
    settings = schema.settings
    connection.execute(settings.delete().where(settings.c.name.in_((LIVE, PREVIOUS))))
    rows = [{"name": name, "value": str(value).encode()} for name, value in pointers.items()]
    connection.execute(settings.insert(), rows)


def first_generation(schema: Schema, registry: Registry, connection: Connection, ruleset: Ruleset, now: int) -> int:
    """Create a generation that is live from the start, with everything still to be folded; its number."""
    number = create_generation(schema, registry, connection, ruleset, now, None, frozenset(versions_of(registry)))
    point_at(schema, connection, {LIVE: number})
    put_views(connection, views_of(tables_of(schema, registry, connection, number), schema))
    return number


def create_generation(
    schema: Schema,
    registry: Registry,
    connection: Connection,
    ruleset: Ruleset,
    now: int,
    known_until: int | None,
    afresh: Collection[str],
) -> int:
    """Create a generation's row, of stored builds and of new ones; its number."""
    generations = schema.generations
    dropped = _number(schema, connection, _DROPPED) or 0
    number = max([dropped, *generation_numbers(schema, connection)]) + 1
    row = {
        "number": number,
        "ruleset": ruleset.canonical(),
        "rules_digest": ruleset.digest(),
        "known_until": known_until,
        "made_at": now,
        "is_checked": 0,
    }
    connection.execute(generations.insert(), row)
    wanted = build_specs(registry, ruleset)
    live = live_if_known(schema, connection)
    answering = {} if live is None else builds_of(schema, connection, live)
    with_what_is_kept = reusable(read_builds(schema, connection), wanted, known_until, answering)
    next_number = next_numbers(schema, connection)
    for each in wanted:
        build = None if each.name in afresh else with_what_is_kept.get(each.name)
        if build is None:
            build = next_number(each.name)
            create_build(schema, connection, registry, each, known_until, build)
        member = {"generation": number, "name": each.name, "number": build}
        connection.execute(schema.generation_builds.insert(), member)
    return number


def builds_of(schema: Schema, connection: Connection, generation: int) -> dict[str, int]:
    """The numbers of a generation's builds, by name."""
    members = schema.generation_builds
    statement = sa.select(members.c.name, members.c.number).where(members.c.generation == generation)
    return dict(map(tuple, connection.execute(statement)))


def tables_of(schema: Schema, registry: Registry, connection: Connection, generation: int) -> BuildTables:
    """The tables of a generation's builds, for the projections that the registry knows."""
    known = versions_of(registry)
    builds = builds_of(schema, connection, generation)
    return build_tables({name: number for name, number in builds.items() if name in known}, registry)


def note_dropped(schema: Schema, connection: Connection, number: int) -> None:
    """Keep this generation's number, and all before it, from being used again."""
    settings = schema.settings
    newest = max(number, _number(schema, connection, _DROPPED) or 0)
    connection.execute(settings.delete().where(settings.c.name == _DROPPED))
    connection.execute(settings.insert(), {"name": _DROPPED, "value": str(newest).encode()})
