"""`archive`: the log as Parquet files."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from regulars.adapters.archive.manifest import MOST_PARTITIONS
from regulars.cli import as_json, render
from regulars.cli.opening import JsonOption, StoreOption, open_to_ask
from regulars.cli.progress import waiting


def archive(
    ctx: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The archive's folder; it is made if there is none.")],
    partitions: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            max=MOST_PARTITIONS,
            help="Into how many partitions a new archive divides the customers; it keeps the number. By default 16.",
        ),
    ] = None,
    json: JsonOption = False,
    db: StoreOption = None,
) -> None:
    """Add what was recorded since the last run to an archive of Parquet files.

    Events are there as they are stored, personal data encrypted and without any key. `regulars rebuild --spark` folds
    an archive on a cluster, `regulars restore --from-archive` completes a backup from it.
    """
    if_stopped = "Stopped. The archive is as it was."
    with open_to_ask(ctx, db) as crm, waiting("archiving", if_stopped=if_stopped) as on_progress:
        done = crm.archive(folder, partitions=partitions, on_progress=on_progress)
    if json:
        as_json.write_json(sys.stdout, as_json.archived(str(folder), done))
    elif done.added:
        events = "1 event" if done.added == 1 else f"{done.added:,} events"
        render.draw(f"Archived {events} to {render.clean(str(folder))}: run {done.runs}, up to event #{done.until}.")
    else:
        render.draw(f"Nothing is new: {render.clean(str(folder))} has everything up to event #{done.until}.")
