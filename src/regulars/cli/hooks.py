"""`hooks` and `deliver`: where changes are posted, and the process that posts them."""

from __future__ import annotations

import json as json_text
import sys
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from regulars.asking.dicts import to_dict
from regulars.cli import as_json, render
from regulars.cli.opening import JsonOption, StoreOption, open_to_ask, open_to_change
from regulars.cli.progress import PATIENCE, Bar, shown_progress
from regulars.cli.words import parse_moment
from regulars.crm_domain.errors import StoreUnusable
from regulars.hooks.hooks import KINDS
from regulars.hooks.values import Attempt, DeadLetter, Delivered, Hook, NewHook

REFUSED = 1
MAX_SECRET = 1_000

HookArgument = Annotated[str, typer.Argument(metavar="HOOK", help="A hook's id, as `regulars hooks list` has it.")]


def add(
    ctx: typer.Context,
    url: Annotated[str, typer.Argument(metavar="URL", help="Where to post to: https://HOST/PATH.")],
    kinds: Annotated[
        str, typer.Option(metavar="WORDS", help="Which changes, as in tier,fell_due or recorded:PurchaseRecorded.")
    ] = ",".join(KINDS),
    personal: Annotated[
        bool, typer.Option("--personal", help="Post the customer's reference, name, e-mail and phone, too.")
    ] = False,
    secret: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="A file with the secret to sign with, or -; without it one is made."),
    ] = None,
    allow_local: Annotated[
        bool, typer.Option("--allow-local", help="Let it lead to this machine, also by http://.")
    ] = False,
    start: Annotated[
        str,
        typer.Option(
            metavar="WHERE",
            help="Where it starts: now, beginning or after a position; what was then comes as `corrected`.",
        ),
    ] = "now",
    json: JsonOption = False,
    db: StoreOption = None,
) -> None:
    """Add an address that changes are posted to, from now on, by `regulars deliver`.

    What is recorded, what begins and what falls due is posted; corrections, imports among them, and what other rules
    moved only where --kinds asks for them. The secret by which the receiver knows us is printed once.
    """
    given = None if secret is None else _read_secret(secret)
    with open_to_change(ctx, db) as crm:
        try:
            added = crm.hooks.add(
                url,
                kinds=kinds.split(","),
                personal=personal,
                allow_local=allow_local,
                secret=given,
                start=int(start) if start.isdigit() else start,
            )
        except ValueError as error:
            raise StoreUnusable(str(error)) from None
    if json:
        as_json.write_json(sys.stdout, to_dict(added.hook) | {"secret": added.secret})
    else:
        render.draw(*_told_of(added, secret is None))


def _told_of(added: NewHook, is_new: bool) -> list[str]:
    said = [f"Hook {added.hook.id} is added. `regulars deliver` posts to it; until it runs, changes are kept."]
    if is_new:
        said += ["Its receiver checks what comes by this secret, which is not shown again:", f"  {added.secret}"]
    return said


def _read_secret(place: str) -> str:
    if place == "-":
        return sys.stdin.readline(MAX_SECRET).strip()
    with Path(place).open(encoding="utf-8") as file:
        return file.read(MAX_SECRET).strip()


def list_all(ctx: typer.Context, json: JsonOption = False, db: StoreOption = None) -> None:
    """List the hooks: where each posts to, what waits, what was given up, and whether it is on."""
    with open_to_ask(ctx, db) as crm:
        found, zone = crm.hooks.list(), crm.ruleset.zone
    if json:
        as_json.write_array(sys.stdout, map(to_dict, found))
    elif not found:
        render.draw("There are no hooks: `regulars hooks add URL` adds one.")
    else:
        rows = ((each.id, each.url, f"{each.waiting:,}", f"{each.dead:,}", _state(each, zone)) for each in found)
        render.draw(render.table(("Hook", "URL", "Waiting", "Dead", "State"), rows, fold=1))
        render.draw(*(f"{each.id} is off: {each.off_because}." for each in found if not each.is_on))


def _state(hook: Hook, zone: ZoneInfo) -> str:
    if hook.off_since is not None:
        return f"off since {render.day(hook.off_since, zone)}"
    if hook.failing_since is not None:
        return f"failing since {render.day(hook.failing_since, zone)}"
    return "on"


def drop(ctx: typer.Context, hook: HookArgument, json: JsonOption = False, db: StoreOption = None) -> None:
    """Delete a hook, with what it still had to post."""
    with open_to_change(ctx, db) as crm:
        crm.hooks.drop(hook)
    if json:
        as_json.write_json(sys.stdout, {"id": hook, "dropped": True})
    else:
        render.draw(f"Hook {hook} is deleted, with what it still had to post.")


def dead(
    ctx: typer.Context,
    hook: Annotated[str | None, typer.Argument(metavar="[HOOK]", help="A hook's id; else all of them.")] = None,
    json: JsonOption = False,
    db: StoreOption = None,
) -> None:
    """List the changes that were given up after ten attempts, the oldest first. They are kept for 30 days."""
    with open_to_ask(ctx, db) as crm:
        found, zone = crm.hooks.dead(hook), crm.ruleset.zone
    if json:
        as_json.write_array(sys.stdout, map(to_dict, found))
    elif not found:
        render.draw("Nothing was given up.")
    else:
        rows = ((each.hook_id, render.minute(each.at, zone), _what(each), each.failure) for each in found)
        render.draw(render.table(("Hook", "Given up", "Change", "Last"), rows, fold=3))
        render.draw("`regulars hooks replay HOOK` tries them again.")


def _what(letter: DeadLetter) -> str:
    change = letter.change
    return f"{change.what} {change.new or ''}".strip()


def replay(
    ctx: typer.Context,
    hook: HookArgument,
    since: Annotated[
        date | None,
        typer.Option(metavar="WHEN", parser=parse_moment, help="Post again what was told from then on, too."),
    ] = None,
    json: JsonOption = False,
    db: StoreOption = None,
) -> None:
    """Try everything that waits or was given up afresh, and switch the hook on where it is off.

    With --since, what was told from then on is posted once more, behind that, as far as it is kept: 30 days.
    """
    with open_to_change(ctx, db) as crm:
        count = crm.hooks.replay(hook, since=None if since is None else _moment(since, crm.ruleset.zone))
    if json:
        as_json.write_json(sys.stdout, {"id": hook, "waiting": count})
    else:
        render.draw(f"{'1 change is' if count == 1 else f'{count:,} changes are'} to be posted by `regulars deliver`.")


def _moment(when: date, zone: ZoneInfo) -> datetime:
    return when if isinstance(when, datetime) else datetime.combine(when, time(), zone).astimezone(UTC)


def deliver(
    ctx: typer.Context,
    once: Annotated[
        bool, typer.Option("--once", help="Post what is due, and end: for cron. Else go on until Ctrl-C.")
    ] = False,
    json: JsonOption = False,
    db: StoreOption = None,
) -> None:
    """Post to the hooks what changed, in each customer's order, until their receivers take it.

    What fails is tried again by the next run, or in time: ten times over some three days, and then it is given up. It
    may be killed at any moment, and nothing is skipped. With --json each attempt is one line. With --once the exit
    status is 1 where an attempt failed.
    """
    with open_to_change(ctx, db) as crm, shown_progress() as progress:
        zone, bar, tried = crm.ruleset.zone, Bar(progress, "posting", "changes", patience=PATIENCE), 0

        def tell(attempt: Attempt) -> None:
            nonlocal tried
            tried += 1
            if once and not json:
                bar.move(tried, None, tried)
            _tell(attempt, zone, json=json)

        if not once:
            crm.hooks.deliver_on(tell)
            return
        found = crm.hooks.deliver(tell)
    if not json:
        render.draw(_summary(found))
    if found.failed:
        raise typer.Exit(REFUSED)


def _tell(attempt: Attempt, zone: ZoneInfo, *, json: bool) -> None:
    if json:
        sys.stdout.write(json_text.dumps(to_dict(attempt)) + "\n")
        sys.stdout.flush()
    elif attempt.failure is not None:
        typer.echo(f"regulars: {render.clean(_said_of(attempt, zone))}", err=True)


def _said_of(attempt: Attempt, zone: ZoneInfo) -> str:
    said = f"hook {attempt.hook_id}: {attempt.failure}"
    if attempt.off_because is not None:
        return f"{said}; it is switched off, as {attempt.off_because}"
    if attempt.next_at is None:
        return f"{said}; given up after {attempt.number} attempts: `regulars hooks dead {attempt.hook_id}`"
    return f"{said}; tried again from {render.minute(attempt.next_at, zone)} on"


def _summary(found: Delivered) -> str:
    said = f"Posted {'1 change' if found.taken == 1 else f'{found.taken:,} changes'}"
    if found.failed:
        said += f"; {'1 attempt' if found.failed == 1 else f'{found.failed:,} attempts'} failed"
    if found.dead:
        said += f", {found.dead:,} of them for good"
    return f"{said}. Waiting: {found.waiting:,}."
