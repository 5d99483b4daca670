"""Rules and mappings that were good before somebody edited them; those that still are must work."""

from __future__ import annotations

import json
import re
from functools import partial
from pathlib import Path
from random import Random

from hypothesis import strategies as st

from regulars import Regulars, RegularsError
from regulars.adapters.importing import load_mapping
from regulars.crm_domain.catalogue import CATALOGUE
from regulars.crm_domain.errors import InvalidRules
from regulars.projections.rules.compiled import compile_rules
from regulars.projections.rules.grammar import parse_rules, restore_rules
from shops import default_text
from torture.bad_files import CSV_TEXT
from torture.hostile import AMOUNTS, MOMENTS, PEOPLE, TEXTS
from torture.killed_imports import MAPPING
from torture.shop import opened
from torture.tally import Tally
from torture.trying import PATIENCE, at_most, require_sentence, shop, tried

TOML_VALUES = (
    *(
        "1e99999999999999999999",
        "9" * 5_000,
        "nan",
        "-inf",
        "-1",
        "0",
        "0.0000000001",
        "1e308",
        "true",
        '""',
        "[]",
        "{}",
    ),
    *(
        "[" * 30_000,
        "{a=" * 30_000,
        '"' + "x" * 100_000 + '"',
        "1979-05-27T07:32:00Z",
        "0xFFFFFFFFFFFFFFFFFF",
        "[[1, 2], 3]",
    ),
    *(
        '"Europe/Berlin"',
        '"../../etc/localtime"',
        '"\\u0000"',
        '"\\uD800"',
        "'''",
        '"""',
        "36500",
        "36501",
        '"1e2"',
        "1.5",
    ),
    *(json.dumps(text) for text in TEXTS if len(text) < 20_000),
    *(json.dumps(text) for text in (*AMOUNTS, *MOMENTS)),
)
#: Which line of a text, what is done to it, and a value.
Edit = tuple[int, str, str]
edits = st.lists(
    st.tuples(
        st.integers(0, 10_000),
        st.sampled_from(["value", "value", "delete", "double", "insert", "text", *["number"] * 8]),
        st.sampled_from(TOML_VALUES),
    ),
    min_size=1,
    max_size=3,
)


def edited(text: str, changes: list[Edit]) -> str:
    """A text after somebody edited it."""
    lines = text.splitlines()
    for where, what, value in changes:
        at = where % len(lines)
        key, equals, _ = lines[at].partition("=")
        match what:
            case "value" if equals:
                lines[at] = f"{key}= {value}"
            case "number":
                lines[at] = re.sub(r"\d+", partial(_other_number, where % 7), lines[at])
            case "delete" if len(lines) > 1:
                del lines[at]
            case "double":
                lines.insert(at, lines[at])
            case "text":
                lines[at] = value
            case _:
                lines.insert(at, f"key = {value}")
    return "\n".join(lines)


def _other_number(times: int, found: re.Match[str]) -> str:
    return str(int(found[0][:20]) * times // 3)


def hostile_rules(rounds: int, dice: Random) -> Tally:
    """Rules that were the default ones before somebody edited them; those that are rules still, judge."""
    with shop("sqlite", None) as (url, _), opened(url) as crm:
        tried(edits, lambda changes: _judge(crm, edited(default_text(), changes)), rounds, dice)
        for text in ENDLESS:
            with at_most(PATIENCE):
                _judge(crm, text)
                _judge(crm, f"{default_text()}\n{text}")
    return Tally(rounds=rounds, faults=rounds + 2 * len(ENDLESS))


ENDLESS = (
    *("", "\0", "a" * 2_000_000, "a = " + "[" * 200_000, "\ufeff", "[" * 1_000),
    "".join(f"key_{number} = 1\n" for number in range(50_000)),
    "".join(f"[table_{number}]\n" for number in range(50_000)),
    *("a" + ".a" * 400_000 + " = 1", 'a = "' + "x" * 900_000 + '"', "x = [" + "1," * 400_000 + "]"),
)


def _judge(crm: Regulars, text: str) -> None:
    try:
        ruleset = parse_rules(text)
    except InvalidRules as error:
        require_sentence(error)
        return
    assert restore_rules(ruleset.canonical()).digest() == ruleset.digest()
    compile_rules(ruleset, "EUR")
    found = crm.customer(PEOPLE[0], rules=ruleset)
    assert found.stage in crm.rules.judging(rules=ruleset).model_dump_json()
    found.explain()
    found.timeline()


def hostile_mappings(rounds: int, dice: Random) -> Tally:
    """Mappings that were good before somebody edited them; those that are mappings still, are tried."""
    with shop("sqlite", None) as (url, folder), opened(url) as crm:
        (folder / "file.csv").write_text(CSV_TEXT)
        tried(edits, lambda changes: _map(crm, folder, edited(MAPPING.strip(), changes)), rounds, dice)
        for text in ENDLESS:
            with at_most(PATIENCE):
                _map(crm, folder, text)
                _map(crm, folder, f"{MAPPING}\n{text}")
    return Tally(rounds=rounds, faults=rounds + 2 * len(ENDLESS))


def _map(crm: Regulars, folder: Path, text: str) -> None:
    path = folder / "edited.toml"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    try:
        crm.import_file(folder / "file.csv", load_mapping(path, CATALOGUE), dry_run=True)
    except RegularsError as error:
        require_sentence(error)
