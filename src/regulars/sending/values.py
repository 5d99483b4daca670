"""What is sent to one customer in a campaign, what became of that, and what a run of sending did."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Literal

from msgspec import Struct

from regulars.crm_domain.command import CustomerId


class OutgoingOffer(Struct, frozen=True, kw_only=True):
    """An offer that is to be sent, with all that a sender needs; personal, and never stored like this.

    `address` is the e-mail address or phone number, None on channels of which none is kept. `coupon` is the code of the
    campaign's coupon, None where it names none. In `text` the customer's name stands in place of {name}, and that code
    in place of {coupon}, or at the end. `message_id` is how the message is called, as RFC 5322 has it.
    """

    offer_id: str
    campaign_id: str
    customer_id: CustomerId
    ref: str | None
    name: str | None
    channel: str
    address: str | None
    subject: str
    text: str
    coupon: str | None
    message_id: str


#: What became of an attempt: taken by the receiver's server; refused, which it will be again; put off, and nothing was
#: taken; or nobody knows, as the answer was lost.
Fate = Literal["sent", "refused", "put_off", "in_doubt"]


class Attempt(Struct, frozen=True, kw_only=True):
    """One attempt to send an offer. `hard` is whether the address doesn't work; `said` is what the server said."""

    fate: Fate
    hard: bool = False
    said: str = ""


#: Sends an offer. It calls the function that it is handed once it can't take back any more what it does next: that
#: records that the offer is being sent, and raises where it mustn't be.
Carry = Callable[[OutgoingOffer, Callable[[], None]], Attempt]


class SendingReport(Struct, frozen=True, kw_only=True):
    """What a run of sending did.

    `skipped` counts, by the gate, whoever didn't pass any more; `bounced` are those that the server refused for their
    own sake. Those that were `put_off` weren't sent, and the next run tries them; of those `in_doubt` nobody knows.
    `elsewhere` are being sent by another process. `left` are still to be sent. `stopped` says why it ended before that,
    and `until` when it may go on.
    """

    sent: int
    skipped: Mapping[str, int]
    bounced: int
    put_off: int
    in_doubt: int
    elsewhere: int
    left: int
    stopped: str | None
    until: datetime | None


class ReturnsReport(Struct, frozen=True, kw_only=True):
    """What the mails of a file said of offers.

    Of all `mails`, `bounced` were recorded, `hard` of them because the address doesn't work, and `unsubscribed`;
    `unchanged` said what was known, `unknown` named an offer that isn't there, and `other` were about none.
    """

    mails: int = 0
    bounced: int = 0
    hard: int = 0
    unsubscribed: int = 0
    unchanged: int = 0
    unknown: int = 0
    other: int = 0
