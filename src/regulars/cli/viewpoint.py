"""The viewpoint of a query, by `--known-at` and `--rules`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from regulars.adapters.importing.source import STANDARD_INPUT
from regulars.asking.customers import lane_values
from regulars.asking.views import Lane
from regulars.cli import render
from regulars.cli.progress import waiting
from regulars.cli.rules_file import read_rules
from regulars.cli.words import parse_moment
from regulars.crm import Regulars
from regulars.crm_domain.errors import InvalidRules
from regulars.crm_domain.instant import to_datetime
from regulars.crm_domain.rulebook import short
from regulars.projections.rules.grammar import Ruleset
from regulars.session.instants import instant_of
from regulars.session.session import AnyRules

IN_FORCE = "current"

_GOES_ON = "Stopped. The same question goes on where it was."

#: Of a question that takes no rules.
KnownThen = Annotated[
    date | None,
    typer.Option("--known-at", metavar="WHEN", parser=parse_moment, help="Leave out what was recorded later."),
]
KnownAt = Annotated[
    date | None,
    typer.Option(
        "--known-at",
        metavar="WHEN",
        parser=parse_moment,
        help="Leave out what was recorded later. The rules are those in force then, unless --rules says otherwise.",
    ),
]
ByRules = Annotated[
    str | None,
    typer.Option(
        "--rules",
        metavar="RULES",
        help="Judge by other rules: the number of a version, a TOML file, or current for those in force now.",
    ),
]


@dataclass(frozen=True, slots=True)
class Viewpoint:
    """What a question leaves out and is judged by. `known_at` and `rules` are None where nothing was said of them."""

    known_at: date | None
    rules: AnyRules | None
    ruleset: Ruleset
    zone: ZoneInfo

    @property
    def is_given(self) -> bool:
        """Whether it is another one than everybody's."""
        return self.known_at is not None or self.rules is not None

    def values(self, lane: Lane) -> tuple[str, ...]:
        """What a lane's verdicts can be."""
        return lane_values(self.ruleset, lane)

    def heading(self, as_of: date | None) -> str:
        """As of when, as known on which day, by which rules."""
        moment = "now" if as_of is None else render.moment(as_of, self.zone)
        return ", ".join([f"As of {moment}", *([self.subheading] if self.is_given else [])])

    @property
    def subheading(self) -> str:
        """As known on which day, by which rules; nothing where nothing was said."""
        if not self.is_given:
            return ""
        known = "" if self.known_at is None else f"as known on {render.moment(self.known_at, self.zone)}, "
        return f"{known}by rules {short(self.ruleset.digest())}"

    def as_json(self) -> dict[str, str | None]:
        """The same for machines."""
        known = None if self.known_at is None else to_datetime(instant_of(self.known_at, self.zone)).isoformat()
        return {"known_at": known, "rules": self.ruleset.digest()}


def viewpoint(crm: Regulars, known_at: date | None, rules: str | None) -> Viewpoint:
    """The viewpoint that was typed. Raises InvalidRules for a file without rules, NotFound for a version of none."""
    meant = None if rules is None else _rules(crm, rules)
    judging = crm.rules.judging(known_at=known_at, rules=meant)
    return Viewpoint(known_at=known_at, rules=meant, ruleset=judging, zone=crm.ruleset.zone)


def _rules(crm: Regulars, typed: str) -> AnyRules:
    if typed == IN_FORCE:
        return crm.rules.in_force
    if typed.isascii() and typed.isdigit() and len(typed) < 10:
        return int(typed)
    if typed != STANDARD_INPUT and not Path(typed).exists():
        raise InvalidRules(f'there is no file {typed}; --rules takes the number of a version, a file, or "{IN_FORCE}"')
    return read_rules(typed)


def build_lists(crm: Regulars, seen: Viewpoint) -> None:
    """Build what lists from a viewpoint answer from, where it isn't built yet, and show how far that is."""
    if not seen.is_given:
        fold_first(crm)
        return
    with waiting("folding in", if_stopped=_GOES_ON) as on_progress:
        crm.customers(limit=1, known_at=seen.known_at, rules=seen.rules, on_progress=on_progress)


def fold_first(crm: Regulars) -> None:
    """Where nothing is folded in yet, as in a copy, do that however long it takes, and show how far it is."""
    if any(each.is_live and each.checkpoint == 0 for each in crm.projections.generations()):
        with waiting("folding in", if_stopped=_GOES_ON) as on_progress:
            crm.catch_up(on_progress)
