"""Files that people really have become commands; what can't be taken becomes a problem with a line number."""

from __future__ import annotations

import gzip
import hashlib
import io
import re
import sys
import tracemalloc
from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from regulars.adapters.importing import Mapping, Row, load_mapping, rows, total_bytes
from regulars.adapters.importing.cells import Cell, Condition, Each
from regulars.adapters.importing.identity import Ordinals, canonical
from regulars.adapters.importing.lines import MAX_RECORD
from regulars.adapters.importing.mapping import CommandMapping
from regulars.crm_domain.catalogue import CATALOGUE
from regulars.crm_domain.customer import RegisterCustomer
from regulars.crm_domain.errors import InvalidMapping, NotFound
from regulars.crm_domain.explain_invalid import sentence
from regulars.crm_domain.interaction import RecordInteraction, RecordSurveyAnswer
from regulars.crm_domain.purchase import OrderLine, RecordPurchase, RecordReturn
from torture.bad_rows import ARRAY, FIELDS, FORMS

PROJECT = Path(__file__).parents[1]
CDNOW = PROJECT.parent / "shared" / "data" / "cdnow"

ORDERS = """
format = "csv"
zone = "UTC"
[customer]
ref = "shop:{id}"
[[command]]
do = "RecordPurchase"
[command.fields]
occurred_at = { column = "day", format = "%Y-%m-%d" }
amount = { column = "total", money = "major" }
"""


def keyed(content: bytes) -> str:
    return hashlib.blake2b(content, key=b"a key of this store").hexdigest()


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


class Folder:
    """A place for a mapping and a data file, and what comes of the two."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def mapping(self, text: str) -> Mapping:
        file = self.path / "mapping.toml"
        file.write_text(text, encoding="utf-8")
        return load_mapping(file, CATALOGUE)

    def objection(self, text: str) -> str:
        with pytest.raises(InvalidMapping) as refused:
            self.mapping(text)
        return str(refused.value)

    def file(self, content: str | bytes, name: str = "data.csv") -> Path:
        file = self.path / name
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        return file

    def rows(self, mapping: str, content: str | bytes) -> list[Row]:
        return list(rows(self.file(content), self.mapping(mapping), CATALOGUE, keyed, None))

    def row(self, mapping: str, content: str | bytes) -> Row:
        [row] = self.rows(mapping, content)
        return row

    def command(self, mapping: str, content: str | bytes) -> Any:
        row = self.row(mapping, content)
        assert row.problem is None
        return row.commands[-1]


def order_ids(found: list[Row]) -> list[str]:
    return [command.order_id for row in found for command in row.commands if isinstance(command, RecordPurchase)]


# ---------------------------------------------------------------------------------------------------- the usual rows


def test_a_row_registers_its_customer_first_and_then_says_what_they_did(folder: Folder) -> None:
    row = folder.row(ORDERS, "id,day,total\n42,2026-03-01,59.90\n")
    registration, purchase = row.commands
    day = datetime(2026, 3, 1, tzinfo=UTC)
    assert registration == RegisterCustomer(ref="shop:42", occurred_at=day)
    assert isinstance(purchase, RecordPurchase)
    assert (purchase.customer, purchase.amount, purchase.occurred_at) == ("shop:42", Decimal("59.90"), day)
    assert (row.line, row.text) == (2, "42,2026-03-01,59.90")


def test_a_customer_may_be_registered_at_a_time_of_its_own(folder: Folder) -> None:
    mapping = ORDERS.replace(
        'ref = "shop:{id}"', 'ref = "shop:{id}"\noccurred_at = { column = "since", format = "%Y" }'
    )
    assert '"%Y" does not tell a day for sure' in folder.objection(mapping)
    row = folder.row(mapping.replace('"%Y"', '"%Y-%m-%d"'), "id,day,total,since\n1,2026-03-01,5,2020-01-01\n")
    assert [command.occurred_at.year for command in row.commands if command.occurred_at] == [2020, 2026]


def test_a_file_of_customers_needs_no_further_command(folder: Folder) -> None:
    mapping = (
        'format = "csv"\n[customer]\nref = "{id}"\nname = "{first} {last}"\nbirthday = {column="b",format="%d.%m.%Y"}'
    )
    content = "id,first,last,b\n1,Ada,Lovelace,10.12.1815\n2,,Hopper,\n"
    found = [row.commands for row in folder.rows(mapping, content)]
    assert found == [
        (RegisterCustomer(ref="1", name="Ada Lovelace", birthday="1815-12-10"),),
        (RegisterCustomer(ref="2", name="Hopper"),),
    ]


def test_one_row_may_be_several_commands_each_under_its_own_condition(folder: Folder) -> None:
    mapping = """
    format = "csv"
    currency = "EUR"
    only = [{ column = "kind", in = ["order", "return"] }]
    [[command]]
    do = "RecordPurchase"
    when = [{ column = "kind", is = "order" }]
    fields = { customer = "{who}", order_id = "{no}", amount = "{sum}" }
    [[command]]
    do = "RecordReturn"
    when = [{ column = "kind", is = "return" }, { column = "sum", is_not = "" }]
    fields = { order_id = "{no}", amount = "{sum}" }
    [[command]]
    do = "RecordInteraction"
    when = [{ column = "call", is = "yes" }]
    fields = { customer = "{who}", channel = "phone", direction = "inbound" }
    """
    content = "kind,who,no,sum,call\norder,ada,A,9,yes\nreturn,ada,A,4,no\nreturn,ada,A,,no\nquote,ada,A,9,yes\n"
    first, second = folder.rows(mapping, content)
    assert [type(command) for command in first.commands] == [RecordPurchase, RecordInteraction]
    assert [type(command) for command in second.commands] == [RecordReturn]
    assert first.commands[0].currency == second.commands[0].currency == "EUR"  # type: ignore[attr-defined]


def test_empty_cells_leave_their_fields_out(folder: Folder) -> None:
    mapping = ORDERS.replace("zone", 'empty = ["NULL"]\nzone') + 'channel = "{where}"\nlines = [{ sku = "{sku}" }]'
    purchase = folder.command(mapping, "id,day,total,where,sku\n1,2026-03-01,5,NULL,NULL\n")
    assert purchase.channel is None
    assert purchase.lines == ()


def test_a_word_that_counts_as_empty_is_the_empty_text_in_conditions(folder: Folder) -> None:
    mapping = ORDERS.replace("zone", 'empty = ["NULL"]\nonly = [{ column = "total", is_not = "" }]\nzone')
    assert [row.line for row in folder.rows(mapping, "id,day,total\n1,2026-03-01,NULL\n2,2026-03-01,5\n")] == [3]


def test_a_reference_is_never_made_of_an_empty_cell(folder: Folder) -> None:
    row = folder.row(ORDERS.replace("shop:{id}", "shop:{id}-{day}"), "id,day,total\n,2026-03-01,5\n")
    assert row.commands == ()
    assert row.problem == "customer.ref: a value is needed, found nothing in id or day"


def test_doubled_braces_are_braces_and_cells_are_never_templates(folder: Folder) -> None:
    mapping = ORDERS + 'channel = "{{{where}}}"'
    assert folder.command(mapping, "id,day,total,where\n1,2026-03-01,5,{id}\n").channel == "{{id}}"


def test_order_lines_are_read_from_their_own_cells(folder: Folder) -> None:
    lines = (
        'lines = [{ sku = "CD", quantity = "{n}", amount = { column = "total", money = "major" } }, { sku = "{x}" }]'
    )
    purchase = folder.command(ORDERS + lines, "id,day,total,n,x\n1,2026-03-01,5.10,3,\n")
    assert purchase.lines == (OrderLine(sku="CD", quantity=3, amount=Decimal("5.10")),)


# ------------------------------------------------------------------------------------------------------ dates and money


@pytest.mark.parametrize(
    ("spec", "cell", "instant"),
    [
        ('format = "%d.%m.%Y", zone = "Europe/Berlin"', "01.07.2026", "2026-06-30T22:00:00+00:00"),
        ('format = "%d.%m.%Y", time = "12:00"', "01.07.2026", "2026-07-01T12:00:00+00:00"),
        ('format = "%d.%m.%Y", time = 12:00:00', "01.07.2026", "2026-07-01T12:00:00+00:00"),
        ('format = "%d.%m.%Y %z", time = "12:00"', "01.07.2026 +0200", "2026-07-01T10:00:00+00:00"),
        ('format = "%Y-%m-%d %H:%M:%S"', "2026-07-01 10:11:12", "2026-07-01T10:11:12+00:00"),
        ('format = "iso"', "2026-07-01", "2026-07-01T00:00:00+00:00"),
        ('format = "iso", time = "06:00"', "2026-07-01", "2026-07-01T06:00:00+00:00"),
        ('format = "iso", time = "06:00"', "2026-07-01T10:00+02:00", "2026-07-01T08:00:00+00:00"),
        ('format = "iso", zone = "Europe/Berlin"', "2026-10-25T02:30", "2026-10-25T00:30:00+00:00"),  # twice that night
    ],
)
def test_dates_are_instants_in_a_zone(folder: Folder, spec: str, cell: str, instant: str) -> None:
    mapping = ORDERS.replace('format = "%Y-%m-%d"', spec)
    assert folder.command(mapping, f"id,day,total\n1,{cell},5\n").occurred_at.isoformat() == instant


def test_a_local_time_that_never_was_is_a_problem_named_as_it_was_written(folder: Folder) -> None:
    mapping = ORDERS.replace('format = "%Y-%m-%d"', 'format = "iso", zone = "Europe/Berlin"')
    problem = folder.row(mapping, "id,day,total\n1,2026-03-29T02:30,5\n").problem
    expected = (
        "RecordPurchase.occurred_at: expected a time that there was in column \"day\", found '2026-03-29T02:30'; "
    )
    assert problem == expected + "the clocks of Europe/Berlin went past it"


def test_a_date_that_does_not_parse_names_field_column_value_and_format(folder: Folder) -> None:
    row = folder.row(ORDERS, "id,day,total\n1,01/03/26,5\n")
    assert row.problem == "RecordPurchase.occurred_at: expected %Y-%m-%d in column \"day\", found '01/03/26'"


def test_an_iso_time_without_offset_needs_a_zone(folder: Folder) -> None:
    mapping = ORDERS.replace('zone = "UTC"', "").replace("%Y-%m-%d", "iso")
    good, bad = folder.rows(mapping, "id,day,total\n1,2026-03-01T00:00Z,5\n1,2026-03-01T00:00,5\n")
    assert good.problem is None
    assert "with an offset from UTC" in str(bad.problem)


def test_the_first_day_of_the_calendar_is_a_problem_east_of_greenwich(folder: Folder) -> None:
    mapping = ORDERS.replace('"UTC"', '"Asia/Tokyo"')
    assert "within the calendar" in str(folder.row(mapping, "id,day,total\n1,0001-01-01,5\n").problem)


@pytest.mark.parametrize(
    ("spec", "cell", "amount"),
    [
        ('money = "major"', "1234.50", "1234.50"),
        ('money = "major"', "1,234.50", "1234.50"),
        ('money = "major", decimal_comma = true', "1.234,50", "1234.50"),
        ('money = "major", decimal_comma = true', "1 234,5", "1234.5"),
        ('money = "minor", currency = "EUR"', "5990", "59.90"),
        ('money = "minor", currency = "JPY"', "5990", "5990"),
        ('money = "minor", currency = "KWD"', "5990", "5.990"),
        ('money = "major"', "0", "0"),
    ],
)
def test_money_is_exact_in_major_and_minor_units(folder: Folder, spec: str, cell: str, amount: str) -> None:
    mapping = ORDERS.replace('money = "major"', spec)
    found = folder.command(mapping, f'id,day,total\n1,2026-03-01,"{cell}"\n').amount
    assert (found, str(found)) == (Decimal(amount), amount)


@pytest.mark.parametrize("cell", ["abc", "1.2.3", "1e5", "NaN", "Infinity", "--1", "9" * 25, "٣"])
def test_money_that_could_mean_something_else_is_a_problem(folder: Folder, cell: str) -> None:
    problem = folder.row(ORDERS, f'id,day,total\n1,2026-03-01,"{cell}"\n').problem
    assert problem == f'RecordPurchase.amount: expected an amount such as 1,234.50 in column "total", found {cell!r}'


def test_minor_units_are_whole_numbers(folder: Folder) -> None:
    mapping = ORDERS.replace('"major"', '"minor", currency = "EUR"')
    problem = folder.row(mapping, "id,day,total\n1,2026-03-01,59.90\n").problem
    assert (
        problem
        == "RecordPurchase.amount: expected an amount in minor units, such as 5990 in column \"total\", found '59.90'"
    )


def test_the_currency_of_the_money_is_the_currency_of_the_command(folder: Folder) -> None:
    mapping = ORDERS.replace("zone", 'currency = "USD"\nzone')
    content = "id,day,total\n1,2026-03-01,5\n"
    assert folder.command(mapping, content).currency == "USD"
    assert folder.command(mapping.replace('"major"', '"minor", currency = "JPY"'), content).currency == "JPY"


# ------------------------------------------------------------------------------------------------------ kinds of files


def test_white_space_separates_columns_and_lines_can_be_skipped(folder: Folder) -> None:
    mapping = ORDERS.replace('"csv"', '"whitespace"\nskip_lines = 2\ncolumns = ["id", "day", "total"]')
    first, second = folder.rows(mapping, " id  day\n----\n  1 2026-03-01\t 5.00\r\n\r\n2 2026-03-02 6\r\n")
    assert (first.line, first.text, first.problem) == (3, "  1 2026-03-01\t 5.00", None)
    assert (second.line, second.problem) == (5, None)


def test_delimiter_quote_header_and_encoding_are_what_the_mapping_says(folder: Folder) -> None:
    form = """"csv"
    encoding = "cp1252"
    delimiter = ";"
    quote = "'"
    header = false
    columns = ["id", "day", "total", "where"]
    """
    mapping = ORDERS.replace('"csv"', form) + 'channel = "{where}"'
    assert folder.command(mapping, "1;2026-03-01;5;'Café; Köln'\n".encode("cp1252")).channel == "Café; Köln"


def test_a_column_may_have_any_name(folder: Folder) -> None:
    mapping = ORDERS.replace('"total"', '"{to{tal"').replace('"day"', '"{day}"')
    assert folder.command(mapping, "id,{day},{to{tal\n1,2026-03-01,5\n").amount == 5
    assert 'in column "{to{tal"' in str(folder.row(mapping, "id,{day},{to{tal\n1,2026-03-01,x\n").problem)


def test_without_a_quote_character_quotes_are_text(folder: Folder) -> None:
    mapping = ORDERS.replace('"csv"', '"csv"\nquote = ""\ndelimiter = "\\t"') + 'channel = "{where}"'
    assert folder.command(mapping, 'id\tday\ttotal\twhere\n1\t2026-03-01\t5\t"7" vinyl\n').channel == '"7" vinyl'


def test_columns_given_take_the_place_of_the_names_in_the_header(folder: Folder) -> None:
    mapping = ORDERS.replace('"csv"', '"csv"\ncolumns = ["id", "day", "total"]')
    assert folder.command(mapping, "Kunde,Tag,Summe\n1,2026-03-01,5\n").customer == "shop:1"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1"])
def test_text_is_read_in_any_encoding(folder: Folder, encoding: str) -> None:
    mapping = ORDERS.replace('"csv"', f'"csv"\nencoding = "{encoding}"')
    assert folder.command(mapping, "id,day,total\nÄ,2026-03-01,5\n".encode(encoding)).customer == "shop:Ä"


def test_a_byte_order_mark_is_no_part_of_the_first_column(folder: Folder) -> None:
    assert folder.row(ORDERS, "\ufeffid,day,total\n1,2026-03-01,5\n").problem is None


def test_compressed_files_are_read_and_measured_compressed(folder: Folder) -> None:
    content = "id,day,total\n" + "".join(f"{n},2026-03-01,{n}\n" for n in range(5_000))
    file = folder.file(gzip.compress(content.encode()), "data.csv.gz")
    seen: list[int] = []
    assert len(list(rows(file, folder.mapping(ORDERS), CATALOGUE, keyed, seen.append))) == 5_000
    assert seen == sorted(seen)
    assert seen[-1] == total_bytes(file) == file.stat().st_size


def test_progress_is_told_while_the_file_is_read(folder: Folder) -> None:
    file = folder.file("id,day,total\n" + "1,2026-03-01,5\n" * 10_000)
    seen: list[int] = []
    found = rows(file, folder.mapping(ORDERS), CATALOGUE, keyed, seen.append)
    for _ in range(5_000):
        next(found)
    assert 0 < seen[-1] < file.stat().st_size
    assert len(list(found)) == 5_000
    assert seen[-1] == file.stat().st_size


def test_memory_does_not_grow_with_the_file(folder: Folder) -> None:
    count = 30_000
    file = folder.file("id,day,total\n" + "".join(f"{n},2026-03-01,{n}\n" for n in range(count)))
    mapping = folder.mapping(ORDERS)
    tracemalloc.start()
    for _ in rows(file, mapping, CATALOGUE, keyed, None):
        pass
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # Whose each row is and when it happened takes 100 bytes, pydantic's short strings 30; a row takes 600 and more.
    assert peak < 160 * count


def test_a_dash_is_standard_input_which_stays_open(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    source = io.BytesIO(b"id,day,total\n1,2026-03-01,5\n")
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=source))
    assert [row.problem for row in rows("-", folder.mapping(ORDERS), CATALOGUE, keyed, None)] == [None]
    assert not source.closed
    assert total_bytes("-") is None


def test_a_file_that_is_not_there_is_not_found(folder: Folder) -> None:
    mapping = folder.mapping(ORDERS)
    for path in (folder.path / "nowhere.csv", folder.path):
        with pytest.raises(NotFound, match="can't be read"):
            next(rows(path, mapping, CATALOGUE, keyed, None))


@pytest.mark.parametrize("content", ["", "\n\n", "id,day,total", "id,day,total\n\n,,\n"])
def test_a_file_without_a_filled_row_has_no_rows(folder: Folder, content: str) -> None:
    assert folder.rows(ORDERS, content) == []


# -------------------------------------------------------------------------------------------------------- hostile files


GOOD = "1,2026-03-01,5"
HEADER = "id,day,total\n"


def test_a_row_with_the_wrong_number_of_fields_is_a_problem_and_the_rest_goes_on(folder: Folder) -> None:
    found = folder.rows(ORDERS, f"{HEADER}1,2026-03-01\n{GOOD}\n1,2026-03-01,5,6\n{GOOD}")
    assert [(row.line, row.problem) for row in found] == [
        (2, "expected 3 fields (id, day, total), found 2"),
        (3, None),
        (4, "expected 3 fields (id, day, total), found 4"),
        (5, None),
    ]


def test_a_quoted_line_break_belongs_to_one_row_that_has_the_number_of_its_first_line(folder: Folder) -> None:
    mapping = ORDERS + 'reason = "{why}"'
    content = f'id,day,total,why\n{GOOD},"one\r\ntwo"\n{GOOD},three\n'
    first, second = folder.rows(mapping, content)
    assert (first.line, first.text, first.commands[1].reason) == (2, f'{GOOD},"one\r\ntwo"', "one\r\ntwo")
    assert (second.line, second.commands[1].reason) == (4, "three")


@pytest.mark.parametrize("rest", [f"{GOOD}\n" * 3, f"{GOOD}\n" * 20_000])
def test_a_quote_that_is_never_closed_costs_one_line(folder: Folder, rest: str) -> None:
    broken, *good = folder.rows(ORDERS, f'{HEADER}"2,2026-03-01,5\n{rest}')
    assert broken.line == 2
    assert broken.text == '"2,2026-03-01,5'
    assert broken.problem is not None
    assert [row.line for row in good] == list(range(3, 3 + rest.count("\n")))
    assert {row.problem for row in good} == {None}


def test_a_huge_line_is_a_problem_cut_off_at_the_limit(folder: Folder) -> None:
    huge, good = folder.rows(ORDERS, f"{HEADER}{'x' * (5 * MAX_RECORD)}\n{GOOD}\n")
    assert (huge.line, len(huge.text), huge.problem) == (
        2,
        MAX_RECORD + 1,
        "the line is longer than 131,072 characters",
    )
    assert (good.line, good.problem) == (3, None)


def test_a_line_of_exactly_the_limit_is_read(folder: Folder) -> None:
    row = folder.row(ORDERS, HEADER + f"{GOOD}{' ' * (MAX_RECORD - len(GOOD))}")
    assert row.problem is None


def test_nul_is_a_problem(folder: Folder) -> None:
    bad, good = folder.rows(ORDERS, f"{HEADER}1\0,2026-03-01,5\n{GOOD}\n")
    assert (bad.line, bad.problem) == (2, "the line holds a NUL character, which no text does")
    assert good.problem is None


def test_bytes_that_are_not_text_are_a_problem_of_their_line(folder: Folder) -> None:
    content = HEADER.encode() + b"\xff,2026-03-01,5\n" + GOOD.encode()
    bad, good = folder.rows('encoding = "utf-8"\n' + ORDERS, content)
    problem = 'the line is not valid utf-8; it looks like cp1252: encoding = "cp1252"'
    assert (bad.line, bad.problem, bad.text) == (2, problem, "\\udcff,2026-03-01,5")
    assert good.problem is None


def test_a_file_that_breaks_off_ends_with_a_problem(folder: Folder) -> None:
    whole = gzip.compress((HEADER + f"{GOOD}\n" * 3).encode())
    mapping = folder.mapping(ORDERS)
    for content in (whole[:-12], whole[:20] + b"\xff\xff\xff" + whole[23:]):
        *_, last = rows(folder.file(content, "data.csv.gz"), mapping, CATALOGUE, keyed, None)
        assert "can't be read beyond this line" in str(last.problem)


def test_a_header_that_is_not_text_says_so(folder: Folder) -> None:
    with pytest.raises(
        InvalidMapping, match=r"the header in line 1 can't be read: the line is not valid utf-8; it looks"
    ):
        folder.rows('encoding = "utf-8"\n' + ORDERS, b"\xff,day,total\n")


def test_a_header_without_a_column_of_the_mapping_is_refused_with_a_guess(folder: Folder) -> None:
    with pytest.raises(InvalidMapping) as refused:
        folder.rows(ORDERS, "id,day,totel\n1,2026-03-01,5\n")
    there_is = 'there is no column "total", did you mean "totel"? allowed are id, day, totel'
    assert str(refused.value) == f"command[0].fields.amount: {there_is}"


def test_a_header_that_has_a_column_twice_is_refused_only_where_the_mapping_names_it(folder: Folder) -> None:
    assert folder.row(ORDERS, "id,day,total,x,x\n1,2026-03-01,5,,\n").problem is None
    with pytest.raises(InvalidMapping, match='several columns "day"'):
        folder.rows(ORDERS, "id,day,total,day\n1,2026-03-01,5,\n")


def test_what_a_command_refuses_is_one_sentence(folder: Folder) -> None:
    mapping = ORDERS + 'lines = [{ sku = "CD", quantity = "{n}" }]'
    problem = folder.row(mapping, f"id,day,total,n\n{GOOD},none\n").problem
    assert problem is not None
    assert problem.startswith("RecordPurchase.lines[0].quantity: expected ")
    assert problem.endswith("found 'none'")


CSV_BYTES = st.binary(max_size=300) | st.lists(
    st.sampled_from([b'"', b",", b"\n", b"\r", b"\0", b"\xff", b"1", b"2026-03-01", b"\xc3\xa4", b" "]), max_size=60
).map(b"".join)


@given(CSV_BYTES, st.sampled_from(["utf-8-sig", "utf-16", "cp1252", "utf-7", "shift_jis", "iso2022_jp", "undefined"]))
def test_whatever_the_bytes_the_outcome_is_rows(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, encoding: str
) -> None:
    file = tmp_path_factory.getbasetemp() / "hostile.csv"
    columns = ("id", "day", "total")
    for form in ({"format": "csv", "header": False}, {"format": "csv"}, {"format": "whitespace"}):
        table: dict[str, Any] = {**form, "columns": columns, "customer": {"ref": "{id}", "name": "{day}"}}
        if encoding != "undefined":
            table["encoding"] = encoding
        mapping = Mapping.model_validate(table)
        for name, data in (
            ("hostile.csv", content),
            ("hostile.csv.gz", content),
            ("packed.gz", gzip.compress(content)),
        ):
            file = file.with_name(name)
            file.write_bytes(data)
            for row in rows(file, mapping, CATALOGUE, keyed, None):
                assert bool(row.commands) != bool(row.problem)
                row.text.encode()
                str(row.problem).encode()


@given(st.lists(st.text(st.characters(exclude_characters="\r\n\0", exclude_categories=["Cs"])), max_size=30))
def test_every_line_with_text_is_a_row_and_keeps_its_number_and_text(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str]
) -> None:
    file = tmp_path_factory.getbasetemp() / "lines.txt"
    file.write_bytes("\n".join(texts).encode())
    table = {"format": "whitespace", "encoding": "utf-8", "columns": ["a"], "customer": {"ref": "{a}"}}
    found = [(row.line, row.text) for row in rows(file, Mapping.model_validate(table), CATALOGUE, keyed, None)]
    assert found == [(line, text) for line, text in enumerate(texts, 1) if text.split()]


# ------------------------------------------------------------------------------------------------------------ identity


def test_the_same_file_twice_has_the_same_ids(folder: Folder) -> None:
    content = f"{HEADER}{GOOD}\n2,2026-03-02,6\n"
    assert order_ids(folder.rows(ORDERS, content)) == order_ids(folder.rows(ORDERS, content))


def test_two_identical_rows_have_two_ids(folder: Folder) -> None:
    first, second = order_ids(folder.rows(ORDERS, f"{HEADER}{GOOD}\n{GOOD}\n"))
    assert first != second


@given(st.lists(st.integers(0, 3), max_size=12), st.integers(0, 12), st.integers(0, 4))
def test_an_edited_file_adds_only_what_is_new(
    tmp_path_factory: pytest.TempPathFactory, customers: list[int], place: int, newcomer: int
) -> None:
    def ids(of: list[int]) -> Counter[str]:
        file = tmp_path_factory.getbasetemp() / "edited.csv"
        file.write_text(HEADER + "".join(f"{customer},2026-03-01,5\n" for customer in of))
        return Counter(order_ids(list(rows(file, mapping, CATALOGUE, keyed, None))))

    mapping = Mapping.model_validate(
        {
            "format": "csv",
            "zone": "UTC",
            "customer": {"ref": "{id}"},
            "command": [{"do": "RecordPurchase", "fields": {"amount": "{total}"}}],
        }
    )
    before, after = ids(customers), ids([*customers[:place], newcomer, *customers[place:]])
    assert before <= after
    assert (after - before).total() == 1
    assert set(after.values()) <= {1}


def test_quotes_and_spaces_around_cells_do_not_make_another_row(folder: Folder) -> None:
    plain = order_ids(folder.rows(ORDERS, f"{HEADER}{GOOD}\n"))
    assert order_ids(folder.rows(ORDERS, f'{HEADER}"1", 2026-03-01 ,5\n')) == plain


def test_columns_that_identify_a_row_are_all_that_counts(folder: Folder) -> None:
    mapping = ORDERS.replace("zone", 'identity = ["id", "day"]\nzone', 1)
    [monday] = order_ids(folder.rows(mapping, "id,day,total,exported\n1,2026-03-01,5,monday\n"))
    assert order_ids(folder.rows(mapping, "id,day,total,exported\n1,2026-03-01,5,tuesday\n")) == [monday]
    assert order_ids(folder.rows(mapping, "id,day,total,exported\n1,2026-03-02,5,monday\n")) != [monday]


def test_an_id_of_the_row_itself_is_taken_and_where_its_cell_is_empty_one_is_derived(folder: Folder) -> None:
    mapping = ORDERS + 'order_id = { column = "no", optional = true }'
    own, derived = order_ids(folder.rows(mapping, f"id,day,total,no\n{GOOD},A-1\n{GOOD},\n"))
    assert own == "A-1"
    assert derived.startswith("row:")


def test_every_command_that_could_count_twice_has_an_id(folder: Folder) -> None:
    mapping = """
    format = "csv"
    [[command]]
    do = "RecordReturn"
    fields = { order_id = "{id}" }
    [[command]]
    do = "AddNote"
    fields = { customer = "{id}", text = "hello" }
    [[command]]
    do = "RecordPreference"
    fields = { customer = "{id}", key = "size", value = "L" }
    """
    returned, note, preference = (command.model_dump() for command in folder.row(mapping, "id\n1\n").commands)
    ids = {returned["return_id"], note["interaction_id"], preference["command_id"]}
    assert len(ids) == 3
    assert all(len(word) == len("row:") + 32 for word in ids)


def test_ids_depend_on_the_key_of_the_store(folder: Folder) -> None:
    file, mapping = folder.file(f"{HEADER}{GOOD}\n"), folder.mapping(ORDERS)
    other = list(rows(file, mapping, CATALOGUE, lambda content: hashlib.sha256(content).hexdigest(), None))
    assert order_ids(other) != order_ids(list(rows(file, mapping, CATALOGUE, keyed, None)))


@given(st.lists(st.text()), st.lists(st.text()))
def test_no_two_rows_read_alike(one: list[str], other: list[str]) -> None:
    assert (canonical(one) == canonical(other)) == (one == other)


@given(st.lists(st.binary(max_size=1), max_size=50))
def test_ordinals_count_what_was_there_before(contents: list[bytes]) -> None:
    ordinals = Ordinals()
    found = [ordinals.next(content) for content in contents]
    ordinals.close()
    assert found == [contents[: place + 1].count(content) for place, content in enumerate(contents)]


# ------------------------------------------------------------------------------------------------------- bad mappings


@pytest.mark.parametrize(
    ("change", "objection"),
    [
        (("zone", "zome"), 'there is no key "zome", did you mean "zone"? allowed are format, sheet, encoding'),
        (('"csv"', '"xls"'), "format: expected 'csv', 'whitespace', 'jsonl', 'json', 'sheet' or 'vcard', found 'xls'"),
        (('"UTC"', '"Mars/Base"'), "zone: there is no such time zone"),
        (("zone", 'encoding = "klingon"\nzone'), "encoding: there is no such text encoding"),
        (("zone", 'encoding = "hex"\nzone'), "encoding: there is no such text encoding"),
        (("zone", "skip_lines = -1\nzone"), "skip_lines: expected a number greater than or equal to 0, found -1"),
        (("zone", 'skip_lines = "1"\nzone'), "skip_lines: expected a whole number, found '1'"),
        (("zone", 'delimiter = "||"\nzone'), "delimiter: expected one character"),
        (("zone", 'quote = ","\nzone'), "quote: expected another character than the delimiter"),
        (("zone", "header = false\nzone"), "columns: the names of the columns are needed"),
        (("zone", 'columns = ["id", "id"]\nzone'), "columns: id stands there twice"),
        (("zone", 'columns = ["id", "day"]\nzone'), 'command[0].fields.amount: there is no column "total"'),
        (("zone", 'identity = ["no"]\ncolumns = ["id", "day", "total"]\nzone'), 'identity: there is no column "no"'),
        (
            ("zone", 'only = [{ column = "id" }]\nzone'),
            "only[0]: expected a column and exactly one of is, is_not, in, matches, below",
        ),
        (("zone", 'only = [{ column = "id", is = 5 }]\nzone'), "only[0].is: expected text, found 5"),
        (
            ("zone", 'only = [{ column = "id", is_nott = "5" }]\nzone'),
            'only[0]: there is no key "is_nott", did you mean "is_not"?',
        ),
        (('"csv"', '"whitespace"\ncolumns = ["id"]\nheader = true'), "header: only a csv or sheet file has one"),
        (
            ("zone", 'currency = "EURO"\nzone'),
            "currency: expected a currency code of ISO 4217, such as EUR, found 'EURO'",
        ),
        (("ref", "name"), "customer.ref: RegisterCustomer needs a value, found nothing"),
        (("ref", "rev"), 'customer: there is no field of RegisterCustomer "rev", did you mean "ref"?'),
        (("{id}", "{id"), "customer.ref: a single brace means nothing"),
        (("RecordPurchase", "RecordPurchas"), 'there is no command "RecordPurchas", did you mean "RecordPurchase"?'),
        (("RecordPurchase", "RegisterCustomer"), "customers are registered by the table [customer]"),
        (("amount", "amuont"), 'there is no field of RecordPurchase "amuont", did you mean "amount"?'),
        (("amount", "reason"), "command[0].fields.amount: RecordPurchase needs a value, found nothing"),
        (("money", "mony"), 'command[0].fields.amount: there is no key "mony", did you mean "money"?'),
        (('"major"', '"cents"'), "command[0].fields.amount.money: expected 'major' or 'minor', found 'cents'"),
        (('"major"', '"minor"'), "command[0].fields.amount.currency: minor units need a currency"),
        (('"major"', '"minor", decimal_comma = true'), "minor units are whole numbers"),
        (('"major"', '"major", format = "iso"'), "a cell is a date (format) or money, not both"),
        (('"major"', '"major", zone = "UTC"'), "zone means something only together with format"),
        (('"major" }', '"major" }\nchannel = 1.5'), "command[0].fields.channel: expected text, a whole number"),
        (('"major" }', '"major" }\nchannel = [{ sku = "x" }]'), "command[0].fields.channel: only lines is a list"),
        (
            ('"major" }', '"major" }\nlines = [{ skv = "x" }]'),
            'there is no field of OrderLine "skv", did you mean "sku"?',
        ),
        (('"major" }', '"major", currency = "EUR" }\ncurrency = "EUR"'), "command[0].fields.currency: leave it out"),
        (("%Y-%m-%d", "%Y-%q"), '"%Y-%q" is not a date format'),
        (("%Y-%m-%d", "%d %d"), '"%d %d" is not a date format'),
        (("%Y-%m-%d", "%d.%m."), '"%d.%m." does not tell a day for sure'),
        (("%Y-%m-%d", "%Y-%m-%d %Z"), '"%Y-%m-%d %Z" does not tell a day for sure'),
        (('%Y-%m-%d"', '%Y-%m-%d", time = "noon"'), "command[0].fields.occurred_at.time: expected a time of day"),
        (('%Y-%m-%d"', '%Y-%m-%d %H", time = "12:00"'), "time is for dates without a time of day"),
        (('zone = "UTC"', ""), "command[0].fields.occurred_at.zone: a date without an offset needs a zone"),
        (("[customer]", "[customer"), "is not TOML"),
    ],
)
def test_a_bad_mapping_says_which_key_what_was_found_and_what_is_allowed(
    folder: Folder, change: tuple[str, str], objection: str
) -> None:
    assert objection in folder.objection(ORDERS.replace(*change, 1))


def test_several_mistakes_are_told_at_once(folder: Folder) -> None:
    message = folder.objection(ORDERS.replace('"csv"', '"xls"').replace('"UTC"', '"Mars"'))
    assert "format: " in message
    assert "zone: " in message


def test_a_mapping_without_a_command_or_a_file_is_refused(folder: Folder) -> None:
    assert "found neither" in folder.objection('format = "csv"')
    with pytest.raises(InvalidMapping, match="can't be read"):
        load_mapping(folder.path / "nowhere.toml", CATALOGUE)
    folder.file(b"\xff", "bytes.toml")
    with pytest.raises(InvalidMapping, match="is not TOML"):
        load_mapping(folder.path / "bytes.toml", CATALOGUE)


KEYS = ["format", "columns", "zone", "currency", "only", "customer", "command", "identity", "delimiter", "quote"]
FIELD_KEYS = ["do", "when", "fields", "column", "is", "in", "ref", "amount", "lines", "format", "money", "time", "zone"]
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.dates() | st.text(max_size=8)
WORDS = st.sampled_from(["csv", "whitespace", "RecordPurchase", "{a}", "iso", "%Y", "minor", "EUR", "UTC", "/", "../x"])
TABLES = st.recursive(
    LEAVES | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELD_KEYS), inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(KEYS), TABLES))
def test_whatever_the_table_it_is_a_mapping_or_explained(table: dict[str, Any]) -> None:
    try:
        Mapping.model_validate(table)
    except ValidationError as error:
        explanation = sentence(error)
    else:
        return
    assert explanation
    assert len(explanation) < 10_000
    assert not re.search(r"\b(Input|dictionary|instance|tuple|integer|boolean|validation|parse)\b", explanation)


# ------------------------------------------------------------------------------------------------------------ sentences


def explained(model: type[BaseModel], **fields: object) -> str:
    with pytest.raises(ValidationError) as refused:
        model.model_validate(fields)
    return sentence(refused.value)


def test_a_sentence_names_each_field_what_was_found_and_what_was_expected() -> None:
    assert explained(RecordPurchase, customer=5, order_id="", amount="abc", colour="red") == (
        "customer: expected text, found 5; order_id: expected text with at least 1 character, found ''; "
        "amount: money is a Decimal or text such as \"59.90\", found 'abc'; colour: there is no such field"
    )
    assert explained(RecordPurchase, customer="a", order_id="b") == "amount: a value is needed, found nothing"
    assert explained(RecordPurchase, customer="a", order_id="b", amount=1.5) == (
        'amount: money is a Decimal or text such as "59.90", never a float, found 1.5'
    )


def test_a_sentence_about_the_whole_command_does_not_repeat_it() -> None:
    told = explained(RecordSurveyAnswer, customer="a", survey="nps", score=12)
    assert told == "the score of nps is a whole number from 0 to 10, not 12"


def test_a_sentence_shows_sixty_characters_of_what_was_found() -> None:
    told = explained(RecordPurchase, customer="a", order_id="b", amount="9" * 1_000_000 + "x")
    assert told == 'amount: money is a Decimal or text such as "59.90", found ' + f"'{'9' * 56}..."


# ---------------------------------------------------------------------------------------------------------------- CDNOW


def cdnow(file: str, mapping: str) -> list[Row]:
    path = CDNOW / file
    if not path.exists():
        pytest.skip(f"{path} is missing: the CDNOW data lies beside the project, not in it")
    return list(rows(path, load_mapping(PROJECT / "examples" / mapping, CATALOGUE), CATALOGUE, keyed, None))


def purchases(found: list[Row]) -> list[RecordPurchase]:
    return [command for row in found for command in row.commands if isinstance(command, RecordPurchase)]


@pytest.fixture(scope="module")
def master() -> list[Row]:
    return cdnow("CDNOW_master.txt.gz", "cdnow-master.toml")


def test_every_order_of_the_cdnow_master_is_taken(master: list[Row]) -> None:
    orders = purchases(master)
    assert [row for row in master if row.problem] == []
    assert [row.line for row in master] == list(range(2, 69_661))
    assert len(orders) == len({order.order_id for order in orders}) == 69_659
    assert sum(order.amount for order in orders) == Decimal("2500315.63")
    assert sum(order.amount == 0 for order in orders) == 80
    assert len({order.customer for order in orders}) == 23_570
    assert min(line.quantity for order in orders for line in order.lines) == 1


def test_the_cdnow_sample_is_part_of_the_master_order_by_order(master: list[Row]) -> None:
    sample = purchases(cdnow("CDNOW_sample.txt", "cdnow-sample.toml"))
    orders = {order.order_id: order for order in purchases(master)}
    assert len(sample) == 6_919
    assert len({order.customer for order in sample}) == 2_357
    assert all(orders[order.order_id] == order for order in sample)


# ------------------------------------------------------------------------------------------------------------ the guide


def grammar_keys() -> set[str]:
    tables = (Mapping, CommandMapping, Cell, Condition, Each)
    return {info.alias or key for table in tables for key, info in table.model_fields.items()}


def keys_in(text: str) -> set[str]:
    return set(re.findall(r"\b(\w+) = ", text)) | set(re.findall(r"\[\[?(\w+)", text))


def test_torture_fuzzes_rows_under_each_key_of_the_grammar() -> None:
    used = keys_in("\n".join([*FORMS.values(), FIELDS, ARRAY]))
    assert grammar_keys() - used == set()


def test_the_guide_has_an_example_of_each_key(tmp_path: Path) -> None:
    page = (PROJECT / "docs" / "howto-import-mapping.md").read_text(encoding="utf-8")
    examples = re.findall(r"^```toml title=.*?\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    assert len(examples) >= 8
    for text in examples:
        (tmp_path / "map.toml").write_text(text, encoding="utf-8")
        load_mapping(tmp_path / "map.toml", CATALOGUE)
    assert grammar_keys() - keys_in("\n".join(examples)) == set()
    for word in ("csv", "whitespace", "json", "jsonl", "sheet", "vcard", "iso", "epoch", "epoch_ms", "excel"):
        assert f'"{word}"' in page or f"`{word}`" in page
