"""The global options, which are given before the command."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from regulars.adapters.extensions.extension import Extension

DEFAULT_STORE = "regulars.db"
MASTER_KEY_VARIABLE = "REGULARS_MASTER_KEY"


@dataclass(frozen=True, slots=True)
class Given:
    """The global options, as they were given before the command; `typed` are those that the environment didn't give.
    Extensions are loaded when first asked for.
    """

    store: str
    actor: str | None
    schema: str | None
    typed: frozenset[str]
    load_extensions: Callable[[], tuple[Extension, ...]]
    master_key: str | None = field(default=None, repr=False)


def given(ctx: typer.Context) -> Given:
    """The global options of this run."""
    found = ctx.find_object(Given)
    assert found is not None
    return found
