"""Campaigns at the command line."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from regulars.adapters.importing import PRESETS, propose
from saying import Say

MAY, NOON = "occurred_at=2024-05-31T13:00:00Z", "occurred_at=2024-06-01T12:00:00Z"
PLAN = ("title=Tea", "kind=offer", "channel=email", "purpose=news", "occurred_at=2024-05-31T12:00:00Z")


@pytest.fixture
def shop(say: Say) -> Say:
    """By now, 1 June 2024, Ada, Bo and Cy agree to news, Di doesn't; Cy has no e-mail. Ada bought in May."""
    for ref in ("ada", "bo", "cy", "di"):
        email = () if ref == "cy" else (f"email={ref}@example.com",)
        at = "occurred_at=2024-01-01T12:00:00Z"
        words = (f"ref={ref}", f"name={ref.title()}", *email, at)
        assert say("do", "RegisterCustomer", *words, "--currency", "EUR").status == 0
        if ref != "di":
            at = "occurred_at=2024-02-01T12:00:00Z"
            say("do", "GiveConsent", f"customer={ref}", "channel=email", "purpose=news", at)
    say("do", "RecordPurchase", "customer=ada", "order_id=A-1", "amount=20", "occurred_at=2024-05-20T12:00:00Z")
    assert say("do", "PlanCampaign", "campaign_id=spring", *PLAN, 'customers=["ada","bo","cy","di"]').status == 0
    return say


def test_a_store_without_campaigns_says_how_one_is_planned(say: Say) -> None:
    say("do", "RegisterCustomer", "ref=a")
    assert say("campaign", "list").out == "No campaign was planned; `regulars commands PlanCampaign` says how.\n"
    assert say("campaign", "list", "--json").json == []


def test_from_preview_to_who_is_in_it(shop: Say) -> None:
    before = shop("campaign", "preview", "spring")
    assert before.widest <= 80
    assert "1 treated, 1 held out (50 %)" in before.out
    shown = " ".join(before.out.split())
    assert "skipped 1: no address that works; 1: no consent for its channel and purpose" in shown
    assert "With 1 and 1 people and 50 % who buy anyway, as in the 30 days before, no difference would be seen" in shown
    assert "It can't be launched" not in before.out
    launched = shop("campaign", "launch", "spring")
    assert launched.out == (
        "Launched campaign spring: 1 treated, 1 held out, 2 skipped.\nIt is decided at the end of 2024-07-01.\n"
    )
    listed = shop("campaign", "list")
    assert listed.widest <= 80
    row = listed.out.splitlines()[1].split()
    assert row == ["spring", "offer", "4", "people", "running", "2024-06-01", "2024-07-01", "1", "1"]
    whole = shop("campaign", "show", "spring")
    assert whole.widest <= 80
    assert "no consent for its channel and purpose" in whole.out
    who = shop("campaign", "who", "spring")
    assert who.widest <= 80
    rows = csv.DictReader(io.StringIO(shop("campaign", "who", "spring", "--csv").out))
    arms = {each["ref"]: each["arm"] for each in rows}
    assert {arms["ada"], arms["bo"]} == {"treated", "held_out"}
    assert (arms["cy"], arms["di"]) == ("skipped", "skipped")
    treated = shop("campaign", "who", "spring", "--arm", "treated", "--json").json
    assert [each["ref"] for each in treated] == [ref for ref, arm in arms.items() if arm == "treated"]
    shown = " ".join(shop("show", "di").out.split())
    assert "Campaigns spring skipped no consent for its channel and purpose · since 2024-06-01" in shown


def test_why_somebody_gets_it_or_does_not_is_told_gate_by_gate(shop: Say) -> None:
    said = shop("campaign", "preview", "spring", "--explain", "cy")
    assert said.out.splitlines()[1:] == [
        "yes  they are in the audience",
        "yes  the account is open",
        "yes  they agreed to email for news",
        "no   they have no e-mail address",
        "yes  they were drawn 0 times for other campaigns; the rules allow 4 in 30 days",
        "yes  they are not held out of all campaigns",
        "So they would be skipped: no address that works.",
    ]
    assert shop("campaign", "preview", "spring", "--explain", "ada").out.endswith("So they would be drawn.\n")
    shop("campaign", "launch", "spring")
    said = shop("campaign", "preview", "spring", "--explain", "cy")
    assert said.out.splitlines()[0].endswith(", as known now")
    assert said.out.endswith("The launch skipped them: no address that works.\n")
    told = shop("campaign", "preview", "spring", "--explain", "cy", "--json").json
    assert (told["why"], told["arm"], told["state"]) == ("no_address", "skipped", "skipped")


def test_what_can_not_be_is_refused_in_a_sentence(shop: Say) -> None:
    unknown = shop("campaign", "launch", "summer")
    assert unknown.err == 'regulars: there is no campaign "summer"; PlanCampaign plans one\n'
    few = shop("do", "PlanCampaign", "campaign_id=few", *PLAN, 'customers=["ada"]')
    assert few.status == 0
    assert "It can't be launched: a campaign takes at least 2 people" in " ".join(
        shop("campaign", "preview", "few").out.split()
    )
    refused = shop("campaign", "launch", "few")
    assert refused.status == 1
    assert "1 of 1 pass all gates" in refused.err
    for share in ("1", "0"):
        said = shop("do", "PlanCampaign", "campaign_id=x", *PLAN, 'customers=["ada","bo"]', f"held_out={share}")
        assert said.status != 0
        assert "above 0 and below 1" in " ".join(said.err.split())
    shop("campaign", "launch", "spring")
    assert "launched already" in shop("campaign", "launch", "spring").err
    again = shop("campaign", "preview", "spring").out
    assert "nobody is drawn yet" not in again
    assert 'It can\'t be launched: campaign "spring" was launched already' in " ".join(again.split())


def test_the_list_of_whom_to_send_to_is_imported_again_once_it_was_sent(shop: Say, tmp_path: Path) -> None:
    file = tmp_path / "to-send.csv"
    shop("do", "CreateCoupon", "coupon_id=BACK", "personal=true", "percent=10", MAY)
    shop("do", "ChangeCampaign", "campaign_id=spring", "offer=Dear {name}, {coupon} is yours.", "coupon_id=back", MAY)
    assert shop("campaign", "launch", "spring").status == 0
    table = shop("campaign", "offers", "spring")
    assert table.widest <= 80
    file.write_text(shop("campaign", "offers", "spring", "--csv").out)
    (row,) = csv.DictReader(io.StringIO(file.read_text()))
    assert row["text"] == f"Dear {row['name']}, {row['coupon']} is yours."
    assert row["coupon"] in table.out
    assert [each["code"] for each in shop("coupon", "codes", row["ref"], "--json").json] == [row["coupon"]]
    assert shop("import", str(file), "--mapping", "sent-offers", "--json").json["events"] == 1
    who = shop("campaign", "who", "spring", "--arm", "treated", "--as-of", "2100-01-01", "--json").json
    assert [each["state"] for each in who] == ["sent"]
    assert shop("import", str(file), "--mapping", "sent-offers", "--json").json["events"] == 0
    assert propose(file).preset == next(each for each in PRESETS if each.name == "sent-offers")


def test_what_is_in_doubt_is_listed_and_settled(shop: Say) -> None:
    shop("do", "ChangeCampaign", "campaign_id=spring", "offer=Ten per cent off.", MAY)
    shop("campaign", "launch", "spring")
    (offer,) = shop("campaign", "offers", "spring", "--json").json
    of = f"offer_id={offer['offer_id']}"
    assert shop("do", "RecordOfferNotSent", of).err.endswith("isn't in doubt: nobody was about to send it\n")
    shop("do", "RecordOfferSending", of, "message_id=<1@shop.example>", NOON)
    assert shop("campaign", "offers", "spring").out == "There is none.\n"
    assert [each["offer_id"] for each in shop("campaign", "offers", "spring", "--in-doubt", "--json").json] == [
        offer["offer_id"]
    ]
    assert "offer not sent after all" in shop("do", "RecordOfferNotSent", of, NOON).out
    assert shop("campaign", "offers", "spring", "--json").json == [offer]
    shop("do", "RecordOfferSent", of, "channel=email", NOON)
    assert shop("do", "RecordOfferNotSent", of).status == 1
