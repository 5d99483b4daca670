"""No cell of a CSV is a formula, at whatever sign a spreadsheet splits it."""

from __future__ import annotations

import csv
import io

import hypothesis
import pytest
from hypothesis import strategies as st

from regulars.cli.csv_cells import csv_writer, harmless

FORMULAS = ("=", "+", "-", "@", "＝", "＋", "－", "＠")
cells = st.text(st.sampled_from("=+-@＝＋－＠;,\t|\"' \r\nab1"), max_size=12)


def runs(cell: str) -> bool:
    """Whether a spreadsheet would run a cell, other than to add and take away what is written there."""
    return cell.lstrip("\t\n").startswith(FORMULAS) and not set(cell) <= set("0123456789+-()./ ")


@hypothesis.settings(max_examples=2_000)
@hypothesis.given(rows=st.lists(st.lists(cells, min_size=3, max_size=3), min_size=1, max_size=3))
def test_no_cell_begins_a_formula_at_whatever_sign_it_is_split(rows: list[list[str]]) -> None:
    written = io.StringIO(newline="")
    write = csv_writer(written, raw=False)
    for row in rows:
        write(row)
    for sign in ",;\t|":
        for row in csv.reader(io.StringIO(written.getvalue(), newline=""), delimiter=sign):
            assert not [cell for cell in row if runs(cell)], (sign, written.getvalue())
    assert [len(row) for row in csv.reader(io.StringIO(written.getvalue(), newline=""))] == [3] * len(rows)


@pytest.mark.parametrize(
    ("cell", "shown"),
    [
        ("Ada;=1+1", "Ada;'=1+1"),
        ("Ada\t=1", "Ada\t'=1"),
        ('a;"=1"', 'a;\'"=1"'),
        ("-5 %", "'-5 %"),
        ("Jean-Luc; Ada + Bob | a=b, -c", "Jean-Luc; Ada + Bob | a=b, -c"),
        (-5, -5),
        ("-5", "-5"),
        ("+1.5e3", "+1.5e3"),
        ("+49 (0) 30 / 123-45", "+49 (0) 30 / 123-45"),
        ("-49 30", "-49 30"),
        ("+49 30\n", "'+49 30\n"),
        ("+49 30;+49 40", "'+49 30;'+49 40"),
        ("\t-5", "'\t'-5"),
        ("+49 30 x", "'+49 30 x"),
        ("+٤٩ ٣٠", "'+٤٩ ٣٠"),
        ("+" + "1" * 41 + "-1", "'+" + "1" * 41 + "-1"),
        ("＋49 30", "'＋49 30"),
    ],
)
def test_what_would_be_none_stays_as_it_is(cell: object, shown: object) -> None:
    assert harmless(cell) == shown
