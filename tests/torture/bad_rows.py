"""Rows whose cells are anything, under mappings that use every key of the grammar."""

from __future__ import annotations

import csv
import io
import json
import warnings
from functools import partial
from pathlib import Path
from random import Random

from hypothesis import strategies as st

from regulars import Regulars
from regulars.crm_domain.errors import InvalidMapping
from sheets import xlsx
from torture.hostile import AMOUNTS, MOMENTS, TEXTS
from torture.shop import opened, require_sound
from torture.tally import Tally
from torture.trying import require_sentence, shop, tried

COLUMNS = ("id", "day", "hour", "sum", "pieces", "how", "mail", "phone", "tags", "item", "born", "stamp")

FIELDS = """
currency = "EUR"
zone = "Europe/Berlin"
country = "DE"
decimal_comma = false
empty = ["NULL", "-"]
whole_numbers = ["id"]
details = "newest"
optional_columns = ["note"]
group_by = ["id"]
identity = ["id", "day", "item"]
only = [{ column = "how", is_not = "skip" }]
match = ["email", "phone"]
[customer]
ref = { text = "row:{id}", case = "lower" }
email = "{mail}"
phone = "{phone}"
birthday = { column = "born", format = "%d.%m.%Y" }
occurred_at = { column = "stamp", format = "epoch", optional = true }
[[command]]
do = "RecordPurchase"
when = [{ column = "sum", at_least = 0 }, { column = "how", in = ["web", "shop", ""] }]
[command.fields]
order_id = { column = "id", optional = true }
occurred_at = { text = "{day} {hour}", format = "%Y-%m-%d %H:%M", zone = "UTC", default = "2024-01-01 10:00" }
amount = { column = "sum", money = "major", times = "pieces", rounding = "half_even" }
channel = { column = "how", case = "lower", values = { web = "shop", "*" = "other" } }
lines = [{ sku = "{item}", quantity = "{pieces}", amount = "{sum}" }]
[[command]]
do = "RecordReturn"
when = [{ column = "sum", below = 0 }, { column = "sum", at_most = 0 }]
fields = { order_id = "{id}", amount = { column = "sum", money = "major" }, occurred_at = "{day}" }
[[command]]
do = "RecordReturn"
if_possible = true
when = [{ column = "pieces", above = 3 }]
[command.fields]
order_id = "{id}"
amount = { column = "pieces", money = "minor", currency = "EUR" }
occurred_at = { column = "day", format = "%Y-%m", day = "last", time = "12:00", optional = true }
[[command]]
do = "TagCustomer"
only_changes = true
when = [{ column = "tags", matches = "*;*" }]
fields = { label = { column = "tags", split = ";" }, occurred_at = { column = "stamp", format = "epoch_ms" } }
[[command]]
do = "AddNote"
when = [{ column = "how", is = "note" }]
fields = { text = "{note}{item}", occurred_at = { column = "stamp", format = "excel" } }
"""
CSV_FORM = """
format = "csv"
delimiter = ";"
quote = "'"
escape = "^"
header = false
columns = ["id", "day", "hour", "sum", "pieces", "how", "mail", "phone", "tags", "item", "born", "stamp"]
skip_lines = 1
ragged = "fill"
encoding = "utf-8"
"""
LINES = 'lines = [{ sku = "{item}", quantity = "{pieces}", amount = "{sum}" }]'
ARRAY = 'lines = { column = "lines", each = { sku = "{item}", quantity = "{pieces}", amount = "{sum}" } }'
FORMS = {"csv": CSV_FORM, "sheet": 'format = "sheet"\nsheet = "Rows"\nragged = "cut"\n', "json": 'format = "json"\n'}

_PIECES = ("0", "1", "2", "2.0", "-1", "1,5", "€5", "(3)", "5-", "1'059.90", "1,059", "12,34,567.00", "$1", "17850.0")
_DAYS = ("2024-01-05", "2024-01", "05.01.2024", "2024-03-31 02:30", "1704067200", "1704067200000", "45292", "45292.5")
_WORDS = ("web", "shop", "note", "skip", "fax", "-", "NULL", "vip; b2b", ";;", "a;a", "10:00", "A", "A", "B")
_CONTACTS = (
    "a@b",
    "<a@b>",
    "mailto:a@b",
    "a@b,",
    "a@b; c@d",
    "030/123456",
    "+49 (0)30 1",
    "4.9E+11",
    "030 12 / 0170 99",
)
cells = st.sampled_from((*_PIECES, *_DAYS, *_WORDS, *_CONTACTS, *AMOUNTS, *MOMENTS, *(each[:300] for each in TEXTS)))
rows = st.lists(st.lists(st.one_of(cells, st.text(max_size=8)), max_size=len(COLUMNS) + 1), min_size=1, max_size=6)


def hostile_rows(rounds: int, dice: Random) -> Tally:
    """Cells of any kind, in files of any format, under mappings that use every key: taken, or refused in a sentence."""
    with shop("sqlite", None) as (url, folder), opened(url) as crm, warnings.catch_warnings():
        for form, keys in FORMS.items():
            (folder / f"{form}.toml").write_text(keys + (FIELDS.replace(LINES, ARRAY) if form == "json" else FIELDS))
        example = st.tuples(st.sampled_from(sorted(FORMS)), rows)
        tried(example, lambda each: _bring_in(crm, folder, *each), rounds, dice)
        require_sound(crm)
    return Tally(rounds=rounds, faults=rounds)


def _bring_in(crm: Regulars, folder: Path, form: str, table: list[list[str]]) -> None:
    path = folder / f"rows.{form}"
    path.write_bytes(_written(form, table))
    bring_in = partial(crm.import_file, path, folder / f"{form}.toml")
    try:
        report = bring_in()
    except InvalidMapping as error:
        require_sentence(error)
        return
    for said in (*(each.reason for each in report.rejects), *report.notices):
        assert said
        assert "\n" not in said
        said.encode()
    assert sum(count for _, count in report.reasons) == report.rejected
    again = bring_in()
    assert (again.events, again.rows, again.rejected) == (0, report.rows, report.rejected)


def _written(form: str, table: list[list[str]]) -> bytes:
    if form == "csv":
        text = io.StringIO()
        plain = [[cell.replace("\0", "") for cell in row] for row in table]
        csv.writer(text, delimiter=";", quotechar="'", escapechar="^", doublequote=False).writerows(plain)
        return b"Rows\n" + text.getvalue().encode("utf-8", "surrogatepass")
    if form == "json":
        objects = [dict(zip(COLUMNS, row, strict=False)) for row in table]
        return json.dumps([{**each, "lines": objects[place:]} for place, each in enumerate(objects)]).encode()
    seen = [["".join(each for each in cell if each.isprintable()) for cell in row] for row in table]
    return xlsx({"Rows": [list(COLUMNS), *seen]})
