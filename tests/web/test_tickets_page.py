"""The tickets in the console: what is due first, one of them, and what is done about it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

import httpx
import pytest

import regulars
from consoles import NOON, Clock, Served, add_users, served, signed_in, token_on
from regulars import AssignTicket, OpenTicket, RegisterCustomer, Regulars, ReplyAsAgent, ReplyAsCustomer, ResolveTicket

#: An id of a ticket as no address has it.
ODD = 'T/9 ?#&%é"<b>'
MARKED = "<script>alert('x')</script> & more"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Regulars]:
    """Four tickets: T-2 late since yesterday, T-3 urgent and just opened, T-1 with a week's targets, T-4 settled."""
    path = tmp_path_factory.mktemp("shop") / "shop.db"
    with regulars.open(path, currency="EUR", clock=Clock()) as crm:
        crm.do(RegisterCustomer(ref="shop:1", name="Ada Lovelace", occurred_at=NOON - timedelta(days=90)))

        def opened(ticket_id: str, before: timedelta, priority: str, subject: str) -> None:
            at = NOON - before
            crm.do(
                OpenTicket(customer="shop:1", ticket_id=ticket_id, priority=priority, subject=subject, occurred_at=at)
            )

        opened("T-1", timedelta(minutes=30), "low", "A wish")
        opened("T-2", timedelta(days=20), "urgent", "A broken cup")
        opened("T-3", timedelta(minutes=5), "urgent", "Where is it?")
        opened("T-4", timedelta(days=40), "normal", "Thanks")
        opened(ODD, timedelta(minutes=20), "low", MARKED)
        crm.do(ReplyAsAgent(ticket_id="T-4", message="Gladly", occurred_at=NOON - timedelta(days=39, hours=23)))
        crm.do(ResolveTicket(ticket_id="T-4", occurred_at=NOON - timedelta(days=39)))
        crm.do(AssignTicket(ticket_id="T-3", agent="jonas"))
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


@pytest.fixture(scope="module")
def reader(console: Served) -> Iterator[httpx.Client]:
    with signed_in(console, "jon") as client:
        yield client


def listed(page: str) -> list[str]:
    """The ids of the tickets in a page, in order."""
    return re.findall(r'<th scope="row"><a href="/tickets/[^"]+">([^<]+)</a>', page)


def act(browser: httpx.Client, ticket: str, **fields: str) -> httpx.Response:
    address = f"/tickets/{ticket}"
    token = token_on(browser.get(address).text)
    return browser.post(address, data={"form_token": token, **fields})


# ---------------------------------------------------------------------------------------------------- the queue


def test_what_is_late_comes_first_and_then_what_is_due_first(reader: httpx.Client) -> None:
    assert listed(reader.get("/tickets").text)[:2] == ["T-2", "T-3"]
    assert "1 of them late" in reader.get("/tickets").text
    assert "T-4" not in listed(reader.get("/tickets").text)


def test_the_queue_is_narrowed_by_status_priority_and_who_looks_after_it(reader: httpx.Client) -> None:
    assert listed(reader.get("/tickets", params={"priority": "urgent"}).text) == ["T-2", "T-3"]
    assert listed(reader.get("/tickets", params={"owner": "jonas"}).text) == ["T-3"]
    assert "T-4" in listed(reader.get("/tickets", params={"status": "closed"}).text)  # two weeks after it was resolved
    refused = reader.get("/tickets", params={"priority": "whenever"})
    assert refused.status_code == 400
    assert "Priority is one of" in refused.text


def test_htmx_gets_the_queue_alone(reader: httpx.Client) -> None:
    part = reader.get("/tickets", headers={"HX-Request": "true", "HX-Target": "queue"}).text
    assert "T-2" in part
    assert "<html" not in part


def test_another_day_shows_the_tickets_of_that_day(reader: httpx.Client) -> None:
    assert listed(reader.get("/tickets", params={"as_of": "2026-05-20"}).text) == ["T-2"]
    assert reader.get("/tickets/T-3", params={"as_of": "2026-05-20"}).status_code == 404
    assert "What to do" not in reader.get("/tickets/T-2", params={"as_of": "2026-05-20"}).text


# ----------------------------------------------------------------------------------------------------- one ticket


def test_a_reader_sees_a_ticket_and_can_change_nothing(shop: Regulars, reader: httpx.Client) -> None:
    page = reader.get("/tickets/T-3").text
    assert "Where is it?" in page
    assert "What to do" not in page
    refused = act(reader, "T-3", act="resolve")
    assert refused.status_code == 403
    assert shop.ticket("T-3").ticket.status == "open"


def test_a_form_without_our_token_changes_nothing(shop: Regulars, browser: httpx.Client) -> None:
    assert browser.post("/tickets/T-3", data={"act": "resolve"}).status_code == 403
    assert shop.ticket("T-3").ticket.status == "open"


def test_a_reply_that_is_sent_twice_is_recorded_once(shop: Regulars, browser: httpx.Client) -> None:
    before = len(shop.ticket("T-1").messages)
    page = browser.get("/tickets/T-1").text
    known = re.search(r'name="message_id" value="([^"]+)"', page)
    assert known is not None
    fields = {"form_token": token_on(page), "message_id": known[1], "act": "reply", "message": "It is on <its> way"}
    for _ in range(2):
        assert browser.post("/tickets/T-1", data=fields).status_code == 303
    assert [each.message for each in shop.ticket("T-1").messages][before:] == ["It is on <its> way"]
    assert "It is on &lt;its&gt; way" in browser.get("/tickets/T-1").text


def test_a_ticket_goes_through_its_statuses(shop: Regulars, browser: httpx.Client) -> None:
    steps = {"hold": "on_hold", "resume": "open", "await": "awaiting_customer", "resolve": "resolved", "reopen": "open"}
    for name, status in steps.items():
        answer = act(browser, "T-1", act=name)
        assert (answer.status_code, answer.headers["location"]) == (303, "/tickets/T-1")
        assert shop.ticket("T-1").ticket.status == status
    act(browser, "T-1", act="assign", agent="mei")
    act(browser, "T-1", act="priority", priority="high")
    ticket = shop.ticket("T-1").ticket
    assert (ticket.agent, ticket.priority) == ("mei", "high")
    act(browser, "T-1", act="priority", priority="low")
    assert {each.actor for each in shop.ticket("T-1").events} >= {"mara"}


def test_what_cannot_be_is_refused_with_a_sentence(browser: httpx.Client) -> None:
    assert "reply" in act(browser, "T-3", act="explode").text
    assert act(browser, "T-3", act="explode").status_code == 400
    assert act(browser, "T-3", act="reply", message=" ").status_code == 400
    assert "closed" in act(browser, "T-4", act="hold").text
    assert browser.get("/tickets/nobody's").status_code == 404


def test_an_odd_id_is_reached_and_markup_is_text(shop: Regulars, browser: httpx.Client) -> None:
    shop.do(ReplyAsCustomer(ticket_id=ODD, message=MARKED))
    found = re.search(r'href="(/tickets/T%2F9[^"]*|/tickets/T/9[^"]*)"', browser.get("/tickets").text)
    assert found is not None
    page = browser.get(found[1]).text
    assert "<script>alert" not in page
    assert page.count("&lt;script&gt;alert") >= 2
    answer = browser.post(found[1], data={"form_token": token_on(page), "act": "hold"})
    assert answer.status_code == 303
    assert browser.get(answer.headers["location"]).status_code == 200
    assert shop.ticket(ODD).ticket.status == "on_hold"


# -------------------------------------------------------------------------------------------------------- service


def test_service_says_the_shares_of_a_month_with_n(shop: Regulars, reader: httpx.Client) -> None:
    page = reader.get("/service", params={"month": "2026-04"}).text  # T-4 alone, which was answered in an hour
    assert "n = 1" in page
    assert "100%" in page
    assert reader.get("/service").status_code == 200
    assert reader.get("/service", params={"month": "April"}).status_code == 400


def test_an_empty_store_says_so() -> None:
    with regulars.open(":memory:", clock=Clock()) as crm, served(crm) as console, console.browser() as client:
        client.get(console.entry)
        assert "There is no such ticket." in client.get("/tickets").text
        assert client.get("/service").status_code == 200
