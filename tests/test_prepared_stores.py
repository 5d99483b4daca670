"""The empty stores that tests begin with are like those that `regulars.open` makes, and share no key."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from databases import KEYS, long_ago
from regulars import Regulars
from shops import Rows, everything_of, fresh_store, opened, room_for_a_store

KINDS = pytest.mark.parametrize("kind", ["sqlite", "postgres"])


def without_keys(rows: Rows) -> Rows:
    settings = [row for row in rows["regulars_settings"] if row[0] not in KEYS]
    return rows | {"regulars_settings": settings}


def keys(crm: Regulars) -> dict[str, bytes]:
    return {name: bytes(value) for name, value in everything_of(crm)["regulars_settings"] if name in KEYS}


def schema(crm: Regulars) -> dict[str, object]:
    """The columns and indexes of every table, and every view."""
    with crm._store.reading() as tx:
        found = sa.inspect(tx.connection)
        tables = {name: (_columns(found, name), _indexes(found, name)) for name in found.get_table_names()}
        return tables | {name: found.get_view_definition(name) for name in found.get_view_names()}


def _indexes(found: sa.Inspector, table: str) -> list[tuple[object, ...]]:
    indexes = found.get_indexes(table)
    return [
        (
            each["name"],
            each["unique"],
            each["column_names"],
            {name: str(of) for name, of in each["dialect_options"].items()},
        )
        for each in indexes
    ]


def _columns(found: sa.Inspector, table: str) -> list[tuple[str, str, bool, object]]:
    key = found.get_pk_constraint(table)["constrained_columns"]
    return [
        (each["name"], str(each["type"]), each["nullable"], each["name"] in key) for each in found.get_columns(table)
    ]


@KINDS
def test_a_prepared_store_is_as_if_it_had_just_been_made(kind: str, postgres_url: str) -> None:
    with (
        fresh_store(kind, postgres_url) as prepared,
        room_for_a_store(kind, postgres_url) as room,
        opened(prepared, long_ago) as ready,
        opened(room, long_ago) as made,
    ):
        assert schema(ready) == schema(made)
        assert without_keys(everything_of(ready)) == without_keys(everything_of(made))


@KINDS
def test_no_two_prepared_stores_have_a_key_in_common(kind: str, postgres_url: str) -> None:
    with (
        fresh_store(kind, postgres_url) as one,
        fresh_store(kind, postgres_url) as other,
        opened(one, long_ago) as ours,
        opened(other, long_ago) as theirs,
    ):
        assert keys(ours).keys() == keys(theirs).keys() == set(KEYS)
        assert not set(keys(ours).values()) & set(keys(theirs).values())


@KINDS
def test_what_two_new_stores_differ_by_is_their_keys(kind: str, postgres_url: str) -> None:
    """So that nothing else of what a store draws when it is made is in all of the copies."""
    with (
        room_for_a_store(kind, postgres_url) as one,
        room_for_a_store(kind, postgres_url) as other,
        opened(one, long_ago) as ours,
        opened(other, long_ago) as theirs,
    ):
        assert without_keys(everything_of(ours)) == without_keys(everything_of(theirs))
