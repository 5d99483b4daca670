"""What is sent to one customer in a campaign, and what became of that."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from msgspec import Struct

from regulars.crm_domain.command import CustomerId


class OutgoingOffer(Struct, frozen=True, kw_only=True):
    """An offer that is to be sent, with all that a sender needs; personal, and never stored like this.

    `address` is the e-mail address or phone number, None on channels of which none is kept. In `text` the customer's
    name stands in place of {name}. `message_id` is how the message is called, as RFC 5322 has it.
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
    message_id: str


#: What became of an attempt: taken by the receiver's server; refused, for good or the address's sake; put off before
#: anything was taken; or nobody knows, as the answer was lost.
Fate = Literal["sent", "refused", "put_off", "in_doubt"]


class Attempt(Struct, frozen=True, kw_only=True):
    """One attempt to send an offer. `hard` is whether the address doesn't work; `said` is what the server said."""

    fate: Fate
    hard: bool = False
    said: str = ""


#: Sends an offer. It calls the function that it is handed once it can't take back any more what it does next: that
#: records that the offer is being sent, and raises where it mustn't be.
Carry = Callable[[OutgoingOffer, Callable[[], None]], Attempt]
