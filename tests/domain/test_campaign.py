"""Campaigns: the invariants of their stream, and the draw."""

from __future__ import annotations

import hashlib
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import hypothesis
import pytest
from hypothesis import strategies as st
from pydantic import ValidationError

from given import NOW, given
from regulars.crm_domain.campaign import (
    CAMPAIGN,
    CampaignChanged,
    CampaignEnded,
    CampaignLaunched,
    CampaignPaused,
    CampaignPlan,
    CampaignPlanned,
    CampaignResumed,
    ChangeCampaign,
    EndCampaign,
    LaunchCampaign,
    PauseCampaign,
    PlanCampaign,
    ResumeCampaign,
    decided_at,
    drawn,
    how_many_held_out,
    share_by_default,
)
from regulars.crm_domain.command import CustomerId
from regulars.crm_domain.instant import to_instant

ADA, BEN = CustomerId("a" * 32), CustomerId("b" * 32)
BASIS = {"title": "Spring", "kind": "offer", "channel": "email", "purpose": "news"}
PLAN = CampaignPlan(**BASIS, segment="quiet", decide_after_days=30)
PLANNED = CampaignPlanned(campaign_id="spring", at=NOW, plan=PLAN)
SEED = "0" * 32
DECIDE_AT = to_instant(datetime(2026, 4, 1, tzinfo=UTC))
LAUNCHED = CampaignLaunched(
    campaign_id="spring",
    at=NOW,
    decide_at=DECIDE_AT,
    seed=SEED,
    share="0.2",
    outcome="bought",
    audience=12,
    eligible=10,
    skipped=2,
    treated=8,
    held_out=2,
)


def plan(**fields: Any) -> PlanCampaign:
    return PlanCampaign.model_validate({"campaign_id": "spring", **BASIS, "segment": "quiet", **fields})


def change(**fields: Any) -> ChangeCampaign:
    return ChangeCampaign.model_validate({"campaign_id": "spring", **fields})


def launch(**fields: Any) -> LaunchCampaign:
    counts = {"audience": 12, "eligible": 10, "skipped": 2, "treated": 8, "held_out": 2}
    return LaunchCampaign.model_validate({"campaign_id": "spring", "seed": SEED, "share": "0.2", **counts, **fields})


# ---------------------------------------------------------------------------------------------------------- planning


def test_a_campaign_is_planned_and_decided_30_days_after_its_launch_unless_it_says() -> None:
    given().when(plan()).then(PLANNED)
    listed = CampaignPlan(**BASIS, customer_ids=(ADA, BEN), held_out="0.25", decision_day=date(2026, 5, 1))
    fields = {"customers": (BEN, ADA, BEN), "held_out": "0.250", "decision_day": "2026-05-01", "segment": None}
    given().when(plan(**fields)).then(CampaignPlanned(campaign_id="spring", at=NOW, plan=listed))


def test_planned_again_it_changes_nothing_and_otherwise_it_is_refused() -> None:
    given(PLANNED, now=NOW + 1).when(plan()).then_nothing()
    given(PLANNED).when(plan(title="Summer")).then_rejected("campaign_id_taken")


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"customers": (ADA,)}, "campaign_audience"),
        ({"segment": None}, "campaign_audience"),
        ({"segment": None, "customers": ()}, "campaign_audience"),
        ({"decision_day": "2026-05-01", "decide_after_days": 3}, "campaign_decision"),
        ({"decision_day": "2026-02-28"}, "decided_before_launch"),
        ({"decision_day": "2036-02-28"}, "decided_too_late"),
        ({"offer_from": "2026-04-02", "offer_until": "2026-04-01"}, "offer_ends_before_start"),
        ({"offer_until": "2026-02-28"}, "offer_over"),
        ({"offer_from": "2026-04-02", "decision_day": "2026-04-01"}, "offer_begins_too_late"),
        ({"offer": " \n"}, "empty_offer"),
        ({"offer": "Take {coupon} with you."}, "offer_without_coupon"),
    ],
)
def test_a_bad_plan_is_refused_in_a_sentence(fields: dict[str, Any], code: str) -> None:
    given().when(plan(**fields)).then_rejected(code)


def test_it_may_be_decided_on_any_day_from_the_launch_on_for_ten_years() -> None:
    for day in (date(2026, 3, 1), date(2026, 3, 1) + timedelta(days=3_650)):
        planned = CampaignPlan(**BASIS, segment="quiet", decision_day=day)
        given().when(plan(decision_day=day)).then(CampaignPlanned(campaign_id="spring", at=NOW, plan=planned))


@pytest.mark.parametrize(
    ("share", "said"),
    [
        *((share, "lies above 0 and below 1") for share in ("0", "1", "1.5", "-0.2", "1e999999999")),
        *((share, "is written with the digits 0 to 9") for share in ("100 %", "20%", "0,2", "NaN", "half", "")),
        *((share, "has at most 6 digits") for share in ("0.1234567", "1e-999999999")),
        (0.2, "never a float"),
    ],
)
def test_a_share_lies_between_nobody_and_everybody(share: object, said: str) -> None:
    with pytest.raises(ValidationError, match=f"a share held out .*{said}"):
        plan(held_out=share)


@pytest.mark.parametrize("share", ["0.25", "0.250000000", "2.5e-1", " 0.25 ", Decimal("0.25")])
def test_a_share_is_what_it_is_however_it_is_written(share: object) -> None:
    planned = CampaignPlan(**BASIS, segment="quiet", decide_after_days=30, held_out="0.25")
    given().when(plan(held_out=share)).then(CampaignPlanned(campaign_id="spring", at=NOW, plan=planned))


def test_a_plan_changes_in_what_is_given_and_nothing_else() -> None:
    changed = CampaignPlan(**BASIS, customer_ids=(ADA,), decision_day=date(2026, 5, 1), held_out="0.5")
    found = change(customers=(ADA,), decision_day="2026-05-01", held_out="0.5")
    given(PLANNED).when(found).then(CampaignChanged(campaign_id="spring", at=NOW, plan=changed))
    given(PLANNED).when(change(held_out=None, title=None)).then_nothing()
    offered = CampaignPlanned(campaign_id="spring", at=NOW, plan=CampaignPlan(**BASIS, segment="quiet", offer="10 %"))
    bare = CampaignPlan(**BASIS, segment="quiet", decide_after_days=30)
    with_days = change(offer=None, decide_after_days=30)
    given(offered).when(with_days).then(CampaignChanged(campaign_id="spring", at=NOW, plan=bare))


def test_nothing_is_done_to_a_campaign_that_is_not_there_or_before_what_was_done_last() -> None:
    for command in (
        change(title="x"),
        launch(),
        PauseCampaign(campaign_id="spring"),
        EndCampaign(campaign_id="spring"),
    ):
        given(decider=CAMPAIGN).when(command).then_rejected("unknown_campaign")
        early = command.model_copy(update={"occurred_at": datetime(2026, 2, 1, tzinfo=UTC)})
        given(PLANNED).when(early).then_rejected("out_of_order")


# --------------------------------------------------------------------------------------------------------- launching


def test_a_launch_writes_down_what_was_settled_and_when_it_is_decided() -> None:
    given(PLANNED).when(launch()).then(LAUNCHED)


def test_it_is_launched_once_and_its_plan_stays_from_then_on() -> None:
    given(PLANNED, LAUNCHED).when(launch()).then_rejected("campaign_launched")
    given(PLANNED, LAUNCHED).when(change(title="Summer")).then_rejected("campaign_settled")
    ended = CampaignEnded(campaign_id="spring", at=NOW)
    given(PLANNED, ended).when(launch()).then_rejected("campaign_ended")


@pytest.mark.parametrize(
    ("counts", "code"),
    [
        ({"audience": 0, "eligible": 0, "skipped": 0, "treated": 0, "held_out": 0}, "empty_audience"),
        ({"audience": 3, "eligible": 1, "skipped": 2, "treated": 1, "held_out": 0}, "audience_too_small"),
        ({"treated": 7, "held_out": 3}, "launch_adds_up"),
        ({"audience": 13}, "launch_adds_up"),
        ({"share": "0.5"}, "launch_adds_up"),
    ],
)
def test_a_launch_has_two_arms_that_add_up(counts: dict[str, Any], code: str) -> None:
    given(PLANNED).when(launch(**counts)).then_rejected(code)


def test_what_is_over_cant_be_launched() -> None:
    over = CampaignPlan(**BASIS, segment="quiet", decide_after_days=30, offer_until=date(2026, 2, 28))
    given(CampaignPlanned(campaign_id="spring", at=NOW, plan=over)).when(launch()).then_rejected("offer_over")
    late = CampaignPlan(**BASIS, segment="quiet", decision_day=date(2026, 2, 28))
    given(CampaignPlanned(campaign_id="spring", at=NOW, plan=late)).when(launch()).then_rejected(
        "decided_before_launch"
    )
    today = CampaignPlan(**BASIS, segment="quiet", decision_day=date(2026, 3, 1), offer_until=date(2026, 3, 1))
    assert given(CampaignPlanned(campaign_id="spring", at=NOW, plan=today)).when(launch()).code is None


def test_an_offer_that_begins_after_the_decision_day_cant_be_launched_whichever_way_that_is_named() -> None:
    for days, code in ((31, None), (32, "offer_begins_too_late")):
        begins = date(2026, 3, 1) + timedelta(days - 1)
        for decided in ({"decide_after_days": 30}, {"decision_day": date(2026, 3, 31)}):
            planned = CampaignPlan(**BASIS, **decided, segment="quiet", offer_from=begins)
            given_plan = given(CampaignPlanned(campaign_id="spring", at=NOW, plan=planned))
            assert given_plan.when(launch()).code == code
    # The launch may come so late that it has begun by then.
    given().when(plan(offer_from=date(2027, 1, 1))).then(
        CampaignPlanned(
            campaign_id="spring",
            at=NOW,
            plan=CampaignPlan(**BASIS, segment="quiet", decide_after_days=30, offer_from=date(2027, 1, 1)),
        )
    )


def test_a_decision_day_ends_where_the_business_is_clocks_put_forward_or_not() -> None:
    launched_at = to_instant(datetime(2026, 3, 1, 23, 30, tzinfo=UTC))  # in Berlin it is the second of March
    berlin_midnight = datetime.fromisoformat("2026-04-02T00:00:00+02:00")
    assert decided_at(PLAN, launched_at, "Europe/Berlin") == to_instant(berlin_midnight)
    assert decided_at(PLAN, launched_at, "UTC") == to_instant(datetime(2026, 4, 1, tzinfo=UTC))


def test_it_is_paused_resumed_and_ended() -> None:
    paused = CampaignPaused(campaign_id="spring", at=NOW)
    resumed = CampaignResumed(campaign_id="spring", at=NOW)
    ended = CampaignEnded(campaign_id="spring", at=NOW)
    pause, resume, end = (each(campaign_id="spring") for each in (PauseCampaign, ResumeCampaign, EndCampaign))
    given(PLANNED).when(pause).then_rejected("campaign_not_launched")
    given(PLANNED, LAUNCHED).when(pause).then(paused)
    given(PLANNED, LAUNCHED, paused).when(pause).then_nothing()
    given(PLANNED, LAUNCHED, paused).when(resume).then(resumed)
    given(PLANNED, LAUNCHED).when(resume).then_nothing()
    given(PLANNED, LAUNCHED, paused).when(end).then(ended)
    given(PLANNED, LAUNCHED, ended).when(end).then_nothing()
    given(PLANNED, LAUNCHED, ended).when(resume).then_rejected("campaign_ended")
    given(PLANNED).when(end).then(ended)


# ---------------------------------------------------------------------------------------------------------- the draw

ids = st.sets(st.integers(0, 10**6).map(lambda n: f"{n:032x}"), min_size=2, max_size=60)
shares = st.integers(1, 999).map(lambda n: f"{n / 1000:.3f}")


def test_a_draw_is_that_of_a_shell_on_any_machine() -> None:
    """Worked out by `printf '%s:%s' SEED ID | sha256sum` for each of ten ids, and `sort`."""
    people = [digit * 32 for digit in "123456789a"]
    assert drawn(people, "0.3", "0" * 32) == {"4" * 32, "1" * 32, "9" * 32}


@hypothesis.given(ids, shares, st.text("0123456789abcdef", min_size=16, max_size=32), st.randoms())
def test_the_draw_depends_on_the_seed_and_on_who_they_are_alone(
    people: set[str], share: str, seed: str, random: Any
) -> None:
    held_out = drawn(people, share, seed)
    shuffled = sorted(people)
    random.shuffle(shuffled)
    assert drawn(shuffled, share, seed) == held_out
    by_digest = sorted(people, key=lambda each: (hashlib.sha256(f"{seed}:{each}".encode()).hexdigest(), each))
    assert held_out == {*by_digest[: len(held_out)]}
    assert held_out < people
    assert len(held_out) == how_many_held_out(len(people), share)


@hypothesis.given(st.integers(2, 100_000), shares)
def test_so_many_are_held_out_as_the_share_says_and_never_nobody_or_everybody(people: int, share: str) -> None:
    held_out = how_many_held_out(people, share)
    assert 1 <= held_out < people
    if 1 < held_out < people - 1:
        assert -Fraction(1, 2) < held_out - Fraction(share) * people <= Fraction(1, 2)


def test_half_a_person_counts_as_one() -> None:
    assert [how_many_held_out(count, "0.5") for count in (2, 3, 5)] == [1, 2, 3]
    assert [how_many_held_out(count, "0.2") for count in (2, 12, 13, 300)] == [1, 2, 3, 60]


def test_by_default_half_of_few_are_held_out_and_a_fifth_of_many() -> None:
    assert [share_by_default(count) for count in (2, 999, 1_000, 20_000)] == ["0.5", "0.5", "0.2", "0.2"]


def test_the_window_of_an_earlier_launch_ends_earlier() -> None:
    spans = [decided_at(PLAN, NOW - days * 86_400_000_000, "Europe/Berlin") for days in range(100)]
    assert spans == sorted(spans, reverse=True)
    assert len({*spans}) == 100
    assert timedelta(days=30) < timedelta(microseconds=spans[0] - NOW) < timedelta(days=31)
