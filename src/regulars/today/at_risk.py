"""What is said of customers who are worth a call, and how a call is recorded that settles the line."""

from __future__ import annotations

from regulars.adapters.read_models.due.at_risk import worth_a_call
from regulars.adapters.read_models.due.lines import DueRow
from regulars.adapters.read_models.due.search import DueRows
from regulars.projections.customer_card import CUSTOMER_CARD
from regulars.projections.last_contact import LAST_CONTACT
from regulars.projections.lifecycle_stage.projector import LIFECYCLE_STAGE
from regulars.projections.loyalty_tier.projector import LOYALTY_TIER
from regulars.today.kind import Kind, Saying, Snapshot
from regulars.wording.command_line import do_line


def _find(snapshot: Snapshot) -> DueRows:
    return snapshot.search.selected(worth_a_call(snapshot.search.lines, snapshot.viewpoint.ruleset))


def _say(row: DueRow, saying: Saying) -> tuple[str, str]:
    is_so = row.due <= saying.at
    begins = f"at risk since {saying.day(row.due)}" if is_so else f"at risk from {saying.day(row.due)}"
    last = "" if row.number is None else f", last order on {saying.day(row.number)}"
    settle = do_line("RecordInteraction", customer=saying.who, channel="phone", direction="outbound")
    return f"{row.word}, {begins}{last}", settle


WORTH_A_CALL = Kind(
    name="at_risk",
    title="Customers about to become at risk, or just become so, worth a call",
    reads=(LIFECYCLE_STAGE.name, LOYALTY_TIER.name, CUSTOMER_CARD.name, LAST_CONTACT.name),
    find=_find,
    say=_say,
)
