"""What a quote comes to: tax is rounded half up once per rate, on the net total of that rate.

Source: EN 16931-1:2017, the European norm for electronic invoices. A line comes to its quantity times its unit price,
in whole minor units (BT-131); the net total of a rate is the sum of its lines (BT-116); its tax is that times the rate,
rounded once (BR-CO-17); the whole is the sum over the rates (BR-CO-14), and gross is net and tax (BR-CO-15). The norm
knows net prices only. Where prices are stated gross, the net total of a rate is worked out likewise: of the gross total
of that rate, rounded once; the tax is the rest. So net and tax make gross to the last coin, of each rate and in all.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from typing import Literal

from msgspec import Struct

#: Whether prices are stated without tax or with it.
Prices = Literal["net", "gross"]


class RateTotal(Struct, frozen=True):
    """What the lines of one tax rate come to, in minor units; `rate` is in percent, as plain decimal text."""

    rate: str
    net: int
    tax: int

    @property
    def gross(self) -> int:
        """Net and tax."""
        return self.net + self.tax


class Totals(Struct, frozen=True):
    """What all lines come to, by rate from the highest on; amounts are in minor units."""

    rates: tuple[RateTotal, ...]

    @property
    def net(self) -> int:
        """The net totals of all rates."""
        return sum(each.net for each in self.rates)

    @property
    def tax(self) -> int:
        """The tax of all rates."""
        return sum(each.tax for each in self.rates)

    @property
    def gross(self) -> int:
        """Net and tax."""
        return self.net + self.tax


def half_up(amount: Fraction) -> int:
    """The nearest whole number to an amount that isn't below zero; of two, the higher one."""
    return (2 * amount.numerator + amount.denominator) // (2 * amount.denominator)


def line_amount(quantity: str, unit_price: str, exponent: int) -> int:
    """What a line comes to, in minor units of a currency with so many digits: both are exact decimals as text."""
    return half_up(Fraction(quantity) * Fraction(unit_price) * 10**exponent)


def totals(lines: Iterable[tuple[str, int]], prices: Prices) -> Totals:
    """What lines come to, each given by its tax rate in percent and its amount in minor units, net or gross."""
    by_rate: dict[str, int] = {}
    for rate, amount in lines:
        by_rate[rate] = by_rate.get(rate, 0) + amount
    return Totals(tuple(_of_rate(rate, by_rate[rate], prices) for rate in sorted(by_rate, key=Fraction, reverse=True)))


def _of_rate(rate: str, stated: int, prices: Prices) -> RateTotal:
    percent = Fraction(rate)
    if prices == "net":
        return RateTotal(rate, stated, half_up(stated * percent / 100))
    net = half_up(stated * 100 / (100 + percent))
    return RateTotal(rate, net, stated - net)
