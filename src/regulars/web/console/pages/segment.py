"""One segment: its members, and who comes in or goes out soon if nothing happens."""

from __future__ import annotations

from regulars.crm_domain.errors import NotFound
from regulars.web.console.page import Answer, Asked, Page, Shown
from regulars.web.console.words import N_

#: How many of each are shown at most.
SIZE = 50


def show(asked: Asked) -> Answer:
    """The segment, with the soonest of those who come and go first."""
    name, ask = asked.at["segment"], asked.crm.segment
    axes = asked.as_of, asked.known_at
    count = next((each for each in asked.crm.segments(as_of=axes[0], known_at=axes[1]) if each.id == name), None)
    if count is None:
        raise NotFound(asked._("The rules have no segment “{name}”.").format(name=name))
    values = {
        "segment": count,
        "size": SIZE,
        "entering": ask(name, entering=True, as_of=axes[0], known_at=axes[1], limit=SIZE).members,
        "leaving": ask(name, leaving=True, as_of=axes[0], known_at=axes[1], limit=SIZE).members,
    }
    return Shown(template="segment.html", values=values)


PAGE = Page(path="/segments/{segment}", title=N_("Segment"), handler=show)
