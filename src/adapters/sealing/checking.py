"""Checking seals: whether every sealed event is unchanged, and if not, which one was changed, and how.

Every block is read and hashed again and compared with the entries of its seal, which have to match the seal's root.
Where a seal is damaged itself, its events are compared with the part of it that can still be trusted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import Literal

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.engine import Connection

from regulars.adapters.log.misplaced import NeverDrawn, find_never_drawn
from regulars.adapters.progress import Progress
from regulars.adapters.schema.positions import drawn
from regulars.adapters.sealing.seals import (
    HASH_BYTES,
    Entry,
    Seal,
    read_entries,
    read_genesis,
    read_seals,
    root_of,
    unpack_entries,
)
from regulars.adapters.store.rules_in_force import FOUNDING
from regulars.adapters.store.store import Store
from regulars.crm_domain.instant import to_datetime

MAX_NAMED = 20
#: Of so many damaged positions it is worked out what became of each; the others are counted, so memory is bounded.
MAX_KEPT = 10_000


class EventDamage(Struct, frozen=True, kw_only=True):
    """A sealed event that was changed, removed or moved, or one that was inserted. `moved_to` is a position.

    `seal` is the number of the seal that covers the position, `first` and `last` are the positions it covers.
    """

    position: int
    what: Literal["changed", "removed", "inserted", "moved"]
    moved_to: int | None
    seal: int
    first: int
    last: int


class SealDamage(Struct, frozen=True, kw_only=True):
    """A seal that was changed, is missing, or doesn't follow from the one before.

    `first` and `last` are the positions it covers, as far as they are known; `compared` says whether its events could
    be compared all the same.
    """

    number: int
    what: Literal["changed", "missing", "unlinked"]
    first: int | None
    last: int | None
    compared: bool


class NotedSeal(Struct, frozen=True):
    """The seal with the noted root: it covers everything up to the position `last`."""

    number: int
    last: int
    sealed_at: datetime


class SealCheck(Struct, frozen=True, kw_only=True):
    """The result of checking the seals.

    `seals` were found, and `events` compared with them; `unsealed` counts the events after the last seal that could be
    read. `root` is the last seal's chain hash, None where there is none or it is damaged. `damaged_events` and
    `damaged_seals` count all, and the first 20 of each are listed. `is_founded_so` says whether the founding rules are
    those that were sealed. `never_drawn` are rows that no seal covers and readers ignore. `noted` is the seal that has
    the root `against`, None where none has it.
    """

    seals: int
    events: int
    unsealed: int
    root: str | None
    damaged_events: int
    event_damages: tuple[EventDamage, ...]
    damaged_seals: int
    seal_damages: tuple[SealDamage, ...]
    is_founded_so: bool
    never_drawn: NeverDrawn | None
    against: str | None
    noted: NotedSeal | None

    @property
    def is_intact(self) -> bool:
        """Whether everything sealed is unchanged, and no row was inserted."""
        return self.is_founded_so and not (self.damaged_events or self.damaged_seals or self.never_drawn)

    @property
    def holds(self) -> bool:
        """Whether it is intact, and a seal has the noted root, if one was given."""
        return self.is_intact and (self.against is None or self.noted is not None)


def check_seals(store: Store, against: str | None = None, on_progress: Progress | None = None) -> SealCheck:
    """Check every seal and every event that one covers, in one snapshot.

    `against` is the root of some seal in hexadecimal, as it was noted elsewhere. `on_progress` is called with (events
    compared so far, events there are). Raises ValueError for what can't be a root.
    """
    root = None if against is None else parse_root(against)
    with store.reading() as tx:
        total = store.count_events(tx.connection) if on_progress else 0
        check = _Check(store, tx.connection, root)
        for number, seal, entries in read_seals(tx.connection, store.schema.seals):
            check.take(number, seal, unpack_entries(entries))
            if on_progress:
                on_progress(check.events, max(total, check.events))
        return check.result()


def parse_root(text: str) -> str:
    """Parse a noted root: 64 hexadecimal digits. Raises ValueError for anything else."""
    root = text.strip().lower()
    if len(root) != 2 * HASH_BYTES or set(root) - set("0123456789abcdef"):
        raise ValueError(f'a root is {2 * HASH_BYTES} hexadecimal digits, as `regulars seal` says it, not "{text}"')
    return root


class _Mismatch(Struct, frozen=True):
    """A position with the digests of the sealed and of the present event, None for none."""

    position: int
    sealed: bytes | None
    found: bytes | None
    seal: int
    first: int
    last: int

    def told(self, what: Literal["changed", "removed", "inserted", "moved"], to: int | None = None) -> EventDamage:
        return EventDamage(
            position=self.position, what=what, moved_to=to, seal=self.seal, first=self.first, last=self.last
        )


class _Check:
    """Checks the seals by number, with their events."""

    def __init__(self, store: Store, connection: Connection, against: str | None) -> None:
        self._events = store.schema.events
        self._connection = connection
        self._against = against
        self._genesis = read_genesis(connection, store.schema.settings, FOUNDING)
        self._expected = 1
        self._before: Seal | None = None
        self._reached: int | None = None  # the position up to which events were compared; None before the first
        self._is_continuous = True  # whether the next seal covers everything from there on
        self._mismatches: list[_Mismatch] = []
        self._further = 0
        self._seal_damages: list[SealDamage] = []
        self._damaged_seals = 0
        self._is_founded_so = True
        self._noted: NotedSeal | None = None
        self._seals = 0
        self.events = 0

    def take(self, number: int, seal: Seal | None, entries: list[Entry]) -> None:
        """Check the next seal and its events. It is None, and entries are empty, where they can't be decoded."""
        self._seals += 1
        if number < 1:
            self._tell(number, "unlinked", seal, is_compared=False)
            return
        self._miss_until(number, seal)
        self._expected = number + 1
        if seal is None:
            self._tell(number, "changed", None, is_compared=False)
            self._before, self._is_continuous = None, False
            return
        if root_of(entries) != seal.root:
            entries = []
        is_linked = self._is_linked(seal)
        self._is_continuous &= is_linked
        is_compared = self._compare(seal, entries)
        if not (seal.holds and _fits(seal, entries)):
            self._tell(number, "changed", seal, is_compared=is_compared)
        elif not is_linked:
            self._tell(number, "unlinked", seal, is_compared=is_compared)
        if seal.holds and seal.chain.hex() == self._against:
            self._noted = NotedSeal(number, seal.last, to_datetime(seal.sealed_at))
        self._before = seal

    def result(self) -> SealCheck:
        """The result, once every seal was taken."""
        damages = sorted(self._event_damages(), key=lambda damage: damage.position)
        newest = self._before
        unsealed = sa.select(sa.func.count()).select_from(self._events).where(self._following(), drawn(self._events))
        return SealCheck(
            seals=self._seals,
            events=self.events,
            unsealed=self._connection.execute(unsealed).scalar_one(),
            root=newest.chain.hex() if newest is not None and newest.holds else None,
            damaged_events=len(damages) + self._further,
            event_damages=tuple(damages[:MAX_NAMED]),
            damaged_seals=self._damaged_seals,
            seal_damages=tuple(self._seal_damages),
            is_founded_so=self._is_founded_so,
            never_drawn=find_never_drawn(self._connection, self._events),
            against=self._against,
            noted=self._noted,
        )

    # --------------------------------------------------------------------------------------------------------- seals

    def _miss_until(self, number: int, following: Seal | None) -> None:
        """Report the seals that are missing before this one."""
        if number == self._expected:
            return
        first = (self._reached or 0) + 1
        last = following.first - 1 if following is not None and following.holds else None
        for missing in range(self._expected, number)[:MAX_NAMED]:
            self._name(SealDamage(number=missing, what="missing", first=first, last=last, compared=False))
        self._damaged_seals += number - self._expected
        self._before, self._is_continuous = None, False

    def _is_linked(self, seal: Seal) -> bool:
        """Whether a seal follows from the one before, as far as that one can be trusted."""
        if seal.number == 1:
            self._is_founded_so = not seal.holds or seal.previous == self._genesis
        before = self._before
        if before is None or not (before.holds and seal.holds):
            return True
        return seal.previous == before.chain and seal.first > before.last

    def _tell(self, number: int, what: Literal["changed", "unlinked"], seal: Seal | None, *, is_compared: bool) -> None:
        first, last = (None, None) if seal is None else (seal.first, seal.last)
        self._name(SealDamage(number=number, what=what, first=first, last=last, compared=is_compared))
        self._damaged_seals += 1

    def _name(self, damage: SealDamage) -> None:
        if len(self._seal_damages) < MAX_NAMED:
            self._seal_damages.append(damage)

    # -------------------------------------------------------------------------------------------------------- events

    def _compare(self, seal: Seal, entries: Sequence[Entry]) -> bool:
        """Compare the events of a seal with its entries, or with its root alone; whether that was possible."""
        if not (entries or seal.holds):
            self._is_continuous = False
            return False
        first, last = (entries[0][0], entries[-1][0]) if entries else (seal.first, seal.last)
        position = self._events.c.position
        begin = self._following() if self._is_continuous else position >= first
        found = read_entries(self._connection, self._events, begin, position <= last)
        self._reached, self._is_continuous = last, True
        if entries:
            for at, sealed, there in _mismatches(entries, found):
                self._keep(_Mismatch(at, sealed, there, seal.number, first, last))
        elif root_of(islice(found, max(0, seal.events) + 1)) != seal.root:
            return False
        self.events += len(entries) or seal.events
        return True

    def _keep(self, mismatch: _Mismatch) -> None:
        if len(self._mismatches) < MAX_KEPT:
            self._mismatches.append(mismatch)
        else:
            self._further += 1

    def _event_damages(self) -> Iterator[EventDamage]:
        """Classify the mismatches together: an event that is missing at one position may have been moved to another."""
        missing = {each.sealed for each in self._mismatches if each.sealed is not None}
        places = {each.found: each.position for each in self._mismatches if each.found is not None}
        if missing:
            later = read_entries(self._connection, self._events, self._following())
            places |= {digest: position for position, digest in later if digest in missing}
        for each in self._mismatches:
            is_strange = each.found is not None and each.found not in missing
            to = None if each.sealed is None else places.get(each.sealed)
            if to is not None:
                yield each.told("moved", to)
            elif each.sealed is not None:
                yield each.told("changed" if is_strange else "removed")
            if is_strange and (to is not None or each.sealed is None):
                yield each.told("inserted")

    def _following(self) -> sa.ColumnElement[bool]:
        """True for the events after those that were compared."""
        return sa.true() if self._reached is None else self._events.c.position > self._reached


def _fits(seal: Seal, entries: Sequence[Entry]) -> bool:
    """Whether a seal's entries match its root."""
    return bool(entries) and (seal.first, seal.last, seal.events) == (entries[0][0], entries[-1][0], len(entries))


def _mismatches(sealed: Iterable[Entry], found: Iterable[Entry]) -> Iterator[tuple[int, bytes | None, bytes | None]]:
    """The positions at which two lists of entries, both in order of position, differ, with both digests."""
    ours, theirs = iter(sealed), iter(found)
    one, other = next(ours, None), next(theirs, None)
    while one is not None or other is not None:
        if one is not None and (other is None or one[0] < other[0]):
            yield one[0], one[1], None
            one = next(ours, None)
        elif other is not None and (one is None or other[0] < one[0]):
            yield other[0], None, other[1]
            other = next(theirs, None)
        else:
            assert one is not None
            assert other is not None
            if one[1] != other[1]:
                yield one[0], one[1], other[1]
            one, other = next(ours, None), next(theirs, None)
