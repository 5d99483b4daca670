"""May this customer be contacted, on which channel and for what? A step function of time, as every answer is.

1. For each channel and purpose the last word in time counts, of whichever identity of the customer it was said.
2. Of words that were said at the same instant a withdrawal counts.
3. Where nothing was said there is no consent.
4. Nobody is contacted while every one of their accounts is closed, nor before one was registered.
5. Nobody is contacted who was forgotten, whichever day is asked about: what was erased is erased for every day.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from msgspec import Struct

from regulars.crm_domain.customer import (
    AccountClosed,
    AccountReopened,
    ConsentGiven,
    ConsentWithdrawn,
    CustomerRegistered,
    PersonalDataErased,
)
from regulars.crm_domain.event import Event

#: What is said about consents, and what is said about accounts that bears on them.
WORDS: frozenset[type[Event]] = frozenset({ConsentGiven, ConsentWithdrawn})
ACCOUNTS: frozenset[type[Event]] = frozenset({CustomerRegistered, AccountClosed, AccountReopened, PersonalDataErased})

#: Whether a customer can be contacted at all; "unknown" is who wasn't registered yet.
Contactability = Literal["open", "closed", "forgotten", "unknown"]


class Said(Struct, frozen=True):
    """An event of one of a customer's identities; `at` is the instant it speaks of."""

    customer_id: str
    event: Event
    at: int
    position: int

    def was_known(self, until: int) -> bool:
        """Whether it counts for who asks what was known up to a position; erasing stands outside of that."""
        return self.position <= until or isinstance(self.event, PersonalDataErased)


def contactability(said: Iterable[Said], at: int) -> Contactability:
    """Whether a customer can be contacted at an instant, by what happened to the accounts of all their identities."""
    is_open: dict[str, bool] = {}
    for each in sorted(said, key=lambda each: (each.at, each.position)):
        if isinstance(each.event, PersonalDataErased):
            return "forgotten"
        if type(each.event) in ACCOUNTS and each.at <= at:
            is_open[each.customer_id] = not isinstance(each.event, AccountClosed)
    if not is_open:
        return "unknown"
    return "open" if any(is_open.values()) else "closed"


def order_of_words(said: Said) -> tuple[int, bool, int]:
    """What the words on one channel and purpose are ordered by: the last one counts."""
    return said.at, isinstance(said.event, ConsentWithdrawn), said.position
