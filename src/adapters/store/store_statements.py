"""The statements that run with every command, rendered once for all stores of a kind."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property, lru_cache

import sqlalchemy as sa

from regulars.adapters.indexes.index import Index
from regulars.adapters.indexes.links import changed_links, link_columns
from regulars.adapters.indexes.look_ups import is_present
from regulars.adapters.log.codec import CODECS, tags_of
from regulars.adapters.log.log_statements import LogStatements, literals
from regulars.adapters.schema.tables import CURRENCY, LIVE_GENERATION, Schema
from regulars.adapters.sql.columns import unchecked
from regulars.adapters.sql.statement import Among, Statement, insertion
from regulars.adapters.vault.access import Access
from regulars.adapters.vault.keyring import CHECK
from regulars.crm_domain.customer import CustomerRegistered, PersonalDataErased

_IN_USE = 16  # each set of extensions has tables of its own, and so has statements


@lru_cache(maxsize=_IN_USE)
def store_statements(
    schema: Schema, dialect: sa.Dialect, access: Access, indexes: tuple[Index, ...]
) -> StoreStatements:
    """The statements of stores with these tables and indexes."""
    return StoreStatements(schema, dialect, access, indexes)


class StoreStatements(LogStatements):
    """One kind of store's statements. Values are parameters of constant texts, which the database plans once.

    They ask no table that this role may not read. `indexes` are those that are written with events.
    """

    def __init__(self, schema: Schema, dialect: sa.Dialect, access: Access, indexes: tuple[Index, ...]) -> None:
        super().__init__(schema, dialect, access)
        self.indexes = indexes

    @cached_property
    def premises(self) -> Statement:
        """One row: the live generation's number, the currency, and whether there is any link; the customer with a
        reference, and whether any link touches that customer.
        """
        lookups, links = self.schema.lookups, self.schema.links
        always = (self._setting(LIVE_GENERATION), self._setting(CURRENCY), sa.exists(sa.select(links.c.customer_id)))
        if not self.access.lookups:
            return self._render(sa.select(*always, sa.null(), sa.false()))
        is_ours = sa.and_(lookups.c.kind == sa.literal_column("'ref'"), lookups.c.digest == sa.bindparam("digest"))
        touches = sa.or_(links.c.customer_id == lookups.c.customer_id, links.c.into_id == lookups.c.customer_id)
        return self._render(
            sa.select(
                *always,
                sa.select(lookups.c.customer_id).where(is_ours).scalar_subquery(),
                sa.exists(sa.select(links.c.customer_id).select_from(lookups.join(links, touches)).where(is_ours)),
            )
        )

    @cached_property
    def outcomes(self) -> Among:
        """Those command ids, among some, that have an outcome, each with its digest and outcome."""
        commands = self.schema.commands
        return Among(self._dialect, sa.select(commands.c.id, commands.c.digest, commands.c.outcome), commands.c.id)

    @cached_property
    def keep_outcome(self) -> Statement:
        """Insert the outcome of a command id."""
        return insertion(self.schema.commands, self._dialect)

    @cached_property
    def check_value(self) -> Statement:
        """The setting that tells the master key from others, where there is one."""
        settings = self.schema.settings
        return self._render(sa.select(settings.c.value).where(settings.c.name == sa.literal_column(f"'{CHECK}'")))

    @cached_property
    def keep_key(self) -> Statement:
        """Insert a customer's key."""
        return insertion(self.schema.keys, self._dialect)

    @cached_property
    def index_inserts(self) -> Mapping[str, Statement]:
        """The INSERT of a row of each index, by its table."""
        tables = self.schema.metadata.tables
        return {index.table: insertion(tables[index.table], self._dialect) for index in self.indexes}

    @cached_property
    def remembered(self) -> Among:
        """The ids of those customers, among some, who are not forgotten. Without access to keys the log is asked."""
        keys, events = self.schema.keys, self.schema.events
        if self.access.keys:
            return Among(self._dialect, sa.select(keys.c.customer_id), keys.c.customer_id)
        later = events.alias("later")
        is_erased = sa.exists().where(
            later.c.customer_id == events.c.customer_id,
            later.c.type.in_(literals(tags_of((PersonalDataErased,), CODECS))),
        )
        registered = events.c.type.in_(literals(tags_of((CustomerRegistered,), CODECS)))
        return Among(self._dialect, sa.select(events.c.customer_id).where(registered, ~is_erased), events.c.customer_id)

    @cached_property
    def lookups(self) -> Among:
        """The digests of a kind, among some, with the ids of customers who have them now, in order.

        Raises StoreUnusable where this role may not read them.
        """
        self.access.require_lookups()
        lookups = self.schema.lookups
        select = sa.select(lookups.c.digest, lookups.c.customer_id).where(
            lookups.c.kind == sa.bindparam("kind"), is_present(self._dialect, lookups)
        )
        return Among(self._dialect, select.order_by(lookups.c.customer_id), lookups.c.digest)

    @cached_property
    def former_lookups(self) -> Among:
        """The same of customers who have them or had them once. Raises StoreUnusable as `lookups` does."""
        self.access.require_lookups()
        lookups = self.schema.lookups
        select = sa.select(lookups.c.digest, lookups.c.customer_id).where(lookups.c.kind == sa.bindparam("kind"))
        return Among(self._dialect, select.distinct().order_by(lookups.c.customer_id), lookups.c.digest)

    @cached_property
    def links(self) -> Among:
        """The `link_columns` of every link that touches any of some customers, undone ones included."""
        links = self.schema.links
        return Among(self._dialect, sa.select(*link_columns(links)), links.c.customer_id, links.c.into_id)

    @cached_property
    def changed_links(self) -> Statement:
        """The customers on both sides of every link that was made or undone at positions in (`after`, `until`]."""
        return self._render(changed_links(self.schema.links))

    def _setting(self, name: str) -> sa.ScalarSelect[bytes]:
        settings = self.schema.settings
        return (
            sa.select(unchecked(settings.c.value))
            .where(settings.c.name == sa.literal_column(f"'{name}'"))
            .scalar_subquery()
        )

    def _render(self, construct: sa.ClauseElement) -> Statement:
        return Statement(construct, self._dialect)
