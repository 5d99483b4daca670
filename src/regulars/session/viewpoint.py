"""The viewpoint of a query: `known_at`, and the rules to judge by."""

from __future__ import annotations

from msgspec import Struct

from regulars.adapters.read_models.rows import ReadModels
from regulars.projections.rules.compiled import Rules
from regulars.projections.rules.grammar import Ruleset


class Viewpoint(Struct, frozen=True, kw_only=True):
    """What is known up to a position, None for everything, judged by a ruleset.

    `models` are the read models that say just that; None where there are none, and the log must be folded. It `is_live`
    where everything is known and the rules are those in force.
    """

    ruleset: Ruleset
    rules: Rules
    until: int | None
    is_live: bool
    models: ReadModels | None

    @property
    def known_then(self) -> str:
        """What a sentence about something that isn't there ends with, where not everything is known."""
        return "" if self.until is None else " that was known then"

    def knows(self, position: int) -> bool:
        """Whether what was recorded at a position is known."""
        return self.until is None or position <= self.until
