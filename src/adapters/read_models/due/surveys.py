"""Surveys to send: a ticket was solved lately, and its customer may be asked and wasn't.

Only a shop that has sent a survey before is told to: one that never did has no survey to send. Of several tickets that
a customer had solved, the last one is asked about.
"""

from __future__ import annotations

import sqlalchemy as sa

from regulars.adapters.read_models.due.lines import Lines, line, running
from regulars.projections.facts.tickets import SETTLED
from regulars.projections.satisfaction.projector import SATISFACTION
from regulars.projections.surveys import SURVEYS
from regulars.projections.ticket_card import TICKET_CARD
from regulars.projections.ticket_feedback import TICKET_FEEDBACK
from regulars.projections.ticket_queue.projector import TICKET_QUEUE

_SOLVED = ({"status": tuple(sorted(str(each) for each in SETTLED))},)


def surveys_to_send(lines: Lines) -> sa.SelectBase:
    """The last ticket of each customer that was solved lately, if they may be asked about it and weren't."""
    found = running(lines, TICKET_QUEUE.name, _SOLVED, since=lines.window.since)
    later = running(lines, TICKET_QUEUE.name, _SOLVED, since=lines.window.since).alias("later")
    sent, any_sent = lines.table(SURVEYS.name, "sent"), lines.table(SURVEYS.name, "any_sent")
    said, rated = lines.table(SATISFACTION.name, "said"), lines.table(TICKET_FEEDBACK.name, "rated")
    card = lines.table(TICKET_CARD.name, "card")
    same = sa.and_(card.c.customer == found.c.customer, card.c.ticket_id == found.c.key, lines.now(card))
    told = line(found.c.customer, found.c.key, found.c.due, owner=card.c.agent)
    is_later = sa.tuple_(later.c.due, later.c.key) > sa.tuple_(found.c.due, found.c.key)
    return (
        sa.select(*told)
        .select_from(found.join(card, same))
        .where(
            sa.exists().where(any_sent.c.valid_from <= lines.window.at),
            ~sa.exists().where(later.c.customer == found.c.customer, is_later),
            ~sa.exists().where(sent.c.customer == found.c.customer, sent.c.ticket_id == found.c.key, lines.now(sent)),
            ~sa.exists().where(
                said.c.customer == found.c.customer, said.c.ask_again_at > lines.window.at, lines.now(said)
            ),
            ~sa.exists().where(
                rated.c.customer == found.c.customer,
                rated.c.ticket_id == found.c.key,
                rated.c.rated.is_not(None),
                lines.now(rated),
            ),
        )
    )
