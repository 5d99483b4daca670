"""The audit trail in the console: who did what, when and why, found by customer, event, person and days."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

import httpx
import pytest

import regulars
from consoles import NOON, Clock, Served, add_users, served, sign_in, signed_in, token_on
from regulars import ChangeContactDetails, RecordPurchase, RegisterCustomer, Regulars, VoidPurchase

MARKED = "<script>alert('x')</script> & more"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Regulars]:
    """Ada, whose e-mail address li changed and who bought 60 times; Grace, of whom mei voided an order for a reason."""
    clock = Clock(NOON - timedelta(days=90))
    path = tmp_path_factory.mktemp("shop") / "shop.db"
    with regulars.open(path, currency="EUR", clock=clock) as crm:
        crm.do(RegisterCustomer(ref="shop:1", name="Ada Lovelace", email="ada@old.example"), actor="li")
        crm.do(RegisterCustomer(ref=MARKED, name="Grace Hopper", email="grace@example.com"), actor="li")
        clock.go_on(timedelta(days=30))
        crm.do(ChangeContactDetails(customer="shop:1", email="ada@new.example"), actor="li")
        crm.do([RecordPurchase(customer="shop:1", order_id=f"A-{n}", amount="5.90") for n in range(60)], actor="till")
        clock.go_on(timedelta(days=30))
        crm.do(RecordPurchase(customer=MARKED, order_id="G-1", amount="9.90"), actor="till")
        with crm.acting(actor="mei", reason=f"Typed twice {MARKED}"):
            crm.do(VoidPurchase(order_id="G-1"))
        clock.now = NOON
        add_users(crm)
        yield crm


@pytest.fixture(scope="module")
def console(shop: Regulars) -> Iterator[Served]:
    with served(shop, users=True, clock=Clock()) as console:
        yield console


@pytest.fixture(scope="module", params=["owner", "clerk"])
def browser(console: Served, request: pytest.FixtureRequest) -> Iterator[httpx.Client]:
    with signed_in(console, {"owner": "mara", "clerk": "kim"}[request.param]) as client:
        yield client


def told(page: str) -> list[str]:
    """The sentences of a page, in order."""
    return re.findall(r'<p class="why">([^<]+)</p>', page)


def trail(browser: httpx.Client, **query: str) -> list[str]:
    return told(browser.get("/audit", params=query).text)


def find(browser: httpx.Client, who: str, **query: str) -> httpx.Response:
    token = token_on(browser.get("/audit").text)
    return browser.post("/audit", params=query, data={"form_token": token, "who": who})


def test_a_reader_is_neither_shown_the_trail_nor_led_to_it(console: Served) -> None:
    with console.browser() as client:
        sign_in(client, "jon")
        assert client.get("/audit").status_code == 403
        assert "/audit" not in client.get("/").text


def test_an_entry_says_who_did_what_when_and_why_and_what_it_changed(browser: httpx.Client, shop: Regulars) -> None:
    page = browser.get("/audit", params={"type": "ContactDetailsChanged"}).text
    assert told(page) == ["Li changed the e-mail of shop:1"]
    for each in ("<del>ada@old.example</del> → <ins>ada@new.example</ins>", "recorded by li", "Apr 2, 2026"):
        assert each in page
    assert f'href="/customers/{shop.find("shop:1")}"' in page
    assert "Reason: Typed twice" in browser.get("/audit", params={"actor": "mei"}).text


def test_a_customer_is_found_by_a_form_and_the_address_holds_their_id_alone(
    browser: httpx.Client, shop: Regulars
) -> None:
    ada = shop.find("shop:1")
    for who in ("shop:1", " ada@new.example "):
        answer = find(browser, who, actor="li")
        assert (answer.status_code, answer.headers["location"]) == (303, f"/audit?customer={ada}&actor=li")
        page = browser.get(answer.headers["location"]).text
        assert told(page) == ["Li changed the e-mail of shop:1", "Li registered shop:1"]
        assert "Ada Lovelace" in page


def test_nobody_like_that_is_said_beside_the_field(browser: httpx.Client) -> None:
    for who in ("shop:none", "", "\x00", MARKED.upper()):
        answer = find(browser, who)
        assert answer.status_code == 404
        assert "No customer has the reference" in answer.text
        assert "<script>alert" not in answer.text.lower()
    assert browser.post("/audit", data={"who": "shop:1"}).status_code == 403


def test_an_address_with_a_reference_finds_nobody(browser: httpx.Client) -> None:
    assert browser.get("/audit", params={"customer": "shop:1"}).status_code == 404


def test_the_trail_is_narrowed_by_event_person_and_days(browser: httpx.Client) -> None:
    assert trail(browser, actor="mei")[0].startswith("Mei voided order G-1")
    assert len(trail(browser, actor="li")) == 3
    assert len(trail(browser, actor="li", since="2026-04-02")) == 1
    assert len(trail(browser, actor="li", until="2026-04-01")) == 2
    assert trail(browser, actor="nobody") == []
    assert "Nothing like that happened." in browser.get("/audit", params={"actor": "nobody\x00"}).text


def test_what_is_no_event_no_day_and_no_page_is_refused_with_a_sentence(browser: httpx.Client) -> None:
    for wrong, said in (("type=PurchaseRecorder", "did you mean PurchaseRecorded"), ("since=May", "A day is written")):
        refused = browser.get(f"/audit?{wrong}")
        assert refused.status_code == 400
        assert said in refused.text
    assert browser.get("/audit?after=-1").status_code == 400


def test_every_event_can_be_chosen_by_its_name_in_words(browser: httpx.Client) -> None:
    page = browser.get("/audit", params={"type": "PurchaseVoided"}).text
    assert '<option value="PurchaseVoided" selected>Purchase voided</option>' in page
    assert '<option value="CustomerRegistered">Customer registered</option>' in page


def test_pages_follow_each_other_without_a_gap_and_keep_what_was_chosen(browser: httpx.Client, shop: Regulars) -> None:
    first = browser.get("/audit", params={"actor": "till", "customer": shop.find("shop:1")}).text
    following = re.search(r'href="(/audit\?[^"]*after=[^"]*)"', first)
    assert following is not None
    second = browser.get(following[1].replace("&amp;", "&")).text
    orders = re.findall(r"order (A-\d+)", " ".join(told(first) + told(second)))
    assert orders == [f"A-{n}" for n in reversed(range(60))]


def test_another_day_shows_what_had_happened_and_was_known_by_then(browser: httpx.Client) -> None:
    assert len(trail(browser, as_of="2026-03-15")) == 2
    assert len(trail(browser, known_at="2026-03-15")) == 2
    assert trail(browser, as_of="2026-03-15", since="2026-04-01") == []
    assert trail(browser, as_of="2026-03-15", until="2026-06-01") == trail(browser, until="2026-03-15")


def test_markup_is_text(browser: httpx.Client) -> None:
    page = browser.get("/audit").text
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page


def test_htmx_gets_the_trail_alone(browser: httpx.Client) -> None:
    part = browser.get("/audit", headers={"HX-Request": "true", "HX-Target": "trail"}).text
    assert told(part)
    assert "<html" not in part


def test_an_empty_store_says_so() -> None:
    with regulars.open(":memory:", clock=Clock()) as crm, served(crm) as console, console.browser() as client:
        client.get(console.entry)
        assert client.get("/audit", params={"type": "CustomerRegistered"}).status_code == 200
        assert "Nothing like that happened." in client.get("/audit", params={"type": "CustomerRegistered"}).text
