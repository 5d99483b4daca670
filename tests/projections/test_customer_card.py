"""The plain facts of a customer, as of an instant. Amounts are in cents."""

from __future__ import annotations

from histories import START
from regulars.crm_domain.customer import (
    CustomerRegistered,
    CustomerTagged,
    CustomerUntagged,
    OwnerAssigned,
)
from regulars.crm_domain.event import Event
from regulars.crm_domain.instant import DAY, FOREVER
from regulars.crm_domain.interaction import InteractionRecorded, SurveyAnswered
from regulars.crm_domain.purchase import PurchaseRecorded, ReturnedTotalRecorded, ReturnRecorded
from regulars.projections.customer_card import CustomerCard, card
from regulars.projections.facts.shared import Facts, evolve

HEARD = InteractionRecorded(channel="phone", direction="inbound")
CALLED = InteractionRecorded(channel="phone", direction="outbound")


def day(number: int, microseconds: int = 0) -> int:
    return START + number * DAY + microseconds


def order(number: int, cents: int, order_id: str) -> tuple[int, Event]:
    return day(number), PurchaseRecorded(order_id=order_id, amount=cents, currency="EUR")


def back(number: int, cents: int, order_id: str) -> tuple[int, Event]:
    return day(number), ReturnRecorded(order_id=order_id, return_id=str(number), amount=cents, currency="EUR")


def in_all(number: int, cents: int, order_id: str) -> tuple[int, Event]:
    return day(number), ReturnedTotalRecorded(order_id=order_id, returned_so_far=cents, currency="EUR")


def shown(at: int, *events: tuple[int, Event]) -> CustomerCard:
    """The card as of an instant, made from facts that reach beyond it."""
    facts = Facts()
    for position, (happened_at, event) in enumerate(events, start=1):
        evolve(facts, event, happened_at, position)
    return card(facts, at)


STORY = (order(0, 1_000, "A"), order(10, 2_000, "B"), back(20, 500, "A"), order(30, 0, "C"))


def test_before_anything_happened_the_card_is_empty() -> None:
    before = shown(day(0, -1), *STORY)
    assert (before.orders, before.bought, before.returned, before.net_spend) == (0, 0, 0, 0)
    assert (before.first_order_at, before.last_order_at, before.last_heard_at) == (None, None, None)


def test_an_order_is_on_the_card_from_its_own_instant_on() -> None:
    first, before, second = shown(day(0), *STORY), shown(day(10, -1), *STORY), shown(day(10), *STORY)
    assert (first.orders, first.bought) == (before.orders, before.bought) == (1, 1_000)
    assert (second.orders, second.bought) == (2, 3_000)  # 10.00 + 20.00


def test_first_and_last_order_are_those_of_the_time() -> None:
    assert (shown(day(9), *STORY).first_order_at, shown(day(9), *STORY).last_order_at) == (day(0), day(0))
    assert (shown(day(29), *STORY).first_order_at, shown(day(29), *STORY).last_order_at) == (day(0), day(10))
    assert (shown(FOREVER, *STORY).first_order_at, shown(FOREVER, *STORY).last_order_at) == (day(0), day(30))


def test_a_return_is_on_the_card_from_its_own_instant_on() -> None:
    before, after = shown(day(20, -1), *STORY), shown(day(20), *STORY)
    assert (before.bought, before.returned, before.net_spend) == (3_000, 0, 3_000)
    assert (after.bought, after.returned, after.net_spend) == (3_000, 500, 2_500)  # 30.00 - 5.00


def test_what_came_back_in_all_is_as_it_was_read_last_by_then() -> None:
    events = (
        order(0, 1_000, "A"),
        in_all(10, 400, "A"),
        in_all(20, 100, "A"),
        in_all(30, 0, "A"),
        in_all(40, 200, "A"),
    )
    readings = [shown(day(at), *events).returned for at in (9, 10, 19, 20, 29, 30, 39, 40)]
    assert readings == [0, 400, 400, 100, 100, 0, 0, 200]


def test_an_order_of_zero_is_an_order() -> None:
    assert (shown(day(30), *STORY).orders, shown(day(30), *STORY).bought) == (3, 3_000)


def test_several_orders_at_one_instant_all_count() -> None:
    both = shown(day(0), order(0, 1_000, "A"), order(0, 2_000, "B"))
    assert (both.orders, both.bought, both.first_order_at, both.last_order_at) == (2, 3_000, day(0), day(0))


def test_a_return_before_its_purchase_counts_from_the_purchase_on() -> None:
    events = (back(1, 400, "A"), order(2, 1_000, "A"))
    assert (shown(day(1), *events).orders, shown(day(1), *events).returned) == (0, 0)
    assert (shown(day(2), *events).returned, shown(day(2), *events).net_spend) == (400, 600)  # 10.00 - 4.00


def test_a_return_of_an_order_that_never_came_takes_nothing_off() -> None:
    assert shown(FOREVER, back(1, 400, "?"), order(2, 1_000, "A")).net_spend == 1_000


def test_a_customer_is_heard_by_what_comes_from_them() -> None:
    registered = (day(0), CustomerRegistered(source="web"))
    assert shown(FOREVER, registered).last_heard_at == day(0)
    assert shown(FOREVER, registered, (day(1), CALLED), order(2, 1, "A")).last_heard_at == day(0)
    assert shown(FOREVER, registered, (day(3), HEARD)).last_heard_at == day(3)
    assert shown(FOREVER, registered, (day(4), SurveyAnswered(survey="nps", score=1))).last_heard_at == day(4)


def test_a_customer_was_last_heard_of_by_the_latest_before_the_instant_asked_for() -> None:
    events = ((day(5), HEARD), (day(50), HEARD))
    assert shown(day(50), *events).last_heard_at == day(50)
    assert shown(day(49), *events).last_heard_at == day(5)


def test_owner_and_tags_are_those_of_the_instant_asked_for() -> None:
    history = (
        (day(0), CustomerRegistered(source="web", locale="de")),
        (day(1), CustomerTagged(label="vip")),
        (day(2), CustomerTagged(label="press")),
        (day(3), CustomerTagged(label="early")),
        (day(4), CustomerUntagged(label="press")),
        (day(5), OwnerAssigned(owner="li")),
        (day(6), OwnerAssigned(owner="ada")),
    )
    asked = {at: shown(day(at), *history) for at in (0, 3, 5, 7)}
    assert {at: card.tags for at, card in asked.items()} == {
        0: (),
        3: ("early", "press", "vip"),
        5: ("early", "vip"),
        7: ("early", "vip"),
    }
    assert {at: card.owner for at, card in asked.items()} == {0: None, 3: None, 5: "li", 7: "ada"}
    assert {card.source for card in asked.values()} == {"web"}
