"""A set of facts: what is known of one customer, free of any rule, folded once however many projectors judge by it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec import Struct

from regulars.crm_domain.event import Event

#: Takes in an event: (facts, event, at, position, identity).
Evolve = Callable[[Any, Any, int, int, int], None]


def _none(facts: Any) -> int:
    return 0


class FactSet(Struct, frozen=True, kw_only=True):
    """Facts that are folded together, as one value.

    `beginning` is the Struct that holds them, empty before the first event; it is stored as MessagePack. `handles` are
    the event types that bear on them, and `evolve` takes in one: (facts, event, at, position, identity), which changes
    the facts in place; events come in order of time. At one instant they come as their types do in `order`, and those
    of one type by their content; types that stand there together, and those that don't, come by position.
    `future_changes` tells how often time alone may change an answer because of how much there is of a customer, beside
    what rules bound. Raise `version` whenever the same events may give other facts.

    Facts are free of any rule, but for what the tables named in `folded_by` pick out of events that carry more than
    anybody asks for, such as the items of an order: `evolve_under` then gives for the compiled rules what `evolve` is
    for others, or None where these ask for nothing; and other tables make other facts, as another version does. Raises
    ValueError unless just one of both is given.
    """

    name: str
    version: int
    beginning: type[Struct]
    handles: frozenset[type[Event]]
    order: tuple[type[Event] | frozenset[type[Event]], ...] = ()
    evolve: Evolve | None = None
    evolve_under: Callable[[Any], Evolve | None] | None = None
    folded_by: tuple[str, ...] = ()
    future_changes: Callable[[Any], int] = _none

    def __post_init__(self) -> None:
        if (self.evolve is None) == (self.evolve_under is None) or bool(self.folded_by) != bool(self.evolve_under):
            raise ValueError(f'the facts "{self.name}" are folded either by `evolve`, or by `evolve_under` some tables')

    def taking(self, rules: Any) -> Evolve | None:
        """How these facts take in an event under some rules; None where they take in nothing."""
        return self.evolve if self.evolve_under is None else self.evolve_under(rules)
