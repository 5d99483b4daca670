"""`status`, `backup`, `migrate`, `grants` and `demo`."""

from __future__ import annotations

import sys
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

import regulars
from regulars.adapters.schema.tables import VERSION
from regulars.asking.views import LANES
from regulars.cli import as_json, render
from regulars.cli.given import given
from regulars.cli.opening import JsonOption, StoreOption, open_to_ask
from regulars.cli.records import tell as tell_what_is_wrong
from regulars.cli.rules import REFUSED
from regulars.crm_domain.errors import RegularsError, StoreBusy, StoreUnusable
from regulars.session.freshness import USUAL

DEMO_STORE = Path("regulars-demo.db")
DEMO_SEED = 42


def status(ctx: typer.Context, json: JsonOption = False, db: StoreOption = None) -> None:
    """Show the store's health, and how many customers have each verdict."""
    with open_to_ask(ctx, db) as crm:
        with suppress(StoreBusy):  # `behind` says so
            crm.catch_up(within=USUAL)  # what was just recorded should be counted
        found = crm.status()
        if json:
            as_json.write_json(sys.stdout, as_json.status(found))
        else:
            render.draw(render.status(found, {lane: crm.values(lane) for lane in LANES}))


def backup(
    ctx: typer.Context,
    target: Annotated[Path, typer.Argument(metavar="FILE", help="A file that doesn't exist yet.")],
    json: JsonOption = False,
    db: StoreOption = None,
) -> None:
    """Copy the store to a new file, as of one moment and while others write.

    A store that the database itself finds damaged is refused. Where a sample shows that keys, look-ups or other records
    aren't as the log says, the copy is kept, it is said, and the exit status is 1. A store on PostgreSQL is backed up
    with pg_dump.
    """
    with open_to_ask(ctx, db) as crm:
        records = crm.backup(target)
        if json:
            done = {"file": str(target), "bytes": target.stat().st_size, "records": as_json.record_check(records)}
            as_json.write_json(sys.stdout, done)
        else:
            render.draw(f"Copied to {target}, {target.stat().st_size:,} bytes.")
    if not records.holds:
        tell_what_is_wrong(records)
        raise typer.Exit(REFUSED)


def migrate(ctx: typer.Context, json: JsonOption = False, db: StoreOption = None) -> None:
    """Migrate a store of an older version, as opening it to write would."""
    with open_to_ask(ctx, db) as crm:
        version = crm.schema_version
        if crm.read_only and version < VERSION:
            raise StoreUnusable(f"this store is read-only, and stays at schema version {version}")
        if json:
            as_json.write_json(sys.stdout, {"schema_version": version})
        else:
            render.draw(f"The store is at schema version {version}, which is what this version of Regulars writes.")


def grants(
    ctx: typer.Context,
    role: Annotated[str, typer.Argument(metavar="ROLE", help="A role of the PostgreSQL server.")],
    json: JsonOption = False,
    db: StoreOption = None,
) -> None:
    """Print the SQL that lets a PostgreSQL role read the views, and nothing personal.

    Nothing is run: hand it to psql, as the role that owns the store.
    """
    with open_to_ask(ctx, db) as crm:
        try:
            statements = crm.grants_to_read(role)
        except ValueError as error:
            raise typer.BadParameter(str(error), param_hint="ROLE") from None
        if json:
            as_json.write_json(sys.stdout, {"role": role, "statements": list(statements)})
        else:
            sys.stdout.write("".join(f"{each}\n" for each in statements))


def demo(
    ctx: typer.Context,
    db: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="A file that doesn't exist yet. By default regulars-demo.db, or the next free name."
        ),
    ] = None,
    seed: Annotated[int, typer.Option(metavar="N", help="Another seed simulates another business.")] = DEMO_SEED,
    json: JsonOption = False,
) -> None:
    """Walk through two years of a simulated business.

    It gets a fresh store. An existing file is never touched: without --db, the next free
    name is taken, such as regulars-demo-2.db.
    """
    from regulars.demo import run

    path = _fresh(db or _typed(ctx))
    run(Console(quiet=True) if json else render.console(), path, seed)
    if json:
        with regulars.open(path) as crm:
            as_json.write_json(sys.stdout, {"seed": seed} | as_json.status(crm.status()))


def _typed(ctx: typer.Context) -> Path | None:
    """A --db before the command counts; the environment's store is somebody's real one, and doesn't."""
    if "schema" in given(ctx).typed:
        raise typer.BadParameter("the demo makes a file, which has no schemas", param_hint="--schema")
    return Path(given(ctx).store) if "db" in given(ctx).typed else None


def _fresh(path: Path | None) -> Path:
    if path is None:
        names = (DEMO_STORE.with_stem(f"{DEMO_STORE.stem}-{number}") for number in count(2))
        return DEMO_STORE if not DEMO_STORE.exists() else next(name for name in names if not name.exists())
    if path.exists():
        raise RegularsError(f"{path} exists, and the demo only makes a new file; name another")
    return path
