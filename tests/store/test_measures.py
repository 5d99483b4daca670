"""Measures say what questions about customers say, one by one, and what the bare events say, added up by hand."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from histories import SEGMENTS
from regulars import (
    AssignOwner,
    CustomerId,
    MergeCustomers,
    PurchaseRecorded,
    PurchaseVoided,
    RecordPurchase,
    RecordReturn,
    RegisterCustomer,
    Regulars,
    ReturnedTotalRecorded,
    ReturnRecorded,
    TagCustomer,
    VoidPurchase,
    parse_rules,
    to_dict,
)
from regulars.measures import Interval
from shops import (
    BEGIN,
    DAY,
    EXAMPLES,
    PEOPLE,
    Clock,
    Step,
    default_text,
    fresh_store,
    in_each_database,
    opened,
    other_rules,
    play,
    register,
    trade,
)

KINDS = pytest.mark.parametrize("kind", ["sqlite", "postgres"])
BERLIN = ZoneInfo("Europe/Berlin")
LANES = ("stage", "tier", "risk")
SINCE = date(2023, 1, 1)  # before all that these shops tell, however late

MEASURES: dict[str, Callable[..., Any]] = {
    "trend of stages": lambda crm, **asked: crm.trend("stage", **asked),
    "trend of tickets": lambda crm, **asked: crm.trend("tickets", **asked),
    "trend of tags of the risky": lambda crm, **asked: crm.trend("tag", where={"risk": "high"}, **asked),
    "flow": lambda crm, **asked: crm.flow("risk", BEGIN, BEGIN + 90 * DAY, **asked),
    "cohorts": lambda crm, **asked: crm.cohorts(since=SINCE, **asked),
    "rfm": lambda crm, **asked: crm.rfm(**asked),
    "revenue": lambda crm, **asked: crm.revenue(since=SINCE, **asked),
    "liability": lambda crm, **asked: crm.liability(**asked),
    "expiring": lambda crm, **asked: crm.expiring(timedelta(days=400), **asked),
}


def everything(crm: Regulars) -> dict[str, Any]:
    return {name: ask(crm) for name, ask in MEASURES.items()}


def month_of(moment: datetime) -> str:
    return f"{moment.astimezone(BERLIN):%Y-%m}"


def of(instant: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=instant)


# --------------------------------------------------------------------------------------------- against other questions


@in_each_database(EXAMPLES // 10, st.data())
def test_a_trend_says_what_totals_and_the_customers_themselves_say_of_each_end(
    postgres_url: str, kind: str, data: st.DataObject
) -> None:
    steps, by = data.draw(trade()), data.draw(st.sampled_from(["month", "week"]))
    with traded(kind, postgres_url, steps) as crm:
        timelines = [each.timeline() for each in crm.customers()]
        for lane in LANES:
            found = crm.trend(lane, by=by)
            ends = [each.at for each in found.points]
            assert [dict(each.counts) for each in found.points] == list(crm.totals(lane, ends))
            spans = [span for each in timelines for span in each.lanes[lane]]
            said = [Counter(each.value for each in spans if holds(each, end)) for end in ends]
            assert [Counter(each.counts) for each in found.points] == said


@in_each_database(EXAMPLES // 10, st.data())
def test_where_counts_those_whom_a_list_of_that_day_finds(postgres_url: str, kind: str, data: st.DataObject) -> None:
    steps = data.draw(trade())
    with traded(kind, postgres_url, steps) as crm:
        ends = {each.period: each.at for each in crm.trend("stage").points if not each.is_due}
        for where, wish in (
            ({"tier": "silver", "tag": "vip"}, {"tier": "silver", "tag": "vip"}),
            ({"risk": "low"}, {"risk_band": "low"}),
        ):
            found = {each.period: each for each in crm.trend("stage", where=where).points}
            for period in [*ends][-4:]:
                listed: dict[str, Any] = {**wish, "as_of": ends[period], "forgotten": True}
                assert Counter(found[period].counts) == Counter(each.stage for each in crm.customers(**listed))


@in_each_database(EXAMPLES // 10, st.data())
def test_a_trend_of_segments_says_what_the_segments_of_each_end_say(
    postgres_url: str, kind: str, data: st.DataObject
) -> None:
    steps = data.draw(trade())
    with traded(kind, postgres_url, steps) as crm:
        crm.rules.publish(parse_rules(default_text() + SEGMENTS), reason="segments")
        found, stages = crm.trend("segment"), crm.trend("stage")
        then = crm.trend("stage", rules=parse_rules(default_text()))
        names = [each.id for each in crm.segments()]
        inside = {name: crm.trend("stage", where={"segment": name}).points for name in names}
        for place, (point, stage) in enumerate(zip(found.points, stages.points, strict=True)):
            counts = {each.id: each.members for each in crm.segments(as_of=point.at)}
            assert {name: point.counts.get(name, 0) for name in names} == counts
            assert point.counts.keys() <= counts.keys()
            assert stage.counts == then.points[place].counts  # segments change nobody's stage
            if place in (0, len(found.points) // 2, len(found.points) - 1):
                for name in names:
                    members = [each.customer_id for each in crm.segment(name, as_of=point.at)]
                    said = Counter(crm.customer(each, as_of=point.at).stage for each in members)
                    assert Counter(inside[name][place].counts) == said


@in_each_database(EXAMPLES // 10, st.data())
def test_a_flow_pairs_both_days_and_adds_up_to_the_totals_of_each(
    postgres_url: str, kind: str, data: st.DataObject
) -> None:
    steps = data.draw(trade())
    first = BEGIN + data.draw(st.integers(-30, 200)) * DAY
    second = first + data.draw(st.integers(1, 500)) * DAY
    with traded(kind, postgres_url, steps) as crm:
        customers = {each.id: each.timeline() for each in crm.customers()}
        for lane in LANES:
            found = crm.flow(lane, first, second)
            before, after = (Counter(each) for each in crm.totals(lane, [first, second]))
            assert Counter({value: count for value, count in found.before.items() if value}) == before
            assert Counter({value: count for value, count in found.after.items() if value}) == after
            pairs = {
                each: tuple(
                    next((span.value for span in timeline.lanes[lane] if holds(span, day)), None)
                    for day in (first, second)
                )
                for each, timeline in customers.items()
            }
            there = Counter(pair for pair in pairs.values() if pair != (None, None))
            assert Counter({(each.before, each.after): each.customers for each in found.moves}) == there
            for move in found.moves:
                pair = (move.before, move.after)
                went = {each.id for each in crm.movers(lane, first, second, pair)}
                assert went == {each for each, theirs in pairs.items() if theirs == pair}


@in_each_database(EXAMPLES // 10, st.data())
def test_rfm_and_points_are_those_of_the_customers_one_by_one(
    postgres_url: str, kind: str, data: st.DataObject
) -> None:
    steps = data.draw(trade())
    with traded(kind, postgres_url, steps) as crm:
        customers = list(crm.customers())
        found = crm.rfm()
        cells: dict[tuple[str, str], list[Decimal]] = defaultdict(list)
        for each in customers:
            if each.last_order_at is not None:
                ago = found.as_of - each.last_order_at
                recent = next((f"≤ {days} d" for days in (30, 90, 180, 365) if ago <= days * DAY), "> 365 d")
                often = "1" if each.orders == 1 else "2–3" if each.orders < 4 else "4–7" if each.orders < 8 else "8+"
                cells[recent, often].append(each.net_spend)
        for cell in found.cells:
            spent = cells[cell.recency, cell.frequency]
            assert (cell.customers, cell.net_spend) == (len(spent), sum(spent))
        for point in crm.liability().points:
            if not point.is_due:
                points = [crm.points(each.id, as_of=point.at) for each in customers]
                assert point.spendable == sum(max(each.balance, 0) for each in points)
                assert point.owed == sum(max(-each.balance, 0) for each in points)
                assert point.pending == sum(each.pending for each in points)
        within = timedelta(days=380)
        losing = {each.id: lost for each in customers if (lost := crm.points(each.id).expiring(within))}
        assert {each.id: each.points for each in crm.expiring(within).members} == losing


# --------------------------------------------------------------------------------------------- against the bare events


@in_each_database(EXAMPLES // 10, st.data())
def test_cohorts_and_revenue_are_those_of_the_bare_events(postgres_url: str, kind: str, data: st.DataObject) -> None:
    steps = data.draw(trade())
    with traded(kind, postgres_url, steps) as crm:
        money = (PurchaseRecorded, ReturnRecorded, ReturnedTotalRecorded, PurchaseVoided)
        events = list(crm.events(types=money))
        voided = {(each.event.order_id, each.event.number) for each in events if type(each.event) is PurchaseVoided}
        standing = [
            each
            for each in events
            if type(each.event) is not PurchaseVoided and (each.event.order_id, each.event.number) not in voided
        ]
        bought = [each for each in standing if type(each.event) is PurchaseRecorded]
        roots = {each.customer_id: crm.customer(CustomerId(str(each.customer_id))).id for each in bought}
        first: dict[CustomerId, int] = {}
        months: dict[CustomerId, set[str]] = defaultdict(set)
        for each in bought:
            root = roots[each.customer_id]
            first[root] = min(first.get(root, each.occurred_at), each.occurred_at)
            months[root].add(month_of(of(each.occurred_at)))

        cohorts = crm.cohorts(since=SINCE).cohorts
        names = [each.period for each in cohorts]
        for place, cohort in enumerate(cohorts):
            members = [root for root, at in first.items() if month_of(of(at)) == cohort.period]
            said = [sum(name in months[root] for root in members) for name in names[place:]]
            assert (cohort.customers, [each.customers for each in cohort.retained]) == (len(members), said)

        found = crm.revenue(since=SINCE).periods
        new, returning = Counter[str](), Counter[str]()
        for order in bought:
            steps_of = [each for each in standing if each.event.order_id == order.event.order_id and each is not order]
            root, worth = roots[order.customer_id], 0
            for number, period in enumerate(found):
                end = datetime.combine(period.last + timedelta(days=1), datetime.min.time(), BERLIN)
                now_worth = worth_at(order, steps_of, end)
                sums = new if month_of(of(first[root])) == period.period else returning
                sums[period.period] += now_worth - worth
                worth = now_worth
                assert number < len(found)
        assert [(each.new * 100, each.returning * 100) for each in found] == [
            (new[each.period], returning[each.period]) for each in found
        ]
        spent = sum(each.net_spend for each in crm.customers(forgotten=True))
        assert sum(each.total for each in found) == spent
        assert sum(each.orders for each in found) == len(bought)
        assert [each.buyers for each in found] == [
            sum(each.period in theirs for theirs in months.values()) for each in found
        ]


def worth_at(order: Any, returns: list[Any], end: datetime) -> int:
    """What an order was worth just before an instant, in minor units: its amount, less what had come back."""
    if of(order.occurred_at) >= end:
        return 0
    back = 0
    for each in sorted(returns, key=lambda each: (each.occurred_at, each.position)):
        if of(each.occurred_at) < end and each.event.number == order.event.number:
            is_total = type(each.event) is ReturnedTotalRecorded
            back = each.event.returned_so_far if is_total else back + each.event.amount
            back = min(back, order.event.amount)
    return int(order.event.amount - back)


# --------------------------------------------------------------------------------------------------- the other axes


@in_each_database(EXAMPLES // 16, st.data())
def test_known_at_says_what_was_said_then(postgres_url: str, kind: str, data: st.DataObject) -> None:
    before, after = data.draw(trade(max_size=10)), data.draw(trade(max_size=6))
    clock = Clock()
    with fresh_store(kind, postgres_url) as url, opened(url, clock) as crm:
        register(crm, clock)
        play(crm, clock, before)
        then = clock.now
        said = everything(crm)
        spans = {name: bounds(found) for name, found in said.items()}
        clock.now += DAY
        play(crm, clock, after, first=len(before))
        clock.now += 40 * DAY
        for name, ask in MEASURES.items():
            asked = spans[name] if name.startswith("trend") or name in ("liability", "revenue", "cohorts") else {}
            if name in ("revenue", "cohorts"):
                asked = {"until": then.date()}
            assert to_dict(ask(crm, known_at=then, **asked)) == to_dict(said[name]), name


def bounds(found: Any) -> dict[str, date]:
    points = getattr(found, "points", None)
    return {} if points is None else {"since": day(points[0].at), "until": day(points[-1].at)}


def day(moment: datetime) -> date:
    return moment.astimezone(BERLIN).date()


@in_each_database(EXAMPLES // 16, st.data())
def test_other_rules_say_what_they_say_once_they_are_in_force(
    postgres_url: str, kind: str, data: st.DataObject
) -> None:
    steps, rules = data.draw(trade(max_size=10)), data.draw(other_rules())
    with traded(kind, postgres_url, steps) as crm:
        said = {name: ask(crm, rules=rules) for name, ask in MEASURES.items()}
        if crm.rules.diff(rules).old_digest != rules.digest():
            crm.rules.publish(rules, reason="try")
        assert everything(crm) == said


@settings(max_examples=EXAMPLES // 16)
@given(st.data())
def test_both_databases_add_up_the_same(postgres_url: str, data: st.DataObject) -> None:
    steps = data.draw(trade())
    with traded("sqlite", postgres_url, steps) as one, traded("postgres", postgres_url, steps) as other:
        said, again = everything(one), everything(other)
        expiring = [[(each.ref, each.points) for each in found.pop("expiring").members] for found in (said, again)]
        assert said == again  # ids are drawn at random, so members have others
        assert expiring[0] == expiring[1]


@in_each_database(EXAMPLES // 16, st.data())
def test_forgetting_and_rebuilding_change_no_number(postgres_url: str, kind: str, data: st.DataObject) -> None:
    steps = data.draw(trade(max_size=10))
    with traded(kind, postgres_url, steps) as crm:
        said = everything(crm)
        members = said.pop("expiring").members
        whose = crm.customer(PEOPLE[0]).id
        crm.forget(PEOPLE[0], reason="on request")
        crm.projections.rebuild()
        after = everything(crm)
        assert [(each.id, each.points) for each in after.pop("expiring").members] == [
            (each.id, each.points) for each in members
        ]
        assert after == said
        named = {
            each.id: (each.ref, each.name)
            for move in after["flow"].moves
            for each in crm.movers("risk", BEGIN, BEGIN + 90 * DAY, (move.before, move.after))
        }
        assert named[whose] == (None, None)


# ------------------------------------------------------------------------------------------------ one shop, by hand


@pytest.fixture
def crm(database_url: str) -> Any:
    """Ada buys in January and March, Bo in February and gives half of it back in March, Cy once, which is voided."""
    clock = Clock(datetime(2024, 4, 10, 12, tzinfo=UTC))
    with opened(database_url, clock) as crm:
        for ref in ("ada", "bo", "cy"):
            source = {"ada": "fair"}.get(ref)
            crm.do(RegisterCustomer(ref=ref, name=ref.title(), source=source, occurred_at=on(1, 2)))
        crm.do(RecordPurchase(customer="ada", order_id="A-1", amount="10.00", occurred_at=on(1, 31, 23)))
        crm.do(RecordPurchase(customer="ada", order_id="A-2", amount="30.00", occurred_at=on(3, 1)))
        crm.do(RecordPurchase(customer="bo", order_id="B-1", amount="20.00", occurred_at=on(2, 5)))
        crm.do(RecordReturn(order_id="B-1", amount="10.00", occurred_at=on(3, 9)))
        crm.do(RecordPurchase(customer="cy", order_id="C-1", amount="99.00", occurred_at=on(2, 6)))
        crm.do(VoidPurchase(order_id="C-1", reason="never was"))
        yield crm


def on(month: int, day: int, hour: int = 12) -> datetime:
    return datetime(2024, month, day, hour, tzinfo=BERLIN)


def test_revenue_is_new_in_the_month_of_the_first_order_and_less_by_what_came_back(crm: Regulars) -> None:
    found = crm.revenue(since=date(2024, 1, 1))
    assert [(each.period, str(each.new), str(each.returning), each.orders, each.buyers) for each in found.periods] == [
        ("2024-01", "10.00", "0.00", 1, 1),
        ("2024-02", "20.00", "0.00", 1, 1),
        ("2024-03", "0.00", "20.00", 1, 1),  # 30.00 of Ada, less 10.00 that came back from Bo
        ("2024-04", "0.00", "0.00", 0, 0),
    ]
    assert [each.is_over for each in found.periods] == [True, True, True, False]
    # In UTC Ada's first order would still be January's, in Auckland it was February's.
    assert found.currency == "EUR"


def test_weeks_begin_on_monday_and_are_named_as_the_calendar_names_them(crm: Regulars) -> None:
    found = crm.revenue(by="week", since=date(2024, 1, 31), until=date(2024, 2, 5)).periods
    assert [(each.period, each.first, each.last) for each in found] == [
        ("2024-W05", date(2024, 1, 29), date(2024, 2, 4)),
        ("2024-W06", date(2024, 2, 5), date(2024, 2, 11)),
    ]
    assert [str(each.total) for each in found] == ["10.00", "20.00"]


def test_cohorts_have_their_sizes_shares_and_intervals(crm: Regulars) -> None:
    january, february, march, april = crm.cohorts(since=date(2024, 1, 1)).cohorts
    assert [each.customers for each in january.retained] == [1, 0, 1, 0]
    assert [each.customers for each in february.retained] == [1, 0, 0]
    assert (march.customers, march.retained[0].share, march.retained[0].interval) == (0, None, None)
    assert not april.is_over
    # Wilson, of 1 in 1: from 1 / (1 + 1.96²) = 0.2065 to 1
    assert january.retained[2].share == 1
    assert january.retained[2].interval == Interval(pytest.approx(0.2065, abs=1e-4), 1.0)


def test_a_merge_moves_the_first_order_and_a_source_picks_its_customers(crm: Regulars) -> None:
    assert [each.customers for each in crm.cohorts(where={"source": "fair"}).cohorts if each.customers] == [1]
    crm.do(MergeCustomers(customer="bo", into="ada"))
    january, *others = crm.cohorts(since=date(2024, 1, 1)).cohorts
    assert [each.customers for each in january.retained] == [1, 1, 1, 0]
    assert [each.customers for each in others] == [0, 0, 0]


def test_a_flow_of_some_is_of_those_of_whom_it_held_on_the_first_day(crm: Regulars) -> None:
    crm.do(TagCustomer(customer="ada", label="vip", occurred_at=on(2, 1)))
    crm.do(TagCustomer(customer="bo", label="vip", occurred_at=on(3, 20)))
    for first, number in ((on(2, 15), 1), (on(3, 31), 2)):
        found = crm.flow("stage", first, on(4, 9), where={"tag": "vip"})
        assert sum(each.customers for each in found.moves) == number
        assert {each.before for each in found.moves} <= {*crm.values("stage")}  # nobody who wasn't there


def test_owners_tags_and_sources_are_counted_too(crm: Regulars) -> None:
    crm.do(TagCustomer(customer="ada", label="vip", occurred_at=on(2, 1)))
    crm.do(TagCustomer(customer="ada", label="press", occurred_at=on(3, 1)))
    crm.do(AssignOwner(customer="bo", owner="li", occurred_at=on(3, 1)))
    ends = {"since": date(2024, 1, 1), "until": date(2024, 3, 31)}
    assert [dict(each.counts) for each in crm.trend("tag", **ends).points] == [{}, {"vip": 1}, {"press": 1, "vip": 1}]
    assert [dict(each.counts) for each in crm.trend("owner", **ends).points] == [{}, {}, {"li": 1}]
    assert [dict(each.counts) for each in crm.trend("source", **ends).points] == [{"fair": 1}] * 3


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (lambda crm: crm.trend("mood"), '"mood" is nothing that is measured; there are stage, tier, risk, value, tag'),
        (lambda crm: crm.trend("stage", by="year"), 'by is month or week, not "year"'),
        (
            lambda crm: crm.trend("stage", where={"mood": "x"}),
            "where takes stage, tier, risk, value, tag, segment, kind, owner, source, not",
        ),
        (lambda crm: crm.trend("stage", where={"tier": "x"}), 'there is no tier "x"; the rules have member, silver'),
        (lambda crm: crm.revenue(since=date(2024, 5, 1), until=date(2024, 4, 1)), "expected 2024-05 or later, found"),
        (lambda crm: crm.revenue(since=date(1950, 1, 1)), "at most 600 months are asked for at once; 1950-01 to"),
        (lambda crm: crm.revenue(until=date(9999, 12, 31)), "9999-12-31 is out of reach; years run from 2 to 9998"),
        (lambda crm: crm.cohorts(since="May"), "a moment is a datetime with a zone, or a date, not 'May'"),
        (lambda crm: crm.flow("mood", on(1, 1), on(2, 1)), '"mood" is not a verdict; there are stage, tier, risk'),
        (lambda crm: crm.flow("stage", on(2, 1), on(2, 1)), "second moment of a flow has to come after the first"),
        (lambda crm: crm.rfm(recency=[30, 30]), r"limits of recency are whole numbers that rise from 1 on, not \[30"),
        (lambda crm: crm.rfm(frequency=[2, 3]), "the first limit of frequency is 1, as who never ordered isn't"),
        (lambda crm: crm.expiring(timedelta(days=-1)), "within is a time from now on, not -1 day"),
        (lambda crm: crm.report(month=date(2024, 5, 1)), "2024-05 hasn't begun yet; expected 2024-04 at most"),
    ],
)
def test_what_cannot_be_measured_is_refused_in_a_sentence(
    crm: Regulars, ask: Callable[[Regulars], object], said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        ask(crm)


def test_a_store_without_anything_has_measures_of_nothing(database_url: str) -> None:
    with opened(database_url, Clock()) as crm:
        found = everything(crm)
        assert sum(each.total for each in found["revenue"].periods) == 0
        assert not any(each.customers for each in found["cohorts"].cohorts)
        assert found["flow"].moves == ()
        with pytest.raises(ValueError, match="nobody was known by the end of"):
            crm.report()


def test_what_is_ahead_has_no_revenue_and_what_was_given_is_named(database_url: str) -> None:
    ahead, earlier = date(2200, 1, 1), date(1990, 1, 1)
    with opened(database_url, Clock()) as crm:
        now = crm.revenue().periods[-1]
        assert crm.revenue(until=ahead.replace(year=now.first.year + 2)).periods[-1] == now
        with pytest.raises(ValueError, match="2200-01 hasn't begun yet"):
            crm.revenue(since=ahead, until=ahead)
        for measure in (crm.revenue, crm.cohorts, crm.liability):
            with pytest.raises(ValueError, match="unless until is given, and since is 2200-01"):
                measure(since=ahead)
            with pytest.raises(ValueError, match="unless since is given, and until is 1990-01"):
                measure(until=earlier)
            with pytest.raises(ValueError, match="until comes before since"):
                measure(since=ahead, until=earlier)


# -------------------------------------------------------------------------------------------------------------- trading


@contextmanager
def traded(kind: str, postgres_url: str, steps: list[Step]) -> Iterator[Regulars]:
    """A shop in which some steps have been taken."""
    clock = Clock()
    with fresh_store(kind, postgres_url) as url, opened(url, clock) as crm:
        register(crm, clock)
        play(crm, clock, steps)
        yield crm


def holds(span: Any, instant: datetime) -> bool:
    return bool(span.since <= instant and (span.until is None or instant < span.until))
