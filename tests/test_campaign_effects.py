"""What a campaign's effect is told as: its words, its arms, what stands beside it, and what several are together."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from io import StringIO
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from rich.console import Console

from launched import launch, plan, register
from regulars import (
    ChangeCampaign,
    GiveConsent,
    MergeCustomers,
    NotFound,
    OpenTicket,
    RecordOfferBounced,
    RecordOfferSent,
    RecordPurchase,
    RecordReturn,
    Regulars,
    VoidPurchase,
    parse_rules,
)
from regulars.cli.campaign_effect_drawn import bar, effect
from regulars.effects.judging import Unit, judge_bought, judge_pooled, judge_spend
from regulars.effects.values import Difference, Exploratory
from saying import Say
from shops import DAY, HOUR, Clock, default_text, opened

EUR = Unit("EUR a family", 2, said=0.01, told=0.01)
SEED = "1"

# --------------------------------------------------------------------------------------------------------------- words


@pytest.mark.parametrize(
    ("treated", "held_out", "said"),
    [
        # The intervals of R. G. Newcombe, Statistics in Medicine 17 (1998), table II, method 10, examples (a) and (c).
        ((56, 70), (48, 80), "A difference: 20.0 points more among the treated; between +5.2 and +33.4 points."),
        ((48, 80), (56, 70), "A difference: 20.0 points less among the treated; between -33.4 and -5.2 points."),
        ((5, 56), (0, 29), "No difference shown; between -3.8 and +19.3 points. Arms of this size show one of "),
    ],
)
def test_who_bought_is_told_in_points(treated: tuple[int, int], held_out: tuple[int, int], said: str) -> None:
    assert judge_bought(*treated, *held_out, "0.5").sentence.startswith(said)


def test_an_arm_under_20_cant_tell_and_it_is_said_how_many_would_do() -> None:
    found = judge_bought(30, 81, 0, 19, "0.19")
    assert (found.verdict, found.difference, found.could_show) == ("cant_tell", None, None)
    assert found.sentence == (
        "Can't tell: 81 families treated and 19 held out, and it takes 20 in each arm; "
        "106 would do with a share of 0.19 held out."
    )
    assert judge_spend([5] * 81, [0] * 19, "0.19", SEED, EUR).sentence == found.sentence
    assert judge_bought(30, 80, 0, 20, "0.2").verdict == "difference"


def test_spend_of_which_nothing_is_known_cant_be_told() -> None:
    assert "spent the same" in judge_spend([0] * 50, [0] * 50, "0.5", SEED, EUR).sentence


def test_spend_is_told_in_the_currency_a_family() -> None:
    treated = [1010 + 10 * number for number in range(40)]
    found = judge_spend(treated, list(range(40)), "0.5", SEED, EUR)
    assert found.sentence.startswith("A difference: 11.86 EUR a family more among the treated; between +11.")
    assert found.difference is not None
    assert found.difference.value == pytest.approx(11.855)
    nothing = judge_spend(treated, treated[::-1], "0.5", SEED, EUR)
    assert nothing.sentence.startswith("No difference shown; between -")
    assert nothing.sentence.endswith(" EUR a family 4 times out of 5.")


arms = st.integers(20, 300).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@given(arms, arms)
def test_a_difference_is_one_where_the_interval_excludes_0_and_turns_with_the_arms(
    one: tuple[int, int], other: tuple[int, int]
) -> None:
    found, turned = judge_bought(*one, *other, "0.5"), judge_bought(*other, *one, "0.5")
    assert found.difference is not None
    assert turned.difference is not None
    contains = found.difference.low <= 0 <= found.difference.high
    assert found.verdict == turned.verdict == ("no_difference" if contains else "difference")
    assert found.sentence.startswith("No difference shown" if contains else "A difference")
    mirrored = (-found.difference.value, -found.difference.high, -found.difference.low)
    ends = (turned.difference.value, turned.difference.low, turned.difference.high)
    assert ends == pytest.approx(mirrored, abs=1e-12)


@given(st.lists(st.tuples(arms, arms), min_size=1, max_size=4))
def test_campaigns_are_pooled_by_mantel_and_haenszel_weights(
    pairs: list[tuple[tuple[int, int], tuple[int, int]]],
) -> None:
    found = judge_pooled([(*one, *other) for one, other in pairs])
    weights = [Fraction(n1 * n0, n1 + n0) for (_, n1), (_, n0) in pairs]
    shares = [Fraction(x1, n1) - Fraction(x0, n0) for (x1, n1), (x0, n0) in pairs]
    wanted = sum(weight * share for weight, share in zip(weights, shares, strict=True)) / sum(weights)
    if found.difference is None:
        assert {x1 in (0, n1) for (x1, n1), _ in pairs} == {True}  # everybody did the same
    else:
        assert found.difference.value == pytest.approx(float(wanted), abs=1e-12)


def test_small_campaigns_can_tell_together_what_none_can_alone() -> None:
    stratum = (9, 12, 2, 12)
    assert judge_bought(*stratum, "0.5").verdict == "cant_tell"
    assert judge_pooled([stratum]).verdict == "cant_tell"
    assert judge_pooled([stratum] * 2).verdict == "difference"
    assert judge_pooled([(9, 24, 0, 0), (0, 0, 2, 24)]).sentence == (
        "Can't tell: no campaign has families left in both arms."
    )


@given(st.floats(-1, 1), st.floats(0, 1), st.floats(0, 1))
def test_an_interval_is_drawn_with_its_dot_between_its_ends_and_0_where_it_is(
    value: float, less: float, more: float
) -> None:
    line, zero = bar(Difference(value=value, low=value - less, high=value + more))
    assert len(line) <= 51
    dot, place = line.index("●"), zero.index("0")
    assert (place <= dot) if value >= 0 else (dot <= place)
    if place not in (0, dot) and value - less < 0 < value + more:
        assert line[place] in "┼│"


# ------------------------------------------------------------------------------------------------------------- a store

PEOPLE, HELD_OUT = 60, 24
QUIET = """
[[segment]]
id = "quiet"
enter = [{ fact = "orders", below = 1 }]
"""


@pytest.fixture
def clock() -> Clock:
    return Clock(datetime(2024, 1, 1, 12, tzinfo=UTC))


@pytest.fixture
def crm(tmp_path: Path, clock: Clock) -> Iterator[Regulars]:
    """A store whose rules have a segment of those who never bought, and 60 customers, all in it."""
    with opened(str(tmp_path / "shop.db"), clock) as crm:
        crm.rules.publish(parse_rules(default_text() + QUIET), reason="who never bought")
        register(crm, PEOPLE)
        clock.now += DAY
        yield crm


def launched(
    crm: Regulars,
    clock: Clock,
    campaign_id: str = "spring",
    count: int = PEOPLE,
    held_out: int = HELD_OUT,
    **fields: object,
) -> tuple[list[str], list[str], dict[str, str]]:
    """Who is treated, who is held out, and the offer ids of all, of a campaign that is launched an hour later."""
    people = [f"shop:{number}" for number in range(count)]
    plan(crm, campaign_id, people, **fields)
    clock.now += HOUR
    offers = launch(crm, campaign_id, people, held_out, clock.now)
    crm.catch_up()
    held = {each.ref for each in crm.campaigns.who(campaign_id, arm="held_out")}
    return [each for each in people if each not in held], [each for each in people if each in held], offers


def buy(crm: Regulars, people: list[str], amount: str = "20.00") -> None:
    crm.do([RecordPurchase(customer=each, order_id=f"A-{each}", amount=amount) for each in people])


def test_before_its_decision_day_a_campaign_has_arms_and_no_outcome(crm: Regulars, clock: Clock) -> None:
    treated, held_out, _ = launched(crm, clock)
    buy(crm, treated[:9])
    clock.now = crm.campaigns.effect("spring").decide_at - timedelta(microseconds=1)
    found = crm.campaigns.effect("spring")
    assert (found.is_decided, found.then, found.now, found.exploratory) == (False, None, None, ())
    assert (found.treated.families, found.held_out.families) == (len(treated), len(held_out)) == (36, 24)
    assert found.sentence.startswith("Not decided yet: the difference is told once 2024-02-01 is over")
    clock.now += timedelta(microseconds=1)
    assert crm.campaigns.effect("spring").is_decided


def test_what_comes_back_later_is_taken_off_now_and_not_then(crm: Regulars, clock: Clock) -> None:
    treated, _, _ = launched(crm, clock)
    buy(crm, treated[:3])
    clock.now += 31 * DAY
    crm.do(RecordReturn(order_id=f"A-{treated[0]}"))
    crm.do(RecordReturn(order_id=f"A-{treated[1]}", amount="5"))
    crm.do(VoidPurchase(order_id=f"A-{treated[2]}"))
    found = crm.campaigns.effect("spring")
    assert found.then is not None
    assert found.now is not None
    assert (found.then.treated.bought, found.then.treated.spend) == (3, Decimal("60.00"))
    assert (found.now.treated.bought, found.now.treated.spend) == (1, Decimal("15.00"))
    assert crm.campaigns.effect("spring", known_at=found.decide_at.date()).now == found.then


def test_whoever_is_skipped_bounces_or_is_sent_it_by_mistake_stays_in_their_arm(crm: Regulars, clock: Clock) -> None:
    treated, held_out, offers = launched(crm, clock)
    crm.do([RecordOfferSent(offer_id=offers[each], channel="post") for each in (*treated[:5], *held_out[:2])])
    crm.do(RecordOfferBounced(offer_id=offers[treated[0]], hard=True))
    buy(crm, [treated[0], held_out[0]])
    clock.now += 31 * DAY
    found = crm.campaigns.effect("spring")
    assert found.now is not None
    assert found.treated.offers == {"assigned": 31, "bounced": 1, "sent": 4}
    assert found.held_out.offers == {"held_out": 22, "sent": 2}
    assert (found.now.treated.bought, found.now.held_out.bought) == (1, 1)


def test_merged_customers_are_one_family_and_forgotten_ones_count_as_they_did(crm: Regulars, clock: Clock) -> None:
    treated, held_out, _ = launched(crm, clock)
    buy(crm, [treated[0], held_out[0], treated[1]])
    clock.now += 31 * DAY
    before = crm.campaigns.effect("spring")
    for who in (treated[0], held_out[0], held_out[1]):
        crm.forget(who, reason="asked for it")
    assert crm.campaigns.effect("spring").now.treated == before.now.treated  # type: ignore[union-attr]
    assert crm.campaigns.effect("spring").then == before.then
    crm.do(MergeCustomers(customer=treated[1], into=treated[2]))
    crm.do(MergeCustomers(customer=treated[3], into=held_out[2]))
    after = crm.campaigns.effect("spring")
    assert after.then == before.then
    assert after.crossed == 1
    assert after.treated.families + after.held_out.families == PEOPLE - 2


def test_who_bought_and_left_the_segment_is_counted(crm: Regulars, clock: Clock) -> None:
    people = [f"shop:{number}" for number in range(PEOPLE)]
    plan(crm, "spring", people, segment="quiet", customers=None)
    clock.now += HOUR
    launch(crm, "spring", people, HELD_OUT, clock.now)
    crm.catch_up()
    held = {each.ref for each in crm.campaigns.who("spring", arm="held_out")}
    buyers = [each for each in people if each not in held][:12]
    buy(crm, buyers)
    crm.do(OpenTicket(customer=buyers[0], ticket_id="T-1", subject="late"))
    clock.now += 31 * DAY
    found = crm.campaigns.effect("spring")
    assert found.now is not None
    assert (found.now.treated.families, found.now.treated.bought) == (36, 12)
    explored = {(each.what, each.value): (each.treated, each.held_out) for each in found.exploratory}
    assert explored["bought and left the segment", "quiet"] == (12, 0)
    assert explored["segment", "quiet"] == (24, 24)
    assert explored["stage", "lead"] == (24, 24)
    assert sum(treated for (what, _), (treated, _) in explored.items() if what == "risk") == 36
    assert sum(treated for (what, _), (treated, _) in explored.items() if what == "tickets") == 1


def test_campaigns_of_a_kind_are_told_together_and_whom_they_share_is_shown(crm: Regulars, clock: Clock) -> None:
    treated, _, _ = launched(crm, clock, "one", 30, 12, kind="win back")
    launched(crm, clock, "two", 40, 16, kind="win back")
    buy(crm, treated[:10])
    launched(crm, clock, "three", 60, 24, kind="news", outcome="spend")
    clock.now += 40 * DAY
    launched(crm, clock, "four", 60, 24, kind="win back")
    found = crm.campaigns.effects()
    assert [each.kind for each in found.kinds] == ["news", "win back"]
    news, win_back = found.kinds
    assert (news.then, news.now, news.campaigns[0].is_pooled) == (None, None, False)
    assert [(each.campaign_id, each.is_pooled) for each in win_back.campaigns] == [
        ("one", True),
        ("two", True),
        ("four", False),
    ]
    assert win_back.now is not None
    assert (win_back.now.treated.families, win_back.now.held_out.families) == (18 + 24, 12 + 16)
    readings = [each.now for each in win_back.campaigns if each.now is not None]
    assert win_back.now.treated.bought == sum(each.treated.bought for each in readings)
    # Who is in the smaller campaign is in the larger one, too; the fourth began when all others were over.
    assert {(each.first, each.second): each.families for each in found.overlaps} == {
        ("one", "two"): 30,
        ("one", "three"): 30,
        ("two", "three"): 40,
    }
    only = crm.campaigns.effects("news")
    assert [each.kind for each in only.kinds] == ["news"]
    assert {(each.first, each.second) for each in only.overlaps} == {("one", "three"), ("two", "three")}
    assert {each.second for each in crm.campaigns.effect("one").overlaps} == {"two", "three"}


def test_a_campaign_that_is_alone_of_its_kind_is_told_as_it_is_by_itself(crm: Regulars, clock: Clock) -> None:
    """Of 20 in 36 and 7 in 24 Newcombe's interval excludes 0, and the pooled one doesn't."""
    treated, held_out, _ = launched(crm, clock)
    buy(crm, treated[:20] + held_out[:7])
    clock.now += 31 * DAY
    alone, (kind,) = crm.campaigns.effect("spring"), crm.campaigns.effects().kinds
    for together, itself in ((kind.then, alone.then), (kind.now, alone.now)):
        assert together is not None
        assert itself is not None
        assert (together.verdict, together.difference, together.sentence) == (
            itself.verdict,
            itself.difference,
            itself.sentence,
        )


def test_whom_a_launch_drew_is_in_an_arm_also_where_its_plan_was_made_a_little_ahead_of_the_clock(
    crm: Regulars, clock: Clock
) -> None:
    for back in (timedelta(0), timedelta(seconds=1), timedelta(minutes=4)):
        people = [f"shop:{number}" for number in range(PEOPLE)]
        clock.now += 31 * DAY
        crm.do([GiveConsent(customer=each, channel="post", purpose="news") for each in people])
        clock.now += DAY
        campaign_id = f"back {back.seconds}"
        plan(crm, campaign_id, people)
        crm.do(ChangeCampaign(campaign_id=campaign_id, title="Tea"))
        clock.now -= back
        crm.campaigns.launch(campaign_id)
        found = crm.campaigns.effect(campaign_id)
        assert (found.treated.families, found.held_out.families) == (PEOPLE // 2, PEOPLE // 2)


def test_progress_is_told_of_every_customer_who_was_drawn(crm: Regulars, clock: Clock) -> None:
    launched(crm, clock)
    told: list[tuple[int, int]] = []
    crm.campaigns.effect("spring", on_progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (PEOPLE, PEOPLE)
    clock.now += 31 * DAY
    crm.campaigns.effect("spring", on_progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (2 * PEOPLE, 2 * PEOPLE)


def test_what_has_no_effect_is_said_in_a_sentence(crm: Regulars) -> None:
    with pytest.raises(NotFound, match='there is no campaign "spring"'):
        crm.campaigns.effect("spring")
    plan(crm, "spring", ["shop:1", "shop:2"])
    with pytest.raises(NotFound, match='there is no campaign "spring" that was known then'):
        crm.campaigns.effect("spring", known_at=datetime(2024, 1, 1, tzinfo=UTC))
    with pytest.raises(NotFound, match='campaign "spring" isn\'t launched yet, so it has no effect'):
        crm.campaigns.effect("spring")
    with pytest.raises(NotFound, match='no campaign is of the kind "sale"; kinds there are: offer'):
        crm.campaigns.effects("sale")
    assert crm.campaigns.effects().kinds == (crm.campaigns.effects("offer").kinds)


# ---------------------------------------------------------------------------------------------------- the command line


def test_an_effect_is_read_in_80_columns_as_json_and_as_a_picture(
    crm: Regulars, clock: Clock, say: Say, tmp_path: Path
) -> None:
    treated, held_out, offers = launched(crm, clock, kind="win back")
    launched(crm, clock, "more", 50, 20, outcome="spend")
    crm.do(RecordOfferSent(offer_id=offers[held_out[0]], channel="post"))
    buy(crm, treated[:20])
    db = ("--db", str(tmp_path / "shop.db"))
    running = say("campaign", "effect", "spring", "--known-at", "2024-01-10", *db)
    assert "Not decided yet: the difference is told once 2024-02-01 is over" in " ".join(running.out.split())
    found = say("campaign", "effect", "spring", *db)
    assert found.widest <= 80
    assert "As known now: A difference: " in found.out
    assert "1 who were held out got something all the same; they stay held out." in found.out
    assert "Exploratory, on the decision day: to be looked at, without a verdict." in found.out
    plain = say("campaign", "effect", "spring", "--json", *db).json
    assert (plain["now"]["treated"]["bought"], plain["now"]["verdict"]) == (20, "difference")
    together = say("campaign", "effect", "--all", *db)
    assert together.widest <= 80
    assert "* judged by what a family spent, in EUR, and so not pooled." in together.out
    assert [each["kind"] for each in say("campaign", "effect", "--all", "--kind", "offer", "--json", *db).json["kinds"]]
    for asked in (("spring",), ("--all",)):
        assert say("campaign", "effect", *asked, "--svg", str(tmp_path / "effect.svg"), "--force", *db).status == 0
        picture = (tmp_path / "effect.svg").read_text(encoding="utf-8")
        assert "one across 0 shows no difference" in picture


def test_what_is_there_to_be_looked_at_is_said_to_be_more_where_not_all_of_it_is_shown(
    crm: Regulars, clock: Clock
) -> None:
    launched(crm, clock)
    clock.now += 31 * DAY
    found = crm.campaigns.effect("spring")
    for count, said in ((8, None), (11, "and 3 more: --json has all")):
        values = tuple(Exploratory(what="segment", value=f"s{n}", treated=n, held_out=0) for n in range(count))
        console = Console(width=80, file=StringIO())
        console.print(*effect(replace(found, exploratory=values), ZoneInfo("UTC")))
        assert isinstance(console.file, StringIO)
        shown = console.file.getvalue()
        assert "s7" in shown
        assert said in shown if said else "--json" not in shown


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ((), "expected the id of a campaign, or --all"),
        (("spring", "--all"), "expected the id of a campaign, or --all"),
        (("spring", "--kind", "offer"), "it means something only together with --all"),
        (("spring",), 'there is no campaign "spring"'),
    ],
)
def test_what_cant_be_asked_is_refused_in_a_sentence(
    crm: Regulars, say: Say, tmp_path: Path, asked: tuple[str, ...], said: str
) -> None:
    refused = say("campaign", "effect", *asked, "--db", str(tmp_path / "shop.db"))
    assert refused.status != 0
    assert said in " ".join(refused.err.split())
