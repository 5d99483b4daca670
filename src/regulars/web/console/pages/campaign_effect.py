"""What a campaign did: its arms until its decision day, then the difference as known on it and as known now; and what
those of one kind did together.
"""

from __future__ import annotations

from regulars.effects.values import Difference
from regulars.web.console.interval import Placed, placed
from regulars.web.console.page import Answer, Asked, Page, Shown
from regulars.web.console.words import N_


def effect(asked: Asked, campaign_id: str) -> Answer:
    """The effect of one campaign."""
    found = asked.crm.campaigns.effect(campaign_id, known_at=asked.known_at)
    readings = [(N_("As known on the decision day"), found.then), (N_("As known now"), found.now)]
    values = {
        "campaign_id": campaign_id,
        "effect": found,
        "readings": [(title, each) for title, each in readings if each is not None],
        "drawn": _drawn,
    }
    return Shown(template="campaign_effect.html", values=values)


def effects(asked: Asked) -> Answer:
    """Those of each kind together."""
    found = asked.crm.campaigns.effects(known_at=asked.known_at)
    return Shown(template="campaign_effects.html", values={"found": found, "drawn": _drawn})


def _drawn(difference: Difference) -> Placed:
    return placed(difference.value, difference.low, difference.high)


PAGE = Page(path="/effects", title=N_("What campaigns did"), handler=effects)
