"""The rulebook: each invariant of the module as a sentence, and what publishing and rolling back comes to."""

from __future__ import annotations

import hashlib
from functools import reduce
from typing import Any

import hypothesis
import pytest
from hypothesis import strategies as st
from msgspec.structs import replace
from pydantic import ValidationError

from given import NOW, Given, fold, given
from regulars.crm_domain.catalogue import CATALOGUE, COMMANDS, DECIDERS, address
from regulars.crm_domain.command import Command, Context
from regulars.crm_domain.errors import Rejected
from regulars.crm_domain.event import Event
from regulars.crm_domain.rulebook import (
    NOBODY,
    RULEBOOK,
    Edition,
    PublishRules,
    RollBackRules,
    RulebookEvent,
    RulesPublished,
    RulesRolledBack,
    founded,
)

WHY = "a longer summer"


def digest(ruleset: str) -> str:
    return hashlib.sha256(ruleset.encode()).hexdigest()


def publish(ruleset: str) -> PublishRules:
    return PublishRules(ruleset=ruleset, digest=digest(ruleset), reason=WHY)


def published(ruleset: str) -> RulesPublished:
    return RulesPublished(ruleset=ruleset, digest=digest(ruleset), reason=WHY)


def rolled_back(ruleset: str) -> RulesRolledBack:
    return RulesRolledBack(ruleset=ruleset, digest=digest(ruleset), reason=WHY)


back = RollBackRules(reason=WHY)
FIRST, SECOND, THIRD = '{"first":1}', '{"second":2}', '{"third":3}'
FOUNDED = replace(RULEBOOK, initial=founded(FIRST, digest(FIRST)))


def given_rules(*events: Event) -> Given:
    """A store that was founded with the first rules, and what happened to them since."""
    return given(*events, decider=FOUNDED)


# ------------------------------------------------------------------------------------------------------ in one sentence


def test_rules_are_published() -> None:
    given_rules().when(publish(SECOND)).then(published(SECOND))


def test_what_is_in_force_is_in_force_already() -> None:
    given_rules().when(publish(FIRST)).then_nothing()
    given_rules(published(SECOND)).when(publish(SECOND)).then_nothing()


def test_what_was_in_force_before_can_be_published_again() -> None:
    given_rules(published(SECOND)).when(publish(FIRST)).then(published(FIRST))


def test_rolling_back_brings_back_what_was_in_force_before() -> None:
    given_rules(published(SECOND)).when(back).then(rolled_back(FIRST))
    given_rules(published(SECOND), published(THIRD)).when(back).then(rolled_back(SECOND))


def test_rolling_back_twice_goes_back_twice() -> None:
    given_rules(published(SECOND), published(THIRD), rolled_back(SECOND)).when(back).then(rolled_back(FIRST))


def test_what_was_rolled_back_can_be_published_again() -> None:
    given_rules(published(SECOND), rolled_back(FIRST)).when(publish(SECOND)).then(published(SECOND))


def test_what_a_store_was_founded_with_is_never_taken_away() -> None:
    given_rules().when(back).then_rejected("no_earlier_rules")
    given_rules(published(SECOND), rolled_back(FIRST)).when(back).then_rejected("no_earlier_rules")


def test_without_any_rules_there_is_nothing_to_go_back_to() -> None:
    given(decider=RULEBOOK).when(back).then_rejected("no_earlier_rules")


@pytest.mark.parametrize("reason", [None, ""])
def test_rules_never_change_without_a_reason(reason: str | None) -> None:
    with pytest.raises(ValidationError):
        PublishRules.model_validate({"ruleset": SECOND, "digest": digest(SECOND), "reason": reason})
    with pytest.raises(ValidationError):
        RollBackRules.model_validate({"reason": reason})


@pytest.mark.parametrize("other", [digest(FIRST), digest(SECOND).upper(), digest(SECOND)[:12], ""])
def test_a_digest_of_something_else_is_refused(other: str) -> None:
    with pytest.raises(ValidationError):
        PublishRules(ruleset=SECOND, digest=other, reason=WHY)


@pytest.mark.parametrize("command", [publish(SECOND), back], ids=lambda command: type(command).__name__)
def test_the_rulebook_has_a_door_of_its_own(command: Command) -> None:
    assert type(command).__name__ not in COMMANDS
    assert DECIDERS[RULEBOOK.category] is RULEBOOK
    with pytest.raises(TypeError):
        address(command, CATALOGUE)


def test_the_rulebook_is_nobodys() -> None:
    assert not NOBODY


# ---------------------------------------------------------------------------------------------------- in whatever order

RULESETS = st.sampled_from([FIRST, SECOND, THIRD])
STEPS = st.lists(RULESETS | st.none(), max_size=30)  # a ruleset is published, None rolls back


@hypothesis.given(STEPS)
def test_in_force_is_the_top_of_a_stack_whatever_is_published_and_rolled_back(steps: list[str | None]) -> None:
    state, stack = FOUNDED.initial, [FIRST]
    for ruleset in steps:
        if ruleset is None and stack == [FIRST]:
            with pytest.raises(Rejected):
                RULEBOOK.decide(back, state, Context(now=NOW))
        else:
            events = RULEBOOK.decide(back if ruleset is None else publish(ruleset), state, Context(now=NOW))
            assert len(events) == (ruleset != stack[-1])
            state = reduce(RULEBOOK.evolve, events, state)
            if ruleset is None:
                stack.pop()
            elif ruleset != stack[-1]:
                stack.append(ruleset)
        assert [edition.ruleset for edition in state.editions] == stack
        assert state.in_force == Edition(ruleset=stack[-1], digest=digest(stack[-1]))


@hypothesis.given(STEPS)
def test_who_knows_the_events_alone_knows_what_is_in_force_after_each(steps: list[str | None]) -> None:
    history = happened(steps)
    for count in range(1, len(history) + 1):
        assert fold(RULEBOOK, *history[:count]).in_force == fold(FOUNDED, *history[:count]).in_force


def happened(steps: list[str | None]) -> list[RulebookEvent]:
    """The events that come of some steps."""
    state: Any = FOUNDED.initial
    history: list[RulebookEvent] = []
    for ruleset in steps:
        if ruleset is None and len(state.editions) == 1:
            continue
        for event in RULEBOOK.decide(back if ruleset is None else publish(ruleset), state, Context(now=NOW)):
            state = RULEBOOK.evolve(state, event)
            history.append(event)
    return history
