"""Who may be the same person: customers who share an e-mail or a phone number, and were neither merged nor told apart.

Of those who share one value, and of whom some were told apart, the most who may all be the same are listed. A person
and a firm may share one.
"""

from __future__ import annotations

from dataclasses import InitVar, dataclass, field
from functools import partial
from typing import Literal

from regulars.adapters.store.transaction import Transaction
from regulars.asking.dismissals import may_be_one, read_told_apart
from regulars.asking.one_customer import read_contacts
from regulars.asking.paging import MAX_PAGE, Following, Paged
from regulars.asking.suspects import Suspect
from regulars.crm_domain.command import CustomerId
from regulars.session.session import Session
from regulars.session.traced import traced

Shared = Literal["email", "phone"]


@dataclass(frozen=True, slots=True)
class Duplicates:
    """Customers who share what `shared` says."""

    shared: Shared
    customers: tuple[Suspect, ...]


@dataclass(frozen=True, slots=True)
class DuplicatesPage(Paged[Duplicates]):
    """Some suspicions, and where to go on: pass `after` to ask for the next page, None where this was the last.

    Iterating a page that `goes_on`, because no `limit` was given, goes through all that follow as well; `len` and
    indexes are about this page alone.
    """

    duplicates: tuple[Duplicates, ...]
    after: str | None
    goes_on: bool = field(init=False)
    following: InitVar[Following | None] = field(kw_only=True)

    def _items(self) -> tuple[Duplicates, ...]:
        return self.duplicates


@traced("duplicates")
def find_duplicates(session: Session, limit: int, goes_on: bool, after: str | None) -> DuplicatesPage:
    """A page of at most `limit` suspicions. Raises ValueError for an `after` that no page gave."""
    following = partial(find_duplicates, session, MAX_PAGE, True) if goes_on else None
    with session.store.reading() as tx:
        return _suspected(tx, limit, after, following)


def require_mark(after: str) -> tuple[str, str]:
    """What was shared, and by which digest, in the last suspicion of a page. Raises ValueError for what isn't that."""
    kind, _, digest = after.partition(":")
    if not (kind and digest):
        raise ValueError(f'"{after}" is not the "after" of a page of duplicates')
    return kind, digest


def _suspected(tx: Transaction, limit: int, after: str | None, following: Following | None) -> DuplicatesPage:
    """At most `limit` suspicions, in an order that says nothing about anyone.

    Raises ValueError for an `after` that no page gave.
    """
    kind, digest = ("", "") if after is None else require_mark(after)
    found: list[tuple[str, str, list[str]]] = []
    last: str | None = None
    told_apart = read_told_apart(tx)
    while len(found) < limit:
        groups = tx.shared_lookups(limit, (kind, digest))
        families = tx.families({each for *_, customer_ids in groups for each in customer_ids})
        firms = tx.firms_among({families.root(each) for *_, customer_ids in groups for each in customer_ids})
        for kind, digest, customer_ids in groups:
            roots = may_be_one(told_apart, firms, map(families.root, customer_ids))
            if len(roots) > 1 and len(found) < limit:
                found.append((kind, digest, roots))
                last = f"{kind}:{digest}"
        if len(groups) < limit:
            break
    contacts = read_contacts(tx, {customer_id for *_, customer_ids in found for customer_id in customer_ids})
    duplicates = tuple(
        Duplicates(
            shared="email" if kind == "email" else "phone",
            customers=tuple(
                Suspect(CustomerId(each), contacts[each].ref, contacts[each].name) for each in customer_ids
            ),
        )
        for kind, _, customer_ids in found
    )
    return DuplicatesPage(duplicates=duplicates, after=last if len(found) == limit else None, following=following)
