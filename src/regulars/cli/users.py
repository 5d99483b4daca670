"""`users`: who may sign in to the console. A password is typed twice, unseen, or read from standard input."""

from __future__ import annotations

import getpass
import sys
from typing import Annotated

import typer
from rich.text import Text

from regulars.asking.dicts import to_dict
from regulars.cli import as_json, render
from regulars.cli.opening import JsonOption, StoreOption, open_to_ask, open_to_change
from regulars.upkeep.tokens import Role

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="What they sign in with, and are recorded as.")]
RoleOption = Annotated[Role, typer.Option(help="What they may do: ask; record, too; or everything.")]


def add(
    ctx: typer.Context, name: NameArgument, role: RoleOption, json: JsonOption = False, db: StoreOption = None
) -> None:
    """Add a user of the console; the password is asked for.

    It has 12 to 256 characters. From the first user on, `regulars serve` asks for a name and a password.
    """
    with open_to_change(ctx, db) as crm:
        try:
            user = crm.users.add(name, role=role, password=_password())
        except ValueError as error:
            raise typer.BadParameter(str(error)) from None
    _say(json, f"{user.name} may sign in, as {user.role}.", {"user": to_dict(user)})


def show(ctx: typer.Context, json: JsonOption = False, db: StoreOption = None) -> None:
    """List the users of the console."""
    with open_to_ask(ctx, db) as crm:
        found = crm.users.list()
    if json:
        as_json.write_array(sys.stdout, map(to_dict, found))
    elif found:
        rows = (
            (
                each.name,
                each.role,
                f"{each.made_at:%Y-%m-%d}",
                f"{each.disabled_at:%Y-%m-%d}" if each.disabled_at else "",
            )
            for each in found
        )
        render.draw(render.table(("Name", "Role", "Added", "Disabled"), rows, fold=0))
    else:
        render.draw(Text("There is no user; `regulars users add` adds one."))


def password(ctx: typer.Context, name: NameArgument, json: JsonOption = False, db: StoreOption = None) -> None:
    """Give a user another password, and sign them out everywhere."""
    with open_to_change(ctx, db) as crm:
        try:
            crm.users.set_password(name, _password())
        except ValueError as error:
            raise typer.BadParameter(str(error)) from None
    _say(json, f"{name} has another password, and is signed out everywhere.", {"name": name})


def role(
    ctx: typer.Context, name: NameArgument, role: RoleOption, json: JsonOption = False, db: StoreOption = None
) -> None:
    """Give a user another role, and sign them out everywhere."""
    with open_to_change(ctx, db) as crm:
        crm.users.set_role(name, role)
    _say(json, f"{name} is now {role}, and is signed out everywhere.", {"name": name, "role": role})


def disable(ctx: typer.Context, name: NameArgument, json: JsonOption = False, db: StoreOption = None) -> None:
    """Keep a user out from now on, signed in or not."""
    with open_to_change(ctx, db) as crm:
        crm.users.disable(name)
    _say(json, f"{name} may no longer sign in, and is signed out everywhere.", {"name": name})


def enable(ctx: typer.Context, name: NameArgument, json: JsonOption = False, db: StoreOption = None) -> None:
    """Let a user in again who was disabled."""
    with open_to_change(ctx, db) as crm:
        crm.users.enable(name)
    _say(json, f"{name} may sign in again.", {"name": name})


def _password() -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    typed = getpass.getpass("Password: ")
    if getpass.getpass("The same again: ") != typed:
        raise typer.BadParameter("the two passwords differ")
    return typed


def _say(json: bool, sentence: str, value: object) -> None:
    if json:
        as_json.write_json(sys.stdout, value)
    else:
        render.draw(Text(sentence))
