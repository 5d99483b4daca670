"""What happens to nobody belongs to the business itself: recorded, told, folded, compared and rebuilt like the rest."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec import Struct, field

import regulars
from regulars import Command, Event, Extension, RegisterCustomer, Regulars, Rejected
from regulars.extending import (
    Aggregate,
    Context,
    Decider,
    Examples,
    FactSet,
    InTheClear,
    Label,
    Projector,
    Wording,
    addressed,
)

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)


class RoomOpened(Event, frozen=True, kw_only=True, tag="RoomOpened"):
    """A room can be used."""

    room: str


class RoomClosed(Event, frozen=True, kw_only=True, tag="RoomClosed"):
    """A room can't be used any more."""

    room: str


class OpenRoom(Command):
    """Open a room."""

    room: Label


class CloseRoom(Command):
    """Close a room."""

    room: Label


class Room(Struct, frozen=True):
    """Whether a room is open."""

    is_open: bool = False


def evolve(state: Room, event: Event) -> Room:
    return Room(is_open=isinstance(event, RoomOpened))


def decide(command: Command, state: Room, context: Context) -> tuple[Event, ...]:
    match command:
        case OpenRoom(room=room):
            return () if state.is_open else (RoomOpened(room=room),)
        case CloseRoom(room=room):
            return (RoomClosed(room=room),) if state.is_open else ()
        case _:
            raise TypeError(type(command).__name__)


def fields(state: Room) -> Iterator[tuple[str, str | None]]:
    yield "open", "yes" if state.is_open else "no"


EVENTS = (RoomOpened, RoomClosed)
ROOM = Aggregate(
    decider=Decider(category="room", initial=Room(), evolve=evolve, decide=decide),
    events=EVENTS,
    commands=addressed(OpenRoom, CloseRoom, key="room"),
    wording=Wording(
        what=lambda event: f"room {event.room}",
        deed=lambda event, who, other: f"saw to room {event.room}",
        fields=fields,
    ),
    examples=lambda: Examples(
        events=(RoomOpened(room="1"), RoomClosed(room="1")), commands=(OpenRoom(room="1"), CloseRoom(room="1"))
    ),
    in_the_clear=(InTheClear(fields=("room",), events=EVENTS, why="the number on its door"),),
    of_nobody=True,
)


class Rooms(Struct):
    """The rooms that are open."""

    open: list[str] = field(default_factory=list)


def take_in(rooms: Rooms, event: Any, at: int, position: int, identity: int) -> None:
    rooms.open = (
        [*rooms.open, event.room] if isinstance(event, RoomOpened) else [e for e in rooms.open if e != event.room]
    )


class Capacity(Struct, frozen=True):
    """How many rooms there are to use."""

    value: str


CAPACITY = Projector(
    name="capacity",
    question="How many rooms can be used?",
    version=1,
    facts=FactSet(name="rooms", version=1, beginning=Rooms, handles=frozenset(EVENTS), evolve=take_in),
    handles=frozenset(EVENTS),
    standing=type(None),
    judges_by=(),
    judge=lambda standing, rooms, rules, at, until: [(at, None, Capacity(str(len(rooms.open))))],
    verdict=Capacity,
    lists_by=("value",),
)
ROOMS = Extension("rooms", aggregates=(ROOM,), projectors=(CAPACITY,))


@pytest.fixture
def crm(bare_url: str) -> Iterator[Regulars]:
    options: dict[str, Any] = {"currency": "EUR", "actor": "li", "clock": lambda: NOW}
    with regulars.open(bare_url, **options, extensions=(ROOMS,)) as found:
        found.do(RegisterCustomer(ref="shop:1"))
        yield found


def lane(crm: Regulars) -> list[tuple[str, datetime]]:
    return [(span.value, span.since) for span in crm.business_timeline().lanes["capacity"]]


def test_it_folds_into_the_timelines_of_the_business(crm: Regulars) -> None:
    crm.do([OpenRoom(room="1", occurred_at=NOW - 9 * DAY), OpenRoom(room="2", occurred_at=NOW - 5 * DAY)])
    expected = [("1", NOW - 9 * DAY), ("2", NOW - 5 * DAY)]
    assert lane(crm) == expected
    crm.catch_up()
    assert lane(crm) == expected
    crm.do(CloseRoom(room="1", occurred_at=NOW - DAY))
    expected.append(("1", NOW - DAY))
    crm.catch_up()
    assert lane(crm) == expected
    assert [each.ref for each in crm.customers()] == ["shop:1"]
    assert crm.customer("shop:1").timeline().lanes["capacity"] == ()
    before = crm.projections.verify()
    assert before.holds
    crm.projections.rebuild()
    assert (lane(crm), crm.projections.verify().stored) == (expected, before.stored)
    assert crm.projections.repair() == 0


def test_it_is_replayed_with_everybody_else(crm: Regulars, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("regulars.adapters.read_models.catch_up.REPLAY_FROM", 1)
    monkeypatch.setattr("regulars.adapters.read_models.replay.CUSTOMERS_AT_ONCE", 1)
    crm.do([OpenRoom(room="1", occurred_at=NOW - 9 * DAY), RegisterCustomer(ref="shop:2")])
    before = lane(crm)
    crm.projections.rebuild()
    assert lane(crm) == before
    assert crm.projections.verify().holds


def test_it_is_told_and_exported_like_the_rest_and_keeps_no_reason(crm: Regulars) -> None:
    outcome = crm.do(OpenRoom(room="1", command_id="once"))
    assert outcome.customer_id == ""
    assert crm.do(OpenRoom(room="1", command_id="once")).replayed
    assert crm.audit(limit=1).entries[0].sentence == "Li saw to room 1"
    assert crm.check_records().holds
    with pytest.raises(Rejected, match="what is nobody's has no key to keep a reason by"):
        crm.do(OpenRoom(room="2", reason="it is spring"))


def test_what_is_nobodys_is_addressed_by_a_key_alone() -> None:
    with pytest.raises(ValueError, match='"room" is nobody\'s, and OpenRoom has to be addressed by a key'):
        Aggregate(
            decider=ROOM.decider,
            events=EVENTS,
            commands=addressed(OpenRoom),
            wording=ROOM.wording,
            examples=ROOM.examples,
            of_nobody=True,
        )
