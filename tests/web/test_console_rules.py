"""The rules in the console: every threshold a field, what a change would do, publishing it, and going back."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from datetime import timedelta
from html import unescape
from pathlib import Path

import httpx
import pytest

import regulars
from consoles import NOON, Clock, Served, add_users, served, sign_in, signed_in, token_on
from regulars import EnrollMember, RecordPurchase, RegisterCustomer, Regulars, as_toml
from regulars.web.console.thresholds import changes, thresholds, with_fields


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Regulars]:
    """A shop with forty customers, each of whom spent 20 more than the one before."""
    with regulars.open(tmp_path / "shop.db", currency="EUR", clock=Clock()) as crm:
        for number in range(40):
            ref = f"shop:{number}"
            crm.do(RegisterCustomer(ref=ref, name=f"<b>{number}</b>", occurred_at=NOON - timedelta(days=9)))
            amount = f"{20 * (number + 1)}.00"
            crm.do(RecordPurchase(customer=ref, order_id=ref, amount=amount, occurred_at=NOON - timedelta(days=8)))
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


def send(client: httpx.Client, act: str, **fields: str) -> httpx.Response:
    return client.post("/rules", data={"form_token": token_on(client.get("/rules").text), "act": act} | fields)


def hidden(page: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found is not None
    return unescape(found[1])


def worked_off(client: httpx.Client) -> str:
    for _ in range(500):
        page = client.get("/rules").text
        if "<progress" not in page:
            return page
        time.sleep(0.02)
    raise AssertionError("it is still at work")


def gold(shop: Regulars) -> tuple[str, str]:
    """The field of the threshold from which on somebody is gold, and its value."""
    found = [each for each in thresholds(shop.ruleset) if each.table == "tier"]
    each = next(each for each in found if each.value in ("500", "500.00"))
    return each.pointer, each.value


def test_every_number_of_the_rules_is_a_field_that_means_something(shop: Regulars, mara: httpx.Client) -> None:
    page = mara.get("/rules").text
    for each in thresholds(shop.ruleset):
        assert f'name="{each.pointer}"' in page
        assert each.meaning
    assert with_fields(shop.ruleset, {}) == shop.ruleset


def test_one_field_changes_one_key(shop: Regulars) -> None:
    pointer, value = gold(shop)
    (changed,) = changes(shop.ruleset, with_fields(shop.ruleset, {pointer: "550"}))
    assert (changed.old, changed.new) == (value, "550")


def test_a_change_is_estimated_counted_published_and_taken_back(shop: Regulars, mara: httpx.Client) -> None:
    pointer, _ = gold(shop)
    before = shop.totals("tier", [NOON])[0]["gold"]
    draft = send(mara, "fields", **{pointer: "600"})
    assert draft.status_code == 200
    assert "40 customers were looked at: everybody." in draft.text
    assert "tier: gold → silver" in draft.text
    assert "&lt;b&gt;" in draft.text
    assert "<b>25</b>" not in draft.text
    text, base = hidden(draft.text, "text"), hidden(draft.text, "base")
    assert shop.ruleset.digest() == base

    assert send(mara, "count", text=text).status_code == 303
    assert "Counted of everybody" in worked_off(mara)
    assert send(mara, "publish", text=text, base=base).status_code == 400
    assert send(mara, "publish", text=text, base=base, reason="fewer golds").status_code == 303
    assert "Version 2 of the rules is in force." in worked_off(mara)
    # Those who spent 500 to 580.
    assert shop.totals("tier", [NOON])[0]["gold"] == before - 5
    assert "fewer golds" in mara.get("/rules/2").text
    assert ">600<" in mara.get("/rules/2").text

    assert send(mara, "publish", text=text, base=base, reason="late").status_code == 409
    assert send(mara, "rollback", reason="too few").status_code == 303
    assert "Version 3 of the rules is in force." in worked_off(mara)
    assert shop.totals("tier", [NOON])[0]["gold"] == before


def test_another_programme_says_what_it_would_cost_once_everybody_is_counted(
    shop: Regulars, mara: httpx.Client
) -> None:
    at = NOON - timedelta(days=7)
    for number in range(3):
        shop.do(EnrollMember(customer=f"shop:{number}", occurred_at=at))
        order = {"customer": f"shop:{number}", "order_id": f"m-{number}", "amount": "100.00"}
        shop.do(RecordPurchase(**order, occurred_at=at + timedelta(days=1)))
    text = as_toml(shop.ruleset).replace('per_unit = "1"', 'per_unit = "2"\nworth = "0.01"')
    assert send(mara, "count", text=text).status_code == 303
    page = worked_off(mara)
    table = page.partition('aria-label="What the rules of points would cost"')[2].partition("</table>")[0]
    # 100 points each, worth a cent each by the draft alone; by it, the orders would have earned twice as much.
    assert "300 points are outstanding." in page
    assert re.findall(r'<td class="number">([^<]+)</td>', table) == ["–", "€3.00", "300", "600", "0", "0"]


def test_a_text_that_breaks_the_grammar_gets_its_complaints_and_is_kept(mara: httpx.Client) -> None:
    answer = send(mara, "text", text='[business]\ntimezone = "Mars/Base"\ncolour = 1\n')
    assert answer.status_code == 400
    assert "unknown key" in answer.text
    assert "Mars/Base" in answer.text
    assert "is not TOML" in send(mara, "text", text="<b>").text


def test_a_field_that_is_no_number_gets_its_complaint(shop: Regulars, mara: httpx.Client) -> None:
    for text in ("many", "1e999999999", "NaN", "-1"):
        assert send(mara, "fields", **{gold(shop)[0]: text}).status_code == 400


@pytest.mark.parametrize("name", ["kim", "jon"])
def test_who_is_no_owner_sees_the_rules_and_changes_nothing(shop: Regulars, console: Served, name: str) -> None:
    with console.browser() as client:
        sign_in(client, name)
        page = client.get("/rules").text
        assert "tier" in page
        assert f'name="{gold(shop)[0]}"' not in page
        for act in ("fields", "text", "count", "publish", "rollback"):
            answer = client.post("/rules", data={"form_token": token_on(page), "act": act, "reason": "x"})
            assert answer.status_code == 403
        assert client.get("/rules/1").status_code == 200
    assert len(shop.rules.history()) == 1


def test_forms_without_a_token_are_refused(mara: httpx.Client) -> None:
    assert mara.post("/rules", data={"act": "rollback", "reason": "x"}).status_code == 403


@pytest.mark.parametrize(("path", "status"), [("/rules/2", 404), ("/rules/0", 400), ("/rules/x", 400)])
def test_versions_that_there_are_not(mara: httpx.Client, path: str, status: int) -> None:
    assert mara.get(path).status_code == status


def test_the_dates_at_the_top_are_followed(mara: httpx.Client) -> None:
    assert mara.get("/rules", params={"as_of": "2026-05-31"}).status_code == 200
    assert 'value="fields"' not in mara.get("/rules", params={"known_at": "2026-06-01"}).text


def test_an_estimate_holds_the_truth_within_its_interval_scaled_from_the_sample(shop: Regulars) -> None:
    pointer, _ = gold(shop)
    new = with_fields(shop.ruleset, {pointer: "300"})
    exact = shop.rules.diff(new).moved["tier"]["silver", "gold"]
    assert exact == 10  # of 300 to 480
    found = shop.rules.estimate(new, customers=20)
    assert (found.sampled, found.customers, found.is_exact) == (20, 40, False)
    (moved,) = (each for each in found.moves if (each.lane, each.old, each.new) == ("tier", "silver", "gold"))
    assert moved.customers == 2 * moved.sampled
    assert moved.sampled <= moved.low <= moved.customers <= moved.high <= 40
    everybody = shop.rules.estimate(new)
    assert everybody.is_exact
    assert next(each for each in everybody.moves if each.lane == "tier").customers == exact
    with pytest.raises(ValueError, match="1 customer at least"):
        shop.rules.estimate(new, customers=0)
