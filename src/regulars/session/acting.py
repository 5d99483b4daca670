"""The actor of commands: that of `open`, unless a block or a bound handle sets another."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from msgspec import Struct
from msgspec.structs import replace

from regulars.crm_domain.command import require_label


class Issuer(Struct, frozen=True, kw_only=True):
    """Who gives the commands, what ties them together, and why, where a command doesn't say."""

    actor: str
    correlation_id: str | None = None
    reason: str | None = None


class _Block(Struct, frozen=True, eq=False):
    """What one block says of whose commands; None for what stays as it was."""

    of: Acting
    actor: str | None
    correlation_id: str | None
    reason: str | None


#: The blocks that this thread or task stands in, the innermost last. A context keeps every variable that was ever set
#: in it, so all stores share one; a block that was left stands in it no longer.
_BLOCKS: ContextVar[tuple[_Block, ...]] = ContextVar("regulars.session.acting", default=())


class Acting:
    """The actor of one handle of a store. Threads and tasks may share it: blocks are those of each thread or task."""

    def __init__(self, usual: Issuer) -> None:
        self._usual = usual

    @property
    def issuer(self) -> Issuer:
        """Who acts here and now, what ties their commands together, and why."""
        issuer = self._usual
        for block in _BLOCKS.get():
            if block.of is self:
                issuer = _given(issuer, block.actor, block.correlation_id, block.reason)
        return issuer

    @contextmanager
    def block(self, actor: str | None, correlation_id: str | None, reason: str | None) -> Iterator[None]:
        """Set the actor within the block, in this thread or task and those that are started in it."""
        _require(actor, correlation_id)
        block = _Block(self, actor, correlation_id, reason)
        _BLOCKS.set((*_BLOCKS.get(), block))
        try:
            yield
        finally:
            # By what it is and not by its place: blocks of generators in one thread may end in any order.
            entered = _BLOCKS.get()
            _BLOCKS.set(tuple(each for each in entered if each is not block))
            if block not in entered:
                warnings.warn(
                    "a block of crm.acting() ended in another thread or task than it began in, so commands in between "
                    "may not have known of it; crm.as_actor() needs no block",
                    RuntimeWarning,
                    stacklevel=4,
                )

    def bound(self, actor: str, correlation_id: str | None, reason: str | None) -> Acting:
        """The same bound to an actor; what isn't given is taken from the current block."""
        _require(actor, correlation_id)
        return Acting(_given(self.issuer, actor, correlation_id, reason))


def _require(actor: str | None, correlation_id: str | None) -> None:
    if actor is not None:
        require_label(actor, "an actor")
    if correlation_id is not None:
        require_label(correlation_id, "a correlation id")


def _given(issuer: Issuer, actor: str | None, correlation_id: str | None, reason: str | None) -> Issuer:
    return replace(
        issuer,
        actor=issuer.actor if actor is None else actor,
        correlation_id=issuer.correlation_id if correlation_id is None else correlation_id,
        reason=reason or issuer.reason,
    )
