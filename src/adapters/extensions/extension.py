"""An extension: an application's own aggregates, projections and indexes, beside ours in a store."""

from __future__ import annotations

import re
import sys
from importlib import import_module
from typing import Any

from msgspec import Struct

from regulars.adapters.indexes.index import Index
from regulars.adapters.log.text_in_the_clear import undeclared_text
from regulars.crm_domain.aggregate import Aggregate
from regulars.crm_domain.errors import StoreUnusable
from regulars.crm_domain.event import Event
from regulars.projections.engine.projector import Projector
from regulars.projections.rules.section import Section

_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_REFERENCE = re.compile(r"[^:\s]+:[^:\s]+")


class Extension(Struct, frozen=True):
    """An application's additions to a store, under a name of lower-case letters, digits and underscores.

    Indexes of extensions are open ones. Raises ValueError for another name, and for parts that an extension can't have.
    """

    name: str
    aggregates: tuple[Aggregate, ...] = ()
    projectors: tuple[Projector, ...] = ()
    indexes: tuple[Index, ...] = ()
    sections: tuple[Section, ...] = ()

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(str(self.name)):
            raise ValueError(
                "the name of an extension is a letter and up to 39 more small letters, digits and underscores, "
                f"not {self.name!r}"
            )
        kinds: dict[str, type] = {"aggregates": Aggregate, "projectors": Projector, "indexes": Index}
        kinds["sections"] = Section
        for part, kind in kinds.items():
            given: Any = getattr(self, part)
            if not isinstance(given, tuple) or not all(isinstance(each, kind) for each in given):
                raise ValueError(f'the {part} of the extension "{self.name}" are a tuple of {kind.__name__}')
        undeclared = [path for each in self.aggregates for path in undeclared_text(each)]
        if undeclared:
            raise ValueError(
                f'text in events of the extension "{self.name}" is Personal, or named in `in_the_clear` with why; '
                f"{', '.join(undeclared)} is neither"
            )
        for table in (*(each.name for each in self.projectors), *(each.table for each in self.indexes)):
            if not _NAME.fullmatch(table):
                raise ValueError(f'"{table}" of the extension "{self.name}" can\'t be the name of a table')
        for index in self.indexes:
            if index.is_keyed or index.decides_folds or index.columns is None:
                raise ValueError(
                    f'the index "{index.name}" of the extension "{self.name}" has to be an open one with columns, '
                    "and can't decide whose events are folded together"
                )

    @property
    def events(self) -> tuple[type[Event], ...]:
        """The types of its events, retired ones included."""
        written = (event for each in self.aggregates for event in each.events)
        return (*written, *(upcast.retired for each in self.aggregates for upcast in each.upcasts))


def import_extension(reference: str) -> Extension:
    """Import the extension at MODULE:NAME. Raises ValueError with a sentence where there is none."""
    if not _REFERENCE.fullmatch(reference):
        raise ValueError(f'an extension is named as MODULE:NAME, such as booking_shop:extension, not "{reference}"')
    module, _, name = reference.partition(":")
    try:
        found = import_module(module)
        for part in name.split("."):
            found = getattr(found, part)
    except (Exception, SystemExit) as error:  # whatever the module does when it is imported
        raise ValueError(f"{reference} can't be imported: {type(error).__name__}: {error}") from None
    if not isinstance(found, Extension):
        raise ValueError(f"{reference} is no Extension, but {type(found).__name__}")
    return found


def reference_of(extension: Extension) -> str:
    """The MODULE:NAME of an extension, by which another process imports it.

    Raises StoreUnusable where no module has it under a name.
    """
    for module_name, module in list(sys.modules.items()):
        for name, value in list(getattr(module, "__dict__", {}).items()):
            if value is extension:
                return f"{module_name}:{name}"
    raise StoreUnusable(
        f'the extension "{extension.name}" has no name in a module, so that other processes can\'t import it; give it '
        "one, or fold with one worker"
    )
