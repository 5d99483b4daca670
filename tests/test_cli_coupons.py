"""Coupons at the command line."""

from __future__ import annotations

import json
import re

import pytest

from saying import Say


@pytest.fixture
def shop(say: Say) -> Say:
    for line in (
        "RegisterCustomer ref=shop:1 name=Ada --currency EUR",
        "CreateCoupon coupon_id=SPRING10 percent=10 up_to=20.00 in_all=9 valid_until=2024-06-30 occurred_at=2024-03-01",
        "CreateCoupon coupon_id=hello-again personal=true amount=5.00 occurred_at=2024-03-01",
        "IssueCoupon customer=shop:1 coupon_id=HELLOAGAIN occurred_at=2024-03-02",
        "RecordPurchase customer=shop:1 order_id=A-1 amount=90.00 coupon=spring-10 occurred_at=2024-03-05",
    ):
        assert say("do", *line.split()).status == 0
    return say


def test_the_list_says_what_is_outstanding_and_fits_80_columns(shop: Say) -> None:
    said = shop("coupon", "list").out
    assert [line.split() for line in said.splitlines()] == [
        ["Coupon", "Status", "Off", "Until", "Redeemed", "Outstanding", "May", "cost"],
        ["HELLOAGAIN", "valid", "5.00", "0", "1", "5.00"],
        ["SPRING10", "valid", "10", "%", "2024-06-30", "1", "8", "160.00"],
    ]
    assert max(map(len, said.splitlines())) <= 80
    assert shop("coupon", "list", "--status", "over").out == "No coupon is like that.\n"
    assert "SPRING10" not in shop("coupon", "list", "--as-of", "2024-02-01").out


def test_a_store_without_coupons_says_how_one_is_created(say: Say) -> None:
    say("do", "RegisterCustomer", "ref=a")
    assert say("coupon", "list").out == "No coupon was created; `regulars commands CreateCoupon` says how.\n"


def test_json_has_every_field(shop: Say) -> None:
    listed = json.loads(shop("coupon", "list", "--json").out)
    assert [each["coupon_id"] for each in listed] == ["HELLOAGAIN", "SPRING10"]
    shown = json.loads(shop("coupon", "show", "spring 10", "--json").out)
    assert shown["coupon"] == listed[1]
    assert [(each["order_id"], each["ref"], each["discount"]) for each in shown["uses"]] == [("A-1", "shop:1", "10.00")]
    (code,) = json.loads(shop("coupon", "codes", "shop:1", "--json").out)
    assert (code["coupon_id"], code["status"], code["uses_left"]) == ("HELLOAGAIN", "valid", 1)
    assert re.fullmatch(r"(\w{4}-){2}\w{4}", code["code"])
    assert code["code"] in shop("coupon", "codes", "shop:1").out


def test_one_is_shown_with_the_latest_orders(shop: Say) -> None:
    bought = "RecordPurchase customer=shop:1 order_id=A-2 amount=45.00 coupon=SPRING10 occurred_at=2024-03-06"
    assert shop("do", *bought.split()).status == 0
    said = shop("coupon", "show", "SPRING10", "--limit", "1").out
    assert re.search(r"^A-2 +shop:1 +2024-03-06 +5.00$", said, re.MULTILINE)
    assert "A-1" not in said
    assert said.endswith("The latest 1 of 2: --limit N shows N, --json all.\n")


def test_what_there_is_not_is_said_in_one_sentence(shop: Say) -> None:
    for words, sentence in (
        (("coupon", "show", "NONE"), 'there is no coupon "NONE"'),
        (("coupon", "show", "SPRING10", "--as-of", "2024-02-01"), 'there is no coupon "SPRING10" by then'),
        (("coupon", "codes", "shop:9"), 'no customer has the reference, e-mail or phone number "shop:9"'),
        (
            ("do", "RecordPurchase", "customer=shop:1", "order_id=A-3", "amount=1", "coupon=NONE"),
            "there is no coupon with the code that was given",
        ),
    ):
        said = shop(*words)
        assert said.status != 0
        assert said.err == f"regulars: {sentence}\n"
