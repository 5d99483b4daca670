"""What a customer is worth: bands over net spend and buying days, which change as orders leave the window."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from histories import START, histories, rules
from regulars.crm_domain.errors import InvalidRules
from regulars.crm_domain.event import Event
from regulars.crm_domain.instant import DAY, to_datetime, to_instant
from regulars.crm_domain.purchase import PurchaseRecorded, ReturnedTotalRecorded, ReturnRecorded
from regulars.projections.customer_value.projector import CUSTOMER_VALUE
from regulars.projections.engine.fold import Folded, Happened, explain, fold, verdict_at
from regulars.projections.rfm_summary import RFM_SUMMARY
from regulars.projections.rules.compiled import Rules, compile_rules
from regulars.projections.rules.grammar import parse_rules

DEFAULT = (Path(__file__).parents[2] / "src" / "regulars" / "rules.toml").read_text(encoding="utf-8")
BEFORE, _, _ = DEFAULT.partition("[value]")
BERLIN = ZoneInfo("Europe/Berlin")


def by(bands: str, window_days: int = 100) -> Rules:
    return compile_rules(parse_rules(f"{BEFORE}[value]\nwindow_days = {window_days}\nbands = [{bands}]\n"), "EUR")


#: From 100.00 mid, from 300.00 on three days high, within 100 days.
THREE = by(
    '{ id = "low" }, { id = "mid", net_spend = "100.00" }, { id = "high", net_spend = "300.00", buying_days = 3 }'
)


def bought(order_id: str, amount: int) -> PurchaseRecorded:
    return PurchaseRecorded(order_id=order_id, amount=amount, currency="EUR")


def came_back(order_id: str, amount: int) -> ReturnRecorded:
    return ReturnRecorded(order_id=order_id, return_id="1", amount=amount, currency="EUR")


def story(*told: tuple[float, Event]) -> list[Happened]:
    """What happened so many days after noon of the first day."""
    noon = START + DAY // 2
    return [Happened(noon + round(days * DAY), place, event) for place, (days, event) in enumerate(told, 1)]


def worths(history: list[Happened], judged_by: Rules = THREE) -> list[tuple[float, str, int, int]]:
    """Since when, in days, which band, net spend and buying days."""
    found = fold(Folded(), history, judged_by, [CUSTOMER_VALUE])["customer_value"]
    return [
        ((each.valid_from - START) / DAY - 0.5, each.verdict.value, each.verdict.net_spend, each.verdict.buying_days)
        for each in found
    ]


def test_a_band_is_reached_by_spend_and_days_at_once_and_left_as_orders_leave_the_window() -> None:
    history = story((0, bought("A", 200_00)), (10, bought("B", 150_00)), (20, bought("C", 5_00)))
    assert worths(history) == [
        (0, "mid", 200_00, 1),
        (10, "mid", 350_00, 2),  # enough was spent, on two days only
        (20, "high", 355_00, 3),
        (100, "mid", 155_00, 2),
        (110, "low", 5_00, 1),
        (120, "low", 0, 0),
    ]


def test_a_boundary_is_reached_exactly_and_left_to_the_microsecond() -> None:
    [(_, below, *_), *_] = worths(story((0, bought("A", 99_99))))
    [(_, exact, *_), (leaves, *_)] = worths(story((0, bought("A", 100_00))))
    assert (below, exact, leaves) == ("low", "mid", 100)


def test_orders_of_one_day_are_one_buying_day_in_the_zone_of_the_business() -> None:
    # Noon, 22:00 and 23:30 UTC in January: the last one is the next day in Berlin.
    history = story((0, bought("A", 1_00)), (10 / 24, bought("B", 1_00)), (11.5 / 24, bought("C", 1_00)))
    assert [days for *_, days in worths(history)][:3] == [1, 1, 2]


def test_what_came_back_is_taken_off_and_a_day_of_which_all_came_back_is_none() -> None:
    whole = story((0, bought("A", 150_00)), (1, bought("B", 50_00)), (5, came_back("A", 150_00)))
    assert worths(whole)[:3] == [(0, "mid", 150_00, 1), (1, "mid", 200_00, 2), (5, "low", 50_00, 1)]
    part = story((0, bought("A", 150_00)), (1, bought("B", 50_00)), (5, came_back("A", 60_00)))
    assert worths(part)[2] == (5, "mid", 140_00, 2)


def test_orders_of_one_day_leave_the_window_together_with_the_last_of_them() -> None:
    history = story((0, bought("A", 10_00)), (1 / 4, bought("B", 20_00)), (5, came_back("B", 20_00)))
    assert worths(history)[-2:] == [(5, "low", 10_00, 1), (100.25, "low", 0, 0)]


def test_a_future_has_a_step_for_each_buying_day_and_not_for_each_order() -> None:
    many = story(*((day + place / 100, bought(f"{day}-{place}", 1_00)) for day in range(4) for place in range(40)))
    leaving = [since for since, *_ in worths(many) if since >= 100]
    assert leaving == pytest.approx([100.39, 101.39, 102.39, 103.39])


def test_a_day_on_which_only_nothing_was_spent_is_a_buying_day() -> None:
    assert worths(story((0, bought("A", 0))))[0] == (0, "low", 0, 1)


def test_rules_without_the_table_have_no_verdict() -> None:
    without = compile_rules(parse_rules(BEFORE), "EUR")
    history = story((0, bought("A", 500_00)))
    assert fold(Folded(), history, without, [CUSTOMER_VALUE]) == {"customer_value": []}
    assert explain(history, without, START + DAY, [CUSTOMER_VALUE])[1] == []


def test_it_says_what_it_is_made_of_and_what_the_next_band_takes() -> None:
    history = story((0, bought("A", 200_00)), (10, bought("B", 50_00)), (11, came_back("A", 20_00)))
    _, [found] = explain(history, THREE, START + 20 * DAY, [CUSTOMER_VALUE])
    [reason] = found.reasons
    assert reason.sentence == (
        "net spend of 230.00 on 2 buying days in 100 days is mid; 70.00 more and 1 more buying day would reach high"
    )
    assert reason.positions == (1, 2, 3)
    # The spend rose meanwhile, and the band has been the same since the first order.
    assert found.since == START + DAY // 2
    assert found.next_change is not None
    assert (found.next_change.verdict.value, found.next_change.valid_from) == ("low", START + DAY // 2 + 100 * DAY)


@pytest.mark.parametrize(
    ("bands", "complaint"),
    [
        ('{ id = "low", net_spend = "5.00" }', 'the first band ("low") must take neither net_spend nor buying_days'),
        ('{ id = "low" }, { id = "high" }', '"high" must take more net_spend or buying_days than "low"'),
        (
            '{ id = "low" }, { id = "a", buying_days = 3 }, { id = "b", net_spend = "9.00", buying_days = 2 }',
            "less of neither",
        ),
        ('{ id = "low" }, { id = "low", buying_days = 3 }', 'the id "low" is used twice'),
        ('{ id = "low", spend = "1.00" }', 'value.bands[0].spend: unknown key; did you mean "net_spend"?'),
        ("", "at least 1 item"),
    ],
)
def test_bands_that_do_not_rise_are_refused_in_a_sentence(bands: str, complaint: str) -> None:
    with pytest.raises(InvalidRules) as refused:
        by(bands)
    assert complaint in str(refused.value)


# ---------------------------------------------------------------------------------------- against plain counting


def counted(history: list[Happened], at: int, window: int | None) -> dict[int, list[int]]:
    """For each day in Berlin, what is left of its orders in a window that ends at an instant: counted from the events.

    Orders of which everything came back are left out; None is all there ever was. A day is in the window while its last
    order is.
    """
    known = [each for each in history if each.at <= at]
    orders = [each for each in known if isinstance(each.event, PurchaseRecorded)]
    found: dict[int, list[int]] = {}
    back: dict[int, int] = {each.position: 0 for each in orders}
    for each in known:
        if isinstance(each.event, ReturnRecorded):
            of = [order for order in orders if order.event.order_id == each.event.order_id]
            if of:
                amount = of[-1].event.amount
                back[of[-1].position] = min(amount, back[of[-1].position] + each.event.amount)
    returned = {each.event.order_id for each in known if isinstance(each.event, ReturnRecorded)}
    last = {day_of(each): each.at for each in orders}  # which come in order of time
    for order in orders:
        if window is not None and last[day_of(order)] <= at - window:
            continue
        left = order.event.amount - back[order.position]
        if left or order.event.order_id not in returned:
            found.setdefault(day_of(order), []).append(left)
    return found


def day_of(happened: Happened) -> int:
    return to_datetime(happened.at).astimezone(BERLIN).toordinal()


def only_trade(history: list[Happened]) -> list[Happened]:
    """Purchases, each of an id of its own, and returns of those that came before them."""
    seen: set[str] = set()
    found = []
    for each in history:
        if isinstance(each.event, PurchaseRecorded) and each.event.order_id not in seen:
            seen.add(each.event.order_id)
            found.append(each)
        elif isinstance(each.event, ReturnRecorded) and each.event.order_id in seen:
            found.append(each)
    return found


INSTANTS = st.builds(lambda day, off: START + day * DAY + off, st.integers(0, 2_500), st.integers(-1, 1))


@given(histories(distinct=True), INSTANTS)
def test_worth_is_what_plain_counting_finds(history: list[Happened], at: int) -> None:
    history = only_trade(history)
    held = verdict_at(fold(Folded(), history, rules(), [CUSTOMER_VALUE])["customer_value"], at)
    if not any(each.at <= at for each in history):
        assert held is None
        return
    assert held is not None
    # Intervals that begin later hold what happened later.
    days = counted([each for each in history if each.at <= held.valid_from], at, 365 * DAY)
    spend, count = sum(map(sum, days.values())), len(days)
    band = "high" if spend >= 200_00 and count >= 3 else "mid" if spend >= 75_00 else "low"
    assert (held.verdict.net_spend, held.verdict.buying_days, held.verdict.value) == (spend, count, band)


@given(histories(distinct=True), INSTANTS)
def test_the_summary_for_models_is_what_plain_counting_finds(history: list[Happened], at: int) -> None:
    history = only_trade(history)
    held = verdict_at(fold(Folded(), history, rules(), [RFM_SUMMARY])["rfm_summary"], at)
    days = counted(history, at, None)
    if not days:
        assert held is None
        return
    assert held is not None
    epoch = datetime(1970, 1, 1, tzinfo=UTC).toordinal()
    first, last = min(days), max(days)
    assert (held.verdict.first_day, held.verdict.last_day) == (first - epoch, last - epoch)
    assert held.verdict.buying_days == len(days)
    assert held.verdict.first_spend == sum(days[first])
    assert held.verdict.spend == sum(map(sum, days.values()))


def test_a_lower_reading_of_what_came_back_makes_the_day_count_again() -> None:
    def reading(total: int) -> ReturnedTotalRecorded:
        return ReturnedTotalRecorded(order_id="A", returned_so_far=total, currency="EUR")

    history = story((0, bought("A", 80_00)), (1, reading(80_00)), (2, reading(30_00)))
    found = fold(Folded(), history, rules(), [RFM_SUMMARY])["rfm_summary"]
    noon = to_datetime(START) + timedelta(hours=12)
    assert [(each.valid_from, each.verdict.spend) for each in found] == [
        (to_instant(noon), 80_00),
        (to_instant(noon + timedelta(days=2)), 50_00),
    ]
    assert Decimal(found[-1].verdict.first_spend) == found[-1].verdict.spend
