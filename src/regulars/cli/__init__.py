"""The command line: every error a person can cause becomes one sentence on stderr and an exit status.

0 is good, 1 is refused, 2 is a usage error, 130 is Ctrl-C. A reader of a pipe that has seen enough ends us with 1 and
without a word.
"""

from __future__ import annotations

import os
import sys

from pydantic import ValidationError

from crm_domain.errors import InvalidRules, RegularsError
from crm_domain.explain_invalid import sentence
from regulars.cli.app import app
from regulars.cli.render import clean

REFUSED = 1
INTERRUPTED = 130


def main() -> None:
    """Run the command line and exit."""
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
        app(prog_name="regulars")
    except SystemExit as ending:
        return ending.code if isinstance(ending.code, int) else 0
    except KeyboardInterrupt:
        return INTERRUPTED
    except ValidationError as error:
        return _refuse(sentence(error))
    except InvalidRules as error:
        return _refuse(*str(error).splitlines())
    except RegularsError as error:
        return _refuse(str(error))
    except UnicodeError:
        return _refuse("what was typed is not text in the encoding of this terminal")
    except BrokenPipeError:
        raise
    except OSError as error:
        return _refuse(f"{error.filename}: {error.strerror}" if error.filename else str(error))
    return 0


def _refuse(reason: str, *details: str) -> int:
    """Say why, on one line; whoever wrote rules gets one more for each key that is wrong."""
    for line in (f"regulars: {clean(reason)}", *(f"  {clean(detail)}" for detail in details)):
        print(line, file=sys.stderr)  # noqa: T201 - stderr is where a refusal belongs
    return REFUSED
