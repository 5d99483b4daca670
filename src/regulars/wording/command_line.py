"""Commands as people type them: a line that a shell takes for what was meant, whatever is in it."""

from __future__ import annotations

import shlex


def do_line(command: str, **fields: str | None) -> str:
    """The command line that carries out a command, with those of its fields that are given, in their order."""
    given = (f"{name}={text}" for name, text in fields.items() if text is not None)
    return shlex.join(("regulars", "do", command, *given))


def command_line(command: str, **options: str) -> str:
    """The command line of a command with some options, by their names as they are typed."""
    return shlex.join(("regulars", command, *(word for option in options.items() for word in option)))
