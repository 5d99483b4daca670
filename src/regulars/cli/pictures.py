"""The forms of an answer: drawn, as JSON, as rows, or with `--svg FILE` as a picture."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.console import ConsoleRenderable

from regulars.cli import as_json, render
from regulars.cli.csv_cells import Decimals, Rows, WriteRow, require_one, rows_asked
from regulars.cli.files import file_to_write
from regulars.crm import Regulars

SvgOption = Annotated[Path | None, typer.Option("--svg", metavar="FILE", help="Draw it into this new file.")]
ForceOption = Annotated[bool, typer.Option("--force", help="With --svg: replace the file where there is one.")]


@dataclass(frozen=True, slots=True)
class Form:
    """How an answer is wanted: drawn, as JSON, as rows, or as a picture."""

    json: bool
    rows: Rows
    svg: Path | None
    force: bool

    def answer(
        self,
        crm: Regulars,
        *,
        picture: Callable[[], str],
        as_object: Callable[[], as_json.Object],
        write_rows: Callable[[WriteRow], None],
        drawn: Iterable[ConsoleRenderable | str],
    ) -> None:
        """Give the answer in this form; of the others nothing is made."""
        if self.svg is not None:
            write_svg(crm, self.svg, picture(), force=self.force)
        elif self.json:
            as_json.write_json(sys.stdout, as_object())
        elif self.rows.are_asked:
            with self.rows.written(crm) as write:
                write_rows(write)
        else:
            render.draw(*drawn)


def form_asked(
    *, json: bool, as_csv: bool, raw: bool, excel: Decimals | None, xlsx: Path | None, svg: Path | None, force: bool
) -> Form:
    """The form that some options ask for. Raises typer.BadParameter for options that exclude each other."""
    rows = rows_asked(as_csv=as_csv, raw=raw, excel=excel, xlsx=xlsx, json=json)
    require_one_way(svg, force, json=json, csv=as_csv, excel=excel is not None, xlsx=xlsx is not None)
    return Form(json, rows, svg, force)


def require_one_way(svg: Path | None, force: bool, **others: bool) -> None:
    """Raise typer.BadParameter for two ways of answering at once, and for --force without a picture."""
    require_one({f"--{name}": is_wanted for name, is_wanted in others.items()} | {"--svg": svg is not None})
    if force and svg is None:
        raise typer.BadParameter("it means something only together with --svg", param_hint="--force")


def write_svg(crm: Regulars, svg: Path, picture: str, *, force: bool) -> None:
    """Write a picture, and say where."""
    with file_to_write(svg, crm, replace=force) as file:
        file.write(picture.encode())
    render.draw(f"Drawn into {render.clean(str(svg))}.")
