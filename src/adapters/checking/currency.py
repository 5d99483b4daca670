"""Checking the currency: every recorded amount is in the store's currency."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, Protocol, cast

import sqlalchemy as sa
from msgspec import DecodeError

from regulars.adapters.checking.result import Findings
from regulars.adapters.log.codec import CODECS, codec_of, tags_of
from regulars.adapters.sql.chunks import pages
from regulars.adapters.store.store import Store
from regulars.adapters.store.transaction import Transaction
from regulars.crm_domain.catalogue import EVENTS

_AT_ONCE = 2_000


class _Amount(Protocol):
    """An event with an amount of money."""

    @property
    def currency(self) -> str: ...


#: The tags of events with an amount of money.
_TAGS = tags_of((each for each in EVENTS.values() if "currency" in each.__struct_fields__), CODECS)


def check_currency(store: Store, tx: Transaction, amounts: Iterable[sa.Row[Any]] | None = None) -> Findings:
    """Compare the currency of all amounts, or of some, with the store's."""
    findings, ours = Findings("currency"), store.currency(tx.connection)
    foreign: Counter[str] = Counter()
    first: dict[str, int] = {}
    for row in _every_amount(store, tx) if amounts is None else amounts:
        currency = _currency_of(row)
        findings.count += 1
        if currency not in (None, ours):
            foreign[currency] += 1
            first.setdefault(currency, row.position)
    for currency, count in foreign.most_common():
        amounts_are = "1 amount is" if count == 1 else f"{count:,} amounts are"
        kept = "has none" if ours is None else f"has {ours}"
        findings.tell("the store", f"{kept}, and {amounts_are} in {currency}, the first in event #{first[currency]}")
    return findings


def select_amounts(events: sa.Table, tags: Iterable[str] = _TAGS) -> sa.Select[Any]:
    """The events with an amount."""
    return sa.select(events.c.position, events.c.type, events.c.payload).where(events.c.type.in_(list(tags)))


def _every_amount(store: Store, tx: Transaction) -> Iterator[sa.Row[Any]]:
    events = store.schema.events
    for tag in sorted(_TAGS):  # each by itself, so that the index by type has its positions in order
        for page in pages(tx.connection, select_amounts(events, [tag]), events.c.position, _AT_ONCE):
            yield from page


def _currency_of(row: sa.Row[Any]) -> str | None:
    """The currency of an event; None where it can't be read, which is reported elsewhere as damage to the log."""
    try:
        return cast("_Amount", codec_of(row.type, CODECS).decode(row.payload)).currency
    except (DecodeError, TypeError):
        return None
