"""The targets made ready for judging, in whole microseconds."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from math import ceil

from regulars.crm_domain.instant import DAY, SECOND
from regulars.crm_domain.ticket import Priority
from regulars.projections.facts.calendar import Calendar
from regulars.projections.facts.tickets import Target, TicketRules
from regulars.projections.ticket_queue import rules

_HOUR = 3_600 * SECOND


def compile_ticket_rules(rule: rules.Ticket, calendar: Calendar) -> TicketRules:
    """Make the [ticket] table ready: hours become whole microseconds, the first at which the target is reached."""
    return TicketRules(
        first_response=_targets(rule.first_response_hours, rule.due_soon_fraction),
        resolution=_targets(rule.resolution_hours, rule.due_soon_fraction),
        auto_close=rule.auto_close_days * DAY,
        calendar=calendar,
    )


def _targets(hours: rules.HoursByPriority, due_soon_fraction: Decimal) -> dict[Priority, Target]:
    fraction = Fraction(due_soon_fraction)
    by_priority: dict[Priority, Decimal] = {
        "urgent": hours.urgent,
        "high": hours.high,
        "normal": hours.normal,
        "low": hours.low,
    }
    return {
        priority: Target(soon=ceil(fraction * Fraction(each) * _HOUR), breach=ceil(Fraction(each) * _HOUR))
        for priority, each in by_priority.items()
    }
