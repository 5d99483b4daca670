"""Merging and forgetting in the console: what will happen is said first, then it is done by a form."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import httpx
import pytest

import regulars
from consoles import NOON, Clock, Served, add_users, served, signed_in, token_on
from regulars import AddNote, CustomerId, RecordPurchase, RegisterCustomer, Regulars

MARKED = "<b>Ada</b>"


@pytest.fixture
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Regulars]:
    """Ada was registered twice, and bought once for 30 and twice for 20; Bob is somebody else."""
    path = tmp_path_factory.mktemp("shop") / "shop.db"
    with regulars.open(path, currency="EUR", clock=Clock()) as crm:
        at = NOON - timedelta(days=40)
        crm.do(RegisterCustomer(ref="shop:1", name=MARKED, email="ada@example.com", occurred_at=at))
        crm.do(RegisterCustomer(ref="shop:2", name="Ada L.", email="ada@example.org", occurred_at=at))
        crm.do(RegisterCustomer(ref="shop:3", name="Bob", occurred_at=at))
        for number, (ref, amount) in enumerate((("shop:1", "30"), ("shop:2", "20"), ("shop:2", "20"))):
            crm.do(RecordPurchase(customer=ref, order_id=f"A-{number}", amount=amount, occurred_at=at))
        crm.do(AddNote(customer="shop:1", text="likes tea"))
        add_users(crm)
        yield crm


@pytest.fixture
def console(shop: Regulars) -> Iterator[Served]:
    with served(shop, users=True, clock=Clock()) as console:
        yield console


@pytest.fixture
def mara(console: Served) -> Iterator[httpx.Client]:
    with signed_in(console, "mara") as client:
        yield client


def page_of(shop: Regulars, ref: str, what: str = "") -> str:
    return f"/customers/{shop.find(ref)}{what}"


def send(client: httpx.Client, address: str, **fields: str) -> httpx.Response:
    return client.post(address, data={"form_token": token_on(client.get(address).text)} | fields)


# -------------------------------------------------------------------------------------------------------- merging


@pytest.mark.parametrize("text", ["shop:2", "ada@example.org", "a l."])
def test_the_other_is_found_by_a_form(shop: Regulars, mara: httpx.Client, text: str) -> None:
    found = send(mara, page_of(shop, "shop:1", "/merge"), act="find", who=text).text
    assert f"/merge?other={shop.find('shop:2')}" in found
    assert f"other={shop.find('shop:1')}" not in found
    assert "Nobody is like that." in send(mara, page_of(shop, "shop:1", "/merge"), act="find", who="zoe").text


def test_what_becomes_of_two_is_said_and_then_done(shop: Regulars, console: Served) -> None:
    one, other = shop.find("shop:1"), shop.find("shop:2")
    with signed_in(console, "kim") as kim:
        page = kim.get(f"/customers/{one}/merge", params={"other": other}).text
        assert "with 3 orders and €70.00 in all" in page
        assert "&lt;b&gt;Ada&lt;/b&gt;" in page
        assert shop.customer("shop:1").orders == 1  # nothing happened yet
        done = send(kim, f"/customers/{one}/merge", act="merge", other=other, kept=other, reason="the same")
        assert done.headers["location"] == f"/customers/{other}"
    merged = shop.customer("shop:1")
    assert (merged.id, merged.orders, merged.merged) == (other, 3, ("shop:1",))


def test_merged_ones_are_told_apart_again(shop: Regulars, mara: httpx.Client) -> None:
    one, other = shop.find("shop:1"), shop.find("shop:2")
    send(mara, f"/customers/{one}/merge", act="merge", other=other, kept=one)
    assert "shop:2" in mara.get(f"/customers/{one}/merge").text
    assert send(mara, f"/customers/{one}/merge", act="undo", away="shop:3").status_code == 400
    assert send(mara, f"/customers/{one}/merge", act="undo", away="shop:2").status_code == 303
    assert (shop.customer("shop:1").orders, shop.customer("shop:2").orders) == (1, 2)


def test_nobody_is_merged_with_themselves_or_without_a_role(
    shop: Regulars, console: Served, mara: httpx.Client
) -> None:
    one = shop.find("shop:1")
    assert "one customer already" in mara.get(f"/customers/{one}/merge", params={"other": one}).text
    assert send(mara, f"/customers/{one}/merge", act="merge", other=one, kept=one).status_code == 409
    assert mara.get(f"/customers/{one}/merge", params={"other": "0" * 32}).status_code == 404
    with signed_in(console, "jon") as jon:
        assert jon.get(f"/customers/{one}/merge").status_code == 403


# ----------------------------------------------------------------------------------------------------- forgetting


def test_forgetting_says_what_goes_and_stays_and_takes_a_yes_and_a_reason(shop: Regulars, mara: httpx.Client) -> None:
    who = shop.find("shop:1")
    address = f"/customers/{who}/forget"
    page = mara.get(address).text
    for words in ("&lt;b&gt;Ada&lt;/b&gt;", "Notes: 1", "1 order, €30.00", "no way back"):
        assert words in page
    assert send(mara, address, reason="they asked").status_code == 400
    assert send(mara, address, confirm="yes").status_code == 400
    assert send(mara, address, confirm="yes", reason="Ada asked").status_code == 409  # it would name her
    assert shop.forgotten() == ()
    done = send(mara, address, confirm="yes", reason="asked for it")
    assert done.status_code == 303
    (forgotten,) = shop.forgotten()
    assert (forgotten.customer_id, forgotten.actor, forgotten.reason) == (who, "mara", "asked for it")
    assert "Forgotten on" in mara.get(address).text
    assert shop.customer(CustomerId(who)).orders == 1


def test_everybody_whom_it_concerns_is_named(shop: Regulars, mara: httpx.Client) -> None:
    one, other = shop.find("shop:1"), shop.find("shop:2")
    send(mara, f"/customers/{one}/merge", act="merge", other=other, kept=one)
    assert "shop:2" in mara.get(f"/customers/{one}/forget").text
    send(mara, f"/customers/{one}/forget", confirm="yes", reason="asked for it")
    assert {each.customer_id for each in shop.forgotten()} == {one, other}


@pytest.mark.parametrize("name", ["kim", "jon"])
def test_only_owners_forget(shop: Regulars, console: Served, name: str) -> None:
    with signed_in(console, name) as client:
        who = shop.find("shop:3")
        page = client.get(f"/customers/{who}").text
        assert "/forget" not in page
        assert client.get(f"/customers/{who}/forget").status_code == 403
        fields = {"form_token": token_on(page), "confirm": "yes", "reason": "x"}
        assert client.post(f"/customers/{who}/forget", data=fields).status_code == 403
    assert shop.forgotten() == ()
