"""`tasks` and `task`."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from functools import partial
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

import typer
from rich.table import Table
from rich.text import Text

from regulars.asking.paging import PAGE
from regulars.asking.tasks import TaskView, WholeTask
from regulars.cli import as_json, render
from regulars.cli.asking import AsOf, zone_of
from regulars.cli.csv_cells import CsvOption, ExcelOption, RawOption, WriteRow, XlsxOption, rows_asked
from regulars.cli.opening import (
    AtLeastOption,
    FreshOption,
    JsonOption,
    StoreOption,
    open_to_ask,
    tell_what_is_missing,
)
from regulars.cli.paging import every
from regulars.cli.viewpoint import ByRules, KnownAt, build_lists, viewpoint
from regulars.cli.words import parse_moment
from regulars.session.freshness import FRESH

ListedValue = Literal["open", "snoozed", "overdue", "done", "dropped"]

_COLUMNS = (
    "task_id",
    "customer_id",
    "ref",
    "what",
    "value",
    "since",
    "due_at",
    "due_day",
    "owner",
    "ticket_id",
    "opportunity_id",
    "repeats",
)
_TIMES = ("since", "due_at", "due_day")


def tasks(
    ctx: typer.Context,
    owner: Annotated[str | None, typer.Option(metavar="NAME", help="Only those that somebody is to do.")] = None,
    whom: Annotated[str | None, typer.Option("--for", metavar="WHO", help="Only those for this customer.")] = None,
    overdue: Annotated[bool, typer.Option("--overdue", help="Only those that are overdue.")] = False,
    value: Annotated[
        ListedValue | None, typer.Option(help="Only those that are this; all that aren't settled, unless given.")
    ] = None,
    until: Annotated[
        date | None,
        typer.Option(metavar="WHEN", parser=parse_moment, help="Only those due by the end of a day, or by a time."),
    ] = None,
    as_of: AsOf = None,
    known_at: KnownAt = None,
    rules: ByRules = None,
    limit: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="At most so many. A table shows 50; --json and --csv print all."),
    ] = None,
    as_csv: CsvOption = False,
    raw: RawOption = False,
    excel: ExcelOption = None,
    xlsx: XlsxOption = None,
    fresh: FreshOption = FRESH,
    at_least: AtLeastOption = None,
    json: JsonOption = False,
    db: StoreOption = None,
) -> None:
    """List what is to be done, at any moment, what is due first at the top.

    Tasks are added, snoozed, completed and dropped by `regulars do`: AddTask, SnoozeTask, CompleteTask, DropTask.
    """
    rows = rows_asked(as_csv=as_csv, raw=raw, excel=excel, xlsx=xlsx, json=json)
    if overdue and value not in (None, "overdue"):
        raise typer.BadParameter(f"what is overdue isn't {value}; choose one of them", param_hint="--overdue")
    with open_to_ask(ctx, db) as crm:
        seen = viewpoint(crm, known_at, rules)
        build_lists(crm, seen)
        crm.catch_up(within=timedelta(seconds=fresh))
        ask = partial(
            crm.tasks,
            fresh=False,
            at_least=at_least,
            value="overdue" if overdue else value,
            owner=owner,
            customer=None if whom is None else crm.find(whom),
            until=until,
            as_of=as_of,
            known_at=seen.known_at,
            rules=seen.rules,
        )
        if rows.are_asked:
            with rows.written(crm) as write:
                _write_rows(write, every(ask, limit))
        elif json:
            as_json.write_array(sys.stdout, map(as_json.task, every(ask, limit)))
        else:
            shown = limit or PAGE
            found = list(every(ask, shown + 1))
            if seen.is_given:
                render.draw(seen.heading(as_of))
            render.draw(_table(found[:shown], zone_of(crm)) if found else "No task is like that.")
            if len(found) > shown:
                render.draw(f"The first {shown}; there are more: --limit N shows N, --csv and --json all.")
        tell_what_is_missing(crm)


def _write_rows(write: WriteRow, found: Iterable[TaskView]) -> None:
    write(_COLUMNS)
    for each in found:
        fields = as_json.task(each) | {name: getattr(each, name) for name in _TIMES}
        write([fields[column] for column in _COLUMNS])


def _table(found: Sequence[TaskView], zone: ZoneInfo) -> Table:
    """One row a task. What is to be done, for whom and by whom give way where there is no room."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold", pad_edge=False)
    for title, width in (("Due", len("2026-03-01")), ("Is", len("overdue"))):
        table.add_column(title, no_wrap=True, min_width=width)
    table.add_column("Task", overflow="fold", min_width=4)
    table.add_column("What", overflow="fold", min_width=12)
    table.add_column("For", overflow="fold", min_width=6)
    table.add_column("Owner", overflow="fold", min_width=5)
    for each in found:
        words = (_due(each, zone), each.value, each.task_id, _what(each), _whom(each), each.owner or "")
        table.add_row(*(Text(render.clean(word)) for word in words))
    return table


def _due(each: TaskView, zone: ZoneInfo) -> str:
    if each.due_day is not None:
        return each.due_day.isoformat()
    return "" if each.due_at is None else render.minute(each.due_at, zone)


def _what(each: TaskView) -> str:
    what = "(forgotten)" if each.what is None else each.what
    return what if each.repeats is None else f"{what} ({each.repeats})"


def _whom(each: TaskView) -> str:
    return "" if each.customer_id is None else each.ref or f"id:{each.customer_id}"


def task(
    ctx: typer.Context,
    task_id: Annotated[str, typer.Argument(metavar="ID", help="The task's own id, such as K-1.")],
    as_of: AsOf = None,
    known_at: KnownAt = None,
    rules: ByRules = None,
    json: JsonOption = False,
    db: StoreOption = None,
) -> None:
    """Show one task in full: when it is due and why, and what has happened to it."""
    with open_to_ask(ctx, db) as crm:
        seen = viewpoint(crm, known_at, rules)
        found = crm.task(task_id, as_of=as_of, known_at=seen.known_at, rules=seen.rules)
        if json:
            as_json.write_json(sys.stdout, as_json.whole_task(found))
            return
        zone = zone_of(crm)
        if seen.is_given:
            render.draw(seen.heading(as_of))
        render.draw(_heading(found, zone), "", *(f"  {each.sentence}" for each in found.reasons))
        rows = ((render.minute(each.occurred_at, zone), each.sentence) for each in found.events)
        render.draw("", render.table(("When", "What happened"), rows, fold=1))


def _heading(found: WholeTask, zone: ZoneInfo) -> Table:
    each = found.task
    facts = {
        "task": each.task_id,
        "what": each.what,
        "for": _whom(each) or "nobody",
        "is": f"{each.value} since {render.minute(each.since, zone)}",
        "due": _due(each, zone) or None,
        "repeats": each.repeats,
        "owner": each.owner,
        "ticket": each.ticket_id,
        "opportunity": each.opportunity_id,
    }
    table = Table.grid(padding=(0, 2))
    for name, fact in facts.items():
        if fact is not None:
            table.add_row(Text(name, style="dim"), Text(render.clean(fact), overflow="fold"))
    return table
