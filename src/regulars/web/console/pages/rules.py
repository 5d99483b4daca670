"""The rules: every threshold with its meaning, what a change would do, publishing one, and going back.

A draft is the text of a ruleset, which travels in the form: nothing is kept until it is published. Its effect is
estimated from a sample at once, and counted of everybody by a job, one for each user; publishing is a job of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from msgspec import Struct

from regulars.adapters.store.rules_text import as_toml
from regulars.crm_domain.errors import InvalidRules, Rejected
from regulars.projections.rules.grammar import Ruleset, parse_rules
from regulars.rules_door.difference import ExplainedMove, RulesDifference
from regulars.web.console.jobs import Moved
from regulars.web.console.narrowing import left_out, narrowed, with_segment
from regulars.web.console.page import Answer, Asked, GoTo, Page, Refused, Shown
from regulars.web.console.reading import one_of
from regulars.web.console.thresholds import MOST, changes, thresholds, with_fields
from regulars.web.console.words import N_

#: So many who would move are named, with what makes the difference.
NAMED = 20
_ACTS = ("fields", "text", "segment", "count", "stop", "publish", "rollback")

#: The subject of the job that brings rules into force, and what jobs do.
PUBLISHING = "rules"
COUNT, PUBLISH, ROLL_BACK = "count", "publish", "rollback"


class Counted(Struct, frozen=True):
    """What was counted of everybody, by which text of rules, with the most valuable who would move."""

    text: str
    found: RulesDifference
    named: tuple[ExplainedMove, ...]


def show(asked: Asked) -> Answer:
    """The rules, and what is done with them by its owners."""
    if not asked.sent:
        return _shown(asked)
    if not asked.may("owner"):
        raise Refused(asked._("Only an owner changes the rules."))
    match one_of(asked, "act", _ACTS):
        case "stop":
            asked.beside.jobs.stop(_counting(asked))
            return GoTo(address=asked.links.to("/rules"))
        case "rollback":
            _begin_rollback(asked)
            return GoTo(address=asked.links.to("/rules"))
        case "segment":
            return _segment_added(asked)
        case act:
            text = asked.field("text").replace("\r\n", "\n")
            try:
                draft = _drafted(asked, text, by_fields=act == "fields")
            except InvalidRules as error:
                return _shown(asked, text=text, complaints=str(error).splitlines())
            if act == "count":
                _begin_count(asked, draft)
            elif act == "publish":
                _begin_publishing(asked, draft)
            else:
                return _shown(asked, draft)
            return GoTo(address=asked.links.to("/rules"))


def _segment_added(asked: Asked) -> Answer:
    """A draft with a segment of those whom a list of customers is narrowed to."""
    by = narrowed(asked)
    if not by:
        raise ValueError(asked._("Narrow the list first by what a segment can ask: a stage, a tier, a tag."))
    try:
        draft = with_segment(asked.crm.rules.in_force, asked.field("id"), asked.field("title"), by)
    except InvalidRules as error:
        return _shown(asked, complaints=str(error).splitlines())
    return _shown(asked, draft, notes=left_out(asked))


def one(asked: Asked) -> Answer:
    """One version, and in what it differs from the one before."""
    number = _version(asked)
    ruleset = asked.crm.rules.version(number)
    before = asked.crm.rules.version(number - 1) if number > 1 else None
    values = {
        "number": number,
        "about": asked.crm.rules.history()[number - 1],
        "changes": () if before is None else changes(before, ruleset),
        "text": as_toml(ruleset),
    }
    return Shown(template="rules_version.html", values=values)


def _version(asked: Asked) -> int:
    text = asked.at["version"]
    if not (text.isascii() and text.isdigit() and 0 < len(text) < 10 and int(text)):
        raise ValueError(asked._("The number of a version counts from 1."))
    return int(text)


def _drafted(asked: Asked, text: str, *, by_fields: bool) -> Ruleset:
    draft = parse_rules(text, asked._("This text"), asked.crm.grammar) if text else asked.crm.rules.in_force
    return with_fields(draft, asked.form) if by_fields else draft


def _shown(
    asked: Asked,
    draft: Ruleset | None = None,
    *,
    text: str = "",
    complaints: Sequence[str] = (),
    notes: Sequence[str] = (),
) -> Shown:
    crm = asked.crm
    in_force = crm.rules.judging(known_at=asked.known_at)
    shown = draft or in_force
    fields = list(thresholds(shown))
    changed = changes(in_force, draft) if draft else ()
    estimate = crm.rules.estimate(draft, as_of=asked.as_of) if draft and changed else None
    named = estimate.sample.explain(estimate.sample.moves[:NAMED]) if estimate else ()
    values = {
        "draft": draft,
        "changes": changed,
        "estimate": estimate,
        "named": named,
        "tables": [(table, list(rows)) for table, rows in groupby(fields[:MOST], lambda each: each.table)],
        "left_out": max(len(fields) - MOST, 0),
        "text": text or as_toml(shown),
        "complaints": complaints,
        "notes": notes,
        "changes_rules": asked.may("owner") and asked.known_at is None,
        "counting": asked.beside.jobs.find(_counting(asked)) if asked.may("owner") and not draft else None,
        "publishing": asked.beside.jobs.find(PUBLISHING) if not draft else None,
        "history": tuple(reversed(crm.rules.history())),
    }
    return Shown(template="rules.html", values=values, status=400 if complaints else 200, fragment="work")


def _counting(asked: Asked) -> str:
    """One count at a time for each user."""
    return f"{PUBLISHING} of {asked.user}"


def _begin_count(asked: Asked, draft: Ruleset) -> None:
    def work(move: Moved) -> Counted:
        found = asked.crm.rules.diff(draft, as_of=asked.as_of, on_progress=move)
        return Counted(as_toml(draft), found, found.explain(found.moves[:NAMED]))

    asked.beside.jobs.begin(_counting(asked), COUNT, asked.user, work)


def _begin_publishing(asked: Asked, draft: Ruleset) -> None:
    reason = _reason(asked)
    if asked.field("base") != asked.crm.rules.in_force.digest():
        raise Rejected("rules_changed", asked._("Other rules came into force meanwhile. Look again what would change."))
    asked.beside.jobs.begin(
        PUBLISHING,
        PUBLISH,
        asked.user,
        lambda move: asked.crm.rules.publish(draft, reason=reason, on_progress=move),
    )


def _begin_rollback(asked: Asked) -> None:
    reason = _reason(asked)
    asked.beside.jobs.begin(
        PUBLISHING, ROLL_BACK, asked.user, lambda move: asked.crm.rules.rollback(reason=reason, on_progress=move)
    )


def _reason(asked: Asked) -> str:
    reason = asked.field("reason")
    if not reason:
        raise ValueError(asked._("Say why the rules change: it is kept with them."))
    return reason


PAGE = Page(path="/rules", title=N_("Rules"), handler=show, in_navigation=True, sends=True)
VERSION = Page(path="/rules/{version}", title=N_("Rules"), handler=one)
