"""Taking in what comes back of offers by mail: bounces, and who unsubscribes. The same mail again changes nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from functools import reduce
from pathlib import Path

from regulars.adapters.importing.mbox import RawMail, raw_mails
from regulars.adapters.importing.rows import total_bytes
from regulars.asking.campaigns import campaign_events, state_of
from regulars.crm_domain.command import Command
from regulars.crm_domain.errors import NotFound, Rejected
from regulars.crm_domain.instant import to_instant
from regulars.crm_domain.offer import CATEGORY, OFFER, Offer, RecordOfferBounced, RecordUnsubscribed
from regulars.doing.transacting import Transacting
from regulars.sending.returned import Returned, read_returned
from regulars.sending.values import ReturnsReport
from regulars.session.session import Session

#: Called with (bytes read so far, bytes there are or None, mails read so far).
ReturnsProgress = Callable[[int, int | None, int], None]


def take_returned(
    session: Session, transacting: Transacting, path: str | Path, on_progress: ReturnsProgress | None
) -> ReturnsReport:
    """Record what the mails of a file say of offers.

    Raises NotFound where it can't be opened or holds no mail, StoreUnusable where it can't be read to its end; what
    stood before that is recorded.
    """
    counts, total, read = Counter[str](), total_bytes(path), 0

    def note(done: int) -> None:
        nonlocal read
        read = done

    with closing(raw_mails(path, note)) as mails:
        for raw in mails:
            if not counts and not raw.has_fields:
                raise NotFound(f"there is no mail in {path}: expected an mbox or an .eml file, which begin with fields")
            counts["mails"] += 1
            counts.update(_take(session, transacting, raw))
            if on_progress is not None:
                on_progress(read, total, counts["mails"])
    return ReturnsReport(**counts)


def _take(session: Session, transacting: Transacting, raw: RawMail) -> list[str]:
    """What a mail counts as, once that is recorded."""
    returned = read_returned(raw)
    if returned is None:
        return ["other"]
    command = _command(session, returned)
    if command is None:
        return ["unknown"]
    try:
        (outcome,) = transacting.carry_out([command])
    except (Rejected, NotFound):
        return ["unknown"]
    if not outcome.events:
        return ["unchanged"]
    return ["bounced", "hard"] if returned.hard else [returned.kind]


def _command(session: Session, returned: Returned) -> Command | None:
    """What records it; None for an offer that isn't there. Whoever unsubscribes means that of the campaign."""
    with session.store.reading() as tx:
        stream = session.store.stream_of(CATEGORY, returned.offer_id)
        events = list(tx.log.streams([stream]))
        state = reduce(OFFER.evolve, (each.event for each in events), Offer())
        if state.campaign_id is None:
            return None
        when = _happened_at(session, returned, events[0].occurred_at)
        if returned.kind == "bounced":
            return RecordOfferBounced(offer_id=returned.offer_id, hard=returned.hard, occurred_at=when)
        plan = state_of(campaign_events(session, tx, state.campaign_id)).plan
        assert plan is not None
        return RecordUnsubscribed.model_validate(
            {
                "offer_id": returned.offer_id,
                "channel": plan.channel,
                "purpose": plan.purpose,
                "occurred_at": when,
            }
        )


def _happened_at(session: Session, returned: Returned, drawn_at: int) -> datetime | None:
    """When the mail was written, so that it says the same when it is read again. None, which is now, for one from the
    future or from before the offer was drawn: by a clock that is wrong nobody would stop consenting before they did.
    """
    written_at = returned.written_at
    return None if written_at is None or not drawn_at <= to_instant(written_at) <= session.now() else written_at
