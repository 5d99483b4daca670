"""Coupons in stores: redeemed and released with orders, found by codes, counted as of any day, never beyond a limit."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

import regulars
from regulars import (
    Command,
    CorrectPurchase,
    CouponRedeemed,
    CouponReleased,
    CreateCoupon,
    EndCoupon,
    EnrollMember,
    ErasePersonalData,
    IssueCoupon,
    MergeCustomers,
    NotFound,
    PointsEarned,
    PurchaseRecorded,
    ReassignPurchase,
    RecordPurchase,
    RecordReturn,
    RegisterCustomer,
    Regulars,
    Rejected,
    RestorePurchase,
    ReturnedTotalRecorded,
    ReturnRecorded,
    UndoMerge,
    VoidPurchase,
    person_page,
)
from regulars.crm_domain.coupon_code import normal_form
from shops import BEGIN, DAY, EXAMPLES, PEOPLE, Clock, fresh_store, opened

ADA, BOB, CID = PEOPLE[:3]


class Ticking(Clock):
    """It goes on a little whenever somebody looks, so that what was just done has happened."""

    def __call__(self) -> datetime:
        self.now += timedelta(milliseconds=1)
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Ticking()


@pytest.fixture
def crm(database_url: str, clock: Clock) -> Iterator[Regulars]:
    with opened(database_url, clock) as crm:
        crm.do([RegisterCustomer(ref=who, name=who.title()) for who in PEOPLE])
        crm.do(CreateCoupon(coupon_id="SUMMER10", percent=10, up_to="20.00", per_person=2, in_all=3))
        crm.do(CreateCoupon(coupon_id="HELLO", personal=True, amount="5.00"))
        clock.now += DAY
        yield crm


def buy(order_id: str, who: str = ADA, amount: str = "90.00", coupon: str | None = "summer-10") -> RecordPurchase:
    return RecordPurchase(customer=who, order_id=order_id, amount=amount, coupon=coupon)


def issued(crm: Regulars, who: str) -> str:
    """The one code that somebody has, issued now where they have none."""
    crm.do(IssueCoupon(customer=who, coupon_id="HELLO"))
    (found,) = crm.coupon_codes(who)
    return found.code


def standing(crm: Regulars, coupon_id: str = "SUMMER10") -> dict[str, tuple[str | None, Decimal]]:
    """The orders that redeemed a coupon and stand: whose, and what was taken off."""
    return {each.order_id: (each.ref, each.discount) for each in crm.coupon(coupon_id).uses}


def refused(crm: Regulars, command: Command | list[Command]) -> str:
    with pytest.raises(Rejected) as caught:
        crm.do(command)
    return caught.value.code


# ------------------------------------------------------------------------------------------- redeemed with an order


def test_an_order_redeems_its_coupon_in_its_own_transaction(crm: Regulars) -> None:
    bought, used = crm.do(buy("A-1")).events
    assert isinstance(bought.event, PurchaseRecorded)
    assert isinstance(used.event, CouponRedeemed)
    assert (bought.event.amount, bought.event.coupon, used.event.discount) == (9_000, "SUMMER10", 1_000)
    assert (used.customer_id, used.event.customer_id, used.causation_id) == ("", bought.customer_id, bought.position)
    assert standing(crm) == {"A-1": (ADA, Decimal("10.00"))}
    assert crm.customer(ADA).net_spend == 90  # what was paid


def test_what_is_told_again_redeems_nothing_twice(crm: Regulars) -> None:
    crm.do(buy("A-1"))
    assert crm.do(buy("A-1", coupon="SUMMER 10")).events == ()
    assert crm.do(buy("A-1").model_copy(update={"command_id": "retry"})).events == ()
    assert crm.coupon("summer10").coupon.redeemed == 1


def test_a_refused_coupon_refuses_the_order_and_all_that_comes_with_it(crm: Regulars) -> None:
    assert refused(crm, [buy("A-1"), buy("A-2", coupon="WINTER10")]) == "unknown_coupon"
    assert crm.coupon("SUMMER10").coupon.redeemed == crm.customer(ADA).orders == 0


def test_limits_hold_for_one_person_and_in_all(crm: Regulars) -> None:
    crm.do([buy("A-1"), buy("A-2")])
    assert refused(crm, buy("A-3")) == "coupon_used_before"
    crm.do(buy("B-1", BOB))
    assert refused(crm, buy("C-1", CID)) == "coupon_used_up"
    assert crm.coupon("SUMMER10").coupon.outstanding == 0


def test_limits_count_orders_of_one_transaction(crm: Regulars) -> None:
    assert refused(crm, [buy(f"{number}-1", who) for number, who in enumerate(PEOPLE)]) == "coupon_used_up"
    assert standing(crm) == {}


def test_customers_who_are_one_count_as_one_person(crm: Regulars) -> None:
    crm.do([buy("A-1"), buy("B-1", BOB), MergeCustomers(customer=BOB, into=ADA)])
    assert refused(crm, buy("A-2")) == refused(crm, buy("B-2", BOB)) == "coupon_used_before"
    crm.do(UndoMerge(customer=BOB))
    crm.do(buy("B-2", BOB))


def test_what_two_used_before_they_were_merged_stands(crm: Regulars) -> None:
    crm.do([buy("A-1"), buy("A-2"), buy("B-1", BOB), MergeCustomers(customer=BOB, into=ADA)])
    assert set(standing(crm)) == {"A-1", "A-2", "B-1"}


def test_an_order_told_late_is_judged_by_when_it_was_placed(crm: Regulars, clock: Clock) -> None:
    crm.do(EndCoupon(coupon_id="SUMMER10"))
    clock.now += DAY
    assert refused(crm, buy("A-1")) == "coupon_no_longer_valid"
    crm.do(buy("A-2").model_copy(update={"occurred_at": BEGIN}))
    assert [each.at for each in crm.coupon("SUMMER10").uses] == [BEGIN]


def test_a_coupon_that_was_forgotten_at_the_till_is_put_right(crm: Regulars) -> None:
    crm.do(buy("A-1", coupon=None))
    crm.do(CorrectPurchase(order_id="A-1", coupon="summer10", reason="they had one"))
    assert standing(crm) == {"A-1": (ADA, Decimal("10.00"))}
    crm.do([buy("A-2"), buy("A-3", coupon=None)])
    assert refused(crm, CorrectPurchase(order_id="A-3", coupon="SUMMER10")) == "coupon_used_before"


def test_a_coupon_that_was_given_by_mistake_is_taken_off_an_order(crm: Regulars) -> None:
    crm.do(buy("A-1").model_copy(update={"channel": "till"}))
    crm.do(CorrectPurchase(order_id="A-1", amount="80.00"))
    assert standing(crm) == {"A-1": (ADA, Decimal("8.89"))}
    crm.do(CorrectPurchase(order_id="A-1", coupon=None))
    assert standing(crm) == {}
    assert crm.do(CorrectPurchase(order_id="A-1", coupon=None)).events == ()
    (recorded,) = [each.event for each in crm.events() if isinstance(each.event, PurchaseRecorded)][-1:]
    assert (recorded.amount, recorded.channel, recorded.coupon) == (8_000, "till", None)
    crm.do([buy("A-2"), buy("A-3")])  # two orders of one person
    with pytest.raises(ValueError, match="a correction gives at least one of"):
        CorrectPurchase(order_id="A-1", amount=None)


def test_a_source_that_says_another_coupon_corrects_it(crm: Regulars) -> None:
    crm.do(CreateCoupon(coupon_id="OTHER", percent=50))
    said = [buy("A-1", coupon=each).model_copy(update={"source": "shop"}) for each in ("SUMMER10", "other", None)]
    for command, expected in zip(said, ({"SUMMER10"}, {"OTHER"}, set()), strict=True):
        crm.do(command)
        assert {each for each in ("SUMMER10", "OTHER") if standing(crm, each)} == expected
        assert crm.do(command).events == ()


def test_somebody_who_looked_at_a_customer_is_not_refused_for_what_others_redeemed(crm: Regulars) -> None:
    seen = crm.do(buy("A-1")).position
    crm.do(buy("B-1", BOB))
    crm.do(VoidPurchase(order_id="A-1"), unchanged_since=seen)
    with pytest.raises(Rejected, match="was to be the last one"):
        crm.do(RestorePurchase(order_id="A-1"), unchanged_since=seen)


# ---------------------------------------------------------------------------------------------- released with an order


def test_what_is_voided_or_came_back_wholly_releases_it_and_a_part_does_not(crm: Regulars) -> None:
    crm.do([buy("A-1"), buy("A-2"), buy("B-1", BOB)])
    crm.do(RecordReturn(order_id="A-1", amount="89.99"))
    assert set(standing(crm)) == {"A-1", "A-2", "B-1"}
    came_back, released = crm.do(RecordReturn(order_id="A-1", reason="too late")).events
    assert isinstance(released.event, CouponReleased)
    assert (released.event.discount, released.causation_id, released.reason) == (1_000, came_back.position, None)
    crm.do(VoidPurchase(order_id="B-1", reason="a test"))
    assert set(standing(crm)) == {"A-2"}
    found = crm.coupon("SUMMER10").coupon
    assert (found.redeemed, found.released, found.discount, found.outstanding) == (3, 2, Decimal("10.00"), 2)
    crm.do([buy("C-1", CID), buy("C-2", CID)])


def test_what_is_corrected_or_reassigned_keeps_it_whatever_the_limits(crm: Regulars) -> None:
    crm.do([buy("A-1"), buy("A-2"), buy("B-1", BOB)])
    crm.do(CorrectPurchase(order_id="B-1", amount="190.00"))
    crm.do(ReassignPurchase(order_id="B-1", to=ADA))
    assert standing(crm)["B-1"] == (ADA, Decimal("20.00"))  # 21.11, and no more than 20.00
    assert crm.coupon("SUMMER10").coupon.outstanding == 0


def test_what_counts_again_takes_it_up_where_there_is_room(crm: Regulars) -> None:
    crm.do([buy("A-1"), buy("B-1", BOB), buy("C-1", CID)])
    crm.do(VoidPurchase(order_id="A-1"))
    assert crm.do(RestorePurchase(order_id="A-1")).notices == ()
    assert set(standing(crm)) == {"A-1", "B-1", "C-1"}
    crm.do([VoidPurchase(order_id="A-1"), buy("C-2", CID)])
    (notice,) = crm.do(RestorePurchase(order_id="A-1")).notices
    assert notice == 'order "A-1" counts again, and redeems no coupon: coupon "SUMMER10" was used up meanwhile'
    assert set(standing(crm)) == {"B-1", "C-1", "C-2"}


def test_a_return_that_is_corrected_takes_it_up_again(crm: Regulars) -> None:
    crm.do([buy("A-1"), RecordReturn(order_id="A-1", returned_so_far="90.00")])
    assert standing(crm) == {}
    crm.do(RecordReturn(order_id="A-1", returned_so_far="40.00"))
    assert set(standing(crm)) == {"A-1"}


# ------------------------------------------------------------------------------------------------------ personal codes


def test_a_personal_code_is_good_for_whom_it_was_issued_to(crm: Regulars) -> None:
    code = issued(crm, ADA)
    assert re.fullmatch("[2-9A-HJ-NP-Z]{4}-[2-9A-HJ-NP-Z]{4}-[2-9A-HJ-NP-Z]{4}", code)
    assert crm.do(IssueCoupon(customer=ADA, coupon_id="hello")).events == ()
    assert refused(crm, buy("B-1", BOB, coupon=code)) == "coupon_of_another"
    assert refused(crm, buy("A-1", coupon="hello")) == "unknown_coupon"  # the series' id is no code
    crm.do(buy("A-1", coupon=f" {code.lower().replace('-', ' ')}"))
    assert standing(crm, "HELLO") == {"A-1": (ADA, Decimal("5.00"))}
    assert refused(crm, buy("A-2", coupon=code)) == "coupon_used_before"
    assert crm.coupon_codes(ADA)[0].uses_left == 0
    crm.do(VoidPurchase(order_id="A-1"))
    assert crm.coupon_codes(ADA)[0].uses_left == 1
    crm.do(buy("A-2", coupon=code))


def test_a_code_is_the_family_s_as_long_as_it_is_one(crm: Regulars) -> None:
    codes = {who: issued(crm, who) for who in (ADA, BOB)}
    crm.do(MergeCustomers(customer=BOB, into=ADA))
    assert {each.code for each in crm.coupon_codes(ADA)} == set(codes.values())
    crm.do(buy("A-1", coupon=codes[BOB]))
    assert refused(crm, buy("A-2", coupon=codes[ADA])) == "coupon_used_before"
    assert crm.coupon("HELLO").coupon.outstanding == 0
    crm.do(UndoMerge(customer=BOB))
    assert [crm.coupon_codes(who)[0].uses_left for who in (ADA, BOB)] == [0, 1]  # ADA's order redeemed it
    assert refused(crm, buy("A-2", coupon=codes[BOB])) == "coupon_of_another"


def test_codes_stand_in_no_table_in_the_clear_and_are_gone_with_their_customer(crm: Regulars) -> None:
    code, other = issued(crm, ADA), issued(crm, BOB)
    assert code in person_page(crm.export_person(ADA))
    crm.do(buy("A-1", coupon=code))
    for said in (code, normal_form(code)):
        assert said.encode() not in everything_stored(crm)
    crm.catch_up()
    before = crm.coupon("HELLO").coupon
    crm.do(ErasePersonalData(customer=ADA, confirm=True, cause="asked"))
    ada = crm.coupon("HELLO").uses[0].customer_id
    assert crm.coupon("HELLO").coupon == before
    assert (before.issued, before.redeemed, before.outstanding) == (2, 1, 1)
    assert crm.coupon_codes(ada) == ()
    assert "coupon HELLO" in person_page(crm.export_person(ada))
    assert refused(crm, buy("A-2", CID, coupon=code)) == "unknown_coupon"
    crm.do(ErasePersonalData(customer=BOB, confirm=True, cause="asked"))
    assert crm.coupon("HELLO").coupon.outstanding == 0
    assert refused(crm, buy("B-2", CID, coupon=other)) == "unknown_coupon"
    assert crm.check_records().faults == ()


def everything_stored(crm: Regulars) -> bytes:
    with crm._store.reading() as tx:
        return b"\n".join(
            repr(tuple(row)).encode()
            for table in crm._store.schema.metadata.sorted_tables
            if sa.inspect(tx.connection).has_table(table.name)
            for row in tx.connection.execute(sa.select(table))
        )


def test_no_code_is_issued_of_what_is_over_or_not_personal(crm: Regulars) -> None:
    assert refused(crm, IssueCoupon(customer=ADA, coupon_id="SUMMER10")) == "coupon_not_personal"
    assert refused(crm, IssueCoupon(customer=ADA, coupon_id="NONE")) == "unknown_coupon"
    crm.do(EndCoupon(coupon_id="HELLO"))
    assert refused(crm, IssueCoupon(customer=ADA, coupon_id="HELLO")) == "coupon_no_longer_valid"


# ------------------------------------------------------------------------------------------------------- as of any day


def test_what_is_outstanding_and_may_cost_is_known_for_any_day(crm: Regulars, clock: Clock) -> None:
    days = [clock.now.date()]
    for command in (buy("A-1"), IssueCoupon(customer=ADA, coupon_id="HELLO"), RecordReturn(order_id="A-1")):
        clock.now += DAY
        crm.do(command)
        days.append(clock.now.date())
    clock.now += DAY
    crm.do(EndCoupon(coupon_id="SUMMER10"))
    days.append(clock.now.date())
    clock.now += DAY

    def told(coupon_id: str, **when: Any) -> list[tuple[str, int | None, Decimal | None]]:
        found = [crm.coupon(coupon_id, **when, **{axis: day}).coupon for day in days for axis in ("as_of", "known_at")]
        assert found[::2] == found[1::2]  # nothing was told late
        return [(each.status, each.outstanding, each.may_cost) for each in found[::2]]

    assert told("SUMMER10") == [
        ("valid", 3, Decimal("60.00")),
        ("valid", 2, Decimal("40.00")),
        ("valid", 2, Decimal("40.00")),
        ("valid", 3, Decimal("60.00")),
        ("over", 0, Decimal("0.00")),
    ]
    assert [each[1:] for each in told("HELLO")] == [(0, Decimal("0.00"))] * 2 + [(1, Decimal("5.00"))] * 3
    assert [each.coupon_id for each in crm.coupons()] == ["HELLO", "SUMMER10"]
    assert [each.coupon_id for each in crm.coupons(status="over")] == ["SUMMER10"]
    assert crm.coupons(as_of=BEGIN.date() - DAY) == ()
    with pytest.raises(NotFound, match='there is no coupon "HELLO" by then'):
        crm.coupon("HELLO", as_of=BEGIN.date() - DAY)
    with pytest.raises(ValueError, match='one of upcoming, valid, over, not "new"'):
        crm.coupons(status="new")


def test_without_a_limit_there_is_none_to_what_it_may_cost(crm: Regulars) -> None:
    crm.do(CreateCoupon(coupon_id="OPEN", amount="1", valid_from=date(2099, 1, 1)))
    crm.do(CreateCoupon(coupon_id="HALF", percent=50, in_all=2))
    found = {each.coupon_id: (each.status, each.outstanding, each.may_cost) for each in crm.coupons()}
    assert found["OPEN"] == ("upcoming", None, None)
    assert found["HALF"] == ("valid", 2, None)


# --------------------------------------------------------------------------------------------------- an order to come


def test_what_is_forecast_of_a_coupon_is_what_an_order_with_it_brings(crm: Regulars) -> None:
    crm.do([EnrollMember(customer=ADA), CreateCoupon(coupon_id="BIG", percent=33, minimum="40.00")])
    code = issued(crm, ADA)
    for number, price in enumerate((Decimal("3.99"), Decimal("40.00"), Decimal("60.05"), Decimal("250.00"))):
        tenth, third = (round_half_up(price * each) for each in (Decimal("0.10"), Decimal("0.33")))
        off = {"SUMMER10": min(tenth, Decimal(20)), "HELLO": min(price, Decimal(5)), "BIG": third}
        found = crm.rewards_forecast(ADA, price)
        assert {each.coupon_id: each.discount for each in found.coupons} == off
        assert (found.coupon_id, found.discount) == (None, 0)
        for each in found.coupons:
            order = buy(f"{each.coupon_id}-{number}", amount="0", coupon=code if each.is_personal else each.coupon_id)
            order = order.model_copy(update={"amount": price - off[each.coupon_id]})
            assert (each.refused is None) == (price >= 40 or each.coupon_id != "BIG")
            if each.refused is not None:
                assert refused(crm, order) == "below_minimum"
                with pytest.raises(Rejected, match=re.escape(each.refused)):
                    crm.rewards_forecast(ADA, price, coupon=each.coupon_id)
                continue
            forecast = crm.rewards_forecast(ADA, price, coupon=each.coupon_id)
            assert (forecast.amount, forecast.discount, forecast.coupon_id) == (price, each.discount, each.coupon_id)
            done = crm.do(order)
            points = [drawn.event.points for drawn in done.events if isinstance(drawn.event, PointsEarned)]
            assert sum(points) == forecast.points
            (used,) = [drawn.event for drawn in done.events if isinstance(drawn.event, CouponRedeemed)]
            assert used.coupon_id == each.coupon_id
            crm.do(VoidPurchase(order_id=order.order_id))


def round_half_up(price: Decimal) -> Decimal:
    return price.quantize(Decimal("0.01"), ROUND_HALF_UP)


def test_only_coupons_that_a_customer_could_redeem_are_forecast(crm: Regulars, clock: Clock) -> None:
    def theirs(who: str) -> list[str]:
        return [each.coupon_id for each in crm.rewards_forecast(who, "90").coupons]

    issued(crm, BOB)
    crm.do([CreateCoupon(coupon_id="OVER", percent=5, valid_until="2020-01-31"), buy("B-1", BOB), buy("B-2", BOB)])
    crm.do(
        [CreateCoupon(coupon_id="LATER", percent=5, valid_from="2199-01-01"), CreateCoupon(coupon_id="X", percent=5)]
    )
    crm.do(EndCoupon(coupon_id="X"))
    clock.now += DAY
    assert (theirs(ADA), theirs(BOB)) == (["SUMMER10"], ["HELLO"])
    crm.do(MergeCustomers(customer=BOB, into=ADA))
    assert theirs(ADA) == theirs(BOB) == ["HELLO"]
    crm.do(buy("C-1", CID))
    assert theirs(CID) == []  # three orders in all
    with pytest.raises(Rejected, match='there is no coupon "HELLO" of which this customer has a code'):
        crm.rewards_forecast(CID, "90", coupon="hello")
    with pytest.raises(Rejected, match='there is no coupon "NONE"'):
        crm.rewards_forecast(CID, "90", coupon="none")
    assert len(crm.coupon("SUMMER10").uses) == 3  # nothing was recorded


# ------------------------------------------------------------------------------------------------------- many at once


def test_eight_threads_never_redeem_it_beyond_its_limit(crm: Regulars, clock: Clock, database_url: str) -> None:
    crm.do(CreateCoupon(coupon_id="SCARCE", percent=5, in_all=10))

    refusals: set[str] = set()

    def shop_at(number: int) -> list[str]:
        taken = []
        with opened(database_url, clock) as till:
            for each in range(4):
                try:
                    till.do(buy(f"{number}-{each}", PEOPLE[number % 4], coupon="scarce"))
                    taken.append(f"{number}-{each}")
                except Rejected as error:
                    refusals.add(error.code)
        return taken

    with ThreadPoolExecutor(8) as pool:
        taken = [order for orders in pool.map(shop_at, range(8)) for order in orders]
    assert (len(taken), refusals) == (10, {"coupon_used_up"})
    assert set(standing(crm, "SCARCE")) == set(taken)
    assert sum(crm.customer(who).orders for who in PEOPLE) == 10


# ----------------------------------------------------------------------------------------------------------------- laws


def commands(orders: str, whom: Sequence[str]) -> st.SearchStrategy[list[Command]]:
    """What is said of a few orders, of a few people: the fewer, the more often of the same. What makes most of a
    difference is said most often.
    """
    words: list[Command] = [
        MergeCustomers(customer=whom[1], into=whom[0]),
        UndoMerge(customer=whom[1]),
    ]
    for order in orders:
        words += [buy(order, who) for who in whom] * 2
        words += [buy(order, whom[0], "250.00"), buy(order, whom[0], coupon=None)]
        words += [VoidPurchase(order_id=order), RestorePurchase(order_id=order)] * 2
        words += [RecordReturn(order_id=order), RecordReturn(order_id=order, amount="9.99")]
        words += [RecordReturn(order_id=order, returned_so_far=each) for each in ("0", "5.00", "90.00")]
        words += [CorrectPurchase(order_id=order, amount=each) for each in ("9.99", "250.00")]
        words += [CorrectPurchase(order_id=order, coupon="SUMMER10")]
        words += [ReassignPurchase(order_id=order, to=who) for who in whom]
    return st.lists(st.sampled_from(words), min_size=4, max_size=20)


class Books:
    """What the log says of orders and of the coupon, read event by event and without any code of ours."""

    def __init__(self, crm: Regulars) -> None:
        self.bought: dict[str, PurchaseRecorded] = {}
        self.returned: dict[str, int] = {}
        self.uses: dict[str, CouponRedeemed] = {}
        self.redeemed = self.released = self.most = self.most_by_one = 0
        for recorded in crm.events():
            match recorded.event:
                case PurchaseRecorded() as event:
                    self.bought[event.order_id], self.returned[event.order_id] = event, 0
                case ReturnRecorded() as event:
                    self.returned[event.order_id] += event.amount
                case ReturnedTotalRecorded() as event:
                    self.returned[event.order_id] = event.returned_so_far
                case regulars.PurchaseVoided() as event:
                    assert self.bought.pop(event.order_id).number == event.number
                case CouponRedeemed() as event:
                    assert event.order_id not in self.uses, "an order redeems a coupon once"
                    self.uses[event.order_id] = event
                    if event.number == 1:  # what is recorded anew keeps it, and may have become somebody else's
                        theirs = [each for each in self.uses.values() if each.customer_id == event.customer_id]
                        self.most_by_one = max(self.most_by_one, len(theirs))
                    self.redeemed += 1
                case CouponReleased() as event:
                    used = self.uses.pop(event.order_id)
                    assert (used.number, used.customer_id, used.discount) == (
                        event.number,
                        event.customer_id,
                        event.discount,
                    )
                    self.released += 1
                case _:
                    pass
            self.most = max(self.most, len(self.uses))

    @property
    def standing(self) -> dict[str, PurchaseRecorded]:
        """The orders with a coupon that weren't voided, and of which something is left."""
        return {
            order_id: bought
            for order_id, bought in self.bought.items()
            if bought.coupon is not None and self.returned[order_id] < bought.amount
        }

    def require_sound(self, crm: Regulars) -> None:
        """Every use is that of a record that stands, and of what was paid for it; the questions say the same."""
        for order_id, used in self.uses.items():
            bought = self.standing[order_id]
            exact = Fraction(bought.amount * 10, 90)
            assert (used.number, used.discount) == (bought.number, min(2_000, int(exact + Fraction(1, 2))))
        found = crm.coupon("SUMMER10")
        assert {each.order_id for each in found.uses} == self.uses.keys()
        assert (found.coupon.redeemed, found.coupon.released) == (self.redeemed, self.released)
        assert found.coupon.discount * 100 == sum(each.discount for each in self.uses.values())
        assert self.redeemed - self.released == len(self.uses)


def tell(crm: Regulars, clock: Clock, told: list[Command], after: Callable[[], None]) -> None:
    for command in told:
        clock.now += timedelta(hours=1)
        try:
            crm.do(command)
        except (Rejected, NotFound):
            continue
        after()


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
@settings(max_examples=EXAMPLES // 5)
@given(commands("ABCD", PEOPLE[:3]))
def test_without_limits_what_is_redeemed_is_what_stands(kind: str, postgres_url: str, told: list[Command]) -> None:
    clock = Ticking()
    with fresh_store(kind, postgres_url) as url, opened(url, clock) as crm:
        crm.do([RegisterCustomer(ref=who) for who in PEOPLE])
        crm.do(CreateCoupon(coupon_id="SUMMER10", percent=10, up_to="20.00"))

        def conserved() -> None:
            books = Books(crm)
            assert books.uses.keys() == books.standing.keys()
            books.require_sound(crm)

        tell(crm, clock, told, conserved)


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
@settings(max_examples=EXAMPLES // 4)
@given(commands("AB", PEOPLE[:2]), st.integers(1, 2), st.sampled_from([None, 1]))
def test_with_limits_it_is_never_redeemed_beyond_them(
    kind: str, postgres_url: str, told: list[Command], in_all: int, per_person: int | None
) -> None:
    clock = Ticking()
    with fresh_store(kind, postgres_url) as url, opened(url, clock) as crm:
        crm.do([RegisterCustomer(ref=who) for who in PEOPLE])
        crm.do(CreateCoupon(coupon_id="SUMMER10", percent=10, up_to="20.00", in_all=in_all, per_person=per_person))

        def within() -> None:
            books = Books(crm)
            assert books.uses.keys() <= books.standing.keys()
            assert books.most <= in_all
            assert per_person is None or books.most_by_one <= per_person
            books.require_sound(crm)
            assert crm.coupon("SUMMER10").coupon.outstanding == in_all - len(books.uses)

        begin: list[Command] = [buy("A", ADA), VoidPurchase(order_id="A")]
        tell(crm, clock, [*begin, *told], within)
