"""Whatever somebody types: JSON with something wrong, and any text where a day, a number, a name or a file is meant."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

from hypothesis import strategies as st

from torture.command_line import require_harmless, say
from torture.hostile import json_texts, names, words
from torture.tally import Tally
from torture.trying import shop, tried


def hostile_json(rounds: int, dice: Random) -> Tally:
    """JSON for `regulars do`, most of it with something wrong."""
    with shop("sqlite", None) as (url, _):
        example = names.flatmap(lambda name: st.tuples(st.just(name), json_texts(name)))
        tried(example, lambda pair: require_harmless(say(url, "do", *pair)), rounds, dice)
    return Tally(rounds=rounds, faults=rounds)


OPTIONS: dict[str, tuple[str, ...]] = {
    "customers": (
        "--stage",
        "--tier",
        "--as-of",
        "--known-at",
        "--rules",
        "--limit",
        "--becoming",
        "--within",
        "--order",
    ),
    "show": ("", "--known-at", "--rules"),
    "explain": ("", "--as-of", "--rules"),
    "timeline": ("", "--limit"),
    "history": ("",),
    "audit": ("--actor", "--customer", "--since", "--until", "--type", "--limit", "--correlation-id"),
    "tickets": ("--status", "--breaching-within", "--as-of", "--limit"),
    "points": ("", "--as-of"),
    "do": ("", "--actor", "--currency"),
    "import": ("", "--mapping", "--actor", "--currency"),
    "rebuild": ("--customer", "--projection", "--workers"),
    "backup": ("",),
    "copy": ("",),
    "rules": ("show", "check", "--version"),
    "generation": ("", "rollback"),
    "consents": ("", "--as-of"),
    "contactable": ("", "--as-of"),
    "forget": ("", "--reason"),
    "export-person": ("", "--out"),
    "verify": ("--against",),
    "duplicates": ("--limit",),
}
typeable = st.one_of(
    words, st.sampled_from(["shop:1", "1", "2024-01-01", "14d", "--json", "--csv", "99999d", "-1"])
).filter(
    lambda text: "\0" not in text and len(text) < 100_000  # what the system lets nobody type
)


@st.composite
def command_lines(draw: st.DrawFn) -> list[str]:
    """A command with some of its options, each with some text."""
    command = draw(st.sampled_from(sorted(OPTIONS)))
    line = [command]
    for option in draw(st.lists(st.sampled_from(OPTIONS[command]), max_size=3, unique=True)):
        line += [option] if option else []
        line += [draw(typeable)]
    return line


def hostile_options(rounds: int, dice: Random) -> Tally:
    """Any text where a day, a number, a name or a file is meant."""
    with shop("sqlite", None) as (url, folder), _working_in(folder):
        tried(command_lines(), lambda line: require_harmless(say(url, *line)), rounds, dice)
    return Tally(rounds=rounds, faults=rounds)


@contextmanager
def _working_in(folder: Path) -> Iterator[None]:
    """What is written beside a store is written there."""
    before = Path.cwd()
    (folder / "here").mkdir()
    os.chdir(folder / "here")
    try:
        yield
    finally:
        os.chdir(before)
