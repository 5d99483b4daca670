"""`rules holidays`: the holidays of a region as a part of the rules."""

from __future__ import annotations

import json as to_json
import sys
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Annotated

import typer

from regulars.adapters.importing.public_holidays import HolidaysOfYear, public_holidays, region_code
from regulars.cli import as_json, render
from regulars.cli.opening import JsonOption
from regulars.crm_domain.errors import InvalidRules
from regulars.projections.rules.grammar import Ruleset, parse_rules


def holidays(
    region: Annotated[str, typer.Argument(metavar="REGION", help="A country or a part of it: DE, DE-BY, US-CA.")],
    years: Annotated[list[int], typer.Argument(metavar="YEAR", min=1900, max=2999, help="One or more years.")],
    into: Annotated[
        Path | None, typer.Option("--into", metavar="FILE", help="Add them to a file of rules, in place of printing.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Write the holidays of a region in some years as a part of the rules.

    They count for business hours that keep them: holidays = ["DE-BY"]. Read them, and take out the days on which you
    are open. No store is needed.
    """
    region = region_code(region)
    found = public_holidays(region, sorted(set(years)))
    text = "\n".join(_table(region, year, days) for year, days in found.items())
    if into is not None:
        _add(text, into, region, found.keys())
    if json:
        as_json.write_json(sys.stdout, {"region": region, "years": [_year(*each) for each in found.items()]})
    elif into is None:
        sys.stdout.write(text)
    else:
        count = sum(map(len, found.values()))
        render.draw(f"Added {count} holidays of {region} to {into}.")


def _table(region: str, year: int, days: HolidaysOfYear) -> str:
    lines = (f"  {{ day = {day}, name = {_quoted(name)} }}," for day, name in days)
    head = ("[[business.holidays]]", f"region = {_quoted(region)}", f"year = {year}", "days = [")
    return "\n".join([*head, *lines, "]", ""])


def _year(year: int, days: HolidaysOfYear) -> dict[str, object]:
    return {"year": year, "days": [{"day": day.isoformat(), "name": name} for day, name in days]}


def _quoted(text: str) -> str:
    return to_json.dumps(text, ensure_ascii=False)


def _add(text: str, into: Path, region: str, years: Collection[int]) -> None:
    """Add a text to a file of rules. Raises InvalidRules where that would be none, and leaves it as it was."""
    try:
        before = into.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeError) as error:
        raise InvalidRules(f"{into} can't be read: {getattr(error, 'strerror', None) or error}") from None
    lists = parse_rules(before, str(into)).business.holidays or ()
    there = {each.year for each in lists if each.region == region}
    if listed := [year for year in years if year in there]:
        raise InvalidRules(f"{into} lists the holidays of {region} in {said_years(listed)} already; nothing was added")
    added = f"{'' if before.endswith(chr(10)) else chr(10)}\n{text}"
    found = parse_rules(before + added, f"{into} with the holidays of {region}")
    try:
        with into.open("a", encoding="utf-8") as file:
            file.write(added)
    except OSError as error:
        raise InvalidRules(f"{into} can't be written: {error.strerror}") from None
    if region not in {each for hours in found.business.hours or () for each in hours.holidays}:
        typer.echo(
            f"regulars: no [[business.hours]] keeps them yet; say there: holidays = [{_quoted(region)}]", err=True
        )


def said_years(years: Iterable[int]) -> str:
    """Years that rise, those in a row as a range: 2024, 2026 to 2030."""
    runs: list[list[int]] = []
    for year in years:
        if runs and year == runs[-1][-1] + 1:
            runs[-1].append(year)
        else:
            runs.append([year])
    return ", ".join(f"{run[0]} to {run[-1]}" if len(run) > 2 else ", ".join(map(str, run)) for run in runs)


def said_of_holidays(ruleset: Ruleset) -> list[str]:
    """For each region whose holidays are kept, the years in which they are listed, in a sentence."""
    listed = years_listed(ruleset)
    return [
        f"Holidays of {region} are listed for {said_years(years)}; in other years clocks run on them as on other days."
        if years
        else f"No holidays of {region} are listed, so clocks run on them as on other days."
        for region, years in listed.items()
    ]


def years_listed(ruleset: Ruleset) -> dict[str, list[int]]:
    """For each region whose holidays are kept, the years in which they are listed."""
    regions = sorted({region for hours in ruleset.business.hours or () for region in hours.holidays})
    lists = ruleset.business.holidays or ()
    return {
        region: sorted(each.year for each in lists if each.region == region and each.year is not None)
        for region in regions
    }
