"""Campaigns in the console: planned, previewed, launched once, sent, paused and ended; who is in one, and why."""

from __future__ import annotations

import csv
import io
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest

import regulars
from consoles import NOON, Clock, Served, add_users, served, sign_in, signed_in, token_on
from regulars import (
    ChangeContactDetails,
    CloseAccount,
    CreateCoupon,
    GiveConsent,
    PlanCampaign,
    RecordOfferSending,
    RecordPurchase,
    RegisterCustomer,
    Regulars,
    WithdrawConsent,
    as_toml,
    parse_rules,
)
from regulars.web.console.pages import campaign_effect

RULES = """
[campaigns]
max_offers = 50

[[segment]]
id = "buyers"
title = "Whoever <bought>"
enter = [{ fact = "orders", from = 1 }]
"""
PLAN = {
    "title": "Spring <teas>",
    "kind": "offer",
    "channel": "email",
    "purpose": "news",
    "segment": "buyers",
    "offer": "10 % off",
    "decide_after_days": "10",
}


@contextmanager
def opened(path: Path, clock: Clock) -> Iterator[Regulars]:
    """Fifty customers who bought once, one of them with a formula for a name; all but ten agree to news by e-mail."""
    with regulars.open(path, currency="EUR", clock=clock) as crm:
        at, commands = NOON - timedelta(days=90), list[regulars.Command]()
        for number in range(50):
            ref, name = f"shop:{number}", "=1+2" if number == 49 else f"<b>Ada {number}</b>"
            commands.append(RegisterCustomer(ref=ref, name=name, email=f"ada{number}@example.com", occurred_at=at))
            commands.append(RecordPurchase(customer=ref, order_id=ref, amount=30 + number % 3, occurred_at=at))
            if number >= 10:
                commands.append(GiveConsent(customer=ref, channel="email", purpose="news", occurred_at=at))
        crm.do(commands)
        crm.rules.publish(parse_rules(as_toml(crm.ruleset) + RULES), reason="one segment, and many campaigns")
        add_users(crm)
        yield crm


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Regulars]:
    with opened(tmp_path_factory.mktemp("shop") / "shop.db", Clock()) as crm:
        yield crm


@pytest.fixture(scope="module")
def console(shop: Regulars) -> Iterator[Served]:
    with served(shop, users=True, clock=Clock()) as console:
        yield console


@pytest.fixture(scope="module")
def mara(console: Served) -> Iterator[httpx.Client]:
    with signed_in(console, "mara") as client:
        yield client


class OfItsOwn(NamedTuple):
    """A shop in which time goes on, and the browser of its owner."""

    shop: Regulars
    clock: Clock
    console: Served
    mara: httpx.Client


@pytest.fixture
def own(tmp_path: Path) -> Iterator[OfItsOwn]:
    clock = Clock()
    with (
        opened(tmp_path / "shop.db", clock) as crm,
        served(crm, users=True, clock=clock) as console,
        signed_in(console, "mara") as client,
    ):
        yield OfItsOwn(crm, clock, console, client)


def send(client: httpx.Client, address: str, **fields: str) -> httpx.Response:
    return client.post(address, data={"form_token": token_on(client.get(address).text)} | fields)


def worked_off(client: httpx.Client, campaign: str) -> str:
    for _ in range(500):
        page = client.get(f"/campaigns/{campaign}").text
        if "<progress" not in page:
            return page
        time.sleep(0.02)
    raise AssertionError("it is still at work")


def planned(shop: Regulars, campaign: str) -> str:
    """The path of a campaign that is planned."""
    shop.do(PlanCampaign.model_validate({**PLAN, "campaign_id": campaign, "occurred_at": NOON - timedelta(hours=1)}))
    return f"/campaigns/{campaign}"


def launched(shop: Regulars, client: httpx.Client, campaign: str) -> str:
    """The path of a campaign that is launched."""
    address = planned(shop, campaign)
    assert send(client, address, act="launch", confirm="yes").status_code == 303
    assert "is settled" in worked_off(client, campaign)
    return address


def test_a_campaign_is_planned_and_says_what_it_could_show(shop: Regulars, mara: httpx.Client) -> None:
    plan = send(mara, "/campaigns", act="plan", campaign_id="shown", **PLAN)
    assert plan.headers["location"] == "/campaigns/shown"
    assert "Spring &lt;teas&gt;" in mara.get("/campaigns").text
    preview = " ".join(mara.get("/campaigns/shown", params={"part": "preview"}).text.split())
    tiles = re.findall(r'<li class="tile"><b>(\d+)</b> ([a-z ]+)</li>', preview)
    assert tiles == [("50", "in the audience"), ("10", "skipped"), ("20", "get the offer"), ("20", "are held out")]
    assert "no consent: 10" in preview
    found = shop.campaigns.preview("shown")
    assert found.shows is not None
    points = f"{found.shows * 100:.1f}".removesuffix(".0")
    said = "With 20 and 20 people, of whom 0% buy anyway, only a difference of"  # nobody bought within ten days
    assert "is what 40 customers did in the 10 days before: those who were in the segment" in preview
    assert f"{said} {points} percentage points or more would be seen 4 times out of 5." in preview
    assert shop.campaigns.campaign("shown").campaign.status == "planned"


def test_one_that_is_judged_by_spend_says_which_difference_of_money_it_could_show(
    shop: Regulars, mara: httpx.Client
) -> None:
    listed = {"segment": "", "customers": "\n".join(f"shop:{number}" for number in range(50))}
    for days, whom, said in (
        ("60", {}, "Nothing: none of these people bought anything"),
        ("100", {}, "nobody was in the segment as long before"),
        ("100", listed, "would be seen 4 times out of 5;"),
    ):
        campaign = {"campaign_id": f"spend{days}{len(whom)}", "outcome": "spend", "decide_after_days": days}
        plan = {**PLAN, **campaign, **whom}
        address = send(mara, "/campaigns", act="plan", **plan).headers["location"]
        assert said in " ".join(mara.get(address, params={"part": "preview"}).text.split())


def test_what_cannot_be_planned_is_said_and_what_was_typed_is_kept(mara: httpx.Client) -> None:
    plan = {**PLAN, "campaign_id": "never"}
    refused = send(mara, "/campaigns", act="plan", **{**plan, "held_out": "1"})
    assert refused.status_code == 400
    assert "above 0 and below 1" in refused.text
    assert 'value="Spring &lt;teas&gt;"' in refused.text
    assert send(mara, "/campaigns", act="plan", **{**plan, "segment": ""}).status_code == 400
    assert "nobody" in send(mara, "/campaigns", act="plan", **{**plan, "segment": "", "customers": "nobody"}).text
    assert mara.get("/campaigns/never").status_code == 404


def test_an_audience_may_be_a_list(shop: Regulars, mara: httpx.Client) -> None:
    listed = {**PLAN, "campaign_id": "listed", "segment": "", "customers": "shop:10\nada11@example.com\n\nshop:12"}
    assert send(mara, "/campaigns", act="plan", **listed).status_code == 303
    assert shop.campaigns.preview("listed").audience == 3


def test_it_is_launched_once_by_an_owner_who_means_it(shop: Regulars, console: Served, mara: httpx.Client) -> None:
    address = planned(shop, "once")
    with signed_in(console, "kim") as kim:
        assert 'value="launch"' not in kim.get(address, params={"part": "preview"}).text
        fields = {"form_token": token_on(kim.get(address).text), "act": "launch", "confirm": "yes"}
        assert kim.post(address, data=fields).status_code == 403
    assert send(mara, address, act="launch").status_code == 400
    assert send(mara, address, act="launch", confirm="yes").status_code == 303
    assert "at the end of Jun 11, 2026" in worked_off(mara, "once")
    found = shop.campaigns.campaign("once").campaign
    assert found.launch is not None
    assert (found.launch.by, found.launch.treated, found.launch.held_out) == ("mara", 20, 20)
    send(mara, address, act="launch", confirm="yes")
    assert 'role="alert"' in worked_off(mara, "once")


def test_who_is_in_it_and_why_is_told_person_by_person(shop: Regulars, mara: httpx.Client) -> None:
    address = launched(shop, mara, "told")
    for arm, count in (("treated", 20), ("held_out", 20), ("skipped", 10)):
        page = mara.get(address, params={"part": "people", "arm": arm}).text
        assert page.count('<th scope="row"><a href="/customers/') == count
        assert "<b>Ada" not in page
    assert mara.get(address, params={"part": "people", "arm": "left"}).status_code == 400
    why = send(mara, address, act="explain", customer="ada3@example.com").text
    assert "there is no consent to email for news" in why
    passed = mara.get(address, params={"part": "explain", "who": str(shop.find("shop:20"))}).text
    assert "not passed" not in passed
    assert send(mara, address, act="explain", customer="zoe").status_code == 404


def test_pages_lead_from_a_segment_to_its_campaigns_to_whom_they_reach_and_back(
    shop: Regulars, mara: httpx.Client
) -> None:
    address, ada = launched(shop, mara, "linked"), shop.find("shop:30")
    segment = mara.get("/segments/buyers").text
    assert f'<a href="{address}">Spring &lt;teas&gt;</a>' in segment
    assert 'href="/campaigns?segment=buyers"' in segment
    begun = mara.get("/campaigns", params={"segment": "buyers"}).text
    assert '<option value="buyers" selected>' in begun
    assert f'href="/customers/{ada}"' in mara.get(address, params={"part": "people"}).text
    customer = mara.get(f"/customers/{ada}").text
    assert 'href="/segments/buyers"' in customer
    assert f'href="{address}"' in customer
    why = f"{address}?part=explain&amp;who={ada}"
    assert f'href="{why}"' in customer
    assert f'href="/customers/{ada}"' in mara.get(why.replace("&amp;", "&")).text


def test_it_is_paused_goes_on_and_is_ended(shop: Regulars, mara: httpx.Client) -> None:
    address = launched(shop, mara, "paused")
    assert send(mara, address, act="end").status_code == 400  # there is no way back from that
    for act, status in (("pause", "paused"), ("resume", "running"), ("end", "ended")):
        assert send(mara, address, act=act, confirm="yes").status_code == 303
        assert shop.campaigns.campaign("paused").campaign.status == status
    assert 'value="resume"' not in mara.get(address).text
    assert send(mara, address, act="resume").status_code == 409


def test_who_may_only_look_changes_nothing(shop: Regulars, console: Served) -> None:
    address = planned(shop, "looked_at")
    with signed_in(console, "jon") as jon:
        page = jon.get("/campaigns").text
        assert 'value="plan"' not in page
        assert 'value="end"' not in jon.get(address).text
        fields = {"form_token": token_on(page), **PLAN, "campaign_id": "mine"}
        assert jon.post("/campaigns", data=fields).status_code == 403
        for act in ("end", "all_sent", "launch"):
            assert jon.post(address, data={"form_token": token_on(page), "act": act}).status_code == 403
        assert jon.get(address, params={"part": "file"}).status_code == 403


def test_other_days_are_followed(shop: Regulars, mara: httpx.Client) -> None:
    address = planned(shop, "followed")
    assert "No campaign was planned yet." in mara.get("/campaigns", params={"as_of": "2026-05-01"}).text
    assert "No campaign was planned yet." in mara.get("/campaigns", params={"known_at": "2026-05-01"}).text
    assert mara.get(address, params={"known_at": "2026-05-01"}).status_code == 404
    assert "known today" in mara.get(address, params={"part": "preview", "known_at": "2026-06-01"}).text
    then = mara.get(address, params={"part": "preview", "as_of": "2026-03-01"}).text
    assert "<b>0</b> in the audience" in " ".join(then.split())  # nobody had bought
    assert mara.get("/campaigns/autumn").status_code == 404


def test_whom_to_send_to_is_a_file_of_those_who_still_consent(own: OfItsOwn) -> None:
    shop, clock, mara = own.shop, own.clock, own.mara
    address = launched(shop, mara, "sent")
    clock.go_on(timedelta(minutes=1))
    treated = shop.campaigns.who("sent", arm="treated").offers
    shop.do(WithdrawConsent(customer=treated[0].customer_id, channel="email", purpose="news"))
    clock.go_on(timedelta(minutes=1))
    file = mara.get(address, params={"part": "file"})
    rows = list(csv.DictReader(io.StringIO(file.content.decode("utf-8-sig"))))
    assert {row["offer_id"] for row in rows} == {each.offer_id for each in treated[1:]}
    assert all(re.fullmatch(r"ada\d+@example.com", row["address"]) for row in rows)
    assert {row["text"] for row in rows} == {"10 % off"}
    assert not any(row["name"].startswith("=") for row in rows)
    assert send(mara, address, act="sent", offer=treated[1].offer_id).status_code == 303
    assert send(mara, address, act="all_sent").status_code == 303
    assert "sent to 18 customers" in worked_off(mara, "sent")
    clock.go_on(timedelta(minutes=1))
    assert len(shop.campaigns.who("sent", arm="treated", state="sent").offers) == 19


def test_a_file_and_what_was_sent_to_all_in_it_leave_out_whoever_does_not_pass_a_gate_any_more(own: OfItsOwn) -> None:
    shop, clock, mara = own.shop, own.clock, own.mara
    address = launched(shop, mara, "asked_again")
    clock.go_on(timedelta(minutes=1))
    gone, moved, *others = shop.campaigns.who("asked_again", arm="treated").offers
    shop.do(CloseAccount(customer=gone.customer_id))
    shop.do(ChangeContactDetails(customer=moved.customer_id, email=None))
    clock.go_on(timedelta(minutes=1))
    rows = csv.DictReader(io.StringIO(mara.get(address, params={"part": "file"}).content.decode("utf-8-sig")))
    assert {row["offer_id"] for row in rows} == {each.offer_id for each in others}
    assert send(mara, address, act="all_sent").status_code == 303
    assert "sent to 18 customers" in worked_off(mara, "asked_again")
    clock.go_on(timedelta(minutes=1))
    left = shop.campaigns.who("asked_again", arm="treated", state="assigned").offers
    assert {each.offer_id for each in left} == {gone.offer_id, moved.offer_id}


def test_what_is_in_doubt_is_settled_either_way(own: OfItsOwn) -> None:
    shop, clock, mara = own.shop, own.clock, own.mara
    address = launched(shop, mara, "doubtful")
    clock.go_on(timedelta(minutes=1))
    was, wasnt, *_ = (each.offer_id for each in shop.campaigns.who("doubtful", arm="treated").offers)
    for each in (was, wasnt):
        shop.do(RecordOfferSending(offer_id=each, message_id=f"<{each}.000000000000@coffee.example>"))
    clock.go_on(timedelta(minutes=1))
    doubtful = mara.get(address, params={"part": "people", "state": "sending"}).text
    assert doubtful.count('value="not_sent"') == 2
    assert f"<code>{was}</code>" in doubtful
    assert "log of your mail server" in doubtful
    assigned = mara.get(address, params={"part": "people", "state": "assigned"}).text
    assert 'value="not_sent"' not in assigned
    assert "log of your mail server" not in assigned
    back = send(mara, address, act="sent", offer=was, state="sending")
    assert back.headers["location"] == f"{address}?part=people&arm=treated&state=sending"
    assert send(mara, address, act="not_sent", offer=wasnt, state="sending").status_code == 303
    clock.go_on(timedelta(minutes=1))
    states = {each.offer_id: each.state for each in shop.campaigns.who("doubtful", arm="treated").offers}
    assert (states[was], states[wasnt]) == ("sent", "assigned")
    assert send(mara, address, act="not_sent", offer=was).status_code == 409


def test_a_code_of_their_own_stands_beside_whoever_is_treated_for_those_who_may_see_codes(own: OfItsOwn) -> None:
    shop, clock, mara = own.shop, own.clock, own.mara
    shop.do(CreateCoupon(coupon_id="BACK", personal=True, percent=10))
    plan = {**PLAN, "campaign_id": "coded", "coupon_id": "BACK", "occurred_at": NOON - timedelta(hours=1)}
    shop.do(PlanCampaign.model_validate(plan))
    assert send(mara, "/campaigns/coded", act="launch", confirm="yes").status_code == 303
    worked_off(mara, "coded")
    clock.go_on(timedelta(minutes=1))
    codes = {each.offer_id: each.coupon for each in shop.campaigns.to_send("coded")}
    assert len(set(codes.values())) == 20
    people = {"part": "people", "arm": "treated"}
    assert all(str(code) in mara.get("/campaigns/coded", params=people).text for code in codes.values())
    held_out = mara.get("/campaigns/coded", params={"part": "people", "arm": "held_out"}).text
    assert not any(str(code) in held_out for code in codes.values())
    file = mara.get("/campaigns/coded", params={"part": "file"}).content.decode("utf-8-sig")
    rows = csv.DictReader(io.StringIO(file))
    assert {row["offer_id"]: row["coupon"] for row in rows} == codes
    with signed_in(own.console, "jon") as jon:
        page = jon.get("/campaigns/coded", params=people).text
        assert "Ada" in page
        assert not any(str(code) in page for code in codes.values())


def test_there_is_no_difference_to_see_before_the_decision_day(own: OfItsOwn) -> None:
    shop, clock, mara = own.shop, own.clock, own.mara
    address = launched(shop, mara, "judged")
    clock.go_on(timedelta(minutes=1))
    for each in shop.campaigns.who("judged", arm="treated").offers:
        shop.do(RecordPurchase(customer=each.customer_id, order_id=f"n-{each.offer_id}", amount="30"))
    clock.go_on(timedelta(minutes=1))
    before = mara.get(address, params={"part": "effect"}).text
    assert "It is decided at the end of Jun 11, 2026." in before
    assert '<svg class="interval"' not in before
    clock.go_on(timedelta(days=11))
    sign_in(mara, "mara")
    after = mara.get(address, params={"part": "effect"}).text
    for words in ("As known on the decision day", "As known now", '<svg class="interval"', "€600.00", "a difference"):
        assert words in after
    # All of 20 bought, and none of 20: by Newcombe's method at least 77 points apart.
    low = re.search(r"between \+([\d.]+) and", after)
    assert low is not None
    assert 70 < float(low[1]) < 85
    explored = after.partition("To look at, not to conclude from")[2].partition("segment: ")[2].partition("</tr>")[0]
    assert explored.count('20 <span class="faint">100%</span>') == 2  # all have bought before, and stay who did
    assert "a difference" in mara.get("/effects").text


@pytest.mark.parametrize("address", ["/campaigns/many?part=effect", "/effects"])
def test_of_many_people_it_is_worked_out_beside_the_pages(
    shop: Regulars, mara: httpx.Client, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setattr(campaign_effect, "SOON", 10)
    if all(each.campaign_id != "many" for each in shop.campaigns.history()):
        launched(shop, mara, "many")
    page = mara.get(address).text
    assert "Of so many people that takes a while." in page
    assert mara.post(address, data={"form_token": token_on(page), "act": "effect"}).status_code == 303
    for _ in range(500):
        page = mara.get(address).text
        if "<progress" not in page:
            break
        time.sleep(0.02)
    assert "Work it out again" in page
    assert "Jun 11, 2026" in page


def test_mail_that_came_back_is_handed_in_and_gone_once_it_is_read(own: OfItsOwn) -> None:
    shop, clock, console, mara = own.shop, own.clock, own.console, own.mara
    launched(shop, mara, "mailed")
    clock.go_on(timedelta(minutes=1))
    leaving = shop.campaigns.who("mailed", arm="treated").offers[0]
    mail = f"From a Mon Jan  1 00:00:00 2024\nSubject: unsubscribe {leaving.offer_id}\n\n".encode()
    form = {"form_token": token_on(mara.get("/campaigns").text), "act": "returned"}
    assert mara.post("/campaigns", data=form).status_code == 400
    file = {"file": ("came back.mbox", mail + b"From b Mon Jan  1 00:00:00 2024\nSubject: Hello\n\n")}
    assert mara.post("/campaigns", data=form, files=file).status_code == 303
    for _ in range(500):
        page = " ".join(mara.get("/campaigns").text.split())
        if "<progress" not in page:
            break
        time.sleep(0.02)
    for count, what in ((2, "mails"), (0, "bounced"), (1, "unsubscribed"), (1, "about no offer of this shop")):
        assert f"<b>{count}</b> {what}<" in page
    assert [each.given for each in shop.consents(leaving.customer_id).consents] == [False]
    folder = shop.files[0].with_name("shop.db-handed-in")
    assert not [each for each in folder.rglob("*") if each.is_file()]
    with signed_in(console, "jon") as jon:
        form = {"form_token": token_on(jon.get("/campaigns").text), "act": "returned"}
        assert jon.post("/campaigns", data=form, files=file).status_code == 403


def test_a_plan_is_changed_until_it_is_launched(shop: Regulars, mara: httpx.Client) -> None:
    address = planned(shop, "changed")
    page = mara.get(address).text
    assert 'value="Spring &lt;teas&gt;"' in page
    fields = {**PLAN, "title": "Summer teas", "offer": "", "decide_after_days": "", "decision_day": "2026-07-01"}
    assert send(mara, address, act="change", **fields).status_code == 303
    plan = shop.campaigns.campaign("changed").campaign
    assert (plan.title, plan.offer, plan.segment, str(plan.decision_day)) == (
        "Summer teas",
        None,
        "buyers",
        "2026-07-01",
    )
    refused = send(mara, address, act="change", **{**fields, "held_out": "1"})
    assert refused.status_code == 400
    assert 'value="1"' in refused.text
    send(mara, address, act="launch", confirm="yes")
    assert 'value="change"' not in worked_off(mara, "changed")


def test_a_list_stays_where_nothing_takes_its_place(shop: Regulars, mara: httpx.Client) -> None:
    listed = {**PLAN, "campaign_id": "kept", "segment": "", "customers": "shop:10\nshop:11"}
    send(mara, "/campaigns", act="plan", **listed)
    assert "So far a list of 2 customers" in mara.get("/campaigns/kept").text
    assert send(mara, "/campaigns/kept", act="change", **{**PLAN, "segment": ""}).status_code == 303
    assert shop.campaigns.campaign("kept").campaign.customers == 2
    assert send(mara, "/campaigns/kept", act="change", **PLAN).status_code == 303
    assert shop.campaigns.campaign("kept").campaign.segment == "buyers"
