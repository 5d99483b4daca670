"""Forgetting people, and who was forgotten: so that they are forgotten again where an older backup is restored."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import cast

from msgspec import Struct

from adapters.event_log import Search
from adapters.transaction import Transaction
from crm_domain.command import Command, CustomerId
from crm_domain.customer import ErasePersonalData, PersonalDataErased, UndoMerge
from crm_domain.event import Recorded
from crm_domain.instant import to_datetime
from regulars.execution import Outcome


class Forgetting(Struct, frozen=True, kw_only=True):
    """What a forgetting did: whom it forgot, and at which positions that is recorded; nobody who was forgotten before.

    `pending` says that traces of keys are still to be destroyed in the files, as somebody reads what was there before.
    """

    customer_ids: tuple[CustomerId, ...]
    positions: tuple[int, ...]
    pending: bool


class Forgotten(Struct, frozen=True, kw_only=True):
    """Somebody who was forgotten: when, by whom and why, and the position at which it is recorded."""

    customer_id: CustomerId
    position: int
    at: datetime
    actor: str
    reason: str | None


def forgetting_of(outcomes: Sequence[Outcome], *, pending: bool) -> Forgetting:
    """What some commands forgot."""
    recorded = [each for one in outcomes for each in one.events if isinstance(each.event, PersonalDataErased)]
    return Forgetting(
        customer_ids=tuple(CustomerId(each.customer_id) for each in recorded),
        positions=tuple(each.position for each in recorded),
        pending=pending,
    )


def read_forgotten(tx: Transaction) -> Iterator[Forgotten]:
    """Everybody who was forgotten, in order of position."""
    for recorded in tx.log.every(Search(type=PersonalDataErased.__name__, oldest_first=True)):
        yield _forgotten(cast("Recorded[PersonalDataErased]", recorded))


def _forgotten(recorded: Recorded[PersonalDataErased]) -> Forgotten:
    return Forgotten(
        customer_id=CustomerId(recorded.customer_id),
        position=recorded.position,
        at=to_datetime(recorded.occurred_at),
        actor=recorded.actor,
        reason=recorded.event.cause,
    )


def forget_again(tx: Transaction, reasons: Mapping[str, str | None]) -> list[Command]:
    """The commands by which a store forgets those of a list, with their reasons, whom it still remembers.

    Whoever was one with them in this store, and isn't on the list, was told apart before they were forgotten.
    """
    remembered = tx.remembered(reasons)
    into = tx.links(remembered)
    apart = {away for away, survivor in into.items() if (away in reasons) != (survivor in reasons)}
    survivors = [each for each in sorted(remembered) if each not in into or each in apart]
    return [
        *(UndoMerge(customer=CustomerId(each)) for each in sorted(apart)),
        *(ErasePersonalData(customer=CustomerId(each), confirm=True, cause=reasons[each]) for each in survivors),
    ]
