"""Rules as somebody wrote them down, in a file or on standard input."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from adapters.importing.source import STANDARD_INPUT
from crm_domain.errors import InvalidRules
from projections.rules import Ruleset, parse_rules

RulesArgument = Annotated[str, typer.Argument(metavar="FILE", help="Rules in TOML; - is stdin.")]


def read_rules(file: str) -> Ruleset:
    """The ruleset in a file. Raises InvalidRules, naming the file and every key that is wrong."""
    name = "standard input" if file == STANDARD_INPUT else file
    try:
        text = sys.stdin.read() if file == STANDARD_INPUT else Path(file).read_text(encoding="utf-8-sig")
        return parse_rules(text, name)
    except OSError as error:
        raise InvalidRules(f"{name} can't be read: {error.strerror}") from None
    except UnicodeError:
        raise InvalidRules(f"{name} is not UTF-8 text") from None
    except (ValueError, RecursionError):  # an endless number, or lists in lists
        raise InvalidRules(f"{name} is not TOML that anybody could read") from None
