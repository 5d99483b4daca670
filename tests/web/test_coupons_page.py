"""Coupons in the console: the list and a new one; one with the orders that redeemed it, ended, and issued."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import httpx
import pytest

import regulars
from consoles import NOON, Clock, Served, add_users, served, signed_in, token_on
from regulars import CreateCoupon, PlanCampaign, RecordPurchase, RegisterCustomer, Regulars


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Regulars]:
    """SUMMER10 takes 10 percent off, in all for 5 orders; an order of 90.00 redeemed it. WELCOME is personal, SPRING
    is there to be ended."""
    path = tmp_path_factory.mktemp("shop") / "shop.db"
    with regulars.open(path, currency="EUR", clock=Clock()) as crm:
        crm.do(RegisterCustomer(ref="shop:1", name="<b>Ada</b>", occurred_at=NOON - timedelta(days=30)))
        crm.do(CreateCoupon(coupon_id="SUMMER10", percent=10, up_to="20.00", in_all=5, valid_until="2026-06-30"))
        at = NOON - timedelta(days=20)
        crm.do(CreateCoupon(coupon_id="WELCOME", amount="5.00", personal=True))
        crm.do(CreateCoupon(coupon_id="SPRING", percent=5, occurred_at=at))
        crm.do(RecordPurchase(customer="shop:1", order_id="A-1", amount="90.00", coupon="SUMMER10"))
        add_users(crm)
        yield crm


@pytest.fixture(scope="module")
def console(shop: Regulars) -> Iterator[Served]:
    with served(shop, users=True, clock=Clock()) as console:
        yield console


@pytest.fixture(scope="module")
def mara(console: Served) -> Iterator[httpx.Client]:
    with signed_in(console, "mara") as client:
        yield client


def send(client: httpx.Client, address: str, **fields: str) -> httpx.Response:
    return client.post(address, data={"form_token": token_on(client.get(address).text)} | fields)


def test_what_is_outstanding_and_may_cost_is_in_the_list(mara: httpx.Client) -> None:
    row = mara.get("/coupons").text.partition(">SUMMER10<")[2].partition("</tr>")[0]
    # 90.00 were paid of 100.00; four more orders may have 20.00 off each.
    for cell in (">valid<", ">10%<", "Jun 30, 2026", "€10.00", ">4<", "€80.00"):
        assert cell in row
    assert "WELCOME" in mara.get("/coupons", params={"status": "valid"}).text
    assert "There is no such coupon." in mara.get("/coupons", params={"as_of": "2026-05-01"}).text
    assert mara.get("/coupons", params={"status": "lost"}).status_code == 400


def test_one_has_the_orders_that_redeemed_it(shop: Regulars, mara: httpx.Client) -> None:
    page = mara.get("/coupons/SUMMER10").text
    assert "A-1" in page
    assert f'href="/customers/{shop.find("shop:1")}"' in page
    assert mara.get("/coupons/NOTHING").status_code == 404


def test_one_names_the_campaigns_that_offer_it(shop: Regulars, mara: httpx.Client) -> None:
    assert 'href="/campaigns/' not in mara.get("/coupons/SUMMER10").text
    plan = {"kind": "offer", "channel": "post", "purpose": "news", "customers": ["shop:1"], "coupon_id": "SUMMER10"}
    shop.do(PlanCampaign(campaign_id="beach", title="To the beach", **plan))
    assert '<a href="/campaigns/beach">To the beach</a>' in mara.get("/coupons/SUMMER10").text


def test_a_coupon_is_made_and_ended_by_an_owner(shop: Regulars, console: Served, mara: httpx.Client) -> None:
    made = send(mara, "/coupons", act="create", coupon_id="autumn 5", amount="5.00", minimum="40", per_person="1")
    assert made.headers["location"] == "/coupons/AUTUMN5"
    assert str(shop.coupon("AUTUMN5").coupon.minimum) == "40.00"
    assert send(mara, "/coupons/SPRING", act="end").status_code == 400
    assert send(mara, "/coupons/SPRING", act="end", confirm="yes").status_code == 303
    assert shop.coupon("SPRING").coupon.status == "over"
    with signed_in(console, "kim") as kim:
        assert 'value="create"' not in kim.get("/coupons").text
        assert 'value="end"' not in kim.get("/coupons/SUMMER10").text
        token = token_on(kim.get("/coupons").text)
        refused = {"form_token": token, "act": "create", "coupon_id": "MINE", "percent": "99"}
        assert kim.post("/coupons", data=refused).status_code == 403
        assert kim.post("/coupons/SUMMER10", data={"form_token": token, "act": "end"}).status_code == 403


def test_what_was_typed_is_kept_where_it_was_refused(mara: httpx.Client) -> None:
    answer = send(mara, "/coupons", act="create", coupon_id="BOTH", percent="10", amount="5.00")
    assert answer.status_code == 400
    assert "one of percent and amount" in answer.text
    assert 'value="BOTH"' in answer.text


def test_a_code_is_issued_and_shown_on_the_page_of_whose_it_is(shop: Regulars, console: Served) -> None:
    with signed_in(console, "kim") as kim:
        issued = send(kim, "/coupons/WELCOME", act="issue", customer="shop:1")
        address = f"/customers/{shop.find('shop:1')}"
        assert issued.headers["location"] == address
        (code,) = shop.coupon_codes("shop:1")
        assert code.code in kim.get(address).text
        assert "1 code of their own" in kim.get("/coupons").text
    with signed_in(console, "jon") as jon:
        assert code.code not in jon.get(address).text
