"""Verifying read models on a cluster: it folds an archive to fingerprints, to compare with those of the stored rows."""

from __future__ import annotations

import os
from collections.abc import Iterable

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from regulars.adapters.cluster.folding import FINGERPRINTS, fingerprint_batches
from regulars.adapters.cluster.job import carried_out, job
from regulars.adapters.cluster.rebuilding import archived, task_of
from regulars.adapters.cluster.session import spark_session
from regulars.adapters.read_models.rows import ReadModels
from regulars.adapters.read_models.verifying import (
    MAX_DIFFERENCES,
    Difference,
    Fingerprint,
    Verification,
    added_up,
    fingerprint_of,
    projection_of,
)
from regulars.adapters.store.store import Store
from regulars.crm_domain.errors import StoreUnusable
from regulars.projections.rules.compiled import Rules

NOTHING = Fingerprint(0, 0)

_fingerprints = msgspec.msgpack.Decoder(dict[str, tuple[int, str]])


def verify_on(
    store: Store, models: ReadModels, rules: Rules, master: str, folder: str | os.PathLike[str] | None
) -> Verification:
    """Compare the fingerprints of stored read models, by projection, with those of an archive that a cluster folds.

    Raises StoreUnusable where the archive ends before the read models' checkpoint, where builds of theirs have come
    less far than others, and as `archived` and `spark_session` do.
    """
    with archived(store, master, folder) as found, spark_session(master) as session, store.reading() as tx:
        checkpoint = models.checkpoint(tx.connection)
        if len(models.level(tx.connection)) > 1:
            raise StoreUnusable("some read models have come less far than others; `regulars rebuild` brings them level")
        if found.until < checkpoint:
            raise StoreUnusable(
                f"the archive in {found.folder} ends at event #{found.until}, and the read models have folded up to "
                f"#{checkpoint}; `regulars archive` adds what is new"
            )
        records = []
        if checkpoint:
            task = task_of(store, found, models, rules, checkpoint)
            prints = job(session, found, task, fingerprint_batches, FINGERPRINTS, until=checkpoint)
            records = carried_out(prints.collect)
        for each in records:
            if each.refused is not None:
                raise StoreUnusable(each.refused)
        folded = _by_projection(bytes(each.fingerprints) for each in records)
        stored = _stored(models, tx.connection)
        steps = {projection_of(each.steps) for each in models.tables.projections.values() if each.steps is not None}
        differences = tuple(_difference(name, stored[name], folded.get(name, NOTHING)) for name in sorted(stored))
        return Verification(
            checkpoint=checkpoint,
            builds=models.builds,
            customers=sum(each.customers for each in records),
            stored=added_up(each for name, each in stored.items() if name not in steps),
            folded=added_up(each for name, each in folded.items() if name not in steps),
            different=sum(each is not None for each in differences),
            differences=tuple(each for each in differences if each is not None)[:MAX_DIFFERENCES],
            parked=tuple(models.parked(tx.connection).values()),
        )


def _by_projection(packed: Iterable[bytes]) -> dict[str, Fingerprint]:
    found: dict[str, list[Fingerprint]] = {}
    for each in packed:
        for name, (rows, total) in _fingerprints.decode(each).items():
            found.setdefault(name, []).append(Fingerprint(rows, int(total, 16)))
    return {name: added_up(some) for name, some in found.items()}


def _stored(models: ReadModels, connection: Connection) -> dict[str, Fingerprint]:
    """The fingerprint of each table, but for bounds, which may be lower than they need to be."""
    bounds = {each.earliest for each in models.tables.projections.values()}
    tables: list[sa.Table] = [each for each in models.tables.tables if each not in bounds]
    return {projection_of(each): fingerprint_of(connection, each) for each in tables}


def _difference(projection: str, stored: Fingerprint, folded: Fingerprint) -> Difference | None:
    if stored == folded:
        return None
    return Difference(projection, "all its rows", ("fingerprint",), (str(stored),), (str(folded),))
