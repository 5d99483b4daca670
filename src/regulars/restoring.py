"""Restoring a backup, and forgetting again the customers who were forgotten since it was made."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

from regulars.adapters.checking.records import check_sample
from regulars.adapters.checking.result import RecordCheck
from regulars.adapters.extensions.extension import Extension
from regulars.adapters.moving.restoring import restoring
from regulars.crm_domain.command import CustomerId
from regulars.opening import OnStale
from regulars.opening import open as open_store
from regulars.session.clock import Clock, system_clock

Target = str | os.PathLike[str]


class Restoration(Struct, frozen=True, kw_only=True):
    """The result of a restore: how many events the store has, and the customers who were forgotten again in it.

    `listed` is how many forgotten customers the list had, None where no list was given. `records` is the check of a
    sample of the records. `reasons_dropped` counts the reasons of the list that were not kept, because they name a
    customer by details that the backup has.
    """

    events: int
    forgotten: tuple[CustomerId, ...]
    listed: int | None
    records: RecordCheck
    reasons_dropped: int = 0


def restore(
    backup: Target,
    target: Target,
    *,
    erased: Mapping[str, str | None] | None = None,
    actor: str = "unknown",
    clock: Clock = system_clock,
    on_stale: OnStale = "warn",
    master_key: bytes | str | None = None,
    extensions: tuple[Extension, ...] = (),
) -> Restoration:
    """Restore a backup as a store in a new file, check it, and forget again the customers who were forgotten since.

    `backup` is a file that `Regulars.backup` made. `erased` are the ids of forgotten customers, with the reasons:
    `read_erased` reads them from a store or a list. Without it, the personal data of customers who were forgotten after
    the backup was made is readable again. They are forgotten by new events, as `actor`. The master key is that of when
    the backup was made, `extensions` are those of `open`.

    Raises NotFound and StoreUnusable for a backup that is missing, damaged or no store, and where the target exists.
    The target appears complete or not at all.
    """
    with (
        restoring(backup, Path(target)) as unfinished,
        open_store(
            unfinished,
            actor=actor,
            clock=clock,
            on_stale=on_stale,
            master_key=master_key,
            extensions=extensions,
        ) as crm,
    ):
        forgetting = crm.forget_again(erased or {})
        events, records = crm.status().events, check_sample(crm._store)
    return Restoration(
        events=events,
        forgotten=forgetting.customer_ids,
        listed=None if erased is None else len(erased),
        records=records,
        reasons_dropped=forgetting.reasons_dropped,
    )
