"""Lists that Excel opens as they are meant, in whatever country, and that run nothing."""

from __future__ import annotations

import csv
import io
import re
import sys
import zipfile
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import hypothesis
import pytest
import python_calamine
from hypothesis import strategies as st

from regulars import StoreUnusable
from regulars.adapters.moving import workbook as workbooks
from regulars.adapters.moving.workbook import workbook
from regulars.cli.csv_cells import Decimals, excel_writer
from saying import Say
from test_csv_cells import cells, runs

printed = st.text(st.characters(exclude_categories=("Cc", "Cs")), min_size=1, max_size=20)
BERLIN = ZoneInfo("Europe/Berlin")
SUMMER = datetime(2024, 7, 1, 10, 30, 15, tzinfo=UTC)


def written(path: Path, *rows: tuple[object, ...]) -> list[list[Any]]:
    with workbook(path, (), zone=BERLIN) as sheet:
        sheet.write(["a", "b", "c"])
        for row in rows:
            sheet.write(row)
    return read(path)[1:]


def read(path: Path) -> list[list[Any]]:
    return python_calamine.CalamineWorkbook.from_path(str(path)).get_sheet_by_index(0).to_python()


def xml(path: Path) -> str:
    with zipfile.ZipFile(path) as found:
        return "".join(found.read(name).decode() for name in found.namelist() if name.endswith(".xml"))


def test_numbers_and_times_are_such_and_text_is_text(tmp_path: Path) -> None:
    path = tmp_path / "list.xlsx"
    rows = written(
        path,
        (Decimal("59.90"), 7, None),
        (SUMMER, date(2024, 2, 29), True),
        ("=1+1", "0042", "12.05"),
        ("https://example.com", "+4930123", "{=A1}"),
        (-0.25, 1e-7, float("nan")),
    )
    assert rows == [
        [59.9, 7.0, ""],
        [datetime.fromisoformat("2024-07-01T12:30:15"), date(2024, 2, 29), True],
        ["=1+1", "0042", "12.05"],
        ["https://example.com", "+4930123", "{=A1}"],
        [-0.25, 1e-7, "nan"],
    ]
    content = xml(path)
    assert "<f>" not in content
    assert "hyperlink" not in content
    assert 'state="frozen"' in content
    assert {'formatCode="0.00"', 'formatCode="yyyy-mm-dd hh:mm:ss"'} <= set(re.findall(r'formatCode="[^"]*"', content))


def test_what_excel_would_round_or_refuse_is_text(tmp_path: Path) -> None:
    rows = written(
        tmp_path / "list.xlsx",
        (10**15, Decimal("1234567890123456.78"), datetime(1899, 12, 31, 23, 30, tzinfo=UTC)),
        ("x" * 40_000, date(1815, 12, 10), "a\x01b\ud7ff"),
    )
    assert rows[0] == ["1000000000000000", "1234567890123456.78", "1900-01-01 00:30:00+01:00"]
    assert (len(rows[1][0]), rows[1][0][-1], rows[1][1]) == (32_767, "…", "1815-12-10")


@hypothesis.settings(max_examples=20)
@hypothesis.given(
    st.lists(st.text(st.characters(exclude_categories=("Cc", "Cs")), min_size=1, max_size=20), min_size=1)
)
def test_every_text_is_read_back_as_it_was(tmp_path_factory: pytest.TempPathFactory, texts: list[str]) -> None:
    path = tmp_path_factory.mktemp("books") / "list.xlsx"
    assert [row[0] for row in written(path, *((text, "", 1) for text in texts))] == texts


def test_more_rows_than_a_sheet_has_room_for_are_refused_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbooks, "MOST_ROWS", 3)
    assert len(written(tmp_path / "full.xlsx", ("a",), ("b",))) == 2
    with pytest.raises(StoreUnusable, match="more than 2 rows, which no sheet has room for"):
        written(tmp_path / "over.xlsx", ("a",), ("b",), ("c",))
    assert [each.name for each in tmp_path.iterdir()] == ["full.xlsx"]


def test_a_file_that_exists_is_left_alone_and_a_new_one_is_its_makers_alone(tmp_path: Path) -> None:
    path = tmp_path / "list.xlsx"
    written(path, ("a",))
    assert path.stat().st_mode & 0o077 == 0
    before = path.read_bytes()
    with pytest.raises(StoreUnusable, match="exists already"):
        written(path, ("b",))
    assert path.read_bytes() == before


def test_without_the_library_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "xlsxwriter", None)
    with pytest.raises(StoreUnusable, match=re.escape("pip install 'regulars[excel]'")):
        written(tmp_path / "list.xlsx", ("a",))


# ------------------------------------------------------------------------------------------------------ CSV for Excel


@pytest.mark.parametrize("decimals", ["comma", "point"])
@hypothesis.settings(max_examples=500)
@hypothesis.given(rows=st.lists(st.lists(cells, min_size=3, max_size=3), min_size=1, max_size=3))
def test_no_cell_begins_a_formula_at_whatever_sign_it_is_split(decimals: Decimals, rows: list[list[str]]) -> None:
    stream = io.StringIO(newline="")
    write = excel_writer(stream, decimals, BERLIN)
    for row in rows:
        write(row)
    text = stream.getvalue().removeprefix("\ufeff")
    for sign in ",;\t|":
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=sign):
            assert not [cell for cell in row if runs(cell)], (sign, text)


@pytest.mark.parametrize(
    ("decimals", "line"),
    [
        ("comma", "A-1;-1059,90;2024-07-01 12:30:15;1815-12-10;7;;Ümläut;-0,25;0,0000001"),
        ("point", "A-1,-1059.90,2024-07-01 12:30:15,1815-12-10,7,,Ümläut,-0.25,0.0000001"),
    ],
)
def test_excel_reads_numbers_and_times_as_its_country_writes_them(decimals: Decimals, line: str) -> None:
    stream = io.StringIO(newline="")
    row = ("A-1", Decimal("-1059.90"), SUMMER, date(1815, 12, 10), 7, None, "Ümläut", -0.25, 1e-7)
    excel_writer(stream, decimals, BERLIN)(row)
    assert stream.getvalue() == f"\ufeff{line}\n"


# ------------------------------------------------------------------------------------------------------- from a shell


@pytest.fixture
def shop(say: Say) -> Say:
    say("do", "RegisterCustomer", "ref==1+1", "name=Ada", "email=ada@example.com", "--currency", "EUR")
    say(
        "do", "RecordPurchase", "customer==1+1", "order_id=A-1", "amount=59.90", "occurred_at=2024-05-30T10:00:00+00:00"
    )
    say("do", "GiveConsent", "customer==1+1", "channel=email", "purpose=news")
    return say


def test_a_list_has_its_amounts_and_times_in_the_business_zone(shop: Say) -> None:
    shop("customers", "--xlsx", "c.xlsx")
    row = dict(zip(*read(Path("c.xlsx")), strict=True))
    assert (row["ref"], row["net_spend"], row["last_order_at"]) == (
        "=1+1",
        59.9,
        datetime.fromisoformat("2024-05-30T12:00:00"),
    )
    out = shop("customers", "--excel", "comma").out.removeprefix("\ufeff")
    [header, line] = csv.reader(io.StringIO(out), delimiter=";")
    found = dict(zip(header, line, strict=True))
    assert (found["ref"], found["net_spend"], found["last_order_at"]) == ("'=1+1", "59,90", "2024-05-30 12:00:00")
