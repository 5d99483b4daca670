"""Who was told apart from whom they look the same as: dismissed suspicions.

What was said of one holds for everybody who is one with them, by merges; and it is said by those whom it was said of.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from msgspec import Struct

from regulars.adapters.log.event_log import Search
from regulars.adapters.store.transaction import Transaction
from regulars.asking.one_customer import read_contacts
from regulars.asking.suspects import Suspect
from regulars.crm_domain.command import CustomerId
from regulars.crm_domain.customer import DismissalUndone, DuplicateDismissed
from regulars.session.session import Session
from regulars.session.traced import traced

Pair = frozenset[str]


@dataclass(frozen=True, slots=True)
class Dismissed:
    """Two customers who were told apart. `said_of` are the ids that this was said of, as they may be merged by now."""

    customers: tuple[Suspect, Suspect]
    said_of: tuple[CustomerId, CustomerId]


class ToldApart(Struct, frozen=True):
    """Pairs of customers, survivors of their families, who were told apart."""

    pairs: frozenset[Pair]

    def largest(self, customer_ids: Sequence[str]) -> list[str]:
        """Of some customers, in order, the most who may all be the same: nobody was told apart from another of them.

        Who is left may be the same as some of these, or as others: that shows when these are merged or told apart.
        """
        if not self.pairs:
            return list(customer_ids)
        groups: list[list[str]] = []
        for each in customer_ids:
            for group in groups:
                if not any(frozenset((each, other)) in self.pairs for other in group):
                    group.append(each)
                    break
            else:
                groups.append([each])
        return max(groups, key=len, default=[])


def may_be_one(told_apart: ToldApart, firms: Collection[str], customer_ids: Iterable[str]) -> list[str]:
    """Of some survivors the most who may all be the same, in order: nobody was told apart from another of them, and a
    person and a firm never are. `firms` are those of them who are firms.
    """
    roots = sorted(set(customer_ids))
    alike = ([each for each in roots if each not in firms], [each for each in roots if each in firms])
    return max(map(told_apart.largest, alike), key=len)


def read_told_apart(tx: Transaction) -> ToldApart:
    """Who was told apart, by the families of now."""
    pairs = _dismissed_pairs(tx)
    families = tx.families({each for pair in pairs for each in pair})
    roots = (frozenset(families.root(each) for each in pair) for pair in pairs)
    return ToldApart(frozenset(pair for pair in roots if len(pair) > 1))


@traced("dismissed duplicates")
def find_dismissed(session: Session) -> tuple[Dismissed, ...]:
    """Everybody who was told apart from another, but for those who were merged with them since or forgotten."""
    with session.store.reading() as tx:
        pairs = _dismissed_pairs(tx)
        remembered = tx.remembered({each for pair in pairs for each in pair})
        families = tx.families(remembered)
        said = [(one, other) for one, other in pairs if {one, other} <= remembered]
        told = [(pair, (families.root(pair[0]), families.root(pair[1]))) for pair in said]
        told = [(pair, roots) for pair, roots in told if roots[0] != roots[1]]
        contacts = read_contacts(tx, {each for _, roots in told for each in roots})
    suspects = {each: Suspect(CustomerId(each), known.ref, known.name) for each, known in contacts.items()}
    return tuple(
        Dismissed(
            customers=(suspects[roots[0]], suspects[roots[1]]), said_of=(CustomerId(pair[0]), CustomerId(pair[1]))
        )
        for pair, roots in told
    )


def _dismissed_pairs(tx: Transaction) -> Iterable[tuple[str, str]]:
    """The pairs that were dismissed last, in order of recording, whatever became of them."""
    found: dict[tuple[str, str], None] = {}
    said = Search(types=frozenset({DuplicateDismissed, DismissalUndone}), oldest_first=True)
    for recorded in tx.log.every(said):
        match recorded.event:
            case DuplicateDismissed(other_id=other_id):
                found[recorded.customer_id, other_id] = None
            case DismissalUndone(other_id=other_id):
                found.pop((recorded.customer_id, other_id), None)
            case _:
                pass
    return found.keys()
