"""Values and forecasts of a store: on both databases, as of any day, as known on any day, and after people are gone."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import partial

import pytest

from populations import BEGIN, buy, lives
from regulars import (
    CantTell,
    FittedModel,
    InvalidRules,
    MergeCustomers,
    NotFound,
    RecordReturn,
    RegisterCustomer,
    Regulars,
    Rejected,
    StoreUnusable,
    UndoMerge,
    VoidPurchase,
    as_toml,
    parse_rules,
)
from regulars.asking.forecasts import Expected
from regulars.crm_domain.value_model import RecordFittedModel
from regulars.modelling import fitting
from shops import Clock, default_text, opened

DAY = timedelta(days=1)


@contextmanager
def shop(url: str, until: datetime = BEGIN + 200 * DAY) -> Iterator[Regulars]:
    """Ada buys for 250.00 on three days, Bo for 90.00 on one, Cy for 10.00, and Di nothing."""
    with opened(url, Clock(until)) as crm:
        for ref in ("ada", "bo", "cy", "di"):
            crm.do(RegisterCustomer(ref=ref, name=ref.title(), occurred_at=BEGIN))
        for who, day, amount in (
            *(("ada", 0, "100.00"), ("ada", 10, "100.00"), ("ada", 20, "50.00")),
            *(("bo", 5, "90.00"), ("cy", 7, "10.00")),
        ):
            crm.do(buy(who, day, amount))
        yield crm


def listed(crm: Regulars, **asked: object) -> list[tuple[str | None, str, str, int]]:
    return [(each.ref, each.band, str(each.net_spend), each.buying_days) for each in crm.value(**asked)]  # type: ignore[arg-type]


def summed(crm: Regulars, **asked: object) -> dict[str, tuple[int, str]]:
    return {each.band: (each.customers, str(each.net_spend)) for each in crm.value(**asked).bands}  # type: ignore[arg-type]


WHOLE = [("ada", "high", "250.00", 3), ("bo", "mid", "90.00", 1), ("cy", "low", "10.00", 1)]
SUMS = {"low": (1, "10.00"), "mid": (1, "90.00"), "high": (1, "250.00")}


def test_who_is_worth_what_is_listed_from_the_highest_down_and_summed_up(database_url: str) -> None:
    with shop(database_url) as crm:
        assert listed(crm) == WHOLE
        assert summed(crm) == SUMS
        assert listed(crm, band="mid") == WHOLE[1:2]
        assert summed(crm, band="mid") == {"mid": (1, "90.00")}
        first = crm.value(limit=1)
        assert [each.ref for each in first] == ["ada"]
        second = crm.value(limit=1, after=first.after)
        assert [each.ref for each in second] == ["bo"]
        assert crm.value(limit=1, after=second.after).after is None
        assert [each.ref for each in crm.customers(having={"value": "mid"})] == ["bo"]


def test_as_of_any_day_it_is_what_held_then(database_url: str) -> None:
    with shop(database_url) as crm:
        assert listed(crm, as_of=date(2024, 1, 5)) == [("ada", "mid", "100.00", 1)]
        # A year and five days later Bo's order has just left the window, of Ada's one is left to leave.
        assert listed(crm, as_of=BEGIN + 370 * DAY) == [
            ("ada", "mid", "150.00", 2),
            ("cy", "low", "10.00", 1),
            ("bo", "low", "0.00", 0),
        ]
        spans = crm.customer("ada").timeline().lanes["value"]
        assert [(each.value, each.since) for each in spans] == [
            ("mid", BEGIN),
            ("high", BEGIN + 20 * DAY),
            ("mid", BEGIN + 365 * DAY),
            ("low", BEGIN + 375 * DAY),
        ]
        verdict = crm.customer("ada").verdict("value")
        assert (verdict.value, verdict.since) == ("high", BEGIN + 20 * DAY)
        assert verdict.next is not None
        assert verdict.next.value == "mid"


def test_what_is_voided_merged_or_came_back_changes_it_as_if_it_had_been_so(database_url: str) -> None:
    with shop(database_url) as crm:
        crm.do(VoidPurchase(order_id="ada-10", reason="a mistake"))
        assert listed(crm)[0] == ("ada", "mid", "150.00", 2)
        crm.do(MergeCustomers(customer="cy", into="bo"))
        assert listed(crm)[1:] == [("bo", "mid", "100.00", 2)]
        crm.do(UndoMerge(customer="cy"))
        assert listed(crm)[1:] == WHOLE[1:]
        crm.do(RecordReturn(order_id="bo-5", occurred_at=BEGIN + 30 * DAY))
        assert listed(crm)[1:] == [("cy", "low", "10.00", 1), ("bo", "low", "0.00", 0)]
        before = crm.projections.verify()
        assert before.holds
        crm.projections.rebuild()
        assert crm.projections.verify().stored == before.stored


SEGMENT = """
[[segment]]
id = "came_back"
enter = [{ fact = "orders", from = 2 }]
[[segment]]
id = "small"
enter = [{ fact = "spend", below = "100.00" }]
"""


def test_a_segment_is_worth_what_its_members_are_worth(database_url: str) -> None:
    with shop(database_url) as crm:
        wish = parse_rules(default_text() + SEGMENT)
        assert listed(crm, segment="small", rules=wish) == WHOLE[1:]  # also by rules that aren't in force
        with pytest.raises(NotFound, match='no segment is called "small"; the rules have none'):
            crm.value(segment="small")
        crm.rules.publish(wish, reason="segments")
        assert listed(crm, segment="small") == WHOLE[1:]  # and Di, who has no value
        assert summed(crm, segment="small") == {"low": (1, "10.00"), "mid": (1, "90.00"), "high": (0, "0.00")}
        assert summed(crm, segment="small", band="mid") == {"mid": (1, "90.00")}
        assert listed(crm, segment="came_back") == WHOLE[:1]
        assert listed(crm, segment="came_back", as_of=BEGIN + 9 * DAY) == []
        assert listed(crm, segment="came_back", as_of=BEGIN + 10 * DAY) == [("ada", "mid", "200.00", 2)]
        crm.forget("bo", reason="asked for it")
        assert listed(crm, segment="small") == WHOLE[2:]
        assert summed(crm, segment="small")["mid"] == (1, "90.00")


def test_who_is_forgotten_is_counted_and_not_listed(database_url: str) -> None:
    with shop(database_url) as crm:
        crm.forget("ada", reason="asked for it")
        assert listed(crm) == WHOLE[1:]
        assert summed(crm) == SUMS


def test_as_known_then_is_without_what_was_recorded_later(database_url: str) -> None:
    clock = Clock(BEGIN + 100 * DAY)
    with opened(database_url, clock) as crm:
        crm.do([RegisterCustomer(ref="ada"), buy("ada", 0, "100.00")])
        then = clock.now
        clock.now += DAY
        crm.do(buy("ada", 50, "150.00"))
        assert listed(crm, known_at=then) == [("ada", "mid", "100.00", 1)]
        assert listed(crm) == [("ada", "mid", "250.00", 2)]


def test_rules_without_values_say_so_and_diff_is_what_publishing_does(database_url: str) -> None:
    with shop(database_url) as crm:
        stricter = parse_rules(default_text().replace('net_spend = "75.00"', 'net_spend = "95.00"'))
        difference = crm.rules.diff(stricter)
        assert [(move.lane, move.old, move.new) for move in difference] == [("value", "mid", "low")]
        assert "net spend of 90.00" in difference.explain(difference.moves)[0].new_reason
        crm.rules.publish(stricter, reason="dearer")
        assert [each for _, each, *_ in listed(crm)] == ["high", "low", "low"]
        before, _, after = default_text().partition("[value]")
        without = parse_rules(before + after[after.index("[[pipeline]]") :])
        with pytest.raises(InvalidRules, match=r"these rules have no table \[value\]") as refused:
            crm.value(rules=without)
        # What the sentence says to add is the table of the default rules.
        line = str(refused.value).partition("on top: ")[2]
        assert parse_rules(f"{line}\n{as_toml(without)}") == parse_rules(default_text())
        with pytest.raises(ValueError, match='no band is called "top"; the rules have low, mid, high'):
            crm.value(band="top")
        with pytest.raises(ValueError, match="is not the `after` of a page"):
            crm.value(after="nonsense")


# ------------------------------------------------------------------------------------------------------------- models


@contextmanager
def busy(url: str, size: int = 90, clock: Clock | None = None) -> Iterator[Regulars]:
    with opened(url, clock or Clock(BEGIN + 360 * DAY)) as crm:
        told = lives(size, 3)
        crm.do([RegisterCustomer(ref=each, occurred_at=BEGIN) for each in sorted({who for who, *_ in told})])
        crm.do([buy(*each) for each in told])
        yield crm


@pytest.fixture
def _few_replicates(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fitting, "REPLICATES", 25)
    monkeypatch.setattr("regulars.doing.fitting.REPLICATES", 25)


def fitted(crm: Regulars, **asked: object) -> FittedModel:
    found = crm.models.fit(**asked)  # type: ignore[arg-type]
    assert isinstance(found, FittedModel), found
    return found


@pytest.mark.usefixtures("_few_replicates")
def test_the_same_data_give_the_same_model_on_both_databases(
    sqlite_database_url: str, postgres_database_url: str
) -> None:
    models = []
    for url in (sqlite_database_url, postgres_database_url):
        with busy(url) as crm:
            models.append(fitted(crm).fit)
    assert models[0] == models[1]
    assert models[0].data_digest == models[1].data_digest
    assert models[0].repeaters >= 30


@pytest.mark.usefixtures("_few_replicates")
def test_a_model_is_recorded_told_and_asked_as_it_was_known_then(database_url: str) -> None:
    clock = Clock(BEGIN + 360 * DAY)
    with busy(database_url, clock=clock) as crm:
        first = fitted(crm)
        assert (first.number, first.fit.horizon_days) == (1, 365)
        assert fitted(crm) == first  # nothing new, so nothing is recorded
        then, before = clock.now, crm.forecast("c1")
        assert (
            crm.audit(limit=1).entries[0].sentence
            == f"Li fitted a value model to {first.fit.customers} customers for 365 days"
        )
        clock.now += 30 * DAY
        crm.do([buy("c1", 361, "500.00"), buy("c2", 370, "20.00")])
        second = fitted(crm, horizon=timedelta(weeks=26))
        assert [each.number for each in crm.models.history()] == [1, 2]
        assert (second.number, second.fit.horizon_days, crm.models.version()) == (2, 182, second)
        assert crm.models.version(1) == first

        # As known then, as of then: the same model, the same customer, the same forecast.
        assert crm.forecast("c1", as_of=then, known_at=then) == before
        assert crm.forecast("c1").model == 2
        assert crm.forecast("c1", model=1).horizon_days == 365
        page = crm.forecasts(as_of=then, known_at=then, limit=3)
        assert page.model.number == 1
        assert before in list(crm.forecasts(as_of=then, known_at=then))
        with pytest.raises(NotFound, match="there is no model 2 by then; the only one by then is 1"):
            crm.forecast("c1", known_at=then, model=2)
        with pytest.raises(NotFound, match="there is no model 3; those are numbered 1 to 2"):
            crm.models.version(3)
        with pytest.raises(NotFound, match="no model was fitted by then"):
            crm.forecast("c1", known_at=then - DAY)
        assert crm.check_records().holds
        assert crm.projections.verify().holds


@pytest.mark.usefixtures("_few_replicates")
def test_forecasts_are_listed_by_value_and_summed_up_from_fifty_on(database_url: str) -> None:
    with busy(database_url) as crm:
        fitted(crm)
        everybody = list(crm.forecasts())
        assert len(everybody) == crm.forecasts(limit=1).total == 90
        assert [each.value.expected for each in everybody] == sorted(
            (each.value.expected for each in everybody), reverse=True
        )
        assert all(each.orders.low <= each.orders.expected * Decimal("1.2") for each in everybody)
        assert all(0 <= each.p_none <= 1 and each.p_none >= round(1 - each.p_alive, 4) - 0.0002 for each in everybody)
        one = crm.forecast(everybody[0].id)
        assert (one.orders, one.value, one.p_alive) == (everybody[0].orders, everybody[0].value, everybody[0].p_alive)
        page = crm.forecasts(limit=10)
        second = crm.forecasts(limit=10, after=page.after)
        assert [*page.customers, *second.customers] == everybody[:20]
        assert isinstance(page.value, Expected)
        assert page.value.low < page.value.expected < page.value.high
        assert abs(page.value.expected - sum(each.value.expected for each in everybody)) < Decimal("0.5")
        # What comes at once is worth more than what comes later.
        assert crm.forecast("c1", annual_rate=Decimal(0)).value.expected > crm.forecast("c1").value.expected
        # The forgotten are no list's business, but what all come to together stays, as the model does.
        crm.forget(everybody[0].id, reason="asked for it")
        without = crm.forecasts()
        assert [each.id for each in without] == [each.id for each in everybody[1:]]
        assert (without.total, without.summed) == (89, 90)
        assert (without.orders, without.value) == (page.orders, page.value)


@pytest.mark.usefixtures("_few_replicates")
def test_a_forecast_of_an_earlier_day_is_by_a_model_that_did_not_know_what_came_after(database_url: str) -> None:
    early, late = BEGIN + 300 * DAY, BEGIN + 350 * DAY
    with busy(database_url) as crm:
        fitted(crm, as_of=late)
        for ask in (crm.forecasts, partial(crm.forecast, "c1")):
            with pytest.raises(NotFound, match="no model was fitted to what was bought up to 2024-10-27"):
                ask(as_of=early)
            named = ask(as_of=early, model=1)
            assert named.looks_ahead
        fitted(crm, as_of=early)
        fitted(crm)
        for ask in (crm.forecasts, partial(crm.forecast, "c1")):
            assert not ask(as_of=early).looks_ahead
            assert not ask(as_of=late).looks_ahead
        fitted(crm, as_of=early + DAY)
        # The last data count, not what was fitted last.
        assert [crm.forecast("c1", as_of=when).model for when in (early, late, None)] == [2, 1, 3]


@pytest.mark.usefixtures("_few_replicates")
def test_no_model_is_fitted_to_days_that_have_not_come(database_url: str) -> None:
    clock = Clock(BEGIN + 360 * DAY)
    with busy(database_url, clock=clock) as crm:
        before = crm.event_count
        for when in (clock.now + timedelta(microseconds=1), clock.now.date() + DAY, date(2027, 6, 1)):
            with pytest.raises(ValueError, match="still to come; a model is fitted to what was bought until now"):
                crm.models.fit(as_of=when)
        assert crm.event_count == before
        # Today hasn't ended either, so it is as of now.
        assert fitted(crm, as_of=clock.now.date()).fit.as_of == fitted(crm).fit.as_of


@pytest.mark.usefixtures("_few_replicates")
def test_what_a_segment_will_come_to_is_told_of_its_members_from_fifty_on(database_url: str) -> None:
    with busy(database_url) as crm:
        crm.rules.publish(
            parse_rules(
                default_text()
                + """
                [[segment]]
                id = "all"
                enter = [{ fact = "orders", from = 1 }]
                [[segment]]
                id = "once"
                enter = [{ fact = "orders", below = 2 }]
                [[segment]]
                id = "more"
                enter = [{ fact = "segment", lacks = ["once"] }]
                """
            ),
            reason="segments",
        )
        fitted(crm)
        everybody = list(crm.forecasts())
        assert list(crm.forecasts(segment="all")) == everybody
        for name in ("once", "more"):
            members = {each.customer_id for each in crm.segment(name)}
            page = crm.forecasts(segment=name, limit=1)
            assert list(crm.forecasts(segment=name)) == [each for each in everybody if each.id in members]
            assert page.total == len(members) < 90
            assert (page.value is None) == (len(members) < 50)
            if page.value is not None:
                theirs = sum(each.value.expected for each in everybody if each.id in members)
                assert abs(page.value.expected - theirs) < Decimal("0.5")
                assert page.value.low < page.value.expected < page.value.high
        with pytest.raises(NotFound, match='no segment is called "on"'):
            crm.forecasts(segment="on")


def test_it_can_not_tell_of_few_and_records_nothing(database_url: str) -> None:
    with shop(database_url) as crm:
        before = crm.event_count
        found = crm.models.fit()
        assert isinstance(found, CantTell)
        assert found.why == "a model takes at least 30 customers who bought on another day; 1 of 3 did"
        assert crm.event_count == before
        with pytest.raises(NotFound, match="no model was fitted; `regulars model fit` fits one"):
            crm.forecast("ada")
        with pytest.raises(NotFound, match="no model was fitted"):
            crm.forecasts()


def test_what_is_wrong_is_refused_in_a_sentence(sqlite_database_url: str) -> None:
    with shop(sqlite_database_url) as crm:
        for horizon in (timedelta(0), timedelta(hours=36), timedelta(days=4_000)):
            with pytest.raises(ValueError, match="a horizon is a number of whole days from 1 to 3650"):
                crm.models.fit(horizon=horizon)
        [example] = [each for each in _examples() if isinstance(each, RecordFittedModel)]
        crm.do(example)
        with pytest.raises(ValueError, match="a share a year from 0 to 1"):
            crm.forecast("ada", annual_rate=Decimal(2))
        with pytest.raises(NotFound, match='"di" had bought nothing by'):
            crm.forecast("di")
        assert crm.forecasts().orders is None  # three customers are too few for a sum
        with pytest.raises(Rejected, match="has no key to keep a reason by"):
            crm.do(example.model_copy(update={"reason": "it is spring", "r": "0.6"}))


def _examples() -> tuple[object, ...]:
    from regulars.crm_domain.value_model import AGGREGATE

    return AGGREGATE.examples().commands


def test_without_the_extra_a_sentence_says_how_to_install_it(
    sqlite_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "scipy", None)
    with shop(sqlite_database_url) as crm:
        assert listed(crm) == WHOLE  # bands take no extra
        for ask in (crm.models.fit, crm.forecasts, lambda: crm.forecast("ada")):
            with pytest.raises(StoreUnusable, match=r"a model takes the extra: pip install 'regulars\[models\]'"):
                ask()
