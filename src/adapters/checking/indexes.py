"""Checking indexes: every customer's entries are those that follow from the log, and there are no others.

A keyed index is computed from decrypted events. Faults name the customer, and nothing personal.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain

from regulars.adapters.checking.repairing_indexes import opening_for
from regulars.adapters.checking.result import Findings
from regulars.adapters.indexes.entries import Opening, compare
from regulars.adapters.indexes.index import Index
from regulars.adapters.sql.chunks import chunks
from regulars.adapters.store.store import Store
from regulars.adapters.store.transaction import Transaction
from regulars.crm_domain.errors import StoreUnusable

_NO_KEY = "without a key they can't be computed"
_NO_RULES = "without the rules in force they can't be computed"


def check_indexes(store: Store, tx: Transaction, customer_ids: Iterable[str] | None = None) -> list[Findings]:
    """Compare each index with the log, of all customers or of some."""
    parts = [None] if customer_ids is None else list(chunks(customer_ids))
    return [_check(store, tx, index, parts) for index in store.statements.indexes]


def _check(store: Store, tx: Transaction, index: Index, parts: Sequence[list[str] | None]) -> Findings:
    findings, unknown = Findings(index.name), 0
    try:
        country = tx.country if index.is_keyed else None
    except StoreUnusable:
        findings.leave_out(f"{index.name}s", _NO_RULES)
        return findings
    opening = _opening(store, index, country, findings)
    if opening is None:
        findings.leave_out(f"{index.name}s", _NO_KEY)
        return findings
    compared = (compare(tx.connection, store.schema, index, opening, whose) for whose in parts)
    for entries in chain.from_iterable(compared):
        findings.count += len(entries.expected)
        if entries.unread is None:
            for fault in () if entries.are_right else index.faults(entries):
                findings.tell(f"id:{entries.customer_id}", fault)
        elif index.is_keyed:
            unknown += 1
        else:
            findings.tell(f"id:{entries.customer_id}", entries.unread)
    if unknown:
        findings.leave_out(f"{index.name}s of {unknown:,}", _NO_KEY)
    return findings


def _opening(store: Store, index: Index, country: str | None, findings: Findings) -> Opening | None:
    try:
        return opening_for(store, index, country)
    except StoreUnusable:
        if store.access.keys and store.access.lookups:
            findings.tell("the store", f"its own key for {index.name}s doesn't open")
        return None
