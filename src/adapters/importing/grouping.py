"""Rows of one order, one after the other in the file, taken together as one record.

Shops that export a row for each line of an order leave the other cells of its later rows blank, or repeat them. So a
record's cell is the first that is filled, and only its lines are read from each row.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from msgspec.structs import replace

from regulars.adapters.importing.record import Record
from regulars.adapters.importing.unusable import Unusable
from regulars.crm_domain.explain_invalid import shown

MAX_ROWS = 1_000


class Group(list[str]):
    """The cells of a record, each the first filled one of its `rows`."""

    def __init__(self, rows: Sequence[list[str]], alike: Sequence[tuple[int, str]]) -> None:
        """`alike` are the places and names of columns whose filled cells must all be equal. Raises Unusable."""
        super().__init__(next(filter(None, column), column[0]) for column in zip(*rows, strict=True))
        self.rows = rows
        for at, name in alike:
            other = next((row[at] for row in rows if row[at] and row[at] != self[at]), None)
            if other is not None:
                raise Unusable(f'the rows differ in column "{name}": {shown(self[at])} and {shown(other)}')


def grouped(records: Iterable[Record], key: Sequence[int], width: int) -> Iterator[Record]:
    """The records, those with equal and filled cells at `key` as one, with the fields of the later ones in `more`."""
    group: list[Record] = []
    for record in records:
        if group and _key(group[0], key, width) == _key(record, key, width) is not None:
            if len(group) <= MAX_ROWS:
                group.append(record)
            continue
        if group:
            yield _joined(group)
        group = [record]
    if group:
        yield _joined(group)


def _key(record: Record, key: Sequence[int], width: int) -> list[str] | None:
    """What tells the record's group; None where it is one by itself."""
    if record.problem is not None or len(record.fields) < width:
        return None
    found = [record.fields[at] for at in key]
    return found if all(found) else None


def _joined(group: list[Record]) -> Record:
    first, *more = group
    if not more:
        return first
    if len(group) > MAX_ROWS:
        return replace(first, problem=f"more than {MAX_ROWS:,} rows belong together")
    text = "\n".join(record.text for record in group)
    content = [field for record in group for field in record.content]
    return replace(first, text=text, content=content, more=tuple(record.fields for record in more))
