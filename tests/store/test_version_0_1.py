"""A store that version 0.1 made opens, is migrated, and answers as version 0.1 did.

What is kept of it in `tests/kept`: the file, a dump of the same store on PostgreSQL, and its answers, asked by its own
code.
"""

from __future__ import annotations

from typing import Any

import pytest

import regulars
from kept import keep_at, kept_answers
from kept.answers import NOW, answers
from regulars import RecordPurchase, Regulars


@pytest.fixture
def url(bare_url: str) -> str:
    """A copy of the kept store."""
    keep_at(bare_url)
    return bare_url


def opened(url: str) -> Regulars:
    return regulars.open(url, clock=lambda: NOW, on_stale="rebuild")


def as_it_was(ours: Any, theirs: Any) -> Any:
    """Ours, with no more in it than theirs says: fields that came later are left out."""
    if isinstance(theirs, dict) and isinstance(ours, dict):
        return {key: as_it_was(ours.get(key, "missing"), value) for key, value in theirs.items()}
    if isinstance(theirs, list) and isinstance(ours, list) and len(ours) == len(theirs):
        return [as_it_was(*pair) for pair in zip(ours, theirs, strict=True)]
    return ours


def without_what_came_later(found: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """What was due for a ticket as of a past day, version 0.1 told with what it knew of later ones; and it listed the
    tickets of whoever was forgotten, who has no reference.
    """
    due = ("until", "breaches_at")
    return {
        day: [
            {name: value for name, value in each.items() if name not in due}
            for each in tickets
            if each["ref"] is not None
        ]
        for day, tickets in found["tickets"].items()
    }


def in_no_order_among_equals(found: dict[str, Any]) -> dict[str, list[tuple[int, str]]]:
    """Who comes first of those at equal risk was decided by their ids, and is by their registration."""
    risks = {
        day: [(found["customers"][day][each]["risk"], each) for each in ids] for day, ids in found["by risk"].items()
    }
    for ranked in risks.values():
        assert [risk for risk, _ in ranked] == sorted((risk for risk, _ in ranked), reverse=True)
    return {day: sorted(ranked) for day, ranked in risks.items()}


def test_it_answers_as_it_did(url: str) -> None:
    theirs = kept_answers()
    with opened(url) as crm:
        ours = answers(crm)
    for found in (ours, theirs):
        found["by risk"] = in_no_order_among_equals(found)
        found["tickets"] = without_what_came_later(found)
    for question, answer in theirs.items():
        assert as_it_was(ours[question], answer) == answer, question


def test_all_that_stands_beside_its_log_is_as_the_log_says(url: str) -> None:
    with opened(url) as crm:
        assert crm.check_seals().holds
        assert crm.check_records().holds
        assert crm.projections.verify().holds


def test_it_goes_on(url: str) -> None:
    with opened(url) as crm:
        before = crm.customer("shop:2").orders
        crm.do(RecordPurchase(customer="shop:2", order_id="new", amount="12.00"))
        assert crm.customer("shop:2").orders == before + 1
        assert crm.projections.verify().holds
