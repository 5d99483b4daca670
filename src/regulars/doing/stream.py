"""A stream as decisions see it: folded in order of recording, or of time where its decider has a chronology."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from functools import reduce
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from regulars.crm_domain.chronology import Place
from regulars.crm_domain.command import Command, Decider
from regulars.crm_domain.event import Event, Recorded
from regulars.crm_domain.instant import FOREVER

_Told = tuple[tuple[Place, Event], ...]


class Stream(Struct, frozen=True, kw_only=True):
    """A stream as all that was recorded or decided leaves it; `customer_id` is None before the first event.

    `last_at` is when the latest of its events happened. `told` are the events in order of time, each with its place;
    it is empty where the decider has no chronology.
    """

    state: Any
    version: int = 0
    customer_id: str | None = None
    last_at: int | None = None
    told: _Told = ()


def load_stream(decider: Decider[Any], recorded: Sequence[Recorded[Event]]) -> Stream:
    """A stream of at least one event, given in order of their versions."""
    events: Iterable[Event] = (each.event for each in recorded)
    told: _Told = ()
    if decider.chronology is not None:
        place = decider.chronology.place
        told = tuple(
            sorted(((place(each.event, each.occurred_at, each.version), each.event) for each in recorded), key=_place)
        )
        events = (event for _, event in told)
    return Stream(
        state=reduce(decider.evolve, events, decider.initial),
        version=recorded[-1].version,
        customer_id=recorded[-1].customer_id,
        last_at=max(each.occurred_at for each in recorded),
        told=told,
    )


def append(stream: Stream, decider: Decider[Any], event: Event, at: int, customer_id: str) -> Stream:
    """The stream with one more event, which happened at an instant."""
    version, told = stream.version + 1, stream.told
    if decider.chronology is None:
        state = decider.evolve(stream.state, event)
    else:
        entry = (decider.chronology.place(event, at, version), event)
        index = bisect_left(told, entry[0], key=_place)
        if index == len(told):
            told = (*told, entry)
            state = decider.evolve(stream.state, event)
        else:
            told = (*told[:index], entry, *told[index:])
            state = _fold(decider, told)
    last_at = at if stream.last_at is None else max(at, stream.last_at)
    return Stream(state=state, version=version, customer_id=customer_id, last_at=last_at, told=told)


def state_at(stream: Stream, decider: Decider[Any], command: Command, at: int) -> Any:
    """What a command that speaks of an instant is decided on: what comes before its own place in the stream."""
    chronology = decider.chronology
    if chronology is None or stream.last_at is None or at > stream.last_at:
        return stream.state
    happened = bisect_left(stream.told, chronology.begin_of(command, at), key=_place)
    outside_time = bisect_left(stream.told, FOREVER, key=_instant)
    if happened == outside_time:
        return stream.state
    state = _fold(decider, (*stream.told[:happened], *stream.told[outside_time:]))
    return replace(state, **{name: getattr(stream.state, name) for name in chronology.whole})


def is_told(stream: Stream, decider: Decider[Any], event: Event, at: int) -> bool:
    """Whether an event that stands in time was told before: the same content, of the same instant."""
    if not stream.told or decider.chronology is None or not decider.chronology.is_timed(event):
        return False
    place = decider.chronology.place(event, at, 0)
    index = bisect_left(stream.told, place, key=_place)
    return index < len(stream.told) and stream.told[index][0] == place


def _fold(decider: Decider[Any], told: _Told) -> Any:
    return reduce(decider.evolve, (event for _, event in told), decider.initial)


def _place(entry: tuple[Place, Event]) -> Place:
    return entry[0]


def _instant(entry: tuple[Place, Event]) -> int:
    return entry[0][0]
