"""`do` and `commands`: giving commands, and listing them."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Mapping
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer
from pydantic import ValidationError

from regulars.cli import as_json, render
from regulars.cli.asking import zone_of
from regulars.cli.opening import (
    ActorOption,
    CurrencyOption,
    JsonOption,
    StoreOption,
    is_missing,
    open_to_rehearse,
    open_to_write,
    registry,
)
from regulars.crm_domain.command import Command
from regulars.crm_domain.errors import Rejected
from regulars.crm_domain.explain_invalid import sentence
from regulars.wording.fields import fields_of, first_line, read_fields, with_zone
from regulars.wording.typed import read_json


def do(
    ctx: typer.Context,
    command: Annotated[str, typer.Argument(metavar="COMMAND", help="A command; `regulars commands` lists them.")],
    fields: Annotated[
        list[str] | None,
        typer.Argument(metavar="FIELDS", help="name=value ..., or one JSON object. name= with nothing clears it."),
    ] = None,
    actor: ActorOption = None,
    currency: CurrencyOption = None,
    json: JsonOption = False,
    db: StoreOption = None,
) -> None:
    """Record what happened; the store is made if there is none.

    Values are text. A field that is a list, such as lines, takes JSON. A date
    or a time without an offset is in the business's zone.
    """
    known = registry(ctx).catalogue
    model = _model(command, known.commands)
    given = _given(model, fields or [])
    if is_missing(ctx, db):
        with open_to_rehearse(ctx, actor, currency) as trial:
            trial.do(_built(model, given, zone_of(trial)))  # what is refused makes no store
    with open_to_write(ctx, db, actor, currency) as crm:
        outcome = crm.do(_built(model, given, zone_of(crm)))
        if json:
            as_json.write_json(sys.stdout, as_json.outcome(outcome, known))
        else:
            render.draw(render.outcome(outcome, known, zone_of(crm)))


def commands(
    ctx: typer.Context,
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="Just this one, with what each field takes.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """List what can be recorded: every command with its fields."""
    known = registry(ctx).catalogue.commands
    wanted = list(known.values()) if name is None else [_model(name, known)]
    if json:
        as_json.write_array(sys.stdout, (_as_object(command) for command in wanted))
        return
    drawn = render.commands_overview(wanted) if name is None else render.command_fields(wanted[0])
    render.draw(drawn)


def _model(name: str, commands: Mapping[str, type[Command]]) -> type[Command]:
    if name in commands:
        return commands[name]
    by_lower_case = {known.lower(): known for known in commands}
    near = difflib.get_close_matches(name.lower(), by_lower_case, n=1)
    guess = f"did you mean {by_lower_case[near[0]]}? " if near else ""
    raise typer.BadParameter(
        f'there is no command "{name}"; {guess}`regulars commands` lists them', param_hint="COMMAND"
    )


def _given(model: type[Command], words: list[str]) -> Any:
    return _json_object(words[0]) if len(words) == 1 and words[0].lstrip().startswith("{") else _pairs(model, words)


def _built(model: type[Command], given: Any, zone: ZoneInfo) -> Command:
    try:
        return model.model_validate(with_zone(model, given, zone) if isinstance(given, dict) else given)
    except ValidationError as error:
        raise Rejected("invalid", f"{model.__name__}: {sentence(error)}") from None
    except ValueError as error:
        raise Rejected("invalid", f"{model.__name__}: {error}") from None


def _json_object(text: str) -> Any:
    try:
        return read_json(text)
    except ValueError as error:
        raise typer.BadParameter(f"this is not JSON: {error}", param_hint="FIELDS") from None


def _pairs(model: type[Command], words: list[str]) -> dict[str, Any]:
    given: dict[str, str] = {}
    for word in words:
        name, separator, value = word.partition("=")
        if not separator or not name.isidentifier():
            raise typer.BadParameter(f'expected name=value, or one JSON object, not "{word}"', param_hint="FIELDS")
        if name in given:
            raise typer.BadParameter(f"{name} is given twice", param_hint="FIELDS")
        given[name] = value
    try:
        return read_fields(model, given)
    except ValueError as error:
        raise typer.BadParameter(f"a value that should be JSON is not: {error}", param_hint="FIELDS") from None


def _as_object(command: type[Command]) -> as_json.Object:
    return {
        "command": command.__name__,
        "does": first_line(command),
        "fields": [
            {"name": field.name, "takes": field.takes, "required": field.required} for field in fields_of(command)
        ],
    }
