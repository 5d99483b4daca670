"""Whether a text names a person: what stands by itself in it, and not what begins or ends like it."""

from __future__ import annotations

import pytest

from adapters.naming import Names

ADA = Names(spellings=["shop:4", "ada@example.com"], phones=["+49 30 123456"])


@pytest.mark.parametrize(
    "text",
    [
        "shop:4",
        "1997-01-01,shop:4,5.00",
        'no customer has the reference "shop:4"',
        "that was shop:4.",
        "SHOP:4;x",
        "Ada <Ada@Example.com>",
        '{"mail":"ada@example.com"}',
        "call +49 30 123456 today",
        "call +4930123456 today",
        "call +49-30-(12)3456, today",
    ],
)
def test_a_reference_an_e_mail_or_a_phone_number_is_found(text: str) -> None:
    assert ADA.are_in(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "4",
        "shop:42",
        "shop:4:1",
        "shop:4-1",
        "my-shop:4",
        "ada@example.com.au",
        "nada@example.com",
        "dr.ada@example.com",
        "+49 30 1234567",
        "Ada",
    ],
)
def test_what_is_somebody_elses_is_not(text: str) -> None:
    assert not ADA.are_in(text)


def test_who_is_called_nothing_is_named_nowhere() -> None:
    nobody = Names(spellings=[], phones=[])
    assert not nobody.are_in("")
    assert not nobody.are_in("shop:4")
    assert not Names(spellings=[""], phones=[]).are_in("shop:4")


def test_a_short_number_is_found_only_as_it_was_written() -> None:
    short = Names(spellings=[], phones=["11 0"])
    assert short.are_in("call 11 0")
    assert not short.are_in("110,59.90")
