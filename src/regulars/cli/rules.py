"""`rules`: show, check, compare, publish and roll back rules."""

from __future__ import annotations

import sys
from datetime import date
from typing import Annotated

import typer
from rich.text import Text

from regulars.adapters.store.rules_text import as_toml
from regulars.cli import as_json, difference, render
from regulars.cli.holidays import said_of_holidays, years_listed
from regulars.cli.opening import ActorOption, JsonOption, StoreOption, open_to_ask, open_to_change
from regulars.cli.progress import waiting
from regulars.cli.rules_file import RulesArgument, read_rules
from regulars.cli.words import parse_moment
from regulars.cli.workers import WorkersOption, workers_for
from regulars.crm import Regulars
from regulars.crm_domain.errors import InvalidRules
from regulars.crm_domain.rulebook import short
from regulars.rules_door.publishing import Publication, RulesVersion

REFUSED = 1

ParkOption = Annotated[
    bool,
    typer.Option(
        "--park", help="Leave a customer behind whose event can't be folded, and go on; else that stops everything."
    ),
]
Reason = Annotated[str, typer.Option(metavar="TEXT", help="Why. It is kept in the clear, so name no customer.")]

STOPPED = "Stopped. The live answers were not touched; the same command goes on where it was."


def show(
    ctx: typer.Context,
    version: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Another version; `rules history` lists them.")
    ] = None,
    json: JsonOption = False,
    db: StoreOption = None,
) -> None:
    """Print the rules in force as the TOML file that the other commands take."""
    with open_to_ask(ctx, db) as crm:
        found = crm.rules.in_force if version is None else crm.rules.version(version)
    if json:
        as_json.write_json(sys.stdout, as_json.ruleset(found))
    else:
        sys.stdout.write(as_toml(found))


def check(file: RulesArgument, json: JsonOption = False) -> None:
    """Check a file of rules, and name every key that is wrong.

    Where business hours keep holidays, it says for which years these are listed. The exit status is 1 where something
    is wrong. No store is needed.
    """
    try:
        found = read_rules(file)
    except InvalidRules as error:
        if not json:
            raise
        objections = [line.strip() for line in str(error).splitlines()]
        as_json.write_json(sys.stdout, {"ok": False, "objections": objections})
        raise typer.Exit(REFUSED) from None
    if json:
        listed = years_listed(found)
        as_json.write_json(sys.stdout, {"ok": True, "digest": found.digest(), "holidays_listed": listed})
    else:
        render.draw(f"ok {found.digest()}", *said_of_holidays(found))


def diff(
    ctx: typer.Context,
    file: RulesArgument,
    as_of: Annotated[
        date | None,
        typer.Option("--as-of", metavar="WHEN", parser=parse_moment, help="As of a day or a moment; now, by default."),
    ] = None,
    limit: Annotated[
        int, typer.Option(min=0, metavar="N", help="Explain at most so many moves, the most valuable first.")
    ] = 20,
    json: JsonOption = False,
    db: StoreOption = None,
) -> None:
    """Preview other rules: who would move, from what to what, why, and what they are worth.

    Everyone is folded under both. Nothing is changed.
    """
    new = read_rules(file)
    with open_to_ask(ctx, db) as crm:
        old = crm.rules.in_force
        with waiting("comparing", if_stopped="Stopped.") as on_progress:
            found = crm.rules.diff(new, as_of=as_of, on_progress=on_progress)
        explained = found.explain(found.moves[:limit])
        if json:
            as_json.write_json(sys.stdout, as_json.difference(found, explained, found.refs()))
        else:
            render.draw(*difference.drawn(found, explained, old, new, crm.ruleset.zone))
            if found:  # a line to be copied, so it stays one whatever the width
                render.console().print(
                    Text(f"  regulars rules publish {render.clean(file)} --reason TEXT"), soft_wrap=True
                )


def publish(
    ctx: typer.Context,
    file: RulesArgument,
    reason: Reason,
    park: ParkOption = False,
    workers: WorkersOption = None,
    actor: ActorOption = None,
    json: JsonOption = False,
    db: StoreOption = None,
) -> None:
    """Put other rules in force. Everyone is judged by them first, and then all answers change at once.

    Queries and commands go on meanwhile. `rules diff` says beforehand what will change.
    """
    new = read_rules(file)
    with open_to_change(ctx, db, actor) as crm:
        afresh: list[str] = []
        with waiting("judging", if_stopped=STOPPED) as on_progress:
            done = crm.rules.publish(
                new,
                reason=reason,
                park=park,
                workers=workers_for(crm, workers),
                on_progress=on_progress,
                on_afresh=afresh.append,
            )
        _tell(crm, done, "Published", afresh, json)


def rollback(
    ctx: typer.Context,
    reason: Reason,
    park: ParkOption = False,
    workers: WorkersOption = None,
    actor: ActorOption = None,
    json: JsonOption = False,
    db: StoreOption = None,
) -> None:
    """Put the previous rules in force again. The history records it like any other change."""
    with open_to_change(ctx, db, actor) as crm:
        afresh: list[str] = []
        with waiting("judging", if_stopped=STOPPED) as on_progress:
            done = crm.rules.rollback(
                reason=reason,
                park=park,
                workers=workers_for(crm, workers),
                on_progress=on_progress,
                on_afresh=afresh.append,
            )
        _tell(crm, done, "Rolled back", afresh, json)


def history(ctx: typer.Context, json: JsonOption = False, db: StoreOption = None) -> None:
    """List all versions of the rules, the latest last, with who published them and why."""
    with open_to_ask(ctx, db) as crm:
        found, zone = crm.rules.history(), crm.ruleset.zone
    if json:
        as_json.write_array(sys.stdout, map(as_json.rules_version, found))
        return
    rows = (
        (
            f"{each.number}{' (in force)' * each.in_force}",
            short(each.digest),
            render.day(each.published_at, zone),
            each.actor or "",
            _why(each),
        )
        for each in found
    )
    render.draw(render.table(("Version", "Rules", "Since", "By", "Why"), rows, fold=4))


def _why(each: RulesVersion) -> str:
    if each.reason is None:
        return "what the store was founded with"
    return f"rolled back: {each.reason}" if each.rolled_back else each.reason


def _tell(crm: Regulars, done: Publication, what: str, afresh: list[str], json: bool) -> None:
    render.tell_what_began_afresh(afresh)
    if json:
        as_json.write_json(sys.stdout, as_json.publication(done) | {"begun_afresh": afresh})
    elif done.changed:
        render.draw(
            f"{what}: version {done.number}, rules {short(done.digest)}, is in force; generation {done.generation} "
            "answers."
        )
    else:
        render.draw(f"Rules {short(done.digest)} are in force already, as version {done.number}; nothing changed.")
    render.tell_who_is_parked(crm.status().parked)
