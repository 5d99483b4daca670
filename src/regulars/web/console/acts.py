"""What can be done about one thing, such as a quote: acts by their names, each a command with some of its fields."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from regulars.crm_domain.command import Command
from regulars.doing.outcomes import Outcome
from regulars.web.access.permissions import allows
from regulars.web.console.page import Asked, Refused
from regulars.web.console.reading import one_of


class Act(Struct, frozen=True):
    """What can be done: by which command, with which fields of a form, where it stands in which states.

    What is done `for_good` can't be taken back: its form has a field `confirm` that is "yes".
    """

    command: type[Command]
    fields: tuple[str, ...]
    states: frozenset[str]
    for_good: bool = False


def done(asked: Asked, acts: Mapping[str, Act], **given: object) -> Outcome:
    """Give the command of the act that was sent, with what is `given` and the fields that were filled in.

    Raises ValueError for an act that there isn't, and for one that is for good and wasn't meant.
    """
    name = one_of(asked, "act", acts)
    if name is None:
        raise ValueError(asked._("Say what is to be done."))
    act = acts[name]
    if act.for_good:
        require(asked, act.command)
        if asked.field("confirm") != "yes":
            raise ValueError(asked._("Say that you mean it: there is no way back."))
    typed = {field: asked.form.get(field, "").strip() for field in act.fields}
    fields = {field: text for field, text in typed.items() if text}  # an empty one is one that was left out
    return asked.do(act.command.model_validate(fields | given))


def require(asked: Asked, command: type[Command]) -> None:
    """Raise Refused where the user's role may not."""
    if not allows(asked.role, command.__name__):
        raise Refused(asked._("Your role may not record this."))


def said(asked: Asked, outcome: Outcome) -> str:
    """What came of it, in a sentence."""
    return asked._("Recorded.") if outcome.events else asked._("Nothing changed: it was so already.")
