"""What a setting says: each kind is read in one place, and what can't be read is a sentence that names the setting."""

from __future__ import annotations

from regulars.adapters.sql.damage import BY_A_REBUILD, FROM_A_BACKUP, Damaged, DamagedReadModels
from regulars.crm_domain.money import EXPONENTS

#: The setting that holds the currency.
CURRENCY = "currency"


def text_of(name: str, value: object) -> str:
    """A setting that is text. Raises Damaged for what is none."""
    try:
        if isinstance(value, bytes):
            return value.decode()
    except UnicodeDecodeError:
        pass
    raise unreadable(name, "text")


def number_of(name: str, value: object) -> int:
    """A setting that is the number of a generation. Raises Damaged for what is none."""
    number = _number(value)
    if number is None:
        raise unreadable(name, "a number")
    return number


def currency_of(value: object) -> str:
    """The currency that a store keeps its books in. Raises Damaged for what is none."""
    currency = text_of(CURRENCY, value)
    if currency not in EXPONENTS:
        raise unreadable(CURRENCY, "a currency")
    return currency


def live_of(value: object) -> int:
    """The number of the generation that answers. Raises DamagedReadModels, as another can be built in its place."""
    number = _number(value)
    if number is None:
        raise DamagedReadModels(f"which generation of read models answers can't be read; {BY_A_REBUILD}")
    return number


def _number(value: object) -> int | None:
    return int(value) if isinstance(value, bytes) and value.isdigit() and len(value) < 10 else None


def required(settings: dict[str, bytes], name: str) -> bytes:
    """A setting that every store has. Raises Damaged where it is gone."""
    try:
        return settings[name]
    except KeyError:
        raise Damaged(f'this store has no setting "{name}" any more; {FROM_A_BACKUP}') from None


def unreadable(name: str, kind: str) -> Damaged:
    """What to raise for a setting that isn't of its kind."""
    return Damaged(
        f'the setting "{name}" of this store is not {kind}: it was changed from outside, and {FROM_A_BACKUP}'
    )
