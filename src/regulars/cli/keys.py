"""`keys`: the master key, from the environment or a file, never from an argument."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from regulars.adapters.vault.keyring import new_master_key
from regulars.cli import as_json, render
from regulars.cli.files import keep_to_the_owner
from regulars.cli.opening import JsonOption, StoreOption, open_to_change, parsed_key
from regulars.cli.progress import PATIENCE, Bar, shown_progress

NEW_KEY_VARIABLE = "REGULARS_NEW_MASTER_KEY"


def new(json: JsonOption = False) -> None:
    """Print a random master key. Keep it where the store and its backups are not.

    A file that it is redirected to is from then on for its owner alone.
    """
    key = new_master_key()
    keep_to_the_owner()
    if json:
        as_json.write_json(sys.stdout, {"master_key": key})
    else:
        sys.stdout.write(f"{key}\n")


def rotate(
    ctx: typer.Context,
    new_key_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A file with the new master key; else REGULARS_NEW_MASTER_KEY has it."),
    ] = None,
    to_none: Annotated[
        bool, typer.Option("--to-none", help="Store the keys unwrapped again: no master key is needed then.")
    ] = False,
    json: JsonOption = False,
    db: StoreOption = None,
) -> None:
    """Wrap the store's keys with another master key: the first one, or in place of the current one.

    The one of now is REGULARS_MASTER_KEY. All keys are wrapped again or none. What has the store open must open it
    again with the new one. Backups from before still open with the one of then.
    """
    key = _new_key(new_key_file, to_none)
    with open_to_change(ctx, db) as crm, shown_progress() as progress:
        bar = Bar(progress, "wrapping", "keys", patience=PATIENCE)

        def on_progress(wrapped: int, total: int) -> None:
            bar.move(wrapped, total, wrapped)

        keys = crm.keys
        done = keys.unwrap(on_progress=on_progress) if key is None else keys.rotate(key, on_progress=on_progress)
    if json:
        as_json.write_json(sys.stdout, as_json.rotation(done))
        return
    count = "1 customer's key" if done.keys == 1 else f"{done.keys:,} customers' keys"
    said = [f"Wrapped {count}. From now on the store opens with the new master key, and with no other."]
    if not done.wrapped:
        said = [f"Unwrapped {count}. From now on the store opens without a master key."]
    if done.pending:
        said.append(f"Pending: {render.erasing(done.owner_needed)}")
    render.draw(*map(Text, said))


def _new_key(file: Path | None, to_none: bool) -> str | None:
    """The new master key as text; None for no master key any more."""
    variable = os.environ.get(NEW_KEY_VARIABLE)
    if to_none:
        if file is not None:
            raise typer.BadParameter("there is no new master key with --to-none", param_hint="--new-key-file")
        return None
    if file is not None:
        return parsed_key(file.read_text(encoding="ascii", errors="replace"), str(file))
    if not variable:
        raise typer.BadParameter(
            f"a new master key is needed: a file that holds it, or {NEW_KEY_VARIABLE}; `regulars keys new` makes one",
            param_hint="--new-key-file",
        )
    return parsed_key(variable, NEW_KEY_VARIABLE)
