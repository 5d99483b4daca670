"""Who is in a campaign: the list, a file of whom to send to, and that it was sent to them."""

from __future__ import annotations

import csv
import io
from typing import get_args

from regulars.crm import Regulars
from regulars.crm_domain.offer import Arm, RecordOfferSent
from regulars.projections.offers import OfferState
from regulars.web.access.permissions import allows
from regulars.web.console.jobs import Moved
from regulars.web.console.page import Answer, Asked, File, Refused, Shown
from regulars.web.console.reading import one_of
from regulars.wording.spreadsheet_cells import harmless

ARMS: tuple[Arm, ...] = get_args(Arm)
STATES: tuple[OfferState, ...] = get_args(OfferState)
#: So many people are on a page.
SIZE = 50
#: So many offers are recorded in a transaction.
_AT_ONCE = 500
_COLUMNS = ("offer_id", "ref", "name", "channel", "address", "coupon", "subject", "text")


def people(asked: Asked, campaign_id: str) -> Answer:
    """A page of them, by arm and by how far their offers came."""
    arm, state = one_of(asked, "arm", ARMS), one_of(asked, "state", STATES)
    campaigns, is_now = asked.crm.campaigns, asked.as_of is None and asked.known_at is None
    page = campaigns.who(
        campaign_id,
        arm=arm,
        state=state,
        as_of=asked.as_of,
        known_at=asked.known_at,
        limit=SIZE,
        after=asked.field("after") or None,
    )
    treated = [each.customer_id for each in page.offers if each.arm == "treated"]
    values = {
        "campaign": campaigns.campaign(campaign_id, as_of=asked.as_of, known_at=asked.known_at).campaign,
        "page": page,
        "codes": campaigns.codes(campaign_id, treated) if treated and allows(asked.role, "coupon_codes") else {},
        "arm": arm,
        "arms": ARMS,
        "state": state,
        "states": STATES,
        "records": is_now and allows(asked.role, "RecordOfferSent"),
    }
    return Shown(template="campaign_people.html", values=values, fragment="people")


def to_send_to(asked: Asked, campaign_id: str) -> Answer:
    """A file of whom to send to, with addresses and texts."""
    if not allows(asked.role, "contactable"):
        raise Refused(asked._("Your role may not see whom to send to."))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(_COLUMNS)
    for each in asked.crm.campaigns.to_send(campaign_id):
        cells = (getattr(each, column) for column in _COLUMNS)
        writer.writerow([harmless("" if cell is None else cell) for cell in cells])
    content = text.getvalue().encode("utf-8-sig")
    return File(name="to-send-to.csv", kind="text/csv; charset=utf-8", content=content)


def record_sent(crm: Regulars, campaign_id: str, move: Moved) -> int:
    """Write down that it was sent to all who would be in that file now; returns how many they were."""
    commands = [
        RecordOfferSent.model_validate({"offer_id": each.offer_id, "channel": each.channel})
        for each in crm.campaigns.to_send(campaign_id)
    ]
    for start in range(0, len(commands), _AT_ONCE):
        move(start, len(commands))
        crm.do(commands[start : start + _AT_ONCE])
    return len(commands)
