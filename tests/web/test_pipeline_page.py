"""The pipeline in the console: the board, one opportunity, and how it came about and what it is expected to bring."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

import httpx
import pytest

import regulars
from consoles import NOON, Clock, Served, add_users, served, sign_in, signed_in, token_on
from regulars import LoseOpportunity, OpenOpportunity, RegisterCustomer, Regulars

#: An id of an opportunity as no address has it.
ODD = "O/9 ?#&é<b>"
MARKED = "<script>alert('x')</script> & more"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Regulars]:
    """Four open opportunities, of 100, 900, 30 and no known amount, opened 20 days ago; O-5 was lost last week."""
    path = tmp_path_factory.mktemp("shop") / "shop.db"
    with regulars.open(path, currency="EUR", clock=Clock()) as crm:
        crm.do(RegisterCustomer(ref="shop:1", name=MARKED, occurred_at=NOON - timedelta(days=90)))
        at = NOON - timedelta(days=20)
        for number, amount in enumerate(("100.00", "900.00", None, "30.00", "50.00"), 1):
            opened = f"O-{number}" if number != 4 else ODD
            crm.do(
                OpenOpportunity(
                    customer="shop:1",
                    opportunity_id=opened,
                    amount=amount,
                    title=MARKED,
                    owner="jonas" if number == 2 else None,
                    occurred_at=at,
                )
            )
        crm.do(LoseOpportunity(opportunity_id="O-5", reason="price", occurred_at=NOON - timedelta(days=7)))
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


def cards(page: str) -> list[str]:
    """The ids on the cards of a page, in order."""
    return re.findall(r'<li class="card">\s*<a href="[^"]+">([^<]+)</a>', page)


def act(browser: httpx.Client, opportunity: str, **fields: str) -> httpx.Response:
    address = f"/pipeline/{opportunity}"
    token = token_on(browser.get(address).text)
    return browser.post(address, data={"form_token": token, **fields})


# ------------------------------------------------------------------------------------------------------ the board


def test_a_column_has_what_is_worth_most_first(shop: Regulars, reader: httpx.Client) -> None:
    page = reader.get("/pipeline").text
    assert cards(page)[:2] == ["O-2", "O-1"]
    assert cards(page)[-1] == "O-3"
    assert "O-5" not in page
    for stage in shop.ruleset.pipeline[0].stages:
        assert stage.id.replace("_", " ") in page
    assert "<script>alert" not in page


def test_the_board_of_one_who_looks_after_some(reader: httpx.Client) -> None:
    assert cards(reader.get("/pipeline", params={"owner": "jonas"}).text) == ["O-2"]


def test_the_board_of_another_day(reader: httpx.Client) -> None:
    assert cards(reader.get("/pipeline", params={"as_of": "2026-04-01"}).text) == []
    assert "O-5" in cards(reader.get("/pipeline", params={"as_of": "2026-05-20"}).text)
    assert cards(reader.get("/pipeline", params={"known_at": "2026-05-20"}).text) == []


def test_a_card_is_moved_by_its_form(shop: Regulars, browser: httpx.Client) -> None:
    first, second = (each.id for each in shop.ruleset.pipeline[0].stages[:2])
    for stage in (second, first):
        token = token_on(browser.get("/pipeline").text)
        fields = {"form_token": token, "opportunity": "O-1", "stage": stage}
        assert browser.post("/pipeline", data=fields).status_code == 303
        assert shop.opportunity("O-1").value == stage


def test_nobody_moves_a_card_without_a_role_or_a_token(
    shop: Regulars, reader: httpx.Client, browser: httpx.Client
) -> None:
    second = shop.ruleset.pipeline[0].stages[1].id
    fields = {"opportunity": "O-2", "stage": second}
    page = reader.get("/pipeline").text
    assert 'name="opportunity"' not in page
    assert reader.post("/pipeline", data={"form_token": token_on(page), **fields}).status_code == 403
    assert browser.post("/pipeline", data=fields).status_code == 403
    assert shop.opportunity("O-2").value != second


def test_a_stage_that_there_is_not_is_refused(browser: httpx.Client) -> None:
    fields = {"form_token": token_on(browser.get("/pipeline").text), "opportunity": "O-2", "stage": "limbo"}
    answer = browser.post("/pipeline", data=fields)
    assert 400 <= answer.status_code < 500
    assert "limbo" in answer.text


# ------------------------------------------------------------------------------------------------ one opportunity


def test_an_opportunity_is_lost_with_a_reason_and_reopened(shop: Regulars, browser: httpx.Client) -> None:
    assert 400 <= act(browser, "O-3", act="lose").status_code < 500  # without a reason
    assert act(browser, "O-3", act="lose", reason="price", detail="<too> dear").status_code == 303
    page = browser.get("/pipeline/O-3").text
    assert "&lt;too&gt; dear" in page
    first = shop.ruleset.pipeline[0].stages[0].id
    assert act(browser, "O-3", act="reopen", stage=first).status_code == 303
    assert shop.opportunity("O-3").value == first


def test_an_odd_id_is_reached_and_won(shop: Regulars, console: Served, reader: httpx.Client) -> None:
    found = re.search(r'href="(/pipeline/O(?:%2F|/)9[^"]*)"', reader.get("/pipeline").text)
    assert found is not None
    assert "What to do" not in reader.get(found[1]).text
    assert "<script>alert" not in reader.get(found[1]).text
    with console.browser() as client:
        sign_in(client, "kim")
        token = token_on(client.get(found[1]).text)
        answer = client.post(found[1], data={"form_token": token, "act": "win", "amount": "31.50"})
        assert answer.status_code == 303
        assert client.get(answer.headers["location"]).status_code == 200
    won = shop.opportunity(ODD)
    assert (won.value, str(won.amount)) == ("won", "31.50")
    assert won.events[-1].actor == "kim"


def test_what_cannot_be_is_refused_with_a_sentence(browser: httpx.Client) -> None:
    assert act(browser, "O-2", act="explode").status_code == 400
    assert browser.get("/pipeline/O-77").status_code == 404


# ------------------------------------------------------------------------------------------------------- forecast


def test_the_waterfall_adds_up_in_words_and_as_a_picture(reader: httpx.Client) -> None:
    page = reader.get("/forecast", params={"since": "2026-05-01", "until": "2026-05-20"}).text
    table = page.partition("Waterfall, as a table")[2].partition("</table>")[0]
    assert "€1,080.00" in table  # 100 + 900 + 30 + 50, opened in between
    assert 'role="img"' in page
    assert " style=" not in page  # which the security policy would leave out
    assert "can't tell: n = " in page  # nothing is 180 days old


def test_days_that_cannot_be_are_refused(reader: httpx.Client) -> None:
    backwards = reader.get("/forecast", params={"since": "2026-05-20", "until": "2026-05-01"})
    assert (backwards.status_code, "a later one" in backwards.text) == (400, True)
    assert reader.get("/forecast", params={"since": "soon"}).status_code == 400


def test_an_empty_store_says_so() -> None:
    with regulars.open(":memory:", clock=Clock()) as crm, served(crm) as console, console.browser() as client:
        client.get(console.entry)
        assert client.get("/pipeline").status_code == 200
        assert "Nothing is stale." in client.get("/forecast").text
