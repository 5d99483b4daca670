"""From a list of customers to a segment: the filter as a draft of the rules, and the page of the segment."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from datetime import timedelta
from html import unescape

import httpx
import pytest

import regulars
from consoles import NOON, Clock, Served, add_users, served, signed_in, token_on
from regulars import (
    AssignOwner,
    OpenOpportunity,
    OpenTicket,
    RecordPurchase,
    RegisterCustomer,
    Regulars,
    TagCustomer,
    as_toml,
    parse_rules,
)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Regulars]:
    """Six customers who bought once; every other one likes tea, and kim looks after the first three."""
    path = tmp_path_factory.mktemp("shop") / "shop.db"
    with regulars.open(path, currency="EUR", clock=Clock()) as crm:
        for number in range(6):
            ref = f"shop:{number}"
            at = NOON - timedelta(days=10 * number + 5)
            crm.do(RegisterCustomer(ref=ref, name=f"Ada {number}", occurred_at=at))
            crm.do(RecordPurchase(customer=ref, order_id=ref, amount="40", occurred_at=at))
            if number % 2 == 0:
                crm.do(TagCustomer(customer=ref, label="tea", occurred_at=at))
            if number < 3:
                crm.do(AssignOwner(customer=ref, owner="kim", occurred_at=at))
        crm.do(OpenTicket(ticket_id="T-1", customer="shop:0", occurred_at=NOON - timedelta(hours=3)))
        crm.do(OpenOpportunity(opportunity_id="O-1", customer="shop:1", occurred_at=NOON - timedelta(days=3)))
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


def rows(page: str) -> int:
    """How many customers a list has."""
    return page.count('<th scope="row"><a href="/customers/')


def post(client: httpx.Client, address: str, **fields: str) -> httpx.Response:
    return client.post(address, data={"form_token": token_on(client.get(address).text)} | fields)


def hidden(page: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found is not None
    return unescape(found[1])


# ------------------------------------------------------------------------------------------------------ the list


@pytest.mark.parametrize(
    ("narrowed", "count"),
    [({"tag": "tea"}, 3), ({"owner": "kim"}, 3), ({"tag": "tea", "owner": "kim"}, 2), ({"kind": "firm"}, 0)],
)
def test_a_list_is_narrowed_by_what_is_written_of_people(
    mara: httpx.Client, narrowed: dict[str, str], count: int
) -> None:
    assert rows(mara.get("/customers", params=narrowed).text) == count


def test_what_is_not_narrowed_is_not_offered_as_a_segment(mara: httpx.Client) -> None:
    assert 'value="segment"' not in mara.get("/customers").text
    assert 'value="segment"' in mara.get("/customers", params={"tag": "tea"}).text


def test_who_is_no_owner_saves_none(console: Served) -> None:
    with signed_in(console, "kim") as kim:
        page = kim.get("/customers", params={"tag": "tea"}).text
        assert 'value="segment"' not in page
        assert post(kim, "/customers", text="Ada").status_code == 200
        answer = kim.post("/rules", data={"form_token": token_on(page), "act": "segment", "id": "x", "tag": "tea"})
        assert answer.status_code == 403


def test_a_filter_becomes_a_draft_that_asks_the_same(shop: Regulars, mara: httpx.Client) -> None:
    draft = post(mara, "/rules", act="segment", id="tea_of_kim", title="Kim's <tea>", tag="tea", owner="kim")
    assert draft.status_code == 200
    assert "segment tea of kim: out → in" in draft.text
    assert "Kim&#39;s &lt;tea&gt;" in draft.text
    rules = parse_rules(hidden(draft.text, "text"))
    (added,) = (each for each in rules.segment if each.id == "tea_of_kim")
    assert [(each.fact, each.in_, each.has) for each in added.enter] == [
        ("tagged", None, ("tea",)),
        ("owner", ("kim",), None),
    ]
    assert all(each.id != "tea_of_kim" for each in shop.ruleset.segment)  # a draft changes nothing
    assert len(shop.segment("tea_of_kim", rules=rules)) == 2


def test_stage_tier_risk_and_an_earlier_segment_are_asked_too(shop: Regulars, mara: httpx.Client) -> None:
    some = shop.ruleset.segment[0].id if shop.ruleset.segment else None
    given = {"stage": "new", "tier": shop.values("tier")[0], "risk": "low", "kind": "person", "source": "fair"}
    given |= {} if some is None else {"segment": some}
    draft = post(mara, "/rules", act="segment", id="all_of_it", **given)
    (added,) = (each for each in parse_rules(hidden(draft.text, "text")).segment if each.id == "all_of_it")
    facts = {each.fact for each in added.enter}
    assert {"stage", "tier", "risk_band", "kind", "source"} <= facts
    assert ("segment" in facts) == (some is not None)


def test_what_no_segment_can_ask_is_named(mara: httpx.Client) -> None:
    searched = post(mara, "/customers?tag=tea", text="Ada")
    assert 'name="searched" value="yes"' in searched.text
    draft = post(mara, "/rules", act="segment", id="tea", tag="tea", searched="yes")
    assert "rules know nobody by name" in draft.text
    assert "rules know nobody by name" not in post(mara, "/rules", act="segment", id="tea", tag="tea").text
    assert post(mara, "/rules", act="segment", id="tea", searched="yes").status_code == 400


@pytest.mark.parametrize("word", ["", "Tea Time", "9"])
def test_a_word_that_rules_cannot_have_gets_its_complaint(mara: httpx.Client, word: str) -> None:
    answer = post(mara, "/rules", act="segment", id=word, tag="tea")
    assert answer.status_code == 400
    assert 'role="alert"' in answer.text


# --------------------------------------------------------------------------------------------------- one segment


@pytest.fixture(scope="module")
def published(shop: Regulars) -> None:
    """With a segment of those who bought within 30 days and like tea, which they leave for good."""
    rule = """
[[segment]]
id = "tea_lately"
enter = [{ fact = "orders", within_days = 30, from = 1 }, { fact = "tagged", has = ["tea"] }]
leave = [{ fact = "days_since_order", from = 60 }]
stay_days = 3
"""
    shop.rules.publish(parse_rules(as_toml(shop.ruleset) + rule), reason="one segment")


@pytest.mark.usefixtures("published")
def test_a_segment_says_what_it_asks(mara: httpx.Client) -> None:
    page = unescape(mara.get("/segments/tea_lately").text)
    for words in ("orders within 30 days (at least 1)", "tagged (", "days_since_order (", "stays for 3 days"):
        assert words in page


@pytest.mark.usefixtures("published")
@pytest.mark.parametrize("name", ["mara", "jon"])
def test_what_leaves_how_many_is_counted_beside_the_pages(shop: Regulars, console: Served, name: str) -> None:
    with signed_in(console, name) as client:
        assert post(client, "/segments/tea_lately", act="count").status_code == 303
        for _ in range(500):
            page = client.get("/segments/tea_lately").text
            if "<progress" not in page:
                break
            time.sleep(0.02)
    counts = re.findall(r'<td class="number">([\d,]+)</td>', page.partition('id="attrition"')[2])
    # Of six, three bought within 30 days (5, 15 and 25 days ago), two of those like tea, and neither goes out. Whoever
    # likes tea and bought 45 days ago came in then, and stays until 60 days are over.
    assert counts == ["6", "3", "2", "2", "1", "3"]


# ------------------------------------------------------------------------- what else a change of rules would do


def test_a_change_of_clocks_names_the_tickets_that_it_moves(shop: Regulars, mara: httpx.Client) -> None:
    text = as_toml(shop.ruleset)
    changed = text.replace("high = 4\nnormal = 24\n", "high = 2\nnormal = 2\n", 1)
    draft = post(mara, "/rules", act="text", text=changed)
    assert "Tickets that would change" in draft.text
    assert "first response: on time → breached" in draft.text
    assert "Nobody would move" not in draft.text


def test_a_change_of_a_pipeline_names_what_it_would_be_expected_to_bring(shop: Regulars, mara: httpx.Client) -> None:
    draft = post(mara, "/rules", act="text", text=as_toml(shop.ruleset).replace("stale_days = 14", "stale_days = 2"))
    table = draft.text.partition("Pipelines that would be expected to bring another sum")[2].partition("</table>")[0]
    cells = re.findall(r'<td class="number">([^<]+)</td>', table)
    assert cells == ["1", "€0.00", "€0.00", "0", "1"]  # of no known amount, and stale after two days
