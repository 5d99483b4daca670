"""What service is reported from: each ticket with its card and its clocks, and the open ones over time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.engine import Connection

from regulars.adapters.read_models.rows import ReadModels
from regulars.projections.facts.tickets import SETTLED
from regulars.projections.ticket_card import TICKET_CARD
from regulars.projections.ticket_queue.projector import TICKET_QUEUE

BREACHED = "breached"


class ReportedTicket(Struct, frozen=True, gc=False):
    """A ticket as of an instant, as its card and the queue have it."""

    opened_at: int
    channel: str | None
    agent: str | None
    first_response_priority: str
    resolution_priority: str
    status: str
    first_response: str
    resolution: str

    @property
    def is_open(self) -> bool:
        """Whether it is neither resolved nor closed."""
        return self.status not in SETTLED

    @property
    def is_breached(self) -> bool:
        """Whether it is open, and a clock of it is breached."""
        return self.is_open and BREACHED in (self.first_response, self.resolution)


def reported_tickets(models: ReadModels, connection: Connection, at: int) -> Iterator[ReportedTicket]:
    """All tickets that were opened by an instant, as of it."""
    queue, card = models.of(TICKET_QUEUE.name).intervals, models.of(TICKET_CARD.name).intervals
    same = sa.and_(card.c.customer == queue.c.customer, card.c.ticket_id == queue.c.ticket_id)
    columns = (card if each in card.c else queue for each in ReportedTicket.__struct_fields__)
    statement = (
        sa.select(*(table.c[name] for table, name in zip(columns, ReportedTicket.__struct_fields__, strict=True)))
        .select_from(queue.join(card, same))
        .where(*(holds for table in (queue, card) for holds in (table.c.valid_from <= at, table.c.valid_to > at)))
    )
    for row in connection.execute(statement):
        yield ReportedTicket(*row)


def open_spans(models: ReadModels, connection: Connection, since: int, until: int) -> Iterator[tuple[int, int, bool]]:
    """From when to when a ticket is open and whether a clock of it is breached: all spans that meet [since, until]."""
    table = models.of(TICKET_QUEUE.name).intervals
    breached = sa.or_(table.c.first_response == BREACHED, table.c.resolution == BREACHED)
    overlapping = sa.and_(table.c.valid_from <= until, table.c.valid_to > since)
    statement = sa.select(table.c.valid_from, table.c.valid_to, breached)
    row: Any
    for row in connection.execute(statement.where(table.c.status.not_in(sorted(SETTLED)), overlapping)):
        yield row[0], row[1], bool(row[2])
