"""Why a task is open, snoozed, overdue, done or dropped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regulars.crm_domain.instant import to_datetime
from regulars.crm_domain.task import repeats_in_words
from regulars.projections.tasks.items import OfTask
from regulars.projections.tasks.judge import TaskVerdict, verdict_of
from regulars.projections.verdict import Reason

if TYPE_CHECKING:
    from regulars.projections.rules.compiled import Rules


def explain(standing: None, facts: OfTask, rules: Rules, at: int) -> tuple[Reason, ...]:
    """The clauses by which a task stands where it does at an instant, each with the events behind it."""
    verdict, _ = verdict_of(facts.schedule, rules.zone, at)
    return tuple(_reasons(facts, verdict, rules))


def _reasons(facts: OfTask, verdict: TaskVerdict, rules: Rules) -> list[Reason]:
    schedule = facts.schedule
    if schedule.status != "open":
        settled = () if facts.settled is None else (facts.settled,)
        return [Reason(clause=schedule.status, sentence=f"it is {schedule.status}", positions=settled)]
    is_snoozed = schedule.snoozed_day is not None or schedule.snoozed_at is not None
    said = facts.snoozed if is_snoozed and facts.snoozed is not None else facts.added
    found = [Reason(clause="due", sentence=_due(verdict, rules, is_snoozed=is_snoozed), positions=(said,))]
    if schedule.repeats is not None:
        behind = (facts.added,) if facts.settled is None else (facts.added, facts.settled)
        sentence = f"it repeats, {repeats_in_words(schedule.repeats)}; the open one is that of {verdict.falls_on}"
        found.append(Reason(clause="repeats", sentence=sentence, positions=behind))
    return found


def _due(verdict: TaskVerdict, rules: Rules, *, is_snoozed: bool) -> str:
    if verdict.due_at is None:
        return "it is due on no day"
    when = f"on {verdict.due_day}"
    if verdict.due_day is None:
        when = f"at {to_datetime(verdict.due_at).astimezone(rules.zone):%Y-%m-%d %H:%M}"
    over = ", which is over" if verdict.value == "overdue" else ""
    return f"it was snoozed, and is due {when}{over}" if is_snoozed else f"it is due {when}{over}"
