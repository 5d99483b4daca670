"""The kinds of lines, in the order in which they stand where nothing else decides."""

from __future__ import annotations

from regulars.today.at_risk import WORTH_A_CALL
from regulars.today.birthdays import BIRTHDAYS
from regulars.today.contracts import ENDING, NOTICE
from regulars.today.kind import Kind
from regulars.today.points import EXPIRING
from regulars.today.quotes import QUOTES_OUT
from regulars.today.reminders import REMINDERS
from regulars.today.surveys import TO_SEND
from regulars.today.tasks import TASKS_DUE
from regulars.today.tickets import TICKETS

KINDS: tuple[Kind, ...] = (
    *(TASKS_DUE, REMINDERS, BIRTHDAYS, TICKETS, QUOTES_OUT),
    *(ENDING, NOTICE, WORTH_A_CALL, EXPIRING, TO_SEND),
)
