"""House-keeping: the state of the store, and what is done about it from time to time.

What takes time is a job: its subject is what it does, so there is one of each, whoever began it.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from regulars.crm import Regulars
from regulars.crm_domain.errors import StoreBusy
from regulars.session.freshness import USUAL
from regulars.upkeep.backups import MOST_KEPT
from regulars.web.console.jobs import Moved
from regulars.web.console.page import Answer, Asked, GoTo, Page, Shown
from regulars.web.console.reading import number_of, one_of
from regulars.web.console.words import N_
from regulars.wording.plain_text import clean

FORGOTTEN_SHOWN = 20

#: What each job does, and what it is called.
WORKS: dict[str, tuple[str, Callable[[Regulars, Moved], Any]]] = {
    "rebuild": (N_("Rebuild"), lambda crm, move: crm.projections.rebuild(on_progress=move)),
    "verify": (N_("Verify"), lambda crm, move: (crm.projections.verify(on_progress=move), crm.check_records())),
    "seal": (N_("Seal"), lambda crm, move: crm.seal(move)),
    "check_seals": (N_("Check the seals"), lambda crm, move: crm.check_seals(on_progress=move)),
    "backup": (N_("Back up now"), lambda crm, move: crm.backups.make()),
}
_ACTS = ("stop", "go_back", "prune", "schedule", "unschedule")


def show(asked: Asked) -> Answer:
    """The state of everything, or what was asked to be done."""
    act = one_of(asked, "act", (*WORKS, *_ACTS)) if asked.sent else None
    if act is not None:
        return GoTo(address=asked.links.to("/house"), said=_done(asked, act))
    crm = asked.crm
    with suppress(StoreBusy):  # `behind` says so
        crm.catch_up(within=USUAL)
    backups, forgotten = crm.backups, crm.forgotten()
    values = {
        "status": crm.status(),
        "size": sum(each.stat().st_size for each in crm.files if each.exists()),
        "generations": crm.projections.generations(),
        "last_seal": crm.last_seal(),
        "backups": backups,
        "forgotten": forgotten[: -FORGOTTEN_SHOWN - 1 : -1],
        "forgotten_count": len(forgotten),
        "jobs": {name: asked.beside.jobs.find(name) for name in WORKS},
        "works": {name: title for name, (title, _) in WORKS.items()},
        "most_kept": MOST_KEPT,
        "zone": asked.words.zone.key,
    }
    return Shown(template="house.html", values=values, fragment="works")


def _done(asked: Asked, act: str) -> str:
    crm = asked.crm
    if act in WORKS:
        work = WORKS[act][1]
        asked.beside.jobs.begin(act, act, asked.user, lambda move: work(crm, move))
        return asked._("It has begun; below it says how far it is.")
    if act == "stop":
        asked.beside.jobs.stop(one_of(asked, "work", WORKS) or "")
        return asked._("It stops as soon as it can.")
    if act == "go_back":
        return asked._("Generation {number} answers again.").format(number=crm.projections.go_back())
    if act == "prune":
        gone = crm.projections.prune()
        return asked._("{count} generations were dropped.").format(count=len(gone))
    if act == "unschedule":
        crm.backups.unschedule()
        return asked._("No backup is planned any more.")
    plan = crm.backups.schedule(hour=number_of(asked, "hour", 3, 0, 23), keep=number_of(asked, "keep", 7, 1, MOST_KEPT))
    return clean(asked._("Each day at {hour}:00 a backup is made.").format(hour=plan.hour))


PAGE = Page(
    path="/house",
    title=N_("House-keeping"),
    handler=show,
    role="owner",
    in_navigation=True,
    sends=True,
    is_of_today=True,
)
