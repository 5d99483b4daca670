"""A persistent map answers as a dict does, and no history makes a state copy more than it grows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import log2
from typing import Any

import hypothesis
import pytest
from hypothesis import strategies as st
from msgspec import Struct
from msgspec.structs import astuple

from regulars.crm_domain.command import Decider
from regulars.crm_domain.customer import (
    CUSTOMER,
    ConsentGiven,
    ConsentWithdrawn,
    CustomerTagged,
    CustomerUntagged,
    PreferenceRecorded,
    ReferralMade,
)
from regulars.crm_domain.event import Event
from regulars.crm_domain.persistent_map import PersistentMap
from regulars.crm_domain.purchase import PURCHASE, ReturnRecorded
from regulars.crm_domain.ticket import TICKET, AgentReplied, CustomerReplied

changes = st.lists(st.tuples(st.integers(0, 30), st.none() | st.integers(0, 3)), max_size=200)


def changed(known: PersistentMap[int, int], key: int, value: int | None) -> PersistentMap[int, int]:
    return known.drop(key) if value is None else known.put(key, value)


@hypothesis.given(changes, changes)
def test_it_answers_as_a_dict_and_what_it_was_made_of_stays(first: list[Any], then: list[Any]) -> None:
    known, expected = PersistentMap[int, int](), dict[int, int]()
    versions = []
    for key, value in [*first, *then]:
        known = changed(known, key, value)
        expected = {each: of for each, of in expected.items() if each != key} | ({} if value is None else {key: value})
        versions.append((known, expected))
    for known, expected in versions:
        assert known == expected
        assert list(known.items()) == list(expected.items())
        assert len(known) == len(expected)
        assert all(known.get(key) == expected.get(key) and (key in known) == (key in expected) for key in range(31))


def test_two_are_equal_whatever_way_they_came_about() -> None:
    one = PersistentMap[str, int]().put("a", 1).put("b", 2)
    other = PersistentMap[str, int]().put("b", 2).put("c", 3).drop("c").put("a", 0).put("a", 1)
    assert one == other
    assert repr(PersistentMap[str, int]().put("a", 1)) == "PersistentMap({'a': 1})"


# ------------------------------------------------------------------------------------------------------ what is copied


HISTORIES: dict[str, tuple[Decider[Any], Callable[[int], Event]]] = {
    "tags": (CUSTOMER, lambda n: CustomerTagged(label=f"{n}")),
    "tags put on and taken off": (CUSTOMER, lambda n: (CustomerTagged, CustomerUntagged)[n % 2](label=f"{n // 2}")),
    "tags put on, then taken off": (
        CUSTOMER,
        lambda n: CustomerTagged(label=f"{n}") if n < 1000 else CustomerUntagged(label=f"{n - 1000}"),
    ),
    "one tag": (CUSTOMER, lambda n: (CustomerTagged, CustomerUntagged)[n % 2](label="vip")),
    "tags in turn": (CUSTOMER, lambda n: CustomerTagged(label=f"{n % 700}")),
    "preferences": (CUSTOMER, lambda n: PreferenceRecorded(key=f"{n}", value="x")),
    "preferences in turn": (CUSTOMER, lambda n: PreferenceRecorded(key=f"{n % 90}", value=None if n % 7 else "x")),
    "consents": (CUSTOMER, lambda n: (ConsentGiven, ConsentWithdrawn)[n % 3 % 2](channel="email", purpose=f"{n}")),
    "referrals": (CUSTOMER, lambda n: ReferralMade(referred_id=f"{n}")),
    "returns": (PURCHASE, lambda n: ReturnRecorded(order_id="o", amount=1, currency="EUR", return_id=f"{n}")),
    "returns without an id": (PURCHASE, lambda n: ReturnRecorded(order_id="o", amount=1, currency="EUR")),
    "replies": (TICKET, lambda n: (AgentReplied, CustomerReplied)[n % 2](ticket_id="t", at=n, message_id=f"{n}")),
}


def collections_of(value: Any) -> Iterator[Any]:
    """Every collection in a state."""
    if isinstance(value, Event):
        return  # as it was recorded, and shared by all states
    if isinstance(value, PersistentMap):
        yield from value._layers
    elif isinstance(value, Struct):
        for each in astuple(value):
            yield from collections_of(each)
    elif isinstance(value, dict | tuple | list | set | frozenset):
        yield value


@pytest.mark.parametrize("history", HISTORIES)
def test_a_state_copies_little_more_than_it_takes_in_however_long_the_history(history: str) -> None:
    decider, event = HISTORIES[history]
    state, copied, count = decider.initial, 0, 2_000
    for n in range(count):
        after = decider.evolve(state, event(n))
        before = {id(each) for each in collections_of(state)}
        copied += sum(len(each) for each in collections_of(after) if id(each) not in before)
        state = after
    assert copied <= 2 * count * log2(count)
