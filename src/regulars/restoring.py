"""Restoring a backup, and forgetting again the customers who were forgotten since it was made."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from msgspec import Struct

from regulars.adapters.checking.records import check_sample
from regulars.adapters.checking.result import RecordCheck
from regulars.adapters.extensions.extension import Extension
from regulars.adapters.moving.completing import Completed, complete
from regulars.adapters.moving.restoring import restoring
from regulars.adapters.store.store import Store
from regulars.adapters.vault.keyring import MasterKey
from regulars.crm_domain.command import CustomerId
from regulars.hooks.hooks import switch_off_restored
from regulars.opening import OnStale
from regulars.opening import open as open_store
from regulars.session.clock import Clock, system_clock

Target = str | os.PathLike[str]


class Restoration(Struct, frozen=True, kw_only=True):
    """The result of a restore: how many events the store has, and the customers who were forgotten again in it.

    `listed` is how many forgotten customers the list had, None where no list was given. `records` is the check of a
    sample of the records. `reasons_dropped` counts the reasons of the list that were not kept, because they name a
    customer by details that the backup has. `added` is how many of the events came from an archive, and `without_key`
    how many customers among them were registered after the backup, so that no key reads their personal data.
    """

    events: int
    forgotten: tuple[CustomerId, ...]
    listed: int | None
    records: RecordCheck
    reasons_dropped: int = 0
    added: int = 0
    without_key: int = 0


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
    archive: Target | None = None,
) -> Restoration:
    """Restore a backup as a store in a new file, check it, and forget again the customers who were forgotten since.

    `backup` is a file that `Regulars.backup` made. `erased` are the ids of forgotten customers, with the reasons:
    `read_erased` reads them from a store or a list. Without it, the personal data of customers who were forgotten after
    the backup was made is readable again. They are forgotten by new events, as `actor`. Hooks are switched off: what
    the backup still had to post may have been posted since. The master key is that of when the backup was made,
    `extensions` are those of `open`. From `archive`, the folder that `Regulars.archive` wrote, come the events that
    were recorded after the backup.

    Raises NotFound and StoreUnusable for a backup that is missing, damaged or no store, for an archive that is that,
    isn't whole or belongs to another store, and where the target exists.
    The target appears complete or not at all.
    """
    completed = Completed(added=0, without_key=0)
    with restoring(backup, Path(target)) as unfinished:
        if archive is not None:
            completed = _completed(unfinished, archive, master_key, extensions)
        with open_store(
            unfinished,
            actor=actor,
            clock=clock,
            on_stale=on_stale,
            master_key=master_key,
            extensions=extensions,
        ) as crm:
            crm.tokens.revoke_all()  # one that was revoked since the backup would be in force again
            crm.web_sessions.end_all()
            crm.users.disable_all()
            crm.calendar_feeds.revoke_all()
            forgetting = crm.forget_again(erased or {})
            switch_off_restored(crm._session)
            events, records = crm.status().events, check_sample(crm._store)
    return Restoration(
        events=events,
        forgotten=forgetting.customer_ids,
        listed=None if erased is None else len(erased),
        records=records,
        reasons_dropped=forgetting.reasons_dropped,
        added=completed.added,
        without_key=completed.without_key,
    )


def _completed(
    restored: Path, archive: Target, master_key: bytes | str | None, extensions: tuple[Extension, ...]
) -> Completed:
    master = None if master_key is None else MasterKey(master_key)
    with closing(Store(restored, master_key=master, extensions=extensions)) as store:
        store.keyring.require_master()
        return complete(store, archive)
