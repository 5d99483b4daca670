"""Our indexes, and their writing with the events that are appended."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from regulars.adapters.indexes.consents import CONSENTS
from regulars.adapters.indexes.firms import FIRMS
from regulars.adapters.indexes.forgotten import FORGOTTEN
from regulars.adapters.indexes.index import OWNER, Added, Change, Changed, Digest, Index, Removed, Values
from regulars.adapters.indexes.links import LINKS
from regulars.adapters.indexes.look_ups import LOOK_UPS
from regulars.adapters.indexes.referrals import REFERRALS
from regulars.adapters.sql.statement import Statement
from regulars.crm_domain.event import Event, Recorded

#: Those that decide whose events are folded together come first: they are put right before anything is folded.
INDEXES: tuple[Index, ...] = (LINKS, CONSENTS, FORGOTTEN, FIRMS, REFERRALS, LOOK_UPS)


class IndexWriter:
    """Writes the changes of one index; `insert` is the INSERT of a row of its table."""

    def __init__(self, connection: Connection, table: sa.Table, insert: Statement) -> None:
        self._connection = connection
        self._table = table
        self._insert = insert
        self._added: list[dict[str, str | int | None]] = []

    def write(self, index: Index, recorded: Sequence[Recorded[Event]], digest: Digest) -> None:
        """Write the changes of some events, in order of position."""
        for each in recorded:
            if type(each.event) in index.handles:
                for change in index.changes(each, digest):
                    self._take(each.customer_id, change)
        self._flush()

    def _take(self, customer_id: str, change: Change) -> None:
        match change:
            case Added(values=values):
                self._added.append({OWNER: customer_id, **values})
            case Changed(where=where, values=values):
                self._flush()
                theirs = self._table.update().where(self._condition(customer_id, where))
                self._connection.execute(theirs.values(dict(values)))
            case Removed(where=where):
                self._flush()
                self._connection.execute(self._table.delete().where(self._condition(customer_id, where)))

    def _flush(self) -> None:
        """Insert the rows added so far, as the next change may concern them."""
        if self._added:
            self._insert.many(self._connection, self._added)
            self._added = []

    def _condition(self, customer_id: str, where: Values) -> sa.ColumnElement[bool]:
        columns = self._table.c
        return sa.and_(columns[OWNER] == customer_id, *(columns[name] == value for name, value in where.items()))
