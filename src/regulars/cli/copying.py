"""`copy`: copying a store to another database, with a progress bar."""

from __future__ import annotations

import sys
from typing import Annotated

import typer
from rich.text import Text

import regulars
from regulars.adapters.sql.database import parse_url
from regulars.adapters.sql.driver_errors import name_of
from regulars.cli import as_json, render
from regulars.cli.given import given
from regulars.cli.opening import JsonOption, extensions
from regulars.cli.progress import waiting


def copy(
    ctx: typer.Context,
    source: Annotated[str, typer.Argument(metavar="FROM", help="The store: a file, or a database URL.")],
    target: Annotated[str, typer.Argument(metavar="TO", help="A new file, or the URL of an empty database.")],
    json: JsonOption = False,
) -> None:
    """Copy a store to another database: from SQLite to PostgreSQL, back, or to the same kind.

    All of it is copied, as of one moment and while others write, or nothing. The copy has the keys to personal data:
    guard it like the original.
    """
    for option in sorted(given(ctx).typed):
        raise typer.BadParameter(
            f"both stores are named after the command, without --{option}; a URL names its schema: ?schema=crm",
            param_hint=f"--{option}",
        )
    brought = extensions(ctx)
    with waiting("copying", if_stopped="Stopped. Nothing was copied.") as on_progress:
        count = regulars.copy(source, target, on_progress, extensions=brought)
    name = name_of(parse_url(target))
    if json:
        as_json.write_json(sys.stdout, {"source": name_of(parse_url(source)), "target": name, "events": count})
    else:
        render.draw(Text(render.clean(f"Copied {count:,} {'event' if count == 1 else 'events'} to {name}.")))
