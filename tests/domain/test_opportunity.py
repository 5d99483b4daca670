"""Opportunities: they go from stage to stage until they are won or lost, and each has one accepted quote."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace
from pydantic import ValidationError

from given import NOW, Given, fold
from regulars.crm_domain.command import Context, CustomerId, PipelinePolicy
from regulars.crm_domain.event import Event
from regulars.crm_domain.instant import DAY, to_datetime
from regulars.crm_domain.opportunity import (
    OPPORTUNITY,
    ChangeOpportunity,
    LoseOpportunity,
    MoveOpportunity,
    OpenOpportunity,
    OpportunityChanged,
    OpportunityCommand,
    OpportunityLost,
    OpportunityOpened,
    OpportunityReopened,
    OpportunityStageChanged,
    OpportunityStatus,
    OpportunityWon,
    ReopenOpportunity,
    WinOpportunity,
)

ID = "O-1"
FIRM = "ab" * 16
TODAY = date(2026, 3, 1)
OPEN = OpenOpportunity(customer="shop:1", opportunity_id=ID, amount="1200.00", title="Tea")
OPENED = OpportunityOpened(
    opportunity_id=ID, at=NOW, pipeline="sales", stage="first", amount=1_200_00, currency="EUR", title="Tea"
)
WON = OpportunityWon(opportunity_id=ID)
BY_QUOTE = OpportunityWon(opportunity_id=ID, amount=1_000_00, currency="EUR", quote_id="Q-1")
LOST = OpportunityLost(opportunity_id=ID, reason="price")
REOPENED = OpportunityReopened(opportunity_id=ID)
PIPELINES = (
    PipelinePolicy(id="sales", stages=("first", "second")),
    PipelinePolicy(id="wholesale", stages=("tasting", "offer")),
)

#: How an opportunity comes to stand where it stands.
PATHS: dict[str, tuple[Event, ...]] = {
    "o": (OPENED,),
    "w": (OPENED, WON),
    "l": (OPENED, LOST),
    "r": (OPENED, WON, REOPENED),
}


def with_rules(*events: Event, **context: Any) -> Given:
    """A stream that holds these events, in a store whose rules have two pipelines."""
    known: dict[str, Any] = {"now": NOW, "currency": "EUR", "pipelines": PIPELINES, **context}
    return Given(events=events, context=Context(**known), decider=OPPORTUNITY)


def at(days: float) -> dict[str, datetime]:
    """So many days after now."""
    return {"occurred_at": to_datetime(NOW) + timedelta(days=days)}


# ---------------------------------------------------------------------------------------------------------- opening


def test_an_opportunity_begins_in_the_first_stage_of_the_first_pipeline() -> None:
    with_rules().when(OPEN).then(OPENED)


def test_it_begins_in_the_pipeline_and_the_stage_that_are_named() -> None:
    named = OPEN.model_copy(update={"pipeline": "wholesale"})
    with_rules().when(named).then(replace(OPENED, pipeline="wholesale", stage="tasting"))
    named = named.model_copy(update={"stage": "offer"})
    with_rules().when(named).then(replace(OPENED, pipeline="wholesale", stage="offer"))


def test_the_same_again_changes_nothing_whatever_later_rules_say_and_whenever_it_is_told() -> None:
    with_rules(OPENED).when(OPEN).then_nothing()
    with_rules(OPENED, pipelines=()).when(OPEN).then_nothing()
    with_rules(OPENED).when(OPEN.model_copy(update=at(-3))).then_nothing()


@pytest.mark.parametrize("other", [{"amount": "1200.01"}, {"title": "Cups"}, {"stage": "second"}, {"owner": "li"}])
def test_the_same_id_with_other_content_is_refused(other: dict[str, str]) -> None:
    with_rules(OPENED).when(OPEN.model_copy(update=other)).then_rejected("opportunity_id_taken")


def test_a_firm_for_which_it_is_bought_is_named_by_its_id() -> None:
    with_rules().when(OPEN.model_copy(update={"firm": CustomerId(FIRM)})).then(replace(OPENED, firm_id=FIRM))


# ------------------------------------------------------------------------------------------------------ bad input


def test_without_a_pipeline_in_the_rules_none_is_opened() -> None:
    decision = with_rules(pipelines=()).when(OPEN)
    decision.then_rejected("no_pipeline")
    assert "[[pipeline]]" in decision.sentence


def test_a_pipeline_that_the_rules_do_not_have_is_refused_with_those_that_they_have() -> None:
    decision = with_rules().when(OPEN.model_copy(update={"pipeline": "retail"}))
    decision.then_rejected("no_such_pipeline")
    assert decision.sentence == 'the rules have no pipeline "retail"; those they have: sales, wholesale'


@pytest.mark.parametrize(
    ("events", "command"),
    [
        ((), OPEN.model_copy(update={"stage": "offer"})),
        ((OPENED,), MoveOpportunity(opportunity_id=ID, stage="offer")),
        ((OPENED, LOST), ReopenOpportunity(opportunity_id=ID, stage="offer")),
    ],
)
def test_a_stage_that_its_pipeline_does_not_have_is_refused(events: tuple[Event, ...], command: Any) -> None:
    decision = with_rules(*events).when(command)
    decision.then_rejected("no_such_stage")
    assert decision.sentence == 'the pipeline "sales" has no stage "offer"; those it has: first, second'


@pytest.mark.parametrize("command", [OPEN, ChangeOpportunity(opportunity_id=ID, amount="1"), WinOpportunity])
def test_an_amount_below_zero_is_refused(command: Any) -> None:
    command = command(opportunity_id=ID) if command is WinOpportunity else command
    events = () if isinstance(command, OpenOpportunity) else (OPENED,)
    with_rules(*events).when(command.model_copy(update={"amount": "-0.01"})).then_rejected("invalid_amount")


def test_an_amount_takes_a_store_with_a_currency() -> None:
    with_rules(currency=None).when(OPEN).then_rejected("no_currency")


def test_no_one_closes_before_the_day_on_which_it_was_opened_in_the_zone_of_the_business() -> None:
    today, before = ({"expected_close": TODAY - timedelta(days=days)} for days in (0, 1))
    with_rules().when(OPEN.model_copy(update=today)).then(replace(OPENED, **today))
    decision = with_rules().when(OPEN.model_copy(update=before))
    decision.then_rejected("closes_before_opening")
    assert decision.sentence == (
        'opportunity "O-1" was opened on 2026-03-01 and can\'t be expected to close before that, on 2026-02-28'
    )
    # At noon in UTC it is the next day already where clocks are 14 hours ahead.
    with_rules(zone="Pacific/Kiritimati").when(OPEN.model_copy(update=today)).then_rejected("closes_before_opening")
    changed = ChangeOpportunity(opportunity_id=ID, expected_close=TODAY - timedelta(days=1))
    with_rules(OPENED).when(changed).then_rejected("closes_before_opening")


def test_one_is_lost_for_a_reason() -> None:
    with pytest.raises(ValidationError, match="reason"):
        LoseOpportunity.model_validate({"opportunity_id": ID})


def test_a_change_names_what_it_changes() -> None:
    with pytest.raises(ValidationError, match="expected at least one of"):
        ChangeOpportunity(opportunity_id=ID)


# ------------------------------------------------------------------------------------------------------ what happens

#: A command, the event that comes of it, and where the opportunity then stands by where it stood: o open, w won, l
#: lost. What isn't named is refused, but for "=", where it has come about already.
TABLE: tuple[tuple[OpportunityCommand, Event, str], ...] = (
    (
        MoveOpportunity(opportunity_id=ID, stage="second"),
        OpportunityStageChanged(opportunity_id=ID, stage="second"),
        "oo ro",
    ),
    (
        ChangeOpportunity(opportunity_id=ID, owner="mo"),
        OpportunityChanged(opportunity_id=ID, changed=("owner",), owner="mo"),
        "oo ww ll ro",
    ),
    (
        ChangeOpportunity(opportunity_id=ID, amount="9"),
        OpportunityChanged(opportunity_id=ID, changed=("amount",), amount=9_00, currency="EUR"),
        "oo ro",
    ),
    (WinOpportunity(opportunity_id=ID), WON, "ow w= rw"),
    (LoseOpportunity(opportunity_id=ID, reason="price"), LOST, "ol l= rl"),
    (ReopenOpportunity(opportunity_id=ID), REOPENED, "o= wo lo r="),
)
STATUSES = {"o": OpportunityStatus.OPEN, "w": OpportunityStatus.WON, "l": OpportunityStatus.LOST}


@pytest.mark.parametrize(("command", "event", "moves"), TABLE, ids=lambda each: type(each).__name__)
@pytest.mark.parametrize("stood", PATHS)
def test_it_moves_as_its_table_says(command: OpportunityCommand, event: Event, moves: str, stood: str) -> None:
    decision = with_rules(*PATHS[stood]).when(command)
    then = {move[0]: move[1] for move in moves.split()}.get(stood)
    if then is None:
        decision.then_rejected(f"opportunity_{STATUSES[stood]}")
    elif then == "=":
        decision.then_nothing()
    else:
        decision.then(event)
        assert fold(OPPORTUNITY, *PATHS[stood], event).status is STATUSES[then]


@pytest.mark.parametrize(("command", "event", "moves"), TABLE, ids=lambda each: type(each).__name__)
def test_nothing_happens_to_what_was_not_opened_or_before_that(
    command: OpportunityCommand, event: Event, moves: str
) -> None:
    with_rules().when(command).then_rejected("unknown_opportunity")
    with_rules(OPENED).when(command.model_copy(update=at(-1))).then_rejected("out_of_order")


@pytest.mark.parametrize(
    ("path", "command", "event"),
    [
        ("w", WinOpportunity(opportunity_id=ID), WON),
        ("l", LoseOpportunity(opportunity_id=ID, reason="price"), LOST),
        ("o", ReopenOpportunity(opportunity_id=ID), REOPENED),
        (
            "o",
            MoveOpportunity(opportunity_id=ID, stage="first"),
            OpportunityStageChanged(opportunity_id=ID, stage="first"),
        ),
    ],
)
def test_what_is_so_already_is_written_down_only_with_its_time(path: str, command: Any, event: Event) -> None:
    given = with_rules(*PATHS[path], now=NOW + 9 * DAY)
    given.when(command).then_nothing()
    given.when(command.model_copy(update=at(8))).then(event)


def test_a_change_without_a_time_is_of_what_differs_and_null_clears() -> None:
    change = ChangeOpportunity(opportunity_id=ID, title="Tea", amount="1200", owner="mo", source=None)
    with_rules(OPENED).when(change).then(OpportunityChanged(opportunity_id=ID, changed=("owner",), owner="mo"))
    cleared = ChangeOpportunity(opportunity_id=ID, amount=None)
    with_rules(OPENED).when(cleared).then(OpportunityChanged(opportunity_id=ID, changed=("amount",)))
    assert fold(OPPORTUNITY, OPENED, OpportunityChanged(opportunity_id=ID, changed=("amount",))).amount is None


def test_it_is_won_for_what_it_was_worth_unless_an_amount_is_named() -> None:
    assert fold(OPPORTUNITY, OPENED, WON).amount == 1_200_00
    assert fold(OPPORTUNITY, OPENED, BY_QUOTE).amount == 1_000_00


def test_reopened_it_is_where_it_was_or_in_the_stage_that_is_named() -> None:
    moved = OpportunityStageChanged(opportunity_id=ID, stage="second")
    assert fold(OPPORTUNITY, OPENED, moved, LOST, REOPENED).stage == "second"
    back = OpportunityReopened(opportunity_id=ID, stage="first")
    assert fold(OPPORTUNITY, OPENED, moved, LOST, back).stage == "first"


# ------------------------------------------------------------------------------------------------------------ quotes


def test_it_has_one_accepted_quote_also_after_it_was_reopened() -> None:
    win = WinOpportunity(opportunity_id=ID, amount="1000", quote_id="Q-1")
    other = win.model_copy(update={"quote_id": "Q-2"})
    with_rules(OPENED).when(win).then(BY_QUOTE)
    with_rules(OPENED, BY_QUOTE).when(win).then_nothing()
    for events in ((OPENED, BY_QUOTE), (OPENED, BY_QUOTE, REOPENED), (OPENED, BY_QUOTE, REOPENED, LOST)):
        with_rules(*events).when(other).then_rejected("quote_accepted_already")
    with_rules(OPENED, BY_QUOTE, REOPENED).when(win).then(BY_QUOTE)


def test_what_was_won_by_hand_may_have_its_quote_accepted_later() -> None:
    win = WinOpportunity(opportunity_id=ID, amount="1000", quote_id="Q-1")
    with_rules(OPENED, WON).when(win).then(BY_QUOTE)


def test_a_quote_for_what_is_lost_takes_reopening_first() -> None:
    decision = with_rules(OPENED, LOST).when(WinOpportunity(opportunity_id=ID, quote_id="Q-1"))
    decision.then_rejected("opportunity_lost")
    assert decision.sentence.endswith("reopen it first")


def test_told_now_it_is_in_the_present() -> None:
    soon = {"occurred_at": datetime(2030, 1, 1, tzinfo=UTC)}
    with_rules(OPENED).when(WinOpportunity(opportunity_id=ID, **soon)).then_rejected("in_the_future")
