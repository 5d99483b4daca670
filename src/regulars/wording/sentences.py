"""Events in words, for people: each in those of the aggregate that it happened to."""

from __future__ import annotations

from regulars.crm_domain.catalogue import Catalogue
from regulars.crm_domain.event import Event


def describe(event: Event, catalogue: Catalogue) -> str:
    """What happened, in a few words without anything personal."""
    return catalogue.wording_of(event).what(event)


def narrate(event: Event, catalogue: Catalogue, actor: str, who: str, other: str | None = None) -> str:
    """What happened as a sentence such as "Li changed the e-mail of shop:42"; nothing personal but the references.

    `other` is how the second customer is called whom an event speaks of, if it does.
    """
    deed = catalogue.wording_of(event).deed(event, who, other or "another customer")
    return f"{actor[:1].upper()}{actor[1:]} {deed}"


def other_id(event: Event, catalogue: Catalogue) -> str | None:
    """The id of the second customer whom an event speaks of."""
    return catalogue.wording_of(event).other_id(event)
