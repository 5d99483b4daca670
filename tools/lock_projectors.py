"""Writes tests/projections/projectors.lock: for each version that the read models depend on, a digest of its code.

A test fails while the code differs from the lock, so that nobody changes an answer and forgets the VERSION: read
models are built afresh only where a version is raised. This tool refuses nothing; it shows what it locks.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import msgspec
from msgspec import Struct

from code_digest import Code
from regulars.projections.engine.projector import Projector
from regulars.projections.facts.shared import SHARED
from regulars.projections.registry import PROJECTORS

ROOT = Path(__file__).parents[1]
TARGET = ROOT / "tests" / "projections" / "projectors.lock"
COMMAND = "`make lock`"


class Locked(Struct, frozen=True):
    """A version, and by module the digest of the code that it stands for."""

    version: int
    code: dict[str, str]


Lock = dict[str, Locked]


#: In whose room each table of the rules is made ready for judging.
COMPILED_BY = MappingProxyType(
    {
        "churn_risk": "churn_risk",
        "satisfaction": "satisfaction",
        "lifecycle": "lifecycle_stage",
        "tier": "loyalty_tier",
        "ticket": "ticket_queue",
        "segment": "segments",
        "due_again": "due_again",
        "cadence": "rules",
        "business": "rules",
        "value": "customer_value",
        "pipeline": "pipeline",
    }
)


def current() -> Lock:
    """What the lock would say now."""
    code = Code(ROOT / "src", "regulars/crm_domain", "regulars/projections")
    rooms = {name: _room(name) for name in (SHARED.name, *(projector.name for projector in PROJECTORS))}
    found = {SHARED.name: Locked(SHARED.version, code.digests(FACTS_ROOTS, _others(SHARED.name, rooms)))}
    for projector in PROJECTORS:
        compiled = _compiled(projector)
        roots = (_module(projector.name), *sorted(compiled))
        others = _others(projector.name, rooms) - compiled
        found[projector.name] = Locked(projector.version, code.digests(roots, others))
    return dict(sorted(found.items()))


# The fold and the upcasts concern everybody, as the facts do, so these answer for them.
FACTS_ROOTS = (
    "regulars.projections.facts.shared",
    "regulars.projections.engine.fold",
    "regulars.projections.engine.stored",
    "regulars.crm_domain.upcasts",
)


def _compiled(projector: Projector) -> frozenset[str]:
    """The modules that make ready what a projector judges by.

    The grammar of rules answers for itself: a ruleset is stored whole with what was judged by it. What it is compiled
    to is not.
    """
    rooms = {"rules", *(COMPILED_BY[table] for table in projector.judges_by)}
    return frozenset(f"regulars.projections.{room}.compiled" for room in rooms)


def _others(name: str, rooms: Mapping[str, frozenset[str]]) -> frozenset[str]:
    """The modules that other versions stand for."""
    return frozenset[str]().union(*(modules for other, modules in rooms.items() if other != name))


def _room(name: str) -> frozenset[str]:
    """The modules that a version stands for, beside what they use of others."""
    room = ROOT / "src/projections" / name
    if name == SHARED.name or not room.is_dir():
        return frozenset({_module(name)})
    return frozenset(f"regulars.projections.{name}.{path.stem}" for path in room.glob("*.py"))


def _module(name: str) -> str:
    """Where a version stands: in a module, or where a projection has a room of its own, in its projector."""
    room = ROOT / "src/projections" / name
    if name == SHARED.name:
        return "regulars.projections.facts.shared"
    return f"regulars.projections.{name}.projector" if room.is_dir() else f"regulars.projections.{name}"


def _file(name: str) -> str:
    return f"src/{_module(name).removeprefix('regulars.').replace('.', '/')}.py"


def read_lock() -> Lock:
    """What was locked last; nothing before the first time."""
    return msgspec.json.decode(TARGET.read_bytes(), type=Lock) if TARGET.exists() else {}


def drift(locked: Lock, now: Lock) -> list[str]:
    """For each name that isn't as it was locked, what to do."""
    sentences = []
    for name in sorted({*locked, *now}):
        before, after = locked.get(name), now.get(name)
        if before is None or after is None:
            sentences.append(f"{name} is {'new' if before is None else 'gone'}: run {COMMAND}")
        elif before.version != after.version:
            sentences.append(f"{name} has version {after.version}, and {before.version} is locked: run {COMMAND}")
        elif modules := changed(before, after):
            sentences.append(
                f"{name} changed ({', '.join(modules)}) but its version is still {after.version}: raise VERSION in "
                f"{_file(name)} if any answer can differ, then run {COMMAND}"
            )
    return sentences


def changed(before: Locked, after: Locked) -> list[str]:
    """The modules whose code differs."""
    modules = sorted({*before.code, *after.code})
    return [module for module in modules if before.code.get(module) != after.code.get(module)]


def changes(locked: Lock, now: Lock) -> list[str]:
    """What locking `now` changes, in words; above all, which versions stand still while their code changed."""
    lines = []
    for name, after in now.items():
        before = locked.get(name, Locked(0, {}))
        modules = ", ".join(changed(before, after))
        if before.version != after.version:
            lines.append(f"{name}: version {before.version} -> {after.version}")
        elif modules:
            lines.append(f"{name}: STILL version {after.version}, though its code changed: {modules}")
    return lines + [f"{name}: gone" for name in locked if name not in now]


def main() -> int:
    """Write the lock."""
    locked, now = read_lock(), current()
    print("\n".join(changes(locked, now)) or "nothing changed")
    TARGET.write_text(json.dumps(msgspec.to_builtins(now), indent=2, sort_keys=True) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
