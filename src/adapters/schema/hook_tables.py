"""The tables of hooks: where to post changes, and what is still to be posted. They are no events: `verify` and seals
leave them out, a backup has them, a copy of the store doesn't.
"""

from __future__ import annotations

import sqlalchemy as sa

from regulars.adapters.sql.table_names import ours

#: How the names of hooks' subscriptions to changes begin.
SUBSCRIPTION = "hook:"


def hooks(metadata: sa.MetaData) -> sa.Table:
    """A row per hook.

    `kinds` is a JSON list of words. `secret` is sealed under the store's key. `taken` is the id of the first change of
    the feed's last batch that was put among the deliveries. `failures` are those in a row, of which the first was at
    `failing_since`; nothing is sent before `quiet_until`. A hook that is off has `off_at`, and why in `off_because`.
    """
    return sa.Table(
        ours("hooks"),
        metadata,
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("url", sa.Text, nullable=False),
        sa.Column("kinds", sa.Text, nullable=False),
        sa.Column("personal", sa.Integer, nullable=False),
        sa.Column("allow_local", sa.Integer, nullable=False),
        sa.Column("secret", sa.LargeBinary, nullable=False),
        sa.Column("made_at", sa.BigInteger, nullable=False),
        sa.Column("taken", sa.Text),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("failing_since", sa.BigInteger),
        sa.Column("quiet_until", sa.BigInteger, nullable=False),
        sa.Column("off_at", sa.BigInteger),
        sa.Column("off_because", sa.Text),
    )


def deliveries(metadata: sa.MetaData) -> sa.Table:
    """A row per change that a hook is still to post, in order of `number`; those of one `customer_id`, or of nobody
    (""), one after another.

    `change` is the change as JSON. A dead letter has `dead_at`; `failure` is what was wrong last.
    """
    table = sa.Table(
        ours("deliveries"),
        metadata,
        sa.Column("hook_id", sa.Text, primary_key=True),
        sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("customer_id", sa.Text, nullable=False),
        sa.Column("change", sa.LargeBinary, nullable=False),
        sa.Column("queued_at", sa.BigInteger, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("next_at", sa.BigInteger, nullable=False),
        sa.Column("failure", sa.Text),
        sa.Column("dead_at", sa.BigInteger),
        sqlite_with_rowid=False,
    )
    waiting = table.c.dead_at.is_(None)
    sa.Index(
        ours("deliveries_waiting"),
        table.c.hook_id,
        table.c.customer_id,
        table.c.number,
        sqlite_where=waiting,
        postgresql_where=waiting,
    )
    return table
