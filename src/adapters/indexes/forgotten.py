"""The index of forgotten customers, so that lists can leave them out without reading events.

A row says which event forgot which customer. It holds nothing personal.
"""

from __future__ import annotations

from collections.abc import Iterator

from regulars.adapters.indexes.index import Added, Change, Digest, Entries, Index, side_by_side
from regulars.adapters.sql.table_names import ours
from regulars.crm_domain.customer import PersonalDataErased
from regulars.crm_domain.event import Event, Recorded

_POSITION = 1  # the place of a row's column


def _changes(recorded: Recorded[Event], _digest: Digest) -> Iterator[Change]:
    if isinstance(recorded.event, PersonalDataErased):
        yield Added({"position": recorded.position})


def _faults(entries: Entries) -> Iterator[str]:
    for stored, expected in side_by_side(entries.extra, entries.missing, _POSITION):
        if expected is None:
            assert stored is not None
            yield f"counts as forgotten by #{stored[_POSITION]}, which is no such event"
        else:
            yield f"doesn't count as forgotten, and was by event #{expected[_POSITION]}"


FORGOTTEN = Index(
    name="forgotten",
    table=ours("forgotten"),
    handles=frozenset({PersonalDataErased}),
    changes=_changes,
    faults=_faults,
)
