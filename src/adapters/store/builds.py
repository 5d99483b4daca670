"""Builds: the fold of one projection, or of a set of facts, identified by a digest.

The digest covers all that its answers depend on: the version of the code, the facts it folds, and its section of the
rules. Generations share builds with equal digests, so a change rebuilds only what it concerns.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping

import msgspec
import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.engine import Connection

from regulars.adapters.log.codec import schema_digest
from regulars.adapters.schema.builds import build_tables
from regulars.adapters.schema.tables import Schema
from regulars.adapters.sql.damage import BY_A_REBUILD, Damaged, DamagedReadModels
from regulars.adapters.sql.loading import loading
from regulars.adapters.sql.table_names import ours
from regulars.crm_domain.event import tag_of
from regulars.projections.engine.rules_digest import facts_digest, rules_digest
from regulars.projections.facts.fact_set import FactSet
from regulars.projections.registry import Registry
from regulars.projections.rules.compiled import compile_rules
from regulars.projections.rules.grammar import Ruleset

Versions = dict[str, int | str]


class Build(Struct, frozen=True, kw_only=True):
    """One build. `versions` are those of the code that folds it; `known_until` is the last position it may know of."""

    name: str
    number: int
    digest: str
    versions: Versions
    checkpoint: int
    known_until: int | None


class BuildSpec(Struct, frozen=True, kw_only=True):
    """A build as the running code would fold it."""

    name: str
    digest: str
    versions: Versions


def versions_of(registry: Registry) -> dict[str, Versions]:
    """By name of build, the versions of the running code that its answers depend on; sets of facts come first."""
    facts = {each.name: _versions_of_facts(each) for each in registry.fact_sets}
    judged = {each.name: {**facts[each.facts.name], each.name: each.version} for each in registry.projectors}
    return {**facts, **judged}


def _versions_of_facts(fact_set: FactSet) -> Versions:
    events = sorted(fact_set.handles, key=tag_of)
    return {fact_set.name: fact_set.version, "events": schema_digest(tuple(events))}


def build_specs(registry: Registry, ruleset: Ruleset) -> list[BuildSpec]:
    """The builds that the running code would fold under a ruleset; sets of facts come first."""
    rules = compile_rules(ruleset, None, registry.sections)  # what is judged by doesn't depend on the currency
    judged = {each.name: facts_digest(each, rules) for each in registry.fact_sets}
    judged |= {each.name: rules_digest(each, rules) for each in registry.projectors}
    return [
        BuildSpec(name=name, digest=_digest(versions, judged[name]), versions=versions)
        for name, versions in versions_of(registry).items()
    ]


def _digest(versions: Versions, judged_by: str) -> str:
    return hashlib.sha256(msgspec.json.encode(versions, order="sorted") + judged_by.encode()).hexdigest()


def read_builds(schema: Schema, connection: Connection, generation: int | None = None) -> list[Build]:
    """The builds of a generation, or all stored ones, by name and number.

    Raises DamagedReadModels where one can't be read.
    """
    builds, members = schema.builds, schema.generation_builds
    statement = sa.select(builds).order_by(builds.c.name, builds.c.number)
    if generation is not None:
        is_theirs = sa.and_(members.c.name == builds.c.name, members.c.number == builds.c.number)
        statement = statement.join(members, is_theirs).where(members.c.generation == generation)
    try:
        rows = connection.execute(statement).all()
    except Damaged as error:
        raise DamagedReadModels(f"a build can't be read: {error}; {BY_A_REBUILD}") from None
    return [_build(row) for row in rows]


def _build(row: sa.Row[tuple[object, ...]]) -> Build:
    columns = row._mapping
    return Build(
        name=columns["name"],
        number=columns["number"],
        digest=columns["digest"],
        versions=_versions(columns["versions"]),
        checkpoint=columns["checkpoint"],
        known_until=columns["known_until"],
    )


def _versions(stored: str) -> Versions:
    """Decode the versions of a build; where other code's can't be decoded, they only count as different."""
    try:
        return msgspec.json.decode(stored, type=Versions)
    except msgspec.DecodeError:
        return {}


def reusable(
    builds: Iterable[Build], specs: Iterable[BuildSpec], known_until: int | None, live: Mapping[str, int]
) -> dict[str, int]:
    """By name, the number of a stored build that meets each specification: the live one, or else the newest."""
    by_digest = {each.name: each.digest for each in specs}
    found: dict[str, int] = {}
    for each in builds:
        if by_digest.get(each.name) == each.digest and each.known_until == known_until:
            found[each.name] = max(each.number, found.get(each.name, 0))
            if live.get(each.name) == each.number:
                found[each.name] = each.number
                by_digest.pop(each.name)
    return found


def next_numbers(schema: Schema, connection: Connection) -> Callable[[str], int]:
    """What a new build of a name is numbered: above all stored ones and all tables, whatever the rows say."""
    builds = schema.builds
    highest = sa.select(builds.c.name, sa.func.max(builds.c.number)).group_by(builds.c.name)
    stored: dict[str, int] = dict(map(tuple, connection.execute(highest)))
    tables = _table_names(connection)

    def next_number(name: str) -> int:
        stem = ours(f"{name}_")
        ends = (each.removeprefix(stem).partition("_")[0] for each in tables if each.startswith(stem))
        return max([stored.get(name, 0), *(int(end) for end in ends if end.isdecimal())]) + 1

    return next_number


def create_build(
    schema: Schema, connection: Connection, registry: Registry, spec: BuildSpec, known_until: int | None, number: int
) -> None:
    """Create an empty build."""
    row = {
        "name": spec.name,
        "number": number,
        "digest": spec.digest,
        "versions": msgspec.json.encode(spec.versions, order="sorted").decode(),
        "checkpoint": 0,
        "known_until": known_until,
    }
    connection.execute(schema.builds.insert(), row)
    build_tables({spec.name: number}, registry).create(connection)


def drop_unused(schema: Schema, connection: Connection) -> None:
    """Drop the builds that belong to no generation."""
    builds, members, parked = schema.builds, schema.generation_builds, schema.parked
    is_used = sa.exists().where(members.c.name == builds.c.name, members.c.number == builds.c.number)
    unused = connection.execute(sa.select(builds.c.name, builds.c.number).where(~is_used)).all()
    tables = _table_names(connection)
    for name, number in unused:
        with loading(connection):
            for table in _of_build(tables, name, number):
                connection.exec_driver_sql(f'DROP TABLE "{table}"')
        connection.execute(parked.delete().where(parked.c.name == name, parked.c.build == number))
        connection.execute(builds.delete().where(builds.c.name == name, builds.c.number == number))


def tables_in_use(schema: Schema, connection: Connection) -> list[str]:
    """The names of all builds' tables."""
    builds = connection.execute(sa.select(schema.builds.c.name, schema.builds.c.number)).all()
    tables = _table_names(connection)
    return [table for name, number in builds for table in _of_build(tables, name, number)]


def _table_names(connection: Connection) -> list[str]:
    return sa.inspect(connection).get_table_names()


def _of_build(tables: Iterable[str], name: str, number: int) -> list[str]:
    """Those tables that are a build's, also of a projection that this process doesn't know."""
    stem = ours(f"{name}_{number}")
    return [each for each in tables if each == stem or each.startswith(f"{stem}_")]


def members_of(schema: Schema, connection: Connection) -> Mapping[tuple[str, int], set[int]]:
    """For each build, by name and number, the generations that share it."""
    found: dict[tuple[str, int], set[int]] = {}
    for row in connection.execute(sa.select(schema.generation_builds)):
        found.setdefault((row.name, row.number), set()).add(row.generation)
    return found
