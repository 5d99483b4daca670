"""Employments are laid over days: of each day the last word counts, in whatever order words were told."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regulars.crm_domain.command import Context, CustomerId
from regulars.crm_domain.customer import (
    CUSTOMER,
    Customer,
    CustomerRegistered,
    EmploymentEnded,
    EmploymentRecorded,
    EmploymentVoided,
    EndEmployment,
    KindChanged,
    PersonalDataErased,
    RecordEmployment,
    RegisterCustomer,
    VoidEmployment,
    employed,
)
from regulars.crm_domain.customer.employment import Spells, spell_on
from regulars.crm_domain.errors import Rejected
from regulars.crm_domain.ticket import OpenTicket

FIRST = date(2024, 1, 1)
DAYS = [FIRST + timedelta(days=number) for number in range(12)]
FIRM, ADA = CustomerId("f" * 32), CustomerId("a" * 32)
CONTEXT = Context(now=1_772_366_400_000_000)

days = st.sampled_from(DAYS)
roles = st.sampled_from([None, "buyer", "head"])


def in_order(made: tuple[Any, Any]) -> tuple[Any, Any]:
    since, until = made
    return (until, since) if since is not None and until is not None and until < since else made


spans = st.tuples(days | st.none(), days | st.none()).map(in_order)
words = st.one_of(
    st.builds(
        lambda span, role: EmploymentRecorded(firm_id=FIRM, role=role, since=span[0], until=span[1]), spans, roles
    ),
    st.builds(lambda day: EmploymentEnded(firm_id=FIRM, until=day), days),
    st.builds(lambda span: EmploymentVoided(firm_id=FIRM, since=span[0], until=span[1]), spans),
)


def spells_after(told: list[Any]) -> Spells:
    spells: Spells = ()
    for word in told:
        spells = employed(spells, word)
    return spells


def role_on(told: list[Any], day: date) -> str | None:
    """What the last word that speaks of a day says of it: a role, "?" for one that isn't known, None for no work."""
    held: str | None = None
    for word in told:
        since = None if isinstance(word, EmploymentEnded) else word.since
        if isinstance(word, EmploymentEnded):
            held = None if day > word.until else held
        elif (since is None or since <= day) and (word.until is None or day <= word.until):
            held = (word.role or "?") if isinstance(word, EmploymentRecorded) else None
    return held


@given(st.lists(words, max_size=8))
def test_of_each_day_the_last_word_counts(told: list[Any]) -> None:
    spells = spells_after(told)
    for day in [FIRST - timedelta(days=9), *DAYS, DAYS[-1] + timedelta(days=9)]:
        spell = spell_on(spells, day)
        assert (None if spell is None else spell.role or "?") == role_on(told, day)


@given(st.lists(words, max_size=8))
def test_spells_stand_in_order_without_overlap_and_none_goes_on_as_the_next(told: list[Any]) -> None:
    spells = spells_after(told)
    assert all(each.first <= each.last for each in spells)
    for one, other in pairwise(spells):
        assert one.last < other.first
        assert one.role != other.role or one.last + timedelta(days=1) < other.first


@given(st.lists(words, min_size=1, max_size=8))
def test_the_last_word_told_again_changes_nothing(told: list[Any]) -> None:
    assert spells_after([*told, told[-1]]) == spells_after(told)


def test_a_new_role_leaves_the_one_before() -> None:
    spells = spells_after(
        [
            EmploymentRecorded(firm_id=FIRM, role="buyer", since=date(2018, 1, 1)),
            EmploymentRecorded(firm_id=FIRM, role="head", since=date(2020, 1, 1)),
            EmploymentEnded(firm_id=FIRM, until=date(2022, 6, 30)),
        ]
    )
    assert [(each.first, each.last, each.role) for each in spells] == [
        (date(2018, 1, 1), date(2019, 12, 31), "buyer"),
        (date(2020, 1, 1), date(2022, 6, 30), "head"),
    ]


# ------------------------------------------------------------------------------------------------------- decisions


def state_after(*events: Any) -> Customer:
    state = Customer()
    for event in (CustomerRegistered(), *events):
        state = CUSTOMER.evolve(state, event)
    return state


def decided(command: Any, *events: Any) -> tuple[Any, ...]:
    return tuple(CUSTOMER.decide(command, state_after(*events), CONTEXT))


def test_what_is_so_already_needs_no_word_unless_it_has_a_time() -> None:
    known = EmploymentRecorded(firm_id=FIRM, role="buyer", since=FIRST)
    command = RecordEmployment(customer=ADA, firm=FIRM, role="buyer", since=DAYS[3])
    assert decided(command, known) == ()
    told = command.model_copy(update={"occurred_at": "2024-05-01T00:00:00+00:00"})
    assert decided(told, known) == (EmploymentRecorded(firm_id=FIRM, role="buyer", since=DAYS[3]),)
    ending = EndEmployment(customer=ADA, firm=FIRM, until=DAYS[5])
    assert decided(ending, known, *decided(ending, known)) == ()
    assert decided(VoidEmployment(customer=ADA, firm=FIRM)) == ()


@pytest.mark.parametrize(
    ("command", "events", "code"),
    [
        (RecordEmployment(customer=ADA, firm=ADA), (), "self_employment"),
        (RecordEmployment(customer=ADA, firm=FIRM), (KindChanged(kind="firm"),), "firm_employed"),
        (RecordEmployment(customer=ADA, firm=FIRM), (PersonalDataErased(),), "account_erased"),
        (EndEmployment(customer=ADA, firm=FIRM, until=FIRST), (), "not_employed"),
        (
            EndEmployment(customer=ADA, firm=FIRM, until=FIRST),
            (EmploymentRecorded(firm_id=FIRM, since=DAYS[1]),),
            "not_employed",
        ),
    ],
)
def test_what_can_not_be_is_refused_in_one_sentence(command: Any, events: tuple[Any, ...], code: str) -> None:
    with pytest.raises(Rejected) as refused:
        decided(command, *events)
    assert refused.value.code == code
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("kind", [RecordEmployment, VoidEmployment])
def test_days_come_in_order(kind: type[Any]) -> None:
    with pytest.raises(ValueError, match="the last day, 2024-01-01, lies before the first, 2024-01-02"):
        kind(customer=ADA, firm=FIRM, since=DAYS[1], until=DAYS[0])


def test_forgetting_takes_the_role_and_leaves_the_firm() -> None:
    state = state_after(EmploymentRecorded(firm_id=FIRM, role="buyer", since=FIRST), PersonalDataErased())
    assert [(each.first, each.role) for each in state.employments[FIRM]] == [(FIRST, None)]


def test_who_is_not_said_to_be_a_firm_is_a_person() -> None:
    assert state_after().kind is None
    assert CUSTOMER.evolve(Customer(), CustomerRegistered(kind="firm")).kind == "firm"
    assert state_after(KindChanged(kind="firm"), KindChanged(kind="person")).kind == "person"


def test_a_command_id_stands_for_the_same_command_as_before_there_were_firms() -> None:
    assert "kind" not in RegisterCustomer(ref="shop:1").model_dump()
    assert RegisterCustomer(ref="acme", kind="firm").model_dump()["kind"] == "firm"
    assert "firm" not in OpenTicket(customer="shop:1", ticket_id="T").model_dump()
    assert OpenTicket(customer="shop:1", ticket_id="T", firm="acme").model_dump()["firm"] == "acme"
