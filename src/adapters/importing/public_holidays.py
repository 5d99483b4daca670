"""Holidays of a region, copied from the library `holidays` into rules; no fold asks it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from regulars.crm_domain.errors import InvalidRules

HolidaysOfYear = tuple[tuple[date, str], ...]


def public_holidays(region: str, years: Sequence[int]) -> dict[int, HolidaysOfYear]:
    """The public holidays of a country or a part of it, such as "DE-BY" (ISO 3166), by year, as they are called there.

    Raises InvalidRules without the library, for a region that it doesn't know, and for a year that it has nothing of.
    """
    try:
        import holidays
    except ImportError:
        raise InvalidRules(
            "to copy holidays install the extra: pip install 'regulars[holidays]'; or list them in the rules by hand"
        ) from None
    country, _, part = region_code(region).partition("-")
    try:
        known = holidays.country_holidays(country, subdiv=part or None)
        return {year: _of_year(known, country, part, year) for year in years}
    except NotImplementedError as error:
        raise InvalidRules(f'the holidays of "{region}" are not known: {error}; expected one such as DE-BY') from None


def region_code(region: str) -> str:
    """The code of a region as its country writes it, whatever the case: "DE-BY" for "de-by"; without the library, or
    for an unknown one, what was given.
    """
    try:
        import holidays
    except ImportError:
        return region
    country, dash, part = region.partition("-")
    country = country.upper()
    parts = holidays.list_supported_countries(include_aliases=False).get(country, [])
    return country + dash + next((each for each in parts if each.lower() == part.lower()), part)


def _of_year(known: Any, country: str, part: str, year: int) -> HolidaysOfYear:
    import holidays

    found = holidays.country_holidays(country, subdiv=part or None, years=year, language=known.default_language)
    days = tuple(sorted((day, name) for day, name in found.items() if day.year == year))
    if not days:
        raise InvalidRules(
            f"no holidays of {country}{'-' * bool(part)}{part} are known in {year}; they are known from "
            f"{known.start_year} to {known.end_year}"
        )
    return days
