"""`tokens`: who may speak to a store over HTTP. A token is printed once, when it is made."""

from __future__ import annotations

import sys
from typing import Annotated

import typer
from rich.text import Text

from regulars.asking.dicts import to_dict
from regulars.cli import as_json, render
from regulars.cli.files import keep_to_the_owner
from regulars.cli.opening import JsonOption, StoreOption, open_to_ask, open_to_change
from regulars.upkeep.tokens import Role


def new(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Who bears it; what it records is recorded as NAME's.")],
    role: Annotated[Role, typer.Option(help="What it may do: ask; record, too; or everything.")],
    json: JsonOption = False,
    db: StoreOption = None,
) -> None:
    """Make a token, and print it this once: the store keeps a digest of it alone.

    A file that it is redirected to is from then on for its owner alone.
    """
    with open_to_change(ctx, db) as crm:
        made = crm.tokens.new(name, role=role)
    keep_to_the_owner()
    if json:
        as_json.write_json(sys.stdout, to_dict(made))
    else:
        sys.stdout.write(f"{made.text}\n")


def show(ctx: typer.Context, json: JsonOption = False, db: StoreOption = None) -> None:
    """List the tokens in force, without what they are."""
    with open_to_ask(ctx, db) as crm:
        found = crm.tokens.in_force()
    if json:
        as_json.write_array(sys.stdout, map(to_dict, found))
    elif found:
        rows = ((each.name, each.role, each.id, f"{each.made_at:%Y-%m-%d %H:%M} UTC") for each in found)
        render.draw(render.table(("Name", "Role", "Id", "Made"), rows, fold=0))
    else:
        render.draw(Text("There is no token; `regulars tokens new` makes one."))


def revoke(
    ctx: typer.Context,
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="The name of a token, or its id.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Take back all of them.")] = False,
    json: JsonOption = False,
    db: StoreOption = None,
) -> None:
    """Take a token back, at once and in every process that serves the store."""
    if (name is None) != every:
        raise typer.BadParameter("name one token, or say --all", param_hint="NAME")
    with open_to_change(ctx, db) as crm:
        if name is None:
            revoked = crm.tokens.revoke_all()
        else:
            crm.tokens.revoke(name)
            revoked = 1
    if json:
        as_json.write_json(sys.stdout, {"revoked": revoked})
    else:
        render.draw(Text("Revoked 1 token." if revoked == 1 else f"Revoked {revoked:,} tokens."))
