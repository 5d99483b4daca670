"""Processes of their own. They are forked from one that has loaded what they need and has no connection to a database,
so they begin in no time.
"""

from __future__ import annotations

import multiprocessing
from multiprocessing.context import ForkServerContext

_LOADED = [
    "hypothesis",
    "psycopg",
    "pytest",
    "regulars.adapters.read_models.parallel_fold",
    "regulars.crm",
    "regulars.opening",
    "sqlalchemy.dialects.postgresql.psycopg",
]


def forked() -> ForkServerContext:
    """Where processes and what they share come from."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_LOADED)
    return context
