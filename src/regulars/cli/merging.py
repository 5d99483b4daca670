"""`duplicates`, `merge` and `dismiss`: customers who may be the same person, merging them, and telling them apart."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from regulars.asking.dismissals import Dismissed
from regulars.asking.duplicates import Duplicates, DuplicatesPage
from regulars.asking.paging import MAX_PAGE, PAGE
from regulars.asking.suspects import Suspect
from regulars.cli import as_json, render
from regulars.cli.agreeing import agrees
from regulars.cli.asking import WhoArgument
from regulars.cli.opening import ActorOption, JsonOption, StoreOption, open_to_ask, open_to_change
from regulars.crm import Regulars
from regulars.crm_domain.command import CustomerId
from regulars.crm_domain.customer import DismissDuplicate, MergeCustomers, UndoDismissal
from regulars.crm_domain.errors import Rejected

REFUSED = 1
NOBODY = "Nobody shares an e-mail or a phone number with another."


_SHARED = {"email": "e-mail", "phone": "phone"}


def duplicates(
    ctx: typer.Context,
    limit: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="At most so many suspicions: 50, and all with --json.")
    ] = None,
    after: Annotated[
        str | None, typer.Option(metavar="MARK", help="Go on after a page; the line below its table says the mark.")
    ] = None,
    near: Annotated[
        bool,
        typer.Option(
            "--near",
            help="Those with nearly the same: e-mails but for dots and +…, phone numbers but for their country.",
        ),
    ] = False,
    dismissed: Annotated[
        bool, typer.Option("--dismissed", help="Those who were told apart, and are listed no more.")
    ] = False,
    json: JsonOption = False,
    db: StoreOption = None,
) -> None:
    """List customers who may be the same person, because they share an e-mail or a phone number."""
    if dismissed:
        _list_dismissed(ctx, db, json)
        return
    with open_to_ask(ctx, db) as crm:
        found, mark = _ask(crm.near_duplicates if near else crm.duplicates, limit if json else limit or PAGE, after)
    if json:
        as_json.write_array(sys.stdout, map(as_json.duplicates, found))
        return
    if not found:
        render.draw("Nobody has nearly the same e-mail or phone number as another." if near else NOBODY)
        return
    render.draw(_table(found), "", "To merge two: regulars do MergeCustomers customer=… into=…")
    render.draw("To tell two apart: regulars dismiss … …")
    if not near:
        render.draw("To merge all of them: regulars merge --suspected")
    if mark is not None:
        render.draw(f"There may be more: --after {mark}")


def _list_dismissed(ctx: typer.Context, db: str | None, json: bool) -> None:
    with open_to_ask(ctx, db) as crm:
        found = crm.dismissed_duplicates()
    if json:
        as_json.write_array(sys.stdout, map(as_json.dismissed, found))
        return
    if not found:
        render.draw("Nobody was told apart from another.")
        return
    table = Table("Customer", "Name", "Other", "Name", box=None, pad_edge=False)
    for each in found:
        one, other = each.customers
        _add_row(table, _called(one), one.name or "", _called(other), other.name or "")
    render.draw(table, "", "To suspect two again: regulars dismiss --undo … …")


def dismiss(
    ctx: typer.Context,
    who: WhoArgument,
    other: WhoArgument,
    undo: Annotated[bool, typer.Option("--undo", help="They may be the same after all.")] = False,
    reason: Annotated[str | None, typer.Option(metavar="TEXT", help="Why; it is kept with what is recorded.")] = None,
    actor: ActorOption = None,
    json: JsonOption = False,
    db: StoreOption = None,
) -> None:
    """Say that two customers are not the same, so that they are suspected no more.

    It holds for whom they are merged with, too. They can be merged all the same.
    """
    with open_to_change(ctx, db, actor) as crm:
        pair = (crm.customer(crm.find(who)).id, crm.customer(crm.find(other)).id)
        outcomes = crm.do(list(_undoing(crm, pair, reason) if undo else _dismissing(pair, reason)))
    changed = any(outcome.events for outcome in outcomes)
    if json:
        found = {"customers": [f"id:{each}" for each in pair], "dismissed": not undo, "changed": changed}
        as_json.write_json(sys.stdout, found)
    elif undo:
        render.draw("They are suspected again." if changed else "They weren't told apart.")
    else:
        render.draw("They are suspected no more." if changed else "They were told apart before.")


def _dismissing(pair: tuple[CustomerId, CustomerId], reason: str | None) -> Iterator[DismissDuplicate]:
    yield DismissDuplicate(customer=pair[0], other=pair[1], reason=reason)


def _undoing(crm: Regulars, pair: tuple[CustomerId, CustomerId], reason: str | None) -> Iterator[UndoDismissal]:
    """What was said of anybody of the one family and anybody of the other is taken back."""
    for each in crm.dismissed_duplicates():
        if _ids(each) == frozenset(pair):
            yield UndoDismissal(customer=each.said_of[0], other=each.said_of[1], reason=reason)


def _ids(each: Dismissed) -> frozenset[CustomerId]:
    return frozenset(one.id for one in each.customers)


@dataclass(frozen=True, slots=True)
class Merging:
    """Suspects who are merged into one of them in one step; `refused` says why they weren't."""

    suspicion: Duplicates
    into: Suspect
    away: tuple[Suspect, ...]
    refused: str | None = None


def merge(
    ctx: typer.Context,
    suspected: Annotated[
        bool, typer.Option("--suspected", help="All whom `regulars duplicates` lists, each group in one step.")
    ] = False,
    limit: Annotated[int | None, typer.Option(min=1, metavar="N", help="At most so many groups.")] = None,
    yes: Annotated[
        bool, typer.Option("--yes", help="Merge them; without it they are only shown, or asked for.")
    ] = False,
    actor: ActorOption = None,
    json: JsonOption = False,
    db: StoreOption = None,
) -> None:
    """Merge customers who share an e-mail or a phone number into the one of them who was registered first.

    It shows beforehand who becomes whom. UndoMerge tells them apart again.
    """
    if not suspected:
        raise typer.BadParameter(
            "it says whom: --suspected; to merge two: regulars do MergeCustomers", param_hint="merge"
        )
    with open_to_change(ctx, db, actor) as crm:
        found, _ = _ask(crm.duplicates, limit, None)
        planned = _each_merging(crm, found, lambda each: each)
        if not json:
            render.draw(*_preview(planned))
        is_meant = bool(planned) and (yes or (not json and _is_meant(len(planned))))
        done = _each_merging(crm, found, partial(_merged, crm)) if is_meant else planned
    refused = [each for each in done if each.refused is not None]
    if json:
        as_json.write_json(sys.stdout, {"merged": is_meant, "groups": list(map(_merging_as_json, done))})
    elif is_meant:
        render.draw(f"Merged: {len(done) - len(refused):,} of {len(done):,} groups.", *map(_refusal, refused))
    elif planned:
        render.draw("Nobody was merged; --yes merges them.")
    if refused:
        raise typer.Exit(REFUSED)


def _each_merging(crm: Regulars, found: Iterable[Duplicates], step: Callable[[Merging], Merging]) -> list[Merging]:
    """Who is merged into whom, group by group. Who is in several groups is who they became in an earlier one, unless
    the step of that one was refused; and is left out where they became somebody who was told apart from another there.
    """
    became: dict[Suspect, Suspect] = {}
    told_apart = set(map(_ids, crm.dismissed_duplicates()))
    done: list[Merging] = []
    for each in found:
        suspects = {_become(became, suspect) for suspect in each.customers}
        into, *away = _not_told_apart(sorted(suspects, key=lambda suspect: _registered(crm, suspect)), told_apart)
        if away:
            merging = step(Merging(each, into, tuple(away)))
            if merging.refused is None:
                became |= dict.fromkeys(away, into)
                gone = {one.id for one in away}
                told_apart = {frozenset(into.id if one in gone else one for one in pair) for pair in told_apart}
            done.append(merging)
    return done


def _not_told_apart(suspects: Iterable[Suspect], told_apart: set[frozenset[CustomerId]]) -> list[Suspect]:
    """The first of some suspects, and those who weren't told apart from the ones before them."""
    together: list[Suspect] = []
    for each in suspects:
        if not any(frozenset((each.id, other.id)) in told_apart for other in together):
            together.append(each)
    return together


def _become(became: dict[Suspect, Suspect], suspect: Suspect) -> Suspect:
    while suspect in became:
        suspect = became[suspect]
    return suspect


def _registered(crm: Regulars, suspect: Suspect) -> int:
    """The position of what was recorded of them first."""
    return crm.audit(customer=suspect.id, oldest_first=True, limit=1).entries[0].position


def _merged(crm: Regulars, each: Merging) -> Merging:
    reason = f"the same {_SHARED[each.suspicion.shared]}"
    try:
        crm.do([MergeCustomers(customer=away.id, into=each.into.id, reason=reason) for away in each.away])
    except Rejected as refusal:
        return replace(each, refused=str(refusal))
    return each


def _is_meant(groups: int) -> bool:
    """Ask, where there is somebody to ask."""
    if not sys.stdin.isatty():
        return False
    return agrees(f"Merge {'this group' if groups == 1 else f'these {groups:,} groups'}?")


def _preview(planned: list[Merging]) -> Iterator[Table | str]:
    if not planned:
        yield NOBODY
        return
    table = Table("Shared", "Becomes", "Customer", "Name", box=None, pad_edge=False)
    for each in planned:
        for number, away in enumerate(each.away):
            words = ("", "") if number else (_SHARED[each.suspicion.shared], _called(each.into))
            _add_row(table, *words, _called(away), away.name or "")
    yield table
    yield ""


def _refusal(each: Merging) -> Text:
    return Text(render.clean(f"Refused for {_called(each.into)}: {each.refused}"))


def _merging_as_json(each: Merging) -> as_json.Object:
    return as_json.duplicates(each.suspicion) | {
        "into": f"id:{each.into.id}",
        "away": [f"id:{one.id}" for one in each.away],
        "refused": each.refused,
    }


def _ask(
    ask: Callable[..., DuplicatesPage], limit: int | None, after: str | None
) -> tuple[list[Duplicates], str | None]:
    """At most `limit` suspicions, page by page, and where to go on."""
    found: list[Duplicates] = []
    while limit is None or len(found) < limit:
        wanted = MAX_PAGE if limit is None else min(limit - len(found), MAX_PAGE)
        try:
            page = ask(limit=wanted, after=after)
        except ValueError as error:
            raise typer.BadParameter(str(error), param_hint="--after") from None
        found += page
        after = page.after
        if after is None:
            break
    return found, after


def _table(found: list[Duplicates]) -> Table:
    """One row a customer; those who share something stand together, and what they share stands once."""
    table = Table("Shared", "Customer", "Name", box=None, pad_edge=False)
    for each in found:
        for number, suspect in enumerate(each.customers):
            words = ("" if number else _SHARED[each.shared], _called(suspect), suspect.name or "")
            _add_row(table, *words)
    return table


def _add_row(table: Table, *words: str) -> None:
    table.add_row(*(Text(render.clean(word), overflow="ellipsis", no_wrap=True) for word in words))


def _called(suspect: Suspect) -> str:
    return suspect.ref or f"id:{suspect.id}"
