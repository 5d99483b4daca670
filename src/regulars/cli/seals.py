"""`seal`, and the result of checking seals."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Annotated

import typer
from rich.console import ConsoleRenderable
from rich.text import Text

from regulars.adapters.sealing.checking import EventDamage, SealCheck, SealDamage, parse_root
from regulars.cli import as_json, render
from regulars.cli.opening import JsonOption, StoreOption, open_to_change
from regulars.cli.progress import waiting


def _root(text: str) -> str:
    try:
        return parse_root(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


AgainstOption = Annotated[
    str | None,
    typer.Option(metavar="ROOT", parser=_root, help="A root that `regulars seal` said once, noted elsewhere."),
]


def seal(ctx: typer.Context, json: JsonOption = False, db: StoreOption = None) -> None:
    """Seal what was recorded since the last seal, so that `regulars verify` detects a later change.

    The root stands for everything up to there. Note it where those who can write the store can't, and give it to
    `regulars verify --against` later.
    """
    with (
        open_to_change(ctx, db) as crm,
        waiting("sealing", if_stopped="Stopped. What was sealed stays.") as on_progress,
    ):
        done = crm.seal(on_progress)
    if json:
        as_json.write_json(sys.stdout, as_json.sealing(done))
        return
    if done.events:
        render.draw(f"Sealed {_events(done.events)} in {_counted(done.blocks, 'block')}, up to #{done.last}.")
    else:
        render.draw("Nothing was recorded since the last seal." if done.seals else "There is nothing to seal yet.")
    if done.root:
        render.draw(f"root  {done.root}")


def drawn(found: SealCheck) -> Iterator[ConsoleRenderable]:
    """What came of checking the seals."""
    yield Text(_summary(found))
    if found.root:
        yield Text(f"root    {found.root}")
    if found.against:
        yield Text(_noted(found), style="" if found.noted else "bold")
    if not found.is_founded_so:
        yield Text("The founding rules are not those that were sealed.", style="bold")
    if found.damaged_seals:
        yield Text(f"\nSeals not as they were made: {found.damaged_seals:,}\n", style="bold")
        yield render.table(("Seal", "Covers", "What happened"), map(_seal_row, found.seal_damages), fold=2)
        yield from _more(found.damaged_seals - len(found.seal_damages))
    if found.damaged_events:
        yield Text(f"\nEvents not as they were sealed: {found.damaged_events:,}\n", style="bold")
        yield render.table(("Event", "What happened", "Seal", "Covers"), map(_event_row, found.event_damages))
        yield from _more(found.damaged_events - len(found.event_damages))
    if found.never_drawn:
        yield Text(f"\n{render.never_drawn(found.never_drawn)}\n", style="bold")
    if not found.is_intact:
        yield Text("\nA backup from before shows what it was.\n")


def _summary(found: SealCheck) -> str:
    if not found.seals:
        return f"Sealed: nothing yet; {_events(found.unsealed)} not sealed." if found.unsealed else "Sealed: nothing."
    all_well = ", all as they were" if found.is_intact else ""
    after = f"{_events(found.unsealed)} after the last seal" if found.unsealed else "nothing after the last seal"
    return f"Sealed: {_events(found.events)} in {_counted(found.seals, 'block')}{all_well}; {after}."


def _noted(found: SealCheck) -> str:
    if found.noted is None:
        return (
            "No seal has the root that was noted: the log was cut off, put back from a backup or written again since "
            "then, or the root is another store's."
        )
    return f"The root that was noted is that of seal {found.noted.number}: everything up to #{found.noted.last}."


def _event_row(each: EventDamage) -> tuple[str, ...]:
    what = each.what if each.moved_to is None else f"{each.what} to #{each.moved_to}"
    return f"#{each.position}", what, str(each.seal), _span(each.first, each.last)


def _seal_row(each: SealDamage) -> tuple[str, ...]:
    what = "doesn't follow from the seal before" if each.what == "unlinked" else each.what
    return (
        str(each.number),
        _span(each.first, each.last),
        what if each.compared else f"{what}; its events can't be compared",
    )


def _span(first: int | None, last: int | None) -> str:
    return "" if first is None or last is None else f"#{first}–#{last}"


def _more(count: int) -> Iterator[ConsoleRenderable]:
    if count:
        yield Text(f"and {count:,} more")


def _events(count: int) -> str:
    return _counted(count, "event")


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"
