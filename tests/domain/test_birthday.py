"""Birthdays: how they are written, told and looked up."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given as drawn
from hypothesis import strategies as st
from pydantic import ValidationError

from given import given
from regulars.crm_domain.birthday import Birthday, days_of_year, found_by, known_by, lunar_days, parse_birthday
from regulars.crm_domain.customer import (
    ChangeContactDetails,
    ContactDetailsChanged,
    CustomerRegistered,
    RegisterCustomer,
)

TODAY = date(2026, 11, 28)


@pytest.mark.parametrize(
    ("text", "born"),
    [
        ("1990-12-10", Birthday(12, 10, 1990)),
        ("19901210", Birthday(12, 10, 1990)),
        ("--12-10", Birthday(12, 10)),
        ("--1210", Birthday(12, 10)),
        (" --02-29", Birthday(2, 29)),
        ("60-12-10", Birthday(12, 10, 60)),
        ("lunar:1990-08-15", Birthday(8, 15, 1990, "lunar")),
        ("lunar:--02-30", Birthday(2, 30, None, "lunar")),
    ],
)
def test_a_birthday_is_read_as_it_is_written(text: str, born: Birthday) -> None:
    assert parse_birthday(text) == born
    assert parse_birthday(str(born)) == born


@pytest.mark.parametrize(
    "text",
    ["", "soon", "1990-13-10", "1991-02-29", "--02-30", "1990-12", "0060-12-10", "lunar:--13-01", "lunar:--01-31"],
)
def test_what_is_no_birthday_is_refused_in_a_sentence(text: str) -> None:
    with pytest.raises(ValidationError, match="a birthday is a day such as 1990-12-10, --12-10 without a year"):
        RegisterCustomer(ref="a", birthday=text)


def test_a_date_is_a_birthday_as_well() -> None:
    given().when(RegisterCustomer(birthday=date(1990, 12, 10))).then(CustomerRegistered(birthday="1990-12-10"))


@drawn(st.dates(date(1927, 1, 1), TODAY))
def test_a_year_in_two_digits_is_the_latest_in_which_the_day_lies_in_the_past(day: date) -> None:
    told = Birthday(day.month, day.day, day.year % 100)
    hundred_years_ago = date(1926, 11, 29)
    assert hundred_years_ago < day <= TODAY
    assert known_by(told, TODAY) == Birthday(day.month, day.day, day.year)


def test_nobody_is_born_in_the_future() -> None:
    tomorrow = TODAY + timedelta(days=1)
    assert known_by(Birthday(11, 28, 2026), TODAY).year == 2026
    assert known_by(Birthday(tomorrow.month, tomorrow.day), TODAY).year is None
    with pytest.raises(ValueError, match="the birthday lies in the future"):
        known_by(Birthday(tomorrow.month, tomorrow.day, 2026), TODAY)
    given().when(RegisterCustomer(birthday="2999-01-01")).then_rejected("birthday_in_the_future")
    history = (CustomerRegistered(ref="a"),)
    change = ChangeContactDetails(customer="a", birthday="2999-01-01")
    given(*history).when(change).then_rejected("birthday_in_the_future")


def test_a_birthday_that_is_known_already_is_no_change() -> None:
    change = ChangeContactDetails(customer="a", birthday="--1210")
    given(CustomerRegistered(ref="a", birthday="--12-10")).when(change).then_nothing()
    given(CustomerRegistered(ref="a")).when(change).then(
        ContactDetailsChanged(changed=("birthday",), birthday="--12-10")
    )


def test_it_is_found_by_its_calendar_and_day_whatever_the_year() -> None:
    assert found_by("1990-12-10") == found_by("--12-10") == "solar:12-10"
    assert found_by("lunar:1990-12-10") == found_by("lunar:--12-10") == "lunar:12-10"


@drawn(st.dates(date(1900, 1, 1), date(2100, 12, 31)))
def test_each_solar_birthday_returns_once_a_year(day: date) -> None:
    born = found_by(day.isoformat())
    for year in (2023, 2024, 2100):
        is_leap = (date(year, 3, 1) - timedelta(days=1)).day == 29
        days = [date(year, 1, 1) + timedelta(days=number) for number in range(365 + is_leap)]
        found = [each for each in days if born in days_of_year(each.month, each.day, has_leap_day=is_leap)]
        kept = (2, 28) if (day.month, day.day) == (2, 29) and not is_leap else (day.month, day.day)
        assert [(each.month, each.day) for each in found] == [kept]


def test_a_thirtieth_that_a_lunar_month_lacks_falls_on_its_29th() -> None:
    assert lunar_days(8, 29, last=30) == ("lunar:08-29",)
    assert lunar_days(8, 29, last=29) == ("lunar:08-29", "lunar:08-30")
    assert lunar_days(8, 15, last=29) == ("lunar:08-15",)
