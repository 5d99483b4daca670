"""Who becomes something by themselves, as of a day after which more has happened.

What is stored of a customer knows what happened later, so whoever changed since is folded afresh as of that day.
"""

from __future__ import annotations

from adapters.histories import History, read_history
from adapters.read_models import RISK, STAGE, TIER, Filters, ReadModels, Standing
from adapters.store import Store
from adapters.transaction import Transaction
from projections.compiled import Rules
from projections.fold import Interval, fold_until, verdict_at

MAX_REFOLDED = 5_000


def foresee(
    store: Store, models: ReadModels, tx: Transaction, rules: Rules, filters: Filters, at: int
) -> list[Standing]:
    """Those of the customers changed since an instant who, had nothing happened, would have become what is asked.

    In order of when, and then id. Raises ValueError where more than 5,000 customers have changed since.
    """
    changed = models.changed_after(tx.connection, at, MAX_REFOLDED + 1)
    if len(changed) > MAX_REFOLDED:
        raise ValueError(
            f"more happened with over {MAX_REFOLDED:,} customers since; ask who becomes something as of a later day"
        )
    checkpoint = models.checkpoint(tx.connection)
    families = tx.families(changed, checkpoint)
    histories = (
        read_history(store, tx.connection, families.members(customer_id), rules, checkpoint) for customer_id in changed
    )
    found = (_foreseen(history, rules, filters, at) for history in histories)
    return sorted((each for each in found if each is not None), key=lambda each: (each.sort_key, each.customer_id))


def _foreseen(history: History, rules: Rules, filters: Filters, at: int) -> Standing | None:
    assert filters.becoming is not None
    folded, timelines = fold_until(history.happened, rules, at)
    held = {name: verdict_at(intervals, at) for name, intervals in timelines.items()}
    stage, tier, risk = held[STAGE], held[TIER], held[RISK]
    name, value, until = filters.becoming
    becomes_at = _begins(timelines[name], value, at)
    wanted = all((verdict := held[each]) and verdict.verdict.value == wish for each, wish in filters.values)
    if stage is None or tier is None or risk is None or becomes_at is None or becomes_at > until or not wanted:
        return None
    return Standing(
        customer_id=history.members[0],
        as_of=at,
        stage=stage,
        tier=tier,
        risk=risk,
        folded=folded,
        becomes_at=becomes_at,
        sort_key=becomes_at,
    )


def _begins(intervals: list[Interval], value: str, at: int) -> int | None:
    """When a value begins after an instant, being another just before."""
    before: str | None = None
    for interval in intervals:
        if interval.valid_from > at and interval.verdict.value == value != before:
            return interval.valid_from
        before = interval.verdict.value
    return None
