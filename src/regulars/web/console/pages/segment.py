"""One segment: what it asks, its members, who comes in or goes out soon by themselves, and what leaves how many."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from regulars.crm_domain.errors import NotFound
from regulars.crm_domain.money import exponent_of
from regulars.projections.conditions.compiled import compile_conditions
from regulars.projections.conditions.rules import ConditionRule
from regulars.projections.segments.explain import named
from regulars.projections.segments.rules import SegmentRule
from regulars.web.console.page import Answer, Asked, GoTo, Page, Shown
from regulars.web.console.pages.campaigns import campaigns_of
from regulars.web.console.reading import one_of
from regulars.web.console.words import N_

#: How many of each are shown at most.
SIZE = 50
_ACTS = ("count", "stop")


class Definition(Struct, frozen=True):
    """What a segment asks, in words: its conditions for coming in, and for going out where it has some; in days, for
    how long whoever came in stays, and whoever went out stays out.
    """

    enter: tuple[str, ...]
    leave: tuple[str, ...]
    stay_days: int
    pause_days: int


def show(asked: Asked) -> Answer:
    """The segment, with the soonest of those who come and go first; or a count of what leaves how many."""
    name, ask = asked.at["segment"], asked.crm.segment
    axes = asked.as_of, asked.known_at
    count = next((each for each in asked.crm.segments(as_of=axes[0], known_at=axes[1]) if each.id == name), None)
    if count is None:
        raise NotFound(asked._("The rules have no segment “{name}”.").format(name=name))
    counting = f"attrition of {name} as of {axes[0]}, known at {axes[1]}"
    if asked.sent:
        return _counted(asked, name, counting)
    rules = asked.crm.rules.judging(known_at=axes[1])
    values = {
        "segment": count,
        "definition": _defined(next(each for each in rules.segment if each.id == name), asked.crm.currency),
        "size": SIZE,
        "entering": ask(name, entering=True, as_of=axes[0], known_at=axes[1], limit=SIZE).members,
        "leaving": ask(name, leaving=True, as_of=axes[0], known_at=axes[1], limit=SIZE).members,
        "job": asked.beside.jobs.find(counting),
        "campaigns": campaigns_of(asked, segment=name),
        "plans": asked.may("clerk") and axes == (None, None),
    }
    return Shown(template="segment.html", values=values, fragment="attrition")


def _defined(rule: SegmentRule, currency: str | None) -> Definition:
    def in_words(conditions: Sequence[ConditionRule]) -> tuple[str, ...]:
        return tuple(map(named, compile_conditions(conditions, exponent_of(currency or "EUR"))))

    return Definition(in_words(rule.enter), in_words(rule.leave or ()), rule.stay_days, rule.pause_days)


def _counted(asked: Asked, name: str, counting: str) -> Answer:
    """Everybody is folded for it, so it is done beside the pages."""
    jobs, crm, axes = asked.beside.jobs, asked.crm, (asked.as_of, asked.known_at)
    if one_of(asked, "act", _ACTS) == "stop":
        jobs.stop(counting)
    else:
        jobs.begin(
            counting,
            "attrition",
            asked.user,
            lambda move: crm.attrition(name, as_of=axes[0], known_at=axes[1], on_progress=move),
        )
    return GoTo(address=asked.links.to(f"/segments/{name}"))


PAGE = Page(path="/segments/{segment}", title=N_("Segment"), handler=show, sends=True)
