"""The rules in force, read from the log alone: texts of rules in other tables are for display."""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from typing import cast

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.engine import Connection

from regulars.adapters.log.codec import CODECS, codec_of
from regulars.adapters.schema.tables import Schema
from regulars.crm_domain.contact import COUNTRIES
from regulars.crm_domain.errors import StoreUnusable
from regulars.crm_domain.rulebook import STREAM, RulebookEvent
from regulars.projections.rules.grammar import Ruleset, restore_rules

#: The setting that holds what a store judged by before anything was published.
FOUNDING = "founding_rules"

_KEPT = 8  # rulesets: to parse one takes a quarter of the time in which a store is opened


class InForce(Struct, frozen=True, kw_only=True):
    """The rules in force, with the text and the digest that were recorded.

    `digest` is that of the ruleset. `stated` is the digest that the event at `position` gives for its text; both are
    None for the founding rules.
    """

    ruleset: Ruleset
    text: str
    digest: str
    stated: str | None
    position: int | None

    @property
    def is_as_stated(self) -> bool:
        """Whether the text has the digest that was recorded with it."""
        return self.stated in (None, digest_of(self.text))

    def are(self, text: str, digest: str) -> bool:
        """Whether a generation's text and digest are those of these rules."""
        return digest_of(text) == digest and text in (self.text, self.ruleset.canonical())


def digest_of(text: str) -> str:
    """SHA-256 of a canonical text, in hexadecimal."""
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()


def read_in_force(schema: Schema, connection: Connection, grammar: type[Ruleset] = Ruleset) -> InForce:
    """The rules that were published or rolled back to last, else the founding rules.

    Raises StoreUnusable where they can't be read.
    """
    return _in_force(*_read(schema, connection), grammar)


def _read(schema: Schema, connection: Connection) -> tuple[str, str | None, int | None]:
    """The text of the rules in force, and of the event that has it, if any, the digest that it gives and its position.

    Raises StoreUnusable where it can't be read.
    """
    events = schema.events
    columns = (events.c.position, events.c.type, events.c.payload)
    newest = sa.select(*columns).where(events.c.stream_id == STREAM).order_by(events.c.version.desc()).limit(1)
    row = connection.execute(newest).first()
    if row is None:
        return read_founding(schema, connection), None, None
    try:
        event = cast("RulebookEvent", codec_of(row.type, CODECS).decode(row.payload))
    except ValueError as error:
        raise StoreUnusable(f"event #{row.position} ({row.type}) can't be read: {error}") from None
    return event.ruleset, event.digest, row.position


def country_in_force(schema: Schema, connection: Connection) -> str | None:
    """The default country of phone numbers (ISO 3166), None where the rules in force name none.

    Raises StoreUnusable where they can't be read.
    """
    text, _, position = _read(schema, connection)
    try:
        country = json.loads(text)["business"].get("country")  # as each transaction with a number asks, no more is read
        if country is None or country in COUNTRIES:
            return cast("str | None", country)
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        pass
    raise _unreadable(position)


def read_founding(schema: Schema, connection: Connection) -> str:
    """The text of the founding rules. Raises StoreUnusable where it is missing or can't be read."""
    settings = schema.settings
    value = connection.scalar(sa.select(settings.c.value).where(settings.c.name == FOUNDING))
    if not isinstance(value, bytes):
        raise StoreUnusable(f"the founding rules of this store are missing: there is no setting {FOUNDING}")
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise StoreUnusable(
            "the founding rules of this store can't be read; they were changed from outside, and a backup has them"
        ) from None


def restored(text: str, position: int | None, grammar: type[Ruleset] = Ruleset) -> Ruleset:
    """The ruleset of a recorded text. Raises StoreUnusable where it can't be parsed."""
    try:
        return restore_rules(text, grammar)
    except (ValueError, TypeError, ArithmeticError, RecursionError):
        raise _unreadable(position) from None


def _unreadable(position: int | None) -> StoreUnusable:
    whose = "the founding rules of this store" if position is None else f"the rules of event #{position}"
    return StoreUnusable(f"{whose} can't be read; they were changed from outside, and a backup has them")


@lru_cache(maxsize=_KEPT)
@lru_cache(maxsize=_KEPT)
def _in_force(text: str, stated: str | None, position: int | None, grammar: type[Ruleset]) -> InForce:
    ruleset = restored(text, position, grammar)
    return InForce(ruleset=ruleset, text=text, digest=ruleset.digest(), stated=stated, position=position)
