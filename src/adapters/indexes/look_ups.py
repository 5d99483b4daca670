"""The index of look-ups: keyed hashes of customers' references, e-mails, phone numbers, days of the year on which
their birthdays return, and the coupon codes that they were issued.

1. Several customers may share an e-mail, a phone number or a birthday; a reference is unique.
2. A value holds from `since` until the customer has another of its kind, or none, whose row has an empty digest; the
   latest is the one that counts. So the order of telling decides nothing.
3. Former values stay until the customer is forgotten.
4. A customer may have many coupon codes; all of them hold from the beginning.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from regulars.adapters.indexes.index import Added, Change, Digest, Entries, Index, Removed, Row
from regulars.adapters.sql.chunks import chunks
from regulars.adapters.sql.table_names import ours
from regulars.adapters.sql.without_index import without_index
from regulars.crm_domain.customer import ContactDetailsChanged, CustomerRegistered, PersonalDataErased
from regulars.crm_domain.event import Event, Recorded
from regulars.crm_domain.instant import FOREVER
from regulars.crm_domain.issued_coupon import CouponIssued

#: What a customer has one of.
LOOKUP_KINDS = ("ref", "email", "phone", "birthday")
#: What one may have many of.
COUPON_CODE = "coupon"

#: What a customer is registered with counts until something else is told, whenever that was.
FROM_THE_BEGINNING = -FOREVER
CLEARED = ""

_WORDS = {
    "ref": "reference",
    "email": "e-mail",
    "phone": "phone number",
    "birthday": "birthday",
    COUPON_CODE: "coupon code",
}


def _changes(recorded: Recorded[Event], digest: Digest) -> Iterator[Change]:
    match recorded.event:
        case CustomerRegistered() as event:
            given: dict[str, str | None] = {
                kind: getattr(event, kind) for kind in LOOKUP_KINDS if getattr(event, kind) is not None
            }
            yield from _added(given, FROM_THE_BEGINNING, digest)
        case ContactDetailsChanged() as event:
            changed: dict[str, str | None] = {
                kind: getattr(event, kind) for kind in LOOKUP_KINDS if kind in event.changed
            }
            for added in _added(changed, recorded.occurred_at, digest):
                yield Removed(added.values)  # two events of one instant may say the same of a field
                yield added
        case CouponIssued(code=str(code)):
            yield from _added({COUPON_CODE: code}, FROM_THE_BEGINNING, digest)
        case PersonalDataErased():
            yield Removed({})
        case _:
            pass


def _added(values: Mapping[str, str | None], since: int, digest: Digest) -> Iterator[Added]:
    for kind, value in values.items():
        yield Added({"kind": kind, "digest": CLEARED if value is None else digest(kind, value), "since": since})


def is_present(dialect: sa.Dialect, lookups: sa.Table) -> sa.ColumnElement[bool]:
    """Whether a look-up is the customer's latest one of its kind, and no clearing."""
    later, empty = lookups.alias("later"), sa.literal_column("''", sa.Text)
    is_former = sa.exists().where(
        later.c.customer_id == lookups.c.customer_id,
        # A customer has few look-ups, and a kind has everybody's.
        without_index(dialect, later.c.kind) == lookups.c.kind,
        later.c.since > lookups.c.since,
    )
    return sa.and_(lookups.c.digest != empty, ~is_former)


class Had(NamedTuple):
    """What a customer had of a kind since an instant: its digest, an empty one for nothing any more."""

    since: int
    digest: str


def all_had(
    connection: Connection, lookups: sa.Table, kind: str, customer_ids: Iterable[str], at: int
) -> dict[str, list[Had]]:
    """What some customers had of a kind up to an instant, such as their e-mails, the first one first; who never had one
    is left out.
    """
    columns = (lookups.c.customer_id, lookups.c.since, lookups.c.digest)
    of_kind = sa.and_(without_index(connection.dialect, lookups.c.kind) == kind, lookups.c.since <= at)
    found: dict[str, list[Had]] = {}
    for chunk in chunks(customer_ids):
        statement = sa.select(*columns).where(lookups.c.customer_id.in_(chunk), of_kind)
        for customer_id, since, digest in connection.execute(statement):
            found.setdefault(customer_id, []).append(Had(since, digest))
    return {customer_id: sorted(had) for customer_id, had in found.items()}


def had_at(had: Sequence[Had], at: int) -> str | None:
    """The digest of what somebody had at an instant; None where they had nothing then."""
    latest = next((each.digest for each in reversed(had) if each.since <= at), CLEARED)
    return None if latest == CLEARED else latest


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
    handles=frozenset({CustomerRegistered, ContactDetailsChanged, CouponIssued, PersonalDataErased}),
    changes=_changes,
    faults=_faults,
    is_keyed=True,
)
