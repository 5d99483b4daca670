"""`changes`: subscriptions to the change feed, and what they are told."""

from __future__ import annotations

import json as json_text
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import chain, islice
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from regulars.changes.change import Batch, Change
from regulars.changes.difference import OnLooked
from regulars.changes.feed import ChangeFeed
from regulars.cli import as_json, render
from regulars.cli.opening import JsonOption, StoreOption, open_to_ask, open_to_change
from regulars.cli.progress import counting, waiting
from regulars.crm import Regulars
from regulars.crm_domain.errors import NotFound

_NAME = typer.Argument(metavar="NAME", help="The subscription's name.")
Name = Annotated[str, _NAME]

_STAYS = "Stopped. What wasn't acknowledged is told again."


def list_all(ctx: typer.Context, json: JsonOption = False, db: StoreOption = None) -> None:
    """List the subscriptions: what each wants, up to when it was told, and how many batches wait."""
    with open_to_ask(ctx, db) as crm:
        found, zone = crm.subscriptions(), crm.ruleset.zone
    if json:
        as_json.write_array(
            sys.stdout,
            (
                {
                    "name": each.name,
                    "kinds": list(each.kinds),
                    "made_at": each.made_at.isoformat(),
                    "position": each.position,
                    "told_at": each.told_at.isoformat(),
                    "batch": each.batch,
                    "acknowledged": each.acknowledged,
                }
                for each in found
            ),
        )
    elif not found:
        render.draw("Nobody is told of changes: `regulars changes read NAME` makes a subscription.")
    else:
        rows = (
            (
                each.name,
                ", ".join(each.kinds) or "everything",
                f"#{each.position}",
                render.minute(each.told_at, zone),
                str(each.batch - each.acknowledged),
            )
            for each in found
        )
        render.draw(render.table(("Name", "Kinds", "Position", "Told up to", "Waiting"), rows, fold=1))


def read(
    ctx: typer.Context,
    name: Name,
    kinds: Annotated[
        str | None, typer.Option(metavar="WORDS", help="What a new subscription wants, as in tier,fell_due.")
    ] = None,
    start: Annotated[
        str, typer.Option(metavar="WHERE", help="Where a new one starts: now, beginning, or after a position.")
    ] = "now",
    ack: Annotated[
        bool, typer.Option("--ack", help="Acknowledge each batch once it is printed, and go on with the next.")
    ] = False,
    follow: Annotated[bool, typer.Option("--follow", help="With --ack, wait for more, until Ctrl-C.")] = False,
    since: Annotated[
        int | None, typer.Option(min=1, metavar="BATCH", help="Print the batches that are kept again, from this one.")
    ] = None,
    json: JsonOption = False,
    db: StoreOption = None,
) -> None:
    """Print what a subscription is told; it is made where there is none of the name.

    With --json each change is one line. Without --ack the oldest batch that waits is printed, and will be again.
    """
    if follow and not ack:
        raise typer.BadParameter("to follow, batches have to be acknowledged: --ack", param_hint="--follow")
    with open_to_change(ctx, db) as crm:
        with waiting("catching up", if_stopped="Nothing was told; what is folded in stays.") as on_progress:
            crm.catch_up(on_progress=on_progress)
        looking = _Looking()
        try:
            feed = crm.changes(
                name, kinds=None if kinds is None else kinds.split(","), start=_start(start), on_looked=looking
            )
        except ValueError as error:
            raise typer.BadParameter(str(error)) from None
        shown = _Shown(json=json, zone=crm.ruleset.zone)
        if since is not None:
            for batch in feed.replay(since):
                shown.print(batch)
        elif ack:
            for batch in chain(looking.through(feed), feed.follow() if follow else ()):
                shown.print(batch)
                feed.ack(batch)
        else:
            for batch in islice(looking.through(feed), 1):
                shown.print(batch)
        if not json and not shown.count:
            render.draw("There is nothing to tell.")


class _Looking:
    """How much was looked at to work out what there is to tell, and the bar that shows it before that is printed."""

    def __init__(self) -> None:
        self._count = 0
        self._move: Callable[[int], None] | None = None

    def __call__(self, more: int) -> None:
        self._count += more
        if self._move is not None:
            self._move(self._count)

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Show it meanwhile."""
        with counting("looking", if_stopped=_STAYS, counted="looked at") as self._move:
            yield
        self._move = None

    def through(self, feed: Iterable[Batch]) -> Iterator[Batch]:
        """The batches that there are."""
        batches = iter(feed)
        while True:
            with self.shown():
                batch = next(batches, None)
            if batch is None:
                return
            yield batch


def accept_clock(ctx: typer.Context, name: Name, json: JsonOption = False, db: StoreOption = None) -> None:
    """Take the time it is by the clock for right, where it is over 7 days later than what was told.

    A clock that ran ahead once would otherwise tell what is due in years.
    """
    with open_to_change(ctx, db) as crm:
        looking = _Looking()
        feed = _known(crm, name, looking)
        with looking.shown():
            feed.accept_clock()
        told_at = next(each.told_at for each in crm.subscriptions() if each.name == name)
        if json:
            as_json.write_json(sys.stdout, {"name": name, "told_at": told_at.isoformat()})
        else:
            render.draw(f"{name} is told up to {render.minute(told_at, crm.ruleset.zone)}.")


def drop(ctx: typer.Context, name: Name, json: JsonOption = False, db: StoreOption = None) -> None:
    """Drop a subscription, with the batches that wait or are kept."""
    with open_to_change(ctx, db) as crm:
        _known(crm, name).drop()
    if json:
        as_json.write_json(sys.stdout, {"dropped": name})
    else:
        render.draw(f"Dropped: {name}.")


def _known(crm: Regulars, name: str, on_looked: OnLooked | None = None) -> ChangeFeed:
    """The feed of a subscription that there is. Raises NotFound."""
    if name not in {each.name for each in crm.subscriptions()}:
        raise NotFound(f'there is no subscription "{name}"')
    return crm.changes(name, on_looked=on_looked)


def _start(typed: str) -> str | int:
    return int(typed) if typed.isdecimal() else typed


class _Shown:
    """What is printed of batches, and how many changes that were."""

    def __init__(self, *, json: bool, zone: ZoneInfo) -> None:
        self._json = json
        self._zone = zone
        self.count = 0

    def print(self, batch: Batch) -> None:
        """Print a batch; all of it is out when it returns, so it may be acknowledged."""
        self.count += len(batch.changes)
        if self._json:
            for each in batch.changes:
                sys.stdout.write(json_text.dumps({"batch": batch.number} | as_object(each)) + "\n")
        else:
            titles = ("Since", "Kind", "What", "Becomes", "Of whom")
            render.draw(render.table(titles, map(self._row, batch.changes), fold=3))
        sys.stdout.flush()

    def _row(self, each: Change) -> tuple[str, ...]:
        what = each.what if each.key is None else f"{each.what} {each.key}"
        moves = "" if each.kind == "recorded" else f"{each.old or '–'} → {each.new or '–'}"
        whose = "" if each.customer_id is None else f"id:{str(each.customer_id)[-12:]}"
        return render.minute(each.since, self._zone), each.kind, what, moves, whose


def as_object(each: Change) -> dict[str, object]:
    """A change as JSON."""
    return {
        "id": each.id,
        "kind": each.kind,
        "what": each.what,
        "customer_id": each.customer_id,
        "key": each.key,
        "old": each.old,
        "new": each.new,
        "since": _moment(each.since),
        "position": each.position,
        "due": None if each.due is None else _moment(each.due),
    }


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat()
