"""As of a day means as if nothing more had happened: what is due for a ticket then doesn't know what came later."""

from __future__ import annotations

from datetime import timedelta

import pytest

from regulars import (
    AwaitCustomer,
    ChangePriority,
    Command,
    MergeCustomers,
    OpenTicket,
    PutOnHold,
    RegisterCustomer,
    ReplyAsAgent,
    ResolveTicket,
)
from shops import Clock, opened

HOUR = timedelta(hours=1)

LATER: list[list[Command]] = [
    [ReplyAsAgent(ticket_id="T1")],
    [ResolveTicket(ticket_id="T1")],
    [AwaitCustomer(ticket_id="T1")],
    [PutOnHold(ticket_id="T1")],
    [ChangePriority(ticket_id="T1", priority="urgent")],
    [MergeCustomers(customer="bob", into="ada")],
    [OpenTicket(customer="ada", ticket_id="T3", priority="urgent")],
]


@pytest.mark.parametrize("later", LATER, ids=lambda later: type(later[0]).__name__)
def test_what_is_due_as_of_a_moment_is_what_it_was_then(database_url: str, later: list[Command]) -> None:
    clock = Clock()
    with opened(database_url, clock) as crm:
        crm.do([RegisterCustomer(ref="ada"), RegisterCustomer(ref="bob")])
        crm.do([OpenTicket(customer="ada", ticket_id="T1"), OpenTicket(customer="bob", ticket_id="T2")])
        asked_at = clock.now = clock.now + 2 * HOUR
        questions = ({}, {"breaching_within": 30 * HOUR}, {"breaching_within": 9 * HOUR}, {"status": "new"})
        then = [crm.tickets(as_of=asked_at, **question).tickets for question in questions]
        alone = [crm.ticket(each, as_of=asked_at) for each in ("T1", "T2")]
        clock.now += 3 * HOUR
        crm.do(later)
        merged = isinstance(later[0], MergeCustomers)  # a merge acts on system time: it holds as of every moment
        for fresh in (True, False):
            for question, tickets in zip(questions, then, strict=True):
                found = crm.tickets(as_of=asked_at, fresh=fresh, **question).tickets
                if merged:
                    assert [(each.ticket_id, each.until, each.breaches_at) for each in found] == [
                        (each.ticket_id, each.until, each.breaches_at) for each in tickets
                    ]
                else:
                    assert found == tickets
        for ticket_id, ticket in zip(("T1", "T2"), alone, strict=True):
            found = crm.ticket(ticket_id, as_of=asked_at)
            assert (found.statuses, found.clocks, found.ticket.until) == (
                ticket.statuses,
                ticket.clocks,
                ticket.ticket.until,
            )
        assert [each.ticket_id for each in then[1]] == ["T1", "T2"]
