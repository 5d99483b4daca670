"""Errors for stored data that can't be read: each says what is damaged, and the remedy."""

from __future__ import annotations

from regulars.crm_domain.errors import StoreUnusable

FROM_A_BACKUP = "a backup has it as it was"
BY_A_REBUILD = "`regulars rebuild` folds the log again, and `regulars prune` drops what was built for a question"


class Damaged(StoreUnusable):
    """Stored data is not what we wrote: SQLite takes whatever others write there, and any value can be changed."""


class DamagedReadModels(Damaged):
    """Read models that can't be read or resumed, or differ from the log; they can be rebuilt from it."""
