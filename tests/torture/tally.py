"""What a scenario tried, and what it looked at afterwards."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random


@dataclass(frozen=True)
class Tally:
    """Counts of one scenario.

    `faults` are those that truly happened: a process that had ended before it was to be killed is none. `acknowledged`
    are the commands, or rows of a file, that were answered for and were looked for afterwards. `slowest` is the slowest
    answer in milliseconds, where that is what a scenario is about.
    """

    rounds: int = 0
    faults: int = 0
    acknowledged: int = 0
    slowest: int = 0

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            rounds=self.rounds + other.rounds,
            faults=self.faults + other.faults,
            acknowledged=self.acknowledged + other.acknowledged,
            slowest=max(self.slowest, other.slowest),
        )


Scenario = Callable[[int, Random], Tally]
