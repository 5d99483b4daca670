"""JSON lines: one object a line, its keys are the columns, and no number ever passes through a float."""

from __future__ import annotations

import gzip
import hashlib
import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import regulars
from regulars.adapters.importing import Mapping, Row, load_mapping, rows
from regulars.adapters.importing.lines import MAX_RECORD
from regulars.crm_domain.catalogue import CATALOGUE
from regulars.crm_domain.errors import InvalidMapping
from regulars.crm_domain.purchase import OrderLine, RecordPurchase

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)

ORDERS = """
format = "jsonl"
zone = "UTC"
[customer]
ref = "shop:{customer.id}"
[[command]]
do = "RecordPurchase"
[command.fields]
occurred_at = { column = "day", format = "iso" }
amount = { column = "total", money = "major" }
"""

GOOD = '{"customer": {"id": 42}, "day": "2026-03-01", "total": 59.90}'


def keyed(content: bytes) -> str:
    return hashlib.blake2b(content, key=b"a key of this store").hexdigest()


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

    def file(self, content: str | bytes, name: str = "data.jsonl") -> Path:
        file = self.path / name
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        return file

    def rows(self, mapping: str, *lines: str | bytes) -> list[Row]:
        content = b"\n".join(line.encode() if isinstance(line, str) else line for line in lines)
        return list(rows(self.file(content), self.mapping(mapping), CATALOGUE, keyed))

    def command(self, mapping: str, line: str) -> Any:
        [row] = self.rows(mapping, line)
        assert row.problem is None
        return row.commands[-1]

    def problem(self, mapping: str, line: str | bytes) -> str:
        first, *_ = self.rows(mapping, line)
        assert first.commands == ()
        assert first.problem is not None
        return first.problem


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def order_ids(found: list[Row]) -> list[str]:
    return [command.order_id for row in found for command in row.commands if isinstance(command, RecordPurchase)]


# ------------------------------------------------------------------------------------------------------------- cells


def test_keys_are_columns_and_dots_reach_into_objects(folder: Folder) -> None:
    [row] = folder.rows(ORDERS, GOOD)
    registration, purchase = row.commands
    assert registration.ref == "shop:42"  # type: ignore[attr-defined]
    assert isinstance(purchase, RecordPurchase)
    assert (purchase.customer, purchase.amount, str(purchase.amount)) == ("shop:42", Decimal("59.90"), "59.90")
    assert (row.line, row.text) == (1, GOOD)


def test_a_key_with_a_dot_of_its_own_counts_before_the_path(folder: Folder) -> None:
    line = '{"customer.id": "own", "customer": {"id": "path"}, "day": "2026-03-01", "total": 1}'
    assert folder.command(ORDERS, line).customer == "shop:own"


@pytest.mark.parametrize(
    ("number", "amount"),
    [
        ("0.10", "0.10"),
        ("1234567890123456.78", "1234567890123456.78"),  # a float would round it
        ("9007199254740993", "9007199254740993"),  # the first whole number that a float can't hold
        ("1e2", "100"),
        ("5.99E+1", "59.9"),
        ('"1,234.50"', "1234.50"),
    ],
)
def test_numbers_are_exactly_what_is_written(folder: Folder, number: str, amount: str) -> None:
    mapping = ORDERS.replace('money = "major"', 'money = "major", currency = "EUR"')
    found = folder.command(mapping, GOOD.replace("59.90", number)).amount
    assert (found, str(found)) == (Decimal(amount), amount)


def test_a_number_that_lost_its_way_through_a_float_is_refused_by_its_amount(folder: Folder) -> None:
    problem = folder.problem(ORDERS, GOOD.replace("59.90", "59.900000000000006000000000001"))
    assert problem.startswith('RecordPurchase.amount: expected an amount such as 1,234.50 in column "total", found ')


def test_minor_units_are_whole_numbers(folder: Folder) -> None:
    mapping = ORDERS.replace('"major"', '"minor", currency = "EUR"')
    assert folder.command(mapping, GOOD.replace("59.90", "5990")).amount == Decimal("59.90")
    assert "minor units" in folder.problem(mapping, GOOD)


def test_a_decimal_comma_is_for_text_as_numbers_have_a_point(folder: Folder) -> None:
    mapping = ORDERS.replace('"major"', '"major", decimal_comma = true')
    amounts = [folder.command(mapping, GOOD.replace("59.90", text)).amount for text in ("1.234", '"1.234"', '"1,5"')]
    assert amounts == [Decimal("1.234"), Decimal(1234), Decimal("1.5")]


@pytest.mark.parametrize("cell", ["", ', "where": null', ', "where": ""', ', "where": "NULL"', ', "where": [1]'])
def test_what_is_missing_or_null_or_has_no_text_is_an_empty_cell(folder: Folder, cell: str) -> None:
    mapping = ORDERS.replace("zone", 'empty = ["NULL", ""]\nzone', 1) + 'channel = "{where}"'
    first, *_ = folder.rows(mapping, f"{GOOD[:-1]}{cell}}}")
    assert first.problem is None
    assert first.commands[-1].channel is None  # type: ignore[attr-defined]


def test_true_and_false_are_words(folder: Folder) -> None:
    mapping = ORDERS.replace("zone", 'only = [{ column = "paid", is = "true" }]\nzone', 1)
    lines = [GOOD.replace('"day"', f'"paid": {paid}, "day"') for paid in ("true", "false", '"true"')]
    assert [row.line for row in folder.rows(mapping, *lines)] == [1, 3]


def test_a_reference_is_never_made_of_an_object(folder: Folder) -> None:
    problem = folder.problem(ORDERS.replace("customer.id", "customer"), GOOD)
    assert problem == "customer.ref: a value is needed, found nothing in customer"


# ------------------------------------------------------------------------------------------------------------- lines

EACH = """lines = { column = "items", each = { sku = "{sku}", quantity = "{how.many}", amount = { column = "price", money = "major" } } }"""  # noqa: E501


def with_items(items: str) -> str:
    return GOOD[:-1] + f', "items": {items}}}'


def test_an_array_of_objects_is_the_lines_of_an_order(folder: Folder) -> None:
    items = '[{"sku": "A", "how": {"many": 2}, "price": 19.95}, {"sku": "B", "price": null}, {"note": "a gift"}]'
    assert folder.command(ORDERS + EACH, with_items(items)).lines == (
        OrderLine(sku="A", quantity=2, amount=Decimal("19.95")),
        OrderLine(sku="B"),
    )


@pytest.mark.parametrize("items", ["[]", "null", '""'])
def test_an_order_may_come_without_lines(folder: Folder, items: str) -> None:
    assert folder.command(ORDERS + EACH, with_items(items)).lines == ()


@pytest.mark.parametrize("items", ['{"sku": "A"}', '["A"]', '"A"', "5"])
def test_lines_of_anything_else_are_a_problem(folder: Folder, items: str) -> None:
    problem = folder.problem(ORDERS + EACH, with_items(items))
    assert problem == 'RecordPurchase.lines: expected an array of objects in column "items"'


def test_what_is_wrong_inside_a_line_is_one_sentence(folder: Folder) -> None:
    problem = folder.problem(ORDERS + EACH, with_items('[{"sku": "A", "price": "a lot"}]'))
    assert (
        problem
        == "RecordPurchase.lines: amount: expected an amount such as 1,234.50 in column \"price\", found 'a lot'"
    )
    assert "NUL" in folder.problem(ORDERS + EACH, with_items('[{"sku": "\\u0000"}]'))


# ------------------------------------------------------------------------------------------------------ several kinds

KINDS = """
only = [{ column = "type", in = ["order", "return", "call"] }]
currency = "EUR"
zone = "UTC"
[customer]
ref = "shop:{who}"
[[command]]
do = "RecordPurchase"
when = [{ column = "type", is = "order" }]
fields = { order_id = "{no}", occurred_at = { column = "at", format = "iso" }, amount = { column = "sum", money = "major" } }
[[command]]
do = "RecordReturn"
when = [{ column = "type", is = "return" }]
fields = { order_id = "{no}", occurred_at = { column = "at", format = "iso" }, amount = { column = "sum", money = "major" } }
[[command]]
do = "RecordInteraction"
when = [{ column = "type", is = "call" }]
fields = { occurred_at = { column = "at", format = "iso" }, channel = "phone", direction = "{way}" }
"""  # noqa: E501

KINDS_CSV = """type,who,at,no,sum,way
order,1,2026-03-01,A-1,59.90,
call,1,2026-03-02,,,inbound
return,1,2026-03-03,A-1,9.90,
ping,1,2026-03-04,,,
call,2,2026-03-05,,,outbound
return,2,2026-03-06,A-9,5,
"""

KINDS_JSONL = """{"type": "order", "who": 1, "at": "2026-03-01", "no": "A-1", "sum": 59.90}
{"type": "call", "who": 1, "at": "2026-03-02", "way": "inbound"}
{"type": "return", "who": 1, "at": "2026-03-03", "no": "A-1", "sum": 9.90}
{"type": "ping"}
{"type": "call", "who": "2", "at": "2026-03-05", "way": "outbound"}
{"type": "return", "who": "2", "at": "2026-03-06", "no": "A-9", "sum": 5}
"""


@pytest.mark.parametrize(
    ("form", "content", "refused_at"), [('"csv"', KINDS_CSV, 7), ('"jsonl"', KINDS_JSONL, 6)], ids=["csv", "jsonl"]
)
def test_one_file_may_hold_several_kinds_of_events(folder: Folder, form: str, content: str, refused_at: int) -> None:
    file, mapping = folder.file(content), folder.mapping(f"format = {form}\n{KINDS}")
    with regulars.open(":memory:", clock=lambda: NOW) as crm:
        report = crm.import_file(file, mapping)
        assert (report.rows, report.rejected) == (5, 1)
        assert (report.rejects[0].line, "A-9" in report.rejects[0].reason) == (refused_at, True)
        first = crm.customer("shop:1")
        assert (first.orders, first.net_spend) == (1, Decimal("50.00"))
        assert crm.customer("shop:2").orders == 0
        again = crm.import_file(file, mapping)
        assert (again.events, again.unchanged) == (0, 4)


def test_both_kinds_of_files_say_the_same(folder: Folder) -> None:
    def commands(form: str, content: str) -> list[dict[str, Any]]:
        found = rows(folder.file(content), folder.mapping(f"format = {form}\n{KINDS}"), CATALOGUE, keyed)
        derived = {"interaction_id", "return_id"}
        return [command.model_dump(exclude=derived) for row in found for command in row.commands]

    assert commands('"csv"', KINDS_CSV) == commands('"jsonl"', KINDS_JSONL)


def test_a_command_that_is_only_wanted_if_possible_leaves_the_rest_of_its_row(folder: Folder) -> None:
    mapping = folder.mapping(
        """
        format = "jsonl"
        [customer]
        ref = "{who}"
        [[command]]
        do = "ReopenAccount"
        if_possible = true
        [[command]]
        do = "RecordReturn"
        if_possible = true
        fields = { order_id = "never bought" }
        [[command]]
        do = "TagCustomer"
        fields = { label = "{tag}" }
        """
    )
    file = folder.file('{"who": "ada", "tag": "new"}\n')
    with regulars.open(":memory:", clock=lambda: NOW) as crm:
        assert crm.import_file(file, mapping).rejects == ()
        assert crm.customer("ada").tags == ("new",)
        assert crm.import_file(file, mapping).events == 0


# ---------------------------------------------------------------------------------------------------------- identity


def test_a_row_is_known_by_what_it_says_and_not_by_how_it_is_written(folder: Folder) -> None:
    other = '  {"total":59.90,"day":"2026-03-01",  "customer":{"id":42}}'
    assert order_ids(folder.rows(ORDERS, GOOD)) == order_ids(folder.rows(ORDERS, other))


def test_columns_that_the_mapping_does_not_name_tell_rows_apart_too(folder: Folder) -> None:
    other = GOOD[:-1] + ', "till": {"number": 3}}'
    assert order_ids(folder.rows(ORDERS, GOOD)) != order_ids(folder.rows(ORDERS, other))
    only_these = ORDERS.replace("zone", 'identity = ["customer.id", "day"]\nzone', 1)
    assert order_ids(folder.rows(only_these, GOOD)) == order_ids(folder.rows(only_these, other))


def test_two_identical_rows_have_two_ids_in_every_run(folder: Folder) -> None:
    first, second = order_ids(folder.rows(ORDERS, GOOD, GOOD))
    assert first != second
    assert order_ids(folder.rows(ORDERS, GOOD, "", GOOD)) == [first, second]


# ---------------------------------------------------------------------------------------------- unknown and misspelt


def test_a_key_that_no_row_has_is_noticed_at_the_end(folder: Folder) -> None:
    mapping = ORDERS.replace("ref =", 'name = "{customer.nmae}"\nref =') + 'reason = "{why}"'
    *found, last = folder.rows(mapping, GOOD, GOOD)
    assert [row.problem for row in found] == [None, None]
    assert (last.line, last.problem) == (
        3,
        'no row of the file has the key "customer.nmae", "why", which the mapping names',
    )


def test_one_row_that_has_the_key_is_enough_even_where_it_is_null(folder: Folder) -> None:
    mapping = ORDERS + 'reason = "{why}"'
    assert [row.problem for row in folder.rows(mapping, GOOD, GOOD[:-1] + ', "why": null}')] == [None, None]


def test_a_kind_that_is_not_in_the_file_is_not_missed(folder: Folder) -> None:
    [row] = folder.rows(f'format = "jsonl"\n{KINDS}', KINDS_JSONL.splitlines()[0])
    assert row.problem is None


def test_a_misspelt_condition_is_noticed_though_it_lets_no_row_pass(folder: Folder) -> None:
    mapping = ORDERS.replace("zone", 'only = [{ column = "pad", is = "true" }]\nzone', 1)
    [row] = folder.rows(mapping, GOOD)
    assert row.problem == 'no row of the file has the key "pad", which the mapping names'


# --------------------------------------------------------------------------------------------------------- bad lines


@pytest.mark.parametrize("line", ["[1, 2]", '"text"', "5", "null", "true"])
def test_a_line_that_is_no_object_is_a_problem(folder: Folder, line: str) -> None:
    shown = f"expected a JSON object, found {line!r}"
    if line.startswith("["):
        shown += '; a file that is one array is format = "json"'
    assert [row.problem for row in folder.rows(ORDERS, GOOD, line, GOOD)] == [None, shown, None]


@pytest.mark.parametrize("line", ["{", "{'a': 1}", GOOD + ",", '{"a": NaN}', '{"a": 01}', '{"a": "\\ud800"}', "id,day"])
def test_a_line_that_is_no_json_is_a_problem(folder: Folder, line: str) -> None:
    assert folder.problem(ORDERS, line).startswith("this is not valid JSON: ")


@pytest.mark.parametrize(
    "line", ["[" * 100_000, '{"a":' * 20_000 + "1" + "}" * 20_000, '{"a": 1e99999999999999999999}']
)
def test_what_is_too_deep_or_too_large_is_a_problem(folder: Folder, line: str) -> None:
    assert folder.problem(ORDERS, line) == "the JSON is nested too deep, or a number in it is beyond all bounds"


def test_a_number_too_long_to_be_written_out_is_no_amount(folder: Folder) -> None:
    assert "expected an amount" in folder.problem(ORDERS, GOOD.replace("59.90", "1e999999999"))


def test_nul_is_a_problem_raw_and_escaped(folder: Folder) -> None:
    for line in (GOOD.replace("2026", "\0"), GOOD.replace("2026", "\\u0000")):
        assert folder.problem(ORDERS, line) == "the line holds a NUL character, which no text does"


def test_bytes_that_are_not_text_are_a_problem(folder: Folder) -> None:
    problem = folder.problem('encoding = "utf-8"\n' + ORDERS, b'{"a": "\xff"}')
    assert problem == 'the line is not valid utf-8; it looks like cp1252: encoding = "cp1252"'


def test_a_huge_line_is_a_problem_cut_off_at_the_limit(folder: Folder) -> None:
    huge, good = folder.rows(ORDERS, '{"a": "' + "x" * (3 * MAX_RECORD) + '"}', GOOD)
    assert (huge.line, len(huge.text), huge.problem) == (
        1,
        MAX_RECORD + 1,
        "the line is longer than 131,072 characters",
    )
    assert (good.line, good.problem) == (2, None)


def test_empty_lines_and_empty_objects_are_left_out(folder: Folder) -> None:
    assert [row.line for row in folder.rows(ORDERS, "", "  ", "{}", GOOD, "")] == [4]
    assert folder.rows(ORDERS, "{}") == []


def test_compressed_files_and_byte_order_marks_are_read(folder: Folder) -> None:
    file = folder.file(gzip.compress(f"\ufeff{GOOD}\n".encode()), "data.jsonl.gz")
    assert [row.problem for row in rows(file, folder.mapping(ORDERS), CATALOGUE, keyed)] == [None]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["id", "day", "total", "items", "x"]), inner),
    max_leaves=20,
)


@given(st.lists(JSON.map(lambda value: json.dumps(value).encode()) | st.binary(), max_size=5))
def test_whatever_the_lines_the_outcome_is_rows(tmp_path_factory: pytest.TempPathFactory, lines: list[bytes]) -> None:
    file = tmp_path_factory.getbasetemp() / "hostile.jsonl"
    file.write_bytes(b"\n".join(lines))
    lines_of = {"column": "items", "each": {"sku": "{x}"}}
    fields = {"amount": {"column": "total", "money": "major"}, "lines": lines_of, "channel": "{day.id}"}
    table = {"format": "jsonl", "customer": {"ref": "{id}"}, "command": [{"do": "RecordPurchase", "fields": fields}]}
    for row in rows(file, Mapping.model_validate(table), CATALOGUE, keyed):
        assert bool(row.commands) != bool(row.problem)
        row.text.encode()
        str(row.problem).encode()


# ------------------------------------------------------------------------------------------------------ bad mappings


@pytest.mark.parametrize(
    ("change", "objection"),
    [
        (("zone", 'columns = ["id"]\nzone'), "columns: leave them out; in a jsonl file each row names its own"),
        (("zone", "header = true\nzone"), "header: only a csv or sheet file has one, not a jsonl file"),
        (("zone", 'delimiter = ";"\nzone'), "delimiter: only a csv file has one"),
        (('"major" }', f'"major" }}\n{EACH.replace("lines", "channel")}'), "only lines is a list"),
        (('"major" }', f'"major" }}\n{EACH.replace("sku =", "skv =")}'), 'did you mean "sku"?'),
        (('"major" }', '"major" }\nlines = { column = "x", each = { } }'), "lines.each.sku: OrderLine needs a value"),
        (('"major" }', '"major" }\nlines = { each = { sku = "x" } }'), "fields.lines.column: a value is needed"),
    ],
)
def test_a_bad_mapping_says_so(folder: Folder, change: tuple[str, str], objection: str) -> None:
    assert objection in folder.objection(ORDERS.replace(*change, 1))


def test_other_files_have_no_arrays(folder: Folder) -> None:
    objection = folder.objection(ORDERS.replace('"jsonl"', '"csv"') + EACH)
    assert "command[0].fields.lines.each: only JSON has arrays" in objection
