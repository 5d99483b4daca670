"""The order of time within a stream: what happened, as it happened, in whatever order it was told."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any

from msgspec import Struct
from msgspec.json import encode

from regulars.crm_domain.event import E_co, Event, Recorded
from regulars.crm_domain.instant import FOREVER

#: An event's place in a stream's order of time; the last part, its version, is only for those that stand outside time.
Place = tuple[int, int, bytes, int]


class Chronology(Struct, frozen=True, kw_only=True):
    """How the events of a stream follow one another in time, which no order of telling changes.

    `words` are the commands that speak of an instant, each with the event that it leads to. At one instant events
    follow one another as they do there, and those of one type by their content. Two kinds stand outside time: what is
    in `first` holds from the beginning whenever it is told, and what is in `last` goes by order of recording, and once
    it is known holds at every instant. So do the fields of the state that are named in `whole`, such as ids that count
    once.
    """

    words: tuple[tuple[type[Any], type[Event]], ...]
    first: tuple[type[Event], ...] = ()
    last: tuple[type[Event], ...] = ()
    whole: tuple[str, ...] = ()

    @property
    def order(self) -> tuple[type[Event], ...]:
        """The types of events that stand in time, as they follow one another at one instant."""
        return tuple(event_type for _, event_type in self.words)

    def place(self, event: Event, at: int, version: int) -> Place:
        """The place of an event that happened at an instant. Raises ValueError for a type that is nowhere named."""
        event_type = type(event)
        if event_type in self.first:
            return -FOREVER, 0, b"", version
        if event_type in self.last:
            return FOREVER, 0, b"", version
        rank = _ranks(self.words)[1].get(event_type)
        if rank is None:
            raise ValueError(f"{event_type.__name__} has no place in the order of time")
        return at, rank, encode(event), 0

    def begin_of(self, command: object, at: int) -> Place:
        """The first place that what a command leads to may have at an instant; of what stands outside time, the end of
        that instant.
        """
        return at, _ranks(self.words)[0].get(type(command), len(self.words)), b"", 0

    def is_timed(self, event: Event) -> bool:
        """Whether an event stands in time: then the same one at the same instant is the same word."""
        return type(event) in _ranks(self.words)[1]

    def in_order(self, recorded: Iterable[Recorded[E_co]]) -> list[Recorded[E_co]]:
        """The events of a stream in order of time."""
        return sorted(recorded, key=lambda each: self.place(each.event, each.occurred_at, each.version))


@cache
def _ranks(words: tuple[tuple[type[Any], type[Event]], ...]) -> tuple[dict[type[Any], int], dict[type[Event], int]]:
    """The places of commands, and of the events that they lead to, as they follow one another at one instant."""
    commands: dict[type[Any], int] = {}
    events: dict[type[Event], int] = {}
    for rank, (command_type, event_type) in enumerate(words):
        commands.setdefault(command_type, rank)
        events.setdefault(event_type, rank)
    return commands, events
