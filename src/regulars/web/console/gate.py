"""How people come in: one person on this machine by a token that works once, or several by name and password."""

from __future__ import annotations

import hmac
import secrets
from threading import BoundedSemaphore, Lock

from regulars.crm import Regulars
from regulars.crm_domain.errors import StoreBusy
from regulars.upkeep.users import User
from regulars.web.console.attempts import Attempts

#: So many passwords are compared at once, in 64 MB each; whoever comes meanwhile is asked to try again.
COMPARED_AT_ONCE = 4


class LocalGate:
    """Lets in whoever started the console, as the owner, by a token that works once."""

    def __init__(self, crm: Regulars, user: str) -> None:
        self._crm = crm
        self._user = user
        self._lock = Lock()
        self._session = ""
        self._once: str | None = secrets.token_urlsafe(32)

    @property
    def once(self) -> str | None:
        """The token that works once; None when it was used."""
        return self._once

    def enter(self, token: str, former: str) -> str | None:
        """The token of a new session, for the one that works once; None for another, and the second time."""
        with self._lock:
            if self._once is None or not hmac.compare_digest(token.encode(), self._once.encode()):
                return None
            self._once = None
            self._session = self._crm.web_sessions.begin(self._user, role="owner", former=former)
            return self._session

    def knows(self, name: str, password: str) -> bool:
        """Nobody has a password here."""
        return False

    def close(self) -> None:
        """End the session that began here: the token of the next start is another one."""
        if self._session:
            self._crm.web_sessions.end(self._session)


class UsersGate:
    """Lets in the users of the store, by name and password."""

    def __init__(self, crm: Regulars, attempts: Attempts) -> None:
        self._crm = crm
        self._attempts = attempts
        self._comparing = BoundedSemaphore(COMPARED_AT_ONCE)

    def sign_in(self, name: str, password: str, former: str) -> str | None:
        """The token of a new session; None where the name or the password is wrong, or the user disabled.

        Raises TooOften for a name that failed too often just now, StoreBusy where too many sign in at once.
        """
        user = self._verified(name, password)
        return None if user is None else self._crm.web_sessions.begin(user.name, former=former)

    def knows(self, name: str, password: str) -> bool:
        """Whether this is the password of a user who isn't disabled. Raises what `sign_in` does."""
        return self._verified(name, password) is not None

    def _verified(self, name: str, password: str) -> User | None:
        if not self._comparing.acquire(blocking=False):
            raise StoreBusy("too many people sign in at this moment; try again in a few seconds")
        try:
            self._attempts.require_patience(name)
            user: User | None = self._crm.users.verify(name, password)
        finally:
            self._comparing.release()
        if user is not None:
            self._attempts.forget(name)
        return user

    def close(self) -> None:
        """Nothing ends: users stay signed in while the server restarts."""


Gate = LocalGate | UsersGate
