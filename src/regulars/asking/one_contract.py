"""The query for one contract in full: where it stands, what was signed, and its events."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from functools import reduce
from typing import cast

from regulars.adapters.read_models.keyed_pages import HeldKey
from regulars.adapters.store.transaction import Transaction
from regulars.asking.audit import AuditEntry, entries_of
from regulars.asking.contracts import ContractView, view_contract
from regulars.asking.one_customer import read_contacts
from regulars.crm_domain import contract
from regulars.crm_domain.command import CustomerId
from regulars.crm_domain.contract import Contract, ContractEvent
from regulars.crm_domain.errors import NotFound
from regulars.crm_domain.event import Recorded
from regulars.crm_domain.instant import to_datetime
from regulars.projections.contracts import CONTRACTS
from regulars.projections.engine.fold import Happened, by_key, fold_some, verdict_at
from regulars.session.instants import instant_asked
from regulars.session.session import Session
from regulars.session.traced import traced
from regulars.session.viewpoint import Viewpoint


@dataclass(frozen=True, slots=True)
class WholeContract:
    """One contract as of an instant, with all that had happened to it by then, oldest first. Days are those of `zone`.

    `name` is the customer's, `firm` the name of the firm that it is for, `subject` what was signed; these and `detail`
    are None once they are forgotten. `cause` is why it was ended, None where that wasn't said or it goes on.
    """

    contract: ContractView
    as_of: datetime
    signed_at: datetime
    subject: str | None
    name: str | None
    firm: str | None
    cause: str | None
    detail: str | None
    events: tuple[AuditEntry, ...]
    zone: str


@traced("contract")
def find_contract(
    session: Session, contract_id: str, as_of: datetime | date | None, known_at: datetime | date | None
) -> WholeContract:
    """One contract. Raises NotFound where there is none of that id, or it wasn't signed by then."""
    with session.store.reading() as tx:
        viewpoint = session.viewpoint(tx, known_at)
        events = [each for each in _events_of(session, tx, contract_id) if viewpoint.knows(each.position)]
        if not events:
            raise NotFound(f'there is no contract "{contract_id}"{viewpoint.known_then}')
        latest = max(session.now(), events[-1].occurred_at)
        at = instant_asked(latest, viewpoint.rules.zone, as_of, known_at)
        return _find(session, tx, viewpoint, contract_id, events, at)


def _find(
    session: Session,
    tx: Transaction,
    viewpoint: Viewpoint,
    contract_id: str,
    events: list[Recorded[ContractEvent]],
    at: int,
) -> WholeContract:
    rules = viewpoint.rules
    happened = [each for each in events if each.occurred_at <= at]
    state = reduce(contract.CONTRACT.evolve, (each.event for each in happened), Contract())
    told = [Happened(each.occurred_at, each.position, each.event) for each in happened]
    held = verdict_at(by_key(fold_some(told, rules, (CONTRACTS,))[1][CONTRACTS.name]).get(contract_id, []), at)
    if held is None or state.signed is None:
        raise NotFound(f'contract "{contract_id}" had not been signed by {to_datetime(at).isoformat()}')
    owner = session.members(tx, CustomerId(events[0].customer_id), viewpoint.until)[0]
    firm_id, ended = state.signed.firm_id, state.ended
    contacts = read_contacts(tx, [owner, *([] if firm_id is None else [firm_id])])
    shown = HeldKey(customer=0, customer_id=owner, interval=held)
    return WholeContract(
        contract=view_contract(shown, contacts[owner].ref, state.signed.currency, rules.zone, at),
        as_of=to_datetime(at),
        signed_at=to_datetime(state.signed.at),
        subject=state.signed.subject,
        name=contacts[owner].name,
        firm=None if firm_id is None else contacts[firm_id].name,
        cause=None if ended is None else ended.cause,
        detail=None if ended is None else ended.detail,
        events=entries_of(tx, session.store.registry.catalogue, happened),
        zone=rules.zone.key,
    )


def _events_of(session: Session, tx: Transaction, contract_id: str) -> list[Recorded[ContractEvent]]:
    """What happened to a contract, in order of time."""
    stream_id = session.store.stream_of(contract.CATEGORY, contract_id)
    recorded = (each for each in tx.log.streams([stream_id]) if isinstance(each.event, ContractEvent))
    return contract.CHRONOLOGY.in_order(cast("Recorded[ContractEvent]", each) for each in recorded)
