"""The rulebook: by which rules a store judges, and since when, by whose hand and why.

1. A store has one rulebook. It is nobody's: no customer's key covers it, so the reason stands in the clear.
2. Rules are published, and rolled back, for a reason.
3. In force is what was published last and not rolled back; to publish that again changes nothing.
4. Rolling back brings back what was in force before. What the store was founded with is never taken away.
5. A digest is that of the text beside it.

That a text keeps to the grammar of rules is held by `projections.rules`, before it gets here.
"""

from __future__ import annotations

import hashlib
from typing import Annotated

from msgspec import Struct
from pydantic import StringConstraints, model_validator

from regulars.crm_domain.command import Command, Context, Decider, Text
from regulars.crm_domain.errors import Rejected
from regulars.crm_domain.event import Event

CATEGORY = "rulebook"
#: The id of its one stream.
STREAM = "rulebook"
#: The customer that its events belong to.
NOBODY = ""

# ---------------------------------------------------------------------------------------------------------- events


class RulesPublished(Event, frozen=True, kw_only=True, tag="RulesPublished"):
    """Other rules came into force. `ruleset` is their canonical JSON text, whole, and `digest` its SHA-256."""

    ruleset: str
    digest: str
    reason: str


class RulesRolledBack(Event, frozen=True, kw_only=True, tag="RulesRolledBack"):
    """The rules in force before came back: those with this text and digest."""

    ruleset: str
    digest: str
    reason: str


RulebookEvent = RulesPublished | RulesRolledBack

# ----------------------------------------------------------------------------------------------------------- state


class Edition(Struct, frozen=True, kw_only=True):
    """One ruleset as a text, and its digest, by which it is told from others."""

    ruleset: str
    digest: str


class Rulebook(Struct, frozen=True, kw_only=True):
    """The editions that were never rolled back, the one in force last."""

    editions: tuple[Edition, ...] = ()

    @property
    def in_force(self) -> Edition | None:
        """The edition that is judged by; None where nobody said what the store was founded with."""
        return self.editions[-1] if self.editions else None


def founded(ruleset: str, digest: str) -> Rulebook:
    """The rulebook of a store in which nothing was published yet. Its first edition is a setting and no event."""
    return Rulebook(editions=(Edition(ruleset=ruleset, digest=digest),))


def evolve(state: Rulebook, event: RulebookEvent) -> Rulebook:
    """The state after an event. Total: history is never argued with."""
    edition = Edition(ruleset=event.ruleset, digest=event.digest)
    match event:
        case RulesPublished():
            return Rulebook(editions=(*state.editions, edition))
        case RulesRolledBack():
            # Two go and one is put back, as who folds the events alone doesn't know the first edition below them.
            return Rulebook(editions=(*state.editions[:-2], edition))


# -------------------------------------------------------------------------------------------------------- commands

Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class PublishRules(Command):
    """Bring other rules into force, and say why; the reason is kept in the clear."""

    ruleset: str
    digest: Digest
    reason: Text

    @model_validator(mode="after")
    def _belong_together(self) -> PublishRules:
        if hashlib.sha256(self.ruleset.encode()).hexdigest() != self.digest:
            raise ValueError("the digest is not that of this ruleset")
        return self


class RollBackRules(Command):
    """Bring back the rules that were in force before, and say why; the reason is kept in the clear."""

    reason: Text


# ------------------------------------------------------------------------------------------------------- decisions


def publish(command: PublishRules, state: Rulebook, context: Context) -> tuple[Event, ...]:
    """Invariants 2 and 3; the command itself holds invariant 5."""
    if state.in_force is not None and state.in_force.digest == command.digest:
        return ()
    return (RulesPublished(ruleset=command.ruleset, digest=command.digest, reason=command.reason),)


def roll_back(command: RollBackRules, state: Rulebook, context: Context) -> tuple[Event, ...]:
    """Invariants 2 and 4."""
    if len(state.editions) <= 1:
        raise Rejected("no_earlier_rules", "no other rules were in force before; there is nothing to roll back")
    earlier = state.editions[-2]
    return (RulesRolledBack(ruleset=earlier.ruleset, digest=earlier.digest, reason=command.reason),)


def decide(command: Command, state: Rulebook, context: Context) -> tuple[Event, ...]:
    """Hand a command to its decision. Raises Rejected where an invariant would break."""
    match command:
        case PublishRules():
            return publish(command, state, context)
        case RollBackRules():
            return roll_back(command, state, context)
        case _:
            raise TypeError(f"{type(command).__name__} is not for the rulebook")


RULEBOOK = Decider(category=CATEGORY, initial=Rulebook(), evolve=evolve, decide=decide)
