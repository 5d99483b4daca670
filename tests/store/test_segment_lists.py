"""Segments in a store: lists, counts and movers are what each customer's own explanation says, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from typing import get_args

import pytest
import sqlalchemy as sa
from hypothesis import strategies as st

import regulars.adapters.read_models.pages as listing
from regulars import (
    CustomerId,
    MergeCustomers,
    NotFound,
    RecordPurchase,
    RegisterCustomer,
    Regulars,
    Ruleset,
    SegmentView,
    TagCustomer,
    UndoMerge,
    VoidPurchase,
    parse_rules,
    person_page,
)
from regulars.asking.customers import Order
from shops import (
    BEGIN,
    DAY,
    EXAMPLES,
    PEOPLE,
    Clock,
    Step,
    carry_out,
    default_text,
    fresh_store,
    in_each_database,
    opened,
    read_models_of,
    register,
    tables_of,
    trade,
)

KINDS = pytest.mark.parametrize("kind", ["sqlite", "postgres"])
WEEKS = st.integers(0, 60).map(lambda weeks: timedelta(weeks=weeks))
NAMES = ("buyers", "quiet", "callable", "rest")


def ruleset(*, quiet_after: int = 30, call_from: str = "silver") -> Ruleset:
    """The default rules with segments that ask facts, verdicts and each other."""
    return parse_rules(
        default_text()
        + f"""
        [[segment]]
        id = "buyers"
        enter = [{{ fact = "orders", within_days = 100, from = 1 }}]
        stay_days = 30
        [[segment]]
        id = "quiet"
        enter = [{{ fact = "days_since_order", above = {quiet_after} }}]
        leave = [{{ fact = "orders", within_days = 7, from = 1 }}]
        pause_days = 40
        [[segment]]
        id = "callable"
        enter = [{{ fact = "segment", any = ["quiet"] }}, {{ fact = "tier", in = ["{call_from}", "gold", "platinum"] }}]
        [[segment]]
        id = "rest"
        enter = [
          {{ fact = "segment", lacks = ["buyers", "quiet"] }},
          {{ fact = "stage", not_in = ["churned"] }},
          {{ fact = "tagged", lacks = ["vip"] }},
        ]
        """
    )


def segments_of(crm: Regulars, who: CustomerId, at: datetime) -> dict[str, SegmentView]:
    """What one customer's explanation says of segments, folded from the log."""
    with suppress(NotFound):
        return {each.id: each for each in crm.customer(who, as_of=at).explain().segments}
    return {}


def turns(each: SegmentView, at: datetime, within: timedelta) -> bool:
    return each.until is not None and each.until <= at + within


# --------------------------------------------------------------------------------------------------- one and the same


@in_each_database(max(EXAMPLES // 7, 3), trade(), st.data())
def test_lists_and_counts_are_what_each_customer_is_told(
    kind: str, postgres_url: str, steps: list[Step], data: st.DataObject
) -> None:
    clock = Clock()
    with fresh_store(kind, postgres_url) as url, opened(url, clock) as crm:
        crm.rules.publish(ruleset(), reason="segments")
        register(crm, clock)
        for number, step in enumerate(steps):
            carry_out(crm, clock, step, number)
            if data.draw(st.booleans()):
                crm.catch_up()
        instants = [clock.now, BEGIN + data.draw(WEEKS), clock.now + data.draw(WEEKS)]
        within = data.draw(WEEKS)
        fresh = data.draw(st.sampled_from([True, timedelta(0)]))  # the latter reads what is written beside the models
        for at in instants:
            told = {each.id: segments_of(crm, each.id, at) for each in crm.customers()}
            counts = {each.id: each for each in crm.segments(as_of=at, within=within, fresh=fresh)}
            totals = crm.totals("segment", [at])[0]
            for name in NAMES:
                views = {who: views[name] for who, views in told.items() if views}
                members = {who for who, each in views.items() if each.inside}
                entering = {who for who, each in views.items() if not each.inside and turns(each, at, within)}
                leaving = {who for who in members if turns(views[who], at, within)}
                asked = {each.customer_id: each for each in crm.segment(name, as_of=at, fresh=fresh)}
                assert asked.keys() == members
                assert all(asked[who].since == views[who].since for who in members)
                assert {each.id for each in crm.customers(segment=name, as_of=at, fresh=fresh)} == members
                soon = {"as_of": at, "within": within, "fresh": fresh}
                assert {each.customer_id for each in crm.segment(name, entering=True, **soon)} == entering
                assert {each.customer_id for each in crm.segment(name, leaving=True, **soon)} == leaving
                found = counts[name]
                assert (found.members, found.entering, found.leaving) == (len(members), len(entering), len(leaving))
                assert totals.get(name, 0) == len(members)
        assert crm.projections.verify().holds
        before = read_models_of(crm, 2)["segments"]
        crm.projections.rebuild()
        assert read_models_of(crm, 3)["segments"] == before


@in_each_database(max(EXAMPLES // 10, 3), trade(), st.sampled_from([1, 60]), st.sampled_from(["member", "gold"]))
def test_movers_are_those_whom_a_publication_moves(
    kind: str, postgres_url: str, steps: list[Step], days: int, call_from: str
) -> None:
    clock, wish = Clock(), ruleset(quiet_after=days, call_from=call_from)
    with fresh_store(kind, postgres_url) as url, opened(url, clock) as crm:
        crm.rules.publish(ruleset(), reason="segments")
        register(crm, clock)
        for number, step in enumerate(steps):
            carry_out(crm, clock, step, number)
        before = {name: {each.customer_id for each in crm.segment(name)} for name in NAMES}
        found = crm.rules.diff(wish)
        explained = found.explain(found.moves)
        crm.rules.publish(wish, reason="wish")
        after = {name: {each.customer_id for each in crm.segment(name)} for name in NAMES}
        expected = {
            *((who, f"segment {name}", "in", "out") for name in NAMES for who in before[name] - after[name]),
            *((who, f"segment {name}", "out", "in") for name in NAMES for who in after[name] - before[name]),
        }
        moves = [each for each in found.moves if each.lane.startswith("segment ")]
        assert {(each.customer_id, each.lane, each.old, each.new) for each in moves} == expected
        assert len(moves) == len(expected)
        assert all(each.old_reason and each.new_reason for each in explained)


# ------------------------------------------------------------------------------------------------------------- examples


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def crm(database_url: str, clock: Clock) -> Iterator[Regulars]:
    """Three bought ten days apart, the fourth never did; then 60 days pass."""
    with opened(database_url, clock) as crm:
        crm.rules.publish(ruleset(), reason="segments")
        for ref in PEOPLE:
            crm.do(RegisterCustomer(ref=ref, name=ref.title(), occurred_at=clock.now))
        clock.now += 60 * DAY
        for number, ref in enumerate(PEOPLE[:3]):
            buy(crm, ref, BEGIN + number * 10 * DAY)
        yield crm


def buy(crm: Regulars, ref: str, at: datetime) -> None:
    crm.do(RecordPurchase(customer=ref, order_id=f"{ref}/{at:%j}", amount="20.00", occurred_at=at))


def refs(crm: Regulars, name: str = "quiet", **asked: object) -> list[str | None]:
    return [each.ref for each in crm.segment(name, **asked)]  # type: ignore[arg-type]


def test_buyers_who_left_since_the_mailing_are_countable_as_of_the_mailing(crm: Regulars, clock: Clock) -> None:
    """One buys after it and leaves the segment. An order of before, told later, wasn't known when it was sent."""
    mailing = clock.now
    assert refs(crm) == ["shop:1", "shop:2", "shop:3"]
    clock.now += DAY
    buy(crm, "shop:1", clock.now)
    buy(crm, "shop:2", mailing - 3 * DAY)
    clock.now += DAY
    assert refs(crm) == ["shop:3"]
    assert refs(crm, as_of=mailing) == ["shop:1", "shop:3"]
    assert refs(crm, as_of=mailing, known_at=mailing) == ["shop:1", "shop:2", "shop:3"]
    bought_since = [each.ref for each in crm.segment("quiet", as_of=mailing) if each.until and each.until <= clock.now]
    assert bought_since == ["shop:1"]


def test_who_comes_in_is_exact_to_the_microsecond(crm: Regulars, clock: Clock) -> None:
    moment = timedelta(microseconds=1)
    after_30_days = BEGIN + 30 * DAY
    assert refs(crm, as_of=after_30_days) == []
    assert refs(crm, as_of=after_30_days + moment) == ["shop:1"]
    assert refs(crm, as_of=after_30_days, entering=True, within=moment) == ["shop:1"]
    assert refs(crm, as_of=after_30_days, entering=True, within=10 * DAY) == ["shop:1"]
    assert refs(crm, as_of=after_30_days, entering=True, within=10 * DAY + moment) == ["shop:1", "shop:2"]


def test_pages_go_on_where_the_one_before_ended(crm: Regulars) -> None:
    first = crm.segment("quiet", limit=2)
    assert [each.ref for each in first] == ["shop:1", "shop:2"]
    assert [each.ref for each in crm.segment("quiet", limit=2, after=first.after)] == ["shop:3"]
    soon = {"as_of": BEGIN + 25 * DAY, "entering": True, "within": 40 * DAY}
    first = crm.segment("quiet", limit=1, **soon)
    assert [each.ref for each in first] == ["shop:1"]
    assert [each.ref for each in crm.segment("quiet", limit=5, after=first.after, **soon)] == ["shop:2", "shop:3"]


def test_forgetting_keeps_the_counts_and_leaves_the_lists(crm: Regulars) -> None:
    before = [(each.members, each.entering, each.leaving) for each in crm.segments()]
    crm.forget("shop:2", reason="asked to")
    assert [(each.members, each.entering, each.leaving) for each in crm.segments()] == before
    assert refs(crm) == ["shop:1", "shop:3"]
    assert refs(crm, forgotten=True) == ["shop:1", None, "shop:3"]
    assert crm.attrition("quiet").members == 3


def test_a_merge_that_is_undone_and_an_order_that_is_voided_leave_no_trace(crm: Regulars, clock: Clock) -> None:
    before = {name: refs(crm, name) for name in NAMES}
    buy(crm, "shop:3", clock.now)
    crm.do(MergeCustomers(customer="shop:3", into="shop:1"))
    assert refs(crm) == ["shop:2"]
    crm.do(UndoMerge(customer="shop:3"))
    assert refs(crm) == ["shop:1", "shop:2"]
    crm.do(VoidPurchase(order_id=f"shop:3/{clock.now:%j}"))
    assert {name: refs(crm, name) for name in NAMES} == before


def test_attrition_counts_condition_by_condition(crm: Regulars, clock: Clock) -> None:
    """Of four customers three bought, all more than 30 days ago, and nobody is of a higher tier."""
    found = crm.attrition("callable")
    assert [(each.clause, each.condition, each.customers) for each in found.steps] == [
        ("enter", "segment (any of quiet)", 3),
        ("enter", "tier (one of gold, platinum, silver)", 0),
    ]
    assert (found.customers, found.members, found.kept_in, found.kept_out) == (4, 0, 0, 0)
    # An order brings shop:1 out; 32 days later they are quiet again, and the pause of 40 days keeps them out.
    buy(crm, "shop:1", clock.now)
    clock.now += 32 * DAY
    found = crm.attrition("quiet")
    assert [each.customers for each in found.steps] == [3, 3]
    assert (found.members, found.kept_in, found.kept_out) == (2, 0, 1)
    assert crm.attrition("quiet", as_of=clock.now - 20 * DAY).steps[0].customers == 2


def test_who_asks_what_is_held_of_them_is_told_their_segments(crm: Regulars) -> None:
    person = crm.export_person("shop:1")
    assert {each.id for each in person.segments if each.inside} == {"quiet", "buyers"}
    page = person_page(person)
    assert "Segment quiet: in since 2024-01-31." in page
    assert "- 60 days since the last order (more than 30)" in page
    assert "callable" not in page


@pytest.mark.parametrize("few", [10_000, 2, 0], ids=["all are few", "some are few", "none are few"])
def test_a_segment_takes_from_a_list_and_leaves_its_order(
    crm: Regulars, clock: Clock, monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    """However many are in it, in each order, as of now and of then, and page by page."""
    monkeypatch.setattr(listing, "FEW", few)
    for ref in ("shop:4", "shop:2", "shop:1"):
        crm.do(TagCustomer(customer=ref, label="vip"))
    clock.now += DAY
    buy(crm, "shop:2", clock.now)
    for as_of in (None, clock.now - 2 * DAY):
        for order in get_args(Order):
            everyone = [each.id for each in crm.customers(order=order, as_of=as_of)]
            tagged = {each.id for each in crm.customers(tag="vip", as_of=as_of)}
            for name in NAMES:
                members = {each.customer_id for each in crm.segment(name, as_of=as_of)}
                asked = {"segment": name, "order": order, "as_of": as_of}
                found = [each.id for each in crm.customers(**asked)]  # type: ignore[arg-type]
                assert found == [each for each in everyone if each in members]
                both = [each.id for each in crm.customers(tag="vip", **asked)]  # type: ignore[arg-type]
                assert both == [each for each in found if each in tagged]
                one_by_one, after = list[str](), None
                while (page := crm.customers(limit=1, after=after, **asked)).customers:  # type: ignore[arg-type]
                    one_by_one += [each.id for each in page.customers]
                    if (after := page.after) is None:
                        break
                assert one_by_one == found


@pytest.mark.parametrize("harm", ["update", "delete", "insert"])
def test_damage_is_found_and_put_right(crm: Regulars, harm: str) -> None:
    crm.catch_up()
    whole, table = read_models_of(crm, 2), tables_of(crm, 2)["segments"]
    with crm._store.database.writing() as connection:
        first = connection.execute(sa.select(table).order_by(*table.primary_key)).first()
        assert first is not None
        theirs = sa.and_(*(column == first._mapping[column.name] for column in table.primary_key))
        match harm:
            case "update":
                connection.execute(table.update().where(theirs).values(valid_to=first.valid_to - 1))
            case "delete":
                connection.execute(table.delete().where(theirs))
            case _:
                connection.execute(table.insert(), {**first._mapping, "segment": "nobodys"})
    found = crm.projections.verify()
    assert [each.projection for each in found.differences] == ["segments"]
    assert crm.projections.repair(projection="segments") == 1
    assert read_models_of(crm, 2) == whole
    assert crm.projections.verify().holds


def test_other_rules_have_other_segments(crm: Regulars) -> None:
    assert refs(crm, rules=ruleset(quiet_after=55)) == ["shop:1"]
    assert crm.segments(rules=1) == ()
    with pytest.raises(NotFound, match=r'no segment is called "quite"; .*mean "quiet"'):
        crm.segment("quite")
    with pytest.raises(NotFound, match='no segment is called "quite"'):
        crm.customers(segment="quite")
    with pytest.raises(ValueError, match="one at a time"):
        crm.segment("quiet", entering=True, leaving=True)


def test_a_store_under_rules_without_segments_holds_none(database_url: str, clock: Clock) -> None:
    with opened(database_url, clock) as crm:
        crm.do(RegisterCustomer(ref="ada"))
        assert crm.segments() == ()
        assert crm.customer("ada").explain().segments == ()
        assert read_models_of(crm, 1)["segments"] == read_models_of(crm, 1)["segments_places"] == []
