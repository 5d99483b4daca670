"""Money: Decimal or text at the door, integer minor units inside. Source: ISO 4217, list one."""

from __future__ import annotations

import re
from decimal import Decimal

from regulars.crm_domain.errors import Rejected

# Larger than any order of a small firm, and far inside 64 bits even when a million of them are summed.
MAX_MINOR_UNITS = 10**12
_MAX_DIGITS = 12
_MAX_WRITTEN_DIGITS = 100

# Python reads more than people mean by a number: 1_000, digits of other scripts, nan.
_PLAIN = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")

_WITHOUT_MINOR_UNIT = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
_WITH_THREE_DIGITS = "BHD IQD JOD KWD LYD OMR TND"
_WITH_FOUR_DIGITS = "CLF UYW"
_WITH_TWO_DIGITS = """
AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF CHW
CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS
INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN
NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC
SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG
"""

EXPONENTS: dict[str, int] = {
    code: exponent
    for exponent, codes in (
        (0, _WITHOUT_MINOR_UNIT),
        (2, _WITH_TWO_DIGITS),
        (3, _WITH_THREE_DIGITS),
        (4, _WITH_FOUR_DIGITS),
    )
    for code in codes.split()
}


def exponent_of(currency: str) -> int:
    """Digits after the decimal point of a currency. Raises Rejected `unknown_currency`."""
    try:
        return EXPONENTS[currency]
    except KeyError:
        sentence = f'"{currency}" is not a currency code of ISO 4217; expected three capitals such as EUR'
        raise Rejected("unknown_currency", sentence) from None


def is_plain_number(text: str) -> bool:
    """Whether a text is a number as people write it: a sign, the digits 0 to 9, a point."""
    return _PLAIN.fullmatch(text) is not None


def plain_decimal(text: str) -> Decimal:
    """A number as people write it. Raises ValueError for what else Python reads."""
    if not is_plain_number(text.strip()):
        raise ValueError('a decimal number is written with the digits 0 to 9 and a point, such as "59.90"')
    return Decimal(text)


def plain_number(value: Decimal) -> str:
    """A number without exponent or needless zeros; exactly, whatever precision the caller's decimal context has."""
    text = format(value, "f") if value else "0"
    return text.rstrip("0").rstrip(".") if "." in text else text


def to_minor_units(amount: Decimal | str, currency: str) -> int:
    """Integer minor units of an amount, exactly.

    Raises Rejected `invalid_amount` where the amount is negative, not finite, too large, or finer than the
    currency's smallest coin.
    """
    exponent = exponent_of(currency)
    try:
        amount = plain_decimal(amount) if isinstance(amount, str) else amount
    except ValueError:
        raise Rejected("invalid_amount", f"an amount is a number from 0 upwards, not {amount}") from None
    if not amount.is_finite() or amount < 0:
        raise Rejected("invalid_amount", f"an amount is a number from 0 upwards, not {amount}")
    _, digits, power = amount.as_tuple()
    if len(digits) > _MAX_WRITTEN_DIGITS:
        raise Rejected("invalid_amount", f"an amount is written with at most {_MAX_WRITTEN_DIGITS} digits")
    assert isinstance(power, int)  # of a finite number
    minor = _shifted(digits, power + exponent)
    if minor is None:
        raise Rejected("invalid_amount", f"{amount} has more digits than {currency} has ({exponent})")
    if minor > MAX_MINOR_UNITS:
        limit = from_minor_units(MAX_MINOR_UNITS, currency)
        raise Rejected("invalid_amount", f"{amount} {currency} is more than the largest amount, {limit}")
    return minor


def _shifted(digits: tuple[int, ...], shift: int) -> int | None:
    """digits * 10**shift, None where that isn't whole; a number above the limit for whatever is far beyond it.

    Worked out on the digits, because Decimal's own arithmetic rounds as the program around us has set it up.
    """
    number = int("".join(map(str, digits)))
    if number == 0:
        return 0
    if shift >= 0:
        return MAX_MINOR_UNITS + 1 if shift > _MAX_DIGITS else number * 10**shift
    if -shift >= len(digits):
        return None
    whole, rest = divmod(number, 10**-shift)
    return None if rest else whole


def from_minor_units(minor: int, currency: str) -> Decimal:
    """The Decimal of an amount in minor units, with the currency's number of digits."""
    digits = tuple(map(int, str(abs(minor))))
    return Decimal((int(minor < 0), digits, -exponent_of(currency)))


def exact_price(text: str, currency: str) -> Decimal:
    """An exact price, given as plain decimal text, with all of its digits, and those of the currency at least."""
    whole, _, part = text.partition(".")
    digits = part.ljust(exponent_of(currency), "0")
    return Decimal(f"{whole}.{digits}" if digits else whole)
