"""The extensions of one run: those that are named, and those that are installed.

Nothing is imported before a store is opened or a command looked for, and nothing because a store says so.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

import typer

from regulars.adapters.extensions.extension import Extension, import_extension
from regulars.adapters.extensions.registry import registry_of
from regulars.crm_domain.errors import StoreUnusable
from regulars.projections.registry import Registry

GROUP = "regulars.extensions"


def load_extensions(references: Iterable[str]) -> tuple[Extension, ...]:
    """The extensions that references name, and then those that are installed, each once.

    A module may stand in the working folder. Raises typer.BadParameter for a reference that names none, StoreUnusable
    for an installed one that can't be had.
    """
    named = [_named(reference) for reference in references]
    found = [*named, *(_installed(each) for each in sorted(entry_points(group=GROUP), key=_place))]
    return tuple({id(each): each for each in found}.values())


def _place(entry_point: EntryPoint) -> tuple[str, str]:
    return entry_point.name, entry_point.value


def _named(reference: str) -> Extension:
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.append(here)  # last, so that nothing there can stand in the way of a module of another's
    try:
        return import_extension(reference)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--extension") from None


def _installed(entry_point: EntryPoint) -> Extension:
    try:
        return import_extension(entry_point.value)
    except ValueError as error:
        raise StoreUnusable(f'the installed extension "{entry_point.name}": {error}') from None


def registry_with(extensions: tuple[Extension, ...]) -> Registry:
    """What stores are read and judged with. Raises StoreUnusable where two bring something of one name."""
    try:
        return registry_of(extensions)
    except ValueError as error:
        raise StoreUnusable(f"these extensions can't be had together: {error}") from None
