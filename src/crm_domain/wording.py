"""How an aggregate is told to people, and what the wording of each is made of."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any

import msgspec
from msgspec import Struct

from regulars.crm_domain.event import Event
from regulars.crm_domain.persistent_map import PersistentMap

Field = tuple[str, str | None]


def nothing(event: Event) -> None:
    """What an event says that speaks of no second customer, or gives no reason."""


class Wording(Struct, frozen=True, kw_only=True):
    """How what happened to an aggregate is told.

    `what` says an event in a few words: "order A-1 of 59.90 EUR". `deed` says it as somebody's, after their name, of a
    customer and a second one as they are called: "recorded order A-1 of 59.90 EUR for shop:42"; who isn't there, as
    something is nobody's, is called "". Neither says anything personal. `fields` are the names and values of a state
    that the audit compares, None where there is none.

    `other_id` is the id of the second customer whom an event speaks of, `reason` the one that it has in the clear.
    """

    what: Callable[[Any], str]
    deed: Callable[[Any, str, str], str]
    fields: Callable[[Any], Iterable[Field]]
    other_id: Callable[[Any], str | None] = nothing
    reason: Callable[[Any], str | None] = nothing


def listed(words: list[str]) -> str:
    """Words as people list them: "a, b and c"."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def plain_fields(state: Struct | None, without: Collection[str] = ()) -> Iterator[Field]:
    """A state as plain names and values, less those `without`; parts of a part are joined by a dot.

    Lists are one value each. The tag of an event in the state says nothing new, and is left out.
    """
    plain = {} if state is None else msgspec.to_builtins(state, order="deterministic", enc_hook=_as_list)
    for name, value in plain.items():
        if name == "type" or name in without:
            continue
        if isinstance(value, dict):
            yield from ((f"{name}.{part}", plain_value(item)) for part, item in value.items() if part != "type")
        else:
            yield name, plain_value(value)


def plain_value(value: object) -> str | None:
    """A value in words; None for what is not there, is empty or doesn't hold."""
    match value:
        case None | [] | () | False:
            return None
        case True:
            return "yes"
        case list() | tuple():
            return ", ".join(
                " ".join(map(str, each)) if isinstance(each, list | tuple) else str(each) for each in value
            )
        case _:
            return str(value)


def _as_list(value: object) -> list[Any]:
    """A map as its pairs, and what maps to nothing as its sorted keys: a set."""
    if not isinstance(value, PersistentMap):
        raise TypeError(f"{type(value).__name__} is no field of a state")
    pairs = [(key, of) for key, of in value.items() if of is not None]
    return pairs or sorted(value)
