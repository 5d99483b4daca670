"""Names and e-mail addresses held decrypted in memory, so that a part of one is found without decrypting them all.

1. They are held only where a process asks for it, and never written anywhere.
2. Before each answer what was recorded since is taken in, whoever recorded it.
3. Before each answer whoever is forgotten by now is dropped, also where that isn't settled yet.
"""

from __future__ import annotations

from itertools import islice
from threading import Lock

from regulars.adapters.schema.positions import last_settled
from regulars.adapters.store.store import Store
from regulars.adapters.store.transaction import Transaction
from regulars.asking.one_customer import read_contacts
from regulars.session.session import Session

#: So many matches are looked up one by one; more of them are found soon by going through the list.
MOST_MATCHES = 1_000
_AT_ONCE = 5_000


def hold_names(session: Session) -> None:
    """Hold the names of a session's store from now on."""
    names = HeldNames(session.store)
    with session.store.reading() as tx:
        names.take_in(tx)
    session.names = names


class HeldNames:
    """The names and addresses of a store's customers, as of a position."""

    def __init__(self, store: Store) -> None:
        self._events = store.schema.events
        self._position = 0
        self._names: dict[str, tuple[str, ...]] = {}
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._names)

    def mentioning(self, tx: Transaction, text: str) -> frozenset[str] | None:
        """Who has a text in their name or address, whatever the case of letters, as of a snapshot.

        None where they are more than 1,000.
        """
        part = text.casefold()
        with self._lock:
            self._take_in(tx)
            matches = (each for each, texts in self._names.items() if any(part in text for text in texts))
            found = frozenset(islice(matches, MOST_MATCHES + 1))
        return found if len(found) <= MOST_MATCHES else None

    def take_in(self, tx: Transaction) -> None:
        """Take in what was recorded since, and drop whoever was forgotten."""
        with self._lock:
            self._take_in(tx)

    def _take_in(self, tx: Transaction) -> None:
        newest = last_settled(tx.connection, self._events) or 0
        if newest > self._position:
            told = iter(sorted(tx.told_contacts(self._position, newest)))
            while some := list(islice(told, _AT_ONCE)):
                for each, contact in read_contacts(tx, some).items():
                    self._names[each] = tuple(text.casefold() for text in (contact.name, contact.email) if text)
            self._position = newest
        for each in tx.ever_forgotten():
            self._names.pop(each, None)
