"""Repairing indexes: entries that differ are written again from the log.

1. Differences are looked for in a snapshot, while others write. The entries that are written follow from the log under
   the lock that excludes other writers, so no event that is appended meanwhile is lost.
2. An index is repaired in one transaction: an interruption leaves the old rows or the right ones.
3. Entries that can't be computed, as no key decrypts their events or an event can't be read, are left as they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from itertools import islice

from msgspec import Struct
from sqlalchemy.engine import Connection

from regulars.adapters.garbage_collection import collecting_seldom
from regulars.adapters.indexes.entries import Opening, compare, opening_nothing, repair_entries
from regulars.adapters.indexes.index import Index
from regulars.adapters.sql.chunks import CHUNK
from regulars.adapters.store.store import Store
from regulars.adapters.vault.cipher import Cipher, normalised
from regulars.crm_domain.errors import StoreUnusable


class Wrong(Struct, frozen=True):
    """An index that differs from the log for these customers; `whose` is None where they are many, or unknown."""

    index: Index
    whose: list[str] | None


def opening_for(store: Store, index: Index, country: str | None) -> Opening:
    """The ciphers and hashes for computing the entries of an index, under a default country of phone numbers.

    Raises StoreUnusable where this process can't.
    """
    if not index.is_keyed:
        return opening_nothing(store.codecs)
    store.access.require_keys()
    store.access.require_lookups()
    keyed = store.keyed

    def ciphers(connection: Connection, customer_ids: Iterable[str]) -> dict[str, Cipher]:
        found = {}
        for customer_id, key in store.statements.keys.all(connection, customer_ids):
            with suppress(StoreUnusable, TypeError):  # the latter where SQLite holds what isn't bytes
                found[customer_id] = Cipher(store.keyring.unwrap(key, customer_id))
        return found

    return Opening(store.codecs, ciphers, lambda kind, value: keyed(kind, normalised(kind, value, country)))


def find_wrong(store: Store, index: Index, whose: Sequence[str] | None = None) -> Wrong | None:
    """The customers whose entries in an index differ from the log, of all or of at most CHUNK ones; None where none
    differ.

    None also where this process can't tell, for lack of keys.
    """
    with store.reading() as tx, collecting_seldom():
        try:
            opening = opening_for(store, index, tx.country if index.is_keyed else None)
        except StoreUnusable:
            return None
        found = compare(tx.connection, store.schema, index, opening, whose)
        some = list(islice((each.customer_id for each in found if not each.are_right), CHUNK + 1))
    if not some:
        return None
    are_few = len(some) <= CHUNK and all(isinstance(each, str) for each in some)
    return Wrong(index, some if are_few else None)


def repair_index(store: Store, wrong: Wrong) -> int:
    """Repair an index, while other writers wait; how many rows were wrong.

    Where a wrong row of somebody else stands in the way of a right one, as a reference is unique, that of everybody.
    """
    index, schema = wrong.index, store.schema
    with store.writing(alone=True) as tx:
        opening = opening_for(store, index, tx.country if index.is_keyed else None)
        rows = repair_entries(tx.connection, schema, index, opening, wrong.whose)
        if wrong.whose is not None:
            left = compare(tx.connection, schema, index, opening, wrong.whose)
            if any(each.missing for each in left):
                rows += repair_entries(tx.connection, schema, index, opening)
        return rows
