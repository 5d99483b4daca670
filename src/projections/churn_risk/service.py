"""What goes wrong with a customer's tickets, and how long each kind of it counts.

A kind counts once, however many tickets it happened to, so all that matters of it is whether any of its spans holds an
instant. All spans of a kind are equally long: their beginnings, in order, say when the kind counts, and an event of one
ticket costs no look at the others.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator
from itertools import groupby
from operator import itemgetter
from typing import get_args

from regulars.crm_domain.instant import DAY, FOREVER
from regulars.projections.churn_risk.compiled import Service, Turn
from regulars.projections.facts.shared import Facts, ServiceSpans
from regulars.projections.facts.tickets import ClockName, TicketFacts, TicketRules, breaches_at

UNRESOLVED_AFTER = 7 * DAY
#: How long it counts. What ends with its ticket's settlement counts until then, and a settled ticket has no span of it.
LASTS = {
    "unresolved_over_7d": FOREVER,
    "open_complaint": FOREVER,
    "sla_breach_90d": 90 * DAY,
    "reopened_90d": 90 * DAY,
}

#: A kind, since when it counts, and the position of the event behind it.
Span = tuple[str, int, int]


def service_points(rule: Service, facts: Facts, tickets: TicketRules, at: int, until: int, turns: list[Turn]) -> int:
    """The points for what counts at an instant; what changes them before `until` is added to `turns`."""
    changes: list[tuple[int, int]] = []
    total = 0
    for kind, begins in _known(facts, tickets).since.items():
        lasts, place = LASTS[kind], bisect_right(begins, at)
        is_on = place > 0 and at < begins[place - 1] + lasts
        if place == len(begins) and not is_on:  # all of them are over
            continue
        points = rule.points[kind]
        total += points if is_on else 0
        for instant in _flips(begins, lasts, place, is_on, until):
            is_on = not is_on
            changes.append((instant, points if is_on else -points))
    first = before = min(100, total)
    if not changes:
        return first
    for instant, together in groupby(sorted(changes), key=_instant):
        total += sum(change for _, change in together)
        points = min(100, total)
        turns.append((instant, rule.weight * (points - before), 0, 0))
        before = points
    return first


def spans_of(ticket: TicketFacts, rules: TicketRules) -> Iterator[Span]:
    """What went wrong with a ticket, or will if nobody acts."""
    opened = ticket.opened
    if opened is None:
        return
    if ticket.settled is None:
        yield "unresolved_over_7d", opened.at + UNRESOLVED_AFTER, opened.position
        if ticket.complaint:
            yield "open_complaint", opened.at, opened.position
    for clock in _CLOCKS:
        breach = breaches_at(ticket, rules, clock)
        if breach is not None:
            yield "sla_breach_90d", breach, opened.position
    if ticket.reopened:
        yield "reopened_90d", ticket.reopened[-1].at, ticket.reopened[-1].position


_CLOCKS: tuple[ClockName, ...] = get_args(ClockName)
_instant = itemgetter(0)


def _known(facts: Facts, rules: TicketRules) -> ServiceSpans:
    """The spans of all tickets, where those of tickets to which something happened are worked out again."""
    known = facts.service_spans
    if known is None or known.by is not rules:
        known = facts.service_spans = ServiceSpans(rules, changed=set(facts.tickets))
    for ticket_id in known.changed:
        for kind, since, _ in known.of_ticket.get(ticket_id, ()):
            del known.since[kind][bisect_left(known.since[kind], since)]
        spans = known.of_ticket[ticket_id] = tuple(spans_of(facts.tickets[ticket_id], rules))
        for kind, since, _ in spans:
            insort(known.since.setdefault(kind, []), since)
    known.changed.clear()
    return known


def _flips(begins: list[int], lasts: int, place: int, is_on: bool, until: int) -> Iterator[int]:
    """When it begins or ends that any of the spans holds, before an instant and after so many of them have begun.

    Another one begins, or some are on.
    """
    if not is_on:
        place += 1
        if begins[place - 1] < until:
            yield begins[place - 1]
    while place and begins[place - 1] < until:
        end = begins[place - 1] + lasts
        # Spans are equally long, so the latest one that begins before another ends, or as it does, ends last of these.
        place = bisect_right(begins, end, lo=place)
        if begins[place - 1] + lasts > end:
            continue
        if end >= until:
            return
        yield end
        if place == len(begins) or begins[place] >= until:
            return
        yield begins[place]
        place += 1
