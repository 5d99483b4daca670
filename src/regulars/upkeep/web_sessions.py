"""The sessions of a store's console.

1. A session begins when somebody signs in, under a new token; the browser's former one ends.
2. It ends when nobody has used it for IDLE, and LONGEST after it began, whatever was done in it.
3. What is kept is in the store, so every process that serves it knows the same sessions; it is the token's digest.
"""

from __future__ import annotations

from msgspec import Struct

from regulars.adapters.access import web_sessions
from regulars.crm_domain.instant import SECOND
from regulars.session.session import Session
from regulars.upkeep.tokens import ROLES, Role

_MINUTE = 60 * SECOND
IDLE, LONGEST = 120 * _MINUTE, 720 * _MINUTE
#: Use is noted so often at most, as each note is a write.
NOTED_EVERY = _MINUTE


class Visitor(Struct, frozen=True, kw_only=True):
    """Who is signed in, and their role."""

    user: str
    role: Role

    def may(self, role: Role) -> bool:
        """Whether they may do what needs a role."""
        return ROLES.index(self.role) >= ROLES.index(role)


class WebSessions:
    """The sessions of one store's console. Get it from `Regulars.web_sessions`."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._store = session.store

    def begin(self, user: str, *, role: Role | None = None, former: str = "") -> str:
        """Sign somebody in; returns the token of their session. `former` is the token that their browser had.

        A user of the table keeps their own role; `role` is for somebody who is in none.
        """
        now = self._session.now()
        return web_sessions.begin(self._store, user, role, now, former, (now - IDLE, now - LONGEST))

    def find(self, token: str) -> Visitor | None:
        """Who has a token; None where nobody has, no longer, or is disabled."""
        now, kept = self._session.now(), web_sessions.find(self._store, token) if token else None
        if kept is None or now - kept.used_at >= IDLE or now - kept.began_at >= LONGEST:
            return None
        if now - kept.used_at >= NOTED_EVERY:
            web_sessions.note_use(self._store, token, now)
        return Visitor(user=kept.user, role=next((each for each in ROLES if each == kept.role), ROLES[0]))

    def end(self, token: str) -> None:
        """Sign out."""
        web_sessions.end(self._store, token)

    def end_all(self, user: str | None = None) -> None:
        """Sign a user out everywhere, or everybody."""
        web_sessions.end_all(self._store, user)
