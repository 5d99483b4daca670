"""The result of checking records."""

from __future__ import annotations

from msgspec import Struct

MAX_NAMED = 20

#: What is compared: "key", "look-up", "link", "consent", "forgotten", "firm", "currency", "outcome", "rules",
#: "database", or the name of an index that an extension brings.
Kind = str


class Fault(Struct, frozen=True, kw_only=True):
    """A difference from the log: the customer, event, command or setting, and what is wrong."""

    kind: Kind
    of: str
    what: str


class Compared(Struct, frozen=True, kw_only=True):
    """How many things of a kind were compared, and how many of them are wrong."""

    kind: Kind
    count: int
    wrong: int


class NotCovered(Struct, frozen=True):
    """What wasn't compared, and why."""

    what: str
    why: str


class RecordCheck(Struct, frozen=True, kw_only=True):
    """The counts of what was compared, the first 20 faults of each kind, and by name what wasn't compared."""

    compared: tuple[Compared, ...]
    faults: tuple[Fault, ...]
    not_covered: tuple[NotCovered, ...]

    @property
    def wrong(self) -> int:
        """The number of faults of all kinds."""
        return sum(each.wrong for each in self.compared)

    @property
    def holds(self) -> bool:
        """Whether everything that was compared agrees with the log."""
        return not self.wrong


class Findings:
    """Collects the counts and the first faults of one kind, in bounded memory."""

    def __init__(self, kind: Kind) -> None:
        self._kind = kind
        self._wrong = 0
        self.count = 0
        self.faults: list[Fault] = []
        self.not_covered: list[NotCovered] = []

    def tell(self, of: str, what: str, times: int = 1) -> None:
        """Add a fault, or several equal ones."""
        self._wrong += times
        if len(self.faults) < MAX_NAMED:
            self.faults.append(Fault(kind=self._kind, of=of, what=what))

    def leave_out(self, what: str, why: str) -> None:
        """Add what can't be compared."""
        self.not_covered.append(NotCovered(what, why))

    @property
    def compared(self) -> Compared:
        """The counts."""
        return Compared(kind=self._kind, count=self.count, wrong=self._wrong)
