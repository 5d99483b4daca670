"""Two customers who look the same and aren't are told apart: they are suspected no more, until that is taken back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import combinations

import pytest
from hypothesis import strategies as st

from regulars import (
    CustomerId,
    DismissDuplicate,
    ErasePersonalData,
    MergeCustomers,
    RegisterCustomer,
    Regulars,
    Rejected,
    UndoDismissal,
    UndoMerge,
)
from shops import fresh_store, in_each_database, opened

KINDS = pytest.mark.parametrize("kind", ["sqlite", "postgres"])
PEOPLE = ("shop:1", "shop:2", "shop:3", "shop:4")
ADA, BOB, CY, DEE = PEOPLE


def clock() -> datetime:
    return datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def crm(database_url: str) -> Iterator[Regulars]:
    with opened(database_url, clock) as crm:
        register(crm)
        yield crm


def register(crm: Regulars) -> None:
    """Everybody has one phone, and nearly one e-mail."""
    crm.do([RegisterCustomer(ref=who, phone="+49 30 123456", email=f"a+{who[5:]}@example.com") for who in PEOPLE])


def suspected(crm: Regulars) -> list[set[str | None]]:
    return [{one.ref for one in each.customers} for each in crm.duplicates()]


def nearly(crm: Regulars) -> list[set[str | None]]:
    return [{one.ref for one in each.customers} for each in crm.near_duplicates()]


def told_apart(crm: Regulars) -> set[frozenset[str | None]]:
    return {frozenset(one.ref for one in each.customers) for each in crm.dismissed_duplicates()}


def changed(crm: Regulars, *commands: DismissDuplicate | UndoDismissal) -> int:
    return sum(len(outcome.events) for outcome in crm.do(list(commands)))


def test_who_was_told_apart_is_suspected_no_more_by_any_sign(crm: Regulars) -> None:
    crm.do([MergeCustomers(customer=CY, into=DEE), DismissDuplicate(customer=BOB, other=DEE)])
    crm.do(DismissDuplicate(customer=ADA, other=DEE))
    assert suspected(crm) == nearly(crm) == [{ADA, BOB}]
    crm.do(DismissDuplicate(customer=BOB, other=ADA))
    assert suspected(crm) == nearly(crm) == []
    assert told_apart(crm) == {frozenset({ADA, BOB}), frozenset({BOB, DEE}), frozenset({ADA, DEE})}


def test_to_dismiss_twice_changes_nothing_whoever_is_named_first(crm: Regulars) -> None:
    assert changed(crm, DismissDuplicate(customer=ADA, other=BOB)) == 1
    assert changed(crm, DismissDuplicate(customer=ADA, other=BOB), DismissDuplicate(customer=BOB, other=ADA)) == 0
    assert changed(crm, UndoDismissal(customer=BOB, other=ADA)) == 1
    assert changed(crm, UndoDismissal(customer=BOB, other=ADA), UndoDismissal(customer=ADA, other=BOB)) == 0
    assert suspected(crm) == [{*PEOPLE}]
    assert told_apart(crm) == set()


def test_of_whom_some_were_told_apart_those_are_listed_who_may_all_be_the_same(crm: Regulars) -> None:
    crm.do(DismissDuplicate(customer=ADA, other=BOB))
    [group] = suspected(crm)
    assert len(group) == 3
    assert not {ADA, BOB} <= group


def test_who_was_told_apart_can_be_merged_and_is_apart_again_when_that_is_undone(crm: Regulars) -> None:
    crm.do([DismissDuplicate(customer=one, other=other) for one, other in combinations(PEOPLE, 2)])
    crm.do(MergeCustomers(customer=ADA, into=BOB))
    assert crm.customer(ADA).id == crm.customer(BOB).id
    assert frozenset({ADA, BOB}) not in told_apart(crm)
    crm.do(UndoMerge(customer=ADA))
    assert suspected(crm) == []


def test_a_dismissal_holds_for_whom_they_are_merged_with(crm: Regulars) -> None:
    crm.do([MergeCustomers(customer=DEE, into=CY), DismissDuplicate(customer=ADA, other=BOB)])
    crm.do(MergeCustomers(customer=ADA, into=CY))
    assert suspected(crm) == nearly(crm) == []
    assert told_apart(crm) == {frozenset({CY, BOB})}
    crm.do(UndoMerge(customer=ADA))
    assert len(suspected(crm)) == 1


def test_nobody_is_told_apart_from_themselves(crm: Regulars) -> None:
    with pytest.raises(Rejected, match="UndoMerge"):
        crm.do(DismissDuplicate(customer=ADA, other=crm.customer(ADA).id))


def test_who_was_forgotten_is_told_apart_from_nobody(crm: Regulars) -> None:
    crm.do(DismissDuplicate(customer=ADA, other=BOB, reason="Ada and Bob Lovelace are twins"))
    crm.do(ErasePersonalData(customer=ADA, confirm=True))
    crm.do(ErasePersonalData(customer=BOB, confirm=True))
    assert told_apart(crm) == set()
    assert suspected(crm) == [{CY, DEE}]


def test_the_audit_tells_it_in_sentences_with_the_reason(crm: Regulars) -> None:
    crm.do(DismissDuplicate(customer=ADA, other=BOB, reason="father and son"))
    crm.do(UndoDismissal(customer=ADA, other=BOB))
    undone, dismissed = crm.audit(limit=2).entries
    assert (dismissed.type, undone.type) == ("DuplicateDismissed", "DismissalUndone")
    assert dismissed.reason == "father and son"
    for told in (dismissed.sentence, undone.sentence):
        assert ADA in told
        assert BOB in told
        assert "the same" in told


@in_each_database(15, data=st.data())
def test_no_group_has_two_who_were_told_apart_and_whoever_is_left_may_be_the_same_as_somebody(
    kind: str, postgres_url: str, data: st.DataObject
) -> None:
    pairs = st.tuples(st.sampled_from(PEOPLE), st.sampled_from(PEOPLE)).filter(lambda pair: pair[0] != pair[1])
    dismissed = data.draw(st.lists(pairs, max_size=8))
    with fresh_store(kind, postgres_url) as url, opened(url, clock) as crm:
        register(crm)
        crm.do([DismissDuplicate(customer=one, other=other) for one, other in dismissed])
        apart = set(map(frozenset, dismissed))
        for group in suspected(crm):
            assert not any(frozenset(pair) in apart for pair in combinations(sorted(map(str, group)), 2))
        left = {frozenset(pair) for pair in combinations(PEOPLE, 2)} - apart
        assert bool(suspected(crm)) == bool(nearly(crm)) == bool(left)
        assert crm.check_records().holds


def test_ids_do_as_well_as_references(crm: Regulars) -> None:
    ids = {who: CustomerId(crm.customer(who).id) for who in PEOPLE}
    assert changed(crm, DismissDuplicate(customer=ids[ADA], other=BOB)) == 1
    assert changed(crm, DismissDuplicate(customer=ADA, other=ids[BOB])) == 0


def test_a_dismissal_told_with_its_time_counts_from_when_it_is_known(crm: Regulars) -> None:
    said = DismissDuplicate(customer=ADA, other=BOB, occurred_at=clock())
    assert (changed(crm, said), changed(crm, said)) == (1, 0)
    assert changed(crm, DismissDuplicate(customer=BOB, other=ADA, occurred_at=clock() - timedelta(days=9))) == 0
    assert told_apart(crm) == {frozenset({ADA, BOB})}
