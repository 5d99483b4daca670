"""The users of a store's console: who may sign in, and as what."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from msgspec import Struct

from regulars.adapters.access.users import KeptUser, change, every, find, keep_new
from regulars.crm_domain.command import require_label
from regulars.crm_domain.errors import StoreUnusable
from regulars.crm_domain.instant import to_datetime
from regulars.session.session import Session
from regulars.upkeep.tokens import ROLES, Role

if TYPE_CHECKING:
    from argon2 import PasswordHasher

#: A password has so many characters at least, and at most. Source: OWASP ASVS 5.0, 6.2.1 and 6.2.9.
SHORTEST, LONGEST = 12, 256


class User(Struct, frozen=True, kw_only=True):
    """A user, without their password. What they record has their `name` as the actor."""

    name: str
    role: Role
    made_at: datetime
    disabled_at: datetime | None


class Users:
    """The users of one store's console. Get it from `Regulars.users`. It takes the extra `web`."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._store = session.store

    def add(self, name: str, *, role: Role, password: str) -> User:
        """Add a user. The password is kept as a hash by argon2id.

        Raises Rejected `user_name_taken`; ValueError for a name that is not one line of at most 200 characters, an
        unknown role, and a password of under 12 characters, of over 256, or that is the name.
        """
        name = require_label(name, "the name of a user")
        if role not in ROLES:
            raise ValueError(f'there is no role "{role}"; there are {", ".join(ROLES)}')
        hashed = _hasher().hash(_checked(password, name))
        kept = KeptUser(name=name, role=role, password=hashed, made_at=self._session.now(), disabled_at=None)
        keep_new(self._store, kept)
        return _view(kept)

    def list(self) -> tuple[User, ...]:
        """All users, by name, those who are disabled too."""
        with self._store.reading() as tx:
            return tuple(map(_view, every(tx.connection, self._store)))

    def set_password(self, name: str, password: str) -> None:
        """Give a user another password, and sign them out everywhere. Raises NotFound, and ValueError as `add`."""
        change(self._store, name, {"password": _hasher().hash(_checked(password, name))})

    def set_role(self, name: str, role: Role) -> None:
        """Give a user another role, and sign them out everywhere. Raises NotFound, ValueError for an unknown role."""
        if role not in ROLES:
            raise ValueError(f'there is no role "{role}"; there are {", ".join(ROLES)}')
        change(self._store, name, {"role": role})

    def disable(self, name: str) -> None:
        """Keep a user out from now on, in every process, signed in or not. Raises NotFound."""
        change(self._store, name, {"disabled_at": self._session.now()})

    def disable_all(self) -> None:
        """Keep every user out from now on, as after a backup was restored: somebody may have left since."""
        for user in self.list():
            if user.disabled_at is None:
                self.disable(user.name)

    def enable(self, name: str) -> None:
        """Let a user in again who was disabled. Raises NotFound."""
        change(self._store, name, {"disabled_at": None})

    def verify(self, name: str, password: str) -> User | None:
        """The user of a name, where the password is theirs and they aren't disabled.

        It takes as long for an unknown name, as a hash is compared in any case: 50 ms and 64 MB, so bound how many are
        compared at once.
        """
        from argon2.exceptions import InvalidHashError, VerificationError

        with self._store.reading() as tx:
            # PostgreSQL can't be asked for a text with U+0000 in it.
            kept = None if "\x00" in name else find(tx.connection, self._store, name)
        hasher = _hasher()
        try:
            hasher.verify(hasher.hash("nobody") if kept is None else kept.password, password[: LONGEST + 1])
        except (InvalidHashError, VerificationError):
            return None
        return None if kept is None or kept.disabled_at is not None else _view(kept)


def _checked(password: str, name: str) -> str:
    if not SHORTEST <= len(password) <= LONGEST:
        raise ValueError(f"a password has {SHORTEST} to {LONGEST} characters, not {len(password)}")
    if password.casefold().strip() == name.casefold() or len(set(password)) < SHORTEST // 3:
        raise ValueError("a password is not the user's name, and not a few characters again and again")
    return password


def _hasher() -> PasswordHasher:
    try:
        from argon2 import PasswordHasher
    except ImportError:
        raise StoreUnusable("the console's users need the extra `web`: pip install 'regulars[web]'") from None
    return PasswordHasher()


def _view(kept: KeptUser) -> User:
    # A role that somebody wrote into the table by hand is none of ours: whoever has it may do the least.
    role = next((each for each in ROLES if each == kept.role), ROLES[0])
    disabled = None if kept.disabled_at is None else to_datetime(kept.disabled_at)
    return User(name=kept.name, role=role, made_at=to_datetime(kept.made_at), disabled_at=disabled)
