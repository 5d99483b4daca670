"""Sessions: who is signed in. A cookie has the session's token; what is kept has its digest alone.

1. A session begins when somebody signs in, under a new token; signing in again ends the former one.
2. It ends when nobody used it for IDLE, and LONGEST after it began, whatever was done.
3. The token against forged forms follows from the session's token, which no script and no other site can read.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import timedelta
from threading import Lock

from msgspec import Struct
from msgspec.structs import replace

from regulars.session.clock import Clock
from regulars.upkeep.tokens import ROLES, Role

IDLE, LONGEST = timedelta(hours=2), timedelta(hours=12)


class Visitor(Struct, frozen=True, kw_only=True):
    """Who is signed in, and their role."""

    user: str
    role: Role
    language: str | None = None

    def may(self, role: Role) -> bool:
        """Whether they may do what needs a role."""
        return ROLES.index(self.role) >= ROLES.index(role)


class _Session(Struct, frozen=True):
    visitor: Visitor
    began: float
    used: float


class Sessions:
    """The sessions of one process."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._sessions: dict[bytes, _Session] = {}
        self._lock = Lock()

    def begin(self, visitor: Visitor) -> str:
        """Sign somebody in; the token of their session."""
        token, now = new_token(), self._now()
        with self._lock:
            self._sessions[_digest(token)] = _Session(visitor, now, now)
        return token

    def find(self, token: str) -> Visitor | None:
        """Who has a token; None where nobody has, or no longer."""
        digest, now = _digest(token), self._now()
        with self._lock:
            found = self._sessions.pop(digest, None)
            if (
                found is None
                or now - found.used >= IDLE.total_seconds()
                or now - found.began >= LONGEST.total_seconds()
            ):
                return None
            self._sessions[digest] = replace(found, used=now)
            return found.visitor

    def end(self, token: str) -> None:
        """Sign out."""
        with self._lock:
            self._sessions.pop(_digest(token), None)

    def end_all(self, user: str) -> None:
        """Sign a user out everywhere."""
        with self._lock:
            ended = [digest for digest, each in self._sessions.items() if each.visitor.user == user]
            for digest in ended:
                del self._sessions[digest]

    def _now(self) -> float:
        return self._clock().timestamp()


def new_token() -> str:
    """256 random bits as text."""
    return secrets.token_urlsafe(32)


def form_token(token: str) -> str:
    """The token that forms carry in a session."""
    return hmac.new(token.encode(), b"forms", hashlib.sha256).hexdigest()


def is_form_token(given: str, token: str) -> bool:
    """Whether a form carried the token of a session."""
    return bool(token) and hmac.compare_digest(given.encode(), form_token(token).encode())


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
