"""The addresses by which calendars read a store's: each has a token that opens the calendar and nothing else."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime

from msgspec import Struct

from regulars.adapters.store.kept_values import keep_value, read_value
from regulars.adapters.store.transaction import Transaction
from regulars.crm_domain.command import require_label
from regulars.crm_domain.errors import NotFound, Rejected
from regulars.crm_domain.instant import to_datetime
from regulars.session.session import Session

MOST = 100
_RANDOM_BYTES = 32
_SETTING = "calendar_feeds"


class CalendarFeed(Struct, frozen=True, kw_only=True):
    """An address that a calendar reads. `names` is whether it says who and what, or ids alone."""

    name: str
    names: bool
    made_at: datetime


class NewCalendarFeed(Struct, frozen=True, kw_only=True):
    """An address that was just made. `token` is its secret part, of which the store keeps the SHA-256 alone."""

    feed: CalendarFeed
    token: str


class _Kept(Struct, frozen=True):
    feed: CalendarFeed
    digest: str


class CalendarFeeds:
    """The addresses of one store's calendar. Get it from `Regulars.calendar_feeds`."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._store = session.store

    def new(self, name: str, *, names: bool = False) -> NewCalendarFeed:
        """Make an address, under a name by which it is revoked; with `names`, who and what is to be read there.

        Raises Rejected `calendar_feed_name_taken`, and `too_many_calendar_feeds` beyond 100; ValueError for a name that
        is not one line of at most 200 characters.
        """
        name, token = require_label(name, "the name of a calendar's address"), secrets.token_urlsafe(_RANDOM_BYTES)
        feed = CalendarFeed(name=name, names=names, made_at=to_datetime(self._session.now()))
        with self._store.writing() as tx:
            self._store.exclude_others(tx.connection)
            kept = self._read(tx)
            if any(each.feed.name == name for each in kept):
                raise Rejected("calendar_feed_name_taken", f'there is an address named "{name}"; revoke it first')
            if len(kept) >= MOST:
                raise Rejected("too_many_calendar_feeds", f"there are {MOST} addresses; revoke one first")
            self._keep(tx, [*kept, _Kept(feed, _digest(token))])
        return NewCalendarFeed(feed=feed, token=token)

    def in_force(self) -> tuple[CalendarFeed, ...]:
        """The addresses in force, by name."""
        with self._store.reading() as tx:
            return tuple(sorted((each.feed for each in self._read(tx)), key=lambda each: each.name))

    def revoke(self, name: str) -> None:
        """Take back an address, at once and in every process. Raises NotFound."""
        with self._store.writing() as tx:
            self._store.exclude_others(tx.connection)
            kept = self._read(tx)
            left = [each for each in kept if each.feed.name != name]
            if len(left) == len(kept):
                raise NotFound(f'there is no address named "{name}"')
            self._keep(tx, left)

    def revoke_all(self) -> None:
        """Take back every address, as after a backup was restored."""
        with self._store.writing() as tx:
            self._keep(tx, [])

    def find(self, token: str) -> CalendarFeed | None:
        """The address with a token; None where there is none, or it was revoked."""
        digest = _digest(token)
        with self._store.reading() as tx:
            return next((each.feed for each in self._read(tx) if each.digest == digest), None)

    def _read(self, tx: Transaction) -> tuple[_Kept, ...]:
        return read_value(self._store, tx.connection, _SETTING, tuple[_Kept, ...]) or ()

    def _keep(self, tx: Transaction, kept: list[_Kept]) -> None:
        keep_value(self._store, tx.connection, _SETTING, kept or None)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
