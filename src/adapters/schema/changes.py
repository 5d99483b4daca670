"""The tables of change feeds: who subscribed and up to where they were told, and the batches that are kept.

They are operational state and don't follow from the log: `verify` and fingerprints leave them out.
"""

from __future__ import annotations

import sqlalchemy as sa

from regulars.adapters.sql.table_names import ours


def subscriptions(metadata: sa.MetaData) -> sa.Table:
    """A row per subscription: `token` is a part of its changes' ids, `kinds` are the words of what it wants.

    What was told, or waits in batches, is everything known at `position`, by the rules `ruleset`, at `told_at`. `batch`
    is the last batch that was made, `acknowledged` the last one that was acknowledged.
    """
    return sa.Table(
        ours("subscriptions"),
        metadata,
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("token", sa.Text, nullable=False),
        sa.Column("kinds", sa.Text, nullable=False),
        sa.Column("made_at", sa.BigInteger, nullable=False),
        sa.Column("position", sa.BigInteger, nullable=False),
        sa.Column("told_at", sa.BigInteger, nullable=False),
        sa.Column("ruleset", sa.Text, nullable=False),
        sa.Column("batch", sa.BigInteger, nullable=False),
        sa.Column("acknowledged", sa.BigInteger, nullable=False),
    )


def outbox(metadata: sa.MetaData) -> sa.Table:
    """A row per batch that was made, until it was acknowledged and is 30 days old."""
    return sa.Table(
        ours("outbox"),
        metadata,
        sa.Column("subscription", sa.Text, primary_key=True),
        sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("made_at", sa.BigInteger, nullable=False),
        sa.Column("changes", sa.LargeBinary, nullable=False),
    )
