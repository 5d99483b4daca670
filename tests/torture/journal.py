"""What a process that may be killed at any moment wrote down: what it was about to do, and what was acknowledged.

A line is one write to a file, so what was written stays when the process is gone.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, sleep

from regulars import Command, Outcome
from regulars.crm_domain.catalogue import COMMANDS

Positions = tuple[tuple[int, ...], ...]


def positions_of(outcomes: Sequence[Outcome]) -> Positions:
    """The positions that commands were answered with."""
    return tuple(tuple(event.position for event in outcome.events) for outcome in outcomes)


@dataclass(slots=True)
class Told:
    """What a journal says: commands by the number of their transaction, and the positions each was answered with."""

    asked: dict[int, tuple[Command, ...]] = field(default_factory=dict)
    acknowledged: dict[int, Positions] = field(default_factory=dict)
    refused: dict[int, str] = field(default_factory=dict)
    notes: list[int] = field(default_factory=list)

    @property
    def unanswered(self) -> dict[int, tuple[Command, ...]]:
        """What may have been carried out or not; nobody knows."""
        return {number: commands for number, commands in self.asked.items() if number not in self.answered}

    @property
    def answered(self) -> set[int]:
        """The numbers of what was acknowledged or refused."""
        return self.acknowledged.keys() | self.refused.keys()


class Journal:
    """The writing end."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def ready(self) -> None:
        """All that comes before the work is done."""
        self._write(["ready"])

    def ask(self, number: int, commands: Sequence[Command]) -> None:
        """These commands are about to be carried out in one transaction."""
        said = [[type(command).__name__, command.model_dump_json()] for command in commands]
        self._write(["ask", number, said])

    def acknowledge(self, number: int, outcomes: Sequence[Outcome]) -> None:
        """They were."""
        self._write(["ack", number, positions_of(outcomes)])

    def refuse(self, number: int, why: str) -> None:
        """They were not."""
        self._write(["no", number, why])

    def note(self, count: int) -> None:
        """So many rows of a file, or events, were taken so far."""
        self._write(["note", count])

    def _write(self, line: list[object]) -> None:
        os.write(self._file, json.dumps(line).encode() + b"\n")


def read_journal(path: Path) -> Told:
    """What was written down, up to the last whole line."""
    told = Told()
    if not path.exists():
        return told
    for line in path.read_bytes().split(b"\n")[:-1]:
        match json.loads(line):
            case ["ask", number, commands]:
                told.asked[number] = tuple(COMMANDS[name].model_validate_json(text) for name, text in commands)
            case ["ack", number, positions]:
                told.acknowledged[number] = tuple(map(tuple, positions))
            case ["no", number, why]:
                told.refused[number] = why
            case ["note", count]:
                told.notes.append(count)
    return told


def wait_until_ready(path: Path, patience: float = 60.0) -> None:
    """Wait for the journal's first line."""
    deadline = monotonic() + patience
    while not (path.exists() and path.stat().st_size):
        assert monotonic() < deadline, f"nothing was written to {path.name}"
        sleep(0.001)


def wait_until_noted(path: Path, count: int, patience: float = 60.0) -> None:
    """Wait until so many notes were taken."""
    deadline = monotonic() + patience
    while len(read_journal(path).notes) < count:
        assert monotonic() < deadline, f"nothing more was written to {path.name}"
        sleep(0.001)
