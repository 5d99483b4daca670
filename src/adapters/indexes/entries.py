"""The entries of an index: stored rows beside those that follow from the log, and their repair.

Both are read in order of customers, so no more is in memory than the rows of a few hundred customers.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from itertools import groupby, islice
from operator import itemgetter
from typing import Any

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from regulars.adapters.indexes.index import OWNER, Digest, Entries, Index, rows_after
from regulars.adapters.log.codec import CODECS, Codecs, tags_of
from regulars.adapters.log.event_log import EnvelopeMapper, checked
from regulars.adapters.schema.positions import drawn
from regulars.adapters.schema.tables import EVENT_COLUMNS, Schema
from regulars.adapters.sql.chunks import CHUNK
from regulars.adapters.sql.columns import as_stored
from regulars.adapters.sql.without_index import without_index
from regulars.adapters.vault.cipher import Cipher
from regulars.crm_domain.customer import PersonalDataErased
from regulars.crm_domain.errors import StoreUnusable

ROWS_AT_ONCE = 2_000

_ERASED = tags_of((PersonalDataErased,), CODECS)
_CUSTOMER, _TYPE, _SECRET = (EVENT_COLUMNS.index(each) for each in (OWNER, "type", "secret"))

_Rows = Sequence[Sequence[Any]]
_Key = tuple[int, Any]  # by which customers are in order
_Theirs = tuple[_Key, _Rows]

#: What comes after all customers.
_END: _Theirs = ((2, None), ())


class Opening(Struct, frozen=True):
    """What decrypts the events of an index: the ciphers of those customers, among some, whose keys can be had.

    `known` are the codecs of the store.
    """

    known: Codecs
    ciphers: Callable[[Connection, Iterable[str]], dict[str, Cipher]]
    digest: Digest


def opening_nothing(known: Codecs) -> Opening:
    """The opening of open indexes, which need no keys."""

    def digest(kind: str, value: str) -> str:
        raise AssertionError("an open index has no digests")

    return Opening(known, lambda _connection, _customer_ids: {}, digest)


def compare(
    connection: Connection, schema: Schema, index: Index, opening: Opening, whose: Sequence[str] | None = None
) -> Iterator[Entries]:
    """The entries of all customers, or of at most CHUNK ones, one after another.

    What is read was read before the first are given, so that the index may be changed in between.
    """
    told = _by_customer(_read_events(connection, schema, tags_of(index.handles, opening.known), whose), _CUSTOMER)
    table = schema.metadata.tables[index.table]
    stored = _by_customer(_read_index(connection, table, whose), table.c.keys().index(OWNER))
    together = _side_by_side(told, stored)
    while some := list(islice(together, CHUNK)):
        yield from _entries(connection, schema, index, opening, some)


def _by_customer(rows: Iterable[Sequence[Any]], place: int) -> Iterator[_Theirs]:
    """Each customer's rows; their id stands at a place of each."""
    for customer_id, theirs in groupby(rows, key=itemgetter(place)):
        yield _key(customer_id), list(theirs)


def _side_by_side(told: Iterator[_Theirs], stored: Iterator[_Theirs]) -> Iterator[tuple[Any, _Rows, _Rows]]:
    """Each customer's id, events and rows of the index; of either there may be none."""
    (teller, events), (owner, rows) = next(told, _END), next(stored, _END)
    while (customer := min(teller, owner)) != _END[0]:
        theirs: tuple[_Rows, _Rows] = (events if teller == customer else (), rows if owner == customer else ())
        yield customer[1], *theirs
        if teller == customer:
            teller, events = next(told, _END)
        if owner == customer:
            owner, rows = next(stored, _END)


def _read_events(
    connection: Connection, schema: Schema, tags: Collection[str], whose: Sequence[str] | None
) -> Iterator[Sequence[Any]]:
    events = schema.events
    ours: sa.ColumnElement[bool] = events.c.type.in_(tags)
    if whose is not None:
        ours = sa.and_(without_index(connection.dialect, events.c.type).in_(tags), events.c.customer_id.in_(whose))
    statement = sa.select(*(events.c[name] for name in EVENT_COLUMNS)).where(ours, drawn(events))
    return _streamed(connection, statement.order_by(_in_order(connection, events), events.c.position))


def _read_index(connection: Connection, table: sa.Table, whose: Sequence[str] | None) -> Iterator[Sequence[Any]]:
    statement = as_stored(table)
    if whose is not None:
        statement = statement.where(table.c[OWNER].in_(whose))
    return _streamed(connection, statement.order_by(_in_order(connection, table)))


def _streamed(connection: Connection, statement: sa.Select[Any]) -> Iterator[sa.Row[Any]]:
    with connection.execute(statement, execution_options={"yield_per": ROWS_AT_ONCE}) as found:
        for some in found.partitions():
            yield from some


def _in_order(connection: Connection, table: sa.Table) -> sa.ColumnElement[Any]:
    """A condition and an order that use no index: sorting all of a log is many times quicker than looking it up."""
    owner = table.c[OWNER]
    return without_index(connection.dialect, owner) if connection.dialect.name == "sqlite" else sa.collate(owner, "C")


def _key(customer_id: Any) -> _Key:
    """A sort key as SQLite orders values: bytes, which others may have written there, after all text."""
    return int(isinstance(customer_id, bytes)), customer_id


def _entries(
    connection: Connection, schema: Schema, index: Index, opening: Opening, some: Sequence[tuple[Any, _Rows, _Rows]]
) -> Iterator[Entries]:
    columns_of_index = schema.metadata.tables[index.table].c.keys()
    ciphers = (
        opening.ciphers(connection, (each for each, *_ in some if isinstance(each, str))) if index.is_keyed else {}
    )
    opened, shut = EnvelopeMapper(opening.known, ciphers), EnvelopeMapper(opening.known)
    for customer_id, events, rows in some:
        stored = tuple(map(tuple, rows))
        is_forgotten = any(row[_TYPE] in _ERASED for row in events)
        try:
            if index.is_keyed and not is_forgotten and customer_id not in ciphers:
                _require_open(events)
            mapper = shut if is_forgotten else opened
            told = tuple([mapper.recorded(checked(dict(zip(EVENT_COLUMNS, row, strict=True)))) for row in events])
        except StoreUnusable as error:
            yield Entries(customer_id=customer_id, stored=stored, unread=str(error))
        else:
            expected = rows_after(index, columns_of_index, told, opening.digest)
            yield Entries(customer_id=customer_id, told=told, expected=expected, stored=stored)


def _require_open(events: _Rows) -> None:
    """Raise StoreUnusable where an event has personal data and its key is missing."""
    if any(row[_SECRET] is not None for row in events):
        raise StoreUnusable("no key decrypts their personal data")


def repair_entries(
    connection: Connection,
    schema: Schema,
    index: Index,
    opening: Opening,
    whose: Sequence[str] | None = None,
) -> int:
    """Write the entries of all customers, or of at most CHUNK ones, as the log gives them; how many rows were wrong.

    Wrong rows are deleted first, as they may conflict with right ones: a reference is unique.
    """
    table = schema.metadata.tables[index.table]
    key = [column for column in table.c if column.primary_key]
    this = sa.and_(*(column == sa.bindparam(f"this_{column.name}") for column in key))
    places = [(place, f"this_{column.name}") for place, column in enumerate(table.c) if column.primary_key]
    wrong = 0

    def extra() -> Iterator[dict[str, Any]]:
        nonlocal wrong
        for each in compare(connection, schema, index, opening, whose):
            wrong += len({tuple(row[place] for place, _ in places) for row in each.missing | each.extra})
            yield from ({name: row[place] for place, name in places} for row in each.extra)

    def missing() -> Iterator[dict[str, Any]]:
        for each in compare(connection, schema, index, opening, whose):
            yield from (dict(zip(table.c.keys(), row, strict=True)) for row in each.missing)

    for rows in _batches(extra()):
        connection.execute(table.delete().where(this), rows)
    if not wrong:
        return 0
    # Where another row still conflicts, as its owner can't be told, the next comparison reports it.
    insert = (sqlite if connection.dialect.name == "sqlite" else postgresql).insert(table).on_conflict_do_nothing()
    for rows in _batches(missing()):
        connection.execute(insert, rows)
    return wrong


def _batches(rows: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    rest = iter(rows)
    while some := list(islice(rest, CHUNK)):
        yield some
