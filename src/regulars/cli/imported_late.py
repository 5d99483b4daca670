"""Lazy import: a command is listed before its module is imported."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand


def imported_late(place: str, name: str, epilog: str) -> type[TyperCommand]:
    """The class of a command that becomes the function at a place, such as "regulars.cli.store.status", when it is run.

    `epilog` stands at the end of its help.
    """

    class ImportedLate(TyperCommand):
        def make_context(self, *args: Any, **extra: Any) -> Any:
            return _command(place, name, epilog).make_context(*args, **extra)

    return ImportedLate


def _command(place: str, name: str, epilog: str) -> Any:
    module, _, function = place.rpartition(".")
    alone = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
    alone.command(name, epilog=epilog)(getattr(import_module(module), function))
    return typer.main.get_command(alone)
