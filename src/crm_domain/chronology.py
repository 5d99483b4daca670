"""The order of time within a stream: what happened, as it happened, in whatever order it was told."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import Any, TypeVar

from msgspec import Struct
from msgspec.json import encode

from regulars.crm_domain.event import E_co, Event, Recorded
from regulars.crm_domain.instant import FOREVER

T = TypeVar("T")

#: An event's place in a stream's order of time; the last part, its version, is only for those that stand outside time.
Place = tuple[int, int, bytes, int]


class Chronology(Struct, frozen=True, kw_only=True, dict=True):
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
        rank = self._event_ranks.get(event_type)
        if rank is None:
            raise ValueError(f"{event_type.__name__} has no place in the order of time")
        return at, rank, encode(event), 0

    def begin_of(self, command: object, at: int) -> Place:
        """The first place that what a command leads to may have at an instant; of what stands outside time, the end of
        that instant.
        """
        return at, self._command_ranks.get(type(command), len(self.words)), b"", 0

    def is_timed(self, event: Event) -> bool:
        """Whether an event stands in time: then the same one at the same instant is the same word."""
        return type(event) in self._event_ranks

    def in_order(self, recorded: Iterable[Recorded[E_co]]) -> list[Recorded[E_co]]:
        """The events of a stream in order of time."""
        return sorted(recorded, key=lambda each: self.place(each.event, each.occurred_at, each.version))

    @cached_property
    def _command_ranks(self) -> dict[type[Any], int]:
        """The places of commands as they follow one another at one instant."""
        return _first_places(command_type for command_type, _ in self.words)

    @cached_property
    def _event_ranks(self) -> dict[type[Event], int]:
        """The places of what they lead to."""
        return _first_places(self.order)


def _first_places(each: Iterable[T]) -> dict[T, int]:
    ranks: dict[T, int] = {}
    for rank, one in enumerate(each):
        ranks.setdefault(one, rank)
    return ranks
