"""E-mail addresses and phone numbers as they are found in files: cleaned, or refused, never made into another one."""

from __future__ import annotations

import re
from unicodedata import normalize

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regulars.crm_domain.contact import COUNTRIES, clean_email, clean_phone


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("j@example.com\u200b", "j@example.com"),
        ("\ufeffj@example.com", "j@example.com"),
        ("\u202aj@example.com\u202c", "j@example.com"),
        ("\u00adj@exam\u00adple.com", "j@example.com"),
        ("mailto:k@example.com", "k@example.com"),
        ("MAILTO:k@example.com?subject=Hi", "k@example.com"),
        ("<l@example.com>", "l@example.com"),
        ("m@example.com,", "m@example.com"),
        ("m@example.com;", "m@example.com"),
        ("m@example.com.", "m@example.com"),
        ("Nora <n@example.com>", "n@example.com"),
        ('"Nora, N." <n@example.com>,', "n@example.com"),
        ("'n@example.com'", "n@example.com"),
        ("Ann.Lee+shop@Example.COM", "Ann.Lee+shop@Example.COM"),
        ("o'hara@example.com", "o'hara@example.com"),
        (normalize("NFD", "jürgen@müller.de"), "jürgen@müller.de"),
        ("groß@example.com", "groß@example.com"),
        (" a@b ", "a@b"),
    ],
)
def test_an_address_is_cleaned(text: str, address: str) -> None:
    assert clean_email(text) == address


@pytest.mark.parametrize(
    "text",
    [
        *("", "-", "n/a", "o@example.com; p@example.com", "o@example.com,p@example.com", "o@example.com p@example.com"),
        *("a@b@c", "@example.com", "a@", "a@.com", "a@b..com", "<a@b> <c@d>", "Nora <n@example.com", "a b@example.com"),
        *("x" * 2_000, "a@b_c.com", "a@exa\nmple.com", "http://a@b.com/"),
    ],
)
def test_what_is_no_address_or_more_than_one_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected one e-mail address"):
        clean_email(text)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("'+4930123456", "+4930123456"),
        ("\u202a+49 30 123456\u202c", "+4930123456"),
        ("+49\u00a030\u00a0123456", "+4930123456"),
        ("+49 (0)30 123456", "+4930123456"),
        ("+49 (0) 30/123456", "+4930123456"),
        ("0049 30 123456", "+4930123456"),
        ("tel:+49-30-123456", "+4930123456"),
        ("０９０-1234-5678", "09012345678"),
        ("030–123456", "030123456"),
        ("030/123456", "030123456"),
        ("030 / 123456", "030123456"),
        ("(212) 555-0100", "2125550100"),
        ("212.555.0100", "2125550100"),
        ("4930123456.0", "4930123456"),
        ("112", "112"),
    ],
)
def test_a_number_is_cleaned(text: str, number: str) -> None:
    assert clean_phone(text) == number


@pytest.mark.parametrize(
    ("text", "country", "number"),
    [
        ("030–123456", "DE", "+4930123456"),
        ("090-1234-5678", "JP", "+819012345678"),
        ("02 1234 5678", "IT", "+390212345678"),
        ("(212) 555-0100", "US", "+12125550100"),
        ("1-212-555-0100", "CA", "+12125550100"),
        ("8 (495) 123-45-67", "RU", "+74951234567"),
        ("06 1 234 5678", "HU", "+3612345678"),
        ("612 345 678", "ES", "+34612345678"),
        ("020 7946 0000", "GB", "+442079460000"),
        ("+1 212 555 0100", "DE", "+12125550100"),
        ("112", "DE", "112"),
    ],
)
def test_a_number_without_a_code_is_at_home_in_the_country(text: str, country: str, number: str) -> None:
    assert clean_phone(text, country) == number


@pytest.mark.parametrize(
    "text",
    [
        *("", "-", "n/a", "4.93012E+11", "030 123456 / 0170 99", "030 123456; 0170 99", "030 123456, 0170 99"),
        *("030 123456 oder 0170 99", "+49 30 123456 ext. 7", "030 123456 x7", "12", "1" * 16, "030/123456/7"),
        *("030123456/57", "+49 30 123456 / +49 170 99", "++49 30 1", "30+49", "9" * 300),
    ],
)
def test_what_is_no_number_or_more_than_one_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"expected (one|a) phone number"):
        clean_phone(text)


@given(st.text(max_size=40), st.sampled_from([None, *sorted(COUNTRIES)]))
def test_cleaning_twice_is_cleaning_once_and_no_digit_is_made_up(text: str, country: str | None) -> None:
    try:
        number = clean_phone(text, country)
    except ValueError:
        return
    assert re.fullmatch(r"\+?[0-9]{3,15}", number)
    assert clean_phone(number, country).startswith(number[:3]) or country is not None
    if number.startswith("+"):
        assert clean_phone(number, country) == number


@given(st.emails())
def test_a_plain_address_stays_as_it_is_and_survives_its_wrappings(address: str) -> None:
    try:
        cleaned = clean_email(address)
    except ValueError:
        return
    assert clean_email(cleaned) == cleaned
    for wrapping in ("<{}>", "mailto:{}", "Ada Lovelace <{}>", "{},", "\u200b{}\u200b"):
        assert clean_email(wrapping.format(cleaned)) == cleaned
