"""A walk through the simulated business: what a shop owner would ask first, and how to go on asking."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from importlib import resources
from pathlib import Path

from rich.console import Console, Group, RenderableType
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from regulars import opening
from regulars.adapters.store.rules_text import as_toml
from regulars.asking.audit import AuditEntry
from regulars.asking.desk import TicketView
from regulars.asking.timeline_text import MIN_WIDTH, timeline_text
from regulars.asking.views import Customer, Lane, Span, Timeline
from regulars.crm import Regulars
from regulars.crm_domain.command import Command
from regulars.crm_domain.errors import StoreUnusable
from regulars.crm_domain.membership import EnrollMember
from regulars.crm_domain.purchase import RecordPurchase
from regulars.demo import campaign, month
from regulars.demo.helpdesk import AGENT
from regulars.demo.simulation import END, LAST_DAY, START, ZONE, SimulatedClock, record, simulate
from regulars.demo.timing import when
from regulars.projections.rules.grammar import Ruleset, parse_rules

CURRENCY = "EUR"

_WIDTH = 80
_BAR = 17
_SOON = timedelta(days=14)
_AHEAD = timedelta(days=150)
_MOST_ROWS = 12
_A_DAY = timedelta(days=1)
_POINTS_SOON = timedelta(days=30)


def run(console: Console, path: Path, seed: int = 42) -> None:
    """Simulate two years of a small shop into a fresh store at `path`, and show what can be asked of it.

    What is printed depends on the seed alone, never on the day. Raises StoreUnusable where `path` exists already.
    """
    if path.exists():
        raise StoreUnusable(f"{path} exists already; the demo needs a file of its own")
    clock = SimulatedClock()
    with opening.open(path, currency=CURRENCY, actor="mara", clock=clock) as crm:
        crm.rules.publish(_rules_of_the_shop(), reason="the shop's own")
        happened = _record_with_progress(console, crm, clock, simulate(seed))
        customers = _everybody(crm)
        star = _star(customers, crm.values("tier"))
        _show(console, "Two years of a coffee roaster's web shop", _simulated(crm, customers, seed))
        _show(console, "Who they are", _counts(crm, customers))
        _show(console, "At risk, and worth a call", _worth_a_call(customers, crm.values("tier")))
        _show(console, "At risk within 14 days if nothing happens", _soon_at_risk(crm))
        _show(console, "What to do today", month.to_do(crm, _width(console)))
        _show(console, "A month in the life of the shop", month.figures(crm))
        _show(console, "Who belongs together, and what they are worth", month.groups(crm))
        _show(console, "What is being sold to offices", month.selling(crm, LAST_DAY))
        _show(console, "Due to be bought again", month.due(crm))
        _show(console, "Are they content, and were we in time", month.contentment(crm))
        _show(console, "One customer over time", _life(crm, star, happened, _width(console)))
        _show(console, "The help desk", _help_desk(crm, customers))
        _show(console, "What happened last", _happened_last(crm))
        _show(console, "A campaign that proves its effect", campaign.from_preview_to_effect(crm, clock, seed))
    _show(console, "What to try next", None)
    for command in _next_commands(path, star):
        console.print(command, soft_wrap=True, highlight=False, markup=False)


def _rules_of_the_shop() -> Ruleset:
    """The rules that every store begins with, and what this shop adds."""
    added = resources.files("regulars.demo").joinpath("shop.toml").read_text(encoding="utf-8")
    return parse_rules(f"{as_toml(opening.default_rules())}\n{added}")


def _show(console: Console, title: str, body: RenderableType | None) -> None:
    console.print()
    console.print(Text(title, style="bold"))
    console.print(Text("─" * len(title), style="dim"))
    if body is not None:
        console.print(body, width=_width(console), highlight=False)


def _width(console: Console) -> int:
    return min(_WIDTH, console.width)


# ------------------------------------------------------------------------------------------------------- recording


class _Rate(ProgressColumn):
    """Events a second."""

    def render(self, task: Task) -> Text:
        """The rate so far, nothing before there is one."""
        return Text(f"{task.speed:,.0f}/s" if task.speed else "", style="dim")


def _record_with_progress(
    console: Console, crm: Regulars, clock: SimulatedClock, happened: Sequence[Command]
) -> Sequence[Command]:
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed:,.0f} of {task.total:,.0f}"))
    with Progress(
        *columns, _Rate(), TimeRemainingColumn(), console=console, transient=True, disable=not console.is_terminal
    ) as progress:
        recording = progress.add_task("recording two years", total=len(happened))
        record(crm, clock, happened, lambda count: progress.update(recording, advance=count))
        folding = progress.add_task("working out verdicts", total=len(happened))
        crm.catch_up(lambda done, total: progress.update(folding, completed=done, total=total))
    return happened


def _everybody(crm: Regulars) -> list[Customer]:
    """Every customer, in order of their reference: ids are random, and what is printed must not be."""
    return sorted(crm.customers(), key=_reference)


# -------------------------------------------------------------------------------------------------------- sections


def _simulated(crm: Regulars, customers: Sequence[Customer], seed: int) -> RenderableType:
    facts = Table.grid(padding=(0, 2))
    facts.add_column(justify="right", style="bold")
    facts.add_column()
    facts.add_row(f"{crm.status().events:,}", f"events, {_day(START)} to {_day(END)} (from seed {seed})")
    facts.add_row(f"{len(customers):,}", "customers")
    facts.add_row(f"{sum(customer.orders for customer in customers):,}", "orders")
    revenue = sum((customer.net_spend for customer in customers), Decimal(0))
    facts.add_row(f"{revenue:,.2f}", f"{CURRENCY} net revenue, returns taken off")
    return facts


def _counts(crm: Regulars, customers: Sequence[Customer]) -> RenderableType:
    stages = Counter(customer.stage for customer in customers)
    tiers = Counter(customer.tier for customer in customers)
    bands = Counter(customer.risk_band for customer in customers)
    by_count = sorted(crm.values("stage"), key=lambda stage: (-stages[stage], stage))
    grid = Table.grid(padding=(0, 3))
    grid.add_row(
        _bars("stage", stages, by_count),
        Group(_bars("tier", tiers, reversed(crm.values("tier"))), "", _bars("risk", bands, crm.values("risk"))),
    )
    return grid


def _bars(lane: Lane, counts: Counter[str], values: Iterable[str]) -> RenderableType:
    longest = max(counts.values(), default=1)
    grid = Table.grid(padding=(0, 1))
    grid.add_column(width=11)
    grid.add_column(justify="right", width=4)
    grid.add_column(width=_BAR)
    grid.add_row(Text(lane, style="dim"))
    for value in values:
        grid.add_row(value, str(counts[value]), Text("█" * _cells(counts[value], longest), style="cyan"))
    return grid


def _cells(count: int, longest: int) -> int:
    """As long as the count is large, and never nothing for something."""
    return -(-count * _BAR // longest)


def _worth_a_call(customers: Sequence[Customer], tiers: Sequence[str]) -> RenderableType:
    """Those who can still be won, and have shown that it pays."""
    worthwhile = [each for each in customers if each.tier != tiers[0] and each.stage != "churned"]
    worthwhile.sort(key=lambda each: (-each.risk, -each.net_spend, _reference(each)))
    lines: list[RenderableType] = [
        Text(f"Better than {tiers[0]}, not churned yet; the highest risk first, then net spend.", style="dim")
    ]
    for customer in worthwhile[:10]:
        reference, name = _reference(customer), customer.name or ""
        risk = f"{customer.risk:>3} {customer.risk_band}"
        lines.append(
            Text.assemble(
                (f"{reference:<10}", "bold"), f" {name:<20.20}  {risk:<12}  {customer.tier:<9}", _money(customer)
            )
        )
        lines.append(Text(f"    {_why(customer)}", style="dim", no_wrap=True, overflow="ellipsis"))
    return Group(*lines)


def _why(customer: Customer) -> str:
    """The two reasons that weigh most, without the points they were given."""
    reasons = sorted(customer.verdict("risk").reasons, key=lambda reason: -(reason.contribution or 0))
    sentences = (reason.sentence.partition(" (")[0].partition(": the score is")[0] for reason in reasons[:2])
    return ", ".join(sentences)


def _soon_at_risk(crm: Regulars) -> RenderableType:
    page = crm.customers(becoming={"stage": "at_risk"}, within=_SOON)
    soon = sorted(page, key=lambda customer: (customer.becomes_at or END, _reference(customer)))
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for heading in ("on", "who", "", "is", "tier"):
        table.add_column(heading, no_wrap=True)
    table.add_column("last order", no_wrap=True)
    table.add_column("net spend", justify="right", no_wrap=True)
    for customer in soon[:_MOST_ROWS]:
        table.add_row(
            _day(customer.becomes_at, year=False),
            _reference(customer),
            f"{customer.name or '':.20}",
            customer.stage,
            customer.tier,
            _day(customer.last_order_at, year=False),
            f"{customer.net_spend:,.2f}",
        )
    if len(soon) > _MOST_ROWS:
        return Group(table, Text(f"and {len(soon) - _MOST_ROWS} more", style="dim"))
    return table


# --------------------------------------------------------------------------------------------------------- one month


# ----------------------------------------------------------------------------------------------------- one customer


def _star(customers: Sequence[Customer], tiers: Sequence[str]) -> Customer:
    """The customer with the most eventful past who is still around: came back once, climbed high, never stood still."""

    def eventful(customer: Customer) -> tuple[bool, bool, bool, int, timedelta]:
        past = {lane: _past(spans) for lane, spans in customer.timeline().lanes.items()}
        return (
            "reactivated" in past["stage"],
            any(tier in past["tier"] for tier in tiers[2:]),
            customer.stage != "churned",
            len(past["stage"]),
            -max(past["stage"].values()),
        )

    return max(customers, key=eventful)


def _past(spans: Iterable[Span]) -> dict[str, timedelta]:
    """How long each value has held in all."""
    held: dict[str, timedelta] = {}
    for span in spans:
        if span.since <= END:
            held[span.value] = held.get(span.value, timedelta(0)) + min(span.until or END, END) - span.since
    return held


def _life(crm: Regulars, customer: Customer, happened: Sequence[Command], width: int) -> RenderableType:
    timeline = customer.timeline()
    orders = [
        when(command)
        for command in happened
        if isinstance(command, RecordPurchase) and command.customer == customer.ref
    ]
    title = f"{customer.name} ({customer.ref}): {customer.orders} orders, {_money(customer)}"
    drawn = timeline_text(
        timeline,
        now=END.astimezone(ZONE),
        start=min(span.since for span in timeline.lanes["stage"]),
        end=END + _AHEAD,
        orders=orders,
        width=max(MIN_WIDTH, width),
    )
    outlook = Text(_outlook(timeline), style="dim")
    if any(isinstance(command, EnrollMember) and command.customer == customer.ref for command in happened):
        outlook.append(f"\n{_points(crm, customer)}")
    return Group(title, "", drawn, "", outlook)


def _points(crm: Regulars, customer: Customer) -> str:
    points = crm.points(customer.id)
    soon = points.expiring(_POINTS_SOON)
    return f"Points: {points.balance:,} to spend, {points.pending:,} pending; {soon:,} expire within 30 days"


def _outlook(timeline: Timeline) -> str:
    due = [span for span in timeline.lanes["stage"] if span.since > END]
    if not due:
        return "If nothing happens, the stage stays as it is."
    return "If nothing happens: " + ", ".join(f"{span.value} on {_day(span.since).strip()}" for span in due[:2])


# ------------------------------------------------------------------------------------------ the help desk, the trail


def _help_desk(crm: Regulars, customers: Sequence[Customer]) -> RenderableType:
    tickets = list(crm.tickets())
    still_open = [ticket for ticket in tickets if ticket.status not in ("resolved", "closed")]
    clocks = Counter(_clock(ticket) for ticket in still_open)
    states = ", ".join(f"{clocks[state]} {state.replace('_', ' ')}" for state in ("on_time", "due_soon", "breached"))
    summary = Text(f"{len(tickets)} tickets in two years, {len(still_open)} of them open: {states}")
    names = {customer.ref: customer.name or "" for customer in customers}
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for heading in ("late from", "ticket", "who", "", "what"):
        table.add_column(heading, no_wrap=True)
    for ticket in sorted(crm.tickets(breaching_within=_A_DAY), key=_next_breach):
        what = "first answer" if ticket.first_response in ("on_time", "due_soon") else "solution"
        name = names.get(ticket.ref, "")
        table.add_row(_minute(ticket.breaches_at), ticket.ticket_id, ticket.ref or "", f"{name:.20}", what)
    return Group(summary, "", Text("Breached within a day unless somebody acts:", style="dim"), table)


def _clock(ticket: TicketView) -> str:
    """The worse of the two clocks of an open ticket; one that was met or late doesn't run any more."""
    running = (ticket.first_response, ticket.resolution)
    return next((state for state in ("breached", "due_soon") if state in running), "on_time")


def _next_breach(ticket: TicketView) -> tuple[datetime, str]:
    return ticket.breaches_at or END, ticket.ticket_id


def _happened_last(crm: Regulars) -> RenderableType:
    """What one person did last, and what that changed from what to what."""
    lines: list[RenderableType] = [
        Text(f"The last five things that {AGENT} did, the latest first, each with what it changed.", style="dim")
    ]
    for entry in crm.audit(actor=AGENT, limit=5):
        lines.append(_line(f"{_minute(entry.occurred_at)}  {entry.sentence}"))
        if entry.changes:
            lines.append(_line(f"    {_changes(entry)}", style="dim"))
    return Group(*lines)


def _changes(entry: AuditEntry) -> str:
    return ", ".join(
        f"{change.field}: {'' if change.old is None else f'{change.old} → '}{change.new or 'nothing'}"
        for change in entry.changes
    )


def _line(text: str, *, style: str = "") -> Text:
    return Text(text, style=style, no_wrap=True, overflow="ellipsis")


# ------------------------------------------------------------------------------------------------------------ words


def _next_commands(path: Path, star: Customer) -> tuple[str, ...]:
    regulars = f"regulars --db {shlex.quote(str(path))}"
    return (
        f"The shop's last day is {LAST_DAY}; --as-of asks as of that day, or of any other.",
        f"  {regulars} explain {star.ref} --as-of {LAST_DAY}",
        f"  {regulars} customers --order risk --as-of {LAST_DAY}",
        f"  {regulars} segment fading --as-of {LAST_DAY}",
        f"  {regulars} trend stage --until {LAST_DAY} --svg stages.svg",
        f"  {regulars} today --as-of {LAST_DAY}",
        f"  {regulars} pipeline forecast --as-of {LAST_DAY}",
        f"  {regulars} campaign effect {campaign.CAMPAIGN}",
        f"  {regulars} report --month {LAST_DAY:%Y-%m} --out report.html",
    )


def _reference(customer: Customer) -> str:
    return customer.ref or ""


def _money(customer: Customer) -> str:
    return f"{customer.net_spend:,.2f} {CURRENCY}"


def _day(moment: datetime | None, *, year: bool = True) -> str:
    if moment is None:
        return ""
    day = moment.astimezone(ZONE)
    return f"{day.day:>2} {day:%b} {day.year}" if year else f"{day.day:>2} {day:%b}"


def _minute(moment: datetime | None) -> str:
    return "" if moment is None else f"{_day(moment, year=False)} {moment.astimezone(ZONE):%H:%M}"
