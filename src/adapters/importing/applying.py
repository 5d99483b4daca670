"""Which commands of a mapping apply to a row, found by one look-up a column instead of one test a condition.

A condition on what a cell says has one answer for each text of its column, and columns of conditions mostly hold few
texts. So what a column decides for all commands is one number, a bit for each command, remembered by the cell's text.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct, field

from regulars.adapters.importing.conditions import Cells, Test

REMEMBERED = 1_000  # texts of a column, and sets of commands; beyond it each is worked out each time


class _Column(Struct, frozen=True):
    """The tests on one column: of each, the bit of its command. `others` are the bits of all other commands."""

    at: int
    tests: tuple[tuple[int, Test], ...]
    others: int
    remembered: dict[str, int] = field(default_factory=dict)

    def applying(self, cells: Cells) -> int:
        """The bits of the commands that this column doesn't keep from the row."""
        known = self.remembered.get(cells[self.at])
        if known is None:
            refused = {bit for bit, test in self.tests if not test.holds(cells)}
            known = self.others | sum({bit for bit, _ in self.tests} - refused)
            if len(self.remembered) < REMEMBERED:
                self.remembered[cells[self.at]] = known
        return known


class Applying(Struct, frozen=True):
    """The conditions on words of several commands, each of which has a bit."""

    everything: int
    columns: tuple[_Column, ...]
    places: dict[int, tuple[int, ...]] = field(default_factory=dict)

    def to(self, cells: Cells) -> tuple[int, ...]:
        """The places of the commands whose conditions on words hold for a row, rising."""
        bits = self.everything
        for column in self.columns:
            bits &= column.applying(cells)
        found = self.places.get(bits)
        if found is None:
            found = tuple(place for place in range(bits.bit_length()) if bits >> place & 1)
            if len(self.places) < REMEMBERED:
                self.places[bits] = found
        return found


def applying_by(tests: Sequence[Sequence[Test]]) -> Applying:
    """Compile the conditions on words of several commands."""
    everything = (1 << len(tests)) - 1
    by_column: dict[int, list[tuple[int, Test]]] = {}
    for place, its in enumerate(tests):
        for test in its:
            if test.of_words:
                by_column.setdefault(test.at, []).append((1 << place, test))
    columns = tuple(
        _Column(at, tuple(its), everything & ~sum({bit for bit, _ in its})) for at, its in sorted(by_column.items())
    )
    return Applying(everything, columns)
