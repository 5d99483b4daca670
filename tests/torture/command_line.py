"""The command line, run in this process: what it said, and that nothing of it harms a terminal."""

from __future__ import annotations

import io
import sys
import unicodedata
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from unittest.mock import patch

from regulars import cli
from saying import built_once
from torture.trying import LONGEST

_SHOWN = "\n\t\u200c\u200d"
_HARMFUL = ("Cc", "Cf", "Cs", "Zl", "Zp")


@dataclass(frozen=True)
class Said:
    """What a command line said, and its exit status."""

    status: int
    out: str
    err: str


def say(url: str, *typed: str) -> Said:
    """Run a command line in this process."""
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", newline="\n") for _ in range(2))
    store = () if typed[:1] == ("copy",) else ("--db", url)  # a copy names both stores itself
    argv = patch.object(sys, "argv", ["regulars", *store, *typed])
    with argv, patch("typer.main.get_command", built_once), redirect_stdout(out), redirect_stderr(err):
        try:
            cli.main()
        except SystemExit as ending:
            status = ending.code
    texts = []
    for stream in (out, err):
        stream.flush()
        stream.seek(0)
        texts.append(stream.read())
    assert status in (0, 1, 2), f"{typed}: {status}"
    return Said(int(status), *texts)


def require_harmless(said: Said) -> None:
    """Nothing that moves a cursor, and nobody's insides."""
    for text in (said.out, said.err):
        found = {each for each in text if unicodedata.category(each) in _HARMFUL and each not in _SHOWN}
        assert not found, f"{found} in {text[:300]!r}"
        assert "Traceback" not in text
    if said.status:
        assert said.err or said.out
        assert len(said.err) < LONGEST


def require_refused(said: Said) -> None:
    """One sentence on stderr, and exit status 1."""
    require_harmless(said)
    assert (said.status, said.out) == (1, "")
    assert said.err.startswith("regulars: ")
    assert said.err.count("\n") == 1
