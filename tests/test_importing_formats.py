"""Files in other formats than CSV: JSON arrays, spreadsheets and vCards, and what is none of them."""

from __future__ import annotations

import gzip
import io
import json
import sys
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import regulars
from regulars import InvalidMapping, Regulars
from regulars.adapters.importing import Mapping, rows
from regulars.crm_domain.catalogue import CATALOGUE
from regulars.crm_domain.customer import CustomerRegistered
from regulars.crm_domain.instant import to_datetime
from regulars.crm_domain.purchase import PurchaseRecorded
from sheets import ods, xlsx

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)

ORDERS = """
zone = "UTC"
currency = "EUR"
[customer]
ref = "shop:{id}"
[[command]]
do = "RecordPurchase"
[command.fields]
order_id = "{order}"
amount = { column = "total", money = "major" }
occurred_at = { column = "day", format = "%d.%m.%Y" }
"""
TABLE: list[list[Any]] = [
    ["id", "order", "day", "total"],
    [17850, "O1", datetime.fromisoformat("2026-01-05"), 59.9],
    [17850.0, "O2", "06.01.2026", "1,059.90 €"],
    [17851, 3, datetime.fromisoformat("2026-01-07T10:15"), 7],
]


@pytest.fixture
def crm() -> Iterator[Regulars]:
    with regulars.open(":memory:", clock=lambda: NOW) as crm:
        yield crm


def take(crm: Regulars, folder: Path, mapping: str, content: str | bytes, name: str = "data") -> regulars.ImportReport:
    (folder / "map.toml").write_text(mapping, encoding="utf-8")
    (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
    return crm.import_file(folder / name, folder / "map.toml")


def orders(crm: Regulars) -> list[tuple[str, int, str]]:
    told = crm.events(types=PurchaseRecorded)
    return [(one.event.order_id, one.event.amount, f"{to_datetime(one.occurred_at):%Y-%m-%d %H:%M}") for one in told]


# ------------------------------------------------------------------------------------------------------------- sheets


@pytest.mark.parametrize("make", [xlsx, ods])
@pytest.mark.parametrize("packed", [False, True])
def test_a_spreadsheet_is_read_with_its_dates_and_numbers(
    crm: Regulars, tmp_path: Path, make: Any, packed: bool
) -> None:
    content = make({"Orders": TABLE, "Other": [["x"]]})
    report = take(crm, tmp_path, 'format = "sheet"' + ORDERS, gzip.compress(content) if packed else content)
    assert report.rejects == ()
    assert orders(crm) == [
        ("O1", 5990, "2026-01-05 00:00"),
        ("O2", 105990, "2026-01-06 00:00"),
        ("3", 700, "2026-01-07 10:15"),
    ]
    assert [one.event.ref for one in crm.events(types=CustomerRegistered)] == ["shop:17850", "shop:17851"]


def test_a_sheet_has_a_name_and_its_refusals_the_rows_number(crm: Regulars, tmp_path: Path) -> None:
    content = xlsx({"Notes": [["nothing"]], "Orders": [["Our orders"], [], *TABLE, ["1", "O9", "soon", 5]]})
    mapping = 'format = "sheet"\nsheet = "Orders"\nskip_lines = 1' + ORDERS
    [refused] = take(crm, tmp_path, mapping, content).rejects
    assert (refused.line, "found 'soon'" in refused.reason) == (7, True)
    with pytest.raises(InvalidMapping, match='there is no sheet "Order"; there are Notes, Orders'):
        take(crm, tmp_path, mapping.replace('"Orders"', '"Order"'), content)


@pytest.mark.parametrize("make", [xlsx, ods])
def test_a_spreadsheet_that_is_taken_for_csv_says_what_to_do(crm: Regulars, tmp_path: Path, make: Any) -> None:
    with pytest.raises(InvalidMapping, match='is a spreadsheet: say format = "sheet", or save it as CSV'):
        take(crm, tmp_path, 'format = "csv"' + ORDERS, make({"Orders": TABLE}))


@pytest.mark.parametrize("content", [b"", b"id,order", b"PK\x03\x04broken", b"\xd0\xcf\x11\xe0" * 100])
def test_what_is_no_spreadsheet_is_refused_in_a_sentence(crm: Regulars, tmp_path: Path, content: bytes) -> None:
    with pytest.raises(InvalidMapping, match=r"the spreadsheet can't be read: .*; save it as CSV"):
        take(crm, tmp_path, 'format = "sheet"' + ORDERS, content)


def test_a_spreadsheet_that_unpacks_to_more_than_fits_is_refused_before_it_does(crm: Regulars, tmp_path: Path) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file, file.open("x", "w", force_zip64=True) as inside:
        for _ in range(1_001):
            inside.write(bytes(1_000_000))
    with pytest.raises(InvalidMapping, match="unpacks to more than 1,000,000,000 bytes"):
        take(crm, tmp_path, 'format = "sheet"' + ORDERS, packed.getvalue())


def test_without_the_library_for_spreadsheets_one_sentence_says_how_to_get_it(
    crm: Regulars, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "python_calamine", None)
    with pytest.raises(InvalidMapping, match=r"pip install 'regulars\[excel\]'; or save the file as CSV"):
        take(crm, tmp_path, 'format = "sheet"' + ORDERS, xlsx({"Orders": TABLE}))


# --------------------------------------------------------------------------------------------------------------- JSON


OBJECTS = [
    {"id": 1, "order": "O1", "day": "05.01.2026", "total": 59.90},
    {"id": 1, "order": "O2", "day": "06.01.2026", "total": "1,059.90"},
]


@pytest.mark.parametrize("shape", [lambda found: found, lambda found: {"count": 2, "orders": found}])
@pytest.mark.parametrize("indent", [None, 2])
def test_an_array_of_objects_is_read_wherever_it_stands(
    crm: Regulars, tmp_path: Path, shape: Any, indent: int | None
) -> None:
    content = json.dumps(shape(OBJECTS), indent=indent)
    assert take(crm, tmp_path, 'format = "json"' + ORDERS, content).rejects == ()
    assert orders(crm) == [("O1", 5990, "2026-01-05 00:00"), ("O2", 105990, "2026-01-06 00:00")]
    assert take(crm, tmp_path, 'format = "json"' + ORDERS, gzip.compress(content.encode())).events == 0


def test_what_is_no_object_in_an_array_is_refused_by_its_number(crm: Regulars, tmp_path: Path) -> None:
    report = take(crm, tmp_path, 'format = "json"' + ORDERS, json.dumps([*OBJECTS, 5, {"order": "\0"}, {}]))
    assert [(each.line, each.reason) for each in report.rejects] == [
        (3, "expected a JSON object, found 5"),
        (4, "the line holds a NUL character, which no text does"),
    ]


@pytest.mark.parametrize(
    "content", ["", "{}", "5", '{"a": [], "b": []}', "[", "[" * 100_000, "[1e99999999999999999999]"]
)
def test_what_is_no_array_is_refused_in_a_sentence(crm: Regulars, tmp_path: Path, content: str) -> None:
    with pytest.raises(InvalidMapping, match=r"JSON|array of objects"):
        take(crm, tmp_path, 'format = "json"' + ORDERS, content)


def test_an_array_that_is_taken_for_lines_says_what_to_do(crm: Regulars, tmp_path: Path) -> None:
    [refused, *_] = take(crm, tmp_path, 'format = "jsonl"' + ORDERS, json.dumps(OBJECTS)).rejects
    assert refused.reason.endswith('a file that is one array is format = "json"')


# -------------------------------------------------------------------------------------------------------------- vCard


CONTACTS = """
format = "vcard"
[customer]
ref = "card:{UID}"
name = "{FN}"
email = "{EMAIL}"
phone = "{TEL}"
birthday = "{BDAY}"
"""
CARD = """BEGIN:VCARD
VERSION:3.0
UID:42
FN:Ada\\, Countess
 of Lovelace
item1.EMAIL;TYPE=HOME:old@example.com
EMAIL;TYPE=INTERNET,PREF:ada@example.com
TEL;TYPE=CELL:+49 30 123456
BDAY:18151210
PHOTO;ENCODING=b;TYPE=JPEG:/9j/4AAQSkZJRgAB
 {photo}
END:VCARD
"""


def test_each_card_is_a_customer_with_the_preferred_address(crm: Regulars, tmp_path: Path) -> None:
    broken = "FN;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:J=C3=BC=\r\nrgen"
    other = f"BEGIN:VCARD\r\nVERSION:2.1\r\nUID:43\r\n{broken}\r\nEND:VCARD\r\n"
    photo = "\n ".join(["A" * 75] * 4_000)
    report = take(crm, tmp_path, CONTACTS, "junk\n" + CARD.replace("{photo}", photo) + "\n" + other)
    assert report.rejects == ()
    ada, jürgen = (one.event for one in crm.events(types=CustomerRegistered))
    assert (ada.ref, ada.name, ada.email, ada.phone) == (
        *("card:42", "Ada, Countessof Lovelace", "ada@example.com", "+4930123456"),
    )
    assert str(ada.birthday) == "1815-12-10"
    assert (jürgen.ref, jürgen.name) == ("card:43", "Jürgen")


@pytest.mark.parametrize(
    ("written", "birthday"),
    [
        ("BDAY:--1210", "--12-10"),
        ("BDAY:--12-10", "--12-10"),
        ("BDAY:1815-12-10", "1815-12-10"),
        ("BDAY:1815-12-10T00:00:00Z", "1815-12-10"),
        ("BDAY;X-APPLE-OMIT-YEAR=1604;VALUE=date:1604-12-10", "--12-10"),
        ("BDAY;CALSCALE=chinese:--0815", "lunar:--08-15"),
    ],
)
def test_birthdays_are_taken_as_address_books_export_them(
    crm: Regulars, tmp_path: Path, written: str, birthday: str
) -> None:
    assert take(crm, tmp_path, CONTACTS, CARD.replace("BDAY:18151210", written)).notices == ()
    assert crm.customer("card:42").birthday == birthday


def test_of_a_year_in_two_digits_the_birthday_lies_in_the_past(crm: Regulars, tmp_path: Path) -> None:
    columns = '[customer]\nref = "{id}"\nbirthday = { column = "born", format = "%d.%m.%y" }\n'
    take(crm, tmp_path, f'format = "csv"\n{columns}', "id,born\n1,10.12.60\n2,10.12.03\n3,29.02.00\n")
    assert [crm.customer(who).birthday for who in "123"] == ["1960-12-10", "2003-12-10", "2000-02-29"]


def test_what_is_no_birthday_is_left_out_with_a_notice(crm: Regulars, tmp_path: Path) -> None:
    report = take(crm, tmp_path, CONTACTS, CARD.replace("18151210", "--1310"))
    assert report.rejected == 0
    [notice] = report.notices
    assert notice.startswith("line 1: customer.birthday: left out, expected a date such as 2026-03-01")
    assert notice.endswith("in column \"BDAY\", found '--1310'")


def test_a_card_that_breaks_off_is_still_a_card(crm: Regulars, tmp_path: Path) -> None:
    assert take(crm, tmp_path, CONTACTS, CARD.partition("PHOTO")[0]).events == 1


# ------------------------------------------------------------------------------------------------------------ hostile


def test_a_spreadsheet_that_needs_a_newer_zip_is_refused_in_a_sentence(crm: Regulars, tmp_path: Path) -> None:
    entry = SHEET.rindex(b"PK\x01\x02")  # of the directory, in which the version that is needed stands six bytes on
    newer = SHEET[: entry + 6] + b"\x40" + SHEET[entry + 7 :]
    file = tmp_path / "newer.xlsx"
    file.write_bytes(newer)
    mapping = Mapping.model_validate({"format": "sheet", "customer": {"ref": "{id}"}})
    with pytest.raises(InvalidMapping, match=r"the spreadsheet can't be read: zip file version 6\.4; save it as CSV"):
        list(rows(file, mapping, CATALOGUE, lambda content: content.hex()))


@given(
    st.sampled_from(["sheet", "json", "vcard"]),
    st.integers(0, 10_000),
    st.binary(max_size=20),
)
def test_whatever_happened_to_a_file_the_outcome_is_rows_or_a_sentence(
    tmp_path_factory: pytest.TempPathFactory, kind: str, at: int, snippet: bytes
) -> None:
    good = {"sheet": SHEET, "json": json.dumps(OBJECTS).encode(), "vcard": CARD.encode()}[kind]
    where = len(good) * at // 10_000
    file = tmp_path_factory.getbasetemp() / "hostile"
    file.write_bytes(good[:where] + snippet + good[where + len(snippet) :])
    mapping = Mapping.model_validate({"format": kind, "customer": {"ref": "{id}"}})
    with suppress(InvalidMapping):
        for row in rows(file, mapping, CATALOGUE, lambda content: content.hex()):
            assert bool(row.commands) != bool(row.problem)
            row.text.encode()


SHEET = xlsx({"Orders": TABLE})
