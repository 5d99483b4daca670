"""Reading rules from a TOML file or standard input."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from regulars.adapters.importing.source import STANDARD_INPUT
from regulars.crm_domain.errors import InvalidRules
from regulars.projections.rules.grammar import Ruleset, parse_rules
from regulars.projections.rules.toml import MAX_TEXT

RulesArgument = Annotated[str, typer.Argument(metavar="FILE", help="Rules in TOML; - is stdin.")]


def read_rules(file: str) -> Ruleset:
    """The ruleset in a file. Raises InvalidRules, naming the file and every key that is wrong."""
    name = "standard input" if file == STANDARD_INPUT else file
    try:
        if file == STANDARD_INPUT:
            return parse_rules(sys.stdin.read(MAX_TEXT + 1), name)
        with Path(file).open(encoding="utf-8-sig") as opened:
            return parse_rules(opened.read(MAX_TEXT + 1), name)
    except OSError as error:
        raise InvalidRules(f"{name} can't be read: {error.strerror}") from None
    except UnicodeError:
        raise InvalidRules(f"{name} is not UTF-8 text") from None
    except ValueError as error:  # a name that no file can have
        raise InvalidRules(f"{name} can't be read: {error}") from None
