"""Whose a row is, where a mapping matches customers by their contacts: a new reference is merged into who has them.

The reference is registered as an identity of its own, so that a match which was none can be undone.
"""

from __future__ import annotations

from msgspec.structs import replace

from regulars.adapters.importing import Row
from regulars.adapters.store.transaction import Transaction
from regulars.crm_domain.command import CustomerId
from regulars.crm_domain.customer import FIRM, MergeCustomers, RegisterCustomer
from regulars.doing.execution import Execution


class Matching:
    """Matches the rows of one transaction, those of customers included whom it registers itself."""

    def __init__(self, tx: Transaction, execution: Execution) -> None:
        self._tx = tx
        self._execution = execution
        self._met: dict[tuple[str, str, str], str] = {}

    def matched(self, row: Row) -> Row:
        """The row, with a merge behind the registration of a new reference whose contact one known customer has."""
        if not row.match or not row.commands:
            return row
        new = row.commands[0]
        if not isinstance(new, RegisterCustomer) or new.ref is None or self._execution.knows(new.ref):
            return row
        into = next(filter(None, (self._holder(new, *contact) for contact in _contacts(row, new))), None)
        if into is None:
            return row
        commands = (new, MergeCustomers(customer=new.ref, into=into), *row.commands[1:])
        later = {name: frozenset(place + 1 for place in getattr(row, name)) for name in ("if_possible", "only_changes")}
        return replace(row, commands=commands, **later)

    def note(self, row: Row) -> None:
        """Remember whom a row that was taken registered."""
        if row.match and row.commands and isinstance(new := row.commands[0], RegisterCustomer) and new.ref is not None:
            for kind, value in _contacts(row, new):
                self._met.setdefault((new.kind, kind, self._tx.digest(kind, value)), new.ref)

    def _holder(self, new: RegisterCustomer, kind: str, value: str) -> CustomerId | str | None:
        """Who has this contact, if it is one customer: one person of a person's, one firm of a firm's."""
        found = self._tx.find(kind, [value]).get(value, [])
        families = self._tx.families(found)
        roots = {families.root(customer_id) for customer_id in found}
        firms = self._tx.firms_among(roots)
        roots = roots & firms if new.kind == FIRM else roots - firms
        if len(roots) > 1:
            return None
        return CustomerId(roots.pop()) if roots else self._met.get((new.kind, kind, self._tx.digest(kind, value)))


def _contacts(row: Row, new: RegisterCustomer) -> list[tuple[str, str]]:
    return [(kind, value) for kind in row.match if (value := getattr(new, kind))]
