"""The steps of a score: neighbouring intervals that differ in the score alone are packed into one row, and their steps
stored in a table whose primary key has the highest score first.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from regulars.adapters.read_models.updates import Update
from regulars.adapters.read_models.writing_rows import insert_rows
from regulars.adapters.schema.builds import ProjectionTables, Row, joined_steps
from regulars.adapters.sql.chunks import chunks
from regulars.projections.verdict import Interval


def save_packed(connection: Connection, projection: ProjectionTables, updates: Sequence[Update]) -> None:
    """Store new intervals; a stored row that reaches the first of them is packed again together with them."""
    table, name = projection.intervals, projection.name
    newer = {each.customer: each.timelines[name] for each in updates}
    since = {
        each.customer: each.timelines[name][0].valid_from for each in updates if each.known and newer[each.customer]
    }
    stored = stored_steps(connection, projection, since, since)
    for customer, steps in stored.items():
        newer[customer] = joined_steps(steps, newer[customer])
    outdated = [{"id": customer, "since": steps[0].valid_from} for customer, steps in stored.items() if steps]
    if outdated:
        theirs = sa.and_(table.c.customer == sa.bindparam("id"), table.c.valid_from >= sa.bindparam("since"))
        connection.execute(table.delete().where(theirs), outdated)
        delete_steps(connection, projection, stored)
    insert_rows(connection, table, [row for each, steps in newer.items() for row in projection.rows(each, steps)])
    insert_steps(connection, projection, newer)


def stored_steps(
    connection: Connection,
    projection: ProjectionTables,
    customers: Iterable[int],
    since: Mapping[int, int] | None = None,
) -> dict[int, list[Interval]]:
    """The stored steps of some customers: all, or those of rows that end at an instant or later."""
    table, since = projection.intervals, since or {}
    found: dict[int, list[Interval]] = {}
    for chunk in chunks(customers):
        earliest = min((since.get(each, 0) for each in chunk), default=0)
        theirs = sa.and_(table.c.customer.in_(chunk), table.c.valid_to >= earliest)
        for row in connection.execute(sa.select(table).where(theirs).order_by(*table.primary_key)):
            if row.valid_to >= since.get(row.customer, row.valid_to):
                found.setdefault(row.customer, []).extend(projection.read([row]))
    return found


def insert_steps(connection: Connection, projection: ProjectionTables, steps: Mapping[int, Sequence[Interval]]) -> None:
    """Insert the steps of some customers' intervals."""
    assert projection.steps is not None
    rows = [row for customer, each in steps.items() for row in projection.step_rows(customer, each)]
    insert_rows(connection, projection.steps, rows)
    note_earliest(connection, projection, rows)


def delete_steps(connection: Connection, projection: ProjectionTables, steps: Mapping[int, Sequence[Interval]]) -> None:
    """Delete the steps of some customers' intervals."""
    table = projection.steps
    assert table is not None
    rows = [row for customer, each in steps.items() for row in projection.step_rows(customer, each)]
    names = ("score", "id", "since")
    gone = [dict(zip(names, row, strict=False)) for row in rows]
    if gone:
        this = (column == sa.bindparam(name) for column, name in zip(table.primary_key, names, strict=True))
        connection.execute(table.delete().where(*this), gone)


def note_earliest(connection: Connection, projection: ProjectionTables, rows: Iterable[Row]) -> None:
    """Keep for every score the earliest instant at which any customer has it, as a lower bound for queries."""
    table, earliest = projection.earliest, dict[int, int]()
    assert table is not None
    for minus_score, _, valid_from, _ in rows:
        earliest[minus_score] = min(valid_from, earliest.get(minus_score, valid_from))
    known = dict(map(tuple, connection.execute(sa.select(table)))) if earliest else {}
    for minus_score, valid_from in sorted(earliest.items()):
        if minus_score not in known:
            connection.execute(table.insert(), {"minus_score": minus_score, "valid_from": valid_from})
        elif valid_from < known[minus_score]:
            ours = table.c.minus_score == minus_score
            connection.execute(table.update().where(ours).values(valid_from=valid_from))


def note_earliest_of_all(connection: Connection, projection: ProjectionTables) -> None:
    """Compute for every score the earliest instant at which a customer has it."""
    table = projection.earliest
    assert table is not None
    connection.execute(table.delete())
    connection.execute(table.insert().from_select(table.c.keys(), projection.earliest_steps()))
