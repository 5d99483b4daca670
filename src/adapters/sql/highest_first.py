"""A descending order in which those without a value come last, in an index as in a query.

SQLite has it so whenever an order descends, and takes no other words for it in an index; PostgreSQL has to be told.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement


class highest_first(FunctionElement[Any]):  # noqa: N801 - it is written where functions of SQL are
    """The order by a column, from the highest value down."""

    inherit_cache = True


@compiles(highest_first, "sqlite")
def _descending(element: highest_first, compiler: SQLCompiler, **how: Any) -> str:
    return f"{compiler.process(element.clauses, **how)} DESC"


@compiles(highest_first, "postgresql")
def _descending_nulls_last(element: highest_first, compiler: SQLCompiler, **how: Any) -> str:
    return f"{compiler.process(element.clauses, **how)} DESC NULLS LAST"
