"""The tables that say who may speak to a store from outside. They are operational: no event, and in no fold."""

from __future__ import annotations

import sqlalchemy as sa

from regulars.adapters.sql.table_names import ours


def tokens_table(metadata: sa.MetaData) -> sa.Table:
    """A row per token in force: the SHA-256 of its text, which is random and so needs no salt."""
    return sa.Table(
        ours("tokens"),
        metadata,
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, nullable=False, unique=True),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("digest", sa.LargeBinary, nullable=False, unique=True),
        sa.Column("made_at", sa.BigInteger, nullable=False),
    )
