"""Customers replayed from the log for a list, where the read models can't answer it.

1. What is stored of a customer knows what happened later. Who becomes something by themselves, as of a day after which
   more has happened, is folded afresh as of that day.
2. What is stored may not know yet what this very process wrote. Whom it wrote of is folded with all that is recorded.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from msgspec import Struct

from regulars.adapters.read_models.histories import History, read_facts
from regulars.adapters.read_models.pages import Filters, ListedCustomer, Ranking, changed_after
from regulars.adapters.read_models.rows import ReadModels
from regulars.adapters.store.store import Store
from regulars.adapters.store.transaction import Transaction
from regulars.projections.engine.fold import Timelines, fold_until, verdict_at
from regulars.projections.engine.projector import Projector
from regulars.projections.rules.compiled import Rules
from regulars.projections.verdict import Interval

MAX_REFOLDED = 5_000


class Question(Struct, frozen=True, kw_only=True):
    """Which customers are wanted as of an instant, by which rules; the rest is as `page` has it."""

    filters: Filters
    rules: Rules
    projectors: Sequence[Projector]
    at: int
    not_before_last_event: bool
    order: Ranking | None


def foresee(store: Store, models: ReadModels, tx: Transaction, question: Question) -> list[ListedCustomer]:
    """Those of the customers changed since an instant who, had nothing happened, would have become what is asked.

    Raises ValueError where more than 5,000 customers have changed since.
    """
    checkpoint = models.checkpoint(tx.connection)
    families = families_changed(models, tx, question.at, question.filters.beside, "who becomes something")
    histories = (read_facts(store, tx.connection, members, question.rules, checkpoint) for members in families)
    return listed_of(histories, question)


def families_changed(
    models: ReadModels, tx: Transaction, at: int, beside: Collection[str], asked: str
) -> list[tuple[str, ...]]:
    """The families of the customers changed since an instant, but for those `beside`.

    Raises ValueError where they are more than 5,000, naming what was `asked`.
    """
    changed = changed_after(models, tx.connection, at, MAX_REFOLDED + 1)
    if len(changed) > MAX_REFOLDED:
        raise ValueError(f"more happened with over {MAX_REFOLDED:,} customers since; ask {asked} as of a later day")
    changed = [each for each in changed if each not in beside]
    families = tx.families(changed, models.checkpoint(tx.connection))
    return [families.members(each) for each in changed]


def listed_of(histories: Iterable[History], question: Question) -> list[ListedCustomer]:
    """Those of some customers whom a question is about."""
    return [each for history in histories if (each := _listed(history, question)) is not None]


def _listed(history: History, question: Question) -> ListedCustomer | None:
    folded, timelines, at, filters = history.folded, history.timelines, question.at, question.filters
    if question.not_before_last_event:
        at = max(at, folded.last_at or 0)
    if filters.becoming is not None:
        folded, timelines = fold_until(history.happened, question.rules, at, question.projectors)
    held = held_at(timelines, filters.shown, at)
    if held is None or any(held[name].verdict.value != value for name, value in filters.values):
        return None
    if any(getattr(held[name].verdict, column) != text for name, column, text in filters.facts):
        return None
    if filters.among is not None and history.members[0] not in filters.among:
        return None
    if not all(_carries(timelines[name], key, at) for name, key in filters.carried):
        return None
    sort_key, becomes_at = 0, None
    if question.order is not None:
        sort_key = question.order.key_of(history.customer, held)
    if filters.becoming is not None:
        becomes_at = _begins(timelines[filters.becoming.projection], filters.becoming.value, at)
        if becomes_at is None or becomes_at > filters.becoming.until:
            return None
        sort_key = becomes_at
    return ListedCustomer(
        customer=history.customer,
        customer_id=history.members[0],
        as_of=at,
        held=held,
        folded=folded,
        becomes_at=becomes_at,
        sort_key=sort_key,
    )


def _carries(intervals: Iterable[Interval], key: str, at: int) -> bool:
    held = verdict_at((each for each in intervals if each.key == key), at)
    return held is not None and held.verdict is not None


def held_at(timelines: Timelines, shown: Iterable[str], at: int) -> dict[str, Interval] | None:
    """The intervals that hold at an instant, by projection; None where one of those shown holds nothing then."""
    held: dict[str, Interval] = {}
    for name in shown:
        interval = verdict_at(timelines[name], at)
        if interval is None:
            return None
        held[name] = interval
    return held


def _begins(intervals: list[Interval], value: str, at: int) -> int | None:
    """When a value begins after an instant, being another just before."""
    before: str | None = None
    for interval in intervals:
        if interval.valid_from > at and interval.verdict.value == value != before:
            return interval.valid_from
        before = interval.verdict.value
    return None
