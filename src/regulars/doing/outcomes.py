"""Outcomes of commands: returned to the caller, and stored by command id for retries (idempotency)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

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
    this is its first outcome again. `notices` are sentences on what was recorded although the rules ask for otherwise,
    such as a survey that was sent too soon; they are given once.
    """

    customer_id: CustomerId
    events: tuple[Recorded[Event], ...]
    position: int | None
    replayed: bool
    notices: tuple[str, ...] = ()


class CarriedOut(Struct, frozen=True, kw_only=True):
    """A command whose events stand in `drafts[first:last]`, or that was carried out before."""

    command: Command
    customer_id: str
    first: int = 0
    last: int = 0
    replayed: Outcome | None = None


class FirstOutcomes:
    """The outcomes of commands whose ids were used before, in one transaction."""

    def __init__(self, store: Store, tx: Transaction) -> None:
        self._store = store
        self._tx = tx
        self._kept: dict[str, tuple[str, bytes] | None] = {}

    def seek(self, commands: Iterable[Command]) -> None:
        """Look up in a few queries what will be asked for."""
        ids = [each.command_id for each in commands if each.command_id is not None]
        unknown = [command_id for command_id in ids if command_id not in self._kept]
        if unknown:
            found = self._tx.outcomes_of(unknown)
            self._kept.update((command_id, found.get(command_id)) for command_id in unknown)

    def of(self, command: Command) -> Outcome | None:
        """The outcome of a command whose id was used before; None where it wasn't.

        Raises Rejected where that was for other content, Damaged where its outcome can't be read.
        """
        if command.command_id is None:
            return None
        self.seek([command])
        kept = self._kept[command.command_id]
        if kept is None:
            return None
        digest, stored = kept
        if digest != _digest(self._store, command):
            sentence = f'command id "{command.command_id}" was used before for a command with other content'
            raise Rejected("command_id_taken", sentence)
        first = _read(command.command_id, stored)
        return Outcome(
            customer_id=CustomerId(first.customer_id),
            events=tuple(self._tx.log.at(first.positions)),
            position=first.positions[-1] if first.positions else None,
            replayed=True,
        )


def conclude(
    store: Store,
    tx: Transaction,
    carried_out: Iterable[CarriedOut],
    recorded: Sequence[Recorded[Event]],
    notices: Mapping[int, str],
) -> list[Outcome]:
    """The outcomes of commands whose events were written, with the notices at their positions; those of commands with
    an id are stored.
    """
    outcomes, kept = [], []
    for each in carried_out:
        outcome = each.replayed or _outcome(each, recorded, notices)
        outcomes.append(outcome)
        if each.command.command_id is not None and each.replayed is None:
            positions = tuple(event.position for event in outcome.events)
            stored = msgspec.json.encode(KeptOutcome(each.customer_id, positions))
            kept.append((each.command.command_id, _digest(store, each.command), stored))
    tx.keep_outcomes(kept)
    return outcomes


def _outcome(carried: CarriedOut, recorded: Sequence[Recorded[Event]], notices: Mapping[int, str]) -> Outcome:
    events = tuple(recorded[carried.first : carried.last])
    return Outcome(
        customer_id=CustomerId(carried.customer_id),
        events=events,
        position=events[-1].position if events else None,
        replayed=False,
        notices=tuple(notices[each.position] for each in events if each.position in notices),
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
