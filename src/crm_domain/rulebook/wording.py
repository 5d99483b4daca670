"""How what happened to the rulebook is told."""

from __future__ import annotations

from collections.abc import Iterator

from regulars.crm_domain.rulebook.decider import (
    Rulebook,
    RulebookEvent,
    RulesPublished,
    RulesRolledBack,
)
from regulars.crm_domain.wording import Field, Wording


def what(event: RulebookEvent) -> str:
    """What happened to the rulebook, in a few words."""
    match event:
        case RulesPublished(digest=digest):
            return f"rules {short(digest)} published"
        case RulesRolledBack(digest=digest):
            return f"back to rules {short(digest)}"


def deed(event: RulebookEvent, who: str, other: str) -> str:
    """What happened to the rulebook, as somebody did it."""
    match event:
        case RulesPublished(digest=digest):
            return f"published rules {short(digest)}"
        case RulesRolledBack(digest=digest):
            return f"went back to rules {short(digest)}"


def reason(event: RulebookEvent) -> str:
    """Why, which is in the clear, as there is nobody whose key it could be under."""
    return event.reason


def short(digest: str) -> str:
    """As much of a ruleset's digest as people need to tell it from others."""
    return digest[:12]


def fields(state: Rulebook) -> Iterator[Field]:
    """What the audit compares of the rulebook."""
    yield "rules", None if state.in_force is None else short(state.in_force.digest)


WORDING = Wording(what=what, deed=deed, fields=fields, reason=reason)
