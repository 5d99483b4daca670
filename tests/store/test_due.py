"""What is due to be bought again, in stores: stored as it is folded, asked on each axis, and drafted from a history."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import regulars
from regulars import (
    CorrectPurchase,
    ErasePersonalData,
    MergeCustomers,
    NotFound,
    OrderLine,
    RecordPurchase,
    RecordReturn,
    RegisterCustomer,
    Regulars,
    RestorePurchase,
    Ruleset,
    UndoMerge,
    VoidPurchase,
)
from regulars.rules_door.measuring import gaps_of, interval_of
from shops import (
    BEGIN,
    DAY,
    END,
    EXAMPLES,
    PEOPLE,
    Clock,
    Step,
    fresh_store,
    in_each_database,
    number_of,
    opened,
    other_rules,
    play,
    read_models_of,
    register,
    trade,
    with_edits,
)

ADA, BOB = PEOPLE[:2]
COFFEE = "[due_again]\nprior_weight = 2\ngaps = { coffee = 30, filters = 60 }"


def ruled(table: str = COFFEE) -> Ruleset:
    return with_edits([(END, f"{END}\n{table}")])


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def crm(database_url: str, clock: Clock) -> Iterator[Regulars]:
    with opened(database_url, clock) as crm:
        crm.do([RegisterCustomer(ref=who, name=who.title(), occurred_at=BEGIN) for who in PEOPLE])
        crm.rules.publish(ruled(), reason="coffee runs out")
        clock.now = BEGIN + 400 * DAY
        yield crm


def buy(who: str, day: float, *items: str, order_id: str = "", amount: str = "20.00") -> RecordPurchase:
    return RecordPurchase(
        customer=who,
        order_id=order_id or f"{who} on {day}",
        amount=Decimal(amount),
        lines=tuple(OrderLine(sku=each) for each in items),
        occurred_at=BEGIN + day * DAY,
    )


def day_of(moment: datetime) -> float:
    return (moment - BEGIN) / DAY


def listed(crm: Regulars, day: float, **asked: object) -> list[tuple[str | None, str, float]]:
    """Who is due for what since when, as of a day."""
    found = crm.due(as_of=BEGIN + day * DAY, **asked)  # type: ignore[arg-type]
    return [(each.ref, each.item, day_of(each.since)) for each in found]


# ----------------------------------------------------------------------------------------------------------------- laws


@in_each_database(EXAMPLES // 6, trade())
def test_what_was_folded_as_it_came_is_what_a_rebuild_gives(kind: str, postgres_url: str, steps: list[Step]) -> None:
    clock = Clock()
    with fresh_store(kind, postgres_url) as url, opened(url, clock) as crm:
        register(crm, clock)
        crm.rules.publish(ruled(), reason="coffee runs out")
        for number, step in enumerate(steps):
            play(crm, clock, [step], number)
            crm.catch_up()
        live = crm.status().generation
        assert crm.projections.verify().holds
        stored = read_models_of(crm, live)
        assert read_models_of(crm, crm.projections.rebuild()) == stored


@settings(max_examples=EXAMPLES // 6)
@given(trade())
def test_publishing_gaps_is_as_if_the_store_had_always_had_them(steps: list[Step]) -> None:
    clock, always = Clock(), Clock()
    with (
        fresh_store("sqlite", "") as late,
        fresh_store("sqlite", "") as early,
        opened(late, clock) as crm,
        opened(early, always) as other,
    ):
        register(crm, clock)
        register(other, always)
        other.rules.publish(ruled(), reason="coffee runs out")
        play(crm, clock, steps)
        play(other, always, steps)
        crm.rules.publish(ruled(), reason="coffee runs out")
        assert _dues(crm) == _dues(other)


@in_each_database(EXAMPLES // 6, trade(), st.sampled_from([None, -30, 50]), other_rules())
def test_a_difference_says_what_publishing_changes(
    kind: str, postgres_url: str, steps: list[Step], days: int | None, new: Ruleset
) -> None:
    clock = Clock()
    with fresh_store(kind, postgres_url) as url, opened(url, clock) as crm:
        register(crm, clock)
        crm.rules.publish(ruled(), reason="coffee runs out")
        play(crm, clock, steps)
        at = None if days is None else clock.now + days * DAY
        before = _values(crm, at)
        found = crm.rules.diff(new, as_of=at)
        crm.rules.publish(new, reason="other gaps")
        after = _values(crm, at)
        changed = {
            (key, before.get(key, "none"), after.get(key, "none"))
            for key in before.keys() | after.keys()
            if before.get(key) != after.get(key)
        }
        assert {((each.customer_id, each.item), each.old, each.new) for each in found.due} == changed
        assert sum(found.moved_due.values()) == len(changed)
        if changed:
            assert found


def _values(crm: Regulars, at: datetime | None) -> dict[tuple[object, str], str]:
    return {(each.customer_id, each.item): each.value for each in crm.due(value=None, as_of=at, fresh=True)}


def _dues(crm: Regulars) -> list[tuple[object, ...]]:
    return [
        (each.ref, each.item, each.value, each.since, each.until, each.gap)
        for value in ("not_yet", "due", "lapsed")
        for each in crm.due(value=value, fresh=True)
    ]


def test_a_store_without_gaps_has_no_rows_of_it(database_url: str, clock: Clock) -> None:
    with opened(database_url, clock) as crm:
        register(crm, clock)
        clock.now += 20 * DAY
        crm.do([buy(ADA, 10, "coffee"), buy(BOB, 11, "coffee", "filters"), RecordReturn(order_id=f"{BOB} on 11")])
        crm.catch_up()
        rows = read_models_of(crm, 1)
        assert rows["items"] == rows["due_again"] == rows["due_again_places"] == []
        assert list(crm.due()) == []


def test_a_voided_order_was_never_recorded_and_a_restored_one_always_was(crm: Regulars) -> None:
    crm.do([buy(ADA, 0, "coffee"), buy(ADA, 20, "coffee", order_id="b")])
    # A gap of 20, and the item's 30 twice: 80 / 3 days after day 20.
    assert listed(crm, 60) == [(ADA, "coffee", pytest.approx(20 + 80 / 3))]
    crm.do(VoidPurchase(order_id="b"))
    assert listed(crm, 59) == [(ADA, "coffee", 30)]
    crm.do(RestorePurchase(order_id="b"))
    assert listed(crm, 60) == [(ADA, "coffee", pytest.approx(20 + 80 / 3))]
    crm.do(CorrectPurchase(order_id="b", lines=(OrderLine(sku="filters"),)))
    assert listed(crm, 59) == [(ADA, "coffee", 30)]
    assert listed(crm, 80) == [(ADA, "filters", 80)]
    assert crm.projections.verify().holds


def test_what_came_back_whole_is_not_waited_for(crm: Regulars) -> None:
    crm.do([buy(ADA, 0, "coffee", order_id="a"), RecordReturn(order_id="a", occurred_at=BEGIN + 40 * DAY)])
    assert listed(crm, 39) == [(ADA, "coffee", 30)]
    assert listed(crm, 41) == []


def test_merged_customers_are_one_and_undone_two_again(crm: Regulars) -> None:
    crm.do([buy(ADA, 0, "coffee"), buy(BOB, 20, "coffee")])
    assert listed(crm, 55) == [(ADA, "coffee", 30), (BOB, "coffee", 50)]
    crm.do(MergeCustomers(customer=BOB, into=ADA))
    assert listed(crm, 55) == [(ADA, "coffee", pytest.approx(20 + 80 / 3))]
    assert crm.explain_due(BOB, "coffee").item.buying_days == 2
    crm.do(UndoMerge(customer=BOB))
    assert listed(crm, 55) == [(ADA, "coffee", 30), (BOB, "coffee", 50)]


def test_the_forgotten_are_counted_still_and_listed_no_more(crm: Regulars) -> None:
    crm.do([buy(ADA, 0, "coffee"), buy(BOB, 1, "coffee")])
    crm.catch_up()
    before = _rows_of(crm)
    crm.do(ErasePersonalData(customer=ADA, confirm=True))
    crm.catch_up()
    assert _rows_of(crm) == before
    assert listed(crm, 40) == [(BOB, "coffee", 31)]


def _rows_of(crm: Regulars) -> list[tuple[object, ...]]:
    return read_models_of(crm, crm.status().generation)["due_again"]


# ---------------------------------------------------------------------------------------------------------------- asked


def test_what_is_due_is_listed_in_order_of_until_when(crm: Regulars, clock: Clock) -> None:
    crm.do([buy(ADA, 5, "coffee", "mug"), buy(BOB, 0, "coffee", "filters"), buy(PEOPLE[2], 0, "mug")])
    clock.now = BEGIN + 36 * DAY
    assert [(each.ref, each.item) for each in crm.due()] == [(BOB, "coffee"), (ADA, "coffee")]
    first = crm.due()[0]
    assert (first.value, day_of(first.since), day_of(first.bought_at)) == ("due", 30, 0)
    assert first.until == BEGIN + 60 * DAY
    assert (first.gap, first.buying_days) == (30 * DAY, 1)
    assert [each.ref for each in crm.due(customer=ADA)] == [ADA]
    assert [each.item for each in crm.due(customer=BOB, value=None)] == ["coffee", "filters"]
    assert list(crm.due(item="filters")) == []
    assert [each.item for each in crm.due(item="filters", value="not_yet")] == ["filters"]
    assert [(each.item, each.until) for each in crm.due(value="lapsed")] == []


def test_within_a_time_is_what_comes_to_be_due_in_it(crm: Regulars, clock: Clock) -> None:
    crm.do([buy(ADA, 5, "coffee"), buy(BOB, 0, "coffee", "filters")])
    clock.now = BEGIN + 32 * DAY
    assert [(each.ref, day_of(each.since)) for each in crm.due(within=3 * DAY)] == [(ADA, 35)]
    assert list(crm.due(within=3 * DAY - timedelta(microseconds=1))) == []
    assert [(each.ref, each.item) for each in crm.due(within=28 * DAY, value="lapsed")] == [(BOB, "coffee")]
    clock.now = BEGIN + 33 * DAY
    crm.do(buy(ADA, 33, "coffee"))  # what this process wrote is known at once
    assert list(crm.due(within=3 * DAY, fresh=timedelta())) == []


def test_as_of_a_day_it_is_what_was_ahead_then(crm: Regulars) -> None:
    crm.do([buy(ADA, 0, "coffee"), buy(ADA, 40, "coffee"), buy(BOB, 2, "coffee")])
    assert listed(crm, 29, within=2 * DAY) == [(ADA, "coffee", 30)]
    assert listed(crm, 29, within=3 * DAY) == [(ADA, "coffee", 30), (BOB, "coffee", 32)]
    # She was due on day 35, and that is known to have ended when she bought it on day 40.
    found = crm.due(as_of=BEGIN + 35 * DAY)
    assert [(each.ref, each.until) for each in found] == [(ADA, BEGIN + 40 * DAY), (BOB, BEGIN + 62 * DAY)]


def test_as_known_then_and_by_other_rules(crm: Regulars, clock: Clock) -> None:
    crm.do(buy(ADA, 0, "coffee"))
    before = clock.now
    clock.now += DAY
    crm.do(buy(BOB, 0, "coffee"))
    assert listed(crm, 31) == [(ADA, "coffee", 30), (BOB, "coffee", 30)]
    assert listed(crm, 31, known_at=before) == [(ADA, "coffee", 30)]
    sooner = ruled("[due_again]\ngaps = { coffee = 10 }")
    assert listed(crm, 11, rules=sooner) == [(ADA, "coffee", 10), (BOB, "coffee", 10)]
    assert listed(crm, 31, rules=1) == []


def test_pages_go_on_where_the_last_one_ended(crm: Regulars, clock: Clock) -> None:
    crm.do([buy(who, day, "coffee", "filters") for day, who in enumerate(PEOPLE)])
    clock.now = BEGIN + 63 * DAY + timedelta(hours=1)
    whole = [(each.ref, each.item) for each in crm.due(value=None)]
    assert len(whole) == 8
    found, after = [], None
    while True:
        page = crm.due(value=None, limit=3, after=after)
        found += [(each.ref, each.item) for each in page]
        after = page.after
        if after is None:
            break
    assert found == whole
    # Some of them were written by this process since, and stand where they belong.
    crm.do(buy(PEOPLE[1], 63.01, "coffee"))
    now = [(each.ref, each.item) for each in crm.due(value=None, fresh=timedelta())]
    # Bought on days 2 and 63, it isn't due yet: until day 63 + (61 + 60) / 3, before the filters of day 2 lapse.
    assert now == [(PEOPLE[1], "coffee"), *(each for each in whole if each != (PEOPLE[1], "coffee"))]


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"value": "soon"}, 'value is one of not_yet, due, lapsed, not "soon"'),
        ({"within": -DAY}, "within is a time from then on, not -1 day"),
        ({"after": "x"}, '"x" is not the `after` of a page'),
        ({"limit": 0}, "limit is a number from 1 to 1000, not 0"),
    ],
)
def test_what_can_not_be_asked_is_refused_in_a_sentence(crm: Regulars, asked: dict[str, object], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        crm.due(**asked)  # type: ignore[arg-type]


def test_an_item_is_explained_by_its_purchases(crm: Regulars) -> None:
    crm.do([buy(ADA, 0, "coffee"), buy(ADA, 20, "coffee"), buy(ADA, 21, "mug")])
    found = crm.explain_due(ADA, "coffee", as_of=BEGIN + 25 * DAY)
    assert (found.item.value, found.item.ref) == ("not_yet", ADA)
    assert [each.what for each in found.reasons[0].events] == [
        f"order {ADA} on 0 of 20.00 EUR",
        f"order {ADA} on 20 of 20.00 EUR",
    ]
    assert [each.id for each in found.reasons] == ["bought", "gap", "turns"]
    assert crm.explain_due(ADA, "coffee", as_of=BEGIN + 19 * DAY).item.buying_days == 1
    with pytest.raises(NotFound, match=r'the rules have no gap for the item "mug" under \[due_again\]'):
        crm.explain_due(ADA, "mug")
    with pytest.raises(NotFound, match='nothing of the item "filters" had been bought, or all of it had come back'):
        crm.explain_due(ADA, "filters")


def test_what_was_bought_most_counts_the_days_on_which_it_was_and_stayed(crm: Regulars) -> None:
    crm.do([buy(ADA, day, "coffee", "mug") for day in (0, 1, 1.1, 2)])
    crm.do([buy(ADA, day, "cup") for day in (3, 4)])
    crm.do(
        [buy(ADA, 5, "tea"), buy(ADA, 6, "cup", order_id="b"), RecordReturn(order_id="b", occurred_at=BEGIN + 7 * DAY)]
    )
    found = [(each.item, each.buying_days) for each in crm.most_bought(ADA)]
    assert found == [("coffee", 3), ("mug", 3), ("cup", 2), ("tea", 1)]
    found = [(each.item, each.buying_days) for each in crm.most_bought(ADA, as_of=BEGIN + 6.5 * DAY)]
    assert found == [("cup", 3), ("coffee", 3), ("mug", 3), ("tea", 1)]
    assert [each.item for each in crm.most_bought(ADA, limit=1)] == ["coffee"]


# -------------------------------------------------------------------------------------------------------------- drafted


def test_the_draft_finds_known_gaps(crm: Regulars) -> None:
    """Thirty buyers of coffee every 20 days, 2 sooner or later: the gaps of one are d, d + 1, … in turn, so that their
    medians are known; ten buy filters twice, and five a mug.
    """
    commands: list[regulars.Command] = []
    for number in range(30):
        day = 0
        commands += [RegisterCustomer(ref=f"n:{number}", occurred_at=BEGIN)]
        for order, gap in enumerate((0, *(18 + number % 5, 20, 22 - number % 5))):
            day += gap
            commands.append(buy(f"n:{number}", day, "coffee", order_id=f"c{number}-{order}"))
        if number < 10:
            commands += [buy(f"n:{number}", each, "filters", order_id=f"f{number}-{each}") for each in (0, 45)]
        if number < 5:
            commands += [buy(f"n:{number}", each, "mug", order_id=f"m{number}-{each}") for each in (0, 9)]
    crm.do(commands)
    # The three gaps of each are 18+k, 20 and 22-k days, of which the one in the middle is always 20.
    found = crm.rules.measure_due_again(min_buyers=10)
    coffee, filters = found.gaps
    assert (coffee.item, coffee.days, coffee.low, coffee.high) == ("coffee", 20, 20, 20)
    assert (coffee.buyers, coffee.gaps) == (30, 90)
    assert (filters.item, filters.days, filters.buyers, filters.gaps) == ("filters", 45, 10, 10)
    assert (found.left_out, found.customers) == (1, 30)
    assert "with fewer than 10 of them" in found.toml
    assert tomllib.loads(found.toml) == {"due_again": {"gaps": {"coffee": 20, "filters": 45}}}
    assert crm.rules.measure_due_again().gaps == (coffee,)
    with pytest.raises(ValueError, match="min_buyers is 6 or more, not 5: the median of fewer has no 95 % interval"):
        crm.rules.measure_due_again(min_buyers=5)


def test_the_draft_counts_neither_what_came_back_nor_what_never_was_nor_one_day_twice(crm: Regulars) -> None:
    for number in range(6):
        who = f"n:{number}"
        crm.do(RegisterCustomer(ref=who, occurred_at=BEGIN))
        crm.do([buy(who, each, "tea", order_id=f"{who} {each}") for each in (0, 0.1, 5, 7, 30)])
        crm.do([RecordReturn(order_id=f"{who} 5"), VoidPurchase(order_id=f"{who} 7")])
    (tea,) = crm.rules.measure_due_again(min_buyers=6).gaps
    assert (tea.days, tea.buyers, tea.gaps) == (30, 6, 6)


def test_a_median_of_an_even_number_lies_between_two() -> None:
    gaps = [{"tea": [0, 10 + number]} for number in range(20)]
    (tea,) = gaps_of(gaps, 20, as_of=BEGIN).gaps
    # Of 20, the 6th and the 15th: 10 + 5 and 10 + 14.
    assert (tea.days, tea.low, tea.high) == (Decimal("19.5"), 15, 24)


def test_codes_are_written_as_toml_has_them() -> None:
    odd = ['a "b"', "c\\d", "5.1", "über", "a b", "#1"]
    drafted = gaps_of([{code: [0, 7] for code in odd}] * 6, 6, as_of=BEGIN)
    assert tomllib.loads(drafted.toml)["due_again"]["gaps"] == dict.fromkeys(odd, 7)


@pytest.mark.parametrize(
    ("count", "ranks"),
    [(5, None), (6, (1, 6)), (10, (2, 9)), (20, (6, 15)), (30, (10, 21)), (50, (18, 33)), (100, (40, 61))],
)
def test_the_interval_of_a_median_has_the_ranks_of_published_tables(count: int, ranks: tuple[int, int] | None) -> None:
    found = interval_of(count)
    assert (None if found is None else (found[0] + 1, found[1] + 1)) == ranks


def test_a_number_stands_for_the_survivor(crm: Regulars) -> None:
    crm.do([buy(ADA, 0, "coffee"), buy(BOB, 20, "coffee"), MergeCustomers(customer=BOB, into=ADA)])
    crm.catch_up()
    assert {row[1] for row in _rows_of(crm)} == {number_of(crm, ADA)}
