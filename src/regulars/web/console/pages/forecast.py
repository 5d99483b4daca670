"""How the pipeline came to be what it is between two days, what it is expected to bring, and what is stale in it."""

from __future__ import annotations

from datetime import timedelta

from markupsafe import Markup

from regulars.pictures.selling import waterfall
from regulars.web.console.page import Answer, Asked, Page, Shown
from regulars.web.console.reading import day_of
from regulars.web.console.words import N_

#: How many stale opportunities are shown at most.
_STALE = 50


def show(asked: Asked) -> Answer:
    """The waterfall between two days, by default of the last 30; the forecast and the stale ones as of the second."""
    crm, zone = asked.crm, asked.words.zone
    until = day_of(asked, "until") or asked.as_of or crm.now.astimezone(zone).date()
    since = day_of(asked, "since") or until - timedelta(days=30)
    fall = crm.pipeline_waterfall(since, until, known_at=asked.known_at)
    values = {
        "fall": fall,
        "picture": Markup(waterfall(fall, zone)),  # noqa: S704 - its texts are escaped where it is drawn
        "since": since,
        "until": until,
        "forecast": crm.pipeline_forecast(as_of=until, known_at=asked.known_at),
        "stale": crm.stale_opportunities(as_of=until, known_at=asked.known_at, limit=_STALE),
    }
    return Shown(template="forecast.html", values=values, fragment="forecast")


PAGE = Page(path="/forecast", title=N_("Forecast"), handler=show)
