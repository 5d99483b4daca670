"""Key rotation: every key is wrapped by another master key in one transaction, and the old form is erased."""

from __future__ import annotations

import sqlalchemy as sa

from regulars.adapters.progress import Progress
from regulars.adapters.sql.chunks import pages
from regulars.adapters.store.store import Store
from regulars.adapters.store.transaction import Transaction
from regulars.adapters.vault.erasing import mark
from regulars.adapters.vault.keyring import CHECK, OWN_KEYS, Keyring, MasterKey, wrapped_by, wrapped_settings

_AT_ONCE = 1_000


def rotate(store: Store, new: MasterKey | None, on_progress: Progress | None = None) -> int:
    """Wrap all keys of a store by another master key, or by none; the number of customers' keys.

    `on_progress` is called with (customers' keys wrapped so far, keys there are). Other writers wait meanwhile.
    Processes that have the store open must open it again; until then they refuse whatever needs a key.
    """
    with store.writing(alone=True) as tx:
        store.keyring.require_unchanged(tx.connection, store.statements.check_value)
        count = _wrap_customers_keys(store, tx, new, on_progress)
        settings = _wrap_own_keys(store, tx, new)
        mark(tx.connection, store.schema)
    store.keyring = Keyring(settings, new)
    store.destroy_traces()
    return count


def _wrap_customers_keys(store: Store, tx: Transaction, new: MasterKey | None, on_progress: Progress | None) -> int:
    keys = store.schema.keys
    update = keys.update().where(keys.c.customer_id == sa.bindparam("whose")).values(key=sa.bindparam("wrapped"))
    total = tx.connection.scalar(sa.select(sa.func.count()).select_from(keys)) or 0
    count = 0
    for rows in pages(tx.connection, sa.select(keys), keys.c.customer_id, _AT_ONCE):
        plain = ((row.customer_id, store.keyring.unwrap(row.key, row.customer_id)) for row in rows)
        wrapped = [{"whose": each, "wrapped": wrapped_by(new, key, each)} for each, key in plain]
        tx.connection.execute(update, wrapped)
        count += len(rows)
        if on_progress:
            on_progress(count, total)
    return count


def _wrap_own_keys(store: Store, tx: Transaction, new: MasterKey | None) -> dict[str, bytes]:
    own, settings = store.keyring.own_keys(), store.schema.settings
    changed = own if new is None else wrapped_settings(own, new)
    tx.connection.execute(settings.delete().where(settings.c.name.in_((*OWN_KEYS, CHECK))))
    tx.connection.execute(settings.insert(), [{"name": name, "value": value} for name, value in changed.items()])
    return changed
