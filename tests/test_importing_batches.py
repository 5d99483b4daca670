"""Where the transactions of an import begin and end decides nothing."""

from __future__ import annotations

import re
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import regulars
from regulars.doing import importing
from shops import BEGIN, DAY, Clock, opened

#: Rows that are refused in their second command, after their first was carried out; matches, merges and points.
MAPPING = """
format = "csv"
zone = "UTC"
match = ["email"]
[customer]
ref = "shop:{ref}"
kind = "{kind}"
email = "{email}"
[[command]]
do = "EnrollMember"
when = [{ column = "what", is = "enrolled" }]
if_possible = true
[command.fields]
occurred_at = "{date}"
[[command]]
do = "RecordPurchase"
when = [{ column = "what", is = "bought" }]
[command.fields]
order_id = "{order}"
amount = "{amount}"
occurred_at = "{date}"
[[command]]
do = "RecordReturn"
when = [{ column = "what", is = "returned" }]
[command.fields]
order_id = "{order}"
amount = "{amount}"
occurred_at = "{date}"
"""
HEADER = "ref,kind,email,what,order,amount,date"

ROWS = st.lists(
    st.tuples(
        st.sampled_from("123456"),
        st.sampled_from(["person", "person", "firm"]),
        st.sampled_from(["", "a@example.com", "b@example.com"]),
        st.sampled_from(["bought", "bought", "returned", "enrolled"]),
        st.sampled_from(["A-1", "A-2", "A-3", "A-4", "A-5"]),
        st.sampled_from(["5", "7", "20"]),
        st.integers(0, 9).map(lambda days: (BEGIN + days * DAY).date().isoformat()),
    ),
    min_size=2,
    max_size=30,
)

Row = tuple[str, str, str, str, str, str, str]


def imported(rows: list[Row], in_each: int) -> tuple[object, str]:
    """What an import reports, and all that it recorded, with ids named in order of their first appearance."""
    with pytest.MonkeyPatch.context() as patch, TemporaryDirectory() as folder:
        patch.setattr(importing, "ROWS_PER_TRANSACTION", in_each)
        file, mapping = Path(folder) / "rows.csv", Path(folder) / "mapping.toml"
        file.write_text("\n".join([HEADER, *map(",".join, rows)]) + "\n", encoding="utf-8")
        mapping.write_text(MAPPING, encoding="utf-8")
        with opened(":memory:", Clock(BEGIN + 20 * DAY)) as crm:
            report = crm.import_file(file, regulars.load_mapping(mapping))
            ids: dict[str, str] = {}
            told = "\n".join(map(repr, crm.events()))
    counts = (report.rows, report.events, report.unchanged, report.rejected)
    said = (counts, [(each.line, each.reason) for each in report.rejects], report.notices, report.reasons)
    return said, re.sub("[0-9a-f]{32}", lambda found: ids.setdefault(found[0], f"id {len(ids)}"), told)


#: Two have one e-mail by the time that a third comes with it, so whose the third is can't be told.
SHARED: list[Row] = [
    ("1", "person", "a@example.com", "bought", "A-1", "5", "2024-01-01"),
    ("2", "person", "", "bought", "A-2", "5", "2024-01-01"),
    ("2", "person", "a@example.com", "bought", "A-3", "5", "2024-01-02"),
    ("3", "person", "a@example.com", "bought", "A-4", "5", "2024-01-01"),
]


@settings(max_examples=20)
@example(rows=SHARED)
@given(rows=ROWS)
def test_an_import_records_the_same_whatever_rows_share_a_transaction(rows: list[Row]) -> None:
    one_by_one = imported(rows, 1)
    assert imported(rows, 3) == one_by_one
    assert imported(rows, len(rows)) == one_by_one
