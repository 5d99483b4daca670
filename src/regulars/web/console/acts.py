"""What can be done about one thing, such as a quote: acts by their names, each a command with some of its fields."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from regulars.crm_domain.command import Command
from regulars.doing.outcomes import Outcome
from regulars.web.console.page import Asked
from regulars.web.console.reading import one_of


class Act(Struct, frozen=True):
    """What can be done: by which command, with which fields of a form, where it stands in which states."""

    command: type[Command]
    fields: tuple[str, ...]
    states: frozenset[str]


def done(asked: Asked, acts: Mapping[str, Act], **given: object) -> Outcome:
    """Give the command of the act that was sent, with what is `given` and the fields that were filled in.

    Raises ValueError for an act that there isn't.
    """
    name = one_of(asked, "act", acts)
    if name is None:
        raise ValueError(asked._("Say what is to be done."))
    act = acts[name]
    typed = {field: asked.form.get(field, "").strip() for field in act.fields}
    fields = {field: text for field, text in typed.items() if text}  # an empty one is one that was left out
    return asked.do(act.command.model_validate(fields | given))


def said(asked: Asked, outcome: Outcome) -> str:
    """What came of it, in a sentence."""
    return asked._("Recorded.") if outcome.events else asked._("Nothing changed: it was so already.")
