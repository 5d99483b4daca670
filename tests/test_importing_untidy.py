"""Untidy files: what a cell says is taken, refused with a sentence, or left out with a notice; nothing is guessed."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import regulars
from regulars import ImportReport, InvalidMapping, RegisterCustomer, Regulars, UndoMerge
from regulars.adapters.importing.text_encoding import found_encoding, guessed_encoding
from regulars.crm_domain.customer import CustomerRegistered
from regulars.crm_domain.explain_invalid import shown
from regulars.crm_domain.instant import to_datetime
from regulars.crm_domain.purchase import PurchaseRecorded, ReturnRecorded
from regulars.doing.reasons import kind_of

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)

BASIC = """
format = "csv"
zone = "UTC"
currency = "EUR"
[customer]
ref = "shop:{id}"
name = "{name}"
email = "{email}"
phone = "{phone}"
[[command]]
do = "RecordPurchase"
when = [{ column = "total", is_not = "" }]
[command.fields]
order_id = "{order}"
amount = { column = "total", money = "major" }
occurred_at = { column = "day", format = "iso" }
"""
HEADER = "id,order,day,total,name,email,phone\n"


class Shop:
    """A store, and files that are imported into it."""

    def __init__(self, crm: Regulars, folder: Path) -> None:
        self.crm = crm
        self._folder = folder

    def take(self, mapping: str, content: str | bytes, name: str = "data.csv") -> ImportReport:
        (self._folder / "map.toml").write_text(mapping, encoding="utf-8")
        file = self._folder / name
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        return self.crm.import_file(file, self._folder / "map.toml")

    def reason(self, mapping: str, content: str | bytes) -> str:
        [refused] = self.take(mapping, content).rejects
        return refused.reason

    def told(self, kind: type[Any]) -> list[Any]:
        return [each.event for each in self.crm.events(types=kind)]

    def orders(self) -> dict[str, str]:
        return {each.order_id: f"{each.amount / 100:.2f}" for each in self.told(PurchaseRecorded)}


@pytest.fixture
def shop(database_url: str, tmp_path: Path) -> Iterator[Shop]:
    with regulars.open(database_url, clock=lambda: NOW) as crm:
        yield Shop(crm, tmp_path)


def row(**cells: str) -> str:
    """A file of one row; what isn't given is an order of 5.00."""
    usual = {"id": "1", "order": "O1", "day": "2026-01-05", "total": "5.00", "name": "x", "email": "", "phone": ""}
    return HEADER + ",".join(f'"{cell}"' for cell in {**usual, **cells}.values()) + "\n"


# ------------------------------------------------------------------------------------ cells that decide and are empty


@pytest.mark.parametrize(
    ("column", "problem"),
    [
        (
            "day",
            "RecordPurchase.occurred_at: a value is needed, found nothing in day; optional = true would leave it out",
        ),
        (
            "order",
            "RecordPurchase.order_id: a value is needed, found nothing in order; optional = true would leave it out",
        ),
        ("id", "customer.ref: a value is needed, found nothing in id"),
    ],
)
def test_an_empty_cell_that_decides_is_refused_and_nothing_is_recorded(shop: Shop, column: str, problem: str) -> None:
    assert shop.reason(BASIC, row(**{column: ""})) == problem
    assert shop.crm.event_count == 0


def test_an_empty_amount_of_a_return_is_not_the_whole_order(shop: Shop) -> None:
    returns = (
        BASIC.replace("RecordPurchase", "RecordReturn")
        .replace('when = [{ column = "total", is_not = "" }]', "")
        .replace("shop:{id}", "shop:1")
    )
    shop.take(BASIC, row())
    assert "RecordReturn.amount: a value is needed, found nothing in total" in shop.reason(returns, row(total=""))
    shop.take(returns.replace('money = "major"', 'money = "major", optional = true'), row(total=""))
    assert [each.amount for each in shop.told(ReturnRecorded)] == [500]


def test_a_mapping_may_say_what_empty_means(shop: Shop) -> None:
    told = BASIC.replace('format = "iso"', 'format = "iso", default = "2026-02-02"')
    left_out = BASIC.replace('format = "iso"', 'format = "iso", optional = true')
    assert shop.take(told, row(day="")).rejects == ()
    assert shop.take(left_out, row(day="", order="O2")).rejects == ()
    days = [each.occurred_at for each in shop.crm.events(types=PurchaseRecorded)]
    assert [to_datetime(day) for day in days] == [datetime(2026, 2, 2, tzinfo=UTC), NOW]


# -------------------------------------------------------------------------------------------------------------- amounts


AMOUNTS = """id,order,day,total,name,email,phone
1,O1,2026-01-05,"€59.90",x,,
2,O2,2026-01-05,59.90 EUR,x,,
3,O3,2026-01-05,"$1,059.90",x,,
4,O4,2026-01-05,+59.90,x,,
5,O5,2026-01-05,.90,x,,
6,O6,2026-01-05,59.,x,,
7,O7,2026-01-05,"59,90",x,,
8,O8,2026-01-05,1.23E+02,x,,
9,O9,2026-01-05,"12,34,567.00",x,,
10,O10,2026-01-05,59.900,x,,
11,O11,2026-01-05,"59'",x,,
12,O12,2026-01-05,1’059.90,x,,
13,O13,2026-01-05,59.899999999999999,x,,
14,O14,2026-01-05,"1,059",x,,
15,O15,2026-01-05,"1.059",x,,
16,O16,2026-01-05,0,x,,
"""
TAKEN = {"O1": "59.90", "O2": "59.90", "O4": "59.90", "O5": "0.90", "O6": "59.00", "O9": "1234567.00"} | {
    "O12": "1059.90",
    "O16": "0.00",
}


def test_amounts_are_read_as_people_write_them_and_never_guessed(shop: Shop) -> None:
    report = shop.take(BASIC, AMOUNTS)
    assert shop.orders() == TAKEN
    assert {each.line - 1: each.reason for each in report.rejects} == {
        3: "RecordPurchase.amount: expected an amount in EUR, found '$1,059.90'",
        7: "RecordPurchase.amount: expected an amount such as 1,234.50 in column \"total\", found '59,90'; "
        "if the comma is the decimal sign, say decimal_comma = true",
        8: "RecordPurchase.amount: expected an amount such as 1,234.50 in column \"total\", found '1.23E+02'",
        10: "RecordPurchase.amount: expected an amount that means one thing in column \"total\", found '59.900'; "
        "it is 59.900 with decimal_comma = false and 59900 with decimal_comma = true",
        11: 'RecordPurchase.amount: expected an amount such as 1,234.50 in column "total", found "59\'"',
        13: 'RecordPurchase.amount: expected an amount with at most 2 digits after the point in column "total", '
        "found '59.899999999999999'; rounding = \"half_even\" would round it",
        14: "RecordPurchase.amount: expected an amount that means one thing in column \"total\", found '1,059'; "
        "it is 1059 with decimal_comma = false and 1.059 with decimal_comma = true",
        15: "RecordPurchase.amount: expected an amount that means one thing in column \"total\", found '1.059'; "
        "it is 1.059 with decimal_comma = false and 1059 with decimal_comma = true",
    }


def test_with_a_rounding_rule_finer_amounts_are_rounded(shop: Shop) -> None:
    shop.take(BASIC.replace('"major"', '"major", rounding = "half_even"'), AMOUNTS)
    assert shop.orders() == TAKEN | {"O10": "59.90", "O13": "59.90", "O15": "1.06"}


def test_with_the_decimal_sign_given_nothing_is_ambiguous(shop: Shop) -> None:
    shop.take(BASIC.replace('"major"', '"major", decimal_comma = true'), AMOUNTS)
    assert {key: shop.orders().get(key) for key in ("O7", "O14", "O15")} == {
        "O7": "59.90",
        "O14": None,
        "O15": "1059.00",
    }


def test_the_decimal_sign_may_be_that_of_the_whole_mapping(shop: Shop) -> None:
    shop.take("decimal_comma = true\n" + BASIC, row(total="1.059,90"))
    assert shop.orders() == {"O1": "1059.90"}


@pytest.mark.parametrize(("code", "taken"), [("eur", True), ("EUR", True), ("usd", False)])
def test_a_currency_may_be_written_in_small_letters(shop: Shop, code: str, taken: bool) -> None:
    mapping = BASIC.replace('currency = "EUR"', "") + 'currency = "{name}"\n'
    shop.take(BASIC, row(order="first"))
    assert (shop.take(mapping, row(name=code)).rejected == 0) is taken


def test_an_amount_may_name_the_currency_where_the_mapping_has_none(shop: Shop) -> None:
    mapping = BASIC.replace('currency = "EUR"', "")
    assert "whose currency the mapping names" in shop.reason(mapping, row(total="$5"))
    shop.take(mapping, row(total="5 €"))
    assert [each.currency for each in shop.told(PurchaseRecorded)] == ["EUR"]


def test_a_negative_amount_of_an_order_is_asked_about(shop: Shop) -> None:
    assert shop.reason(BASIC, row(total="(5.00)")) == (
        "RecordPurchase.amount: expected an amount from 0 upwards in column \"total\", found '(5.00)'; "
        'is it a return? tell them apart by when = [{ column = "total", below = 0 }]'
    )


def test_a_price_is_multiplied_by_its_quantity(shop: Shop) -> None:
    mapping = BASIC.replace('"major"', '"major", times = "name"')
    shop.take(mapping, row(total="2.55", name="6"))
    assert shop.orders() == {"O1": "15.30"}
    assert "RecordPurchase.amount: expected an amount such as" in shop.reason(mapping, row(order="O2", name="six"))
    assert "found nothing in total or name" in shop.reason(mapping, row(order="O2", name=""))


# -------------------------------------------------------------------------------------------------------------- refunds


PAYMENTS = """
format = "csv"
zone = "UTC"
currency = "EUR"
[customer]
ref = "pay:{cust}"
[[command]]
do = "RecordPurchase"
when = [{ column = "type", is = "charge" }]
[command.fields]
order_id = "{order}"
amount = { column = "gross", money = "major" }
occurred_at = { column = "day", format = "iso" }
[[command]]
do = "RecordReturn"
when = [{ column = "type", is = "refund" }]
[command.fields]
order_id = "{order}"
return_id = "{id}"
amount = { column = "gross", money = "major" }
occurred_at = { column = "day", format = "iso" }
"""
REFUNDS = """id,type,order,cust,day,gross
1,charge,O1,c1,2026-01-05,59.90
2,refund,O1,c1,2026-01-08,-59.90
3,charge,O2,c1,2026-02-05,"1,059.90"
4,refund,O2,c1,2026-02-08,(20.00)
5,refund,O2,c1,2026-02-09,20.00-
6,refund,O2,c1,2026-02-10,\u221220.00
7,refund,O2,c1,2026-02-10,20.00
"""


def test_what_came_back_is_read_with_or_without_a_sign(shop: Shop) -> None:
    assert shop.take(PAYMENTS, REFUNDS).rejects == ()
    came_back = [(each.order_id, each.return_id, each.amount) for each in shop.told(ReturnRecorded)]
    assert came_back == [("O1", "2", 5990), *(("O2", str(number), 2000) for number in (4, 5, 6, 7))]


def test_a_refund_is_told_by_its_sign_alone(shop: Shop) -> None:
    mapping = PAYMENTS.replace('column = "type", is = "charge"', 'column = "gross", at_least = 0').replace(
        'column = "type", is = "refund"', 'column = "gross", below = 0'
    )
    shop.take(mapping, REFUNDS.replace("7,refund,O2,c1,2026-02-10,20.00\n", ""))
    assert len(shop.told(PurchaseRecorded)) == 2
    assert sum(each.amount for each in shop.told(ReturnRecorded)) == 5990 + 3 * 2000


# ------------------------------------------------------------------------------------------------------------- contacts


PHONES = """id,order,day,total,name,email,phone
1,O1,2026-01-05,10.00,Apo,a@example.com,'+4930123456
2,O2,2026-01-05,10.00,Bidi,b@example.com,\u202a+49 30 123456\u202c
3,O3,2026-01-05,10.00,Ext,c@example.com,+49 30 123456 ext. 7
4,O4,2026-01-05,10.00,Full,d@example.com,０９０-1234-5678
5,O5,2026-01-05,10.00,Nbsp,e@example.com,+49\u00a030\u00a0123456
6,O6,2026-01-05,10.00,EnDash,f@example.com,030–123456
7,O7,2026-01-05,10.00,Sci,g@example.com,4.93012E+11
8,O8,2026-01-05,10.00,Two,h@example.com,030 123456 / 0170 99
9,O9,2026-01-05,10.00,TwoSemi,i@example.com,030 123456; 0170 99
10,O10,2026-01-05,10.00,Zws,j@example.com\u200b,
11,O11,2026-01-05,10.00,Mailto,mailto:k@example.com,
12,O12,2026-01-05,10.00,Angle,<l@example.com>,
13,O13,2026-01-05,10.00,Trail,"m@example.com,",
14,O14,2026-01-05,10.00,Disp,Nora <n@example.com>,
15,O15,2026-01-05,10.00,TwoMail,o@example.com; p@example.com,
16,O16,2026-01-05,10.00,None,-,-
17,O17,2026-01-05,10.00,NA,n/a,
"""


@pytest.mark.parametrize(("country", "sixth"), [("", "030123456"), ('country = "DE"\n', "+4930123456")])
def test_a_contact_that_cant_be_read_is_left_out_with_a_notice_and_the_order_is_taken(
    shop: Shop, country: str, sixth: str
) -> None:
    report = shop.take(country + BASIC, PHONES)
    assert (report.rejected, len(shop.orders())) == (0, 17)
    known = shop.told(CustomerRegistered)
    assert [each.phone for each in known[:6]] == [
        *("+4930123456", "+4930123456", None),
        *(
            "+819012345678" if "JP" in country else ("+499012345678" if country else "09012345678"),
            "+4930123456",
            sixth,
        ),
    ]
    assert {each.phone for each in known[6:]} == {None}
    letters = "abcdefghijklmn"
    assert [each.email for each in known] == [*(f"{each}@example.com" for each in letters), None, None, None]
    assert [notice.split(",")[0] for notice in report.notices] == [
        *(
            "line 4: customer.phone: left out",
            "line 8: customer.phone: left out",
            "line 9: customer.phone: left out",
            "line 10: customer.phone: left out",
        ),
        *(
            "line 16: customer.email: left out",
            "line 17: customer.email: left out",
            "line 17: customer.phone: left out",
        ),
        "line 18: customer.email: left out",
    ]
    assert report.notices[2] == (
        'line 9: customer.phone: left out, expected one phone number, without an extension in column "phone", '
        "found '030 123456 / 0170 99'"
    )


# ------------------------------------------------------------------------------------------------- conditions and text


@pytest.mark.parametrize(
    ("test", "taken"),
    [
        *(("below = 0", "A"), ("at_most = 0", "AB"), ("above = 0", "C"), ("at_least = 0", "BC")),
        *(("above = 59.89", "C"), ('below = "59.90"', "AB"), ('matches = "*59.9*"', "AC"), ('matches = "?"', "B")),
    ],
)
def test_conditions_compare_numbers_and_match_patterns(shop: Shop, test: str, taken: str) -> None:
    mapping = f"""
    format = "csv"
    only = [{{ column = "sum", {test} }}]
    [customer]
    ref = "{{id}}"
    """
    shop.take(mapping, 'id,sum\nA,"(1,059.90)"\nB,0\nC,€59.90\nD,\n')
    assert "".join(str(each.ref) for each in shop.told(CustomerRegistered)) == taken


def test_a_pattern_matches_whatever_the_capitals_and_takes_brackets_as_they_are(shop: Shop) -> None:
    mapping = 'format = "csv"\nonly = [{ column = "a", matches = "ref[1]*" }]\n[customer]\nref = "{a}"\n'
    shop.take(mapping, "a\nREF[1] x\nref1\n")
    assert [each.ref for each in shop.told(CustomerRegistered)] == ["REF[1] x"]


def test_a_cell_that_is_no_number_is_no_guess_for_a_condition(shop: Shop) -> None:
    mapping = BASIC.replace('is_not = ""', "above = 0")
    assert shop.reason(mapping, row(total="many")) == (
        "RecordPurchase.when: expected an amount such as 1,234.50 in column \"total\", found 'many'"
    )


def test_a_cell_with_several_tags_is_a_command_for_each(shop: Shop) -> None:
    mapping = """
    format = "csv"
    [customer]
    ref = "{id}"
    [[command]]
    do = "TagCustomer"
    fields = { label = { column = "tags", split = ";", case = "lower" } }
    """
    content = "id,tags\n1, VIP ; b2b;;vip\n2,\n"
    assert shop.take(mapping, content).rejects == ()
    assert (shop.crm.customer("1").tags, shop.crm.customer("2").tags) == (("b2b", "vip"), ())
    assert shop.take(mapping, content).events == 0


def test_words_are_given_values_and_others_are_refused_or_given_one_too(shop: Shop) -> None:
    mapping = """
    format = "csv"
    [customer]
    ref = "{id}"
    source = { column = "how", case = "lower", values = { web = "shop", tel = "phone" } }
    """
    assert shop.reason(mapping, "id,how\n1,WEB\n2,Tel\n3,\n4,fax\n") == (
        'customer.source: expected one of web, tel in column "how", found \'fax\'; or give "*" a value'
    )
    shop.take(mapping.replace("tel =", '"*" = "other", tel ='), "id,how\n4,fax\n")
    assert [each.source for each in shop.told(CustomerRegistered)] == ["shop", "phone", None, "other"]


def test_a_whole_number_that_went_through_a_column_of_floats_is_the_same_id(shop: Shop) -> None:
    mapping = 'whole_numbers = ["id"]\n' + BASIC
    shop.take(mapping, row(id="17850") + row(id="17850.0", order="O2").split("\n")[1])
    assert [each.ref for each in shop.told(CustomerRegistered)] == ["shop:17850"]


def test_letters_of_a_reference_may_be_made_small(shop: Shop) -> None:
    mapping = BASIC.replace('ref = "shop:{id}"', 'ref = { text = "mail:{email}", case = "lower" }')
    shop.take(mapping, row(email="Ann@Example.com") + row(email="ann@example.com", order="O2").split("\n")[1])
    [ann] = shop.told(CustomerRegistered)
    assert (ann.ref, ann.email) == ("mail:ann@example.com", "Ann@Example.com")


# ---------------------------------------------------------------------------------------------------------------- dates


@pytest.mark.parametrize(
    ("field", "day", "time", "instant"),
    [
        ('{ text = "{day} {name}", format = "%d.%m.%Y %H:%M" }', "05.01.2026", "10:15", "2026-01-05T09:15:00"),
        ('{ text = "{day}T{name}", format = "iso" }', "2026-01-05", "10:15", "2026-01-05T09:15:00"),
        ('"{day} {name}"', "2026-01-05", "10:15", "2026-01-05T09:15:00"),
        ('"{day}"', "2026-01-05", "", "2026-01-04T23:00:00"),
        ('"{day}"', "2026-01-05 10:15:30 +0100", "", "2026-01-05T09:15:30"),
        ('"{day}"', "2026-01-05 10:15:30 UTC", "", "2026-01-05T10:15:30"),
        ('{ column = "day", format = "epoch" }', "1767607200", "", "2026-01-05T10:00:00"),
        ('{ column = "day", format = "epoch" }', "1767607200.5", "", "2026-01-05T10:00:00.500000"),
        ('{ column = "day", format = "epoch_ms" }', "1767607200000", "", "2026-01-05T10:00:00"),
        ('{ column = "day", format = "excel" }', "46027", "", "2026-01-04T23:00:00"),
        ('{ column = "day", format = "excel" }', "46027.4270833333", "", "2026-01-05T09:15:00"),
        ('{ column = "day", format = "%m/%Y", day = "first" }', "01/2026", "", "2025-12-31T23:00:00"),
        ('{ column = "day", format = "%Y-%m", day = "last", time = "12:00" }', "2024-02", "", "2024-02-29T11:00:00"),
    ],
)
def test_days_and_times_are_found_in_cells_of_every_kind(
    shop: Shop, field: str, day: str, time: str, instant: str
) -> None:
    mapping = BASIC.replace('{ column = "day", format = "iso" }', field).replace('"UTC"', '"Europe/Berlin"')
    assert shop.take(mapping, row(day=day, name=time)).rejects == ()
    [order] = shop.crm.events(types=PurchaseRecorded)
    assert to_datetime(order.occurred_at).isoformat() == instant + "+00:00"


@pytest.mark.parametrize(
    ("written", "cell", "expected"),
    [
        ("iso", "46027", 'it looks like format = "excel"'),
        ("iso", "1767607200", 'it looks like format = "epoch"'),
        ("epoch", "1767607200000000000000000", "expected seconds since 1970, such as 1767225600"),
        ("epoch", "1e999999999", "expected seconds since 1970"),
        ("epoch", "nan", "expected seconds since 1970"),
        ("excel", "12", "expected a spreadsheet's day"),
        ("iso", "1767607200000", 'it looks like format = "epoch_ms"'),
    ],
)
def test_a_day_that_is_none_is_refused_with_what_it_looks_like(
    shop: Shop, written: str, cell: str, expected: str
) -> None:
    assert expected in shop.reason(BASIC.replace('"iso"', f'"{written}"'), row(day=cell))


# ------------------------------------------------------------------------------------------------- rows of one order


SHOPIFY = """
format = "csv"
currency = "EUR"
group_by = ["Name"]
[customer]
ref = "mail:{Email}"
email = "{Email}"
[[command]]
do = "RecordPurchase"
[command.fields]
order_id = "{Name}"
occurred_at = { column = "Paid at", format = "%Y-%m-%d %H:%M:%S %z" }
amount = { column = "Total", money = "major" }
[[command.fields.lines]]
sku = "{Lineitem name}"
quantity = "{Lineitem quantity}"
amount = { column = "Lineitem price", money = "major" }
"""
LINES = "Name,Email,Paid at,Total,Lineitem name,Lineitem quantity,Lineitem price\n"
FIRST = "#1001,ann@example.com,2026-01-05 10:15:30 +0100,50.00,Tea,2,10.00\n"
BLANK = "#1001,,,,Mug,1,30.00\n"
REPEATED = "#1001,ann@example.com,2026-01-05 10:15:30 +0100,50.00,Mug,1,30.00\n"
OTHER = "#1002,bob@example.com,2026-01-06 10:15:30 +0100,10.00,Tea,1,10.00\n"


@pytest.mark.parametrize(
    "content", [FIRST + BLANK + OTHER, FIRST + REPEATED + OTHER, OTHER + FIRST + BLANK], ids=["blank", "alike", "last"]
)
def test_rows_of_one_order_are_one_order_with_a_line_from_each(shop: Shop, content: str) -> None:
    report = shop.take(SHOPIFY, LINES + content)
    assert (report.rows, report.rejects) == (2, ())
    orders = {each.order_id: each for each in shop.told(PurchaseRecorded)}
    assert {key: each.amount for key, each in orders.items()} == {"#1001": 5000, "#1002": 1000}
    assert [(each.sku, each.quantity, each.amount) for each in orders["#1001"].lines] == [
        ("Tea", 2, 1000),
        ("Mug", 1, 3000),
    ]
    assert len(shop.told(CustomerRegistered)) == 2
    assert shop.take(SHOPIFY, LINES + content).events == 0


def test_rows_of_one_order_that_contradict_each_other_are_refused_together(shop: Shop) -> None:
    reason = shop.reason(SHOPIFY, LINES + FIRST + REPEATED.replace("50.00", "60.00"))
    assert reason == "the rows differ in column \"Total\": '50.00' and '60.00'"
    [refused] = shop.crm.rejects()
    assert (refused.line, refused.text.count("\n")) == (2, 1)


def test_rows_without_the_column_that_groups_stand_by_themselves(shop: Shop) -> None:
    report = shop.take(SHOPIFY, LINES + FIRST + BLANK.replace("#1001", "") + OTHER)
    assert [(each.line, each.reason) for each in report.rejects] == [
        (3, "customer.ref: a value is needed, found nothing in Email")
    ]


def test_an_order_of_more_rows_than_an_order_has_lines_is_refused(shop: Shop) -> None:
    assert shop.reason(SHOPIFY, LINES + FIRST + BLANK * 1_500 + OTHER) == "more than 1,000 rows belong together"
    assert shop.orders() == {"#1002": "10.00"}


# ------------------------------------------------------------------------------------------------------- ragged rows


@pytest.mark.parametrize(
    ("ragged", "refused"), [("", [3, 5]), ('ragged = "fill"\n', [5]), ('ragged = "cut"\n', [])], ids=["", "fill", "cut"]
)
def test_ragged_rows_are_refused_filled_or_cut_as_the_mapping_wishes(
    shop: Shop, ragged: str, refused: list[int]
) -> None:
    content = HEADER + "1,A,2026-01-05,5,x,,,,\n2,B,2026-01-05,5\n3,C,2026-01-05,5,x,,\n4,D,2026-01-05,5,x,,,more\n"
    assert [each.line for each in shop.take(ragged + BASIC, content).rejects] == refused


def test_a_column_that_the_file_may_lack_counts_as_empty(shop: Shop) -> None:
    content = "id,order,day,total\n1,A,2026-01-05,5\n"
    with pytest.raises(InvalidMapping, match=r'customer\.name: there is no column "name"'):
        shop.take(BASIC, content)
    assert shop.take('optional_columns = ["name", "email", "phone"]\n' + BASIC, content).rejects == ()


def test_a_character_may_be_escaped(shop: Shop) -> None:
    shop.take('escape = "\\\\"\n' + BASIC, HEADER + '1,A,2026-01-05,5,"Ada \\"Countess\\" L.",,\n')
    assert [each.name for each in shop.told(CustomerRegistered)] == ['Ada "Countess" L.']


# ----------------------------------------------------------------------------------------------------------- reasons


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        (
            "amount: expected x in column \"total\", found 'a; \\'b'; say y",
            'amount: expected x in column "total"; say y',
        ),
        ('amount: expected x in column "total", found "it\'s"', 'amount: expected x in column "total"'),
        (f"amount: expected x, found '{'z' * 56}...; say y", "amount: expected x; say y"),
        ("expected 3 fields (a, b, c), found 12", "expected 3 fields (a, b, c)"),
        ('order "O1" is recorded already with other content', "order … is recorded already with other content"),
        ("20.00 EUR is more than the 5.00 left", "… EUR is more than the … left"),
    ],
)
def test_the_kind_of_a_reason_names_no_values(reason: str, kind: str) -> None:
    assert kind_of(reason) == kind


@given(st.text(max_size=100))
def test_what_was_found_is_never_in_the_kind_of_a_reason(text: str) -> None:
    assert kind_of(f"ref: expected x in column, found {shown(text)}") == "ref: expected x in column"


# --------------------------------------------------------------------------------------------------------- encodings


@pytest.mark.parametrize(
    ("encoding", "name", "is_told"),
    [
        ("utf-8", "Jürgen Größe", False),
        ("utf-8-sig", "Jürgen Größe", False),
        ("utf-16", "Jürgen Größe", False),
        ("utf-32", "Jürgen Größe", False),
        ("cp1252", "Jürgen Größe – 50 €", True),
        ("gb18030", "王小明的商店", True),
        ("utf-8", "王小明的商店", False),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_the_encoding_is_found_and_a_guess_is_told(
    shop: Shop, encoding: str, name: str, is_told: bool, packed: bool
) -> None:
    content = row(name=name).encode(encoding)
    report = shop.take(BASIC, gzip.compress(content) if packed else content)
    assert [each.name for each in shop.told(CustomerRegistered)] == [name]
    says = (f'the file isn\'t UTF-8 and is read as {encoding}; say encoding = "{encoding}"',)
    assert report.notices == (says if is_told else ())


@pytest.mark.parametrize("said", ["utf-8", "cp1252", "utf-16", "latin-1"])
@pytest.mark.parametrize("marked", ["utf-8-sig", "utf-16"])
def test_a_byte_order_mark_counts_whatever_the_mapping_says(shop: Shop, said: str, marked: str) -> None:
    shop.take(f'encoding = "{said}"\n' + BASIC, row(name="Jürgen").encode(marked))
    assert [each.name for each in shop.told(CustomerRegistered)] == ["Jürgen"]


def test_a_file_that_is_mostly_utf_8_is_utf_8_and_the_broken_line_is_refused(shop: Shop) -> None:
    content = row(name="Jürgen").encode() + b"2,O2,2026-01-05,5,J\xfcrgen,,\n" + "3,O3,2026-01-05,5,王,,\n".encode()
    [refused] = shop.take(BASIC, content).rejects
    assert refused.reason == 'the line is not valid utf-8; it looks like cp1252: encoding = "cp1252"'


def test_what_is_compressed_is_told_by_its_content_not_its_name(shop: Shop) -> None:
    assert shop.take(BASIC, gzip.compress(row().encode()), "data.csv").events == 2
    assert shop.take(BASIC, row(), "data.csv.gz").unchanged == 1


@given(st.text("äöüßéñçàÄÖÜ€–“”œ" + "abcdefgh ,", min_size=1))
def test_western_text_is_never_taken_for_chinese(text: str) -> None:
    words = [*text.split(), "für", "Café"]
    lines = [word.encode("cp1252") for word in words]
    assert guessed_encoding(lines) != "gb18030"


@given(
    st.text(
        "的一是不了人我在有他这中大来上国个到说们为子和你地出道也时年得就那要下以生会自着去之过家学对可", min_size=2
    )
)
def test_chinese_text_is_found(text: str) -> None:
    assert found_encoding([f"a,的商店{text},b\n".encode("gb18030")]) == "gb18030"


@given(st.lists(st.binary(max_size=40), max_size=6))
def test_whatever_the_bytes_an_encoding_is_found(chunks: list[bytes]) -> None:
    assert found_encoding(chunks) in ("utf-8", "cp1252", "gb18030")


# --------------------------------------------------------------------------------------------------------- matching


MATCHED = 'match = ["email", "phone"]\n' + BASIC


def test_a_new_reference_is_merged_into_the_one_customer_who_has_its_contact(shop: Shop) -> None:
    shop.crm.do(RegisterCustomer(ref="crm:1", email="Ann@Example.com", phone="+49 30 123456"))
    shop.take(MATCHED, row(id="7", email="ann@example.com"))
    shop.take(MATCHED, row(id="8", order="O2", phone="+4930123456"))
    shop.take(MATCHED, row(id="9", order="O3", email="other@example.com"))
    assert shop.crm.customer("crm:1").orders == 2
    assert shop.crm.customer("shop:7").id == shop.crm.customer("shop:8").id == shop.crm.customer("crm:1").id
    assert shop.crm.customer("shop:9").orders == 1
    assert shop.take(MATCHED, row(id="7", email="ann@example.com")).events == 0


def test_rows_of_one_file_match_each_other(shop: Shop) -> None:
    second = row(id="2", order="O2", email="Ann@Example.com").split("\n")[1]
    third = row(id="3", order="O3").split("\n")[1]
    shop.take(MATCHED, row(id="1", email="ann@example.com") + second + "\n" + third)
    assert shop.crm.customer("shop:1").orders == 2
    assert shop.crm.customer("shop:3").orders == 1


def test_a_contact_of_several_customers_matches_none(shop: Shop) -> None:
    shop.crm.do([RegisterCustomer(ref=f"crm:{each}", email="info@example.com") for each in (1, 2)])
    shop.take(MATCHED, row(id="7", email="info@example.com"))
    assert shop.crm.customer("shop:7").orders == 1


def test_a_match_that_was_none_is_undone_and_stays_so(shop: Shop) -> None:
    shop.crm.do(RegisterCustomer(ref="crm:1", email="info@example.com"))
    shop.take(MATCHED, row(id="7", email="info@example.com"))
    shop.crm.do(UndoMerge(customer="shop:7"))
    assert shop.take(MATCHED, row(id="7", email="info@example.com")).events == 0
    assert (shop.crm.customer("crm:1").orders, shop.crm.customer("shop:7").orders) == (0, 1)


def test_a_mapping_matches_only_by_what_it_reads(shop: Shop) -> None:
    with pytest.raises(InvalidMapping, match=r"match: \[customer\] has no phone to match by"):
        shop.take(MATCHED.replace('phone = "{phone}"\n', ""), row())
