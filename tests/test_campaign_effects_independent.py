"""What campaigns did, against a script that knows exported events alone; and that what was known then stays."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from independent import campaign_effects as independent
from launched import launch, plan, register
from regulars import (
    CorrectPurchase,
    RecordReturn,
    Regulars,
    RestorePurchase,
    VoidPurchase,
)
from regulars.effects import CampaignReading
from shops import (
    DAY,
    EXAMPLES,
    HOUR,
    Clock,
    CommandAt,
    CommandTo,
    Step,
    buy,
    earlier,
    fresh_store,
    give_back,
    give_order_to,
    merge_into,
    on_order,
    one_by_one,
    opened,
    play,
    undo_merge,
)

PEOPLE, HELD_OUT = 46, 22
#: Most happens to a few, so that their orders come back, and they are merged; some of them are in no campaign.
FEW, BESIDE = range(6), range(PEOPLE, PEOPLE + 3)
somebody = st.sampled_from([*FEW, *FEW, *range(PEOPLE), *BESIDE]).map(lambda number: f"shop:{number}")
late = st.sampled_from([0, 0, 0, 2, 12]).map(timedelta)


def told(commands: st.SearchStrategy[CommandTo]) -> st.SearchStrategy[CommandAt]:
    """No two words are of the same instant, as those have an order of their own."""

    def at(command: CommandTo, who: str, ago: timedelta) -> CommandAt:
        return lambda number, now: command(who, number, now - ago + number * timedelta(microseconds=1))

    return st.builds(at, commands, somebody, late)


def history(size: int) -> st.SearchStrategy[list[Step]]:
    totals = st.builds(
        lambda steps, total: on_order(RecordReturn, steps, returned_so_far=total),
        earlier,
        st.sampled_from(["0", "15.00", "20.00"]),
    )
    amounts = st.sampled_from([{"amount": "19.99"}, {"amount": "0"}, {"amount": "450.00"}])
    orders = st.sampled_from(["0", "20.00", "35.50", "200.00"]).map(buy)
    commands = st.one_of(
        told(orders),
        told(orders),
        told(orders),
        told(earlier.map(give_back)),
        told(totals),
        told(earlier.map(lambda steps: on_order(VoidPurchase, steps))),
        told(earlier.map(lambda steps: on_order(RestorePurchase, steps))),
        told(st.builds(lambda steps, some: on_order(CorrectPurchase, steps, **some), earlier, amounts)),
        told(earlier.map(give_order_to)),
        told(somebody.map(merge_into)),
        told(st.just(undo_merge)),
    )
    return one_by_one(commands, gaps=[HOUR, DAY, 3 * DAY], max_size=size)


def is_as_the_script_says(found: CampaignReading | None, wanted: independent.Answer, outcome: str) -> None:
    assert found is not None
    for arm, script in ((found.treated, wanted.treated), (found.held_out, wanted.held_out)):
        assert (arm.families, arm.bought, arm.spend) == (script.families, script.bought, Decimal(script.spend) / 100)
    assert found.crossed == wanted.crossed
    if min(wanted.treated.families, wanted.held_out.families) < 20:
        assert (found.verdict, found.difference) == ("cant_tell", None)
    elif outcome == "bought":
        assert found.difference is not None
        low, high = wanted.interval()
        assert found.difference.value == pytest.approx(float(wanted.shares))
        assert [found.difference.low, found.difference.high] == pytest.approx([low, high], abs=1e-9)
        assert found.verdict == ("no_difference" if low <= 0 <= high else "difference")
    elif found.difference is not None:
        assert found.difference.value == pytest.approx(float(wanted.means) / 100)


def exported(crm: Regulars) -> list[independent.Event]:
    parts: list[bytes] = []
    crm.export_events(parts.append)
    return independent.read(b"".join(parts).decode())


def trade_through_a_campaign(kind: str, postgres_url: str, outcome: str, *parts: list[Step]) -> None:
    before, during, after = parts
    clock = Clock(datetime(2024, 1, 1, 12, tzinfo=UTC))
    with fresh_store(kind, postgres_url) as url, opened(url, clock) as crm:
        people = register(crm, PEOPLE + len(BESIDE))[:PEOPLE]
        play(crm, clock, before)
        plan(crm, "spring", people, outcome=outcome, decide_after_days=30)
        clock.now += HOUR
        launch(crm, "spring", people, HELD_OUT, clock.now)
        undecided = crm.campaigns.effect("spring")
        assert (undecided.is_decided, undecided.then, undecided.now) == (False, None, None)
        play(crm, clock, during, first=100)
        clock.now = max(clock.now, undecided.decide_at)
        on_the_day = crm.campaigns.effect("spring")
        play(crm, clock, after, first=200)
        now = crm.campaigns.effect("spring")
        assert now.then == on_the_day.then
        then, later = independent.answers(exported(crm), "spring")
        is_as_the_script_says(now.then, then, outcome)
        is_as_the_script_says(now.now, later, outcome)


outcomes = st.sampled_from(["bought", "spend"])


@settings(max_examples=EXAMPLES // 4)
@given(outcomes, history(12), history(24), history(16))
def test_both_answers_are_those_of_the_script_and_what_was_known_then_stays(
    outcome: str, before: list[Step], during: list[Step], after: list[Step]
) -> None:
    trade_through_a_campaign("sqlite", "", outcome, before, during, after)


@settings(max_examples=EXAMPLES // 10)
@given(outcomes, history(12), history(24), history(16))
def test_so_they_are_on_postgresql(
    postgres_url: str, outcome: str, before: list[Step], during: list[Step], after: list[Step]
) -> None:
    trade_through_a_campaign("postgres", postgres_url, outcome, before, during, after)
