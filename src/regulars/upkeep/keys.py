"""The master key of a store: whether there is one, and its rotation."""

from __future__ import annotations

from msgspec import Struct

from regulars.adapters.progress import Progress
from regulars.adapters.store.rotating import rotate
from regulars.adapters.vault.erasing import OwnerNeeded
from regulars.adapters.vault.keyring import MasterKey
from regulars.session.session import Session


class Rotation(Struct, frozen=True, kw_only=True):
    """The result of a rotation: how many customers' keys were wrapped, and whether the store needs a master key now.

    `pending` is whether the old form of the keys is still to be erased from the files, because a reader holds an
    earlier snapshot or, on PostgreSQL, because that takes the tables' owner: `owner_needed` names the owner.
    """

    keys: int
    wrapped: bool
    pending: bool
    owner_needed: OwnerNeeded | None = None


class Keys:
    """The keys of one open store, which are never shown. `regulars keys new` makes a master key."""

    def __init__(self, session: Session) -> None:
        self._store = session.store

    @property
    def wrapped(self) -> bool:
        """Whether the store needs its master key to be opened."""
        return self._store.keyring.is_wrapped

    def rotate(self, master_key: bytes | str, *, on_progress: Progress | None = None) -> Rotation:
        """Wrap every key with this master key, in place of the current one or of none.

        The keys themselves don't change: older copies of them stay valid, and backups need the old master key. Other
        processes that have the store open must open it again with this one. `on_progress` is called with (keys wrapped
        so far, keys there are).

        Raises ValueError for an invalid master key.
        """
        return self._rotate(MasterKey(master_key), on_progress)

    def unwrap(self, *, on_progress: Progress | None = None) -> Rotation:
        """Store the keys unwrapped again, so that no master key is needed to read the store."""
        return self._rotate(None, on_progress)

    def _rotate(self, new: MasterKey | None, on_progress: Progress | None) -> Rotation:
        count = rotate(self._store, new, on_progress)
        return Rotation(
            keys=count,
            wrapped=self.wrapped,
            pending=self._store.is_erasing,
            owner_needed=self._store.owner_needed(),
        )
