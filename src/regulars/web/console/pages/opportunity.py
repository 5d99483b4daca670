"""One opportunity: where it stands and why, its stages, its quotes; moved, won, lost, reopened."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from regulars.crm_domain.opportunity import LoseOpportunity, MoveOpportunity, ReopenOpportunity, WinOpportunity
from regulars.web.console.acts import Act, done, said
from regulars.web.console.page import Answer, Asked, GoTo, Page, Shown
from regulars.web.console.words import N_

_OPEN, _SETTLED = frozenset({"open"}), frozenset({"settled"})
ACTS: Mapping[str, Act] = {
    "move": Act(MoveOpportunity, ("stage",), _OPEN),
    "win": Act(WinOpportunity, ("amount",), _OPEN),
    "lose": Act(LoseOpportunity, ("reason", "detail"), _OPEN),
    "reopen": Act(ReopenOpportunity, ("stage",), _SETTLED),
}
_CLOSED = ("won", "lost")
#: How many quotes are shown at most.
_QUOTES = 50


def show(asked: Asked) -> Answer:
    """The opportunity as of an instant, or what was done about it."""
    opportunity_id = asked.at["opportunity"]
    if asked.sent:
        outcome = done(asked, ACTS, opportunity_id=opportunity_id)
        return GoTo(address=asked.links.to(f"/pipeline/{quote(opportunity_id, safe='')}"), said=said(asked, outcome))
    found = asked.crm.opportunity(opportunity_id, as_of=asked.as_of, known_at=asked.known_at)
    is_now, state = asked.as_of is None and asked.known_at is None, "settled" if found.value in _CLOSED else "open"
    stages = next((each.stages for each in asked.crm.ruleset.pipeline if each.id == found.pipeline), ())
    quotes = asked.crm.quotes(opportunity_id=opportunity_id, as_of=asked.as_of, known_at=asked.known_at, limit=_QUOTES)
    values = {
        "found": found,
        "quotes": quotes.quotes,
        "acts": [name for name, act in ACTS.items() if is_now and state in act.states],
        "stages": [each.id for each in stages],
    }
    return Shown(template="opportunity.html", values=values)


PAGE = Page(path="/pipeline/{opportunity:path}", title=N_("Opportunity"), handler=show, sends=True)
