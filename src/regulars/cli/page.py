"""The page of one customer as people read it: what is good to know before a call, in 80 columns."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from zoneinfo import ZoneInfo

from rich.console import ConsoleRenderable, Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from regulars.asking.contracts import ContractView
from regulars.asking.desk import Points, TicketView
from regulars.asking.employments import Employment
from regulars.asking.on_behalf import OpenOpportunity
from regulars.asking.quotes import QuoteView
from regulars.cli.render import clean, day, minute, timeline_lanes
from regulars.crm_domain.customer import FIRM
from regulars.crm_domain.offer.wording import WHY
from regulars.profile.values import CustomerPage, Few, HeldVerdict, Said

WORDS_SHOWN = 200


def customer_page(page: CustomerPage, nobody: str, *, width: int) -> ConsoleRenderable:
    """Every section that has anything to say.

    `nobody` is what somebody is called who has neither name nor reference.
    """
    zone = ZoneInfo(page.zone)
    parts: list[ConsoleRenderable] = [_heading(page, nobody, zone), Padding(_verdicts(page, zone), (1, 0))]
    parts.append(_facts(page, zone))
    for section in SECTIONS:
        drawn = list(section(page, zone))
        if drawn:
            parts += [Text(""), *drawn]
    timeline = page.timeline
    lanes = timeline_lanes(timeline, now=page.as_of, zone=zone, width=width, orders=timeline.orders)
    return Group(*parts, Text(""), lanes)


# -------------------------------------------------------------------------------------------------------------- who


def _heading(page: CustomerPage, nobody: str, zone: ZoneInfo) -> Text:
    told, customer = page.details, page.customer
    name = told.name or told.ref or nobody
    reached = [clean(each) for each in (told.ref, told.email, told.phone) if each and each != name]
    lines = [Text(clean(name), style="bold"), Text(" · ".join([*reached, f"id:{page.customer_id}"]), style="dim")]
    if customer.merged:
        lines.append(Text(f"also known as {', '.join(map(clean, customer.merged))}", style="dim"))
    if page.forgotten_at is not None:
        gone = f"forgotten on {day(page.forgotten_at, zone)}: what they said and were called is gone; the rest is left"
        lines.append(Text(gone, style="bold"))
    if customer.parked:
        lines.append(Text(f"parked: {clean(customer.parked)}", style="bold"))
    return Text("\n").join(lines)


def _verdicts(page: CustomerPage, zone: ZoneInfo) -> Table:
    verdicts = Table.grid(padding=(0, 2))
    for each in page.standing.verdicts:
        score = "" if each.score is None else f"{each.score} "
        verdicts.add_row(
            Text(each.lane, style="dim"),
            Text(f"{score}{each.value}", style="bold"),
            Text(f"since {day(each.since, zone)}"),
            Text(_next(each, zone)),
        )
    return verdicts


def _next(each: HeldVerdict, zone: ZoneInfo) -> str:
    return "" if each.next is None else f"until {day(each.next.since, zone)}, then {each.next.value}"


def _facts(page: CustomerPage, zone: ZoneInfo) -> Table:
    customer, told, standing = page.customer, page.details, page.standing
    facts = {
        "is": "a firm" if customer.kind == FIRM else "",
        "works for": "; ".join(map(_employer, page.works_for)),
        "orders": _orders(page, zone),
        "net spend": f"{customer.net_spend:,} {page.currency or ''}".strip() if customer.orders else "",
        "heard of": day(customer.last_heard_at, zone),
        "said": _satisfaction(page, zone),
        "segments": ", ".join(f"{each.id} since {day(each.since, zone)}" for each in standing.segments),
        "due again": _due(page, zone),
        "points": "" if page.points is None else _points(page.points, zone),
        "owner": customer.owner or "",
        "source": customer.source or "",
        "tags": ", ".join(customer.tags),
        "birthday": told.birthday or "",
        "language": told.locale or "",
        "likes": "; ".join(f"{key}: {value}" for key, value in told.preferences),
        "agreed to": _agreed(page),
        "account": "" if told.status in ("open", "erased") else told.status,
    }
    table = Table.grid(padding=(0, 2))
    for name, value in facts.items():
        if value:
            table.add_row(Text(name, style="dim"), Text(clean(value)))
    return table


def _employer(each: Employment) -> str:
    firm = each.firm.name or each.firm.ref or f"id:{each.firm.id}"
    since = None if each.since is None else f"since {each.since}"
    return ", ".join(filter(None, (firm, each.role, since)))


def _orders(page: CustomerPage, zone: ZoneInfo) -> str:
    customer = page.customer
    if not customer.orders:
        return "none yet"
    return f"{customer.orders}, first {day(customer.first_order_at, zone)}, last {day(customer.last_order_at, zone)}"


def _satisfaction(page: CustomerPage, zone: ZoneInfo) -> str:
    standing = page.standing
    said = [f"NPS {standing.nps}" if standing.nps else "", f"CSAT {standing.csat}" if standing.csat else ""]
    if standing.ask_again_at is not None and standing.ask_again_at > page.as_of:
        said.append(f"to be asked again from {day(standing.ask_again_at, zone)} on")
    return ", ".join(filter(None, said))


def _due(page: CustomerPage, zone: ZoneInfo) -> str:
    due = [f"{each.item} since {day(each.since, zone)}" for each in page.standing.due]
    return ", ".join([*due, *([f"and {page.standing.due_more} more"] if page.standing.due_more else [])])


def _points(points: Points, zone: ZoneInfo) -> str:
    told = [f"{-points.balance} owed" if points.balance < 0 else f"{points.balance} to spend"]
    told += [f"{points.pending} pending"] if points.pending else []
    told += [f"{points.lots[0].points} expire on {day(points.lots[0].expires_at, zone)}"] if points.lots else []
    return ", ".join(told)


def _agreed(page: CustomerPage) -> str:
    if page.consents.barred is not None:
        return ""
    by_channel: dict[str, list[str]] = {}
    for each in page.consents.consents:
        if each.given:
            by_channel.setdefault(each.channel, []).append(each.purpose)
    return "; ".join(f"{channel} for {', '.join(purposes)}" for channel, purposes in by_channel.items())


# --------------------------------------------------------------------------------------------------------- sections


def _section(title: str, rows: Sequence[tuple[str, ...]], more: int) -> Iterator[ConsoleRenderable]:
    """A title and a table, whose last column takes the room that there is."""
    if not rows:
        return
    yield Text(title, style="bold")
    table = Table.grid(padding=(0, 2))
    for _ in rows[0][:-1]:
        table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for row in rows:
        table.add_row(*(Text(clean(cell)) for cell in row))
    yield table
    yield from _more(more)


def _told(*words: str | None) -> str:
    return " · ".join(filter(None, words))


def _people(page: CustomerPage, zone: ZoneInfo) -> Iterator[ConsoleRenderable]:
    rows = [
        (each.person.name or each.person.ref or f"id:{each.person.id}", each.role or "") for each in page.people.found
    ]
    return _section("People", rows, page.people.more)


def _reminders(page: CustomerPage, zone: ZoneInfo) -> Iterator[ConsoleRenderable]:
    rows = []
    for each in page.reminders.found:
        overdue = "overdue" if each.is_overdue else None
        rows.append((str(each.due), _told(each.title or each.care, overdue, each.why, each.owner)))
    return _section("Reminders", rows, page.reminders.more)


def _tasks(page: CustomerPage, zone: ZoneInfo) -> Iterator[ConsoleRenderable]:
    rows = []
    for each in page.tasks.found:
        due = str(each.due_day) if each.due_day else "" if each.due_at is None else minute(each.due_at, zone)
        rows.append(
            (each.task_id, each.value, due, _told(each.what and _shortened(each.what), each.owner, each.repeats))
        )
    return _section("Tasks", rows, page.tasks.more)


def _tickets(page: CustomerPage, zone: ZoneInfo) -> Iterator[ConsoleRenderable]:
    rows = [
        (each.ticket_id, each.status, _told(_whose(page, each), _ticket(each, zone))) for each in page.tickets.found
    ]
    return _section("Open tickets", rows, page.tickets.more)


def _whose(page: CustomerPage, each: TicketView | OpenOpportunity | QuoteView | ContractView) -> str | None:
    """Who it is of that names this firm; None where it is this customer's own."""
    return None if each.customer_id == page.customer_id else f"of {each.ref or f'id:{each.customer_id}'}"


def _ticket(each: TicketView, zone: ZoneInfo) -> str:
    clock = "breached" if "breached" in (each.first_response, each.resolution) else ""
    if each.breaches_at is not None:
        clock = f"to be breached {minute(each.breaches_at, zone)}"
    return _told(each.subject and _shortened(each.subject), each.priority, each.agent, clock)


def _opportunities(page: CustomerPage, zone: ZoneInfo) -> Iterator[ConsoleRenderable]:
    rows = []
    for each in page.opportunities.found:
        amount = f"{each.amount:,} {page.currency}" if each.amount else ""
        closes = "" if each.expected_close is None else f"to close by {each.expected_close}"
        stage = f"{each.stage}, stale" if each.is_stale else each.stage
        likely = f"{each.probability:.0%} by the rules"
        rows.append(
            (each.opportunity_id, stage, amount, _told(_whose(page, each), each.title, each.owner, likely, closes))
        )
    return _section("Open opportunities", rows, page.opportunities.more)


def _quotes(page: CustomerPage, zone: ZoneInfo) -> Iterator[ConsoleRenderable]:
    rows = []
    for each in page.quotes.found:
        valid = "" if each.valid_until is None else f"valid until {each.valid_until}"
        told = _told(_whose(page, each), f"sent {day(each.sent_at, zone)}", valid)
        rows.append((each.quote_id, f"{each.gross:,} {each.currency}", told))
    return _section("Quotes without an answer", rows, page.quotes.more)


def _contracts(page: CustomerPage, zone: ZoneInfo) -> Iterator[ConsoleRenderable]:
    rows = []
    for each in page.contracts.found:
        ends = f"until {each.end}" if each.end else "without an end"
        notice = None if each.notice_by is None else f"notice by {each.notice_by}"
        rows.append(
            (
                each.contract_id,
                each.status,
                f"{each.amount:,} {each.currency}",
                _told(_whose(page, each), f"from {each.start}", ends, notice),
            )
        )
    return _section("Contracts", rows, page.contracts.more)


def _offers(page: CustomerPage, zone: ZoneInfo) -> Iterator[ConsoleRenderable]:
    rows = []
    for each in page.offers.found:
        came = "" if each.state == each.arm else each.state
        told = _told(came, None if each.why is None else WHY[each.why], f"since {day(each.since, zone)}")
        rows.append((each.campaign_id, each.arm.replace("_", " "), told))
    return _section("Campaigns", rows, page.offers.more)


def _conversations(page: CustomerPage, zone: ZoneInfo) -> Iterator[ConsoleRenderable]:
    return _latest("Conversations", page.conversations, zone)


def _notes(page: CustomerPage, zone: ZoneInfo) -> Iterator[ConsoleRenderable]:
    return _latest("Notes", page.notes, zone)


def _latest(title: str, latest: Few[Said], zone: ZoneInfo) -> Iterator[ConsoleRenderable]:
    if not latest.found:
        return
    is_decrypted = any(each.text is not None for each in latest.found)
    yield Text.assemble((title, "bold"), (", decrypted" if is_decrypted else "", "dim"))
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for each in latest.found:
        table.add_row(Text(day(each.at, zone)), Group(*_words(each)))
    yield table
    yield from _more(latest.more)


def _words(said: Said) -> Iterator[Text]:
    yield Text(f"{clean(said.what)}, {clean(said.actor)}", style="dim")
    if said.text is not None:
        yield Text(_shortened(said.text))


def _shortened(text: str) -> str:
    words = clean(" ".join(text.split()))
    return words if len(words) <= WORDS_SHOWN else f"{words[:WORDS_SHOWN].rstrip()}…"


def _more(more: int) -> Iterable[Text]:
    return [Text(f"and {more:,} more", style="dim")] if more else []


#: In the order in which they are read; each draws nothing where there is nothing to say.
SECTIONS: tuple[Callable[[CustomerPage, ZoneInfo], Iterable[ConsoleRenderable]], ...] = (
    _people,
    _reminders,
    _tasks,
    _tickets,
    _opportunities,
    _quotes,
    _contracts,
    _offers,
    _conversations,
    _notes,
)
