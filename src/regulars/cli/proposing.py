"""`import` without a mapping: what a file may be, its first rows as they would be taken, and a question."""

from __future__ import annotations

import shlex
import sys
from itertools import islice
from pathlib import Path

import typer

from regulars.adapters.importing import Mapping, Proposal, Row, propose, rows
from regulars.cli import as_json, render
from regulars.cli.agreeing import agrees
from regulars.crm_domain.catalogue import Catalogue
from regulars.crm_domain.command import Command
from regulars.wording.plain_text import clean, clean_lines

ROWS_SHOWN = 3


def agreed_mapping(file: str, catalogue: Catalogue, json: bool) -> Mapping:
    """The mapping that is proposed for a file, where somebody is there to agree to it; else exits with 1.

    Raises NotFound, InvalidMapping.
    """
    proposal = propose(file, catalogue)
    first = list(islice(rows(file, proposal.mapping, catalogue, bytes.hex), ROWS_SHOWN))
    if json:
        as_json.write_json(sys.stdout, as_json.proposal(proposal, first))
        raise typer.Exit(1)
    _say(file, proposal, first)
    if sys.stdin.isatty():
        if agrees("Import it so?"):
            return proposal.mapping
        typer.echo("Nothing was imported.", err=True)
    else:
        typer.echo(f"regulars: nothing was imported; {_what_to_do(file, proposal)}", err=True)
    raise typer.Exit(1)


def _say(file: str, proposal: Proposal, first: list[Row]) -> None:
    name = clean(Path(file).name)
    if proposal.preset is not None:
        render.draw(f"{name} looks like {proposal.preset.of}; that is the mapping {proposal.preset.name}:\n")
    else:
        render.draw(f"{name} is like no export that is known. A draft of its mapping:\n")
    typer.echo(clean_lines(proposal.text))  # not wrapped, so that it can be copied
    told = [f"line {row.line}  {row.problem or _sentence(row.commands)}" for row in first]
    render.draw("Its first rows would be taken as:", *(told or ["nothing: there are no rows"]))


def _sentence(commands: tuple[Command, ...]) -> str:
    return "; ".join(_written(each) for each in commands)


def _written(command: Command) -> str:
    fields = command.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
    return " ".join([type(command).__name__, *(f"{name}={value}" for name, value in fields.items())])


def _what_to_do(file: str, proposal: Proposal) -> str:
    if proposal.preset is not None:
        return f"to take it so: regulars import {shlex.quote(file)} --mapping {proposal.preset.name}"
    target = shlex.quote(str(Path(Path(file).name).with_suffix(".toml")))
    return f"save the draft as {target}, look through it, and import with --mapping {target}"
