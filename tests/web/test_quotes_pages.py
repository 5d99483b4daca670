"""Quotes and contracts in the console: the lists, one of each, and what is recorded of them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import httpx
import pytest

import regulars
from consoles import NOON, Clock, Served, add_users, served, signed_in, token_on
from regulars import OpenOpportunity, QuoteLine, RegisterCustomer, Regulars, SendQuote, SignContract

MARKED = "<b>tea</b> & more"
#: An id of a quote as no address has it.
ODD = "Q/9 ?#&é"
LINES = (
    QuoteLine(description=MARKED, quantity="3", unit_price="10.005", tax_rate="7"),
    QuoteLine(sku="cup", unit_price="5", tax_rate="19"),
)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Regulars]:
    """Two quotes to the first customer, one of them for an opportunity; a contract with the second."""
    path = tmp_path_factory.mktemp("shop") / "shop.db"
    with regulars.open(path, currency="EUR", clock=Clock()) as crm:
        for number in (1, 2, 3):
            crm.do(RegisterCustomer(ref=f"shop:{number}", name=MARKED, occurred_at=NOON - timedelta(days=30)))
        crm.do(OpenOpportunity(customer="shop:1", opportunity_id="O-1", amount="100"))
        crm.do(SendQuote(customer="shop:1", quote_id="Q-1", lines=LINES, opportunity_id="O-1", note="thank you"))
        crm.do(SendQuote(customer="shop:1", quote_id=ODD, lines=LINES[1:], valid_until="2026-06-10"))
        crm.do(SignContract(customer="shop:2", contract_id="C-1", start=NOON.date(), amount="1200", subject=MARKED))
        add_users(crm)
        yield crm


@pytest.fixture(scope="module")
def console(shop: Regulars) -> Iterator[Served]:
    with served(shop, users=True, clock=Clock()) as console:
        yield console


@pytest.fixture(scope="module")
def kim(console: Served) -> Iterator[httpx.Client]:
    with signed_in(console, "kim") as client:
        yield client


def act(client: httpx.Client, address: str, **fields: str) -> httpx.Response:
    return client.post(address, data={"form_token": token_on(client.get(address).text)} | fields)


def another(shop: Regulars, quote_id: str) -> str:
    """The path of a quote to the third customer, of a test's own."""
    shop.do(SendQuote(customer="shop:3", quote_id=quote_id, lines=LINES))
    return f"/quotes/{quote_id}"


def test_lists_lead_to_one_and_are_narrowed(shop: Regulars, kim: httpx.Client) -> None:
    page = kim.get("/quotes").text
    assert page.index("Q/9") < page.index("Q-1")  # what runs out first
    assert 'href="/quotes/Q-1"' in page
    assert "There is no such quote." in kim.get("/quotes", params={"status": "expired"}).text
    assert "There is no such quote." in kim.get("/quotes", params={"customer": str(shop.find("shop:2"))}).text
    assert 'href="/contracts/C-1"' in kim.get("/contracts", params={"status": "active"}).text
    assert "There is no such contract." in kim.get("/contracts", params={"as_of": "2026-05-01"}).text
    assert kim.get("/contracts", params={"status": "lost"}).status_code == 400
    assert kim.get("/quotes", params={"customer": "shop:1"}).status_code == 404


def test_the_pages_of_a_customer_and_of_an_opportunity_lead_there(shop: Regulars, kim: httpx.Client) -> None:
    page = kim.get(f"/customers/{shop.find('shop:1')}").text
    assert 'href="/quotes/Q-1"' in page
    assert f"/quotes?customer={shop.find('shop:1')}" in page
    assert 'href="/contracts/C-1"' in kim.get(f"/customers/{shop.find('shop:2')}").text
    opportunity = kim.get("/pipeline/O-1").text
    assert 'href="/quotes/Q-1"' in opportunity
    assert "this opportunity is won" in opportunity


def test_a_quote_shows_its_lines_with_all_their_digits_and_its_tax(kim: httpx.Client) -> None:
    page = kim.get("/quotes/Q-1").text
    assert "&lt;b&gt;tea&lt;/b&gt; &amp; more" in page
    # 3 at 10.005 are 30.02 (half up), with 7 percent 2.10; a cup at 5.00, with 19 percent 0.95.
    for amount in ("€10.005", "€30.02", "€35.02", "€2.10", "€0.95", "€38.07"):
        assert amount in page, amount


def test_a_quote_that_is_accepted_wins_its_opportunity(shop: Regulars, kim: httpx.Client) -> None:
    assert act(kim, "/quotes/Q-1", act="accept", revision="1", order_id="A-1").status_code == 303
    assert shop.quote("Q-1").quote.status == "accepted"
    assert shop.quote("Q-1").events[-1].actor == "kim"
    assert shop.opportunity("O-1").value == "won"
    page = kim.get("/quotes/Q-1").text
    assert "A-1" in page
    assert 'name="act"' not in page


def test_a_quote_that_is_accepted_as_a_contract_leads_to_it(shop: Regulars, kim: httpx.Client) -> None:
    address = another(shop, "Q-2")
    given = {"revision": "1", "contract_id": "C-2", "start": "2026-06-01", "end": "2027-05-31"}
    assert act(kim, address, act="accept", **given, renewal_months="12", notice_days="30").status_code == 303
    assert shop.contract("C-2").contract.renewal_months == 12
    assert 'href="/contracts/C-2"' in kim.get(address).text


def test_a_quote_is_declined_and_revised_under_an_odd_id(shop: Regulars, kim: httpx.Client) -> None:
    address = "/quotes/Q%2F9%20%3F%23%26%C3%A9"
    assert act(kim, address, act="decline", cause="price").status_code == 303
    assert shop.quote(ODD).cause == "price"
    line = {"sku-0": "cup", "quantity-0": "2", "unit_price-0": "4.50", "tax_rate-0": "19"}
    revised = act(kim, address, act="revise", prices="net", valid_until="2026-07-01", **line)
    assert revised.status_code == 303
    assert kim.get(revised.headers["location"]).status_code == 200
    found = shop.quote(ODD)
    assert (found.quote.status, found.quote.revision, str(found.net)) == ("sent", 2, "9.00")
    assert "Revision 1" in kim.get(address, params={"revision": "1"}).text


def test_what_was_typed_is_kept_where_it_was_refused(shop: Regulars, kim: httpx.Client) -> None:
    answer = act(kim, another(shop, "Q-3"), act="revise", prices="net", note="typed by hand", **{"sku-0": "odd cup"})
    assert answer.status_code == 400
    assert "unit_price" in answer.text
    assert 'value="odd cup"' in answer.text
    assert 'value="typed by hand"' in answer.text


def test_the_page_to_send_is_a_file(kim: httpx.Client) -> None:
    answer = kim.get("/quotes/Q-1", params={"page": "de"})
    assert answer.headers["content-disposition"].startswith("attachment")
    assert "Angebot" in answer.text
    assert kim.get("/quotes/Q-1", params={"page": "fr"}).status_code == 400


def test_a_contract_is_amended_renewed_and_ended(shop: Regulars, kim: httpx.Client) -> None:
    page = kim.get("/contracts/C-1").text
    assert "&lt;b&gt;tea&lt;/b&gt;" in page
    assert 'value="renew"' not in page  # it has no end
    assert act(kim, "/contracts/C-1", act="amend", amount="1400", end="2027-05-31").status_code == 303
    assert act(kim, "/contracts/C-1", act="renew", until="2028-05-31").status_code == 303
    assert "€1,400.00" in kim.get("/contracts/C-1").text
    assert "May 31, 2028" in kim.get("/contracts/C-1").text
    assert act(kim, "/contracts/C-1", act="renew", until="2026-06-02").status_code == 409
    assert act(kim, "/contracts/C-1", act="end", on="2026-06-30", cause="moved").status_code == 303
    assert shop.contract("C-1").cause == "moved"


def test_nobody_records_without_a_role_or_on_another_day(shop: Regulars, console: Served) -> None:
    quoted = another(shop, "Q-4")
    with signed_in(console, "jon") as jon:
        for address, what in ((quoted, "decline"), ("/contracts/C-1", "end")):
            page = jon.get(address).text
            assert 'name="act"' not in page
            fields = {"form_token": token_on(page), "act": what, "on": "2026-06-30"}
            assert jon.post(address, data=fields).status_code == 403
    with signed_in(console, "kim") as kim:
        assert 'name="act"' not in kim.get(quoted, params={"known_at": "2026-06-01"}).text


def test_what_there_is_not_is_not_found(kim: httpx.Client) -> None:
    for address in ("/quotes/Q-77", "/contracts/C-77"):
        assert kim.get(address).status_code == 404
    assert act(kim, "/quotes/Q-1", act="explode").status_code == 400
