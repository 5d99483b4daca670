"""The statements that read and append events with every command, rendered once for each store that is opened."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import sqlalchemy as sa

from regulars.adapters.log.appending import Appending
from regulars.adapters.log.codec import Codecs
from regulars.adapters.schema.tables import EVENT_COLUMNS, Schema
from regulars.adapters.sql.statement import Among
from regulars.adapters.vault.access import Access


class LogStatements:
    """The log's statements. They ask no table that this role may not read: without keys no personal data is decrypted.

    `codecs` are those of the events that this store may have.
    """

    def __init__(self, schema: Schema, dialect: sa.Dialect, access: Access, codecs: Codecs) -> None:
        self.schema = schema
        self.access = access
        self.codecs = codecs
        self._dialect = dialect

    @cached_property
    def appending(self) -> Appending:
        """Append events."""
        return Appending(self.schema.events, self._dialect)

    @cached_property
    def streams(self) -> Among:
        """The events of some streams by stream and version: EVENT_COLUMNS, and the customer's key beside a secret."""
        events, keys = self.schema.events, self.schema.keys
        key: sa.ColumnElement[Any] = sa.null()
        if self.access.keys:
            theirs = sa.select(keys.c.key).where(keys.c.customer_id == events.c.customer_id)
            key = sa.case((events.c.secret.is_not(None), theirs.scalar_subquery()))
        columns = (*(events.c[name] for name in EVENT_COLUMNS), key)
        select = sa.select(*columns).order_by(events.c.stream_id, events.c.version)
        return Among(self._dialect, select, events.c.stream_id)

    @cached_property
    def keys(self) -> Among:
        """The ids and encrypted keys of those customers, among some, who are not forgotten."""
        keys, events = self.schema.keys, self.schema.events
        if not self.access.keys:
            nobody = sa.select(events.c.customer_id, sa.null()).where(sa.false())
            return Among(self._dialect, nobody, events.c.customer_id)
        return Among(self._dialect, sa.select(keys.c.customer_id, keys.c.key), keys.c.customer_id)
