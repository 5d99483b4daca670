"""Whose a row is, where a mapping matches customers by their contacts: a new reference is merged into who has them.

Who has them is asked of what is stored and of what the transaction decided, so where it began decides nothing.

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
        self._met: dict[tuple[str, str], set[str]] = {}

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
        """Remember whose contact a row that was taken told."""
        if row.match and row.commands and isinstance(new := row.commands[0], RegisterCustomer) and new.ref is not None:
            for kind, value in _contacts(row, new):
                self._met.setdefault((kind, self._tx.digest(kind, value)), set()).add(new.ref)

    def _holder(self, new: RegisterCustomer, kind: str, value: str) -> CustomerId | None:
        """Who has this contact by now, if it is one customer: one person of a person's, one firm of a firm's."""
        digest = self._tx.digest(kind, value)
        met = filter(None, map(self._execution.id_of, self._met.get((kind, digest), ())))
        had = {*self._tx.find(kind, [value]).get(value, ()), *met}
        told = ((customer_id, getattr(self._execution.customer(customer_id), kind)) for customer_id in had)
        holders = (customer_id for customer_id, has in told if has is not None and self._tx.digest(kind, has) == digest)
        roots = {self._execution.root_of(customer_id) for customer_id in holders}
        alike = [each for each in roots if (self._execution.customer(each).kind == FIRM) == (new.kind == FIRM)]
        return CustomerId(alike[0]) if len(alike) == 1 else None


def _contacts(row: Row, new: RegisterCustomer) -> list[tuple[str, str]]:
    return [(kind, value) for kind in row.match if (value := getattr(new, kind))]
