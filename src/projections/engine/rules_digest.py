"""What a projector's answers depend on beside the events: its own part of the rules, and that of what it reads."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from regulars.projections.engine.projector import Projector
from regulars.projections.facts.fact_set import FactSet

if TYPE_CHECKING:
    from regulars.projections.rules.compiled import Rules


def rules_digest(projector: Projector, rules: Rules) -> str:
    """SHA-256, in hexadecimal, of all that a projector's answers depend on beside the events.

    That is its name and version, the version of the facts that it judges by, the canonical form of its tables of the
    rules, and the same of what it reads under these rules. So under equal digests the same events have equal timelines,
    in every process.
    """
    parts: dict[str, Any] = {
        "name": projector.name,
        "version": projector.version,
        "facts": [projector.facts.name, projector.facts.version],
        "rules": {name: rules.canonical[name] for name in sorted({*projector.judges_by, *projector.facts.folded_by})},
        "reads": sorted(rules_digest(source, rules) for source in projector.sources(rules)),
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def facts_digest(fact_set: FactSet, rules: Rules) -> str:
    """SHA-256, in hexadecimal, of the tables of the rules by which facts are folded; "" for those free of any rule."""
    if not fact_set.folded_by:
        return ""
    tables = {name: rules.canonical[name] for name in fact_set.folded_by}
    return hashlib.sha256(json.dumps(tables, sort_keys=True).encode()).hexdigest()
