"""What nobody in their right mind would type, and what some machine will hand in all the same."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, get_args

from hypothesis import strategies as st

from regulars.crm_domain.catalogue import COMMANDS
from regulars.crm_domain.command import Command

MEGABYTE = "x" * 1_000_000

TEXTS = (
    *("", " ", "\0", "a\0b", "\x1b[31mred\x1b[0m", "\x1b]0;title\x07", "\x9b31m", "\r\nnew line", "tab\there", "\x7f"),
    *("\u202emirrored", "\u2066isolated", "zero\u200bwidth", "\ufeffmark", "\u2028line", "\u2029paragraph", "\u061c"),
    *("\ud800", "\udfff lone", "\ufffe", "\U0010ffff", "e" + "\u0301" * 500, "👩‍👩‍👧‍👦", "ﷺ" * 50),
    *("=1+1", "+49 30 123", "-1", "@SUM(A1)", "\t=1", "\r=1", "=cmd|' /C calc'!A0", "'=1", '"=1"', "＝1+1", "＠x"),
    *(
        "'; DROP TABLE regulars_events; --",
        "%s %d {0} {name}",
        "${jndi:x}",
        "../../etc/passwd",
        "<script>",
        "[bold]red[/]",
        "\\",
    ),
    *("NULL", "None", "null", "nan", "Infinity", "true", "1e999", "0x10", "id:", "id:" + "0" * 32, "id:" + "g" * 32),
    *("x" * 200, "x" * 201, "x" * 10_000, "x" * 10_001, MEGABYTE, "\u0000" * 300),
)
AMOUNTS = (
    *("0", "-0", "-1", "0.001", "1e2", "1e-2", "1e999999999", "-1e999999999", "NaN", "sNaN", "Infinity", "-Infinity"),
    *("9" * 100, "9" * 101, "9" * 5_000, "1_000", " 5 ", "٣", "5,90", "5.9.0", "+5", ".5", "5.", "10000000000.01"),
)
MOMENTS = (
    *("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "1899-12-31T23:59:59Z", "2026-13-01T00:00:00Z"),
    *("-001-01-01T00:00:00Z", "10000-01-01T00:00:00Z", "0000-01-01T00:00:00Z", "2024-02-30T00:00:00Z", "1e300", "-1"),
    *(
        "2024-01-01",
        "2024-01-01T00:00:00",
        "2024-W01-1",
        "20240101T000000Z",
        "2024-01-01T24:00:00Z",
        "now",
        "1704067200",
    ),
    *("2024-01-01T00:00:60Z", "2024-01-01T00:00:00+99:99", "2024-01-01T00:00:00.0000001Z", "1970-01-01T00:00:00Z"),
)
NUMBERS = (0, -1, 1, 2**31, 2**63 - 1, 2**63, -(2**63) - 1, 10**400, 0.1, 1e308, float("nan"), float("inf"))
FIRST = datetime(1, 1, 1, tzinfo=UTC)
LAST = datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)
BEYOND = (LAST.replace(tzinfo=timezone(timedelta(hours=-23))), FIRST.replace(tzinfo=timezone(timedelta(hours=23))))
OBJECTS: tuple[Any, ...] = (
    *(
        *NUMBERS,
        True,
        None,
        b"bytes",
        [],
        {},
        [[]],
        {"a": {}},
        [None],
        ["x"] * 1_001,
        Decimal("NaN"),
        Decimal("1e999999"),
    ),
    *(FIRST, LAST, FIRST.replace(tzinfo=None), LAST.replace(tzinfo=None), date.min, date.max, *BEYOND),
    *(timedelta(days=1), object(), {1, 2}, 10**5_000, range(5)),
)

TIMES = (
    *(FIRST, LAST, FIRST.replace(tzinfo=None), LAST.replace(tzinfo=None), *BEYOND),
    *(date.min, date.max, date(1900, 1, 1), date(2999, 12, 31), date(9999, 12, 30)),
    *(datetime(1969, 12, 31, tzinfo=UTC), datetime(2025, 1, 1, tzinfo=UTC)),
)

texts = st.one_of(st.sampled_from(TEXTS), st.text(max_size=60), st.text(st.characters(), max_size=20))
words = st.one_of(texts, st.sampled_from(AMOUNTS), st.sampled_from(MOMENTS))
anything = st.one_of(
    words, st.sampled_from(OBJECTS), st.binary(max_size=20), st.floats(), st.integers(), st.datetimes()
)

#: What can be meant of whom is there already.
PEOPLE = tuple(f"shop:{number}" for number in range(1, 13))
KNOWN = st.sampled_from(
    [*PEOPLE, "A-1", "T-1", "R-1", "5.00", "1", "email", "en", "web", "2024-03-01T12:00:00Z", "2024-03-01", "phone"]
)
names = st.sampled_from(sorted(COMMANDS))


def sensible(model: type[Command], field: str) -> st.SearchStrategy[Any]:
    """A value that may well be taken for a field."""
    choices = {
        "customer": st.sampled_from(PEOPLE),
        "into": st.sampled_from(PEOPLE),
        "referred": st.sampled_from(PEOPLE),
        "amount": st.sampled_from(["5.00", "0", "1e2", "9999999999.99"]),
        "occurred_at": st.sampled_from(["2024-03-01T12:00:00Z", "1900-01-01T00:00:00Z", "2024-03-01T12:00:00+14:00"]),
        "points": st.sampled_from([1, 5, 10**6]),
        "score": st.sampled_from([1, 5, 10]),
        "confirm": st.just(True),
    }
    if field in choices:
        return choices[field]
    literals = [each for each in get_args(model.model_fields[field].annotation) if isinstance(each, str)]
    return st.sampled_from(literals) if literals else KNOWN


@st.composite
def fields(draw: st.DrawFn, name: str, values: st.SearchStrategy[Any]) -> dict[str, Any]:
    """Fields for a command: most of them sensible, some hostile, now and then one that there isn't."""
    model = COMMANDS[name]
    required = [field for field, info in model.model_fields.items() if info.is_required()]
    others = draw(st.lists(st.sampled_from(sorted(model.model_fields)), max_size=4, unique=True))
    chosen = dict.fromkeys([*required, *others])
    filled: dict[str, Any] = {}
    for field in chosen:
        hostile = draw(st.integers(0, 7)) == 0
        filled[field] = draw(values if hostile else sensible(model, field))
    if draw(st.integers(0, 19)) == 0:
        filled[draw(texts)] = draw(values)
    return filled


@st.composite
def json_texts(draw: st.DrawFn, name: str) -> str:
    """JSON for `do`, or what was JSON before something happened to it."""
    leaves = st.one_of(words, st.booleans(), st.none(), st.integers(), st.floats(), st.sampled_from(NUMBERS))
    values = st.recursive(leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3))
    text = json.dumps(draw(fields(name, values)), ensure_ascii=draw(st.booleans()))
    match draw(st.integers(0, 14)):
        case 0:
            return text[: draw(st.integers(0, len(text)))]
        case 1:
            deep = draw(st.sampled_from(["[", '{"a":'])) * draw(st.sampled_from([100, 30_000]))
            return text[:-1] + f', "reason": {deep}'
        case 2:
            number = draw(
                st.sampled_from(["1e99999999999999999999", "9" * 5_000, "-0", "1E400", "NaN", "-Infinity", "01"])
            )
            return text[:-1] + f', "reason": {number}}}'
        case 3:
            return text[:-1] + ', "reason": "once", "reason": "twice"}'
        case 4:
            at = draw(st.integers(0, len(text)))
            return text[:at] + draw(texts) + text[at:]
        case _:
            return text
