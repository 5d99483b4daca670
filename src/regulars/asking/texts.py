"""The events in which somebody wrote something: what was said, what was noted, and which fields have the words."""

from __future__ import annotations

from collections.abc import Mapping

from regulars.adapters.log.codec import personal_fields
from regulars.crm_domain.catalogue import Catalogue
from regulars.crm_domain.event import Event
from regulars.crm_domain.interaction import InteractionRecorded, NoteAdded, SurveyAnswered
from regulars.crm_domain.ticket import AgentReplied, CustomerReplied, TicketOpened, TicketRated

#: What was said between a customer and us.
SAID = (InteractionRecorded, SurveyAnswered, TicketOpened, CustomerReplied, AgentReplied, TicketRated)
#: What can be assessed.
TEXTS = (*SAID, NoteAdded)

#: Who somebody is: `customers` finds them by it.
_WHO_THEY_ARE = frozenset({"ref", "name", "email", "phone", "birthday"})


def texts_of(catalogue: Catalogue) -> Mapping[type[Event], tuple[str, ...]]:
    """The fields of each type of event in which somebody wrote something: what is personal, but for who they are."""
    found = {
        each: tuple(name for name in personal_fields(each) if name not in _WHO_THEY_ARE)
        for each in catalogue.events.values()
    }
    return {event: names for event, names in found.items() if names}
