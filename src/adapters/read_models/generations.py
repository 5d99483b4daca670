"""Generations of read models: named sets of builds that answer together under one ruleset.

Exactly one is live; the stable views and every query ask it. When the code or the rules change, a new generation
replaces it in one transaction; it shares the builds whose digests are unchanged. The previous one is kept for a
rollback.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress

import sqlalchemy as sa
from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy.engine import Connection

from regulars.adapters.read_models.rows import ReadModels
from regulars.adapters.schema.build_views import views_of
from regulars.adapters.schema.builds import FACTS, BuildTables
from regulars.adapters.schema.tables import Schema
from regulars.adapters.schema.views import put_views
from regulars.adapters.sql.damage import BY_A_REBUILD, Damaged, DamagedReadModels
from regulars.adapters.sql.grants import pass_on_grants
from regulars.adapters.store.builds import (
    Build,
    Versions,
    build_specs,
    drop_unused,
    members_of,
    read_builds,
    versions_of,
)
from regulars.adapters.store.generation_rows import (
    LIVE,
    PREVIOUS,
    builds_of,
    create_generation,
    first_generation,
    generation_numbers,
    live_if_known,
    live_number,
    note_dropped,
    point_at,
    previous_number,
    setting_of,
    tables_of,
)
from regulars.adapters.store.rules_in_force import FOUNDING, InForce
from regulars.adapters.store.store import Store
from regulars.crm_domain.errors import StoreBusy, StoreUnusable
from regulars.projections.rules.grammar import Ruleset

_SAID = 2


class Generation(Struct, frozen=True, kw_only=True):
    """One generation: its ruleset, its builds, and what it may know of.

    `ruleset` is the stored text, for display only: rules in force are read from the log. `known_until` is the last
    position that it may know of, None for one that catches up. It `is_checked` once it has caught up and a sample of it
    was folded again and compared. `made_at` is an instant. `is_in_force` is False for a live one that was judged by
    other rules than those in force. `running` are the versions of the running code by name of build.
    """

    number: int
    ruleset: str
    rules_digest: str
    builds: tuple[Build, ...]
    known_until: int | None
    is_checked: bool
    made_at: int
    running: dict[str, Versions]
    is_in_force: bool = True

    @property
    def checkpoint(self) -> int:
        """The position up to which all of its builds have folded the log."""
        return min((each.checkpoint for each in self.builds), default=0)

    @property
    def is_current(self) -> bool:
        """Whether the running code built it and, if it is live, by the rules in force."""
        return self.is_in_force and self._is_of_this_code

    @property
    def _is_of_this_code(self) -> bool:
        """Whether the builds it has are of the running code's versions; builds that are missing on either side don't
        count.
        """
        theirs = {each.name: each.versions for each in self.builds if each.name in self.running}
        return bool(theirs) and all(self.running[name] == versions for name, versions in theirs.items())

    @property
    def of_this_code(self) -> frozenset[str]:
        """The names of the builds that are of the running code's versions."""
        return frozenset(each.name for each in self.builds if self.running.get(each.name) == each.versions)

    @property
    def to_be_built(self) -> tuple[str, ...]:
        """The names of what the running code would build: other code built it, or nobody yet."""
        return tuple(sorted(self.running.keys() - self.of_this_code))

    def staleness(self) -> tuple[str, ...]:
        """What would be judged otherwise now, each as a sentence; none for the same code and the same rules."""
        return (*self._of_other_rules(), *self._of_other_code())

    def _of_other_rules(self) -> tuple[str, ...]:
        return () if self.is_in_force else ("the log says that other rules are in force",)

    def _of_other_code(self) -> tuple[str, ...]:
        """Each version that differs, once, however many builds depend on it."""
        theirs = {each.name: each.versions for each in self.builds}
        said: dict[str, None] = {}
        for name, versions in sorted(self.running.items()):
            if name not in theirs:
                said[f"{name} isn't built yet"] = None
            else:
                said |= dict.fromkeys(_differing(theirs[name], versions))
        return tuple(said)

    def read_models(self, store: Store) -> ReadModels:
        """Its read models, without those of projections that this process doesn't know."""
        known = {each.name: each.number for each in self.builds if each.name in self.running}
        return ReadModels(store.schema, self.number, known, store.registry, is_current=self.is_current)


def in_short(staleness: Sequence[str]) -> str:
    """What would be judged otherwise, in a line: the first differences, and how many more there are."""
    more = len(staleness) - _SAID
    return "; ".join([*staleness[:_SAID], *([f"and {more} more"] if more > 0 else [])])


def _differing(theirs: Versions, ours: Versions) -> list[str]:
    said = []
    for name in sorted({*theirs, *ours}):
        old, new = theirs.get(name), ours.get(name)
        if old == new:
            continue
        if name == "events":
            said.append("the events have changed since it was built")
        else:
            said.append(f"{name} was version {old or 'unknown'} and is version {new or 'unknown'}")
    return said or (["it was built by other code"] if theirs != ours else [])


def read_generations(store: Store, connection: Connection) -> list[Generation]:
    """All stored generations that can be read, by number."""
    found = []
    for number in generation_numbers(store.schema, connection):
        with suppress(DamagedReadModels):
            found.append(read_generation(store, connection, number))
    return found


def read_generation(store: Store, connection: Connection, number: int) -> Generation:
    """One generation. Raises DamagedReadModels where there is none of this number, or it can't be read."""
    found = _find(store, connection, number)
    if found is None:
        raise DamagedReadModels(f"there is no generation {number}; {BY_A_REBUILD}")
    return found


def _find(store: Store, connection: Connection, number: int) -> Generation | None:
    generations = store.schema.generations
    try:
        row = connection.execute(sa.select(generations).where(generations.c.number == number)).one_or_none()
    except Damaged as error:
        raise DamagedReadModels(f"generation {number} can't be read: {error}; {BY_A_REBUILD}") from None
    if row is None:
        return None
    builds, named = read_builds(store.schema, connection, number), builds_of(store.schema, connection, number)
    if {each.name: each.number for each in builds} != named or FACTS not in named:
        raise DamagedReadModels(f"builds of generation {number} are missing; {BY_A_REBUILD}")
    return Generation(
        number=row.number,
        ruleset=row.ruleset,
        rules_digest=row.rules_digest,
        builds=tuple(builds),
        known_until=row.known_until,
        is_checked=bool(row.is_checked),
        made_at=row.made_at,
        running=versions_of(store.registry),
    )


def find_live(store: Store, connection: Connection, number: int, in_force: InForce) -> Generation | None:
    """The live generation, which knows whether its rules are in force; None where it was dropped.

    Raises DamagedReadModels where it can't be read.
    """
    found = _find(store, connection, number)
    return found and replace(found, is_in_force=in_force.are(found.ruleset, found.rules_digest))


def is_founded(schema: Schema, connection: Connection) -> bool:
    """Whether a store has ever had a generation. Raises DamagedReadModels where none of them is marked live any
    more.
    """
    if live_number(schema, connection) is not None:
        return True
    if setting_of(schema, connection, FOUNDING) is not None:
        raise DamagedReadModels(f"the setting that names the live generation is missing; {BY_A_REBUILD}")
    return False


def found_generation(store: Store, ruleset: Ruleset, now: int) -> None:
    """Give a new store its first generation; the first query catches it up."""
    with store.writing() as tx:
        store.exclude_others(tx.connection)
        if live_number(store.schema, tx.connection) is None:
            settings = store.schema.settings
            founding = {"name": FOUNDING, "value": ruleset.canonical().encode()}
            tx.connection.execute(settings.insert(), founding)
            first_generation(store.schema, store.registry, tx.connection, ruleset, now)


def everything(store: Store) -> frozenset[str]:
    """The names of all builds."""
    return frozenset(versions_of(store.registry))


#: Which builds are folded afresh, whatever is kept: none, so that those are made that differ.
WHAT_DIFFERS: frozenset[str] = frozenset()


def prepare_generation(
    store: Store,
    ruleset: Ruleset,
    now: int,
    *,
    known_until: int | None = None,
    afresh: frozenset[str] = WHAT_DIFFERS,
) -> Generation:
    """A generation of a ruleset and the running code: the newest that is stored, finished or begun, else a new one.

    With names of builds `afresh`, a finished or live one is left alone, and those builds are folded again in a new
    generation; one that was begun for that is resumed.
    """
    schema = store.schema
    with store.writing() as tx:
        store.exclude_others(tx.connection)
        kept = _kept(store, tx.connection, ruleset, known_until)
        if afresh:
            live, members = live_if_known(schema, tx.connection), members_of(schema, tx.connection)
            kept = [
                each
                for each in kept
                if not each.is_checked
                and each.number != live
                and all(
                    members[build.name, build.number] == {each.number} for build in each.builds if build.name in afresh
                )
            ]
        if kept:
            return kept[-1]
        number = create_generation(schema, store.registry, tx.connection, ruleset, now, known_until, afresh)
        return read_generation(store, tx.connection, number)


def newest_generation(
    store: Store, connection: Connection, ruleset: Ruleset, known_until: int | None
) -> Generation | None:
    """The newest stored generation of a ruleset and the running code, finished or begun."""
    return next(reversed(_kept(store, connection, ruleset, known_until)), None)


def _kept(store: Store, connection: Connection, ruleset: Ruleset, known_until: int | None) -> list[Generation]:
    judged_by = (ruleset.digest(), ruleset.canonical())
    wanted = {each.name: each.digest for each in build_specs(store.registry, ruleset)}
    return [
        each
        for each in read_generations(store, connection)
        if each.known_until == known_until
        and (each.rules_digest, each.ruleset) == judged_by
        and wanted.items() <= {build.name: build.digest for build in each.builds}.items()
    ]


def own_builds(store: Store, connection: Connection, generation: Generation) -> list[str]:
    """The names of a generation's builds that no other generation shares."""
    members = members_of(store.schema, connection)
    return [each.name for each in generation.builds if members[each.name, each.number] == {generation.number}]


def mark_checked(schema: Schema, connection: Connection, number: int) -> None:
    """Mark a generation as caught up and checked."""
    generations = schema.generations
    connection.execute(generations.update().where(generations.c.number == number).values(is_checked=1))


def go_live(store: Store, connection: Connection, number: int) -> None:
    """Make a generation live; the one that was live is kept as the previous one.

    Raises StoreUnusable where it was dropped meanwhile.
    """
    schema = store.schema
    read_generation(store, connection, number)
    before = live_if_known(schema, connection)
    if before == number:
        return
    pointers = {LIVE: number}
    if before is not None and before in generation_numbers(schema, connection):
        pointers[PREVIOUS] = before
        mark_checked(schema, connection, before)  # one that answered is whole, however it came to be live
    point_at(schema, connection, pointers)
    tables = tables_of(schema, store.registry, connection, number)
    if before is not None:
        _pass_on_grants(connection, builds_of(schema, connection, before), tables)
    put_views(connection, views_of(tables, schema))


def _pass_on_grants(connection: Connection, before: Mapping[str, int], after: BuildTables) -> None:
    """Grant the roles that could SELECT from earlier builds' tables, by their numbers, the same on the new ones'."""
    for name in before.keys() & after.builds.keys():
        old, new = before[name], after.builds[name]
        if old != new:
            for table in after.tables_of(name):
                former = table.name.replace(f"{name}_{new}", f"{name}_{old}", 1)
                pass_on_grants(connection, former, table.name)


def replace_live(store: Store, connection: Connection, old: int, new: int) -> None:
    """Make a generation live in place of one with equal answers, which is dropped.

    Raises StoreBusy where another one is live by now.
    """
    schema = store.schema
    if live_number(schema, connection) != old:
        raise StoreBusy("another generation went live meanwhile")
    previous, settings = previous_number(schema, connection), schema.settings
    go_live(store, connection, new)
    connection.execute(settings.delete().where(settings.c.name == PREVIOUS))
    if previous is not None:
        connection.execute(settings.insert(), {"name": PREVIOUS, "value": str(previous).encode()})
    drop_generation(store, connection, old)


def prune(store: Store, connection: Connection) -> list[int]:
    """Drop every generation but the live and the previous one; the numbers of those dropped."""
    schema = store.schema
    kept = {live_number(schema, connection), previous_number(schema, connection)}
    gone = [number for number in generation_numbers(schema, connection) if number not in kept]
    for number in gone:
        drop_generation(store, connection, number)
    return gone


def drop_generation(store: Store, connection: Connection, number: int) -> None:
    """Drop a generation that isn't live, with the builds that no other generation shares.

    Raises StoreUnusable for the live one.
    """
    schema = store.schema
    if live_if_known(schema, connection) == number:
        raise StoreUnusable(f"generation {number} is live, so it can't be dropped")
    generations, members, settings = schema.generations, schema.generation_builds, schema.settings
    connection.execute(generations.delete().where(generations.c.number == number))
    connection.execute(members.delete().where(members.c.generation == number))
    drop_unused(schema, connection)
    if previous_number(schema, connection) == number:
        connection.execute(settings.delete().where(settings.c.name == PREVIOUS))
    note_dropped(schema, connection, number)
