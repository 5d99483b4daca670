"""Generations of read models: numbered tables built under one ruleset by one version of the code.

Exactly one is live; the stable views and every query point at it. A generation whose code differs from ours is never
written by us: a new one is built beside it and goes live in one transaction.
"""

from __future__ import annotations

import hashlib

import msgspec
import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.engine import Connection

from adapters.catch_up import Progress, catch_up
from adapters.codec import schema_digest
from adapters.read_models import ReadModels
from adapters.schema import GenerationTables
from adapters.store import Store
from projections.compiled import compile_rules
from projections.fold import code_versions
from projections.rules import Ruleset, restore_rules

_LIVE = "live_generation"


class Generation(Struct, frozen=True, kw_only=True):
    """One generation's identity: the ruleset it was judged by, and the digest of the code that judged."""

    number: int
    ruleset: Ruleset
    code_digest: str

    @property
    def is_current(self) -> bool:
        """Whether the running code is the code that built it."""
        return self.code_digest == code_digest()


def code_digest() -> str:
    """SHA-256 over the projectors' versions and the schema of the events."""
    versions = msgspec.json.encode(code_versions(), order="sorted")
    return hashlib.sha256(versions + schema_digest().encode()).hexdigest()


def live_generation(store: Store, connection: Connection) -> Generation | None:
    """The generation that answers; None in a store that has none yet."""
    number = store.read_settings(connection).get(_LIVE)
    if number is None:
        return None
    generations = store.schema.generations
    row = connection.execute(sa.select(generations).where(generations.c.number == int(number))).one()
    return Generation(number=row.number, ruleset=restore_rules(row.ruleset), code_digest=row.code_digest)


def found_generation(store: Store, ruleset: Ruleset) -> Generation:
    """The live generation of a store; made where there is none, to be caught up by whoever asks first."""
    with store.writing() as tx:
        store.exclude_others(tx.connection)
        generation = live_generation(store, tx.connection)
        if generation is None:
            generation = _create(store, tx.connection, ruleset)
            _go_live(store, tx.connection, generation.number)
    return generation


def build_generation(store: Store, ruleset: Ruleset, on_progress: Progress | None = None) -> Generation:
    """Build a generation beside the live one and let it go live once it has caught up.

    One that was left unfinished, or that was live before, is gone on with.
    """
    with store.writing() as tx:
        store.exclude_others(tx.connection)
        generation = _kept(store, tx.connection, ruleset) or _create(store, tx.connection, ruleset)
        rules = compile_rules(ruleset, store.currency(tx.connection))
    catch_up(store, ReadModels(store.schema, generation.number), rules, on_progress=on_progress)
    with store.writing() as tx:
        _go_live(store, tx.connection, generation.number)
    return generation


def _kept(store: Store, connection: Connection, ruleset: Ruleset) -> Generation | None:
    """The newest generation of this very ruleset and code, whole or begun: it only needs to be caught up."""
    generations = store.schema.generations
    ours = (generations.c.rules_digest == ruleset.digest(), generations.c.code_digest == code_digest())
    number = connection.scalar(sa.select(sa.func.max(generations.c.number)).where(*ours))
    return None if number is None else Generation(number=number, ruleset=ruleset, code_digest=code_digest())


def _create(store: Store, connection: Connection, ruleset: Ruleset) -> Generation:
    generations = store.schema.generations
    number = int(connection.scalar(sa.select(sa.func.max(generations.c.number))) or 0) + 1
    row = {
        "number": number,
        "ruleset": ruleset.canonical(),
        "rules_digest": ruleset.digest(),
        "code_digest": code_digest(),
        "checkpoint": 0,
    }
    connection.execute(generations.insert(), row)
    GenerationTables(number).create(connection)
    return Generation(number=number, ruleset=ruleset, code_digest=code_digest())


def _go_live(store: Store, connection: Connection, number: int) -> None:
    settings = store.schema.settings
    connection.execute(settings.delete().where(settings.c.name == _LIVE))
    connection.execute(settings.insert(), {"name": _LIVE, "value": str(number).encode()})
    GenerationTables(number).point_views(connection)
