"""The index of consents given and withdrawn, by channel and purpose, in the order of a page of contactable customers.

Rows follow from the log, and are written in the transaction that appends the event. They hold nothing personal.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.engine import Connection

from regulars.adapters.indexes.index import Added, Change, Digest, Entries, Index, side_by_side
from regulars.adapters.indexes.links import read_families
from regulars.adapters.log.codec import CODECS, codec_of, tags_of
from regulars.adapters.schema.tables import Schema
from regulars.adapters.sql.chunks import chunks
from regulars.adapters.sql.columns import BigNumber
from regulars.adapters.sql.statement import Among
from regulars.adapters.sql.table_names import ours
from regulars.adapters.sql.without_index import without_index
from regulars.crm_domain.customer import ConsentGiven, ConsentWithdrawn
from regulars.crm_domain.event import Event, Recorded
from regulars.crm_domain.instant import FOREVER
from regulars.projections.consent import ACCOUNTS, WORDS, Contactability, Said, contactability

MOST_WORDS = 2_000  # that a page reads at once where few of those who said something agree

ACCOUNT_TYPES = tags_of(ACCOUNTS, CODECS)


def _changes(recorded: Recorded[Event], _digest: Digest) -> Iterator[Change]:
    match recorded.event:
        case ConsentGiven() | ConsentWithdrawn() as word:
            yield Added(
                {
                    "channel": word.channel,
                    "purpose": word.purpose,
                    "occurred_at": recorded.occurred_at,
                    "position": recorded.position,
                    "given": int(isinstance(word, ConsentGiven)),
                }
            )
        case _:
            pass


def _faults(entries: Entries) -> Iterator[str]:
    for stored, expected in side_by_side(entries.extra, entries.missing, _POSITION):
        if expected is None:
            assert stored is not None
            yield f"has a consent of #{stored[_POSITION]}, which is no such event"
        elif stored is None:
            yield f"lacks the consent of event #{expected[_POSITION]}"
        else:
            yield f"has a consent that differs from event #{expected[_POSITION]}"


_POSITION = 4  # the place of a row's column

CONSENTS = Index(
    name="consent",
    table=ours("consents"),
    handles=WORDS,
    changes=_changes,
    faults=_faults,
)


class ConsentQuery(Struct, frozen=True, kw_only=True):
    """Which consent is asked about: as of an instant, from what was recorded up to a position."""

    channel: str
    purpose: str
    at: int = FOREVER
    until: int = FOREVER


class Contactable(Struct, frozen=True, kw_only=True):
    """A customer who may be contacted, by the survivor's id.

    `said_at` is the instant of the consent that counts, `mark` the `after` of the next page if this is the last one.
    """

    customer_id: str
    said_at: int
    mark: str


def find_contactable(
    connection: Connection, schema: Schema, links: Among, query: ConsentQuery, limit: int, after: str | None
) -> list[Contactable]:
    """At most `limit` customers who may be contacted, in an order that reveals nothing about them."""
    found: list[Contactable] = []
    size = limit
    while len(found) < limit:
        words = _last_words(connection, schema, query, schema.consents.c.customer_id > (after or ""), size)
        given = {each: word for each, word in words.items() if _is_given(word)}
        found += _contactable(connection, schema, links, query, given)
        if len(words) < size:
            break
        after, size = max(words), min(size * 2, MOST_WORDS)
    return found[:limit]


def _contactable(
    connection: Connection, schema: Schema, links: Among, query: ConsentQuery, given: Mapping[str, int]
) -> Iterator[Contactable]:
    """The contactable customers among some identities whose own last consent is given."""
    families = read_families(connection, links, given, query.until)
    members = {each: families.members(each) for each in given}
    everyone = {each for family in members.values() for each in family}
    words = {**given, **_words_of(connection, schema, query, everyone - given.keys())}
    accounts = _accounts(connection, schema, query, everyone)
    for customer_id, family in members.items():
        known = {each: words[each] for each in family if each in words}
        last = max(known.values())
        # A family is found at the first of its identities that gave consent, or it would come once for each.
        comes_here = customer_id == min(each for each, word in known.items() if _is_given(word))
        said = [each for member in family for each in accounts.get(member, ())]
        if comes_here and _is_given(last) and contactability(said, query.at) == "open":
            yield Contactable(customer_id=family[0], said_at=last // 2, mark=customer_id)


class ContactStanding(Struct, frozen=True):
    """Whether a family can be contacted at all, and whether it agreed to be."""

    contactable: Contactability
    consents: bool


def contact_standings(
    connection: Connection, schema: Schema, query: ConsentQuery, families: Iterable[tuple[str, ...]]
) -> dict[tuple[str, ...], ContactStanding]:
    """How some families stand, each given by all of its identities."""
    families = list(families)
    everyone = {each for family in families for each in family}
    words, accounts = _words_of(connection, schema, query, everyone), _accounts(connection, schema, query, everyone)
    return {
        family: ContactStanding(
            contactability((said for member in family for said in accounts.get(member, ())), query.at),
            _is_given(max((words[each] for each in family if each in words), default=_NO_WORD)),
        )
        for family in families
    }


def _words_of(
    connection: Connection, schema: Schema, query: ConsentQuery, customer_ids: Iterable[str]
) -> dict[str, int]:
    found: dict[str, int] = {}
    for chunk in chunks(customer_ids):
        found |= _last_words(connection, schema, query, schema.consents.c.customer_id.in_(chunk))
    return found


def _last_words(
    connection: Connection,
    schema: Schema,
    query: ConsentQuery,
    whose: sa.ColumnElement[bool],
    limit: int | None = None,
) -> dict[str, int]:
    """The consent or withdrawal that counts of each identity: twice its instant, and one more for a withdrawal; the
    greatest counts.

    The caller checks which of the two it is: PostgreSQL would aggregate all rows for one page.
    """
    consents = schema.consents
    word = consents.c.occurred_at * 2 + 1 - consents.c.given
    last = sa.func.max(sa.type_coerce(word, BigNumber("consents.occurred_at")))
    statement = (
        sa.select(consents.c.customer_id, last)
        .where(consents.c.channel == query.channel, consents.c.purpose == query.purpose, whose)
        .where(consents.c.occurred_at <= query.at, consents.c.position <= query.until)
        .group_by(consents.c.customer_id)
        .order_by(consents.c.customer_id)
        .limit(limit)
    )
    return dict(connection.execute(statement).all())


#: Where nothing was said, there is no consent.
_NO_WORD = 1


def _is_given(word: int) -> bool:
    return word % 2 == 0


def _accounts(
    connection: Connection, schema: Schema, query: ConsentQuery, customer_ids: Iterable[str]
) -> dict[str, list[Said]]:
    """The account events of some identities, as far as they were known; an erasure counts whenever it was recorded."""
    events, accounts = schema.events, dict[str, list[Said]]()
    columns = (events.c.customer_id, events.c.occurred_at, events.c.position, events.c.type, events.c.payload)
    of_account = without_index(connection.dialect, events.c.type).in_(ACCOUNT_TYPES)
    for chunk in chunks(customer_ids):
        for row in connection.execute(sa.select(*columns).where(events.c.stream_id.in_(chunk), of_account)):
            said = Said(row.customer_id, codec_of(row.type, CODECS).decode(row.payload), row.occurred_at, row.position)
            if said.was_known(query.until):
                accounts.setdefault(row.customer_id, []).append(said)
    return accounts
