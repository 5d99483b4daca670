"""How people come in and go out."""

from __future__ import annotations

import hmac
import secrets
from threading import Lock

from regulars.web.console.sessions import Sessions, Visitor


class Gate:
    """Who is let in: one person on this machine, by a token that works once."""

    def __init__(self, sessions: Sessions, local: str | None) -> None:
        self.sessions = sessions
        self._local = local
        self._once: str | None = secrets.token_urlsafe(32) if local is not None else None
        self._lock = Lock()

    @property
    def is_local(self) -> bool:
        """Whether it is for one person on this machine."""
        return self._local is not None

    @property
    def once(self) -> str | None:
        """The token that works once, None where there is none or it was used."""
        return self._once

    def enter(self, token: str) -> str | None:
        """The token of a session, for the one that works once; None for another, or the second time."""
        with self._lock:
            known = self._once
            if self._local is None or known is None or not hmac.compare_digest(token.encode(), known.encode()):
                return None
            self._once = None
        return self.sessions.begin(Visitor(user=self._local, role="owner"))
