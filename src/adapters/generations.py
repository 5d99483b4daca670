"""Generations of read models: numbered tables built under one ruleset by one version of the code.

Exactly one is live; the stable views and every query point at it. A generation whose code differs from ours is never
written by us: a new one is built beside it and goes live in one transaction. The one that was live before is kept, so
going back takes no time.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress

import msgspec
import sqlalchemy as sa
from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy.engine import Connection

from adapters.codec import schema_digest
from adapters.columns import unchecked
from adapters.damage import BY_A_REBUILD, Damaged, DamagedReadModels
from adapters.read_models import ReadModels
from adapters.rules_in_force import FOUNDING, InForce
from adapters.schema import LIVE_GENERATION, GenerationTables, Schema
from adapters.settings import live_of, number_of
from adapters.store import Store
from crm_domain.errors import StoreBusy, StoreUnusable
from projections.fold import code_versions
from projections.rules import Ruleset

_LIVE, _PREVIOUS = LIVE_GENERATION, "previous_generation"
#: The setting that holds the highest number that was dropped: others may still remember what it stood for.
_DROPPED = "dropped_generation"


class Generation(Struct, frozen=True, kw_only=True):
    """One generation's identity: the ruleset it was judged by, the code that judged, and what it may know of.

    `ruleset` is the text that stands beside it, which nobody judges by: what the rules are is in the log.
    `known_until` is the last position that it may know of, None for one that goes on; it `is_checked` once it has
    caught up and a sample of it was folded afresh and compared. `made_at` is an instant. `is_in_force` is False for
    one that is to answer and was judged by other rules than those in force.
    """

    number: int
    ruleset: str
    rules_digest: str
    code_digest: str
    versions: dict[str, int | str]
    checkpoint: int
    known_until: int | None
    is_checked: bool
    made_at: int
    is_in_force: bool = True

    @property
    def is_current(self) -> bool:
        """Whether the running code built it, and by the rules in force if it is to answer."""
        return self.is_in_force and self._is_of_this_code

    @property
    def _is_of_this_code(self) -> bool:
        return self.code_digest == code_digest()

    def staleness(self) -> tuple[str, ...]:
        """What would be judged otherwise now, each as a sentence; nothing for the same code and the same rules."""
        return (*self._of_other_rules(), *self._of_other_code())

    def _of_other_rules(self) -> tuple[str, ...]:
        return () if self.is_in_force else ("the log says that other rules are in force",)

    def _of_other_code(self) -> tuple[str, ...]:
        if self._is_of_this_code:
            return ()
        ours = running_versions()
        names = [name for name in sorted({*ours, *self.versions}) if self.versions.get(name) != ours.get(name)]
        if not names:
            return ("it was built by other code",)
        return tuple(_differing(name, self.versions.get(name), ours.get(name)) for name in names)

    def read_models(self, store: Store) -> ReadModels:
        """Its tables."""
        return ReadModels(store.schema, self.number, is_current=self.is_current)


def _differing(name: str, theirs: int | str | None, ours: int | str | None) -> str:
    if name == "events":
        return "the events have changed since it was built"
    return f"{name} was version {theirs or 'unknown'} and is version {ours or 'unknown'}"


def running_versions() -> dict[str, int | str]:
    """What the running code's answers depend on: the projectors' versions and the schema of the events."""
    return {**code_versions(), "events": schema_digest()}


def code_digest() -> str:
    """SHA-256 over the running versions."""
    versions = msgspec.json.encode(code_versions(), order="sorted")
    return hashlib.sha256(versions + schema_digest().encode()).hexdigest()


def read_generations(schema: Schema, connection: Connection) -> list[Generation]:
    """All that are kept and can be read, by number."""
    found = []
    for number in generation_numbers(schema, connection):
        with suppress(DamagedReadModels):
            found.append(read_generation(schema, connection, number))
    return found


def generation_numbers(schema: Schema, connection: Connection) -> list[int]:
    """The numbers of all that are kept, also of those of which nothing else can be read."""
    number = schema.generations.c.number
    return list(connection.execute(sa.select(number).order_by(number)).scalars())


def _generation(row: sa.Row[tuple[object, ...]]) -> Generation:
    columns = row._mapping
    return Generation(
        number=columns["number"],
        ruleset=columns["ruleset"],
        rules_digest=columns["rules_digest"],
        code_digest=columns["code_digest"],
        versions=_versions(columns["versions"]),
        checkpoint=columns["checkpoint"],
        known_until=columns["known_until"],
        is_checked=bool(columns["is_checked"]),
        made_at=columns["made_at"],
    )


def _versions(stored: str) -> dict[str, int | str]:
    """Of other code's versions, where they can't be read, no more is known than that they are other ones."""
    try:
        return msgspec.json.decode(stored, type=dict[str, int | str])
    except msgspec.DecodeError:
        return {}


def live_number(schema: Schema, connection: Connection) -> int | None:
    """The number of the generation that answers; None in a store that has none yet, or no longer says which."""
    value = _setting(schema, connection, _LIVE)
    return None if value is None else live_of(value)


def previous_number(schema: Schema, connection: Connection) -> int | None:
    """The number of the generation that answered before the live one, None where there was none or it is dropped."""
    return _number(schema, connection, _PREVIOUS)


def _setting(schema: Schema, connection: Connection, name: str) -> object:
    settings = schema.settings
    return connection.scalar(sa.select(unchecked(settings.c.value)).where(settings.c.name == name))


def _number(schema: Schema, connection: Connection, name: str) -> int | None:
    """A pointer that is only worth something where it can be read."""
    with suppress(Damaged):
        value = _setting(schema, connection, name)
        return None if value is None else number_of(name, value)
    return None


def read_generation(schema: Schema, connection: Connection, number: int) -> Generation:
    """One generation. Raises DamagedReadModels where there is none of this number, or it can't be read."""
    found = _find(schema, connection, number)
    if found is None:
        raise DamagedReadModels(f"there is no generation {number}; {BY_A_REBUILD}")
    return found


def _find(schema: Schema, connection: Connection, number: int) -> Generation | None:
    generations = schema.generations
    try:
        row = connection.execute(sa.select(generations).where(generations.c.number == number)).one_or_none()
    except Damaged as error:
        raise DamagedReadModels(f"generation {number} can't be read: {error}; {BY_A_REBUILD}") from None
    return None if row is None else _generation(row)


def find_live(schema: Schema, connection: Connection, number: int, in_force: InForce) -> Generation | None:
    """The generation that is to answer, which says whether it does so by the rules in force; None where it is gone.

    Raises DamagedReadModels where it can't be read.
    """
    found = _find(schema, connection, number)
    return found and replace(found, is_in_force=in_force.are(found.ruleset, found.rules_digest))


def is_founded(schema: Schema, connection: Connection) -> bool:
    """Whether a store has had a generation. Raises DamagedReadModels where it no longer says which one answers."""
    if live_number(schema, connection) is not None:
        return True
    if _setting(schema, connection, FOUNDING) is not None:
        raise DamagedReadModels(f"this store no longer says which generation answers; {BY_A_REBUILD}")
    return False


def found_generation(store: Store, ruleset: Ruleset, now: int) -> None:
    """Give a store that has none its first generation, to be caught up by whoever asks first."""
    with store.writing() as tx:
        store.exclude_others(tx.connection)
        if live_number(store.schema, tx.connection) is None:
            settings = store.schema.settings
            founding = {"name": FOUNDING, "value": ruleset.canonical().encode()}
            tx.connection.execute(settings.insert(), founding)
            first_generation(store.schema, tx.connection, ruleset, now)


def first_generation(schema: Schema, connection: Connection, ruleset: Ruleset, now: int) -> Generation:
    """Make a generation that is live from the start, and has everything yet to fold in."""
    generation = _create(schema, connection, ruleset, now, None)
    go_live(schema, connection, generation.number)
    return generation


def prepare_generation(
    store: Store, ruleset: Ruleset, now: int, *, known_until: int | None = None, unfinished_only: bool = False
) -> Generation:
    """A generation of a ruleset and the running code: the newest one that is kept, whole or begun, or else a new one.

    With `unfinished_only` one that is whole, or live, is left alone, and built again as a new one.
    """
    with store.writing() as tx:
        store.exclude_others(tx.connection)
        kept = _kept(store.schema, tx.connection, ruleset, known_until)
        if unfinished_only:
            live = _live_if_known(store.schema, tx.connection)
            kept = [each for each in kept if not each.is_checked and each.number != live]
        return kept[-1] if kept else _create(store.schema, tx.connection, ruleset, now, known_until)


def newest_generation(
    schema: Schema, connection: Connection, ruleset: Ruleset, known_until: int | None
) -> Generation | None:
    """The newest generation of a ruleset and the running code that is kept, whole or begun."""
    return next(reversed(_kept(schema, connection, ruleset, known_until)), None)


def _kept(schema: Schema, connection: Connection, ruleset: Ruleset, known_until: int | None) -> list[Generation]:
    judged_by = (ruleset.digest(), ruleset.canonical())
    return [
        each
        for each in read_generations(schema, connection)
        if each.is_current and each.known_until == known_until and (each.rules_digest, each.ruleset) == judged_by
    ]


def _create(schema: Schema, connection: Connection, ruleset: Ruleset, now: int, known_until: int | None) -> Generation:
    generations = schema.generations
    dropped = _number(schema, connection, _DROPPED) or 0
    number = max([dropped, *_numbers_in_use(connection), *generation_numbers(schema, connection)]) + 1
    row = {
        "number": number,
        "ruleset": ruleset.canonical(),
        "rules_digest": ruleset.digest(),
        "code_digest": code_digest(),
        "versions": msgspec.json.encode(running_versions(), order="sorted").decode(),
        "checkpoint": 0,
        "known_until": known_until,
        "made_at": now,
        "is_checked": 0,
    }
    connection.execute(generations.insert(), row)
    GenerationTables(number).create(connection)
    return read_generation(schema, connection, number)


def _numbers_in_use(connection: Connection) -> list[int]:
    """The numbers that tables have, whatever is said of them elsewhere."""
    stem = GenerationTables(0).cards.name.removesuffix("0")
    names = sa.inspect(connection).get_table_names()
    ends = (name.removeprefix(stem) for name in names if name.startswith(stem))
    return [int(end) for end in ends if end.isdecimal()]


def mark_checked(schema: Schema, connection: Connection, number: int) -> None:
    """Say that a generation is whole."""
    generations = schema.generations
    connection.execute(generations.update().where(generations.c.number == number).values(is_checked=1))


def go_live(schema: Schema, connection: Connection, number: int) -> None:
    """Let a generation answer from now on; the one that did is kept as the previous one.

    Raises StoreUnusable where it was dropped meanwhile.
    """
    read_generation(schema, connection, number)
    before = _live_if_known(schema, connection)
    if before == number:
        return
    settings = schema.settings
    connection.execute(settings.delete().where(settings.c.name.in_((_LIVE, _PREVIOUS))))
    pointers = {_LIVE: number}
    if before is not None and _find(schema, connection, before):
        pointers[_PREVIOUS] = before
        mark_checked(schema, connection, before)  # one that answered is whole, however it came to be live
    rows = [{"name": name, "value": str(value).encode()} for name, value in pointers.items()]
    connection.execute(settings.insert(), rows)
    GenerationTables(number).go_live(connection, before)


def replace_live(schema: Schema, connection: Connection, old: int, new: int) -> None:
    """Let a generation answer in place of the live one, which is dropped: both say the same.

    Raises StoreBusy where another one is live by now.
    """
    if live_number(schema, connection) != old:
        raise StoreBusy("another generation went live meanwhile")
    previous, settings = previous_number(schema, connection), schema.settings
    go_live(schema, connection, new)
    connection.execute(settings.delete().where(settings.c.name == _PREVIOUS))
    if previous is not None:
        connection.execute(settings.insert(), {"name": _PREVIOUS, "value": str(previous).encode()})
    drop_generation(schema, connection, old)


def _live_if_known(schema: Schema, connection: Connection) -> int | None:
    with suppress(Damaged):
        return live_number(schema, connection)
    return None


def prune(schema: Schema, connection: Connection) -> list[int]:
    """Drop every generation but the live and the previous one; the numbers of those that went."""
    kept = {live_number(schema, connection), previous_number(schema, connection)}
    gone = [number for number in generation_numbers(schema, connection) if number not in kept]
    for number in gone:
        drop_generation(schema, connection, number)
    return gone


def drop_generation(schema: Schema, connection: Connection, number: int) -> None:
    """Drop a generation that isn't live. Raises StoreUnusable for the live one."""
    if _live_if_known(schema, connection) == number:
        raise StoreUnusable(f"generation {number} answers, so it can't be dropped")
    generations, parked, settings = schema.generations, schema.parked, schema.settings
    GenerationTables(number).drop(connection)
    connection.execute(parked.delete().where(parked.c.generation == number))
    connection.execute(generations.delete().where(generations.c.number == number))
    if previous_number(schema, connection) == number:
        connection.execute(settings.delete().where(settings.c.name == _PREVIOUS))
    _note_dropped(schema, connection, number)


def _note_dropped(schema: Schema, connection: Connection, number: int) -> None:
    settings = schema.settings
    newest = max(number, _number(schema, connection, _DROPPED) or 0)
    connection.execute(settings.delete().where(settings.c.name == _DROPPED))
    connection.execute(settings.insert(), {"name": _DROPPED, "value": str(newest).encode()})
