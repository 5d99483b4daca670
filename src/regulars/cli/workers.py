"""`--workers`: how many processes replay a long log."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from regulars.crm import Regulars

# Below that, starting processes takes longer than they save.
WORTH_SEVERAL = 100_000
MOST = 8

WorkersOption = Annotated[
    int | None,
    typer.Option(
        "--workers",
        metavar="N",
        min=1,
        max=64,
        help="Processes that fold. From 100,000 events on as many as there are processors, up to 8; else one.",
    ),
]


def workers_for(crm: Regulars, asked: int | None) -> int:
    """As many as were asked for, or as pay for this store."""
    if asked is not None:
        return asked
    return min(os.cpu_count() or 1, MOST) if crm.event_count >= WORTH_SEVERAL else 1
