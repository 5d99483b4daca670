"""The names of what is ours in a database, which never get in the way of an application's own."""

from __future__ import annotations

PREFIX = "regulars_"


def ours(name: str) -> str:
    """The name of a table, view or index of ours, for what it is called among us."""
    return f"{PREFIX}{name}"
