"""One opportunity: where it stands and why, its stages, its quotes; moved, won, lost, reopened."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from msgspec import Struct

from regulars.crm_domain.opportunity import (
    LoseOpportunity,
    MoveOpportunity,
    OpportunityCommand,
    ReopenOpportunity,
    WinOpportunity,
)
from regulars.web.console.page import Answer, Asked, GoTo, Page, Shown
from regulars.web.console.words import N_


class _Act(Struct, frozen=True):
    """What can be done about an opportunity, by which command with which fields; of one that is open, or closed."""

    command: type[OpportunityCommand]
    fields: tuple[str, ...]
    of_open: bool = True


ACTS: Mapping[str, _Act] = {
    "move": _Act(MoveOpportunity, ("stage",)),
    "win": _Act(WinOpportunity, ("amount",)),
    "lose": _Act(LoseOpportunity, ("reason", "detail")),
    "reopen": _Act(ReopenOpportunity, ("stage",), of_open=False),
}
_CLOSED = ("won", "lost")
#: How many quotes are shown at most.
_QUOTES = 50


def show(asked: Asked) -> Answer:
    """The opportunity as of an instant, or what was done about it."""
    opportunity_id = asked.at["opportunity"]
    if asked.sent:
        return _done(asked, opportunity_id)
    found = asked.crm.opportunity(opportunity_id, as_of=asked.as_of, known_at=asked.known_at)
    is_now, is_open = asked.as_of is None and asked.known_at is None, found.value not in _CLOSED
    stages = next((each.stages for each in asked.crm.ruleset.pipeline if each.id == found.pipeline), ())
    values = {
        "found": found,
        "quotes": asked.crm.quotes(opportunity_id=opportunity_id, as_of=asked.as_of, limit=_QUOTES).quotes,
        "acts": [name for name, act in ACTS.items() if is_now and act.of_open == is_open],
        "stages": [each.id for each in stages],
    }
    return Shown(template="opportunity.html", values=values)


def _done(asked: Asked, opportunity_id: str) -> Answer:
    name = asked.field("act")
    act = ACTS.get(name)
    if act is None:
        known = ", ".join(ACTS)
        raise ValueError(
            asked._("An opportunity can be changed by {known}, not by “{name}”.").format(known=known, name=name)
        )
    given = {field: asked.form.get(field, "").strip() for field in act.fields}
    fields = {field: text for field, text in given.items() if text}  # an empty one is one that was left out
    outcome = asked.do(act.command.model_validate({"opportunity_id": opportunity_id, **fields}))
    said = asked._("Recorded.") if outcome.events else asked._("Nothing changed: it was so already.")
    return GoTo(address=asked.links.to(f"/pipeline/{quote(opportunity_id, safe='')}"), said=said)


PAGE = Page(path="/pipeline/{opportunity:path}", title=N_("Opportunity"), handler=show, sends=True)
