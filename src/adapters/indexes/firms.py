"""The index of firms: which events name one, so that its people and what is about it are found without reading others.

A row says which event of which customer names which firm, and of which category the event's stream is. It holds nothing
personal: ids are random, and in what role somebody works there stands in the event alone.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from regulars.adapters.indexes.index import Added, Change, Digest, Entries, Index, side_by_side
from regulars.adapters.schema.tables import Schema
from regulars.adapters.sql.table_names import ours
from regulars.crm_domain.contract import ContractSigned
from regulars.crm_domain.customer import EmploymentEnded, EmploymentRecorded, EmploymentVoided
from regulars.crm_domain.event import Event, Recorded
from regulars.crm_domain.instant import FOREVER
from regulars.crm_domain.opportunity import OpportunityChanged, OpportunityOpened
from regulars.crm_domain.quote import QuoteSent
from regulars.crm_domain.ticket import TicketOpened

_POSITION = 3  # the place of a row's column


def _changes(recorded: Recorded[Event], _digest: Digest) -> Iterator[Change]:
    match recorded.event:
        case (
            EmploymentRecorded(firm_id=firm_id)
            | EmploymentEnded(firm_id=firm_id)
            | EmploymentVoided(firm_id=firm_id)
            | TicketOpened(firm_id=firm_id)
            | OpportunityOpened(firm_id=firm_id)
            | OpportunityChanged(firm_id=firm_id)
            | QuoteSent(firm_id=firm_id)
            | ContractSigned(firm_id=firm_id)
        ) if firm_id is not None:
            yield Added({"firm_id": firm_id, "category": recorded.category, "position": recorded.position})
        case _:
            pass


def _faults(entries: Entries) -> Iterator[str]:
    for stored, expected in side_by_side(entries.extra, entries.missing, _POSITION):
        if expected is None:
            assert stored is not None
            yield f"has #{stored[_POSITION]} among what names a firm, and it names none"
        elif stored is None:
            yield f"lacks event #{expected[_POSITION]} among what names a firm"
        else:
            yield f"has event #{expected[_POSITION]} among what names a firm, under another one"


FIRMS = Index(
    name="firm",
    table=ours("firms"),
    handles=frozenset(
        {
            EmploymentRecorded,
            EmploymentEnded,
            EmploymentVoided,
            TicketOpened,
            OpportunityOpened,
            OpportunityChanged,
            QuoteSent,
            ContractSigned,
        }
    ),
    changes=_changes,
    faults=_faults,
)


def naming(
    connection: Connection, schema: Schema, firm_ids: Collection[str], category: str, until: int | None
) -> list[int]:
    """The positions of the events of a category that name any of some firms, as far as they were known."""
    firms = schema.firms
    return _positions(connection, firms, firms.c.firm_id.in_(sorted(firm_ids)), category, until)


def naming_of(
    connection: Connection, schema: Schema, customer_ids: Collection[str], category: str, until: int | None
) -> list[int]:
    """The positions of the events of a category of some customers that name a firm, as far as they were known."""
    firms = schema.firms
    return _positions(connection, firms, firms.c.customer_id.in_(sorted(customer_ids)), category, until)


def _positions(
    connection: Connection, firms: sa.Table, which: sa.ColumnElement[bool], category: str, until: int | None
) -> list[int]:
    known = firms.c.position <= (FOREVER if until is None else until)
    statement = sa.select(firms.c.position).where(which, firms.c.category == category, known)
    return list(connection.execute(statement.order_by(firms.c.position)).scalars())
