"""The tables of a store; only PostgreSQL's have the transaction id."""

from __future__ import annotations

from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from regulars.adapters.schema.access_tables import tokens_table, users_table, web_sessions_table
from regulars.adapters.schema.changes import outbox, subscriptions
from regulars.adapters.schema.hook_tables import deliveries, hooks
from regulars.adapters.schema.log_views import log_views
from regulars.adapters.schema.positions import create_positions, position_column, transaction_column
from regulars.adapters.schema.view_sql import Kind, Shown, Sql
from regulars.adapters.schema.views import View, put_views
from regulars.adapters.sql.columns import check
from regulars.adapters.sql.table_names import ours
from regulars.crm_domain.errors import StoreUnusable

VERSION = 13

#: The names of settings that every command asks for.
LIVE_GENERATION, CURRENCY = "live_generation", "currency"

#: The index by which it is found what was known by an instant.
RECORDED = ours("events_recorded")

Blob = sa.LargeBinary
Instant = sa.BigInteger

#: The columns of an event that are asked for, in this order.
EVENT_COLUMNS = (
    "position", "stream_id", "version", "category", "customer_id", "type", "occurred_at", "recorded_at", "actor",
    "correlation_id", "causation_id", "command_id", "payload", "secret",
)  # fmt: skip


class Schema:
    """Table objects for one dialect. `names` are those of the tables that every store has."""

    def __init__(self, *, is_sqlite: bool) -> None:
        self.metadata = sa.MetaData()
        self.events = _events(self.metadata, is_sqlite)
        self.audit_indexes = _audit_indexes(self.events)
        self.audit_trail = _audit_trail(is_sqlite)
        self.sql = Sql(is_sqlite)
        self.log_views = log_views(self.sql)
        self.settings = sa.Table(
            ours("settings"),
            self.metadata,
            sa.Column("name", sa.Text, primary_key=True),
            sa.Column("value", Blob, nullable=False),
        )
        self.keys = sa.Table(
            ours("keys"),
            self.metadata,
            sa.Column("customer_id", sa.Text, primary_key=True),
            sa.Column("key", Blob, nullable=False),
        )
        self.lookups = _lookups(self.metadata)
        self.links = _links(self.metadata)
        self.consents = _consents(self.metadata)
        self.forgotten = _forgotten(self.metadata)
        self.firms = _firms(self.metadata)
        self.referrals = _referrals(self.metadata)
        self.seals = _seals(self.metadata)
        self.tokens = tokens_table(self.metadata)
        self.users = users_table(self.metadata)
        self.web_sessions = web_sessions_table(self.metadata)
        self.commands = sa.Table(
            ours("commands"),
            self.metadata,
            sa.Column("id", sa.Text, primary_key=True),
            sa.Column("digest", sa.Text, nullable=False),
            sa.Column("outcome", Blob, nullable=False),
        )
        self.quarantine = sa.Table(
            ours("quarantine"),
            self.metadata,
            sa.Column("source", sa.Text, primary_key=True),
            sa.Column("ordinal", sa.Integer, primary_key=True, autoincrement=False),
            sa.Column("secret", Blob, nullable=False),
        )
        self.generations = sa.Table(
            ours("generations"),
            self.metadata,
            sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
            sa.Column("ruleset", sa.Text, nullable=False),
            sa.Column("rules_digest", sa.Text, nullable=False),
            sa.Column("known_until", sa.BigInteger),
            sa.Column("made_at", Instant, nullable=False),
            sa.Column("is_checked", sa.Integer, nullable=False),
        )
        self.builds = _builds(self.metadata)
        self.generation_builds = sa.Table(
            ours("generation_builds"),
            self.metadata,
            sa.Column("generation", sa.Integer, primary_key=True, autoincrement=False),
            sa.Column("name", sa.Text, primary_key=True),
            sa.Column("number", sa.Integer, nullable=False),
        )
        self.parked = sa.Table(
            ours("parked"),
            self.metadata,
            sa.Column("name", sa.Text, primary_key=True),
            sa.Column("build", sa.Integer, primary_key=True, autoincrement=False),
            sa.Column("customer_id", sa.Text, primary_key=True),
            sa.Column("position", sa.BigInteger, nullable=False),
            sa.Column("type", sa.Text, nullable=False),
            sa.Column("reason", sa.Text, nullable=False),
        )
        self.subscriptions = subscriptions(self.metadata)
        self.outbox = outbox(self.metadata)
        self.hooks = hooks(self.metadata)
        self.deliveries = deliveries(self.metadata)

        for table in self.metadata.tables.values():
            if table not in (self.events, self.settings):  # of which each row says for itself what is wrong with it
                check(table)

    @property
    def secrets(self) -> tuple[sa.Column[Any], ...]:
        """The tables whose deleted rows must be erased: keys, look-ups, refused rows."""
        return (self.keys.c.key, self.lookups.c.digest, self.quarantine.c.secret, self.settings.c.value)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the tables every store has."""
        return tuple(table.name for table in self.metadata.sorted_tables)

    def create(self, connection: Connection) -> None:
        """Create all tables, indexes and views of an empty store. Raises StoreUnusable where the encoding can't hold
        all text.
        """
        require_unicode(connection)
        self.metadata.create_all(connection)
        create_positions(connection, self.events)
        put_views(connection, (self.audit_trail, *self.log_views))
        self.keep_secrets_to_their_tables(connection)

    def keep_secrets_to_their_tables(self, connection: Connection) -> None:
        """Keep secrets out of PostgreSQL's statistics: ANALYZE would sample them into a table of its own."""
        if connection.dialect.name != "postgresql":
            return
        for column in self.secrets:
            alter = f'ALTER TABLE "{column.table.name}" ALTER COLUMN "{column.name}"'
            connection.exec_driver_sql(f"{alter} SET STATISTICS 0")
            # To give a column the type it has changes nothing, but drops the samples that were taken before.
            connection.exec_driver_sql(f"{alter} TYPE {column.type.compile(connection.dialect)}")


@cache
def common_schema(*, is_sqlite: bool) -> Schema:
    """The table objects of every store without extensions: the same ones, as nobody adds to them."""
    return Schema(is_sqlite=is_sqlite)


def require_unicode(connection: Connection) -> None:
    """Raise StoreUnusable where the database's encoding can't hold all text (UTF8)."""
    if connection.dialect.name != "postgresql":
        return
    name, encoding = connection.exec_driver_sql("SELECT current_database(), current_setting('server_encoding')").one()
    if encoding != "UTF8":
        raise StoreUnusable(
            f'a store needs a database with the encoding UTF8, and "{name}" has {encoding}; make one with '
            "CREATE DATABASE shop ENCODING 'UTF8' TEMPLATE template0"
        )


def _links(metadata: sa.MetaData) -> sa.Table:
    """A link holds from the position of its merge up to that of its undoing."""
    return sa.Table(
        ours("links"),
        metadata,
        sa.Column("customer_id", sa.Text, primary_key=True),
        sa.Column("merged_at", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("undone_at", sa.BigInteger),
        sa.Column("into_id", sa.Text, nullable=False),
        sa.Index(ours("links_into"), "into_id"),
    )


def _forgotten(metadata: sa.MetaData) -> sa.Table:
    """Which customer the event at a position forgot."""
    return sa.Table(
        ours("forgotten"),
        metadata,
        sa.Column("customer_id", sa.Text, primary_key=True),
        sa.Column("position", sa.BigInteger, primary_key=True, autoincrement=False),
        sqlite_with_rowid=False,
    )


def _firms(metadata: sa.MetaData) -> sa.Table:
    """A row per event that names a firm: of which category its stream is, and whose."""
    return sa.Table(
        ours("firms"),
        metadata,
        sa.Column("firm_id", sa.Text, primary_key=True),
        sa.Column("category", sa.Text, primary_key=True),
        sa.Column("customer_id", sa.Text, primary_key=True),
        sa.Column("position", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Index(ours("firms_customer"), "customer_id"),
        sqlite_with_rowid=False,
    )


def _referrals(metadata: sa.MetaData) -> sa.Table:
    """A row per referral: who was brought, by whom, and by which event."""
    return sa.Table(
        ours("referrals"),
        metadata,
        sa.Column("referred_id", sa.Text, primary_key=True),
        sa.Column("customer_id", sa.Text, primary_key=True),
        sa.Column("position", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Index(ours("referrals_customer"), "customer_id"),
        sqlite_with_rowid=False,
    )


def _seals(metadata: sa.MetaData) -> sa.Table:
    """A row per seal, with the entries of its block, 40 bytes each."""
    return sa.Table(
        ours("seals"),
        metadata,
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("previous", sa.LargeBinary, nullable=False),
        sa.Column("first", sa.BigInteger, nullable=False),
        sa.Column("last", sa.BigInteger, nullable=False),
        sa.Column("events", sa.BigInteger, nullable=False),
        sa.Column("root", sa.LargeBinary, nullable=False),
        sa.Column("sealed_at", sa.BigInteger, nullable=False),
        sa.Column("chain", sa.LargeBinary, nullable=False),
        sa.Column("entries", sa.LargeBinary, nullable=False),
    )


def _builds(metadata: sa.MetaData) -> sa.Table:
    """A row per build: the projection's `name`, the `digest`, and the `checkpoint`.

    `versions` are those of the code that folds it. `known_until` is the last position it may know of, NULL for one that
    catches up. During its first fold, `folding_until` is the position that this goes up to, and `folded_through` has
    the ranges of customers that are still to be folded: after-last, separated by commas.
    """
    return sa.Table(
        ours("builds"),
        metadata,
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("versions", sa.Text, nullable=False),
        sa.Column("checkpoint", sa.BigInteger, nullable=False),
        sa.Column("known_until", sa.BigInteger),
        sa.Column("folding_until", sa.BigInteger),
        sa.Column("folded_through", sa.Text),
    )


def _events(metadata: sa.MetaData, is_sqlite: bool) -> sa.Table:
    return sa.Table(
        ours("events"),
        metadata,
        position_column(),
        sa.Column("stream_id", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("category", sa.Text, nullable=False),
        sa.Column("customer_id", sa.Text, nullable=False),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("occurred_at", Instant, nullable=False),
        sa.Column("recorded_at", Instant, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("correlation_id", sa.Text),
        sa.Column("causation_id", sa.BigInteger),
        sa.Column("command_id", sa.Text),
        sa.Column("payload", Blob, nullable=False),
        sa.Column("secret", Blob),
        *transaction_column(is_sqlite),
        sa.UniqueConstraint("stream_id", "version", name=ours("events_stream_version")),
        sa.Index(ours("events_customer"), "customer_id", "position"),
        sa.Index(RECORDED, "recorded_at", "position"),
        sqlite_autoincrement=True,
    )


def _audit_indexes(events: sa.Table) -> tuple[sa.Index, ...]:
    correlated = events.c.correlation_id.is_not(None)
    return (
        sa.Index(ours("events_actor"), events.c.actor, events.c.position),
        sa.Index(ours("events_type"), events.c.type, events.c.position),
        sa.Index(ours("events_occurred"), events.c.occurred_at),
        sa.Index(
            ours("events_correlation"),
            events.c.correlation_id,
            events.c.position,
            sqlite_where=correlated,
            postgresql_where=correlated,
        ),
    )


def _lookups(metadata: sa.MetaData) -> sa.Table:
    table = sa.Table(
        ours("lookups"),
        metadata,
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("digest", sa.Text, primary_key=True),
        sa.Column("customer_id", sa.Text, primary_key=True),
        sa.Column("since", Instant, primary_key=True, autoincrement=False),
        sa.Index(ours("lookups_customer"), "customer_id"),
    )
    only_references = table.c.kind == "ref"
    sa.Index(
        ours("lookups_one_customer_a_reference"),
        table.c.digest,
        unique=True,
        sqlite_where=only_references,
        postgresql_where=only_references,
    )
    return table


def _consents(metadata: sa.MetaData) -> sa.Table:
    """A row per consent given or withdrawn; those on one channel and purpose stand together, in order of customers."""
    return sa.Table(
        ours("consents"),
        metadata,
        sa.Column("channel", sa.Text, primary_key=True),
        sa.Column("purpose", sa.Text, primary_key=True),
        sa.Column("customer_id", sa.Text, primary_key=True),
        sa.Column("occurred_at", Instant, primary_key=True, autoincrement=False),
        sa.Column("position", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("given", sa.Integer, nullable=False),
        sqlite_with_rowid=False,
    )


def _audit_trail(is_sqlite: bool) -> View:
    if is_sqlite:
        time, text = "strftime('%Y-%m-%dT%H:%M:%fZ', {0} / 1e6, 'unixepoch')", "CAST(payload AS TEXT)"
    else:
        time, text = "to_timestamp({0} / 1e6)", "convert_from(payload, 'UTF8')"
    shown = {name: name for name in ("position", "occurred_at", "recorded_at", "actor", "type", "customer_id")}
    shown |= {name: name for name in ("stream_id", "version", "category", "correlation_id", "causation_id")}
    shown |= {name: time.format(name) for name in ("occurred_at", "recorded_at")}
    shown |= {"command_id": "command_id", "payload": text, "has_personal_data": "secret IS NOT NULL"}
    columns = tuple(Shown(name, _AUDIT_KINDS.get(name, "text"), expression) for name, expression in shown.items())
    return View(name="audit_trail", shown=columns, table=ours("events"))


_AUDIT_KINDS: dict[str, Kind] = {
    **dict.fromkeys(("position", "version", "causation_id"), "number"),
    **dict.fromkeys(("occurred_at", "recorded_at"), "instant"),
    "has_personal_data": "flag",
}
