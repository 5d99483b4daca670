"""The grammar of a ruleset: a TOML file in, a validated value out, and its identity.

The vocabulary is closed: thresholds and windows over named facts, no code, and nothing about a person that depends on
other people. Each projection brings the tables that it judges by; those of no projection stand here. The models are
read by people who write rules, so every error names the key, what was found, and what is allowed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from decimal import Decimal
from itertools import islice
from typing import Annotated, Any, Literal, get_args
from zoneinfo import ZoneInfo, available_timezones

from pydantic import Field, ValidationError, model_validator

from regulars.crm_domain.contact import COUNTRIES
from regulars.crm_domain.errors import InvalidRules
from regulars.projections.business_hours.rules import EveryHolidays, EveryHours, require_opening
from regulars.projections.campaigns import CampaignRules
from regulars.projections.care.rules import EveryCare, require_known
from regulars.projections.churn_risk.rules import ChurnRisk
from regulars.projections.customer_value.rules import Value
from regulars.projections.due_again.rules import DueAgain
from regulars.projections.facts.table import NO_TIER
from regulars.projections.lifecycle_stage.rules import Lifecycle
from regulars.projections.loyalty_tier.rules import Tier
from regulars.projections.parts import Part, Positive, canonical_json, suggestion
from regulars.projections.pipeline.rules import MAX_PIPELINES, PipelineRule, require_named_once
from regulars.projections.points.rules import EveryEarn, Points
from regulars.projections.points.rules import require_named_once as require_earning_once
from regulars.projections.rules.complaints import MAX_COMPLAINTS, complaints
from regulars.projections.rules.toml import read_toml
from regulars.projections.satisfaction.rules import Csat, Nps, Satisfaction
from regulars.projections.segments.rules import MAX_SEGMENTS, SegmentRule, require_earlier
from regulars.projections.ticket_queue.rules import Ticket

# Zones that are another one on each machine, or none.
_NOWHERE = frozenset({"localtime", "Factory", "posixrules"})


class Business(Part):
    """The zone in which a bare date ends its day and months are counted, the country of phone numbers, and when the
    business is open.
    """

    timezone: str = Field(
        description='The zone in which a bare date ends its day and months are counted, such as "Europe/Berlin".'
    )
    country: str | None = Field(
        default=None,
        description='Where a phone number without a country\'s code is at home, such as "DE" (ISO 3166): then numbers '
        "are compared in international form, and as they were written otherwise.",
    )
    hours: EveryHours | None = Field(
        default=None, description="When the business is open, by which tickets' clocks run; without, round the clock."
    )
    holidays: EveryHolidays | None = Field(
        default=None,
        description="Days not as their weekday; `regulars rules holidays` writes those of a region.",
    )

    @model_validator(mode="after")
    def _opens(self) -> Business:
        require_opening(self.hours or (), self.holidays or ())
        return self

    @model_validator(mode="after")
    def _is_a_country(self) -> Business:
        if self.country is not None and self.country not in COUNTRIES:
            meant = suggestion(self.country, sorted(COUNTRIES))
            raise ValueError(f'"{self.country}" is not a country in two letters of ISO 3166, such as "DE"{meant}')
        return self

    @model_validator(mode="after")
    def _exists(self) -> Business:
        try:
            ZoneInfo(self.timezone)
            if self.timezone in _NOWHERE:
                raise ValueError(self.timezone)
        except (KeyError, ValueError, OSError):
            meant = suggestion(self.timezone, sorted(available_timezones()))
            raise ValueError(f'"{self.timezone}" is not a time zone such as "Europe/Berlin"{meant}') from None
        return self


class Cadence(Part):
    """A customer's expected gap between orders: their own, shrunk toward a prior, and never below a least one."""

    prior_gap_days: Positive = Field(description="The gap that is expected of somebody of whom nothing is known.")
    prior_weight: Positive = Field(description="The prior gap counts as much as so many gaps of their own.")
    min_gap_days: Positive = Field(description="No expected gap is less than this.")
    buying_days: Annotated[bool, Field(strict=True)] | None = Field(
        default=None,
        description="Whether cadence and frequency count the days on which somebody bought, in the business's zone, so "
        "that a split basket is one; by default, they count orders.",
    )


#: The languages that a page to send can be in.
Language = Literal["en", "de", "zh"]


class Letterhead(Part):
    """Whose pages are sent to customers, such as quotes, and in which language."""

    name: str = Field(default="", max_length=200, description="The business, as customers know it; without, no name.")
    language: Language = Field(default="en", description="In which language: English, German or Chinese.")


class Ruleset(Part):
    """A whole ruleset. Two are the same where their digests are.

    A table that has defaults, as those of extensions do, is no part of the canonical form where it equals them: so
    whether its extension is there makes no difference to rules that don't use it.
    """

    business: Business = Field(description="Where the business is.")
    cadence: Cadence = Field(
        description="What gap between orders is expected of a customer: their own, shrunk toward a prior."
    )
    lifecycle: Lifecycle = Field(description="The ladder of stages.")
    tier: Tier = Field(description="Loyalty by spend.")
    churn_risk: ChurnRisk = Field(description="The risk that a customer leaves, from 0 to 100.")
    ticket: Ticket = Field(description="Targets of the help desk, in hours in which the business is open.")
    satisfaction: Satisfaction = Field(
        description="What an answer to a survey says, how long it counts, and when somebody may be asked again."
    )
    points: Points = Field(description="How points are earned, and when they can be spent and expire.")
    earn: EveryEarn = Field(default=(), description="Occasions on which bonus points are given.")
    segment: Annotated[tuple[SegmentRule, ...], Field(max_length=MAX_SEGMENTS)] = Field(
        default=(), description="Segments: who belongs together."
    )
    care: EveryCare = Field(default=(), description="Occasions on which somebody is to be reminded of a customer.")
    due_again: DueAgain = Field(
        default=DueAgain(), description="After how long customers buy an item again; of items that are named here."
    )
    campaigns: CampaignRules = Field(
        default=CampaignRules(), description="How often somebody may be in a campaign, and when nothing is sent."
    )
    value: Value | None = Field(
        default=None, description="What a customer is worth by what they bought lately; without it, nobody has a value."
    )
    letterhead: Letterhead = Field(
        default=Letterhead(), description="From whom, and in which language, pages that are sent are, such as quotes."
    )
    pipeline: Annotated[tuple[PipelineRule, ...], Field(max_length=MAX_PIPELINES)] = Field(
        default=(), description="Pipelines: the stages of opportunities; without one, none can be opened."
    )

    @model_validator(mode="after")
    def _asks_for_what_there_is(self) -> Ruleset:
        given = {
            "stage": {rung.stage for rung in self.lifecycle.stage},
            "tier": {NO_TIER, *(level.name for level in self.tier.levels)},
            "risk_band": {*self.churn_risk.bands},
            "value": set() if self.value is None else {band.id for band in self.value.bands},
            "nps_category": {*get_args(Nps)},
            "csat_category": {*get_args(Csat)},
        }
        for table, each, conditions in (
            *(("lifecycle", rung.id, rung.when) for rung in self.lifecycle.stage),
            *(("segment", segment.id, segment.conditions) for segment in self.segment),
            *(("care", each.id, each.conditions) for each in self.care),
        ):
            for condition in conditions:
                for word in (*(condition.in_ or ()), *(condition.not_in or ())):
                    allowed = given.get(condition.fact, {word})
                    if word not in allowed:
                        meant = suggestion(word, sorted(allowed))
                        raise ValueError(
                            f'{table}: "{each}" asks for the {condition.fact} "{word}", which there isn\'t{meant}'
                        )
        return self

    @model_validator(mode="after")
    def _names_each_pipeline_once(self) -> Ruleset:
        require_named_once(self.pipeline)
        return self

    @model_validator(mode="after")
    def _names_each_bonus_once(self) -> Ruleset:
        require_earning_once(self.earn)
        return self

    @model_validator(mode="after")
    def _asks_for_earlier_segments(self) -> Ruleset:
        require_earlier(self.segment)
        return self

    @model_validator(mode="after")
    def _cares_for_what_there_is(self) -> Ruleset:
        named = [each.name for listed in self.business.holidays or () for each in listed.days if each.name is not None]
        tiers = [NO_TIER, *(level.name for level in self.tier.levels)]
        require_known(self.care, named, tiers, [each.id for each in self.segment])
        return self

    def canonical(self) -> str:
        """The one JSON text of this ruleset: keys sorted, numbers in plain decimal, comments gone."""
        fields = type(self).model_fields.items()
        unused = {name for name, info in fields if not info.is_required() and getattr(self, name) == info.default}
        return canonical_json(self.model_dump(by_alias=True, exclude=unused))

    def canonical_tables(self) -> dict[str, str]:
        """The canonical form of each table, by its name; nothing for one that is left out."""
        tables = self.model_dump(by_alias=True)
        named = {name: info.alias or name for name, info in type(self).model_fields.items()}
        return {name: "" if tables[key] is None else canonical_json(tables[key]) for name, key in named.items()}

    def digest(self) -> str:
        """SHA-256 of the canonical form, in hexadecimal."""
        return hashlib.sha256(self.canonical().encode()).hexdigest()

    @property
    def zone(self) -> ZoneInfo:
        """The business's time zone."""
        return ZoneInfo(self.business.timezone)


def parse_rules(text: str, source: str = "rules", grammar: type[Ruleset] = Ruleset) -> Ruleset:
    """The ruleset of a TOML text. Raises InvalidRules, naming `source` and every key that is wrong.

    `grammar` is that of the registry, which knows the tables of extensions.
    """
    try:
        data = read_toml(text)
    except ValueError as error:
        raise InvalidRules(f"{source} is not TOML: {error}") from None
    return validate_rules(data, source, grammar)


def validate_rules(data: Mapping[str, Any], source: str = "rules", grammar: type[Ruleset] = Ruleset) -> Ruleset:
    """The ruleset of parsed data. Raises InvalidRules, naming `source` and every key that is wrong."""
    try:
        return grammar.model_validate(data)
    except ValidationError as error:
        lines = [f"  {line}" for line in islice(complaints(error, grammar), MAX_COMPLAINTS)]
        more = error.error_count() - len(lines)
        lines += [f"  and {more:,} more"] if more else []
        raise InvalidRules("\n".join([f"{source} breaks the grammar of rules:", *lines])) from None


def require_valid(ruleset: Ruleset) -> None:
    """Raise InvalidRules for a ruleset that breaks the grammar, as one made by `model_copy` may: nothing checked it."""
    validate_rules(json.loads(ruleset.canonical(), parse_float=Decimal), "the ruleset", type(ruleset))


def restore_rules(canonical: str, grammar: type[Ruleset] = Ruleset) -> Ruleset:
    """The ruleset that a canonical text stands for.

    A table of an extension that isn't here is left out: nobody judges by it.
    """
    tables = json.loads(canonical, parse_float=Decimal)
    if isinstance(tables, dict):
        tables = {name: table for name, table in tables.items() if name in grammar.model_fields}
    return grammar.model_validate(tables)
