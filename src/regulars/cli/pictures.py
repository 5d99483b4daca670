"""`--svg FILE`: the answer as a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from regulars.cli import render
from regulars.cli.files import file_to_write
from regulars.crm import Regulars

SvgOption = Annotated[Path | None, typer.Option("--svg", metavar="FILE", help="Draw it into this new file.")]
ForceOption = Annotated[bool, typer.Option("--force", help="With --svg: replace the file where there is one.")]


def require_one_way(svg: Path | None, force: bool, **others: bool) -> None:
    """Raise typer.BadParameter for two ways of answering at once, and for --force without a picture."""
    wanted = [name for name, is_wanted in others.items() if is_wanted] + (["svg"] if svg is not None else [])
    if len(wanted) > 1:
        raise typer.BadParameter("choose one of them", param_hint=" and ".join(f"--{name}" for name in wanted))
    if force and svg is None:
        raise typer.BadParameter("it means something only together with --svg", param_hint="--force")


def write_svg(crm: Regulars, svg: Path, picture: str, *, force: bool) -> None:
    """Write a picture, and say where."""
    with file_to_write(svg, crm, replace=force) as file:
        file.write(picture.encode())
    render.draw(f"Drawn into {render.clean(str(svg))}.")
