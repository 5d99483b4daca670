"""What code says, whatever it looks like: a digest for each module of what some modules rest on.

Layout, comments, docstrings, the types of parameters and variables, and the order of definitions don't count. From the
names that a definition uses it goes on to those definitions, within our own packages; so of a module of which one
function is used, only that function counts, with what it uses in turn.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

Place = tuple[str, str]  # a module, and a name in it; "" is the module itself, or what binds no name


class Module:
    """The top level of a module."""

    def __init__(self, name: str, path: Path, ours: frozenset[str]) -> None:
        self.name = name
        self._tree = ast.parse(path.read_text(encoding="utf-8"))
        self._ours = ours

    @cached_property
    def statements(self) -> dict[str, list[ast.stmt]]:
        """The statements that bind each name, without what doesn't count."""
        found: dict[str, list[ast.stmt]] = {}
        for statement in _Essence().visit(self._tree).body:
            if not isinstance(statement, ast.Import | ast.ImportFrom):
                for name in _bound(statement):
                    found.setdefault(name, []).append(statement)
        return found

    @cached_property
    def imports(self) -> dict[str, Place]:
        """Where each imported name comes from."""
        found: dict[str, Place] = {}
        for statement in self._tree.body:
            match statement:
                case ast.ImportFrom(module=str(module), names=names):
                    for each in names:
                        whole = f"{module}.{each.name}"
                        found[each.asname or each.name] = (whole, "") if whole in self._ours else (module, each.name)
                case ast.Import(names=names):
                    found |= {each.asname or each.name: (each.name, "") for each in names}
        return found

    def says(self, name: str) -> str:
        """What the statements of a name say, and what they mean by each name that is imported."""
        meant = sorted({(first, self.imports[first]) for first, _ in self._used(name) if first in self.imports})
        return repr([[_shape(statement) for statement in self.statements[name]], meant])

    def uses(self, name: str) -> Iterator[Place]:
        """What the statements of a name rest on, here and elsewhere."""
        for first, attribute in self._used(name):
            if first in self.statements:
                yield self.name, first
            elif first in self.imports:
                module, imported = self.imports[first]
                yield module, imported or attribute

    def _used(self, name: str) -> Iterator[tuple[str, str]]:
        for node in (node for statement in self.statements[name] for node in ast.walk(statement)):
            match node:
                case ast.Attribute(value=ast.Name(id=first), attr=attribute):
                    yield first, attribute
                case ast.Name(id=first, ctx=ast.Load()):
                    yield first, ""


class Code:
    """Some packages of modules."""

    def __init__(self, source: Path, *packages: str) -> None:
        found = (path for package in packages for path in (source / package).rglob("*.py"))
        paths = {_module_name(path.relative_to(source)): path for path in found}
        self._modules = {name: Module(name, path, frozenset(paths)) for name, path in paths.items()}

    def digests(self, roots: Iterable[str], others: frozenset[str]) -> dict[str, str]:
        """By module, the digest of all that `roots` rest on: the whole of each, and what they use of the rest.

        What `others` define has a version of its own and isn't followed. A VERSION doesn't count.
        """
        reached: set[Place] = set()
        waiting = [(root, name) for root in roots for name in self._modules[root].statements]
        while waiting:
            place = waiting.pop()
            module, name = self._modules.get(place[0]), place[1]
            if module is None or place in reached or module.name in others or name == "VERSION":
                continue
            if name in module.statements:
                reached.add(place)
                waiting += module.uses(name)
            elif name in module.imports:  # the door of a folder: what it passes on is said where it is defined
                waiting.append(module.imports[name])
        said: dict[str, list[str]] = {}
        for module_name, name in sorted(reached):
            said.setdefault(module_name, []).append(f"{name}: {self._modules[module_name].says(name)}")
        return {name: hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16] for name, lines in said.items()}


def _module_name(path: Path) -> str:
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


class _Essence(ast.NodeTransformer):
    """Takes away docstrings and the types of parameters, results and variables; those of a class's fields stay."""

    def visit_Module(self, node: ast.Module) -> ast.AST:
        node.body = _without_docstring(node.body)
        return self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.returns, node.body = None, _without_docstring(node.body)
        return self.generic_visit(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        body = _without_docstring(node.body)
        node.body = [each if isinstance(each, ast.AnnAssign) else self.visit(each) for each in body]
        return node

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.annotation = None
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST | None:
        return None if node.value is None else ast.Assign(targets=[node.target], value=self.visit(node.value))


def _without_docstring(body: list[ast.stmt]) -> list[ast.stmt]:
    match body:
        case [ast.Expr(value=ast.Constant(value=str())), *rest]:
            return rest
    return body


def _bound(statement: ast.stmt) -> set[str]:
    if isinstance(statement, ast.FunctionDef | ast.ClassDef):
        return {statement.name}
    binding = statement.targets if isinstance(statement, ast.Assign) else [statement]
    names = (node for each in binding for node in ast.walk(each) if isinstance(node, ast.Name))
    return {name.id for name in names if isinstance(name.ctx, ast.Store)} or {""}


def _shape(node: Any) -> Any:
    # Not ast.dump: what it writes for an empty field differs from one version of Python to the next.
    if isinstance(node, list):
        return [_shape(each) for each in node]
    if not isinstance(node, ast.AST):
        return repr(node)
    fields = ((name, value) for name, value in ast.iter_fields(node) if value is not None and value != [])
    return [type(node).__name__, *((name, _shape(value)) for name, value in fields)]
