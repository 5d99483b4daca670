"""The bearer tokens of a store: who may speak to it over HTTP, and as what."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from msgspec import Struct

from regulars.adapters.access.tokens import KeptToken, drop, drop_every, every, find, keep_new
from regulars.crm_domain.command import require_label
from regulars.crm_domain.instant import to_datetime
from regulars.session.session import Session

#: From the one who may do the least; each may do what those before it may.
Role = Literal["reader", "clerk", "owner"]
ROLES: tuple[Role, ...] = ("reader", "clerk", "owner")


class Token(Struct, frozen=True, kw_only=True):
    """A token in force, without its text. What is recorded with it has its `name` as the actor."""

    id: str
    name: str
    role: Role
    made_at: datetime


class NewToken(Struct, frozen=True, kw_only=True):
    """A token that was just made. `text` is the secret: the store keeps its SHA-256 alone, so it is shown this once."""

    token: Token
    text: str

    def __repr__(self) -> str:
        return f"NewToken(token={self.token!r}, text=...)"


class Tokens:
    """The tokens of one store. Get it from `Regulars.tokens`."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._store = session.store

    def new(self, name: str, *, role: Role) -> NewToken:
        """Make a token of 256 random bits, whose bearer acts under this name and may do what the role may.

        Raises Rejected `token_name_taken` where a token in force has this name, ValueError for an unknown role and for
        a name that is not one line of at most 200 characters.
        """
        name = require_label(name, "the name of a token")
        if role not in ROLES:
            raise ValueError(f'there is no role "{role}"; there are {", ".join(ROLES)}')
        kept, text = keep_new(self._store, name, role, self._session.now())
        return NewToken(token=_view(kept), text=text)

    def in_force(self) -> tuple[Token, ...]:
        """The tokens in force, by name."""
        with self._store.reading() as tx:
            return tuple(map(_view, every(tx.connection, self._store)))

    def revoke(self, name: str) -> None:
        """Take back the token of a name or an id, at once and in every process. Raises NotFound."""
        drop(self._store, name)

    def revoke_all(self) -> int:
        """Take back every token; returns how many there were."""
        return drop_every(self._store)

    def find(self, text: str) -> Token | None:
        """The token with this text; None where there is none, or it was revoked."""
        with self._store.reading() as tx:
            kept = find(tx.connection, self._store, text)
        return None if kept is None else _view(kept)


def _view(kept: KeptToken) -> Token:
    # A role that somebody wrote into the table by hand is none of ours: whoever has it may do the least.
    role = next((each for each in ROLES if each == kept.role), ROLES[0])
    return Token(id=kept.id, name=kept.name, role=role, made_at=to_datetime(kept.made_at))
