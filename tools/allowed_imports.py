"""An import-linter contract: which rooms and which third-party packages a room may import, and which of Python's own
it may not.
"""

from __future__ import annotations

import sys
from collections.abc import Collection
from typing import Any

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output


class AllowedImports(Contract):
    """What modules in `packages`, but not in those that are `beside` it, import is in `ours`, in `third_party`, or
    Python's own less `forbidden_stdlib`.
    """

    packages = fields.ListField(subfield=fields.StringField())
    beside = fields.ListField(subfield=fields.StringField())
    ours = fields.ListField(subfield=fields.StringField())
    third_party = fields.ListField(subfield=fields.StringField())
    forbidden_stdlib = fields.ListField(subfield=fields.StringField())

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        """Walk every import of a module of the packages."""
        stdlib = set(sys.stdlib_module_names) - set(self.forbidden_stdlib)
        allowed = {*self.ours, *self.third_party, *stdlib}
        broken = [
            f"{importer} imports {imported}"
            for package in self.packages
            for importer in sorted({package, *graph.find_descendants(package)})
            if not _lies_in(importer, self.beside)
            for imported in sorted(graph.find_modules_directly_imported_by(importer))
            if not _lies_in(imported, allowed)
        ]
        return ContractCheck(kept=not broken, metadata={"broken": broken})

    def render_broken_contract(self, check: Any) -> None:
        """One line an import."""
        for line in check.metadata["broken"]:
            output.print_error(line)


def _lies_in(module: str, packages: Collection[str]) -> bool:
    parts = module.split(".")
    return any(".".join(parts[:count]) in packages for count in range(1, len(parts) + 1))
