"""What people read: tables and cards that fit 80 columns and say the same with colour and without.

Whatever came from outside is drawn as Text, never as markup, and without the characters that move a cursor or turn a
line around.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from itertools import repeat
from zoneinfo import ZoneInfo

from rich.cells import cell_len
from rich.console import Console, ConsoleRenderable, Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from regulars.adapters.log.misplaced import NeverDrawn, RecordedAhead
from regulars.adapters.read_models.generations import in_short
from regulars.adapters.vault.erasing import OwnerNeeded
from regulars.adapters.vault.quarantine import Reject
from regulars.asking.employments import Employment
from regulars.asking.timeline_text import MIN_WIDTH, timeline_text
from regulars.asking.views import (
    Clause,
    Customer,
    EventLine,
    Explanation,
    Lane,
    SegmentView,
    Status,
    Timeline,
    VerdictView,
)
from regulars.crm_domain.catalogue import Catalogue
from regulars.crm_domain.command import Command
from regulars.crm_domain.customer import FIRM, CustomerRegistered
from regulars.crm_domain.instant import to_datetime
from regulars.crm_domain.rulebook import short
from regulars.doing.importing import ImportReport
from regulars.doing.outcomes import Outcome
from regulars.wording.fields import fields_of, first_line, is_shared
from regulars.wording.plain_text import clean as clean
from regulars.wording.plain_text import clean_lines
from regulars.wording.sentences import describe

EVENTS_SHOWN = 5
REJECTS_SHOWN = 10
PARKED_SHOWN = 10
WIDE = 100
LEAST = 80

_BAR = 30
_WORD_SHOWN = 20
_LONG_WORD = re.compile(rf"\S{{{_WORD_SHOWN + 4},}}")  # an order id may be a digest, which nobody reads to its end
_TITLES: dict[str, str] = {"stage": "Stage", "tier": "Tier", "risk": "Risk"}


def console(*, stderr: bool = False) -> Console:
    """Where things are drawn: in colour on a terminal that wants it, else as plain text 80 columns wide.

    A narrower terminal breaks lines by itself: cut to its width, a table would show wrong numbers.
    """
    screen = Console(stderr=stderr, highlight=False)
    screen.width = max(screen.width, LEAST)
    return screen


def draw(*parts: ConsoleRenderable | str) -> None:
    """Print to stdout, strings as they are. Where it is not a terminal, lines end where their text ends."""
    screen = console()
    drawable = Group(*(Text(clean_lines(part)) if isinstance(part, str) else part for part in parts))
    if screen.is_terminal:
        screen.print(drawable)
        return
    with screen.capture() as drawn:
        screen.print(drawable)
    screen.out("\n".join(line.rstrip() for line in drawn.get().rstrip("\n").split("\n")))


def command_lines(command: str, *, indent: int) -> Iterator[str]:
    """A command over lines that fit, which a shell takes for one; a word that fits no line goes on where the next one
    begins.
    """
    lead, room = " " * indent, LEAST - indent - len("   \\")
    first, *words = map(_in_pieces, shlex.split(clean(command)), repeat(room))
    line = f"{lead}{first[0]}"
    for piece, *others in words:
        if cell_len(line) + 1 + cell_len(piece) > indent + room:
            yield f"{line} \\"
            line = f"{lead}  {piece}"
        else:
            line = f"{line} {piece}"
        for other in others:
            yield f"{line}\\"
            line = other
    yield line


def _in_pieces(word: str, room: int) -> list[str]:
    """A word as a shell takes it, in pieces of so many columns at most."""
    pieces = [""]
    for letter in word:
        if cell_len(shlex.quote(pieces[-1] + letter)) > room:
            pieces.append("")
        pieces[-1] += letter
    return [shlex.quote(each) for each in pieces]


def tell_who_is_parked(parked: Sequence[str]) -> None:
    """Say on stderr who was left behind, so that the output stays what it is."""
    if parked:
        console(stderr=True).print(Text(f"regulars: parked: {some(parked)}"), soft_wrap=True)


def tell_what_may_be_missing(reasons: Sequence[str]) -> None:
    """Say on stderr why some of an answer may be missing."""
    for reason in reasons:
        console(stderr=True).print(Text(f"regulars: {clean(reason)}"), soft_wrap=True)


def tell_what_began_afresh(reasons: Sequence[str]) -> None:
    """Say on stderr why what was begun earlier was not gone on with."""
    for reason in reasons:
        console(stderr=True).print(Text(f"regulars: begun afresh: {clean(reason)}"), soft_wrap=True)


def day(moment: datetime | None, zone: ZoneInfo) -> str:
    """The day of a moment in the business's zone."""
    return "" if moment is None else f"{moment.astimezone(zone):%Y-%m-%d}"


def minute(moment: datetime, zone: ZoneInfo) -> str:
    """A moment in the business's zone; just the day for its very end."""
    local = moment.astimezone(zone)
    is_end_of_day = (moment + timedelta(microseconds=1)).astimezone(zone).date() != local.date()
    return f"{local:%Y-%m-%d}" if is_end_of_day else f"{local:%Y-%m-%d %H:%M} {local:%Z}"


def moment(when: date, zone: ZoneInfo) -> str:
    """A day as it is, or a moment in the business's zone."""
    return minute(when, zone) if isinstance(when, datetime) else when.isoformat()


# -------------------------------------------------------------------------------------------------------- customers


def customer_table(found: Sequence[Customer], zone: ZoneInfo, *, width: int) -> Table:
    """One row a customer. Columns that would be empty, or have no room, are left out."""
    named = any(each.name for each in found)
    becoming = any(each.becomes_at for each in found)
    with_last_order = width >= WIDE or not (named or becoming)
    table = _table()
    table.add_column("Ref", min_width=8)  # these two give way where there is no room; the others never do
    if named:
        table.add_column("Name", min_width=8)
    for title in ("Stage", "Tier"):
        table.add_column(title, no_wrap=True)
    for title in ("Risk", "Orders", "Net spend"):
        table.add_column(title, justify="right", no_wrap=True)
    if with_last_order:
        table.add_column("Last order", no_wrap=True)
    if becoming:
        table.add_column("Becomes", no_wrap=True)
    for each in found:
        cells = [_who(each), *([_cell(each.name)] if named else []), Text(each.stage), Text(each.tier)]
        cells += [_risk(each.risk, each.risk_band), Text(str(each.orders)), Text(f"{each.net_spend:,}")]
        cells += [Text(day(each.last_order_at, zone))] if with_last_order else []
        cells += [Text(day(each.becomes_at, zone))] if becoming else []
        table.add_row(*cells)
    return table


def _who(each: Customer) -> Text:
    return _cell(each.ref if each.ref is not None else f"id:{each.id}")


def firm_card(each: Customer, currency: str | None, zone: ZoneInfo) -> ConsoleRenderable:
    """What a firm is called, and what it bought itself."""
    return Group(_heading(each, "A firm that was forgotten"), Padding(_facts(each, currency, zone), (1, 0, 0, 0)))


def employments(found: Iterable[Employment]) -> ConsoleRenderable:
    """Whom somebody works for, a line each."""
    table = Table.grid(padding=(0, 2))
    for each in found:
        firm = each.firm.name or each.firm.ref or f"id:{each.firm.id}"
        since = "" if each.since is None else f"since {each.since}"
        until = "" if each.until is None else f"until {each.until}"
        words = ", ".join(filter(None, (firm, each.role, " ".join(filter(None, (since, until))))))
        table.add_row(Text("works for", style="dim"), _text(words))
    return table


def _heading(each: Customer, nobody: str) -> Text:
    name = each.name or each.ref or nobody
    details = [clean(detail) for detail in (each.ref, each.email, each.phone) if detail and detail != name]
    lines = [Text(clean(name), style="bold"), Text(" · ".join([*details, f"id:{each.id}"]), style="dim")]
    if each.merged:
        lines.append(Text(f"also known as {', '.join(map(clean, each.merged))}", style="dim"))
    if each.parked:
        lines.append(_parked(each.parked))
    return Text("\n").join(lines)


def _parked(why: str) -> Text:
    return Text(f"parked: {clean(why)}", style="bold")


def _facts(each: Customer, currency: str | None, zone: ZoneInfo) -> Table:
    facts = {
        "is": "a firm" if each.kind == FIRM else "",
        "orders": _orders(each, zone),
        "net spend": f"{each.net_spend:,} {currency or ''}".strip() if each.orders else "",
        "heard of": day(each.last_heard_at, zone),
        "owner": each.owner,
        "source": each.source,
        "tags": ", ".join(each.tags),
    }
    table = Table.grid(padding=(0, 2))
    for name, value in facts.items():
        if value:
            table.add_row(Text(name, style="dim"), _text(value))
    return table


def _orders(each: Customer, zone: ZoneInfo) -> str:
    if not each.orders:
        return "none yet"
    return f"{each.orders}, first {day(each.first_order_at, zone)}, last {day(each.last_order_at, zone)}"


def timeline_lanes(
    timeline: Timeline, *, now: datetime, zone: ZoneInfo, width: int = 80, orders: Sequence[datetime] = ()
) -> ConsoleRenderable:
    """A timeline from its first event to what is due, with a line that says how to read it.

    The future shown is at most as long as the past, or a year where that is longer.
    """
    start, end = timeline_window(timeline, now)
    drawn = timeline_text(
        timeline,
        now=now.astimezone(zone),
        start=start,
        end=end,
        orders=orders,
        width=max(MIN_WIDTH, min(width, WIDE)),
    )
    return Group(drawn, Text("        █ so far   ░ due if nothing happens   ▲ now", style="dim"))


def timeline_window(timeline: Timeline, now: datetime) -> tuple[datetime, datetime]:
    """What is drawn of a timeline: from its first event on, with as much of what is due as `timeline_lanes` says."""
    start = min(spans[0].since for spans in timeline.spans.values())
    due = max(spans[-1].since for spans in timeline.spans.values())
    past = now - start
    margin = max(past, timedelta(days=60)) / 20
    return start, max(min(due, now + max(past, timedelta(days=365))), now) + margin


# ---------------------------------------------------------------------------------------------------------- explain


def explanation(each: Explanation, who: Customer, zone: ZoneInfo, viewpoint: str = "") -> ConsoleRenderable:
    """Every verdict with the clauses that decided it, the events behind each, and what comes next.

    `viewpoint` says from where it is asked, where that isn't everybody's.
    """
    name = " · ".join(clean(part) for part in (who.name, who.ref or f"id:{who.id}") if part)
    heading = Text.assemble((name, "bold"), f"   as of {minute(each.as_of, zone)}")
    notes = [Text(viewpoint)] if viewpoint else []
    notes += [] if each.parked is None else [Text(f"parked: {clean(each.parked)}", style="bold")]
    verdicts = (part for verdict in each.verdicts for part in _verdict(verdict, zone))
    return Group(heading, *notes, *verdicts, *(part for segment in each.segments for part in _segment(segment, zone)))


def _segment(each: SegmentView, zone: ZoneInfo) -> list[ConsoleRenderable]:
    turns = "" if each.until is None else f", until {day(each.until, zone)} if nothing happens"
    title = Text.assemble(
        "\n",
        (f"Segment {each.id}: {'in' if each.inside else 'out'}", "bold"),
        f"   since {day(each.since, zone)}{turns}",
    )
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for clause in each.clauses:
        holds = "holds" if clause.holds else "fails"
        table.add_row(Text(clause.id), Text(holds), Group(_text(clause.sentence), *_events(clause, zone)))
    return [title, Padding(table, (0, 0, 0, 2))]


def _verdict(each: VerdictView, zone: ZoneInfo) -> list[ConsoleRenderable]:
    score = "" if each.score is None else f"{each.score} "
    title = Text.assemble(
        "\n",
        (f"{_TITLES.get(each.lane, each.lane.capitalize())}: {score}{each.value}", "bold"),
        f"   since {day(each.since, zone)}",
    )
    return [title, Padding(_clauses(each, zone), (0, 0, 0, 2)), Padding(_next(each, zone), (0, 0, 0, 2))]


def _clauses(each: VerdictView, zone: ZoneInfo) -> Table:
    scored = each.score is not None
    table = Table.grid(padding=(0, 2))
    if scored:
        table.add_column(justify="right", no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for clause in each.reasons:
        share = [Text(f"{clause.contribution or 0:+d}", style="bold")] if scored else []
        table.add_row(*share, Text(clause.id), Group(_text(clause.sentence), *_events(clause, zone)))
    if scored:
        table.add_row(Text("─" * 4), Text(""), Text(""))
        table.add_row(Text(str(each.score), style="bold"), Text("in all", style="bold"), Text(""))
    return table


def _events(clause: Clause, zone: ZoneInfo) -> Iterable[Text]:
    earlier = len(clause.events) - EVENTS_SHOWN
    for line in reversed(clause.events[-EVENTS_SHOWN:]):
        yield _event(line, zone)
    if earlier > 0:
        yield Text(f"and {earlier} more before", style="dim")


def _event(line: EventLine, zone: ZoneInfo) -> Text:
    what = _LONG_WORD.sub(lambda word: f"{word[0][:_WORD_SHOWN]}…", clean(line.what))
    return Text(f"#{line.position}  {day(line.occurred_at, zone)}  {what}", style="dim")


def _next(each: VerdictView, zone: ZoneInfo) -> Text:
    if each.next is None:
        return Text("next: nothing is due; only something that happens can change it")
    score = "" if each.next.score is None else f"{each.next.score} "
    return Text.assemble(
        "next: ", (f"{score}{each.next.value}", "bold"), f" on {day(each.next.since, zone)}, if nothing happens"
    )


# ---------------------------------------------------------------------------------------------- doing and importing


def outcome(each: Outcome, catalogue: Catalogue, zone: ZoneInfo) -> Text:
    """What was recorded, in a sentence or a few."""
    if not each.events:
        return Text("Nothing changed: it was so already.")
    lines = [
        f"{clean(describe(event.event, catalogue))} "
        f"(event {event.position}, {day(to_datetime(event.occurred_at), zone)})"
        for event in each.events
    ]
    before = "Recorded before, under this command id: " if each.replayed else "Recorded: "
    said = before + ("\n  ".join(["", *lines]) if len(lines) > 1 else lines[0])
    is_new = any(isinstance(event.event, CustomerRegistered) for event in each.events)
    theirs = f"\nTheir id is id:{each.customer_id}" if is_new else ""
    return Text(said + theirs + "".join(f"\nNotice: {clean(notice)}" for notice in each.notices))


def commands_overview(commands: Iterable[type[Command]]) -> ConsoleRenderable:
    """Every command with what it does and the names of its fields; those in bold, with a star, are needed."""
    parts: list[ConsoleRenderable] = []
    for command in commands:
        own = [field for field in fields_of(command) if not is_shared(command, field.name)]
        names = Text(", ").join(
            Text(f"{field.name}*", style="bold") if field.required else Text(field.name) for field in own
        )
        parts += [Text(command.__name__, style="bold"), Padding(Group(Text(first_line(command)), names), (0, 0, 1, 2))]
    shared = ", ".join(Command.model_fields)
    closing = f"* is needed. Every command also takes {shared}.\n`regulars commands NAME` says what each field takes."
    return Group(*parts, Text(closing))


def command_fields(command: type[Command]) -> ConsoleRenderable:
    """One command and what each of its fields takes."""
    table = _table()
    table.add_column("Field", no_wrap=True)
    table.add_column("Needed", no_wrap=True)
    table.add_column("Takes", no_wrap=False, overflow="fold")
    for field in fields_of(command):
        table.add_row(Text(field.name), Text("yes" if field.required else ""), Text(field.takes))
    return Group(Text(command.__name__, style="bold"), Text(first_line(command)), Text(""), table)


def import_report(each: ImportReport) -> ConsoleRenderable:
    """The sums of an import, what was left out, and the rows it refused: each of a few, of many how often for what."""
    sums = Table.grid(padding=(0, 2))
    sums.add_column()
    sums.add_column(justify="right")
    names = {"rows": each.rows, "changed nothing": each.unchanged, "refused": each.rejected, "events": each.events}
    for name, count in names.items():
        sums.add_row(Text(name, style="dim"), Text(f"{count:,}"))
    title = Text("Tried out; nothing was kept." if each.dry_run else "Imported.", style="bold")
    parts: list[ConsoleRenderable] = [title, sums]
    if each.notices:
        shown = [_text(notice) for notice in each.notices[:REJECTS_SHOWN]]
        more = len(each.notices) - len(shown)
        parts += [Text("\nNoticed:"), *shown, *([Text(f"and {more:,} more", style="dim")] if more else [])]
    if each.rejected:
        few = each.rejected <= REJECTS_SHOWN
        parts += [Text("\nRefused:"), refused(each.rejects) if few else _reasons(each.reasons)]
        if not each.dry_run:
            parts.append(Text("`regulars import --rejects` lists them", style="dim"))
    return Group(*parts)


def refused(rejects: Sequence[Reject], files: int = 1) -> Table:
    """Where some refused rows stand, of so many files that were read, and why each was refused."""
    several = files > 1 or len({each.source for each in rejects}) > 1
    table = Table.grid(padding=(0, 2))
    table.add_column(justify="right", no_wrap=True)
    table.add_column(overflow="fold")
    for each in rejects:
        where = f"{each.source}, line {each.line}" if several else f"line {each.line}"
        table.add_row(_text(where), _text(each.reason))
    return table


def _reasons(reasons: Sequence[tuple[str, int]]) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(justify="right", no_wrap=True)
    table.add_column(overflow="fold")
    for reason, count in reasons[:REJECTS_SHOWN]:
        table.add_row(Text(f"{count:,}"), _text(reason))
    others = sum(count for _, count in reasons[REJECTS_SHOWN:])
    if others:
        table.add_row(Text(f"{others:,}"), Text("for other reasons"))
    return table


def reject_table(rejects: Iterable[Reject]) -> Table:
    """Quarantined rows: where they stood, why they were refused, and what they said."""
    table = _table()
    table.add_column("File", no_wrap=True)
    table.add_column("Line", justify="right", no_wrap=True)
    table.add_column("Why, and what it says", no_wrap=False, overflow="fold")
    for each in rejects:
        says = Text(clean(each.text[:500]), style="dim")
        table.add_row(_text(each.source), Text(str(each.line)), Group(_text(each.reason), says))
    return table


# ----------------------------------------------------------------------------------------------------------- status


def status(each: Status, order: Mapping[Lane, Sequence[str]]) -> ConsoleRenderable:
    """How a store is doing; `order` gives each lane's values in the order of the rules."""
    sums = Table.grid(padding=(0, 2))
    for name, value in {
        "store": each.target.removeprefix("sqlite:///") + (" (read-only)" if each.read_only else ""),
        "currency": each.currency or "none yet; the first amount decides",
        "events": f"{each.events:,}",
        "customers": f"{each.customers:,}",
        "behind": f"{each.behind:,} events to be folded in",
        "held back": f"by {each.held_back_by}" if each.held_back_by else "",
        "rejects": f"{each.rejects:,} rows in quarantine; see `regulars import --rejects`" if each.rejects else "",
        "rules": short(each.rules_digest),
        "builds": builds({build.name: build.number for build in each.builds}),
        "stale": f"{in_short(each.stale)}; `regulars rebuild` folds it again" if each.stale else "",
        "parked": some(each.parked),
        "forged": never_drawn(each.never_drawn) if each.never_drawn else "",
        "clock": _ahead(each.recorded_ahead) if each.recorded_ahead else "",
        "keys": _keys(each),
        "erasing": f"pending: {erasing(each.owner_needed)}" if each.erasing else "",
        "unfinished": _unfinished(each.unfinished),
        "missing": "\n".join(each.missing_extensions),
    }.items():
        if value:
            sums.add_row(Text(name, style="dim"), Text("\n".join(map(clean, value.split("\n"))), overflow="fold"))
    return Group(sums, *(_bars(lane, each.counts.get(lane, {}), order[lane]) for lane in order if each.customers))


def builds(numbers: Mapping[str, int]) -> str:
    """The builds that answer, each by its name with its number."""
    return ", ".join(f"{name} {number}" for name, number in numbers.items())


def _keys(each: Status) -> str:
    said = ["wrapped by a master key"] if each.wrapped else []
    return "; ".join(said if each.names_readable else [*said, "none that this role may read, so names are left out"])


def erasing(needed: OwnerNeeded | None) -> str:
    """Why traces of keys still stand in the files, and what to do about it."""
    if needed is None:
        return "somebody reads what was there before, so traces of keys are still there; `regulars status` tries again"
    return (
        f"traces of keys are still there, and only {needed.owner}, who owns the tables, can destroy them: by `regulars "
        f"status` as that role, or by this and then `regulars status` as any that may write:\n{needed.statement}"
    )


def never_drawn(each: NeverDrawn) -> str:
    """The rows that somebody else wrote into the log."""
    more = each.count - len(each.positions)
    named = ", ".join([*(f"#{position}" for position in each.positions), *([f"and {more:,} more"] if more else [])])
    rows = "row" if each.count == 1 else "rows"
    return f"{each.count:,} {rows} at positions that were never drawn, left out of every answer: {named}"


def _ahead(each: RecordedAhead) -> str:
    events = "event was" if each.count == 1 else "events were"
    return (
        f"{each.count:,} {events} recorded by a clock that ran ahead: #{each.position} at "
        f"{each.recorded_at.isoformat(timespec='seconds')}{' and later ones' if each.count > 1 else ''}"
    )


def _unfinished(folders: Sequence[str]) -> str:
    if not folders:
        return ""
    return "\n".join([*folders, "left by a command that was killed; the next file written there removes it"])


def some(parked: Sequence[str]) -> str:
    """Who is parked, one a line; the first ones, and how many more there are."""
    more = len(parked) - PARKED_SHOWN
    return "\n".join([*map(clean, parked[:PARKED_SHOWN]), *([f"and {more:,} more"] if more > 0 else [])])


def _bars(lane: Lane, counts: Mapping[str, int], order: Sequence[str]) -> ConsoleRenderable:
    table = Table.grid(padding=(0, 2))
    table.add_column(min_width=11)
    table.add_column(justify="right", min_width=7)
    table.add_column()
    most = max(counts.values(), default=1)
    for value in order:
        count = counts.get(value, 0)
        table.add_row(Text(value), Text(f"{count:,}"), Text("█" * -(-count * _BAR // most)))
    return Group(Text(f"\n{_TITLES[lane]}", style="bold"), table)


# ----------------------------------------------------------------------------------------------------------- pieces


def table(titles: Sequence[str], rows: Iterable[Sequence[str]], *, fold: int | None = None) -> Table:
    """Words in rows; those of one column may go on in the next line."""
    made = _table()
    for index, title in enumerate(titles):
        made.add_column(title, no_wrap=index != fold, overflow="fold" if index == fold else "ellipsis")
    for row in rows:
        made.add_row(*(Text(clean(word)) for word in row))
    return made


def _table() -> Table:
    return Table(box=None, padding=(0, 2, 0, 0), header_style="bold", pad_edge=False)


def _text(text: str | None) -> Text:
    return Text(clean(text or ""), overflow="fold")


def _cell(text: str | None) -> Text:
    return Text(clean(text or ""), overflow="ellipsis", no_wrap=True)


def _risk(score: int, band: str) -> Text:
    return Text(f"{score} {band}")
