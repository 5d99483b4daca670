"""Contracts that end, and those that renew by themselves unless notice is given."""

from __future__ import annotations

import sqlalchemy as sa

from regulars.adapters.read_models.due.lines import Lines, coming, line
from regulars.projections.contracts import CONTRACTS

_IN_FORCE, _ENDED = ({"value": ("active", "upcoming")},), ({"value": ("ended",)},)


def ending_contracts(lines: Lines) -> sa.SelectBase:
    """Contracts that end by time alone."""
    found = coming(lines, CONTRACTS.name, _ENDED, among=_IN_FORCE)
    contract = lines.table(CONTRACTS.name, "contract")
    same = sa.and_(contract.c.customer == found.c.customer, contract.c.contract_id == found.c.key, lines.now(contract))
    told = line(found.c.customer, found.c.key, found.c.due, stake=contract.c.amount)
    return sa.select(*told).select_from(found.join(contract, same))


def renewing_contracts(lines: Lines) -> sa.SelectBase:
    """All that renew, with the end of the first term, the months of the others, and the days of notice."""
    contract = lines.table(CONTRACTS.name, "contract")
    told = line(
        contract.c.customer,
        contract.c.contract_id,
        contract.c.first_term_ends_at,
        stake=contract.c.amount,
        word=sa.cast(sa.func.coalesce(contract.c.notice_days, 0), sa.Text),
        number=contract.c.renewal_months,
    )
    renews = (contract.c.renewal_months.is_not(None), contract.c.value != "ended", lines.now(contract))
    return sa.select(*told).where(*renews)
