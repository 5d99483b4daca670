"""Amounts as people and programs write them: signs, currencies, grouped digits, and which of two signs is the decimal.

    -59.90   (59.90)   59.90-   −59.90   +59.90   €59.90   59.90 EUR   1,059.90   1'059.90   12,34,567.00   .90   59.

One policy for what is ambiguous: unless it is said which sign is the decimal one, only what the point explains is
taken, and nothing that the comma would explain as another number. So `59.90` and `1,059.90` are read; `59,90` is
refused, and so are `1,059` and `1.059`, which each mean two things.
"""

from __future__ import annotations

import re
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, ROUND_UP, Context, Decimal
from typing import Literal, get_args

from msgspec import Struct

from regulars.crm_domain.money import EXPONENTS

# Far more digits than the largest amount has, and few enough for Decimal to be exact.
MAX_DIGITS = 24
MAX_CHARACTERS = 60

Rounding = Literal["half_up", "half_even", "down", "up"]
ROUNDINGS: tuple[Rounding, ...] = get_args(Rounding)
_RULES = dict(zip(ROUNDINGS, (ROUND_HALF_UP, ROUND_HALF_EVEN, ROUND_DOWN, ROUND_UP), strict=True))
# Decimal rounds as the program around us has set it up, unless it is told otherwise.
_EXACT = Context(prec=4 * MAX_DIGITS)

_DOLLARS = "USD AUD BBD BMD BND BSD BZD CAD FJD GYD HKD JMD KYD LRD NAD NZD SBD SGD SRD TTD TWD XCD ARS CLP COP MXN UYU"
_SIGNS = {
    "€": "EUR",
    "euro": "EUR",
    "$": _DOLLARS,
    "us$": "USD",
    "a$": "AUD",
    "au$": "AUD",
    "c$": "CAD",
    "ca$": "CAD",
    "hk$": "HKD",
    "nt$": "TWD",
    "nz$": "NZD",
    "r$": "BRL",
    "s$": "SGD",
    "mx$": "MXN",
    "£": "GBP EGP FKP GIP LBP SHP SSP SYP",
    "¥": "JPY CNY",
    "円": "JPY",
    "元": "CNY",
    "₹": "INR",
    "rs": "INR LKR MUR NPR PKR SCR",
    "rs.": "INR LKR MUR NPR PKR SCR",
    "fr.": "CHF",
    "sfr.": "CHF",
    "kr": "DKK ISK NOK SEK",
    "kr.": "DKK ISK NOK SEK",
    "zł": "PLN",
    "kč": "CZK",
    "ft": "HUF",
    "lei": "RON MDL",
    "лв": "BGN",
    "лв.": "BGN",
    "₽": "RUB",
    "₺": "TRY",
    "₩": "KRW KPW",
    "₴": "UAH",
    "₫": "VND",
    "₪": "ILS",
    "฿": "THB",
    "₱": "PHP",
    "₦": "NGN",
}
_CURRENCIES: dict[str, frozenset[str]] = {
    **{word: frozenset(codes.split()) for word, codes in _SIGNS.items()},
    **{code.lower(): frozenset({code}) for code in EXPONENTS},
}

_MINUS = "\u2212\u2013\u2012\ufe63"
_SPACES = "\u00a0\u2007\u2009\u202f\u3000\t"
_APOSTROPHES = "\u2019\u02bc\u00b4`"
_AS_TYPED = str.maketrans(
    {
        **dict.fromkeys(_MINUS, "-"),
        **dict.fromkeys(_SPACES, " "),
        **dict.fromkeys(_APOSTROPHES, "'"),
        **{chr(0xFEE0 + code): chr(code) for code in range(0x21, 0x7F)},  # full width
        "\uffe5": "¥",
    }
)
_BEFORE = re.compile(r"([^\d\s.,'()+-]{1,5}\.?) ?(?=[\d.,(+-])")
_AFTER = re.compile(r"(?<=[\d.,)-]) ?([^\d\s.,'()+-]{1,5}\.?)$")


def _numbers(decimal: str, grouping: str, two_by_two: str) -> re.Pattern[str]:
    grouped = rf"[1-9][0-9]{{0,2}}([{grouping}])[0-9]{{3}}(?:\1[0-9]{{3}})*"
    return re.compile(rf"(?:{grouped}{two_by_two}|[0-9]+)(?:{decimal}[0-9]*)?|{decimal}[0-9]+")


_WITH_POINT = _numbers(r"\.", ",' ", r"|[1-9][0-9]?(?:,[0-9]{2})+,[0-9]{3}")
_WITH_COMMA = _numbers(",", ".' ", "")
_MINOR = re.compile(r"([0-9]+)(?:\.0)?")
_POINT = str.maketrans("", "", ",' ")
_COMMA = str.maketrans(",", ".", ".' ")


class Money(Struct, frozen=True):
    """An amount, and the currencies that its sign or code may stand for: none where it has neither."""

    amount: Decimal
    currencies: frozenset[str] = frozenset()


class NotAnAmount(ValueError):
    """A text isn't an amount; `expected` says what would be, `remedy` what might make it one, where that is known."""

    def __init__(self, expected: str, remedy: str = "") -> None:
        super().__init__(f"{expected}; {remedy}" if remedy else expected)
        self.expected = expected
        self.remedy = remedy


def read_amount(text: str, *, decimal_comma: bool | None = None, is_fine: bool = False) -> Money:
    """An amount in major units. Without `decimal_comma` the decimal sign is a point, where that is beyond doubt.

    `is_fine` says that three digits after a point are no wonder, as in a currency of three digits. Raises NotAnAmount.
    """
    number, is_negative, currencies = _peeled(text)
    found = _number(number, decimal_comma, is_fine)
    return Money(-found if is_negative and found else found, currencies)


def read_minor(text: str, exponent: int) -> Money:
    """An amount in minor units of a currency with so many digits after the point. Raises NotAnAmount."""
    number, is_negative, currencies = _peeled(text)
    found = _MINOR.fullmatch(number)
    if found is None or len(number) > MAX_DIGITS:
        raise NotAnAmount("expected an amount in minor units, such as 5990")
    amount = Decimal(found[1]).scaleb(-exponent, _EXACT)
    return Money(-amount if is_negative and amount else amount, currencies)


def product(one: Decimal, other: Decimal) -> Decimal:
    """The exact product."""
    return _EXACT.multiply(one, other)


def rounded(amount: Decimal, exponent: int, rule: Rounding) -> Decimal:
    """An amount with so many digits after the point; `up` is away from zero, and `down` towards it."""
    return amount.quantize(Decimal(1).scaleb(-exponent), _RULES[rule], _EXACT)


def _number(text: str, decimal_comma: bool | None, is_fine: bool) -> Decimal:
    by_point, by_comma = _read(_WITH_POINT, _POINT, text), _read(_WITH_COMMA, _COMMA, text)
    if decimal_comma is not None:
        found = by_comma if decimal_comma else by_point
        if found is None:
            raise NotAnAmount(f"expected an amount such as {'1.234,50' if decimal_comma else '1,234.50'}")
        return found
    if by_point is None:
        remedy = "" if by_comma is None else "if the comma is the decimal sign, say decimal_comma = true"
        raise NotAnAmount("expected an amount such as 1,234.50", remedy)
    if by_comma not in (None, by_point) and not (is_fine and "." in text):
        remedy = f"it is {by_point} with decimal_comma = false and {by_comma} with decimal_comma = true"
        raise NotAnAmount("expected an amount that means one thing", remedy)
    return by_point


def _read(pattern: re.Pattern[str], plain: dict[int, int | None], text: str) -> Decimal | None:
    if sum(map(str.isdigit, text)) > MAX_DIGITS or pattern.fullmatch(text) is None:
        return None
    return Decimal(text.translate(plain))


def _peeled(text: str) -> tuple[str, bool, frozenset[str]]:
    """The bare number, whether it is negative, and its currencies. A sign and a currency may stand on either side."""
    rest = text.translate(_AS_TYPED).strip() if len(text) <= MAX_CHARACTERS else ""
    signs, said = "", frozenset[str]()
    for _ in range(4):  # a sign or parentheses, and two words for the currency at most, in any order
        if rest[:1] == "(" and rest[-1:] == ")":
            signs, rest = signs + "-", rest[1:-1].strip()
        elif rest[:1] in ("+", "-"):
            signs, rest = signs + rest[0], rest[1:].lstrip()
        elif rest[-1:] == "-" and rest[:-1].rstrip()[-1:].isdigit():  # after a comma it stands for no cents
            signs, rest = signs + "-", rest[:-1].rstrip()
        elif (word := _currency(rest)) is not None:
            codes, rest = word
            said = said & codes if said else codes
            if not said:
                raise NotAnAmount("expected an amount in one currency")
    if len(signs) > 1:
        raise NotAnAmount("expected an amount such as 1,234.50")
    return rest, "-" in signs, said


def _currency(text: str) -> tuple[frozenset[str], str] | None:
    """The currencies that the text begins or ends with, and the rest of it."""
    for pattern in (_BEFORE, _AFTER):
        found = pattern.search(text) if pattern is _AFTER else pattern.match(text)
        if found is None:
            continue
        for end in (0, 1):  # "Rs.90" has a word with a point, "€.90" one without
            word = found[1][: len(found[1]) - end] if end else found[1]
            if word.lower() in _CURRENCIES:
                dropped = found.start(1) + len(word)
                rest = text[dropped:] if pattern is _BEFORE else text[: found.start(1)]
                return _CURRENCIES[word.lower()], rest.strip()
    return None
