"""A form for whatever can be recorded of a customer, made from the command itself."""

from __future__ import annotations

from uuid import uuid4

from pydantic import ValidationError

from regulars.crm_domain.command import Command, CustomerId
from regulars.crm_domain.errors import RegularsError
from regulars.crm_domain.explain_invalid import objections, sentence
from regulars.web.access.permissions import allows
from regulars.web.api.commands import catalogue_of
from regulars.web.console.page import Answer, Asked, GoTo, Page, Shown
from regulars.web.console.pages.customer import called, customer_id
from regulars.web.console.reading import one_of
from regulars.web.console.words import N_
from regulars.wording.fields import fields_of, first_line, read_fields, with_zone

#: What is offered first.
USUAL = "RecordInteraction"
#: Whom it is about, and what keeps it from being recorded twice.
GIVEN = ("customer", "command_id")


def show(asked: Asked) -> Answer:
    """The form of one command; or what came of it."""
    customer = asked.crm.customer(customer_id(asked))
    known = {
        name: command
        for name, command in catalogue_of(asked.crm).commands.items()
        if "customer" in command.model_fields and allows(asked.role, name)
    }
    name = one_of(asked, "command", sorted(known)) or USUAL
    problem, wrong = None, {}
    if asked.sent:
        try:
            return _recorded(asked, known[name], customer.id)
        except ValidationError as error:
            problem, wrong = sentence(error), objections(error)
        except (RegularsError, ValueError) as error:
            problem = str(error)
    values = {
        "called": called(customer, customer.id),
        "who": customer.id,
        "commands": sorted(known),
        "command": name,
        "does": first_line(known[name]),
        "fields": [each for each in fields_of(known[name]) if each.name not in GIVEN],
        "typed": asked.form,
        "problem": problem,
        "wrong": wrong,
        "command_id": asked.form.get("command_id") or f"console:{uuid4()}",
    }
    return Shown(template="record.html", values=values, status=200 if problem is None else 400)


def _recorded(asked: Asked, model: type[Command], who: CustomerId) -> Answer:
    typed = {name: asked.form[name].strip() for name in model.model_fields if asked.form.get(name, "").strip()}
    given = with_zone(model, read_fields(model, typed), asked.words.zone)
    outcome = asked.do(model.model_validate({**given, "customer": f"id:{who}"}))
    said = asked._("Recorded.") if outcome.events else asked._("Nothing changed: it was so already.")
    return GoTo(address=asked.links.to(f"/customers/{outcome.customer_id or who}"), said=said)


PAGE = Page(
    path="/customers/{customer}/record",
    title=N_("Record what happened"),
    handler=show,
    role="clerk",
    sends=True,
    is_of_today=True,
)
