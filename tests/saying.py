"""A command line run in this process, and what it said."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

import typer.main

#: What a command line is understood by, made once in a process, as for people: it takes as long as to open a store.
built_once = cache(typer.main.get_command)

NOW = datetime(2024, 6, 1, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Said:
    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def widest(self) -> int:
        return max(map(len, self.out.split("\n")))


Say = Callable[..., Said]

#: Does some work that writes into the folder of a test, for the first test of a module alone; the others get a copy.
Once = Callable[[Callable[[], object]], None]
