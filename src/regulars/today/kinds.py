"""The kinds of lines, in the order in which they stand within a moment."""

from __future__ import annotations

from regulars.today.at_risk import WORTH_A_CALL
from regulars.today.kind import Kind
from regulars.today.points import EXPIRING
from regulars.today.surveys import TO_SEND
from regulars.today.tickets import TICKETS

KINDS: tuple[Kind, ...] = (TICKETS, WORTH_A_CALL, EXPIRING, TO_SEND)
