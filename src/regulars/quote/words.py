"""The words of a quote's page, and how numbers and days are written, in the languages that it can be in."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from types import MappingProxyType
from typing import get_args

from msgspec import Struct

from regulars.projections.rules.grammar import Language


class Words(Struct, frozen=True, kw_only=True):
    """The words of one language. `day` and `dated` are patterns; `thousands` and `point` set digits apart."""

    tag: str
    quote: str
    revision: str
    to: str
    sent: str
    valid_until: str
    description: str
    quantity: str
    unit_price: str
    tax_rate: str
    net_amount: str
    gross_amount: str
    net: str
    tax: str
    of: str
    total: str
    exemption: str
    stated_net: str
    stated_gross: str
    accepted: str
    declined: str
    expired: str
    superseded: str
    sign: str
    day: str
    thousands: str
    point: str

    def day_of(self, day: date) -> str:
        """A day as people write it."""
        return self.day.format(year=day.year, month=day.month, day=day.day)

    def number(self, number: Decimal) -> str:
        """A number with all its digits."""
        return f"{number:,f}".translate({ord(","): self.thousands, ord("."): self.point})


WORDS: Mapping[Language, Words] = MappingProxyType(
    {
        "en": Words(
            tag="en",
            quote="Quote",
            revision="Revision",
            to="To",
            sent="Date",
            valid_until="Valid until",
            description="Description",
            quantity="Quantity",
            unit_price="Unit price",
            tax_rate="Tax",
            net_amount="Net amount",
            gross_amount="Amount with tax",
            net="Net total",
            tax="Tax {rate} %",
            of="on {net}",
            total="Total",
            exemption="Free of tax",
            stated_net="Prices are without tax.",
            stated_gross="Prices include tax.",
            accepted="Accepted on {day}",
            declined="Declined",
            expired="Expired on {day}",
            superseded="Superseded by revision {revision}",
            sign="Accepted: place, date, signature",
            day="{year}-{month:02}-{day:02}",
            thousands=",",
            point=".",
        ),
        "de": Words(
            tag="de",
            quote="Angebot",
            revision="Fassung",
            to="An",
            sent="Datum",
            valid_until="Gültig bis",
            description="Bezeichnung",
            quantity="Menge",
            unit_price="Einzelpreis",
            tax_rate="USt.",
            net_amount="Nettobetrag",
            gross_amount="Bruttobetrag",
            net="Summe netto",
            tax="Umsatzsteuer {rate} %",
            of="auf {net}",
            total="Gesamtbetrag",
            exemption="Steuerbefreiung",
            stated_net="Preise ohne Umsatzsteuer.",
            stated_gross="Preise einschließlich Umsatzsteuer.",
            accepted="Angenommen am {day}",
            declined="Abgelehnt",
            expired="Abgelaufen am {day}",
            superseded="Ersetzt durch Fassung {revision}",
            sign="Angenommen: Ort, Datum, Unterschrift",
            day="{day:02}.{month:02}.{year}",
            thousands=".",
            point=",",
        ),
        "zh": Words(
            tag="zh-CN",
            quote="报价单",
            revision="版本",
            to="致",
            sent="日期",
            valid_until="有效期至",
            description="项目",
            quantity="数量",
            unit_price="单价",
            tax_rate="税率",
            net_amount="不含税金额",
            gross_amount="含税金额",
            net="不含税合计",
            tax="税额 {rate}%",
            of="计税金额 {net}",
            total="价税合计",
            exemption="免税说明",
            stated_net="价格不含税。",
            stated_gross="价格含税。",
            accepted="已于 {day} 接受",
            declined="已拒绝",
            expired="已于 {day} 过期",
            superseded="已被版本 {revision} 取代",
            sign="接受：地点、日期、签字",
            day="{year}年{month}月{day}日",
            thousands=",",
            point=".",
        ),
    }
)


def words_of(language: str) -> Words:
    """The words of a language. Raises ValueError for one that a page can't be in."""
    for each, words in WORDS.items():
        if each == language:
            return words
    raise ValueError(f'a quote is written in one of {", ".join(get_args(Language))}, not "{language}"')
