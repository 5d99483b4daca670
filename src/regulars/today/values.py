"""What is to be done, as a value."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from msgspec import Struct

from regulars.crm_domain.command import CustomerId


class DueLine(Struct, frozen=True, kw_only=True):
    """One thing to do: of what `kind` it is and of which `key`, such as a ticket's id; "" where it is about a customer.

    `due` is by when, a day or an instant; of what has begun and has no end, since when. `stake` is the amount that it
    is about, None where there is none; then it goes by `net_spend`, what the customer spent net in 365 days. Both are
    in the store's currency. `owner` is who looks after it, or else after the customer.

    `why` is a sentence, and `settle` the command line that settles it: words in capitals are to be filled in. It is ""
    of a birthday for which the rules have no [[care]], as nothing is to be settled then.
    `customer_id` is None where it is about nobody; `ref` and `name` are None then, and where they weren't asked for.
    """

    kind: str
    key: str
    customer_id: CustomerId | None
    ref: str | None
    name: str | None
    due: datetime | date
    overdue: bool
    stake: Decimal | None
    net_spend: Decimal | None
    owner: str | None
    why: str
    settle: str


class KindOfLine(Struct, frozen=True, kw_only=True):
    """How many lines of a kind there are in all, how many are shown, and the command that lists them alone."""

    kind: str
    title: str
    count: int
    shown: int
    listed_by: str

    @property
    def more(self) -> int:
        """How many are not shown."""
        return self.count - self.shown


class Today(Struct, frozen=True, kw_only=True):
    """What is to be done as of an instant, and up to the end of a day some `days` later, in order.

    `kinds` are those of which there is anything. `behind` is how many recorded events it misses. Of an `owner`, only
    what they look after. `missing` says why some may be missing, a sentence for each reason.
    """

    as_of: datetime
    until: datetime
    days: int
    zone: str
    currency: str | None
    owner: str | None
    lines: tuple[DueLine, ...]
    kinds: tuple[KindOfLine, ...]
    behind: int = 0
    missing: tuple[str, ...] = ()
