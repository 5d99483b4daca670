"""Decisions as sentences: given what happened, when a command comes, then this happens.

    given(CustomerRegistered(ref="shop:1")).when(CloseAccount(customer="shop:1")).then(AccountClosed())

Every decision made here is also held to what all decisions promise: the same question gets the same answer, the
state it was asked of stays as it was, and what is decided can be stored and read back.
"""

from __future__ import annotations

from datetime import datetime
from functools import reduce
from typing import Any

import msgspec
from msgspec import Struct

from regulars.crm_domain.catalogue import CATALOGUE, address
from regulars.crm_domain.command import Command, Context, Decider
from regulars.crm_domain.errors import Rejected
from regulars.crm_domain.event import Event
from regulars.crm_domain.instant import to_instant

NOW = to_instant(datetime.fromisoformat("2026-03-01T12:00:00+00:00"))

_encode = msgspec.json.Encoder(order="deterministic", enc_hook=repr).encode


def given(*events: Event, now: int = NOW, currency: str | None = "EUR", decider: Decider[Any] | None = None) -> Given:
    """A stream that holds these events, in a store that keeps its books in euros unless another is named.

    The decider is the one that a command is addressed to, unless it is named.
    """
    return Given(events=events, context=Context(now=now, currency=currency), decider=decider)


class Given(Struct, frozen=True, kw_only=True):
    """What happened, and what a decision may know beside it."""

    events: tuple[Event, ...]
    context: Context
    decider: Decider[Any] | None = None

    def when(self, command: Command) -> Decision:
        """The decision on a command, by the aggregate that it speaks to."""
        decider = self.decider or address(command, CATALOGUE).decider
        state = fold(decider, *self.events)
        before = _encode(state)
        decision = _decision(decider, command, state, self.context)
        assert _encode(state) == before, "the decision changed the state it was asked of"
        assert _decision(decider, command, state, self.context) == decision, "asked twice, answered differently"
        return decision


class Decision(Struct, frozen=True, kw_only=True):
    """What came of a command: events, or the code and the sentence of a refusal."""

    events: tuple[Event, ...] = ()
    code: str | None = None
    sentence: str = ""

    def then(self, *expected: Event) -> None:
        """Exactly these events happen."""
        assert self.code is None, f"refused as {self.code}: {self.sentence}"
        assert self.events == expected
        for event in self.events:
            stored = _encode(event)
            assert msgspec.json.decode(stored, type=type(event)) == event

    def then_nothing(self) -> None:
        """The command is taken, and nothing needs to happen."""
        self.then()

    def then_rejected(self, code: str) -> None:
        """The command is refused, for programs with this code and for people with one sentence."""
        assert self.code == code, f"expected a refusal as {code}, found {self}"
        assert self.sentence.strip()
        assert "\n" not in self.sentence


def fold(decider: Decider[Any], *events: Event) -> Any:
    """The state after these events."""
    return reduce(decider.evolve, events, decider.initial)


def _decision(decider: Decider[Any], command: Command, state: Any, context: Context) -> Decision:
    try:
        return Decision(events=decider.decide(command, state, context))
    except Rejected as refusal:
        return Decision(code=refusal.code, sentence=str(refusal))
