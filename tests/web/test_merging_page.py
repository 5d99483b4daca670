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


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Regulars]:
    """Nobody yet: each test has an Ada of its own."""
    path = tmp_path_factory.mktemp("shop") / "shop.db"
    with regulars.open(path, currency="EUR", clock=Clock()) as crm:
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


def twice(shop: Regulars, test: str) -> tuple[CustomerId, CustomerId]:
    """Ada, who was registered twice, and bought once for 30 and then twice for 20."""
    at = NOON - timedelta(days=40)
    for number, name in enumerate((MARKED, f"Ada {test}"), 1):
        email = f"{test}{number}@example.com"
        shop.do(RegisterCustomer(ref=f"{test}:{number}", name=name, email=email, occurred_at=at))
    for number, (who, amount) in enumerate(((1, "30"), (2, "20"), (2, "20"))):
        order = f"{test}-{number}"
        shop.do(RecordPurchase(customer=f"{test}:{who}", order_id=order, amount=amount, occurred_at=at))
    shop.do(AddNote(customer=f"{test}:1", text="likes tea"))
    return shop.find(f"{test}:1"), shop.find(f"{test}:2")


def send(client: httpx.Client, address: str, **fields: str) -> httpx.Response:
    return client.post(address, data={"form_token": token_on(client.get(address).text)} | fields)


# -------------------------------------------------------------------------------------------------------- merging


@pytest.mark.parametrize("how", ["ref", "email", "name"])
def test_the_other_is_found_by_a_form(shop: Regulars, mara: httpx.Client, how: str) -> None:
    one, other = twice(shop, f"found{how}")
    text = {"ref": f"found{how}:2", "email": f"found{how}2@example.com", "name": f"a FOUND{how}"}[how]
    found = send(mara, f"/customers/{one}/merge", act="find", who=text).text
    assert f"/merge?other={other}" in found
    assert f"other={one}" not in found
    assert "Nobody is like that." in send(mara, f"/customers/{one}/merge", act="find", who="zoe").text


def test_what_becomes_of_two_is_said_and_then_done(shop: Regulars, console: Served) -> None:
    one, other = twice(shop, "said")
    with signed_in(console, "kim") as kim:
        page = kim.get(f"/customers/{one}/merge", params={"other": other}).text
        assert "with 3 orders and €70.00 in all" in page
        assert "&lt;b&gt;Ada&lt;/b&gt;" in page
        assert shop.customer(one).orders == 1  # nothing happened yet
        done = send(kim, f"/customers/{one}/merge", act="merge", other=other, kept=other, reason="the same")
        assert done.headers["location"] == f"/customers/{other}"
    merged = shop.customer(one)
    assert (merged.id, merged.orders, merged.merged) == (other, 3, ("said:1",))


def test_merged_ones_are_told_apart_again(shop: Regulars, mara: httpx.Client) -> None:
    one, other = twice(shop, "apart")
    send(mara, f"/customers/{one}/merge", act="merge", other=other, kept=one)
    assert "apart:2" in mara.get(f"/customers/{one}/merge").text
    assert send(mara, f"/customers/{one}/merge", act="undo", away="apart:3").status_code == 400
    assert send(mara, f"/customers/{one}/merge", act="undo", away="apart:2").status_code == 303
    assert (shop.customer(one).orders, shop.customer(other).orders) == (1, 2)


def test_nobody_is_merged_with_themselves_or_without_a_role(
    shop: Regulars, console: Served, mara: httpx.Client
) -> None:
    one, _ = twice(shop, "alone")
    assert "one customer already" in mara.get(f"/customers/{one}/merge", params={"other": one}).text
    assert send(mara, f"/customers/{one}/merge", act="merge", other=one, kept=one).status_code == 409
    assert mara.get(f"/customers/{one}/merge", params={"other": "0" * 32}).status_code == 404
    with signed_in(console, "jon") as jon:
        assert jon.get(f"/customers/{one}/merge").status_code == 403


# ----------------------------------------------------------------------------------------------------- forgetting


def forgotten(shop: Regulars, who: CustomerId) -> list[tuple[str, str | None]]:
    """By whom and why somebody was forgotten."""
    return [(each.actor, each.reason) for each in shop.forgotten() if each.customer_id == who]


def test_forgetting_says_what_goes_and_stays_and_takes_a_yes_and_a_reason(shop: Regulars, mara: httpx.Client) -> None:
    who, _ = twice(shop, "goes")
    address = f"/customers/{who}/forget"
    page = mara.get(address).text
    for words in ("&lt;b&gt;Ada&lt;/b&gt;", "Notes: 1", "1 order, €30.00", "no way back"):
        assert words in page
    assert send(mara, address, reason="they asked").status_code == 400
    assert send(mara, address, confirm="yes").status_code == 400
    assert send(mara, address, confirm="yes", reason="Ada asked").status_code == 409  # it would name her
    assert forgotten(shop, who) == []
    assert send(mara, address, confirm="yes", reason="asked for it").status_code == 303
    assert forgotten(shop, who) == [("mara", "asked for it")]
    assert "Forgotten on" in mara.get(address).text
    assert shop.customer(who).orders == 1


def test_everybody_whom_it_concerns_is_named(shop: Regulars, mara: httpx.Client) -> None:
    one, other = twice(shop, "both")
    send(mara, f"/customers/{one}/merge", act="merge", other=other, kept=one)
    assert "both:2" in mara.get(f"/customers/{one}/forget").text
    send(mara, f"/customers/{one}/forget", confirm="yes", reason="asked for it")
    assert forgotten(shop, one) == forgotten(shop, other) == [("mara", "asked for it")]


@pytest.mark.parametrize("name", ["kim", "jon"])
def test_only_owners_forget(shop: Regulars, console: Served, name: str) -> None:
    who, _ = twice(shop, f"owned{name}")
    with signed_in(console, name) as client:
        page = client.get(f"/customers/{who}").text
        assert "/forget" not in page
        assert client.get(f"/customers/{who}/forget").status_code == 403
        fields = {"form_token": token_on(page), "confirm": "yes", "reason": "x"}
        assert client.post(f"/customers/{who}/forget", data=fields).status_code == 403
    assert forgotten(shop, who) == []
