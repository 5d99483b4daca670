"""When did this customer and the business last talk? Whoever began it: a call, a visit or a message.

That is less than contact as rules ask for it, `days_since_contact`: tickets, answers and a registration are that, too.
"""

from __future__ import annotations

from msgspec import Struct

from regulars.crm_domain.interaction import InteractionRecorded
from regulars.projections.engine.projector import Judgement, Projector
from regulars.projections.facts.fact_set import FactSet
from regulars.projections.rules.compiled import Rules
from regulars.projections.verdict import Reason, day_text

VERSION = 1

HANDLES = frozenset({InteractionRecorded})


class Contacts(Struct, array_like=True):
    """The last interaction: when it was, and the position of the event that says so."""

    at: int | None = None
    position: int = 0


def evolve(contacts: Contacts, event: InteractionRecorded, at: int, position: int, identity: int) -> None:
    """Take in one interaction; they come in order of time."""
    contacts.at, contacts.position = at, position


class LastContact(Struct, frozen=True, kw_only=True, gc=False):
    """When they were last in touch, in microseconds."""

    contacted_at: int


def judge(standing: None, contacts: Contacts, rules: Rules, at: int, until: int) -> tuple[Judgement]:
    """Events alone change it, so it is judged once."""
    return ((at, None, None if contacts.at is None else LastContact(contacted_at=contacts.at)),)


def explain(standing: None, contacts: Contacts, rules: Rules, at: int) -> tuple[Reason, ...]:
    """The interaction, as far as there is one."""
    if contacts.at is None:
        return (Reason(clause="none", sentence="there was no conversation yet"),)
    sentence = f"the last conversation was on {day_text(contacts.at, rules.zone)}"
    return (Reason(clause="contact", sentence=sentence, positions=(contacts.position,)),)


LAST_CONTACT = Projector(
    name="last_contact",
    question="When were this customer and the business last in touch?",
    version=VERSION,
    facts=FactSet(name="contacts", version=VERSION, beginning=Contacts, handles=HANDLES, evolve=evolve),
    handles=HANDLES,
    standing=type(None),
    judges_by=(),
    judge=judge,
    explain=explain,
    verdict=LastContact,
)
