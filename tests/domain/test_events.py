"""Events for ever: each type survives storage, hides what is personal, and folds in any order."""

from __future__ import annotations

import inspect as signatures
from datetime import date
from functools import reduce
from typing import Any

import hypothesis
import msgspec
import pytest
from hypothesis import strategies as st
from msgspec import inspect

from regulars.adapters.log.codec import CODECS
from regulars.crm_domain.catalogue import CATALOGUE, DECIDERS, EVENTS
from regulars.crm_domain.customer import ContactDetailsChanged, CustomerRegistered
from regulars.crm_domain.event import Event
from regulars.crm_domain.interaction import SurveyAnswered
from regulars.crm_domain.membership import (
    MembershipEnrolled,
    PointsAdjusted,
    PointsEarned,
    PointsRedeemed,
    PointsReversed,
    Taken,
    TierOverrideGranted,
)
from regulars.crm_domain.purchase import Line, PurchaseRecorded, ReturnRecorded
from regulars.crm_domain.ticket import TicketOpened, TicketRated, TicketResolved
from strategies import any_event, events

each_type = pytest.mark.parametrize("event_type", EVENTS.values(), ids=EVENTS)
reasons = st.none() | st.text(min_size=1)


# ----------------------------------------------------------------------------------------------------------- storage


@each_type
@hypothesis.given(data=st.data())
def test_an_event_survives_json(event_type: type[Event], data: st.DataObject) -> None:
    event = data.draw(events(event_type))
    assert msgspec.json.decode(msgspec.json.encode(event), type=event_type) == event


@each_type
@hypothesis.given(data=st.data(), reason=reasons)
def test_an_event_survives_storage_with_its_reason(
    event_type: type[Event], data: st.DataObject, reason: str | None
) -> None:
    event, codec = data.draw(events(event_type)), CODECS[event_type.__name__]
    payload, secret = codec.encode(event, reason)
    read = (codec.decode(payload), None) if secret is None else codec.reveal(payload, secret)
    assert read == (event, reason)


@hypothesis.given(any_event(), st.text(min_size=1))
def test_a_reason_is_never_in_the_open(event: Event, reason: str) -> None:
    codec = CODECS[type(event).__name__]
    payload, secret = codec.encode(event, reason)
    assert payload == codec.encode(event, None)[0]
    assert secret is not None


# What older versions wrote is read by this one: these bytes are never edited, only added to.
@pytest.mark.parametrize(
    ("stored", "event"),
    [
        (b'{"type":"CustomerRegistered"}', CustomerRegistered()),
        (b'{"type":"CustomerRegistered","source":"fair"}', CustomerRegistered(source="fair")),
        (
            b'{"type":"ContactDetailsChanged","changed":["name","locale"],"locale":"de"}',
            ContactDetailsChanged(changed=("name", "locale"), locale="de"),
        ),
        (
            (
                b'{"type":"PurchaseRecorded","order_id":"A-1","amount":5990,"currency":"EUR",'
                b'"lines":[{"sku":"tea","quantity":2,"amount":4000},{"sku":"wrap"}],"channel":"web"}'
            ),
            PurchaseRecorded(
                order_id="A-1",
                amount=5990,
                currency="EUR",
                lines=(Line(sku="tea", quantity=2, amount=4000), Line(sku="wrap")),
                channel="web",
            ),
        ),
        (
            b'{"type":"ReturnRecorded","order_id":"A-1","return_id":"1","amount":2000,"currency":"EUR"}',
            ReturnRecorded(order_id="A-1", return_id="1", amount=2000, currency="EUR"),
        ),
        (
            b'{"type":"SurveyAnswered","survey":"nps","score":9,"interaction_id":"n:7"}',
            SurveyAnswered(survey="nps", score=9, interaction_id="n:7"),
        ),
        (
            b'{"type":"MembershipEnrolled","at":1772366400000000,"program":"tea-club"}',
            MembershipEnrolled(at=1_772_366_400_000_000, program="tea-club"),
        ),
        (
            (
                b'{"type":"PointsEarned","at":3,"lot_id":"order:A-1","points":59,"order_id":"A-1","per_unit":"1",'
                b'"available_at":4,"expires_at":5,"rules_digest":"d1"}'
            ),
            PointsEarned(
                at=3,
                lot_id="order:A-1",
                points=59,
                order_id="A-1",
                per_unit="1",
                available_at=4,
                expires_at=5,
                rules_digest="d1",
            ),
        ),
        (
            (
                b'{"type":"PointsRedeemed","at":6,"redemption_id":"V-1","points":9,'
                b'"taken":[{"lot_id":"order:A-1","points":9}]}'
            ),
            PointsRedeemed(at=6, redemption_id="V-1", points=9, taken=(Taken(lot_id="order:A-1", points=9),)),
        ),
        (
            b'{"type":"PointsReversed","at":7,"order_id":"A-1","points":20,"return_id":"R-1"}',
            PointsReversed(at=7, order_id="A-1", points=20, return_id="R-1"),
        ),
        (
            b'{"type":"PointsAdjusted","at":8,"points":5,"lot_id":"adjustment#2","available_at":8,"expires_at":9}',
            PointsAdjusted(at=8, points=5, lot_id="adjustment#2", available_at=8, expires_at=9),
        ),
        (
            b'{"type":"TierOverrideGranted","at":10,"tier":"gold","until":11}',
            TierOverrideGranted(at=10, tier="gold", until=11),
        ),
        (
            b'{"type":"TicketOpened","ticket_id":"T-1","at":1772366400000000}',
            TicketOpened(ticket_id="T-1", at=1_772_366_400_000_000, priority="normal"),
        ),
        (
            (
                b'{"type":"TicketOpened","ticket_id":"T-2","at":1772366400000000,"priority":"high","channel":"email",'
                b'"follows":"T-1","complaint":true}'
            ),
            TicketOpened(
                ticket_id="T-2",
                at=1_772_366_400_000_000,
                priority="high",
                channel="email",
                follows="T-1",
                complaint=True,
            ),
        ),
        (b'{"type":"TicketResolved","ticket_id":"T-1","at":-1}', TicketResolved(ticket_id="T-1", at=-1)),
        (
            b'{"type":"TicketRated","ticket_id":"T-1","at":0,"score":5}',
            TicketRated(ticket_id="T-1", at=0, score=5),
        ),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Event) else "",
)
def test_what_was_stored_once_is_read_for_ever(stored: bytes, event: Event) -> None:
    assert CODECS[type(event).__name__].decode(stored) == event


@pytest.mark.parametrize(
    ("event", "stored"),
    [
        (CustomerRegistered(), b'{"type":"CustomerRegistered"}'),
        (Line(sku="tea"), b'{"sku":"tea"}'),
    ],
    ids=["event", "line"],
)
def test_what_is_not_known_takes_no_room(event: Event | Line, stored: bytes) -> None:
    assert msgspec.json.encode(event) == stored


@pytest.mark.parametrize(("tag", "event_type"), EVENTS.items())
def test_the_tag_of_an_event_is_the_name_of_its_class(tag: str, event_type: type[Event]) -> None:
    assert tag == event_type.__struct_config__.tag == event_type.__name__
    assert event_type.__struct_config__.tag_field == "type"


@each_type
@hypothesis.given(data=st.data())
def test_an_event_does_not_change(event_type: type[Event], data: st.DataObject) -> None:
    event = data.draw(events(event_type))
    for field in event.__struct_fields__:
        with pytest.raises(AttributeError):
            setattr(event, field, getattr(event, field))


@each_type
def test_the_fields_of_an_event_are_named_by_who_makes_it(event_type: type[Event]) -> None:
    kinds = {each.kind for each in signatures.signature(event_type).parameters.values()}
    assert kinds <= {signatures.Parameter.KEYWORD_ONLY}


# ----------------------------------------------------------------------------------------------------- what is personal


@pytest.mark.parametrize("name", [name for name in EVENTS if CODECS[name].personal])
@hypothesis.given(data=st.data(), marker=st.uuids(), day=st.dates(date(1871, 1, 1), date(1871, 12, 31)))
def test_nothing_personal_is_in_the_open(name: str, data: st.DataObject, marker: Any, day: date) -> None:
    event, codec = data.draw(events(EVENTS[name])), CODECS[name]
    marked = {field: day.isoformat() if field == "birthday" else f"{marker.hex} {field}" for field in codec.personal}
    payload, secret = codec.encode(msgspec.structs.replace(event, **marked), None)
    for value in marked.values():
        assert str(value).encode() not in payload
        assert str(value).encode() in (secret or b"")
    assert marker.hex.encode() not in payload
    assert all(getattr(codec.decode(payload), field) is None for field in codec.personal)


@each_type
def test_what_is_personal_stands_at_the_top_of_an_event_where_it_is_found(event_type: type[Event]) -> None:
    info = inspect.type_info(event_type)
    assert isinstance(info, inspect.StructType)
    marked = {field.name for field in info.fields if any(map(_is_marked, _within(field.type)))}
    assert marked == set(CODECS[event_type.__name__].personal)


def _is_marked(kind: inspect.Type) -> bool:
    return isinstance(kind, inspect.Metadata) and "personal" in (kind.extra or {})


def _within(kind: Any) -> list[Any]:
    """A type and all those it is made of."""
    parts: list[Any] = []
    match kind:
        case inspect.Metadata(type=inner) | inspect.VarTupleType(item_type=inner):
            parts = [inner]
        case inspect.UnionType(types=types):
            parts = list(types)
        case inspect.StructType(fields=fields):
            parts = [field.type for field in fields]
    return [kind, *(each for part in parts for each in _within(part))]


# --------------------------------------------------------------------------------------------------------------- fold


@pytest.mark.parametrize("category", DECIDERS)
@hypothesis.given(data=st.data())
def test_any_history_can_be_folded(category: str, data: st.DataObject) -> None:
    decider, family = DECIDERS[category], map(events, CATALOGUE.aggregates[category].events)
    history = data.draw(st.lists(st.one_of(*family), max_size=20))
    state = reduce(decider.evolve, history, decider.initial)
    assert type(state) is type(decider.initial)


@pytest.mark.parametrize("category", DECIDERS)
@hypothesis.given(data=st.data())
def test_a_fold_changes_nothing_but_its_result(category: str, data: st.DataObject) -> None:
    decider = DECIDERS[category]
    event = data.draw(st.one_of(*map(events, CATALOGUE.aggregates[category].events)))
    before = msgspec.json.encode(decider.initial, enc_hook=repr)
    assert decider.evolve(decider.initial, event) == decider.evolve(decider.initial, event)
    assert msgspec.json.encode(decider.initial, enc_hook=repr) == before
