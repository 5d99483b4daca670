"""The index of links between merged customers, each of which holds from one position of the log to another.

Rows follow from the log. A merge moves no event of a customer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.engine import Connection

from regulars.adapters.indexes.index import Added, Change, Changed, Digest, Entries, Index, side_by_side
from regulars.adapters.sql.damage import Damaged
from regulars.adapters.sql.statement import Among, Statement
from regulars.adapters.sql.table_names import ours
from regulars.crm_domain.customer import CustomerMerged, MergeUndone
from regulars.crm_domain.event import Event, Recorded

_CURE = "`regulars rebuild` writes them again from the log"


class Families(Struct, frozen=True):
    """The families of merged customers. `roots` has the root of each merged one, `others` the merged ones of each
    root.
    """

    roots: dict[str, str]
    others: dict[str, list[str]]

    def root(self, customer_id: str) -> str:
        """The root of a customer's family, who owns the whole history; without merges, the customer."""
        return self.roots.get(customer_id, customer_id)

    def members(self, customer_id: str) -> tuple[str, ...]:
        """A customer's family: the root, and then the others in order of their ids."""
        root = self.root(customer_id)
        return (root, *self.others.get(root, ()))


def families_of(into: Mapping[str, str]) -> Families:
    """The families that follow from links, where `into[a]` is the customer that `a` was merged into.

    Raises Damaged for circular links, which no merge makes.
    """
    roots: dict[str, str] = {}
    others: dict[str, list[str]] = {}
    for customer_id in sorted(into):
        root, steps = into[customer_id], 0
        while root in into:
            root, steps = into[root], steps + 1
            if steps > len(into):
                raise Damaged(f"the links of id:{customer_id} are circular; {_CURE}")
        roots[customer_id] = root
        others.setdefault(root, []).append(customer_id)
    return Families(roots, others)


def _changes(recorded: Recorded[Event], _digest: Digest) -> Iterator[Change]:
    match recorded.event:
        case CustomerMerged(into_id=into_id):
            yield Added({"merged_at": recorded.position, "undone_at": None, "into_id": into_id})
        case MergeUndone():
            yield Changed({"undone_at": None}, {"undone_at": recorded.position})
        case _:
            pass


def _faults(entries: Entries) -> Iterator[str]:
    for stored, expected in side_by_side(entries.extra, entries.missing, _MERGED_AT):
        if expected is None:
            assert stored is not None
            yield f"has a link from #{stored[_MERGED_AT]}, and was merged by no such event"
        elif stored is None:
            yield f"has no link, and was merged by event #{expected[_MERGED_AT]} into id:{expected[_INTO]}"
        else:
            yield f"has another link than event #{expected[_MERGED_AT]} made, or its undoing left"


_MERGED_AT, _INTO = 1, 3  # the places of a row's columns

LINKS = Index(
    name="link",
    table=ours("links"),
    handles=frozenset({CustomerMerged, MergeUndone}),
    changes=_changes,
    faults=_faults,
    decides_folds=True,
)


def link_columns(links: sa.Table) -> tuple[sa.Column[Any], ...]:
    """The columns of a link: who was merged, into whom, and from which position up to which."""
    return links.c.customer_id, links.c.into_id, links.c.merged_at, links.c.undone_at


def read_links(
    connection: Connection, links: Among, customer_ids: Iterable[str], until: int | None = None
) -> dict[str, str]:
    """The links of some customers' families, as of a position or as of now.

    `links` selects the `link_columns` of every link that touches some customers.
    """
    return dict(_connected(connection, links, customer_ids, lambda made, undone: _holds(made, undone, until)))


def read_families(
    connection: Connection, links: Among, customer_ids: Iterable[str], until: int | None = None
) -> Families:
    """The families of some customers, as of a position or as of now."""
    return families_of(read_links(connection, links, customer_ids, until))


def ever_linked(connection: Connection, links: Among, customer_id: str) -> tuple[str, ...]:
    """All customers who are or were merged with one, that one first."""
    linked = {
        each for pair in _connected(connection, links, [customer_id], lambda _made, _undone: True) for each in pair
    }
    return (customer_id, *sorted(linked - {customer_id}))


def _connected(
    connection: Connection, links: Among, customer_ids: Iterable[str], counts: Callable[[int, int | None], bool]
) -> set[tuple[str, str]]:
    pairs: set[tuple[str, str]] = set()
    seen: set[str] = set()
    frontier = set(customer_ids)
    while frontier:
        seen |= frontier
        found = links.all(connection, frontier)
        pairs |= {(away, survivor) for away, survivor, made, undone in found if counts(made, undone)}
        frontier = {each for pair in pairs for each in pair} - seen
    return pairs


def is_relinked(connection: Connection, links: sa.Table, customer_ids: Iterable[str], after: int) -> bool:
    """Whether a link of any of some customers was made or undone after a position."""
    theirs = tuple(customer_ids)
    touches = sa.or_(links.c.customer_id.in_(theirs), links.c.into_id.in_(theirs))
    later = sa.or_(links.c.merged_at > after, links.c.undone_at > after)
    return connection.execute(sa.select(links.c.customer_id).where(touches, later).limit(1)).first() is not None


def changed_links(links: sa.Table) -> sa.Select[tuple[str, str]]:
    """Select the customers on both sides of every link that was made or undone at positions in (after, until]."""
    after, until = sa.bindparam("after", type_=sa.BigInteger), sa.bindparam("until", type_=sa.BigInteger)
    among = (sa.and_(position > after, position <= until) for position in (links.c.merged_at, links.c.undone_at))
    return sa.select(links.c.customer_id, links.c.into_id).where(sa.or_(*among))


def links_changed(connection: Connection, statement: Statement, after: int, until: int) -> set[str]:
    """The customers whom a `statement` of `changed_links` finds."""
    return {customer_id for row in statement.all(connection, after=after, until=until) for customer_id in row}


def read_all_families(connection: Connection, links: sa.Table, until: int) -> Families:
    """All families as of a position."""
    rows = connection.execute(sa.select(*link_columns(links)))
    return families_of({away: survivor for away, survivor, made, undone in rows if _holds(made, undone, until)})


def _holds(made: int, undone: int | None, until: int | None) -> bool:
    """Whether a link that was made and undone at some positions holds as of another, or as of now."""
    if until is None:
        return undone is None
    return made <= until and (undone is None or undone > until)
