"""The order of time within a stream: what happened, as it happened, in whatever order it was told."""

from __future__ import annotations

from collections.abc import Iterable
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
        return at, self.order.index(event_type), encode(event), 0

    def begin_of(self, command: object, at: int) -> Place:
        """The first place that what a command leads to may have at an instant; of what stands outside time, the end of
        that instant.
        """
        commands = [command_type for command_type, _ in self.words]
        told_as = type(command)
        return at, commands.index(told_as) if told_as in commands else len(commands), b"", 0

    def is_timed(self, event: Event) -> bool:
        """Whether an event stands in time: then the same one at the same instant is the same word."""
        return type(event) in self.order

    def in_order(self, recorded: Iterable[Recorded[E_co]]) -> list[Recorded[E_co]]:
        """The events of a stream in order of time."""
        return sorted(recorded, key=lambda each: self.place(each.event, each.occurred_at, each.version))
