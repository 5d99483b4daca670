"""Parsing arguments of the command line; an error says what was expected."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta

import typer

from regulars.wording.typed import read_span

_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_YEARS = range(1900, 3000)

_EXPECTED = "expected a day such as 1997-09-30, or a time with its zone such as 1997-09-30T12:00:00+02:00"


def parse_moment(text: str) -> date:
    """A day, or a datetime with a zone. Raises typer.BadParameter for anything else."""
    try:
        moment = date.fromisoformat(text) if _DAY.fullmatch(text) else datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f'{_EXPECTED}, not "{text}"') from None
    if isinstance(moment, datetime) and moment.tzinfo is None:
        raise typer.BadParameter(f'"{text}" names no zone; {_EXPECTED}')
    if moment.year not in _YEARS:
        raise typer.BadParameter(f'"{text}" is out of reach; years run from {_YEARS[0]} to {_YEARS[-1]}')
    return moment


def parse_day(text: str) -> date:
    """A day. Raises typer.BadParameter for anything else."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f'expected a day such as 2026-03-01, not "{text}"') from None


def parse_span(text: str) -> timedelta:
    """A length of time such as 36h, 14d or 2w. Raises typer.BadParameter for anything else."""
    try:
        return read_span(text.strip())
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
