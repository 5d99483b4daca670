"""What is stored and can't be read: each is a sentence that says what it is, and what mends it."""

from __future__ import annotations

from regulars.crm_domain.errors import StoreUnusable

FROM_A_BACKUP = "a backup has it as it was"
BY_A_REBUILD = "`regulars rebuild` folds it anew from the log, and `regulars prune` drops what was built for a question"


class Damaged(StoreUnusable):
    """Something isn't what we stored: SQLite keeps whatever others write past us, and any value can be changed."""


class DamagedReadModels(Damaged):
    """Read models that can't be read or gone on with, or aren't what the events say: the log has what they lost."""
