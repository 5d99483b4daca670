"""Contracts that end, and those that renew by themselves unless notice is given."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import sqlalchemy as sa

from regulars.adapters.read_models.due_lines import DueOf, DueRow, DueRows, Lines, Window, coming, line
from regulars.crm_domain.contract.renewal import notice_by
from regulars.crm_domain.instant import after_day
from regulars.projections.contracts import CONTRACTS
from regulars.today.kind import Kind, Saying, Snapshot, day_of

_IN_FORCE, _ENDED = ({"value": ("active", "upcoming")},), ({"value": ("ended",)},)


def _find_ending(snapshot: Snapshot) -> DueRows:
    return snapshot.selected(_ending(snapshot.lines), None)


def _ending(lines: Lines) -> sa.SelectBase:
    found = coming(lines, CONTRACTS.name, _ENDED, among=_IN_FORCE)
    contract = lines.table(CONTRACTS.name, "contract")
    same = sa.and_(contract.c.customer == found.c.customer, contract.c.contract_id == found.c.key, lines.now(contract))
    told = line(found.c.customer, found.c.key, found.c.due, stake=contract.c.amount)
    return sa.select(*told).select_from(found.join(contract, same))


def _find_renewing(snapshot: Snapshot) -> DueRows:
    return snapshot.selected(_renewing(snapshot.lines), _notice(snapshot.lines.window, snapshot.zone))


def _renewing(lines: Lines) -> sa.SelectBase:
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


def _notice(window: Window, zone: ZoneInfo) -> DueOf:
    """The end of the next day up to which notice can be given, where it lies in the window."""
    today = day_of(window.at + 1, zone)

    def due_of(row: DueRow) -> int | None:
        first, notice_days = day_of(row.due, zone), int(row.word or 0)
        due = after_day(notice_by(first, row.number or 1, notice_days, today), zone)
        return due if window.at < due <= window.until else None

    return due_of


def _say_ending(row: DueRow, saying: Saying) -> tuple[str, str]:
    settle = saying.do("RenewContract", contract_id=row.key, until="DAY")
    return f"contract {row.key} ends on {saying.day(row.due)}", settle


def _say_renewing(row: DueRow, saying: Saying) -> tuple[str, str]:
    settle = saying.do("EndContract", contract_id=row.key, on="DAY")
    return f"contract {row.key} renews unless notice is given by {saying.day(row.due)}", settle


ENDING = Kind(
    name="contract",
    title="Contracts that end",
    listed_by="regulars contracts --ending-within {days}d",
    reads=(CONTRACTS.name,),
    find=_find_ending,
    say=_say_ending,
)

NOTICE = Kind(
    name="notice",
    title="Contracts that renew unless notice is given",
    listed_by="regulars contracts --ending-within {days}d",
    reads=(CONTRACTS.name,),
    find=_find_renewing,
    say=_say_renewing,
)
