"""Examples of rules that came into force, and went."""

from __future__ import annotations

from regulars.crm_domain.aggregate import Examples
from regulars.crm_domain.rulebook.decider import (
    RulesPublished,
    RulesRolledBack,
)

_DIGEST = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"  # SHA-256 of {}


def examples() -> Examples:
    """Examples of rules that came into force, and went."""
    return Examples(
        events=(
            RulesPublished(ruleset="{}", digest=_DIGEST, reason="More patience with the young"),
            RulesRolledBack(ruleset="{}", digest=_DIGEST, reason="Too much patience"),
        ),
    )
