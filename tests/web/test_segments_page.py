"""The segments in the console: how many are in each, and who comes and goes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import httpx
import pytest

import regulars
from consoles import NOON, PASSWORD, Clock, served, sign_in
from regulars import RecordPurchase, RegisterCustomer, as_toml, parse_rules

NAMED = "<script>alert('x')</script>"
RULES = """
[[segment]]
id = "recent"
title = "Bought <lately>"
enter = [{ fact = "orders", within_days = 30, from = 1 }]
"""


@pytest.fixture(scope="module", params=["owner", "clerk", "reader"])
def browser(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[httpx.Client]:
    """One customer who bought 20 days ago, and one who bought 70 days ago."""
    path = tmp_path_factory.mktemp("shop") / "shop.db"
    with regulars.open(path, currency="EUR", clock=Clock()) as crm:
        for ref, days in (("shop:1", 20), ("shop:2", 70)):
            at = NOON - timedelta(days=days)
            crm.do(RegisterCustomer(ref=ref, name=NAMED, occurred_at=at))
            crm.do(RecordPurchase(customer=ref, order_id=ref, amount="10.00", occurred_at=at))
        text = as_toml(crm.ruleset) + RULES
        crm.rules.publish(parse_rules(text), reason="one segment")
        crm.users.add("mara", role=request.param, password=PASSWORD)
        with served(crm, users=True, clock=Clock()) as console, console.browser() as client:
            assert sign_in(client, "mara").status_code == 303
            yield client


def test_a_segment_has_its_members_of_now_and_of_past_months(browser: httpx.Client) -> None:
    page = browser.get("/segments").text
    row = page.partition("Bought &lt;lately&gt;")[2].partition("</tr>")[0]
    assert row.count(">1<") == 4  # at the ends of March (shop:2) and May (shop:1), and now; who goes out in ten days
    assert 'href="/customers?segment=recent"' in row


def test_who_goes_out_soon_is_named_with_the_day(browser: httpx.Client) -> None:
    page = browser.get("/segments/recent").text
    assert "Nobody comes in by themselves." in page
    assert "to Jun 11, 2026" in page
    assert "<script>alert" not in page


def test_another_day_has_other_members(browser: httpx.Client) -> None:
    assert "0 members" in browser.get("/segments/recent", params={"as_of": "2026-05-08"}).text
    assert browser.get("/segments/unheard_of").status_code == 404


def test_an_empty_store_has_nobody_in_its_segments() -> None:
    with regulars.open(":memory:", clock=Clock()) as crm, served(crm) as console, console.browser() as client:
        client.get(console.entry)
        assert client.get("/segments").status_code == 200
