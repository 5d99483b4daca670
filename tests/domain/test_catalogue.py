"""The list of aggregates: what follows from it, and what can't be put together."""

from __future__ import annotations

import re

import pytest
from msgspec import Struct
from msgspec.structs import replace

from crm_domain import interaction, purchase
from crm_domain.aggregate import Addressed, Aggregate, addressed
from crm_domain.catalogue import AGGREGATES, CATALOGUE, EVENTS, address, catalogue_of
from crm_domain.command import Command, Context, CustomerId, Decider
from crm_domain.event import Event
from crm_domain.wording import Wording, plain_fields


class Parcel(Struct, frozen=True, kw_only=True):
    """Nothing needs to be known of it."""


class ParcelSent(Event, frozen=True, kw_only=True, tag="ParcelSent"):
    """It left."""


class NoteAdded(Event, frozen=True, kw_only=True, tag="NoteAdded"):
    """A note, but not that of an interaction."""


class SendParcel(Command):
    """Say that a parcel left."""


class AddNote(Command):
    """Add a note, but not to an interaction."""


def decided(command: Command, state: Parcel, context: Context) -> tuple[Event, ...]:
    return (ParcelSent(),)


PARCEL = Aggregate(
    decider=Decider(category="parcel", initial=Parcel(), evolve=lambda state, event: state, decide=decided),
    events=(ParcelSent,),
    commands=addressed(SendParcel),
    wording=Wording(what=lambda event: "sent", deed=lambda event, who, other: f"sent to {who}", fields=plain_fields),
)


@pytest.mark.parametrize(
    ("aggregate", "what"),
    [
        (replace(PARCEL, decider=replace(PARCEL.decider, category="interaction")), 'category "interaction"'),
        (replace(PARCEL, events=(ParcelSent, NoteAdded)), 'event "NoteAdded"'),
        (replace(PARCEL, commands=addressed(SendParcel, AddNote)), 'command "AddNote"'),
    ],
    ids=["category", "event", "command"],
)
def test_a_name_that_comes_twice_is_refused_with_both_who_have_it(aggregate: Aggregate, what: str) -> None:
    both = "crm_domain.interaction.decider.Interaction and test_catalogue.Parcel"
    with pytest.raises(ValueError, match=re.escape(f"the {what} comes twice: in {both}")):
        catalogue_of((*AGGREGATES, aggregate))


def test_the_same_aggregate_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="comes twice"):
        catalogue_of((*AGGREGATES, purchase.AGGREGATE))


def test_an_aggregate_to_which_nothing_can_happen_is_refused() -> None:
    with pytest.raises(ValueError, match='nothing can happen to the aggregate "parcel"'):
        replace(PARCEL, events=())


@pytest.mark.parametrize("fields", [{"customer": "client"}, {"key": "parcel_id"}], ids=["customer", "key"])
def test_a_command_is_addressed_by_a_field_that_it_has(fields: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=f'SendParcel is addressed by "{next(iter(fields.values()))}"'):
        Addressed(command=SendParcel, **fields)


def test_an_event_belongs_to_the_aggregate_that_it_happened_to() -> None:
    assert CATALOGUE.aggregate_of(interaction.NoteAdded()) is interaction.AGGREGATE
    with pytest.raises(TypeError, match="NoteAdded is not an event of this store"):
        CATALOGUE.aggregate_of(NoteAdded())  # of the same name
    with pytest.raises(TypeError, match="SendParcel is not a command of this store"):
        address(SendParcel())


def test_what_is_put_together_beside_ours_leaves_ours_as_it_was() -> None:
    before = dict(EVENTS)
    mine = catalogue_of((*AGGREGATES, PARCEL))
    assert dict(mine.events) == {**before, "ParcelSent": ParcelSent}
    assert dict(EVENTS) == before


def test_a_command_of_ones_own_that_is_one_of_ours_goes_where_ours_goes() -> None:
    class AddCall(interaction.AddNote):
        """A note on a call."""

    assert address(AddCall(customer=CustomerId("a" * 32), text="Hi")).decider is interaction.INTERACTION
