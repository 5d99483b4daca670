"""What the pages of docs/ show is done, in an empty folder, in the order of the page, and compared with what they show.

- A block with `title="NAME"` is a file of that name.
- A `console` block is a session: `$ regulars …` runs the command line in this process, `$ export A=B` sets a variable,
  anything else is a command of the shell; what follows is what it prints. A line `…` stands for any lines.
- A `python` block runs, with the names of those before it on the page; `# …` after a `print` is what that prints. One
  that imports what isn't installed here is compiled and no more.
"""

from __future__ import annotations

import ast
import contextlib
import io
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import pytest

from saying import Say

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
_FENCE = re.compile(r"^```(\w+)(?: title=\"([^\"]+)\")?\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_RANDOM = re.compile(r"\b[0-9a-f]{32,64}\b|[\d,]+(?= bytes)|(?<=id:)[0-9a-f]+(?=…)")


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, the file that it is, what stands in it, and where in the page that is."""

    language: str
    file: str | None
    text: str
    span: tuple[int, int]


def page(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def blocks(text: str) -> list[Block]:
    return [Block(each[1], each[2], each[3], each.span(3)) for each in _FENCE.finditer(text)]


def done(text: str, say: Say, monkeypatch: pytest.MonkeyPatch, database: tuple[str, str] | None = None) -> str:
    """The page with what its examples print here in place of what it says that they print.

    `database` is the URL that the page shows, and the one that is meant.
    """
    if database:
        return done(text.replace(*database), say, monkeypatch).replace(*database[::-1])
    monkeypatch.setenv("REGULARS_ACTOR", "mara")  # else it is whoever runs the tests
    module = ModuleType("page")
    monkeypatch.setitem(sys.modules, "page", module)
    answered, at = "", 0
    for block in blocks(text):
        answered += text[at : block.span[0]]
        at = block.span[1]
        if block.file:
            Path(block.file).write_text(block.text, encoding="utf-8")
        elif block.language == "console":
            answered += "".join(_session(block.text, say, monkeypatch))
            continue
        elif block.language == "python":
            answered += _program(block.text, module)
            continue
        answered += block.text
    return answered + text[at:]


def _session(text: str, say: Say, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    for part in re.findall(r"^\$ .*\n(?:(?!\$ ).*\n)*", text, re.MULTILINE):
        line, _, shown = part.partition("\n")
        printed = _typed(line.removeprefix("$ "), say, monkeypatch)
        yield f"{line}\n{shown if is_alike(shown, printed) else printed}"


def _typed(line: str, say: Say, monkeypatch: pytest.MonkeyPatch) -> str:
    words = shlex.split(line)
    if words[0] == "export":
        name, _, value = words[1].partition("=")
        monkeypatch.setenv(name, value)
        return ""
    if words[0] != "regulars":
        ran = subprocess.run(line, shell=True, capture_output=True, text=True, check=True)
        return ran.stdout + ran.stderr
    said = say(*words[1 : -2 if ">" in words else None])
    out = said.out
    if ">" in words:
        Path(words[-1]).write_text(said.out, encoding="utf-8")
        out = ""
    printed = said.err + out
    return printed if not printed or printed.endswith("\n") else f"{printed}\n"


def is_alike(shown: str, printed: str) -> bool:
    """Whether it is the same but for what is drawn at random, and for what `…` leaves out."""
    parts = re.split(r"^…\n", _RANDOM.sub("RANDOM", shown), flags=re.MULTILINE)
    return re.fullmatch(r"(?:.*\n)*?".join(map(re.escape, parts)), _RANDOM.sub("RANDOM", printed)) is not None


def _program(text: str, module: ModuleType) -> str:
    code = compile(text, "<page>", "exec", dont_inherit=True)
    if not all(find_spec(name) for name in _imported(text)):
        return text
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(code, module.__dict__)
    shown = re.findall(r"print\(.*\)  # (.*)", text)
    if shown == [line.strip() for line in printed.getvalue().splitlines()]:
        return text
    return f"{text}# printed:\n{printed.getvalue()}"


def _imported(text: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.split(".")[0]


def write(name: str, text: str) -> None:
    """Put what the examples print into the page, if it is asked for by REGULARS_WRITE_DOCS=1."""
    if os.environ.get("REGULARS_WRITE_DOCS"):
        (ROOT / name).write_text(text, encoding="utf-8")
