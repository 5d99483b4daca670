"""What stands of generations in tables: their rows, their builds, and which of them answers.

It needs no open store, so that migrations can make the first generation of one.
"""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from regulars.adapters.schema.build_views import views_of
from regulars.adapters.schema.builds import BuildTables
from regulars.adapters.schema.settings import live_of, number_of
from regulars.adapters.schema.tables import LIVE_GENERATION, Schema
from regulars.adapters.schema.views import put_views
from regulars.adapters.sql.columns import unchecked
from regulars.adapters.sql.damage import Damaged
from regulars.adapters.store.builds import build_specs, create_build, read_builds, reusable, versions_of
from regulars.projections.registry import Registry
from regulars.projections.rules.grammar import Ruleset

LIVE, PREVIOUS = LIVE_GENERATION, "previous_generation"
#: The setting that holds the highest number that was dropped: others may still remember what it stood for.
_DROPPED = "dropped_generation"


def generation_numbers(schema: Schema, connection: Connection) -> list[int]:
    """The numbers of all that are kept, also of those of which nothing else can be read."""
    number = schema.generations.c.number
    return list(connection.execute(sa.select(number).order_by(number)).scalars())


def live_number(schema: Schema, connection: Connection) -> int | None:
    """The number of the generation that answers; None in a store that has none yet, or no longer says which."""
    value = setting_of(schema, connection, LIVE)
    return None if value is None else live_of(value)


def previous_number(schema: Schema, connection: Connection) -> int | None:
    """The number of the generation that answered before the live one, None where there was none or it is dropped."""
    return _number(schema, connection, PREVIOUS)


def setting_of(schema: Schema, connection: Connection, name: str) -> object:
    """What stands as a setting, unchecked; None where nothing does."""
    settings = schema.settings
    return connection.scalar(sa.select(unchecked(settings.c.value)).where(settings.c.name == name))


def _number(schema: Schema, connection: Connection, name: str) -> int | None:
    """A pointer that is only worth something where it can be read."""
    with suppress(Damaged):
        value = setting_of(schema, connection, name)
        return None if value is None else number_of(name, value)
    return None


def live_if_known(schema: Schema, connection: Connection) -> int | None:
    """The number of the generation that answers, None also where that can't be read."""
    with suppress(Damaged):
        return live_number(schema, connection)
    return None


def point_at(schema: Schema, connection: Connection, pointers: dict[str, int]) -> None:
    """Let settings name which generations answer, and none but these."""
    settings = schema.settings
    connection.execute(settings.delete().where(settings.c.name.in_((LIVE, PREVIOUS))))
    rows = [{"name": name, "value": str(value).encode()} for name, value in pointers.items()]
    connection.execute(settings.insert(), rows)


def first_generation(schema: Schema, registry: Registry, connection: Connection, ruleset: Ruleset, now: int) -> int:
    """Make a generation that is live from the start, and has everything yet to fold in; its number."""
    number = create_generation(schema, registry, connection, ruleset, now, None, frozenset(versions_of(registry)))
    point_at(schema, connection, {LIVE: number})
    put_views(connection, views_of(tables_of(schema, registry, connection, number), schema.events))
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
    """Make a generation's row, of builds that are kept and others that are made; its number."""
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
    for each in wanted:
        build = None if each.name in afresh else with_what_is_kept.get(each.name)
        if build is None:
            build = create_build(schema, connection, registry, each, known_until)
        member = {"generation": number, "name": each.name, "number": build}
        connection.execute(schema.generation_builds.insert(), member)
    return number


def builds_of(schema: Schema, connection: Connection, generation: int) -> dict[str, int]:
    """The numbers of a generation's builds, by name."""
    members = schema.generation_builds
    statement = sa.select(members.c.name, members.c.number).where(members.c.generation == generation)
    return dict(map(tuple, connection.execute(statement)))


def tables_of(schema: Schema, registry: Registry, connection: Connection, generation: int) -> BuildTables:
    """The tables of a generation's builds, as far as the registry knows them."""
    known = versions_of(registry)
    builds = builds_of(schema, connection, generation)
    return BuildTables({name: number for name, number in builds.items() if name in known}, registry)


def note_dropped(schema: Schema, connection: Connection, number: int) -> None:
    """Remember that no generation may have this number any more, nor any before it."""
    settings = schema.settings
    newest = max(number, _number(schema, connection, _DROPPED) or 0)
    connection.execute(settings.delete().where(settings.c.name == _DROPPED))
    connection.execute(settings.insert(), {"name": _DROPPED, "value": str(newest).encode()})
