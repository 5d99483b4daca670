"""Bonus points come with what a rule names, once, and go with it; no point appears or vanishes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import regulars
from regulars import (
    BonusEarned,
    BonusReversed,
    ChangeContactDetails,
    Command,
    CorrectPurchase,
    EnrollMember,
    MakeReferral,
    MergeCustomers,
    OrderLine,
    Outcome,
    PointsEarned,
    PointsReversed,
    ReassignPurchase,
    RecordPurchase,
    RecordReturn,
    RecordSurveyAnswer,
    RecordSurveySent,
    RedeemPoints,
    RegisterCustomer,
    Regulars,
    Rejected,
    RestorePurchase,
    ResumeMembership,
    SuspendMembership,
    UndoMerge,
    VoidPurchase,
    as_toml,
    default_rules,
    parse_rules,
)
from shops import BEGIN, DAY, Clock, fresh_store, opened

EARN = """
[[earn]]
id = "welcome"
on = "first_order"
points = 50

[[earn]]
id = "tea"
on = "category"
skus = ["tea-*", "cup"]
per_unit = "2"

[[earn]]
id = "friend"
on = "referral"
for = "both"
keep_days = 3
minimum = "20.00"
points = 100

[[earn]]
id = "month"
on = "birthday_month"
per_unit = "1"

[[earn]]
id = "answer"
on = "survey_answered"
points = 20
"""
#: Points can be spent at once, so that what is taken back may be spent by then.
RULES = parse_rules(as_toml(default_rules()).replace("pending_days = 14", "pending_days = 0") + EARN)
MEMBERS = ("ada", "cy", "di")
EVERYBODY = (*MEMBERS, "bob")


def on(day: int) -> datetime:
    return BEGIN + day * DAY


@contextmanager
def shop(url: str, clock: Clock) -> Iterator[Regulars]:
    """Ada brought Cy, and Di who has the same address as she; Bob is no member."""
    with opened(url, clock) as crm:
        crm.rules.publish(RULES, reason="bonus points")
        mails = {"ada": "ada@example.com", "cy": "cy@example.com", "di": "Ada@Example.com", "bob": None}
        crm.do([RegisterCustomer(ref=who, email=mail, occurred_at=BEGIN) for who, mail in mails.items()])
        crm.do([EnrollMember(customer=who, occurred_at=BEGIN) for who in MEMBERS])
        crm.do([MakeReferral(customer="ada", referred=who, occurred_at=BEGIN) for who in ("cy", "di")])
        yield crm


@pytest.fixture
def clock() -> Clock:
    return Clock(on(100))


@pytest.fixture
def crm(database_url: str, clock: Clock) -> Iterator[Regulars]:
    with shop(database_url, clock) as crm:
        yield crm


def bought(who: str, order_id: str, amount: int, *, day: int = 99, sku: str = "mug") -> RecordPurchase:
    lines = (OrderLine(sku=sku),)
    return RecordPurchase(customer=who, order_id=order_id, amount=str(amount), lines=lines, occurred_at=on(day))


def moved(outcome: Outcome) -> dict[str, int]:
    """By rule, how many bonus points an outcome gave, all who got any together; below zero, took back."""
    found: Counter[str] = Counter()
    for each in outcome.events:
        if isinstance(each.event, BonusEarned | BonusReversed):
            found[each.event.rule] += each.event.points * (1 if isinstance(each.event, BonusEarned) else -1)
    return dict(found)


# ---------------------------------------------------------------------------------------------- any history, and a book


@dataclass
class Sold:
    who: str
    amount: int
    tea: bool
    day: int
    back: int = 0
    void: bool = False
    given: set[str] = field(default_factory=set)

    @property
    def net(self) -> int:
        return 0 if self.void else self.amount - self.back


@dataclass
class Book:
    """What was told, kept as the documentation words it: which order has which bonus, and what of it is left."""

    orders: dict[str, Sold] = field(default_factory=dict)
    merged: bool = False

    def family(self, who: str) -> set[str]:
        return {"ada", "bob"} if self.merged and who in ("ada", "bob") else {who}

    def decide(self, sold: Sold) -> None:
        """What an order brings when it is recorded, or recorded anew."""
        family = self.family(sold.who)
        theirs = [each for each in self.orders.values() if each.who in family and each is not sold and not each.void]
        is_first = all(each.day > sold.day for each in theirs)
        if not family & {*MEMBERS}:
            return
        if sold.tea:
            sold.given.add("tea")
        for rule, is_there in (("welcome", True), ("friend", sold.who == "cy")):
            if any(rule in each.given for each in theirs):
                sold.given.discard(rule)
            elif is_first and is_there:
                sold.given.add(rule)

    def take(self, wish: tuple[Any, ...], day: int) -> None:
        sold = self.orders.get(wish[1])
        match wish:
            case ("buy", name, who, amount, tea):
                if sold is None:
                    self.orders[name] = Sold(who, amount, tea, day)
                    self.decide(self.orders[name])
            case ("back", _, part):
                if sold is not None and not sold.void and part <= sold.amount - sold.back:
                    sold.back += part
            case ("void", _):
                if sold is not None:
                    sold.void = True
            case ("restore", _):
                if sold is not None and sold.void:
                    sold.void = False
                    self.decide(sold)
            case ("correct", _, amount):
                if sold is not None and not sold.void and amount >= sold.back and amount != sold.amount:
                    sold.amount = amount
                    self.decide(sold)
            case ("merge", _):
                self.merged = True
            case ("undo", _):
                self.merged = False

    def outstanding(self) -> dict[str, int]:
        """By rule, the bonus points that were given and not taken back."""
        found: Counter[str] = Counter()
        for sold in self.orders.values():
            worth = {"welcome": 50, "friend": 200, "tea": 2 * sold.net}
            found += Counter({rule: worth[rule] for rule in sold.given if sold.net > 0})
        return dict(found)


def command_of(wish: tuple[Any, ...], number: int, at: datetime) -> Command:
    match wish:
        case ("buy", name, who, amount, tea):
            lines = (OrderLine(sku="tea-green" if tea else "mug"),)
            return RecordPurchase(customer=who, order_id=name, amount=str(amount), lines=lines, occurred_at=at)
        case ("back", name, part):
            return RecordReturn(order_id=name, amount=str(part))
        case ("void", name):
            return VoidPurchase(order_id=name)
        case ("restore", name):
            return RestorePurchase(order_id=name)
        case ("correct", name, amount):
            return CorrectPurchase(order_id=name, amount=str(amount))
        case ("merge", _):
            return MergeCustomers(customer="bob", into="ada")
        case ("undo", _):
            return UndoMerge(customer="bob")
        case ("spend", who, points):
            return RedeemPoints(customer=who, points=points, redemption_id=f"V-{number}")
        case ("give", name, who):
            return ReassignPurchase(order_id=name, to=who)
        case ("move", name, days):
            return CorrectPurchase(order_id=name, bought_at=at - days * DAY)
        case ("rest", who, days):
            return SuspendMembership(customer=who, occurred_at=at - days * DAY)
        case ("go on", who, days):
            return ResumeMembership(customer=who, occurred_at=at - days * DAY)
        case ("answer", who, survey):
            return RecordSurveyAnswer(customer=who, survey="nps", score=9, survey_id=survey)
    raise AssertionError(wish)


names, whole = st.sampled_from(["A", "B", "C"]), st.sampled_from([20, 30, 50])
wishes = st.one_of(
    st.tuples(st.just("buy"), names, st.sampled_from(EVERYBODY), whole, st.booleans()),
    st.tuples(st.just("back"), names, st.sampled_from([10, 20])),
    st.tuples(st.sampled_from(["void", "restore"]), names),
    st.tuples(st.just("correct"), names, whole),
    st.tuples(st.sampled_from(["merge", "undo"]), st.just("bob")),
    st.tuples(st.just("spend"), st.sampled_from(MEMBERS), st.sampled_from([20, 60])),
)
late_ones = st.one_of(
    wishes,
    st.tuples(st.just("give"), names, st.sampled_from(EVERYBODY)),
    st.tuples(st.just("move"), names, st.integers(0, 9)),
    st.tuples(st.sampled_from(["rest", "go on"]), st.sampled_from(MEMBERS), st.integers(0, 9)),
    st.tuples(st.just("answer"), st.sampled_from(EVERYBODY), st.sampled_from(["S", "T"])),
)


def tell(crm: Regulars, clock: Clock, wish: tuple[Any, ...], number: int) -> bool:
    clock.now += DAY
    try:
        crm.do(command_of(wish, number, clock.now))
    except Rejected:
        return False
    return True


def given_and_left(crm: Regulars) -> dict[str, int]:
    """By rule, the bonus points that the log gave and didn't take back."""
    found: Counter[str] = Counter()
    for each in crm.events(types=(BonusEarned, BonusReversed)):
        event: Any = each.event
        found[event.rule] += event.points if isinstance(event, BonusEarned) else -event.points
    assert all(points >= 0 for points in found.values())
    return {rule: points for rule, points in found.items() if points}


def require_conserved(crm: Regulars) -> None:
    """Of everybody: what was earned is what can be spent, is pending, was spent, expired or was taken back, or owed."""
    for who in EVERYBODY:
        root = crm.customer(who).id
        theirs = list(crm.events(customer=root))
        earned = sum(each.event.points for each in theirs if isinstance(each.event, PointsEarned | BonusEarned))
        lost = sum(each.event.points for each in theirs if isinstance(each.event, PointsReversed | BonusReversed))
        found = crm.points(who)
        assert earned - lost == found.balance + found.pending + found.spent + found.expired, who


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
@settings(max_examples=20)
@given(history=st.lists(wishes, min_size=2, max_size=12))
def test_each_order_has_the_bonus_that_a_book_kept_beside_says(
    kind: str, postgres_url: str, history: list[tuple[Any, ...]]
) -> None:
    clock, book = Clock(on(100)), Book()
    with fresh_store(kind, postgres_url) as url, shop(url, clock) as crm:
        for number, wish in enumerate(history):
            if tell(crm, clock, wish, number):
                book.take(wish, number)
            assert given_and_left(crm) == book.outstanding(), wish
        require_conserved(crm)


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
@settings(max_examples=15)
@given(history=st.lists(late_ones, min_size=4, max_size=12))
def test_points_are_conserved_and_folded_alike_whatever_is_told(
    kind: str, postgres_url: str, history: list[tuple[Any, ...]]
) -> None:
    clock = Clock(on(100))
    with fresh_store(kind, postgres_url) as url, shop(url, clock) as crm:
        for number, wish in enumerate(history):
            tell(crm, clock, wish, number)
            crm.catch_up()
        require_conserved(crm)
        assert crm.projections.verify().holds  # folded as it came is folded afresh
        assert given_and_left(crm).get("friend", 0) <= 200
        assert given_and_left(crm).get("answer", 0) <= 20 * 2 * len(MEMBERS)


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
@settings(max_examples=10)
@given(history=st.lists(late_ones, max_size=8), who=st.sampled_from(EVERYBODY), amount=whole, tea=st.booleans())
def test_an_order_brings_what_was_forecast(
    kind: str, postgres_url: str, history: list[tuple[Any, ...]], who: str, amount: int, tea: bool
) -> None:
    clock = Clock(on(100))
    with fresh_store(kind, postgres_url) as url, shop(url, clock) as crm:
        for number, wish in enumerate(history):
            tell(crm, clock, wish, number)
        clock.now += DAY
        before, version = crm.customer(who).tier, crm.version_of(who)
        lines = (OrderLine(sku="tea-green" if tea else "mug"),)
        forecast = crm.rewards_forecast(who, str(amount), lines=lines)
        assert crm.version_of(who) == version  # nothing was recorded
        done = crm.do(RecordPurchase(customer=who, order_id="new", amount=str(amount), lines=lines))
        points = sum(each.event.points for each in done.events if isinstance(each.event, PointsEarned))
        bonuses = Counter({each.rule: 0 for each in forecast.bonuses})
        bonuses.update({rule: sum(each.points for each in forecast.bonuses if each.rule == rule) for rule in bonuses})
        assert (forecast.points, dict(bonuses)) == (points, moved(done))
        assert (forecast.tier_before or "none", forecast.tier_after or "none") == (before, crm.customer(who).tier)
        assert forecast.notices == done.notices


# ------------------------------------------------------------------------------------------------------ the occasions


def test_of_a_category_the_lines_count_that_are_of_it(crm: Regulars) -> None:
    lines = (OrderLine(sku="tea-black", amount="12.70"), OrderLine(sku="cup", amount="3"), OrderLine(sku="teapot"))
    order = RecordPurchase(customer="ada", order_id="A", amount="60", lines=lines)
    assert moved(crm.do(order)) == {"welcome": 50, "tea": 31}
    assert moved(crm.do(RecordReturn(order_id="A", amount="30"))) == {"tea": -16}  # 7.85 are left of them
    assert moved(crm.do(RecordReturn(order_id="A"))) == {"tea": -15, "welcome": -50}


def test_a_corrected_line_is_of_the_category_or_not(crm: Regulars) -> None:
    crm.do([bought("ada", "A", 30, sku="mug"), bought("ada", "B", 40, sku="tea-1")])
    assert moved(crm.do(CorrectPurchase(order_id="A", lines=(OrderLine(sku="tea-2"),)))) == {"welcome": 0, "tea": 60}
    assert moved(crm.do(CorrectPurchase(order_id="B", lines=(OrderLine(sku="pot"),)))) == {"tea": -80}


def test_the_first_order_is_that_of_all_who_are_one(crm: Regulars) -> None:
    crm.do([bought("bob", "B", 10, day=5), MergeCustomers(customer="bob", into="ada")])
    assert moved(crm.do(bought("ada", "A", 10, day=6))) == {}
    assert moved(crm.do(bought("cy", "C", 10, day=6))) == {"welcome": 50}


def test_an_earlier_order_that_is_told_later_takes_nothing_away_and_brings_nothing(crm: Regulars) -> None:
    assert moved(crm.do(bought("ada", "A", 10, day=6))) == {"welcome": 50}
    assert moved(crm.do(bought("ada", "B", 10, day=5))) == {}


def test_after_a_first_order_that_never_was_another_one_is(crm: Regulars) -> None:
    crm.do([bought("ada", "A", 10, day=5), VoidPurchase(order_id="A")])
    assert moved(crm.do(bought("ada", "B", 10, day=6))) == {"welcome": 50}
    assert moved(crm.do(RestorePurchase(order_id="A"))) == {}


@pytest.mark.parametrize(
    ("birthday", "day", "is_in"),
    [
        ("1990-03-31", "2024-03-31T21:59:00+00:00", True),  # still March in Berlin
        ("1990-03-31", "2024-03-31T22:00:00+00:00", False),
        ("--04-01", "2024-03-31T22:00:00+00:00", True),
        ("lunar:1990-02-15", "2024-03-31T12:00:00+00:00", True),  # the 22nd of the second month
        ("lunar:1990-03-15", "2024-03-31T12:00:00+00:00", False),
    ],
)
def test_the_month_of_a_birthday_is_that_of_the_business_calendar(
    crm: Regulars, birthday: str, day: str, is_in: bool
) -> None:
    crm.do(ChangeContactDetails(customer="ada", birthday=birthday))
    order = RecordPurchase(customer="ada", order_id="A", amount="17.90", occurred_at=datetime.fromisoformat(day))
    assert moved(crm.do(order)) == {"welcome": 50} | ({"month": 17} if is_in else {})
    assert crm.projections.verify().holds


def test_an_order_that_was_in_another_month_is_decided_anew(crm: Regulars) -> None:
    crm.do(ChangeContactDetails(customer="ada", birthday="1990-03-15"))
    assert moved(crm.do(bought("ada", "A", 10, day=64)))["month"] == 10
    crm.do(ChangeContactDetails(customer="ada", birthday="1990-02-15"))
    assert moved(crm.do(CorrectPurchase(order_id="A", bought_at=on(65), amount="20")))["month"] == 10
    assert moved(crm.do(CorrectPurchase(order_id="A", bought_at=on(10))))["month"] == -20


def test_an_answer_is_rewarded_once_to_who_was_asked(crm: Regulars, clock: Clock) -> None:
    def answered(who: str, survey_id: str | None) -> dict[str, int]:
        return moved(crm.do(RecordSurveyAnswer(customer=who, survey="nps", score=2, survey_id=survey_id)))

    crm.do(RecordSurveySent(customer="ada", survey_id="S", survey="nps", channel="email"))
    assert answered("cy", "S") == {}
    assert answered("ada", "S") == {"answer": 20}
    assert answered("ada", "S") == {}
    assert answered("bob", "T") == {}  # is no member
    assert answered("ada", None) == {}  # could be told any number of times
    clock.now += DAY
    assert crm.points("ada").balance == 20  # nothing can take it back, so it can be spent at once


# ------------------------------------------------------------------------------------------------------------ referrals


def test_both_are_rewarded_once_the_first_purchase_is_kept(crm: Regulars, clock: Clock) -> None:
    assert moved(crm.do(bought("cy", "C", 20, day=99))) == {"welcome": 50, "friend": 200}
    assert (crm.points("ada").balance, crm.points("ada").pending) == (0, 100)
    clock.now = on(102)
    assert (crm.points("ada").balance, crm.points("cy").balance) == (100, 170)
    assert moved(crm.do(bought("cy", "D", 20, day=100))) == {}
    assert moved(crm.do(RecordReturn(order_id="C", amount="19"))) == {}
    assert moved(crm.do(RecordReturn(order_id="C"))) == {"welcome": -50, "friend": -200}
    clock.now += DAY
    assert crm.points("ada").balance == 0


def test_a_small_order_is_no_occasion_and_stays_the_first(crm: Regulars) -> None:
    assert moved(crm.do(bought("cy", "C", 19))) == {"welcome": 50}
    assert moved(crm.do(CorrectPurchase(order_id="C", amount="20"))) == {"welcome": 0, "friend": 200}
    assert moved(crm.do(CorrectPurchase(order_id="C", amount="19"))) == {"welcome": 0, "friend": -200}


def test_who_has_the_same_address_is_not_rewarded_and_it_is_said(crm: Regulars) -> None:
    done = crm.do(bought("di", "D", 50))
    assert moved(done) == {"welcome": 50}
    (notice,) = done.notices
    assert notice.startswith("the referral of this customer is not rewarded")
    assert notice.endswith("they and who referred them have the same e-mail address, so they may be one person")


def test_an_address_that_was_given_up_counts_as_well(crm: Regulars) -> None:
    crm.do(ChangeContactDetails(customer="cy", email="ADA@example.com"))
    crm.do(ChangeContactDetails(customer="cy", email="cy@example.com"))
    assert "friend" not in moved(crm.do(bought("cy", "C", 50)))


def test_nobody_refers_themselves_under_another_name(crm: Regulars) -> None:
    crm.do(MergeCustomers(customer="bob", into="cy"))
    with pytest.raises(Rejected) as refused:
        crm.do(MakeReferral(customer="bob", referred="cy"))
    assert (refused.value.code, str(refused.value)) == (
        "self_referral",
        "these two are one customer, who can't refer themselves",
    )


def test_a_referral_that_became_one_with_the_referred_is_not_rewarded(crm: Regulars) -> None:
    crm.do(MakeReferral(customer="bob", referred="di", occurred_at=BEGIN))
    crm.do(MergeCustomers(customer="bob", into="di"))
    done = crm.do(bought("di", "D", 50))
    assert moved(done) == {"welcome": 50}
    assert len(done.notices) == 1  # Ada's, who has the same address


@pytest.mark.parametrize(("made", "points"), [(4, {"friend": 100}), (6, {})])
def test_a_referral_told_later_rewards_for_what_was_bought_since(
    crm: Regulars, made: int, points: dict[str, int]
) -> None:
    crm.do(RegisterCustomer(ref="eve", occurred_at=BEGIN))
    crm.do([bought("eve", "E", 30, day=5), bought("eve", "F", 30, day=7)])
    assert moved(crm.do(MakeReferral(customer="cy", referred="eve", occurred_at=on(made)))) == points
    if points:  # once for whoever is brought, whoever else says so
        assert moved(crm.do(MakeReferral(customer="ada", referred="eve", occurred_at=on(made - 1)))) == {}


def test_what_the_referrer_is_told_names_no_order(crm: Regulars) -> None:
    crm.do(bought("cy", "C-4711", 50))
    told = [each for each in crm.events(customer="ada") if isinstance(each.event, BonusEarned)]
    assert [each.event.referred_id for each in told] == [crm.find("cy")]
    assert "4711" not in repr(told)
    sentences = [each.sentence for each in crm.audit(customer="ada") if each.type == "BonusEarned"]
    assert sentences == ["Li gave ada 100 points for having referred somebody who bought (bonus friend)"]


# -------------------------------------------------------------------------------------------------------- what is late


def test_a_membership_that_is_told_late_brings_the_bonus_or_costs_it(crm: Regulars, clock: Clock) -> None:
    crm.do([bought("bob", "A", 10, day=20, sku="cup"), bought("bob", "B", 30, day=40)])
    assert moved(crm.do(EnrollMember(customer="bob", occurred_at=on(10)))) == {"welcome": 50, "tea": 20}
    assert moved(crm.do(SuspendMembership(customer="bob", occurred_at=on(15)))) == {"welcome": -50, "tea": -20}
    crm.do(RecordReturn(order_id="A", amount="5"))
    assert moved(crm.do(ResumeMembership(customer="bob", occurred_at=on(16)))) == {"welcome": 50, "tea": 10}
    clock.now += DAY
    assert crm.points("bob").balance == 5 + 30 + 50 + 10


def test_what_was_given_stays_under_other_rules(crm: Regulars, clock: Clock) -> None:
    crm.do(bought("ada", "A", 30, sku="tea-1"))
    crm.rules.publish(parse_rules(as_toml(RULES).replace('per_unit = "2"', 'per_unit = "9"')), reason="more")
    clock.now += DAY
    assert crm.points("ada").balance == 30 + 50 + 60
    assert moved(crm.do(RecordReturn(order_id="A", amount="10"))) == {"tea": -20}
    assert moved(crm.do(CorrectPurchase(order_id="A", amount="40"))) == {"welcome": 0, "tea": 20}
    assert moved(crm.do(bought("ada", "B", 10, sku="tea-1"))) == {"tea": 90}


def test_a_reassigned_order_brings_what_it_would_have_brought_its_customer(crm: Regulars) -> None:
    crm.do(bought("ada", "A", 30, sku="tea-1"))
    done = crm.do(ReassignPurchase(order_id="A", to="cy"))
    assert moved(done) == {"welcome": 0, "tea": 0, "friend": 200}


def test_a_rule_that_is_no_rule_is_refused_in_a_sentence() -> None:
    for keys, said in {
        'on = "category"\npoints = 5': 'earn: "x" is on = "category" and needs `skus`',
        'on = "referral"\npoints = 5\nkeep_days = 3': 'earn: "x" is on = "referral" and needs `for`',
        'on = "first_order"\npoints = 5\nskus = ["a"]': 'earn: "x" is on = "first_order", which takes no `skus`',
        'on = "first_order"': 'earn: "x" needs `points` or `per_unit`, and not both',
        'on = "survey_answered"\nper_unit = "1"': "which has no amount; it takes `points` alone",
        'on = "category"\npoints = 5\nskus = ["t*a"]': "an item is named whole, or by how it begins",
    }.items():
        with pytest.raises(regulars.InvalidRules) as refused:
            parse_rules(f'{as_toml(default_rules())}\n[[earn]]\nid = "x"\n{keys}\n')
        assert said in str(refused.value)
    twice = '[[earn]]\nid = "x"\non = "first_order"\npoints = 1\n' * 2
    with pytest.raises(regulars.InvalidRules, match='the id of a rule in \\[\\[earn\\]\\] "x" is used twice'):
        parse_rules(f"{as_toml(default_rules())}\n{twice}")
