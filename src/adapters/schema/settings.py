"""Decoding settings, each kind in one place; the error for one that can't be decoded names it."""

from __future__ import annotations

from regulars.adapters.sql.damage import BY_A_REBUILD, FROM_A_BACKUP, Damaged, DamagedReadModels
from regulars.crm_domain.money import EXPONENTS

#: The setting that holds the currency.
CURRENCY = "currency"


def text_of(name: str, value: object) -> str:
    """Decode a setting that is text. Raises Damaged."""
    try:
        if isinstance(value, bytes):
            return value.decode()
    except UnicodeDecodeError:
        pass
    raise unreadable(name, "text")


def number_of(name: str, value: object) -> int:
    """Decode a setting that is the number of a generation. Raises Damaged."""
    number = _number(value)
    if number is None:
        raise unreadable(name, "a number")
    return number


def currency_of(value: object) -> str:
    """Decode the store's currency. Raises Damaged."""
    currency = text_of(CURRENCY, value)
    if currency not in EXPONENTS:
        raise unreadable(CURRENCY, "a currency")
    return currency


def live_of(value: object) -> int:
    """Decode the number of the live generation. Raises DamagedReadModels, as another can be built in its place."""
    number = _number(value)
    if number is None:
        raise DamagedReadModels(f"the setting that names the live generation can't be read; {BY_A_REBUILD}")
    return number


def _number(value: object) -> int | None:
    return int(value) if isinstance(value, bytes) and value.isdigit() and len(value) < 10 else None


def required(settings: dict[str, bytes], name: str) -> bytes:
    """A setting that every store has. Raises Damaged where it is missing."""
    try:
        return settings[name]
    except KeyError:
        raise Damaged(f'this store has no setting "{name}" any more; {FROM_A_BACKUP}') from None


def unreadable(name: str, kind: str) -> Damaged:
    """The error for a setting that can't be decoded."""
    return Damaged(
        f'the setting "{name}" of this store is not {kind}: it was changed from outside, and {FROM_A_BACKUP}'
    )
