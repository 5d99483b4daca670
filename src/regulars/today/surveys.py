"""What is said of surveys to send, and how one is recorded."""

from __future__ import annotations

from regulars.adapters.read_models.due.lines import DueRow
from regulars.adapters.read_models.due.search import DueRows
from regulars.adapters.read_models.due.surveys import surveys_to_send
from regulars.projections.satisfaction.projector import SATISFACTION
from regulars.projections.surveys import SURVEYS
from regulars.projections.ticket_card import TICKET_CARD
from regulars.projections.ticket_feedback import TICKET_FEEDBACK
from regulars.projections.ticket_queue.projector import TICKET_QUEUE
from regulars.today.kind import Kind, Saying, Snapshot
from regulars.wording.command_line import do_line


def _find(snapshot: Snapshot) -> DueRows:
    return snapshot.search.selected(surveys_to_send(snapshot.search.lines))


def _say(row: DueRow, saying: Saying) -> tuple[str, str]:
    settle = do_line(
        "RecordSurveySent",
        customer=saying.who,
        survey_id="ID",
        survey="csat",
        channel="email",
        ticket_id=row.key,
    )
    return f"ticket {row.key} was solved on {saying.day(row.due)}, and they weren't asked about it", settle


TO_SEND = Kind(
    name="survey",
    title="Surveys to send",
    reads=(TICKET_QUEUE.name, TICKET_CARD.name, SURVEYS.name, SATISFACTION.name, TICKET_FEEDBACK.name),
    find=_find,
    say=_say,
)
