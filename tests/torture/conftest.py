"""How long the short form of each scenario is, and where its counts go."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from random import Random

import pytest

from torture.servers import Server, own_server
from torture.tally import Scenario, Tally

ROUNDS_VARIABLE = "REGULARS_TORTURE_ROUNDS"
SEED = 7
ATTEMPTS = 5

Try = Callable[[Scenario, int], Tally]


@pytest.fixture
def attempt(record_property: Callable[[str, object], None]) -> Try:
    """Run a scenario with some rounds, times REGULARS_TORTURE_ROUNDS where that is set, and note what was tried."""

    def run(scenario: Scenario, rounds: int) -> Tally:
        dice, tally = Random(SEED), Tally()
        for _ in range(ATTEMPTS):  # a process may have ended before it was to be killed
            tally += scenario(rounds * int(os.environ.get(ROUNDS_VARIABLE, "1")), dice)
            if tally.faults:
                break
        assert tally.faults, "nothing went wrong, so nothing was tested"
        record_property("faults", tally.faults)
        record_property("acknowledged", tally.acknowledged)
        return tally

    return run


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A PostgreSQL server that may be stopped."""
    with own_server() as started:
        yield started
