"""What an opportunity was when: the states that it went through, and whether one is in a filter.

A filter says which owner, source, stage or pipeline an opportunity has. One that is closed has none of the stages any
more; it counts for that from which it was closed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from msgspec import Struct

from regulars.adapters.read_models.opportunities import State

WON, LOST = "won", "lost"
CLOSED = frozenset({WON, LOST})

#: What opportunities are picked by.
PICKED_BY = ("owner", "source", "stage", "pipeline")

#: A pipeline and one of its stages.
Stage = tuple[str, str]

#: The states of one opportunity in order of time, each until the next begins.
Path = Sequence[State]


class Staged(Struct, frozen=True, gc=False):
    """A state with the stage that it counts for: its own, or of one that is closed that from which it was closed. None
    where that isn't known, as where it was closed as soon as it was opened.
    """

    state: State
    stage: str | None

    @property
    def is_open(self) -> bool:
        """Whether it is neither won nor lost."""
        return self.state.value not in CLOSED


#: Whether a state is in a filter.
Held = Callable[[Staged], bool]


def everything(_: Staged) -> bool:
    """The filter that leaves nothing out."""
    return True


def staged(path: Path) -> Iterator[Staged]:
    """The states of an opportunity with the stages that they count for."""
    stage: str | None = None
    for state in path:
        if state.value not in CLOSED:
            stage = state.value
        yield Staged(state, stage)


def at(path: Sequence[Staged], instant: int) -> Staged | None:
    """The state at an instant; None before the opportunity was opened."""
    return next((each for each in path if each.state.since <= instant < each.state.until), None)


def held_by(where: Mapping[str, str]) -> Held:
    """The filter of some names and values. Raises ValueError for another name."""
    for name in where:
        if name not in PICKED_BY:
            raise ValueError(f'opportunities are picked by {", ".join(PICKED_BY)}, not by "{name}"')
    wanted = tuple(where.items())

    def held(each: Staged) -> bool:
        return all((each.stage if name == "stage" else getattr(each.state, name)) == value for name, value in wanted)

    return held
