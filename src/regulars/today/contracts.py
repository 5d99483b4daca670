"""What is said of contracts that end, or renew unless notice is given, and how that is settled."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from regulars.adapters.read_models.due.contracts import ending_contracts, renewing_contracts
from regulars.adapters.read_models.due.lines import DueRow, Window
from regulars.adapters.read_models.due.search import DueOf, DueRows
from regulars.crm_domain.contract.renewal import notice_by
from regulars.crm_domain.instant import after_day
from regulars.projections.contracts import CONTRACTS
from regulars.today.kind import Kind, Saying, Snapshot, day_of
from regulars.wording.command_line import do_line


def _find_ending(snapshot: Snapshot) -> DueRows:
    return snapshot.search.selected(ending_contracts(snapshot.search.lines))


def _find_renewing(snapshot: Snapshot) -> DueRows:
    return snapshot.search.selected(
        renewing_contracts(snapshot.search.lines), _notice(snapshot.search.lines.window, snapshot.zone)
    )


def _notice(window: Window, zone: ZoneInfo) -> DueOf:
    """The end of the next day up to which notice can be given, where it lies in the window."""
    today = day_of(window.at + 1, zone)

    def due_of(row: DueRow) -> int | None:
        first, notice_days = day_of(row.due, zone), int(row.word or 0)
        due = after_day(notice_by(first, row.number or 1, notice_days, today), zone)
        return due if window.at < due <= window.until else None

    return due_of


def _say_ending(row: DueRow, saying: Saying) -> tuple[str, str]:
    settle = do_line("RenewContract", contract_id=row.key, until="DAY")
    return f"contract {row.key} ends on {saying.day(row.due)}", settle


def _say_renewing(row: DueRow, saying: Saying) -> tuple[str, str]:
    settle = do_line("EndContract", contract_id=row.key, on="DAY")
    return f"contract {row.key} renews unless notice is given by {saying.day(row.due)}", settle


ENDING = Kind(
    name="contract",
    title="Contracts that end",
    reads=(CONTRACTS.name,),
    find=_find_ending,
    say=_say_ending,
)


NOTICE = Kind(
    name="notice",
    title="Contracts that renew unless notice is given",
    reads=(CONTRACTS.name,),
    find=_find_renewing,
    say=_say_renewing,
)
