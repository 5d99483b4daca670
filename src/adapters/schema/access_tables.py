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


def users_table(metadata: sa.MetaData) -> sa.Table:
    """A row per user of the console. `password` is argon2's hash, with its salt and what it cost. One who is disabled
    has `disabled_at`.
    """
    return sa.Table(
        ours("users"),
        metadata,
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("password", sa.Text, nullable=False),
        sa.Column("made_at", sa.BigInteger, nullable=False),
        sa.Column("disabled_at", sa.BigInteger),
    )


def web_sessions_table(metadata: sa.MetaData) -> sa.Table:
    """A row per session of the console: the SHA-256 of its token, who signed in, when, and when it was last used.

    `role` is that of a session without a user in the table: of the person on this machine. Else it is NULL.
    """
    return sa.Table(
        ours("web_sessions"),
        metadata,
        sa.Column("digest", sa.LargeBinary, primary_key=True),
        sa.Column("user_name", sa.Text, nullable=False),
        sa.Column("role", sa.Text),
        sa.Column("began_at", sa.BigInteger, nullable=False),
        sa.Column("used_at", sa.BigInteger, nullable=False),
        sa.Index(ours("web_sessions_user"), "user_name"),
    )
