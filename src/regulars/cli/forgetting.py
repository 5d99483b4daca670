"""`forget`, `forgotten` and `restore`: forgetting customers, and forgetting them again in a restored backup."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

import regulars
from regulars.cli import as_json, render
from regulars.cli.opening import (
    ActorOption,
    JsonOption,
    StoreOption,
    acting,
    extensions,
    is_missing,
    master_key,
    open_to_ask,
    open_to_change,
    store_meant,
)
from regulars.cli.records import tell as tell_what_is_wrong
from regulars.crm import Regulars
from regulars.crm_domain.command import CustomerId
from regulars.crm_domain.errors import RegularsError, StoreUnusable
from regulars.doing.forgetting import Forgetting, Forgotten

REFUSED = 1

ListOption = Annotated[
    str | None,
    typer.Option(
        "--erased-from", metavar="STORE_OR_LIST", help="A store, or a file with what `regulars forgotten` prints."
    ),
]


def forget(
    ctx: typer.Context,
    who: Annotated[
        str | None, typer.Argument(metavar="WHO", help="A reference, an e-mail, a phone number, or id:…")
    ] = None,
    reason: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Why. It is kept in the clear, so it must name nobody.")
    ] = None,
    erased_from: ListOption = None,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask whether it is meant.")] = False,
    actor: ActorOption = None,
    json: JsonOption = False,
    db: StoreOption = None,
) -> None:
    """Forget a customer's personal data. It can't be undone; counts and verdicts stay.

    With --erased-from in place of WHO, everyone is forgotten again whom another store, or a list, says was forgotten:
    that is for PostgreSQL, after a restore. `regulars restore` does it by itself.
    """
    if erased_from is not None:
        if who is not None or reason is not None:
            raise typer.BadParameter("it goes with neither WHO nor --reason", param_hint="--erased-from")
        done = _forget_again(ctx, db, actor, erased_from, yes)
    elif who is None or reason is None:
        raise typer.BadParameter("somebody to forget is needed, and a reason", param_hint="WHO --reason")
    else:
        done = _forget(ctx, db, actor, who, reason, yes)
    if json:
        as_json.write_json(sys.stdout, as_json.forgetting(done))
    else:
        render.draw(*map(Text, _told(done)))


def _forget(ctx: typer.Context, db: str | None, actor: str | None, who: str, reason: str, yes: bool) -> Forgetting:
    with open_to_change(ctx, db, actor) as crm:
        customer_id = crm.find(who)
        _require_meant(yes, f"Forget {_described(crm, customer_id)}?")
        return crm.forget(customer_id, reason=reason)


def _forget_again(ctx: typer.Context, db: str | None, actor: str | None, erased_from: str, yes: bool) -> Forgetting:
    reasons = regulars.read_erased(erased_from)
    with open_to_change(ctx, db, actor) as crm:
        _require_meant(yes, f"Forget those of the {len(reasons):,} on that list whom this store still knows?")
        return crm.forget_again(reasons)


def _described(crm: Regulars, customer_id: CustomerId) -> str:
    found = crm.customer(customer_id)
    words = [each for each in (found.name, found.ref and f"({found.ref})") if each]
    merged = f" and {len(found.merged)} merged into them" if found.merged else ""
    return render.clean(" ".join(words) or f"id:{found.id}") + merged


def _require_meant(yes: bool, question: str) -> None:
    """Ask, where there is somebody to ask."""
    if yes or not sys.stdin.isatty():
        return
    typer.echo(f"{question} There is no way back. [y/N] ", nl=False, err=True)
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        typer.echo("Nobody was forgotten.", err=True)
        raise typer.Exit(REFUSED)


def _told(done: Forgetting) -> list[str]:
    if not done.customer_ids:
        said = ["Nobody was forgotten: they were before."]
    else:
        said = [
            f"Forgotten: id:{each}, as event #{position}."
            for each, position in zip(done.customer_ids, done.positions, strict=True)
        ]
        said.append("Backups from before still know them; `regulars restore` forgets them again.")
    said += _reasons_dropped(done.reasons_dropped)
    if done.pending:
        said.append(f"Pending: {render.erasing(done.owner_needed)}")
    return said


def _reasons_dropped(count: int) -> list[str]:
    if not count:
        return []
    reasons = "1 reason of the list was" if count == 1 else f"{count:,} reasons of the list were"
    return [f"{reasons} not kept: it would have named who was forgotten."]


def forgotten(ctx: typer.Context, json: JsonOption = False, db: StoreOption = None) -> None:
    """List who was forgotten: id, event, day and why. Keep the list with the backups.

    It is what --erased-from takes, of `restore` and of `forget`.
    """
    with open_to_ask(ctx, db) as crm:
        found, zone = crm.forgotten(), crm.ruleset.zone
    if json:
        as_json.write_array(sys.stdout, map(as_json.forgotten, found))
        return
    for each in found:
        line = f"id:{each.customer_id} #{each.position} {render.day(each.at, zone)} {_why(each)}".rstrip()
        render.draw(Text(line, overflow="ellipsis", no_wrap=True))


def _why(each: Forgotten) -> str:
    return render.clean(each.reason or "")


def restore(
    ctx: typer.Context,
    backup: Annotated[str, typer.Argument(metavar="BACKUP", help="A file that `regulars backup` made.")],
    target: Annotated[Path, typer.Argument(metavar="TARGET", help="A file that doesn't exist yet.")],
    erased_from: ListOption = None,
    from_archive: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="An archive: the events that were recorded after the backup come from it."),
    ] = None,
    actor: ActorOption = None,
    json: JsonOption = False,
) -> None:
    """Restore a backup to a new file, check it, and forget again those who were forgotten since.

    Without --erased-from, that is whoever the present store says, if there is one: the one --db names. A store on
    PostgreSQL is restored by its own tools, and then `regulars forget --erased-from` forgets them again. With
    --from-archive, the backup's keys and the archive's events are put together: names of customers who were registered
    after the backup can't be read, as their keys are in neither.
    """
    reasons = _erased_since(ctx, erased_from)
    done = regulars.restore(
        backup,
        target,
        erased=reasons,
        actor=acting(ctx, actor),
        on_stale="rebuild",
        master_key=master_key(ctx),
        extensions=extensions(ctx),
        archive=from_archive,
    )
    if json:
        as_json.write_json(sys.stdout, as_json.restoration(str(target), done))
    else:
        _tell_of_restoration(target, done)
    if not done.records.holds:
        tell_what_is_wrong(done.records)
        raise typer.Exit(REFUSED)


def _tell_of_restoration(target: Path, done: regulars.Restoration) -> None:
    added = f", {done.added:,} of them from the archive" if done.added else ""
    render.draw(f"Restored to {render.clean(str(target))}: {done.events:,} events{added}.")
    if done.without_key:
        render.draw(f"Registered after the backup, and not readable without a key: {done.without_key:,} customers.")
    if done.listed is None:
        since = "archive's last event" if done.added else "backup"
        render.draw(
            f"No list of forgotten customers was given, so those who were forgotten after the {since} are known again. "
            "`regulars forget --erased-from` forgets them."
        )
    else:
        render.draw(f"Forgotten again: {len(done.forgotten):,} of {done.listed:,} who were forgotten.")
        for said in _reasons_dropped(done.reasons_dropped):
            render.draw(said)


def _erased_since(ctx: typer.Context, erased_from: str | None) -> dict[str, str | None] | None:
    """Who was forgotten, by what was given or else by the store of the global options, if it is there."""
    if erased_from is not None:
        return regulars.read_erased(erased_from)
    if is_missing(ctx, None):
        return None
    try:
        return regulars.read_erased(store_meant(ctx))
    except RegularsError as error:
        raise StoreUnusable(f"{error}; who was forgotten since can be told by a list, with --erased-from") from None
