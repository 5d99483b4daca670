"""The result of comparing the records that are kept beside the log with the log."""

from __future__ import annotations

from collections.abc import Iterator

import typer
from rich.console import ConsoleRenderable
from rich.text import Text

from regulars.adapters.checking.result import Kind, RecordCheck
from regulars.cli import render

_NAMES: dict[Kind, tuple[str, str]] = {
    "rules": ("generation that answers", "generations that answer"),
    "key": ("key", "keys"),
    "look-up": ("look-up", "look-ups"),
    "link": ("link of a merge", "links of merges"),
    "consent": ("word of consent", "words of consent"),
    "forgotten": ("forgotten customer", "forgotten customers"),
    "currency": ("amount", "amounts"),
    "outcome": ("outcome of a command", "outcomes of commands"),
    "database": ("index", "indexes"),
}
_BY_A_REBUILD = (
    "`regulars rebuild` writes look-ups, links, consents, who was forgotten and indexes of extensions from the log, "
    "as far as the log can be read."
)
_BACKUP = "A backup from before has what it was."
_CURES: dict[Kind, str] = {
    "key": _BACKUP,
    "currency": _BACKUP,
    "outcome": _BACKUP,
    "rules": "`regulars rebuild` folds by the rules that the log says are in force.",
    "database": "SQL's own REINDEX rebuilds an index; for anything else there are backups.",
}


def drawn(found: RecordCheck) -> Iterator[ConsoleRenderable]:
    """What was compared, what is wrong, and what isn't covered."""
    yield Text(
        f"Compared with the log: {', '.join(counted(each.kind, each.count) for each in found.compared if each.count)}."
    )
    if not found.holds:
        yield Text(f"\nNot as the log says: {found.wrong:,}\n", style="bold")
        rows = ((each.kind, each.of, each.what) for each in found.faults)
        yield render.table(("What", "Of", "What is wrong"), rows, fold=2)
        if more := found.wrong - len(found.faults):
            yield Text(f"and {more:,} more")
        kinds = dict.fromkeys(each.kind for each in found.faults)
        yield Text("\n{}\n".format("\n".join(dict.fromkeys(_CURES.get(kind, _BY_A_REBUILD) for kind in kinds))))
    yield Text(f"Not covered: {'; '.join(render.clean(f'{each.what} ({each.why})') for each in found.not_covered)}.")


def tell(found: RecordCheck) -> None:
    """Say on stderr what is wrong with what was copied all the same."""
    for each in found.faults:
        typer.echo(f"regulars: {each.kind}: {render.clean(each.of)} {render.clean(each.what)}", err=True)
    if more := found.wrong - len(found.faults):
        typer.echo(f"regulars: and {more:,} more", err=True)
    typer.echo(
        "regulars: the copy has all that there was, and this is wrong with a sample of it; `regulars verify` on it "
        "compares everything",
        err=True,
    )


def counted(kind: Kind, count: int) -> str:
    """So many of a kind, in words."""
    one, many = _NAMES.get(kind, (f"entry of {kind}", f"entries of {kind}"))
    return f"{count:,} {one if count == 1 else many}"
