"""An import-linter contract: which third-party packages a room may import, and which of Python's own it may not."""

from __future__ import annotations

import sys
from typing import Any

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output


class AllowedImports(Contract):
    """Everything imported from `packages` is ours, in `third_party`, or Python's own less `forbidden_stdlib`."""

    packages = fields.ListField(subfield=fields.StringField())
    third_party = fields.ListField(subfield=fields.StringField())
    forbidden_stdlib = fields.ListField(subfield=fields.StringField())

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        """Walk every import that leaves the named packages."""
        ours = set(self.session_options["root_packages"])
        stdlib = set(sys.stdlib_module_names) - set(self.forbidden_stdlib)
        allowed = ours | stdlib | set(self.third_party)
        broken = [
            f"{importer} imports {imported}"
            for package in self.packages
            for importer in sorted({package, *graph.find_descendants(package)})
            for imported in sorted(graph.find_modules_directly_imported_by(importer))
            if imported.split(".")[0] not in allowed
        ]
        return ContractCheck(kept=not broken, metadata={"broken": broken})

    def render_broken_contract(self, check: Any) -> None:
        """One line an import."""
        for line in check.metadata["broken"]:
            output.print_error(line)
