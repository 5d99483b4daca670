"""What is said of points that expire soon, and how they are spent."""

from __future__ import annotations

from regulars.adapters.read_models.due.lines import DueRow
from regulars.adapters.read_models.due.points import expiring_points
from regulars.adapters.read_models.due.search import DueRows
from regulars.projections.points.projector import POINTS
from regulars.projections.verdict import plural
from regulars.today.kind import Kind, Saying, Snapshot
from regulars.wording.command_line import do_line


def _find(snapshot: Snapshot) -> DueRows:
    return snapshot.search.selected(expiring_points(snapshot.search.lines))


def _say(row: DueRow, saying: Saying) -> tuple[str, str]:
    count = row.number or 0
    settle = do_line("RedeemPoints", customer=saying.who, points=str(count), redemption_id="ID")
    return f"{plural(count, 'point')} expire{'s' if count == 1 else ''}, the first on {saying.day(row.due)}", settle


EXPIRING = Kind(
    name="points",
    title="Points that expire soon",
    reads=(POINTS.name,),
    find=_find,
    say=_say,
)
