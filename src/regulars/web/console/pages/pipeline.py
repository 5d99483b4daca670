"""The pipeline as a board: a column for each stage of the rules, with the opportunities that are worth most."""

from __future__ import annotations

from regulars.crm_domain.opportunity import MoveOpportunity
from regulars.web.console.page import Answer, Asked, GoTo, Page, Shown
from regulars.web.console.reading import one_of
from regulars.web.console.words import N_

#: How many cards a column has at most.
CARDS = 25


def show(asked: Asked) -> Answer:
    """The board of one pipeline, or a card moved on it."""
    rules = {each.id: [stage.id for stage in each.stages] for each in asked.crm.ruleset.pipeline}
    pipeline = one_of(asked, "pipeline", rules) or next(iter(rules), None)
    if asked.sent:
        return _moved(asked, pipeline)
    owner = asked.field("owner")
    where = {"pipeline": pipeline, "owner": owner}
    held = {name: value for name, value in where.items() if value}
    cards = asked.crm.opportunities(where=held, limit=CARDS, as_of=asked.as_of, known_at=asked.known_at)
    values = {
        "pipeline": pipeline,
        "pipelines": list(rules),
        "stages": rules.get(pipeline or "", []),
        "owner": owner,
        "columns": [
            (line, [each for each in cards if (each.pipeline, each.stage) == (line.pipeline, line.group)])
            for line in asked.crm.pipeline(where=held, as_of=asked.as_of, known_at=asked.known_at).lines
        ],
        "is_now": asked.as_of is None and asked.known_at is None,
    }
    return Shown(template="pipeline.html", values=values)


def _moved(asked: Asked, pipeline: str | None) -> Answer:
    command = MoveOpportunity(opportunity_id=asked.field("opportunity"), stage=asked.field("stage"))
    outcome = asked.do(command)
    said = asked._("Moved.") if outcome.events else asked._("Nothing changed: it was so already.")
    return GoTo(address=asked.links.to("/pipeline", pipeline=pipeline, owner=asked.field("owner")), said=said)


PAGE = Page(path="/pipeline", title=N_("Pipeline"), handler=show, in_navigation=True, sends=True)
