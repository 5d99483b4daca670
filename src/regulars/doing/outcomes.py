"""Outcomes of commands: returned to the caller, and stored by command id for retries (idempotency)."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec import Struct

from regulars.adapters.log.outcomes import KeptOutcome
from regulars.adapters.sql.damage import FROM_A_BACKUP, Damaged
from regulars.adapters.store.store import Store
from regulars.adapters.store.transaction import Transaction
from regulars.crm_domain.command import Command, CustomerId
from regulars.crm_domain.errors import Rejected
from regulars.crm_domain.event import Event, Recorded


class Outcome(Struct, frozen=True, kw_only=True):
    """The outcome of a command.

    `customer_id` is empty for events that belong to no customer. `events` is empty where nothing needed to happen;
    `position` is that of the last event, None where there is none. `replayed` says that the command id was known and
    this is its first outcome again.
    """

    customer_id: CustomerId
    events: tuple[Recorded[Event], ...]
    position: int | None
    replayed: bool


class CarriedOut(Struct, frozen=True, kw_only=True):
    """A command whose events stand in `drafts[first:last]`, or that was carried out before."""

    command: Command
    customer_id: str
    first: int = 0
    last: int = 0
    replayed: Outcome | None = None


def first_outcome(store: Store, tx: Transaction, command: Command) -> Outcome | None:
    """The outcome of a command whose id was used before; None where it wasn't.

    Raises Rejected where that was for other content, Damaged where its outcome can't be read.
    """
    kept = None if command.command_id is None else tx.outcome_of(command.command_id)
    if command.command_id is None or kept is None:
        return None
    digest, stored = kept
    if digest != _digest(store, command):
        sentence = f'command id "{command.command_id}" was used before for a command with other content'
        raise Rejected("command_id_taken", sentence)
    first = _read(command.command_id, stored)
    return Outcome(
        customer_id=CustomerId(first.customer_id),
        events=tuple(tx.log.at(first.positions)),
        position=first.positions[-1] if first.positions else None,
        replayed=True,
    )


def conclude(store: Store, tx: Transaction, carried: CarriedOut, recorded: Sequence[Recorded[Event]]) -> Outcome:
    """The outcome of a command whose events were written; it is stored where the command has an id."""
    if carried.replayed is not None:
        return carried.replayed
    events = tuple(recorded[carried.first : carried.last])
    if carried.command.command_id is not None:
        kept = KeptOutcome(carried.customer_id, tuple(each.position for each in events))
        tx.keep_outcome(carried.command.command_id, _digest(store, carried.command), msgspec.json.encode(kept))
    return Outcome(
        customer_id=CustomerId(carried.customer_id),
        events=events,
        position=events[-1].position if events else None,
        replayed=False,
    )


def _digest(store: Store, command: Command) -> str:
    body = command.model_dump_json(exclude={"command_id"})
    return store.keyed("command", f"{type(command).__name__}:{body}".encode())


def _read(command_id: str, stored: bytes) -> KeptOutcome:
    try:
        return msgspec.json.decode(stored, type=KeptOutcome)
    except msgspec.DecodeError:
        raise Damaged(
            f'command id "{command_id}" was used before, and what came of it then can\'t be read: it was changed from '
            f"outside, and {FROM_A_BACKUP}; `regulars audit` shows the events that have this id"
        ) from None
