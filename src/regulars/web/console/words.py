"""The words of a page in a language: texts by gettext; dates, numbers and money as that language writes them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cache
from gettext import GNUTranslations, NullTranslations
from io import BytesIO
from pathlib import Path
from zoneinfo import ZoneInfo

from babel import Locale, negotiate_locale
from babel.dates import format_date, format_time
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_currency, format_decimal, format_percent
from msgspec import Struct

CATALOGUES = Path(__file__).parent.parent / "locale"

#: The languages there are, by the tag that HTML has for each, with the name of its catalogue and its own name.
LANGUAGES: Mapping[str, tuple[str, str]] = {"en": ("en", "English"), "zh-Hans": ("zh_Hans", "简体中文")}

_ALSO = {"zh": "zh-Hans", "zh-cn": "zh-Hans", "zh-sg": "zh-Hans", "zh-hans-cn": "zh-Hans"}


def N_(message: str) -> str:  # noqa: N802 - the name that gettext has for it
    """Mark a text for translation where it stands; it is translated where it is shown."""
    return message


class Words(Struct, frozen=True):
    """A language, its catalogue, and the business's zone and currency."""

    language: str
    zone: ZoneInfo
    currency: str | None

    def text(self, message: str) -> str:
        """A text, translated; one that the catalogue doesn't have stays as it is."""
        return translated(self.language, message)

    def word(self, word: str) -> str:
        """A word of the rules or of the library, such as "at_risk", as people read it; one that isn't known stays."""
        return self.text(word.replace("_", " "))

    def day(self, moment: datetime | date | None) -> str:
        """A day as people write it; "" for none. An instant is a day in the business's zone."""
        if moment is None:
            return ""
        day = moment.astimezone(self.zone).date() if isinstance(moment, datetime) else moment
        return format_date(day, "medium", locale=self._locale)

    def weekday(self, day: date) -> str:
        """A day with the name of its weekday."""
        return format_date(day, "full", locale=self._locale)

    def minute(self, moment: datetime | date | None) -> str:
        """A day and a time to the minute; a bare date stays a day."""
        if not isinstance(moment, datetime):
            return self.day(moment)
        time = format_time(moment, "short", tzinfo=self.zone, locale=self._locale)
        return str(self._locale.datetime_formats["medium"]).format(time, self.day(moment))

    def ended_day(self, over: datetime) -> str:
        """The day that is over at an instant, such as a decision day."""
        return self.day(over - timedelta(microseconds=1))

    def lasting(self, time: timedelta) -> str:
        """How long something takes, in hours and minutes as on a clock: 26:05."""
        minutes = time // timedelta(minutes=1)
        return f"{minutes // 60}:{minutes % 60:02}"

    def money(self, amount: Decimal | None) -> str:
        """An amount in the store's currency; "" for none."""
        if amount is None:
            return ""
        if self.currency is None:
            return self.number(amount)
        return format_currency(amount, self.currency, locale=self._locale)

    def number(self, number: Decimal | int | float) -> str:
        """A number with the separators of the language."""
        return format_decimal(number, locale=self._locale)

    def exact(self, number: Decimal) -> str:
        """A number with all its digits."""
        return format_decimal(number, locale=self._locale, decimal_quantization=False)

    def price(self, price: Decimal) -> str:
        """A price with all its digits, as it may have parts of a cent."""
        if self.currency is None:
            return self.exact(price)
        return format_currency(price, self.currency, locale=self._locale, decimal_quantization=False)

    def share(self, share: float) -> str:
        """A share of 1 as a percentage."""
        return format_percent(share, locale=self._locale)

    @property
    def _locale(self) -> Locale:
        return Locale.parse(LANGUAGES[self.language][0])


@cache
def catalogue(language: str) -> NullTranslations:
    """The catalogue of a language; English is what is written in the source.

    It is compiled when it is first asked for, so that what translators write is the one file there is of a language.
    """
    name = LANGUAGES[language][0]
    path = CATALOGUES / name / "LC_MESSAGES" / "messages.po"
    if not path.exists():
        return NullTranslations()
    compiled = BytesIO()
    with path.open("rb") as file:
        write_mo(compiled, read_po(file, locale=name))
    compiled.seek(0)
    return GNUTranslations(compiled)


def translated(language: str, message: str) -> str:
    """A text in a language. "" is none: catalogues have what is said of themselves there."""
    return catalogue(language).gettext(message) if message else ""


def chosen(*wishes: str | None) -> str:
    """The first of some wishes that is a language there is, else English. A wish may be an Accept-Language header."""
    for wish in wishes:
        asked = [each.partition(";")[0].strip() for each in (wish or "")[:200].split(",")]
        known = [_ALSO.get(each.lower(), each) for each in asked]
        found = negotiate_locale(known, list(LANGUAGES), sep="-")
        if found is not None:
            return found
    return "en"
