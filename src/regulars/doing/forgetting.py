"""Forgetting customers, and the list of the forgotten, by which a restored backup forgets them again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import cast

from msgspec import Struct

from regulars.adapters.indexes.links import families_of
from regulars.adapters.log.event_log import Search
from regulars.adapters.store.store import Store
from regulars.adapters.store.transaction import Transaction
from regulars.adapters.vault.erasing import OwnerNeeded
from regulars.adapters.vault.mentions import Names
from regulars.crm_domain.command import Command, CustomerId
from regulars.crm_domain.customer import ErasePersonalData, PersonalDataErased, UndoMerge
from regulars.crm_domain.event import Recorded
from regulars.crm_domain.instant import to_datetime
from regulars.doing.outcomes import Outcome
from regulars.doing.transacting import Transacting
from regulars.session.session import Session


class Forgetting(Struct, frozen=True, kw_only=True):
    """The result of forgetting: the customers who were forgotten, without those who were before, and the positions of
    the events.

    `pending` is whether traces of keys are still to be erased from the files, because a reader holds an earlier
    snapshot or, on PostgreSQL, because that takes the tables' owner: `owner_needed` names the owner, and the statement
    to run. `reasons_dropped` counts the reasons of a list that were not kept, because they would name who was
    forgotten.
    """

    customer_ids: tuple[CustomerId, ...]
    positions: tuple[int, ...]
    pending: bool
    reasons_dropped: int = 0
    owner_needed: OwnerNeeded | None = None


class Forgotten(Struct, frozen=True, kw_only=True):
    """A forgotten customer: when, by whom and why they were forgotten, and the position of the event."""

    customer_id: CustomerId
    position: int
    at: datetime
    actor: str
    reason: str | None


def forget(session: Session, transacting: Transacting, who: str | CustomerId, reason: str) -> Forgetting:
    """Forget a customer and everyone who is merged with them.

    Raises NotFound, and Rejected for a reason that names one of them.
    """
    with session.store.reading() as tx:
        root = CustomerId(session.members(tx, who)[0])
    outcomes = transacting.carry_out([ErasePersonalData(customer=root, confirm=True, cause=reason)])
    return _forgetting(outcomes, session.store)


def forget_again(session: Session, transacting: Transacting, reasons: Mapping[str, str | None]) -> Forgetting:
    """Forget the customers of a list, by id and with their reasons, as far as this store hasn't forgotten them."""
    with session.store.reading() as tx:
        again = _again(tx, reasons)
    outcomes = transacting.carry_out(again.commands) if again.commands else []
    return _forgetting(outcomes, session.store, reasons_dropped=again.reasons_dropped)


def _forgetting(outcomes: Sequence[Outcome], store: Store, *, reasons_dropped: int = 0) -> Forgetting:
    """The result of some commands to forget."""
    recorded = [each for one in outcomes for each in one.events if isinstance(each.event, PersonalDataErased)]
    return Forgetting(
        customer_ids=tuple(CustomerId(each.customer_id) for each in recorded),
        positions=tuple(each.position for each in recorded),
        pending=store.is_erasing,
        owner_needed=store.owner_needed(),
        reasons_dropped=reasons_dropped,
    )


def read_forgotten(tx: Transaction) -> Iterator[Forgotten]:
    """All forgotten customers, in order of position."""
    for recorded in tx.log.every(Search(types=frozenset([PersonalDataErased]), oldest_first=True)):
        yield _forgotten(cast("Recorded[PersonalDataErased]", recorded))


def _forgotten(recorded: Recorded[PersonalDataErased]) -> Forgotten:
    return Forgotten(
        customer_id=CustomerId(recorded.customer_id),
        position=recorded.position,
        at=to_datetime(recorded.occurred_at),
        actor=recorded.actor,
        reason=recorded.event.cause,
    )


class _Again(Struct, frozen=True, kw_only=True):
    """The commands by which a store forgets those of a list, and how many of their reasons were dropped."""

    commands: tuple[Command, ...]
    reasons_dropped: int


def _again(tx: Transaction, reasons: Mapping[str, str | None]) -> _Again:
    """The commands that forget the customers of a list in this store, with their reasons.

    Customers who were merged with them in this store, and aren't on the list, were unmerged before they were forgotten.
    A reason that would name them, by details that this store still has, is dropped.
    """
    remembered = tx.remembered(reasons)
    into = tx.links(remembered)
    apart = {away for away, survivor in into.items() if (away in reasons) != (survivor in reasons)}
    survivors = [each for each in sorted(remembered) if each not in into or each in apart]
    families = families_of({away: survivor for away, survivor in into.items() if away not in apart})
    details = tx.details(into.keys() | into.values() | remembered)
    causes = {each: reasons[each] for each in survivors}
    for each, reason in causes.items():
        theirs = [details[member] for member in families.members(each) if member in details]
        if reason is not None and Names(*theirs).betrayed_by(reason) is not None:
            causes[each] = None
    return _Again(
        commands=(
            *(UndoMerge(customer=CustomerId(each)) for each in sorted(apart)),
            *(ErasePersonalData(customer=CustomerId(each), confirm=True, cause=causes[each]) for each in survivors),
        ),
        reasons_dropped=sum(causes[each] != reasons[each] for each in survivors),
    )
