"""The steps of a score: neighbouring intervals that differ in the score alone are packed into one row, and their steps
stored in a table whose primary key has the highest score first.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy.engine import Connection

from regulars.adapters.read_models.build_statements import BuildStatements
from regulars.adapters.schema.builds import ProjectionTables, Row, joined_steps
from regulars.projections.verdict import Interval


def save_packed(
    connection: Connection,
    statements: BuildStatements,
    projection: ProjectionTables,
    newer: Mapping[int, Sequence[Interval]],
    since: Mapping[int, int],
) -> None:
    """Store new intervals of some customers; a stored row that reaches the first of them, which begins at `since`, is
    packed again together with them.
    """
    name, stored = projection.name, stored_steps(connection, statements, projection, since, since)
    newer = {**newer, **{each: joined_steps(steps, newer[each]) for each, steps in stored.items()}}
    outdated = [{"id": customer, "since": steps[0].valid_from} for customer, steps in stored.items() if steps]
    statements.outdated[name].many(connection, outdated)
    rows = [row for each, steps in newer.items() for row in projection.rows(each, steps)]
    statements.insert(connection, projection.intervals, rows)
    _replace_steps(connection, statements, projection, stored, newer)


def stored_steps(
    connection: Connection,
    statements: BuildStatements,
    projection: ProjectionTables,
    customers: Iterable[int],
    since: Mapping[int, int] | None = None,
) -> dict[int, list[Interval]]:
    """The stored steps of some customers: all, or those of rows that end at an instant or later."""
    since, found = since or {}, dict[int, list[Interval]]()
    earliest = min(since.values(), default=0)
    for row in statements.packed[projection.name].all(connection, customers, earliest=earliest):
        customer, _, valid_to, *_ = row
        if valid_to >= since.get(customer, valid_to):
            found.setdefault(customer, []).extend(projection.read([row]))
    return found


def _replace_steps(
    connection: Connection,
    statements: BuildStatements,
    projection: ProjectionTables,
    old: Mapping[int, Sequence[Interval]],
    new: Mapping[int, Sequence[Interval]],
) -> None:
    """Replace the steps of some customers by others, in order of the table; those that stay are left alone."""
    assert projection.steps is not None
    gone, added = _rows_of(projection, old), _rows_of(projection, new)
    _delete(connection, statements, projection, gone - added)
    rows = sorted(added - gone)
    statements.insert(connection, projection.steps, rows)
    note_earliest(connection, statements, projection, rows)


def delete_steps(
    connection: Connection,
    statements: BuildStatements,
    projection: ProjectionTables,
    steps: Mapping[int, Sequence[Interval]],
) -> None:
    """Delete the steps of some customers' intervals."""
    _delete(connection, statements, projection, _rows_of(projection, steps))


def _delete(
    connection: Connection, statements: BuildStatements, projection: ProjectionTables, rows: Iterable[Row]
) -> None:
    assert projection.steps is not None
    statements.delete(connection, projection.steps, sorted(row[:-1] for row in rows))


def _rows_of(projection: ProjectionTables, steps: Mapping[int, Sequence[Interval]]) -> set[Row]:
    """The rows of some customers' steps."""
    return {row for customer, each in steps.items() for row in projection.step_rows(customer, each)}


def note_earliest(
    connection: Connection, statements: BuildStatements, projection: ProjectionTables, rows: Iterable[Row]
) -> None:
    """Keep for every score the earliest instant at which any customer has it, as a lower bound for queries."""
    table, earliest = projection.earliest, dict[int, int]()
    assert table is not None
    for minus_score, _, valid_from, _ in rows:
        earliest[minus_score] = min(valid_from, earliest.get(minus_score, valid_from))
    known: dict[int, int] = dict(statements.earliest[projection.name].all(connection, earliest))
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
