"""Databases: one SQLAlchemy engine for SQLite and PostgreSQL, statements, columns, and what their drivers say."""
