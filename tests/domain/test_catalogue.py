"""The list of aggregates: what each has to say of itself, what follows from it, and what can't be put together."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from msgspec.structs import asdict, replace

import golden
import parcel
import reference
from given import given
from regulars.adapters.log.codec import codecs
from regulars.adapters.log.text_in_the_clear import text_of
from regulars.crm_domain import interaction, purchase, rulebook, task
from regulars.crm_domain.aggregate import Addressed, Aggregate, addressed
from regulars.crm_domain.catalogue import AGGREGATES, CATALOGUE, EVENTS, Address, address, catalogue_of
from regulars.crm_domain.command import Command, CustomerId
from regulars.crm_domain.event import Event
from regulars.crm_domain.task import AddTask
from regulars.crm_domain.upcasts import UPCASTS
from regulars.wording.sentences import describe, narrate, other_id

# Ours, and one that is added by this line.
MINE = catalogue_of((*AGGREGATES, parcel.AGGREGATE))
CODECS = codecs(MINE.events.values(), UPCASTS)

each_aggregate = pytest.mark.parametrize("aggregate", MINE.aggregates.values(), ids=MINE.aggregates)
each_type = pytest.mark.parametrize("event_type", MINE.events.values(), ids=MINE.events)
each_event = pytest.mark.parametrize(
    "event",
    [each for known in MINE.aggregates.values() for each in known.examples().events],
    ids=lambda each: type(each).__name__,
)


# ------------------------------------------------------------------------------------------------ every aggregate says


@each_aggregate
def test_there_are_examples_of_all_its_events_and_commands(aggregate: Aggregate) -> None:
    assert [*dict.fromkeys(map(type, aggregate.examples().events))] == [*aggregate.events]
    assert [*dict.fromkeys(map(type, aggregate.examples().commands))] == [way.command for way in aggregate.commands]


@each_type
def test_each_field_of_an_event_is_filled_in_an_example(event_type: type[Event]) -> None:
    examples = [asdict(each) for each in MINE.owners[event_type].examples().events if type(each) is event_type]
    for field in event_type.__struct_fields__:
        assert any(example[field] not in (None, (), "", False, 0) for example in examples), field


@each_event
def test_an_example_is_stored_and_read_back(event: Event) -> None:
    codec = CODECS[type(event).__name__]
    payload, secret = codec.encode(event, None)
    assert (codec.decode(payload) if secret is None else codec.reveal(payload, secret)[0]) == event


@each_event
def test_an_example_is_told_without_what_is_personal(event: Event) -> None:
    codec = CODECS[type(event).__name__]
    bare = codec.decode(codec.encode(event, None)[0])
    aggregate = MINE.aggregate_of(event)
    about_nobody = aggregate is rulebook.AGGREGATE or aggregate.of_nobody
    for told in (describe(event, MINE), narrate(event, MINE, "li", "shop:42", "shop:41")):
        assert re.search(r"\w", told)
        assert told == told.strip()
        assert "\n" not in told
    assert describe(bare, MINE) == describe(event, MINE)
    assert narrate(bare, MINE, "li", "shop:42", "shop:41") == narrate(event, MINE, "li", "shop:42", "shop:41")
    assert ("shop:42" in narrate(event, MINE, "li", "shop:42")) is not about_nobody
    assert ("shop:41" in narrate(event, MINE, "li", "shop:42", "shop:41")) is (other_id(event, MINE) is not None)


@each_aggregate
def test_the_audit_has_values_of_whatever_became_of_its_examples(aggregate: Aggregate) -> None:
    state = aggregate.decider.initial
    assert not any(value for _, value in aggregate.wording.fields(state))  # of what was never there
    for event in aggregate.examples().events:
        state = aggregate.decider.evolve(state, event)
        values = list(aggregate.wording.fields(state))
        assert all(isinstance(value, str | None) for _, value in values)
        assert len(dict(values)) == len(values)


@each_type
def test_text_is_personal_or_stands_in_the_clear_for_a_reason(event_type: type[Event]) -> None:
    declared = [each for each in MINE.owners[event_type].in_the_clear if event_type in each.events]
    clear = [field for each in declared for field in each.fields]
    assert sorted([*clear, *CODECS[event_type.__name__].personal]) == sorted(text_of(event_type))
    assert all(each.why for each in declared)


# ------------------------------------------------------------------------------------------- one more beside ours


def test_what_is_put_together_beside_ours_leaves_ours_as_it_was() -> None:
    added = {"ParcelSent": parcel.ParcelSent, "ParcelDelivered": parcel.ParcelDelivered}
    assert dict(MINE.events) == {**EVENTS, **added}
    assert not set(EVENTS) & set(added)


def test_one_more_is_decided() -> None:
    send, deliver = parcel.AGGREGATE.examples().commands
    sent, delivered = parcel.AGGREGATE.examples().events
    decider = parcel.AGGREGATE.decider
    assert address(send, MINE) == Address(decider, "shop:1", "P-1")
    assert address(deliver, MINE) == Address(decider, None, "P-1")
    given(decider=decider).when(send).then(sent)
    given(sent, decider=decider).when(deliver).then(delivered)
    given(decider=decider).when(deliver).then_rejected("unknown_parcel")


def test_one_more_is_told() -> None:
    sent, delivered = parcel.AGGREGATE.examples().events
    assert describe(sent, MINE) == "parcel P-1 sent"
    assert narrate(delivered, MINE, "li", "shop:42") == "Li delivered parcel P-1 to shop:42"


def test_one_more_is_in_the_reference_and_among_the_golden_examples() -> None:
    assert set(reference.reference(MINE).splitlines()) - set(reference.reference().splitlines()) == {
        "| `ParcelSent` | parcel_id, _address_ | A parcel left for a customer. | parcel P-1 sent |",
        "| `ParcelDelivered` | parcel_id | A parcel arrived. | parcel P-1 delivered |",
        "| `parcel_id` | all events of category `parcel` | the carrier's number, to be found by |",
        "| `SendParcel` | customer, parcel_id, address? | Say that a parcel left. |",
        "| `DeliverParcel` | parcel_id | Say that a parcel arrived. |",
    }
    sent, delivered = [each for each in golden.stored_examples(MINE) if each["type"].startswith("Parcel")]
    assert json.loads(sent["payload"]) == {"type": "ParcelSent", "parcel_id": "P-1"}
    assert json.loads(sent["secret"]) == {"address": "12 Long Lane", "reason": "a reason"}
    assert json.loads(delivered["payload"]) == {"type": "ParcelDelivered", "parcel_id": "P-1"}


# ------------------------------------------------------------------------------------------ what can't be put together


class NoteAdded(Event, frozen=True, kw_only=True, tag="NoteAdded"):
    """A note, but not that of an interaction."""


class AddNote(Command):
    """Add a note, but not to an interaction."""


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"decider": replace(parcel.AGGREGATE.decider, category="interaction")}, 'category "interaction"'),
        ({"events": (parcel.ParcelSent, NoteAdded)}, 'event "NoteAdded"'),
        ({"commands": addressed(parcel.SendParcel, AddNote)}, 'command "AddNote"'),
    ],
    ids=["category", "event", "command"],
)
def test_a_name_that_comes_twice_is_refused_with_both_who_have_it(change: dict[str, Any], what: str) -> None:
    both = "regulars.crm_domain.interaction.decider.Interaction and parcel.Parcel"
    with pytest.raises(ValueError, match=re.escape(f"the {what} comes twice: in {both}")):
        catalogue_of((*AGGREGATES, replace(parcel.AGGREGATE, **change)))


def test_the_same_aggregate_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="comes twice"):
        catalogue_of((*AGGREGATES, purchase.AGGREGATE))


def test_an_aggregate_to_which_nothing_can_happen_is_refused() -> None:
    with pytest.raises(ValueError, match='nothing can happen to the aggregate "parcel"'):
        replace(parcel.AGGREGATE, events=())


@pytest.mark.parametrize("fields", [{"customer": "client"}, {"key": "number"}], ids=["customer", "key"])
def test_a_command_is_addressed_by_a_field_that_it_has(fields: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=f'SendParcel is addressed by "{next(iter(fields.values()))}"'):
        Addressed(command=parcel.SendParcel, **fields)


def test_what_may_be_nobodys_is_addressed_by_a_customer_and_a_key() -> None:
    with pytest.raises(ValueError, match="SendParcel may be nobody's: it has to be addressed by a customer and a key"):
        Addressed(command=parcel.SendParcel, key="parcel_id", or_nobody=True)
    ours, theirs = AddTask(task_id="K-1", what="Call"), AddTask(task_id="K-1", what="Call", customer="shop:1")
    assert address(ours, CATALOGUE) == Address(task.TASK, None, "K-1", of_nobody=True)
    assert address(theirs, CATALOGUE) == Address(task.TASK, "shop:1", "K-1")


def test_what_is_of_another_list_has_no_aggregate_and_no_address() -> None:
    assert CATALOGUE.aggregate_of(interaction.NoteAdded()) is interaction.AGGREGATE
    with pytest.raises(TypeError, match="NoteAdded is not an event of this store"):
        CATALOGUE.aggregate_of(NoteAdded())  # of the same name
    with pytest.raises(TypeError, match="SendParcel is not a command of this store"):
        address(parcel.AGGREGATE.examples().commands[0], CATALOGUE)


def test_a_command_of_ones_own_that_is_one_of_ours_goes_where_ours_goes() -> None:
    class AddCall(interaction.AddNote):
        """A note on a call."""

    assert address(AddCall(customer=CustomerId("a" * 32), text="Hi"), CATALOGUE).decider is interaction.INTERACTION
