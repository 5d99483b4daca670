"""`campaign effect`: what one campaign did, or all of a kind together."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from regulars.asking.dicts import to_dict
from regulars.cli import as_json, campaign_effect_drawn, render
from regulars.cli.asking import zone_of
from regulars.cli.opening import JsonOption, StoreOption, open_to_ask, tell_what_is_missing
from regulars.cli.pictures import ForceOption, SvgOption, require_one_way, write_svg
from regulars.cli.progress import waiting
from regulars.cli.viewpoint import KnownThen, fold_first
from regulars.pictures.effects import effect_svg, effects_svg


def effect(
    ctx: typer.Context,
    campaign: Annotated[str | None, typer.Argument(metavar="ID", help="The campaign's own id, such as spring.")] = None,
    every: Annotated[
        bool, typer.Option("--all", help="All campaigns, those of one kind together, and whom they share.")
    ] = False,
    kind: Annotated[str | None, typer.Option(metavar="KIND", help="With --all: only campaigns of this kind.")] = None,
    known_at: KnownThen = None,
    svg: SvgOption = None,
    force: ForceOption = False,
    json: JsonOption = False,
    db: StoreOption = None,
) -> None:
    """Say what a campaign did: the treated beside those held out, once its decision day is over.

    Two answers stand then: as known when that day was over, which stays, and as known now, with what came back and was
    corrected since.
    """
    require_one_way(svg, force, json=json)
    if every == (campaign is not None):
        raise typer.BadParameter("expected the id of a campaign, or --all", param_hint="ID")
    if kind is not None and not every:
        raise typer.BadParameter("it means something only together with --all", param_hint="--kind")
    with open_to_ask(ctx, db) as crm:
        fold_first(crm)
        zone = zone_of(crm)
        with waiting("reading what they bought", if_stopped="Stopped.", counted="customers") as on_progress:
            if campaign is None:
                effects = crm.campaigns.effects(kind, known_at=known_at, on_progress=on_progress)
                found, drawn = to_dict(effects), campaign_effect_drawn.effects(effects, zone)
            else:
                one = crm.campaigns.effect(campaign, known_at=known_at, on_progress=on_progress)
                found, drawn = to_dict(one), campaign_effect_drawn.effect(one, zone)
        if svg is not None:
            write_svg(crm, svg, effects_svg(effects) if campaign is None else effect_svg(one, zone), force=force)
        elif json:
            as_json.write_json(sys.stdout, found)
        else:
            render.draw(*drawn)
        tell_what_is_missing(crm)
