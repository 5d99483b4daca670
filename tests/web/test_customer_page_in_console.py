"""One customer in the console: where they stand and why, their turns, and what is recorded of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from zoneinfo import ZoneInfo

import httpx
import pytest

import regulars
from consoles import NOON, Clock, Served, add_users, served, signed_in, token_on
from regulars import (
    AddNote,
    AddTask,
    CreateCoupon,
    CustomerId,
    EnrollMember,
    ErasePersonalData,
    OpenOpportunity,
    OpenTicket,
    QuoteLine,
    RecordEmployment,
    RecordPurchase,
    RegisterCustomer,
    Regulars,
    SendQuote,
    SignContract,
)

MARKED = '<b>Ada</b> & "co"'


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Regulars]:
    """Ada bought a year ago and last month, works for Acme, and has a ticket; Bob is nobody's yet."""
    path = tmp_path_factory.mktemp("shop") / "shop.db"
    with regulars.open(path, currency="EUR", actor="li", clock=Clock()) as crm:
        begin = NOON - timedelta(days=400)
        crm.do(RegisterCustomer(ref="shop:1", name=MARKED, email="ada@example.com", occurred_at=begin))
        crm.do(RegisterCustomer(ref="acme", name="Acme", kind="firm", occurred_at=begin))
        crm.do(RegisterCustomer(ref="shop:2", occurred_at=begin))
        for number, days in enumerate((380, 30)):
            at = NOON - timedelta(days=days)
            crm.do(RecordPurchase(customer="shop:1", order_id=f"A-{number}", amount="90", occurred_at=at))
        crm.do(RecordEmployment(customer="shop:1", firm="acme", role="buyer"))
        crm.do(OpenTicket(customer="shop:1", ticket_id="T-1", subject="A <i>cup</i>"))
        crm.do(AddNote(customer="shop:1", text="likes & tea"))
        crm.do(AddTask(task_id="K-1", customer="shop:1", what="call & ask", due=NOON.date()))
        crm.do(OpenOpportunity(customer="shop:1", opportunity_id="O-1", amount="700"))
        line = QuoteLine(sku="tea", unit_price="9.50", tax_rate="7")
        crm.do(SendQuote(customer="shop:1", quote_id="Q-1", lines=(line,)))
        crm.do(SignContract(customer="shop:1", contract_id="C-1", start=NOON.date(), amount="1200"))
        add_users(crm)
        yield crm


@pytest.fixture(scope="module")
def console(shop: Regulars) -> Iterator[Served]:
    with served(shop, users=True, clock=Clock()) as console:
        yield console


def as_user(console: Served, name: str) -> Iterator[httpx.Client]:
    with signed_in(console, name) as client:
        yield client


@pytest.fixture(scope="module")
def clerk(console: Served) -> Iterator[httpx.Client]:
    yield from as_user(console, "kim")


@pytest.fixture(scope="module")
def reader(console: Served) -> Iterator[httpx.Client]:
    yield from as_user(console, "jon")


@pytest.fixture
def ada(shop: Regulars) -> CustomerId:
    return shop.find("shop:1")


def test_the_page_says_who_it_is_where_they_stand_and_why(
    shop: Regulars, reader: httpx.Client, ada: CustomerId
) -> None:
    page = reader.get(f"/customers/{ada}").text
    customer = shop.customer(ada)
    assert "&lt;b&gt;Ada&lt;/b&gt; &amp; &#34;co&#34;" in page
    assert MARKED not in page
    for said in ("call &amp; ask", "O-1</a>", "Q-1</a> <span", "C-1</a> <span", "€700.00", "€10.17", "€1,200.00"):
        assert said in " ".join(page.split())
    for said in ("ada@example.com", "€180.00", "A &lt;i&gt;cup&lt;/i&gt;", "likes &amp; tea", "Acme</a>, buyer"):
        assert said in page
    for verdict in customer.explain().verdicts:
        assert f">{verdict.value.replace('_', ' ')}</span>" in page
        assert all(clause.sentence.split("<")[0] in page for clause in verdict.reasons)
    assert "<svg" in page
    assert "style=" not in page


def test_each_turn_leads_to_the_page_of_that_day(shop: Regulars, reader: httpx.Client, ada: CustomerId) -> None:
    page = reader.get(f"/customers/{ada}").text
    days = set(re.findall(rf'href="/customers/{ada}\?as_of=([0-9-]+)"', page))
    zone = ZoneInfo(shop.page(ada).zone)
    turns = {
        span.since.astimezone(zone).date().isoformat()
        for spans in shop.customer(ada).timeline().spans.values()
        for before, span in zip([None, *spans], spans, strict=False)
        if before is None or before.value != span.value
    }
    assert turns
    assert turns <= days
    then = (NOON - timedelta(days=200)).date()
    assert shop.customer(ada, as_of=then).stage.replace("_", " ") in reader.get(f"/customers/{ada}?as_of={then}").text


def test_a_firm_shows_its_people_and_whoever_is_unknown_is_not_found(shop: Regulars, reader: httpx.Client) -> None:
    assert "&lt;b&gt;Ada" in reader.get(f"/customers/{shop.find('acme')}").text
    for odd in ("f" * 32, "shop:1", "0", "%00"):
        assert reader.get(f"/customers/{odd}").status_code == 404


def test_what_happened_is_recorded_once_by_whoever_may(
    shop: Regulars, clerk: httpx.Client, reader: httpx.Client, ada: CustomerId
) -> None:
    address = f"/customers/{ada}/record"
    assert reader.get(address).status_code == 403
    form = clerk.get(address, params={"command": "AddNote"}).text
    sent = {
        "form_token": token_on(form),
        "command": "AddNote",
        "command_id": re.findall(r'name="command_id" value="([^"]+)"', form)[0],
        "text": "called & thanked",
    }
    for _ in range(2):
        assert clerk.post(address, data=sent).status_code == 303
    notes = [each.text for each in shop.page(ada).notes.found]
    assert notes.count("called & thanked") == 1
    (entry,) = shop.audit(customer=ada, limit=1)
    assert entry.actor == "kim"


def test_what_is_wrong_is_said_beside_its_field_and_nothing_is_lost(
    shop: Regulars, clerk: httpx.Client, ada: CustomerId
) -> None:
    address = f"/customers/{ada}/record"
    form = clerk.get(address, params={"command": "RecordPurchase"}).text
    typed = {"order_id": "A-9", "amount": "a lot", "command": "RecordPurchase", "form_token": token_on(form)}
    said = clerk.post(address, data=typed)
    assert said.status_code == 400
    assert "amount: money is a Decimal or text such as" in said.text
    assert 'value="A-9"' in said.text
    assert shop.customer(ada).orders == 2


def test_a_clerk_is_offered_nothing_that_is_an_owners(clerk: httpx.Client, ada: CustomerId) -> None:
    form = clerk.get(f"/customers/{ada}/record").text
    assert "<option>AddNote</option>" in form
    assert "ErasePersonalData" not in form
    sent = {"form_token": token_on(form), "command": "ErasePersonalData", "confirm": "true"}
    assert clerk.post(f"/customers/{ada}/record", data=sent).status_code == 400


def test_of_whoever_was_forgotten_no_word_is_left(shop: Regulars, clerk: httpx.Client) -> None:
    bob = shop.find("shop:2")
    shop.do(ErasePersonalData(customer=bob, confirm=True))
    page = clerk.get(f"/customers/{bob}").text
    assert "Forgotten on" in page
    assert "shop:2" not in page


def test_what_an_order_would_bring_is_shown_beside_and_not_recorded(shop: Regulars, reader: httpx.Client) -> None:
    cy = shop.do(RegisterCustomer(ref="shop:9", occurred_at=NOON - timedelta(days=40))).customer_id
    shop.do(EnrollMember(customer="shop:9", occurred_at=NOON - timedelta(days=40)))
    shop.do(CreateCoupon(coupon_id="TENTH", percent=10, minimum="50.00", occurred_at=NOON - timedelta(days=2)))
    before, address = shop.version_of("shop:9"), f"/customers/{cy}"
    assert "What an order would bring" in reader.get(address).text
    page = reader.get(address, params={"amount": "60.00", "items": "tea-1=20.00 mug", "coupon": "tenth"}).text
    part = page.partition('id="rewards"')[2].partition("</section>")[0]
    for said in (">54 <", "€54.00", "€6.00 off with TENTH", "takes off €6.00"):
        assert said in part
    small = reader.get(address, params={"amount": "40"}, headers={"HX-Request": "true", "HX-Target": "rewards"}).text
    assert ">40 <" in small
    assert "takes an order of 50.00 EUR at least" in small
    assert "<h1" not in small  # the part alone
    for amount, coupon, complaint in (("much", "", "money is a Decimal"), ("40", "NONE", "there is no coupon")):
        refused = reader.get(address, params={"amount": amount, "coupon": coupon})
        assert refused.status_code == 400
        assert complaint in refused.text.partition('id="rewards"')[2]
    assert shop.version_of("shop:9") == before
    assert "What an order would bring" not in reader.get(address, params={"as_of": "2026-05-01"}).text
