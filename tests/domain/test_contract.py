"""Contracts: invariants of the decider, and terms that renew by themselves."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given as drawn
from hypothesis import strategies as st
from msgspec.structs import replace
from pydantic import ValidationError

from given import NOW, fold, given
from regulars.crm_domain.contract import (
    CONTRACT,
    AmendContract,
    ContractAmended,
    ContractEnded,
    ContractRenewed,
    ContractSigned,
    EndContract,
    RenewContract,
    SignContract,
    Terms,
)
from regulars.crm_domain.contract.renewal import notice_by, term_end

START, END = date(2026, 4, 1), date(2027, 3, 31)
SIGN = SignContract(customer="shop:1", contract_id="C-1", start=START, end=END, amount="1200")
SIGNED = ContractSigned(contract_id="C-1", at=NOW, start=START, end=END, amount=120_000, currency="EUR")
ENDED = ContractEnded(contract_id="C-1", at=NOW, on=date(2026, 12, 31), cause="moved")
EARLIER = datetime(2026, 2, 1, tzinfo=UTC)


def test_what_was_signed_is_written_down_and_the_same_again_changes_nothing() -> None:
    given().when(SIGN).then(SIGNED)
    given(SIGNED).when(SIGN).then_nothing()
    given(SIGNED).when(SIGN.model_copy(update={"amount": "1300"})).then_rejected("contract_id_taken")


def test_it_never_ends_before_it_begins() -> None:
    given().when(SIGN.model_copy(update={"end": date(2026, 3, 31)})).then_rejected("ends_before_start")
    given().when(SIGN.model_copy(update={"end": START})).then(replace(SIGNED, end=START))
    given(SIGNED).when(EndContract(contract_id="C-1", on=date(2026, 3, 31))).then_rejected("ends_before_start")
    given(SIGNED).when(AmendContract(contract_id="C-1", end=date(2026, 3, 31))).then_rejected("ends_before_start")


def test_an_amendment_says_what_changes_and_the_rest_stays() -> None:
    amend = AmendContract(contract_id="C-1", amount="1400")
    amended = ContractAmended(contract_id="C-1", at=NOW, amount=140_000, currency="EUR")
    given(SIGNED).when(amend).then(amended)
    given(SIGNED, amended).when(amend).then_nothing()
    later = ContractAmended(contract_id="C-1", at=NOW, end=date(2027, 6, 30))
    state = fold(CONTRACT, SIGNED, amended, later)
    assert state.terms == Terms(
        start=START, end=date(2027, 6, 30), renewal_months=None, notice_days=None, amount=140_000
    )
    assert state == fold(CONTRACT, SIGNED, later, amended)


def test_what_renews_by_itself_has_a_first_term_and_can_be_let_end_with_it() -> None:
    with pytest.raises(ValidationError, match="has a first term"):
        SignContract(customer="shop:1", contract_id="C-1", start=START, amount="1", renewal_months=12)
    endless = replace(SIGNED, end=None)
    given(endless).when(AmendContract(contract_id="C-1", renewal_months=12)).then_rejected("no_first_term")
    state = fold(
        CONTRACT, replace(SIGNED, renewal_months=12), ContractAmended(contract_id="C-1", at=NOW, renewal_months=0)
    )
    assert (state.terms.end, state.terms.renewal_months) == (END, None)


@pytest.mark.parametrize("months", [0, -1])
def test_no_contract_renews_by_no_time(months: int) -> None:
    with pytest.raises(ValidationError):
        SIGN.__class__(**SIGN.model_dump() | {"renewal_months": months})


def test_a_renewal_goes_forward() -> None:
    until = date(2028, 3, 31)
    given(SIGNED).when(RenewContract(contract_id="C-1", until=until)).then(
        ContractRenewed(contract_id="C-1", at=NOW, until=until)
    )
    given(SIGNED).when(RenewContract(contract_id="C-1", until=END)).then_nothing()
    given(SIGNED).when(RenewContract(contract_id="C-1", until=date(2027, 1, 1))).then_rejected("renewed_backwards")
    given(replace(SIGNED, end=None)).when(RenewContract(contract_id="C-1", until=until)).then_rejected(
        "contract_endless"
    )


def test_what_was_ended_is_neither_amended_nor_renewed_and_may_end_on_another_day() -> None:
    end = EndContract(contract_id="C-1", on=date(2026, 12, 31), cause="moved")
    given(SIGNED).when(end).then(ENDED)
    given(SIGNED, ENDED).when(end).then_nothing()
    given(SIGNED, ENDED).when(RenewContract(contract_id="C-1", until=END)).then_rejected("contract_ended")
    given(SIGNED, ENDED).when(AmendContract(contract_id="C-1", amount="1")).then_rejected("contract_ended")
    sooner = EndContract(contract_id="C-1", on=date(2026, 11, 30))
    given(SIGNED, ENDED).when(sooner).then(replace(ENDED, on=date(2026, 11, 30), cause=None))


def test_nothing_happens_to_a_contract_that_was_not_signed_yet() -> None:
    commands: tuple[Any, ...] = (
        AmendContract(contract_id="C-1", amount="1"),
        RenewContract(contract_id="C-1", until=END),
        EndContract(contract_id="C-1", on=END),
    )
    for command in commands:
        given().when(command).then_rejected("unknown_contract")
        given(SIGNED).when(command.model_copy(update={"occurred_at": EARLIER})).then_rejected("out_of_order")


@pytest.mark.parametrize("day", ["0001-01-01", "1899-12-31", "9999-12-31"])
def test_days_of_the_business_are_within_reach(day: str) -> None:
    with pytest.raises(ValidationError, match="between 1900 and 2999"):
        EndContract(contract_id="C-1", on=day)


# ----------------------------------------------------------------------------------------------------------- renewal


def test_a_year_at_a_time() -> None:
    first = date(2026, 12, 31)
    assert term_end(first, 12, date(2026, 3, 1)) == first
    assert term_end(first, 12, first) == first
    assert term_end(first, 12, date(2027, 1, 1)) == date(2027, 12, 31)
    assert notice_by(first, 12, 90, date(2026, 3, 1)) == date(2026, 10, 2)
    assert notice_by(first, 12, 90, date(2026, 10, 2)) == date(2026, 10, 2)
    assert notice_by(first, 12, 90, date(2026, 10, 3)) == date(2027, 10, 2)


def test_terms_that_begin_on_a_day_that_a_month_lacks_do_not_drift() -> None:
    # Terms begin on the 31st, and in shorter months on their last day.
    first = date(2026, 1, 30)
    ends = [term_end(first, 1, day) for day in (date(2026, 2, 1), date(2026, 3, 1), date(2026, 4, 1))]
    assert ends == [date(2026, 2, 27), date(2026, 3, 30), date(2026, 4, 29)]


DAYS = st.dates(date(1990, 1, 1), date(2090, 1, 1))


@drawn(DAYS, st.integers(1, 60), st.integers(0, 800), DAYS)
def test_a_term_is_the_first_that_is_not_over_of_all_terms_counted_one_by_one(
    first: date, months: int, notice: int, day: date
) -> None:
    begins, ends = first + timedelta(days=1), list[date]()
    while not ends or ends[-1] < day + timedelta(days=notice):
        total = begins.year * 12 + begins.month - 1 + len(ends) * months
        last = next(
            date(total // 12, total % 12 + 1, number)
            for number in range(begins.day, 0, -1)
            if number <= 28 or _exists(total // 12, total % 12 + 1, number)
        )
        ends.append(last - timedelta(days=1))
    assert term_end(first, months, day) == next(each for each in ends if each >= day)
    deadlines = (each - timedelta(days=notice) for each in ends)
    assert notice_by(first, months, notice, day) == next(each for each in deadlines if each >= day)


def _exists(year: int, month: int, day: int) -> bool:
    try:
        return bool(date(year, month, day))
    except ValueError:
        return False
