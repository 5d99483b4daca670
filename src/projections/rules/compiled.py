"""A ruleset made ready for judging: thresholds as fractions and microseconds, money as minor units.

Everything is an integer or a Fraction, so a boundary is one exact instant: a ratio that lands a hair short of its step
would make a fold that never ends.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from zoneinfo import ZoneInfo

from msgspec import Struct

from regulars.crm_domain.money import exponent_of
from regulars.projections.business_hours.compiled import compile_calendar
from regulars.projections.business_hours.rules import canonical_opening
from regulars.projections.churn_risk.compiled import Risk, compile_risk
from regulars.projections.customer_value.compiled import Bands, compile_bands
from regulars.projections.due_again.compiled import DueItems, compile_due_items
from regulars.projections.facts.cadence import Cadence, cadence_of
from regulars.projections.facts.calendar import Calendar
from regulars.projections.facts.tickets import TicketRules
from regulars.projections.lifecycle_stage.compiled import Ladder, compile_ladder
from regulars.projections.loyalty_tier.compiled import Tiers, compile_tiers
from regulars.projections.pipeline.compiled import Pipelines, compile_pipelines
from regulars.projections.rules import grammar
from regulars.projections.rules.section import Section
from regulars.projections.satisfaction.compiled import SatisfactionRules, compile_satisfaction
from regulars.projections.segments.compiled import Segments, compile_segments
from regulars.projections.ticket_queue.compiled import compile_ticket_rules


class Rules(Struct, frozen=True, kw_only=True):
    """A compiled ruleset. `digest` is that of the `ruleset` it was made from, and `canonical` has the canonical form of
    each of its tables, with the zone where days are counted by that. `sections` is what the tables of extensions were
    compiled to, by their names. `currency` is the store's, None where it has none yet.
    """

    ruleset: grammar.Ruleset
    currency: str | None
    digest: str
    canonical: dict[str, str]
    zone: ZoneInfo
    cadence: Cadence
    ladder: Ladder
    spell_stages: frozenset[str]
    tiers: Tiers
    risk: Risk
    tickets: TicketRules
    segments: Segments
    due_again: DueItems
    satisfaction: SatisfactionRules
    value: Bands | None
    pipelines: Pipelines
    exponent: int
    sections: dict[str, Any]


def compile_rules(ruleset: grammar.Ruleset, currency: str | None, sections: Sequence[Section] = ()) -> Rules:
    """Make a ruleset ready. `currency` is the store's; while it has none, no amount has been recorded either.

    `sections` are those of the registry. One that the ruleset doesn't know of has its defaults.
    """
    exponent = 2 if currency is None else exponent_of(currency)
    tables = {section.name: section.table_of(ruleset) for section in sections}
    return Rules(
        ruleset=ruleset,
        currency=currency,
        digest=ruleset.digest(),
        canonical=_canonical(ruleset) | {name: table.canonical() for name, table in tables.items()},
        zone=ruleset.zone,
        cadence=_cadence(ruleset.cadence, ruleset.zone),
        ladder=compile_ladder(ruleset.lifecycle, exponent),
        spell_stages=frozenset(stage for rung in ruleset.lifecycle.stage for stage in rung.spell),
        tiers=compile_tiers(ruleset.tier, exponent),
        risk=compile_risk(ruleset.churn_risk, ruleset.satisfaction, ruleset.cadence.prior_gap_days),
        tickets=compile_ticket_rules(ruleset.ticket, calendar_in(ruleset)),
        segments=compile_segments(ruleset.segment, exponent),
        due_again=compile_due_items(ruleset.due_again, ruleset.zone),
        satisfaction=compile_satisfaction(ruleset.satisfaction),
        value=None if ruleset.value is None else compile_bands(ruleset.value, exponent, ruleset.zone),
        pipelines=compile_pipelines(ruleset.pipeline),
        exponent=exponent,
        sections={section.name: section.compile(tables[section.name]) for section in sections},
    )


def calendar_in(ruleset: grammar.Ruleset) -> Calendar:
    """When the business is open."""
    business = ruleset.business
    return compile_calendar(business.hours or (), business.holidays or (), ruleset.zone)


def _canonical(ruleset: grammar.Ruleset) -> dict[str, str]:
    tables = ruleset.canonical_tables()
    tables["business"] = ruleset.business.timezone  # its hours bear on tickets alone, its country on no verdict
    tables["pipeline"] += ruleset.business.timezone  # in which a day of closing ends, whatever the stages
    if ruleset.value is not None:
        tables["value"] += ruleset.business.timezone
    if ruleset.cadence.buying_days:
        tables["cadence"] += ruleset.business.timezone
    if ruleset.due_again.gaps:
        tables["due_again"] += ruleset.business.timezone
    if ruleset.business.hours is not None:
        opening = canonical_opening(ruleset.business.hours, ruleset.business.holidays or ())
        tables["ticket"] += opening + ruleset.business.timezone
    return tables


def _cadence(rule: grammar.Cadence, zone: ZoneInfo) -> Cadence:
    counted_in = zone if rule.buying_days else None
    return cadence_of(rule.prior_gap_days, rule.prior_weight, rule.min_gap_days, counted_in)
