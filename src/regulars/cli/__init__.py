"""The command line: every error that a user can cause is one sentence on stderr and an exit status.

0 is success, 1 is refused, 2 is a usage error, 130 is Ctrl-C. A closed pipe (SIGPIPE) ends it with 1, without a
message.
"""

from __future__ import annotations

import logging
import os
import sys
from typing import Any

import typer

from regulars.cli.app import app
from regulars.wording.plain_text import clean, clean_lines

REFUSED = 1
INTERRUPTED = 130
MAX_SAID = 20_000

_UsageError: Any = typer.BadParameter.__base__  # typer has no name of its own for it


def main() -> None:
    """Run the command line and exit."""
    if not logging.root.handlers:
        logging.root.addHandler(logging.NullHandler())  # what libraries would print beside our sentence
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a terminal that can't show a character is no reason to stop
    try:
        status = _run()
        sys.stdout.flush()
    except BrokenPipeError:
        # Python flushes stdout once more as it exits; let that go nowhere instead of failing again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = REFUSED
    sys.exit(status)


def _run() -> int:
    try:
        status = app(prog_name="regulars", standalone_mode=False)
        return status if isinstance(status, int) else 0
    except _UsageError as error:
        # Imported here, as below. What checks numbers of options are pydantic's types.
        from regulars.crm_domain.explain_invalid import in_our_words

        error.message = _shortened(clean_lines(in_our_words(error.message)))
        error.show()
        return int(error.exit_code)
    except typer.Abort:
        return REFUSED
    except SystemExit as ending:
        return ending.code if isinstance(ending.code, int) else 0
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        raise
    except Exception as error:
        lines = _lines(error)
        if not lines:
            raise
        return _refuse(*lines)


def _lines(error: Exception) -> list[str]:
    """An error that a person can cause, told in a sentence and what belongs to it; empty for any other."""
    # Imported here, as a run in which nothing goes wrong may need none of it.
    from pydantic import ValidationError

    from regulars.crm_domain.errors import InvalidRules, RegularsError
    from regulars.crm_domain.explain_invalid import sentence

    match error:
        case ValidationError():
            return [sentence(error)]
        case InvalidRules():
            return str(error).splitlines()
        case RegularsError():
            return [str(error)]
        case UnicodeError():
            return ["what was typed is not text in the encoding of this terminal"]
        case OSError():
            return [f"{error.filename}: {error.strerror}" if error.filename else str(error)]
    return []


def _refuse(reason: str, *details: str) -> int:
    """The error on one line; invalid rules get one more line for each key that is wrong."""
    for line in (f"regulars: {clean(reason)}", *(f"  {clean(detail)}" for detail in details)):
        print(_shortened(line), file=sys.stderr)  # noqa: T201 - stderr is where a refusal belongs
    return REFUSED


def _shortened(text: str) -> str:
    """A megabyte that was typed needn't be read again."""
    return text if len(text) <= MAX_SAID else f"{text[:MAX_SAID]} ..."
