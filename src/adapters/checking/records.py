"""Checking the records: comparing with the log all that is stored beside it, but for read models; and the database's
own integrity check.
"""

from __future__ import annotations

from itertools import chain
from typing import Any

import sqlalchemy as sa

from regulars.adapters.checking.currency import check_currency, select_amounts
from regulars.adapters.checking.indexes import check_indexes
from regulars.adapters.checking.keys import check_keys, check_some_keys, registrations
from regulars.adapters.checking.outcomes import check_outcomes, check_some_outcomes, select_by_command
from regulars.adapters.checking.result import Findings, NotCovered, RecordCheck
from regulars.adapters.checking.rules import check_rules
from regulars.adapters.checking.soundness import check_soundness
from regulars.adapters.extensions.extended import MissingExtension
from regulars.adapters.sql.chunks import spread
from regulars.adapters.store.store import Store

#: The size of a sample: customers, amounts, and events of commands.
SAMPLE = 1_000

_NEVER = (
    NotCovered("rows in quarantine", "no event tells of them"),
    NotCovered("settings, views", "those aside that are named here, and the founding rules of a sealed store"),
)


def check_records(store: Store) -> RecordCheck:
    """Check all records in one snapshot. Nothing is changed."""
    with store.reading() as tx:
        findings = [
            check_rules(store.schema, tx.connection),
            check_keys(store, tx),
            *check_indexes(store, tx),
            check_currency(store, tx),
            check_outcomes(store.schema, tx.connection),
        ]
    return _sum(store, [*findings, check_soundness(store.database, store.schema)])


def check_sample(store: Store) -> RecordCheck:
    """Check a sample, spread evenly over the log, and the number of keys: quick in a store of any size."""
    with store.reading() as tx:
        events = store.schema.events
        newest = tx.connection.scalar(sa.select(sa.func.max(events.c.position))) or 0

        def some(statement: sa.Select[Any]) -> list[sa.Row[Any]]:
            return list(spread(tx.connection, statement, events.c.position, newest, SAMPLE))

        customer_ids = [row.stream_id for row in some(registrations(events))]
        findings = [
            check_rules(store.schema, tx.connection),
            check_some_keys(store, tx, customer_ids),
            *check_indexes(store, tx, customer_ids),
            check_currency(store, tx, some(select_amounts(events))),
            check_some_outcomes(store.schema, tx.connection, some(select_by_command(events))),
        ]
    return _sum(store, findings)


def _sum(store: Store, findings: list[Findings]) -> RecordCheck:
    missing = (MissingExtension(each.name) for each in store.extended.missing)
    return RecordCheck(
        compared=tuple(each.compared for each in findings),
        faults=tuple(chain.from_iterable(each.faults for each in findings)),
        not_covered=(
            *chain.from_iterable(each.not_covered for each in findings),
            *(NotCovered(f"what belongs to {each.name}", str(each)) for each in missing),
            *_NEVER,
        ),
    )
