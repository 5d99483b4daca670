"""Restoring a backup, and forgetting again those who were forgotten since it was made."""

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
    """What was restored: how many events the store has, and who was forgotten again in it.

    `listed` is how many the list named who were forgotten since, None where no list was given. `records` says what a
    sample of the records is like.
    `listed` is how many the list named who were forgotten since, None where no list was given. `reasons_dropped` counts
    the reasons of that list which were not kept, as what the backup knows of those people makes them name them.
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
    """Bring a backup back as a store in a new file, checked, and forget in it again who was forgotten since.

    `backup` is a file that `Regulars.backup` made. `erased` are the ids of those who were forgotten, with the reasons:
    `read_erased` has them from a store or a list. Without it, whoever was forgotten since is known again. They are
    forgotten by events of their own, as `actor`. The master key is that of when the backup was made, `extensions` are
    those of `open`.

    Raises NotFound and StoreUnusable for what is missing, damaged or no store, and where the target exists. All of it
    is there in the end, or nothing.
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
