"""What a store is read and judged with: a value that everything is handed, so that others can bring their own."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from msgspec import Struct

from regulars.crm_domain.catalogue import CATALOGUE, Catalogue
from regulars.crm_domain.event import Event
from regulars.projections.attribution import ATTRIBUTION
from regulars.projections.care.projector import CARE
from regulars.projections.churn_risk.projector import CHURN_RISK
from regulars.projections.contracts import CONTRACTS
from regulars.projections.customer_card import CUSTOMER_CARD
from regulars.projections.customer_value.projector import CUSTOMER_VALUE
from regulars.projections.due_again.projector import DUE_AGAIN
from regulars.projections.engine.corrections import CORRECTIONS
from regulars.projections.engine.fold import FoldPlan
from regulars.projections.engine.projector import Projector
from regulars.projections.facts.fact_set import FactSet
from regulars.projections.facts.shared import SHARED
from regulars.projections.last_contact import LAST_CONTACT
from regulars.projections.leads import LEADS
from regulars.projections.lifecycle_stage.projector import LIFECYCLE_STAGE
from regulars.projections.loyalty_tier.projector import LOYALTY_TIER
from regulars.projections.offers import OFFERS
from regulars.projections.pipeline.projector import PIPELINE
from regulars.projections.points.projector import POINTS
from regulars.projections.quotes import QUOTES
from regulars.projections.rfm_summary import RFM_SUMMARY
from regulars.projections.rules.compiled import Rules
from regulars.projections.rules.grammar import Ruleset
from regulars.projections.rules.section import Section, ruleset_with
from regulars.projections.satisfaction.projector import SATISFACTION
from regulars.projections.segments.projector import SEGMENTS
from regulars.projections.settled_reminders import SETTLED_REMINDERS
from regulars.projections.surveys import SURVEYS
from regulars.projections.tags import TAGS
from regulars.projections.tasks.projector import TASKS
from regulars.projections.ticket_card import TICKET_CARD
from regulars.projections.ticket_feedback import TICKET_FEEDBACK
from regulars.projections.ticket_queue.projector import TICKET_QUEUE


class Registry(Struct, frozen=True, kw_only=True, dict=True):
    """The aggregates that events happen to, the projectors that judge, each after those that it may read, and the
    tables that the rules may have beside ours.

    Raises ValueError for a name that two projectors, sets of facts or tables have, for a projector that may read one
    that comes later or isn't there, and for one that judges by a table that isn't there.
    """

    catalogue: Catalogue
    projectors: tuple[Projector, ...]
    sections: tuple[Section, ...] = ()

    def __post_init__(self) -> None:
        _require_unique("projections", [projector.name for projector in self.projectors])
        _require_unique("sets of facts", [fact_set.name for fact_set in self.fact_sets])
        builds = [*(each.name for each in self.fact_sets), *(each.name for each in self.projectors)]
        _require_unique("builds", builds)
        _require_unique("tables of the rules", [section.name for section in self.sections])
        self._require_sources()
        for projector in self.projectors:
            for table in {*projector.judges_by, *projector.facts.folded_by} - {*self.grammar.model_fields}:
                judging = f'the projection "{projector.name}" judges by the table "{table}" of the rules'
                raise ValueError(f"{judging}, which isn't there")

    def _require_sources(self) -> None:
        places = {projector.name: place for place, projector in enumerate(self.projectors)}
        for place, projector in enumerate(self.projectors):
            for source in projector.may_read:
                reading = f'the projection "{projector.name}" may read "{source.name}"'
                if source.name not in places:
                    raise ValueError(f"{reading}, which isn't there")
                if places[source.name] >= place:
                    raise ValueError(f"{reading}, which must come before it")
                if self.projectors[places[source.name]] is not source:
                    raise ValueError(f"{reading}, but another one of that name is there")

    def plan(self, rules: Rules) -> FoldPlan:
        """How events are folded by all projectors under some rules."""
        return FoldPlan(rules, self.projectors)

    @cached_property
    def grammar(self) -> type[Ruleset]:
        """The grammar of rules, with all tables that they may have."""
        return ruleset_with(self.sections)

    @cached_property
    def fact_sets(self) -> tuple[FactSet, ...]:
        """What is folded: the facts that are shared, and those that some projectors have of their own."""
        found = [SHARED]
        for projector in self.projectors:
            if projector.facts not in found:
                found.append(projector.facts)
        return tuple(found)

    @cached_property
    def handles(self) -> frozenset[type[Event]]:
        """The event types that bear on any facts, or on which events stand; all others concern no projector."""
        return CORRECTIONS.union(*(each.handles for each in self.fact_sets))


def _require_unique(what: str, names: Sequence[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f'two {what} are called "{name}"')


#: The projections that Regulars brings itself, each after those that it may read.
PROJECTORS: tuple[Projector, ...] = (
    CUSTOMER_CARD,
    ATTRIBUTION,
    LEADS,
    TAGS,
    TICKET_QUEUE,
    TICKET_CARD,
    PIPELINE,
    DUE_AGAIN,
    TICKET_FEEDBACK,
    SURVEYS,
    TASKS,
    QUOTES,
    CONTRACTS,
    SATISFACTION,
    CUSTOMER_VALUE,
    POINTS,
    CHURN_RISK,
    LOYALTY_TIER,
    LIFECYCLE_STAGE,
    SEGMENTS,
    RFM_SUMMARY,
    LAST_CONTACT,
    CARE,
    SETTLED_REMINDERS,
    OFFERS,
)

#: All that Regulars brings itself.
REGISTRY = Registry(catalogue=CATALOGUE, projectors=PROJECTORS)
