"""The statements that read and append events with every command, rendered once for all stores of a kind."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cached_property
from typing import Any

import sqlalchemy as sa

from regulars.adapters.log.appending import Appending
from regulars.adapters.log.codec import CODECS, tags_of
from regulars.adapters.schema.positions import drawn, settled
from regulars.adapters.schema.tables import EVENT_COLUMNS, Schema
from regulars.adapters.sql.statement import Among, Statement
from regulars.adapters.sql.without_index import without_index
from regulars.adapters.vault.access import Access
from regulars.crm_domain.customer import ContactDetailsChanged, CustomerRegistered

#: The types of the events with names and contact data.
CONTACT_TYPES = tags_of((CustomerRegistered, ContactDetailsChanged), CODECS)


def history_columns(events: sa.Table) -> tuple[sa.Column[Any], ...]:
    """The columns of a fold's rows."""
    wanted = (events.c.position, events.c.stream_id, events.c.customer_id, events.c.occurred_at, events.c.type)
    return *wanted, events.c.payload


def literals(tags: Iterable[str]) -> list[sa.ColumnElement[str]]:
    """The types of some events of ours, as they stand in the text of a statement."""
    return [sa.literal_column(f"'{tag}'") for tag in sorted(tags)]


class LogStatements:
    """The log's statements. They ask no table that this role may not read: without keys no secret is decrypted."""

    def __init__(self, schema: Schema, dialect: sa.Dialect, access: Access) -> None:
        self.schema = schema
        self.access = access
        self._dialect = dialect

    @cached_property
    def appending(self) -> Appending:
        """Append events."""
        return Appending(self.schema.events, self._dialect)

    @cached_property
    def streams(self) -> Among:
        """The events of some streams by stream and version: EVENT_COLUMNS, and the customer's key beside a secret."""
        return self._streams()

    @cached_property
    def contact(self) -> Among:
        """The same of the events with names and contact data."""
        of_contact = without_index(self._dialect, self.schema.events.c.type).in_(literals(CONTACT_TYPES))
        return self._streams(of_contact)

    def _streams(self, *conditions: sa.ColumnElement[bool]) -> Among:
        events, keys = self.schema.events, self.schema.keys
        key: sa.ColumnElement[Any] = sa.null()
        if self.access.keys:
            theirs = sa.select(keys.c.key).where(keys.c.customer_id == events.c.customer_id)
            key = sa.case((events.c.secret.is_not(None), theirs.scalar_subquery()))
        columns = (*(events.c[name] for name in EVENT_COLUMNS), key)
        select = sa.select(*columns).where(*conditions).order_by(events.c.stream_id, events.c.version)
        return Among(self._dialect, select, events.c.stream_id)

    @cached_property
    def told(self) -> Among:
        """The `history_columns` of some customers' events at positions in (`after`, `until`], in that order."""
        return Among(self._dialect, self._told(drawn), self.schema.events.c.customer_id)

    @cached_property
    def waiting(self) -> Statement:
        """The same of the first `limit` settled events of everybody."""
        return Statement(self._told(settled).limit(sa.bindparam("limit")), self._dialect)

    @cached_property
    def recorded(self) -> Statement:
        """EVENT_COLUMNS of the first `limit` settled events `after` a position, in that order."""
        events = self.schema.events
        columns = (events.c[name] for name in EVENT_COLUMNS)
        later = sa.and_(events.c.position > sa.bindparam("after"), settled(events))
        select = sa.select(*columns).where(later).order_by(events.c.position).limit(sa.bindparam("limit"))
        return Statement(select, self._dialect)

    def _told(self, are_read: Callable[[sa.Table], sa.ColumnElement[bool]]) -> sa.Select[Any]:
        events = self.schema.events
        position = events.c.position
        in_range = sa.and_(position > sa.bindparam("after"), position <= sa.bindparam("until"), are_read(events))
        return sa.select(*history_columns(events)).where(in_range).order_by(position)

    @cached_property
    def version_of(self) -> Statement:
        """The version of a stream `id`; None where there is none."""
        events = self.schema.events
        return Statement(
            sa.select(sa.func.max(events.c.version)).where(events.c.stream_id == sa.bindparam("id")), self._dialect
        )

    @cached_property
    def keys(self) -> Among:
        """The ids and encrypted keys of those customers, among some, who are not forgotten."""
        keys, events = self.schema.keys, self.schema.events
        if not self.access.keys:
            nobody = sa.select(events.c.customer_id, sa.null()).where(sa.false())
            return Among(self._dialect, nobody, events.c.customer_id)
        return Among(self._dialect, sa.select(keys.c.customer_id, keys.c.key), keys.c.customer_id)
