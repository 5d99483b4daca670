"""Service and satisfaction as pictures: each number with its 95 % interval, and of how many it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from regulars.asking.satisfaction import Satisfaction, SatisfactionReport
from regulars.asking.service import Attainment, ServiceLine, ServiceReport
from regulars.pictures.estimates import Estimated, Estimates, Panel
from regulars.pictures.parts import Number, steps_to
from regulars.statistics.estimate import Estimate

_PERCENT = (0, 20, 40, 60, 80, 100)
_TOLD = "A dot is the number, the line through it its 95 % interval; n is of how many it is."


def service(report: ServiceReport) -> Estimates:
    """Attainment by group and in total, and how many tickets are open."""
    lines = (*report.lines, report.total)
    by = f" by {report.by}" if report.by else ""

    def attained(title: str, of: Callable[[ServiceLine], Attainment]) -> Panel:
        rows = [_attainment(_name(line.group, line is report.total), of(line)) for line in lines]
        return Panel(title=title, marks=_PERCENT, rows=rows)

    backlog = [
        Estimated(
            group=_name(line.group, line is report.total),
            value=line.backlog,
            low=None,
            high=None,
            said=f"{line.backlog:,} open, {line.breached:,} late",
        )
        for line in lines
    ]
    most = max(line.backlog for line in lines)
    when = "Open at the end of the month" if report.by == "month" else "Open"
    return Estimates(
        title=f"Service{by}, as of {report.as_of:%Y-%m-%d}",
        told=_TOLD,
        panels=[
            attained("Answered in time, %", lambda line: line.first_response),
            attained("Resolved in time, %", lambda line: line.resolution),
            Panel(title=when, marks=[*steps_to(max(most, 1))], rows=backlog),
        ],
    )


def satisfaction(report: SatisfactionReport) -> Estimates:
    """NPS and CSAT by group, and in total where the groups are of customers."""
    shown: Sequence[Satisfaction] = report.groups if report.by == "agent" else (*report.groups, report.total)
    by = f" by {report.by}" if report.by else ""

    def panel(title: str, marks: Sequence[Number], of: Callable[[Satisfaction], Estimate], scale: int) -> Panel:
        rows = [_estimate(_name(each.group, each is report.total), of(each), scale) for each in shown]
        return Panel(title=title, marks=marks, rows=rows)

    return Estimates(
        title=f"Satisfaction{by}, as of {report.as_of:%Y-%m-%d}",
        told=_TOLD,
        panels=[
            panel("NPS", (-100, -50, 0, 50, 100), lambda each: each.nps, 1),
            panel("CSAT, % satisfied", _PERCENT, lambda each: each.csat, 100),
        ],
    )


def _name(group: str | None, is_total: bool) -> str:
    return "all" if is_total else group or "none"


def _attainment(group: str, each: Attainment) -> Estimated:
    low, high = (each.interval.low, each.interval.high) if each.interval else (None, None)
    return _estimate(group, Estimate(value=each.share, low=low, high=high, n=each.n), 100)


def _estimate(group: str, each: Estimate, scale: int) -> Estimated:
    if each.value is None or each.low is None or each.high is None:
        return Estimated(group=group, value=None, low=None, high=None, said=f"can't tell, n = {each.n:,}")
    value, low, high = (round(scale * number) for number in (each.value, each.low, each.high))
    return Estimated(group=group, value=value, low=low, high=high, said=f"{value} ({low} to {high}), n = {each.n:,}")
