"""`audit`, `history` and `timeline`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import date
from functools import partial
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from rich.console import ConsoleRenderable, Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from regulars.asking.audit import AuditEntry
from regulars.asking.paging import PAGE
from regulars.asking.views import Customer, EventLine, Timeline
from regulars.cli import as_json, render
from regulars.cli.asking import WhoArgument, zone_of
from regulars.cli.csv_cells import CsvOption, ExcelOption, RawOption, WriteRow, XlsxOption, rows_asked
from regulars.cli.opening import JsonOption, StoreOption, open_to_ask
from regulars.cli.paging import every
from regulars.cli.pictures import ForceOption, SvgOption, require_one_way, write_svg
from regulars.cli.viewpoint import ByRules, KnownAt, viewpoint
from regulars.cli.words import parse_moment
from regulars.pictures import timeline_svg

#: What has a lane of its own in a picture.
_IN_LANES = frozenset({"PurchaseRecorded", "PointsEarned", "PointsReversed", "BonusEarned", "BonusReversed"})

Day = partial(typer.Option, metavar="WHEN", parser=parse_moment)


def audit(
    ctx: typer.Context,
    customer: Annotated[str | None, typer.Option(metavar="WHO", help="Only what happened with this customer.")] = None,
    by: Annotated[str | None, typer.Option("--actor", metavar="NAME", help="Only what this person did.")] = None,
    event: Annotated[
        str | None, typer.Option("--type", metavar="EVENT", help="Only this event, e.g. PurchaseRecorded.")
    ] = None,
    since: Annotated[date | None, Day(help="What happened from this day or moment on.")] = None,
    until: Annotated[date | None, Day(help="What happened until this day, included, or this moment.")] = None,
    recorded_since: Annotated[date | None, Day(help="What was recorded from this day or moment on.")] = None,
    correlation: Annotated[str | None, typer.Option(metavar="ID", help="Only events with this correlation id.")] = None,
    oldest_first: Annotated[bool, typer.Option("--oldest-first", help="Oldest first.")] = False,
    limit: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="At most so many: 50, and all with --json or --csv.")
    ] = None,
    json: JsonOption = False,
    as_csv: CsvOption = False,
    raw: RawOption = False,
    excel: ExcelOption = None,
    xlsx: XlsxOption = None,
    db: StoreOption = None,
) -> None:
    """Show what happened: who did what, when and why, and what it changed."""
    rows = rows_asked(as_csv=as_csv, raw=raw, excel=excel, xlsx=xlsx, json=json)
    with open_to_ask(ctx, db) as crm:
        ask = partial(
            crm.audit,
            customer=None if customer is None else crm.find(customer),
            actor=by,
            type=event,
            since=since,
            until=until,
            recorded_since=recorded_since,
            correlation_id=correlation,
            oldest_first=oldest_first,
        )
        try:
            ask(limit=1)
        except ValueError as error:
            raise typer.BadParameter(str(error)) from None
        if json:
            as_json.write_array(sys.stdout, map(as_json.audit_entry, every(ask, limit)))
        elif rows.are_asked:
            with rows.written(crm) as write:
                _write_rows(write, every(ask, limit))
        else:
            found = list(every(ask, limit or PAGE))
            render.draw(*_drawn(found, zone_of(crm)))
            if limit is None and len(found) == PAGE:
                render.draw(f"The {'first' if oldest_first else 'last'} {PAGE}; --limit N shows N, --json all.")


def history(
    ctx: typer.Context,
    who: WhoArgument,
    field: Annotated[str, typer.Argument(metavar="FIELD", help="Such as email, owner, tags, consents or status.")],
    json: JsonOption = False,
    db: StoreOption = None,
) -> None:
    """Show one field of a customer over time, with who changed it."""
    with open_to_ask(ctx, db) as crm:
        try:
            found = crm.history(crm.find(who), field)
        except ValueError as error:
            raise typer.BadParameter(str(error), param_hint="FIELD") from None
        if json:
            as_json.write_array(sys.stdout, map(as_json.audit_entry, found))
        elif found:
            render.draw(*_drawn(found, zone_of(crm)))
        else:
            render.draw(f"{field} was never set.")


def timeline(
    ctx: typer.Context,
    who: WhoArgument,
    limit: Annotated[int, typer.Option(min=1, metavar="N", help="At most so many events, the latest ones.")] = 20,
    known_at: KnownAt = None,
    rules: ByRules = None,
    svg: SvgOption = None,
    force: ForceOption = False,
    json: JsonOption = False,
    db: StoreOption = None,
) -> None:
    """Draw one customer's stage, tier, risk, tickets, tasks and selling over time, and list what happened."""
    require_one_way(svg, force, json=json)
    with open_to_ask(ctx, db) as crm:
        seen = viewpoint(crm, known_at, rules)
        found = crm.customer(crm.find(who), known_at=seen.known_at, rules=seen.rules)
        lanes, zone = found.timeline(), zone_of(crm)
        trail = every(partial(crm.audit, customer=found.id, known_at=seen.known_at), None)
        # The trail is in order of recording, and what was told late belongs between what happened before and after it.
        events = sorted(trail, key=lambda entry: (entry.occurred_at, entry.position))[-limit:]
        if json:
            told = as_json.timeline(lanes) | {"events": [as_json.audit_entry(each) for each in events]}
            as_json.write_json(sys.stdout, told | seen.as_json())
            return
        if svg is not None:
            write_svg(crm, svg, _lanes(found, lanes, events, zone), force=force)
            return
        if seen.is_given:
            render.draw(seen.heading(None))
        width = render.console().width
        drawn = render.timeline_lanes(lanes, now=found.as_of, zone=zone, width=width, orders=lanes.orders)
        render.draw(drawn, "", *(_line(entry, zone) for entry in events))


def _lanes(found: Customer, lanes: Timeline, events: list[AuditEntry], zone: ZoneInfo) -> str:
    """A customer's lanes as a picture: what happened is numbered on it, but for orders and points."""
    start, end = render.timeline_window(lanes, found.as_of)
    noted = [EventLine(each.position, each.occurred_at, each.sentence) for each in events if each.type not in _IN_LANES]
    called = " · ".join(part for part in (found.name, found.ref or f"id:{found.id}") if part)
    return timeline_svg(lanes, title=called, now=found.as_of.astimezone(zone), start=start, end=end, noted=noted)


def _drawn(entries: list[AuditEntry] | tuple[AuditEntry, ...], zone: ZoneInfo) -> list[ConsoleRenderable]:
    return [_entry(entry, zone) for entry in entries] or [Text("Nothing of that kind happened.")]


def _line(entry: AuditEntry, zone: ZoneInfo) -> ConsoleRenderable:
    line = Table.grid(padding=(0, 2))
    line.add_row(Text(render.day(entry.occurred_at, zone), style="dim"), Text(render.clean(entry.sentence)))
    return line


def _entry(entry: AuditEntry, zone: ZoneInfo) -> ConsoleRenderable:
    lines: list[ConsoleRenderable] = [_line(entry, zone)]
    notes = [f"#{entry.position} {entry.type}"]
    if abs((entry.recorded_at - entry.occurred_at).total_seconds()) >= 86_400:
        notes.append(f"recorded {render.day(entry.recorded_at, zone)}")
    if entry.correlation_id:
        notes.append(f"belongs to {entry.correlation_id}")
    if entry.causation_id:
        notes.append(f"caused by #{entry.causation_id}")
    details = [Text(render.clean(", ".join(notes)), style="dim")]
    if entry.reason:
        details.append(Text(f"because: {render.clean(entry.reason)}"))
    for change in entry.changes:
        old = "" if change.old is None else f"{render.clean(change.old)} → "
        details.append(Text(f"{change.field}: {old}{render.clean(change.new or 'nothing')}"))
    lines += [Padding(detail, (0, 0, 0, 12)) for detail in details]
    return Group(*lines)


def _write_rows(write: WriteRow, entries: Iterator[AuditEntry]) -> None:
    """One line a change, and one for an entry without any."""
    names = ("position", "occurred_at", "recorded_at", "actor", "type", "customer", "sentence", "reason")
    write([*names, "correlation_id", "causation_id", "field", "old", "new"])
    for entry in entries:
        shared = (
            entry.position,
            entry.occurred_at,
            entry.recorded_at,
            entry.actor,
            entry.type,
            entry.ref or (None if entry.customer_id is None else f"id:{entry.customer_id}"),
            entry.sentence,
            entry.reason,
            entry.correlation_id,
            entry.causation_id,
        )
        for change in entry.changes or (None,):
            values = (change.field, change.old, change.new) if change else (None, None, None)
            write((*shared, *values))
