"""The index of look-ups: keyed hashes of customers' references, e-mails and phone numbers.

Several customers may share an e-mail or phone number; a reference is unique.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from regulars.adapters.indexes.index import Added, Change, Digest, Entries, Index, Removed, Row
from regulars.adapters.sql.table_names import ours
from regulars.crm_domain.customer import ContactDetailsChanged, CustomerRegistered, PersonalDataErased
from regulars.crm_domain.event import Event, Recorded

LOOKUP_KINDS = ("ref", "email", "phone")

_WORDS = {"ref": "reference", "email": "e-mail", "phone": "phone number"}


def _changes(recorded: Recorded[Event], digest: Digest) -> Iterator[Change]:
    match recorded.event:
        case CustomerRegistered() as event:
            yield from _added(event, LOOKUP_KINDS, digest)
        case ContactDetailsChanged() as event:
            kinds = [kind for kind in LOOKUP_KINDS if kind in event.changed]
            yield from (Removed({"kind": kind}) for kind in kinds)
            yield from _added(event, kinds, digest)
        case PersonalDataErased():
            yield Removed({})
        case _:
            pass


def _added(event: CustomerRegistered | ContactDetailsChanged, kinds: Iterable[str], digest: Digest) -> Iterator[Change]:
    for kind in kinds:
        value: str | None = getattr(event, kind)
        if value is not None:
            yield Added({"kind": kind, "digest": digest(kind, value)})


def _faults(entries: Entries) -> Iterator[str]:
    if not entries.told:
        yield "no customer was registered with this id"
        return
    is_forgotten = any(isinstance(each.event, PersonalDataErased) for each in entries.told)
    expected, stored = _by_kind(entries.expected), _by_kind(entries.stored)
    for kind in sorted(expected.keys() | stored.keys(), key=str):
        if expected.get(kind) != stored.get(kind):
            word = _WORDS.get(kind, kind)
            if is_forgotten:
                yield f"was forgotten, and still has a look-up by {word}"
            elif kind not in stored:
                yield f"isn't found by the {word} that was recorded"
            elif kind not in expected:
                yield f"has a look-up by {word}, and none was recorded"
            else:
                yield f"is found by another {word} than the one that was recorded"


def _by_kind(rows: Iterable[Row]) -> dict[str, set[Row]]:
    found: dict[str, set[Row]] = {}
    for row in rows:
        found.setdefault(row[0], set()).add(row)
    return found


LOOK_UPS = Index(
    name="look-up",
    table=ours("lookups"),
    handles=frozenset({CustomerRegistered, ContactDetailsChanged, PersonalDataErased}),
    changes=_changes,
    faults=_faults,
    is_keyed=True,
)
