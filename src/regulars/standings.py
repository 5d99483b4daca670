"""Customers folded from the log for a list, where what is stored of them doesn't answer it.

1. What is stored of a customer knows what happened later. Who becomes something by themselves, as of a day after which
   more has happened, is folded afresh as of that day.
2. What is stored may not know yet what this very process wrote. Whom it wrote of is folded with all that is recorded.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from adapters.histories import History, read_history
from adapters.read_models import RISK, STAGE, TIER, Filters, ReadModels, Standing
from adapters.store import Store
from adapters.transaction import Transaction
from projections.compiled import Rules
from projections.fold import Interval, fold_until, verdict_at

MAX_REFOLDED = 5_000


class Question(Struct, frozen=True, kw_only=True):
    """Which customers are wanted as of an instant, by which rules; the rest is as ReadModels.page has it."""

    filters: Filters
    rules: Rules
    at: int
    not_before_last_event: bool
    by_risk: bool


def families_written(tx: Transaction, customer_ids: Iterable[str], checkpoint: int) -> tuple[tuple[str, ...], ...]:
    """The members of each family of whom something was written after a checkpoint.

    Who was one with them at the checkpoint, and isn't any more, is a family of their own.
    """
    before = tx.families(customer_ids, checkpoint)
    touched = {each for customer_id in customer_ids for each in before.members(customer_id)}.union(customer_ids)
    now = tx.families(touched)
    return tuple(now.members(root) for root in sorted({now.root(each) for each in touched}))


def foresee(store: Store, models: ReadModels, tx: Transaction, question: Question) -> list[Standing]:
    """Those of the customers changed since an instant who, had nothing happened, would have become what is asked.

    Raises ValueError where more than 5,000 customers have changed since.
    """
    changed = models.changed_after(tx.connection, question.at, MAX_REFOLDED + 1)
    if len(changed) > MAX_REFOLDED:
        raise ValueError(
            f"more happened with over {MAX_REFOLDED:,} customers since; ask who becomes something as of a later day"
        )
    checkpoint = models.checkpoint(tx.connection)
    changed = [each for each in changed if each not in question.filters.beside]
    families = tx.families(changed, checkpoint)
    histories = (
        read_history(store, tx.connection, families.members(customer_id), question.rules, checkpoint)
        for customer_id in changed
    )
    return standings_of(histories, question)


def standings_of(histories: Iterable[History], question: Question) -> list[Standing]:
    """Those of some customers whom a question is about."""
    return [each for history in histories if (each := _standing(history, question)) is not None]


def _standing(history: History, question: Question) -> Standing | None:
    folded, timelines, at, filters = history.folded, history.timelines, question.at, question.filters
    if question.not_before_last_event:
        at = max(at, folded.last_at or 0)
    if filters.becoming is not None:
        folded, timelines = fold_until(history.happened, question.rules, at)
    held = {name: verdict_at(timelines[name], at) for name in (STAGE, TIER, RISK)}
    stage, tier, risk = held[STAGE], held[TIER], held[RISK]
    wanted = all((verdict := held[each]) and verdict.verdict.value == value for each, value in filters.values)
    if stage is None or tier is None or risk is None or not wanted:
        return None
    sort_key, becomes_at = -(risk.verdict.score or 0) if question.by_risk else 0, None
    if filters.becoming is not None:
        name, value, until = filters.becoming
        becomes_at = _begins(timelines[name], value, at)
        if becomes_at is None or becomes_at > until:
            return None
        sort_key = becomes_at
    return Standing(
        customer_id=history.members[0],
        as_of=at,
        stage=stage,
        tier=tier,
        risk=risk,
        folded=folded,
        becomes_at=becomes_at,
        sort_key=sort_key,
    )


def _begins(intervals: list[Interval], value: str, at: int) -> int | None:
    """When a value begins after an instant, being another just before."""
    before: str | None = None
    for interval in intervals:
        if interval.valid_from > at and interval.verdict.value == value != before:
            return interval.valid_from
        before = interval.verdict.value
    return None
