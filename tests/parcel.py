"""An aggregate of somebody else's, as it might stand beside ours: what would be the modules of its folder, in order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

import sqlalchemy as sa
from msgspec import Struct
from msgspec.structs import replace

from regulars.adapters.extensions.extension import Extension
from regulars.adapters.indexes.index import Added, Change, Digest, Entries, Index
from regulars.crm_domain.aggregate import Aggregate, Examples, InTheClear, addressed
from regulars.crm_domain.command import Command, Context, Decider, Label, Text, Who
from regulars.crm_domain.errors import Rejected
from regulars.crm_domain.event import Event, Personal, Recorded
from regulars.crm_domain.wording import Field, Wording

# --------------------------------------------------------------------------------------------------------- decider


class ParcelSent(Event, frozen=True, kw_only=True, tag="ParcelSent"):
    """A parcel left for a customer."""

    parcel_id: str
    address: Personal[str] = None


class ParcelDelivered(Event, frozen=True, kw_only=True, tag="ParcelDelivered"):
    """A parcel arrived."""

    parcel_id: str


ParcelEvent = ParcelSent | ParcelDelivered


class Parcel(Struct, frozen=True, kw_only=True):
    """What the next decision on a parcel needs to know."""

    sent: ParcelSent | None = None
    delivered: bool = False


class SendParcel(Command):
    """Say that a parcel left."""

    customer: Who
    parcel_id: Label
    address: Text | None = None


class DeliverParcel(Command):
    """Say that a parcel arrived."""

    parcel_id: Label


def evolve(state: Parcel, event: ParcelEvent) -> Parcel:
    match event:
        case ParcelSent():
            return replace(state, sent=event)
        case ParcelDelivered():
            return replace(state, delivered=True)


def decide(command: Command, state: Parcel, context: Context) -> tuple[Event, ...]:
    match command:
        case SendParcel():
            event = ParcelSent(parcel_id=command.parcel_id, address=command.address)
            return () if state.sent == event else (event,)
        case DeliverParcel() if state.sent is None:
            raise Rejected("unknown_parcel", f'there is no parcel "{command.parcel_id}"')
        case DeliverParcel():
            return () if state.delivered else (ParcelDelivered(parcel_id=command.parcel_id),)
        case _:
            raise TypeError(f"{type(command).__name__} is not a command to a parcel")


# --------------------------------------------------------------------------------------------------------- wording


def what(event: ParcelEvent) -> str:
    return f"parcel {event.parcel_id} {'sent' if isinstance(event, ParcelSent) else 'delivered'}"


def deed(event: ParcelEvent, who: str, other: str) -> str:
    return f"{'sent' if isinstance(event, ParcelSent) else 'delivered'} parcel {event.parcel_id} to {who}"


def fields(state: Parcel) -> Iterator[Field]:
    if state.sent is not None:
        yield "parcel", "delivered" if state.delivered else "sent"
        yield "address", state.sent.address


# ------------------------------------------------------------------------------------------------------- aggregate

AGGREGATE = Aggregate(
    decider=Decider(category="parcel", initial=Parcel(), evolve=evolve, decide=decide),
    events=get_args(ParcelEvent),
    commands=(
        *addressed(SendParcel, customer="customer", key="parcel_id"),
        *addressed(DeliverParcel, key="parcel_id"),
    ),
    wording=Wording(what=what, deed=deed, fields=fields),
    examples=lambda: Examples(
        events=(ParcelSent(parcel_id="P-1", address="12 Long Lane"), ParcelDelivered(parcel_id="P-1")),
        commands=(
            SendParcel(customer="shop:1", parcel_id="P-1", address="12 Long Lane"),
            DeliverParcel(parcel_id="P-1"),
        ),
    ),
    in_the_clear=(
        InTheClear(fields=("parcel_id",), events=get_args(ParcelEvent), why="the carrier's number, to be found by"),
    ),
)

# ------------------------------------------------------------------------------------------------------- extension


def changes(recorded: Recorded[Event], digest: Digest) -> Iterator[Change]:
    match recorded.event:
        case ParcelSent() as event:
            yield Added({"parcel_id": event.parcel_id, "position": recorded.position})
        case _:
            pass


def faults(entries: Entries) -> Iterator[str]:
    yield "hasn't the parcels that were sent" if entries.missing else "has a parcel that was never sent"


def columns() -> tuple[sa.schema.SchemaItem, ...]:
    return (
        sa.Column("customer_id", sa.Text, primary_key=True),
        sa.Column("parcel_id", sa.Text, primary_key=True),
        sa.Column("position", sa.BigInteger, nullable=False),
    )


INDEX = Index(
    name="parcel",
    table="parcels",
    handles=frozenset({ParcelSent}),
    changes=changes,
    faults=faults,
    columns=columns,
)

EXTENSION = Extension("parcels", aggregates=(AGGREGATE,))
