"""Histories of one customer for property tests: any events a projector may meet, at instants that tie now and then."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from hypothesis import strategies as st

from crm_domain.customer import (
    AccountClosed,
    AccountReopened,
    CancellationRequested,
    CancellationWithdrawn,
    CustomerRegistered,
    CustomerTagged,
    LeadQualified,
    OwnerAssigned,
)
from crm_domain.event import Event
from crm_domain.instant import DAY, to_instant
from crm_domain.interaction import InteractionRecorded, SurveyAnswered
from crm_domain.purchase import PurchaseRecorded, ReturnRecorded
from projections.compiled import Rules, compile_rules
from projections.fold import Happened
from projections.rules import parse_rules

START = to_instant(datetime(2024, 1, 1, tzinfo=UTC))


@cache
def rules() -> Rules:
    """The default rules, ready to judge in euros."""
    text = (Path(__file__).parents[1] / "src" / "regulars" / "rules.toml").read_text(encoding="utf-8")
    return compile_rules(parse_rules(text), "EUR")


def purchases() -> st.SearchStrategy[Event]:
    return st.builds(
        PurchaseRecorded,
        order_id=st.integers(1, 40).map(lambda number: f"A-{number}"),
        amount=st.sampled_from([0, 1, 2_000, 15_000, 60_000, 100_000]),
        currency=st.just("EUR"),
    )


def returns() -> st.SearchStrategy[Event]:
    return st.builds(
        ReturnRecorded,
        order_id=st.integers(1, 40).map(lambda number: f"A-{number}"),
        return_id=st.just("1"),
        amount=st.sampled_from([1, 2_000, 15_000]),
        currency=st.just("EUR"),
    )


def answers() -> st.SearchStrategy[Event]:
    nps = st.builds(SurveyAnswered, survey=st.just("nps"), score=st.integers(0, 10))
    csat = st.builds(SurveyAnswered, survey=st.just("csat"), score=st.integers(1, 5))
    return st.one_of(nps, csat)


def others() -> st.SearchStrategy[Event]:
    directions = st.sampled_from(["inbound", "outbound"])
    return st.one_of(
        st.builds(InteractionRecorded, channel=st.just("phone"), direction=directions),
        st.sampled_from(
            [
                CustomerRegistered(source="web"),
                LeadQualified(),
                AccountClosed(),
                AccountReopened(),
                CancellationRequested(),
                CancellationWithdrawn(),
                CustomerTagged(label="vip"),
                OwnerAssigned(owner="li"),
            ]
        ),
    )


def instants() -> st.SearchStrategy[int]:
    """Three years: whole days, so that many fall on a boundary, and now and then a microsecond beside one."""
    return st.builds(lambda day, off: START + day * DAY + off, st.integers(0, 1_100), st.sampled_from([0, 0, 0, -1, 1]))


def _consistent(events: list[tuple[int, Event]]) -> list[Happened]:
    """Ordered, numbered, each order recorded once, and nothing returned of an order that would exceed it."""
    left: dict[str, int] = {}
    kept: list[tuple[int, Event]] = []
    for at, event in sorted(events, key=lambda pair: pair[0]):
        if isinstance(event, PurchaseRecorded):
            if event.order_id in left:
                continue
            left[event.order_id] = event.amount
        kept.append((at, event))
    kept = [pair for pair in kept if not isinstance(pair[1], ReturnRecorded) or _fits(pair[1], left)]
    return [Happened(at, position, event) for position, (at, event) in enumerate(kept, start=1)]


def _fits(event: ReturnRecorded, left: dict[str, int]) -> bool:
    if left.get(event.order_id, 0) < event.amount:
        return False
    left[event.order_id] -= event.amount
    return True


def histories(*, distinct: bool = False, max_size: int = 25) -> st.SearchStrategy[list[Happened]]:
    """One customer's events in the order of the fold, positions from 1. `distinct` gives each its own instant."""
    pairs = st.tuples(instants(), st.one_of(purchases(), purchases(), returns(), answers(), others()))
    unique = (lambda pair: pair[0]) if distinct else None
    return st.lists(pairs, min_size=1, max_size=max_size, unique_by=unique).map(_consistent)
