"""`generations`, `rollback` and `prune`: the generations of read models."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence

import typer
from rich.text import Text

from regulars.adapters.read_models.generations import in_short
from regulars.asking.views import BuildView
from regulars.cli import as_json, render
from regulars.cli.opening import JsonOption, StoreOption, open_to_ask, open_to_change
from regulars.crm_domain.rulebook import short
from regulars.upkeep.read_models import GenerationView


def generations(ctx: typer.Context, json: JsonOption = False, db: StoreOption = None) -> None:
    """List the generations of read models that are kept, which of them answers, and what each is made of.

    The live one answers, and the previous one is kept to go back to. A scratch one was built for a question with
    --known-at or --rules; `regulars prune` drops it.
    """
    with open_to_ask(ctx, db) as crm:
        found, zone = crm.projections.generations(), crm.ruleset.zone
    if json:
        as_json.write_array(sys.stdout, ({"state": _state(each)} | as_json.generation(each) for each in found))
        return
    rows = (
        (
            str(each.number),
            _state(each),
            short(each.rules_digest),
            "" if each.made_at is None else render.minute(each.made_at, zone),
            f"#{each.checkpoint}" + ("" if each.known_until is None else f" of #{each.known_until}"),
        )
        for each in found
    )
    render.draw(
        render.table(("Number", "State", "Rules", "Made", "Folded up to"), rows),
        "",
        render.table(("Projection", "Build", "In generations", "Folded up to"), _builds(found)),
        *(Text(f"\n{each.number} is stale: {render.clean(in_short(each.stale))}") for each in found if each.stale),
    )


def _builds(found: Sequence[GenerationView]) -> Iterator[tuple[str, str, str, str]]:
    """Each build once, with the generations that share it."""
    sharing: dict[BuildView, list[int]] = {}
    for generation in found:
        for build in generation.builds:
            sharing.setdefault(build, []).append(generation.number)
    for build in sorted(sharing, key=lambda build: (build.name, build.number)):
        yield build.name, str(build.number), ", ".join(map(str, sharing[build])), f"#{build.checkpoint}"


def rollback(ctx: typer.Context, json: JsonOption = False, db: StoreOption = None) -> None:
    """Make the previous generation live again, where it was judged by the same rules.

    `regulars rules rollback` brings other rules back.
    """
    with open_to_change(ctx, db) as crm:
        number = crm.projections.go_back()
    if json:
        as_json.write_json(sys.stdout, {"generation": number})
    else:
        render.draw(f"Generation {number} answers again.")


def prune(ctx: typer.Context, json: JsonOption = False, db: StoreOption = None) -> None:
    """Drop every generation of read models but the live and the previous one."""
    with open_to_change(ctx, db) as crm:
        gone = crm.projections.prune()
    if json:
        as_json.write_json(sys.stdout, {"dropped": list(gone)})
    elif gone:
        render.draw(f"Dropped: generation{'s' * (len(gone) > 1)} {', '.join(map(str, gone))}.")
    else:
        render.draw("There was nothing to drop: only the live and the previous generation are kept.")


def _state(each: GenerationView) -> str:
    if each.is_live:
        return "live"
    if not each.is_whole:
        return "unfinished"
    return "previous" if each.is_previous else "scratch"
