"""Who may use the store: users of the console, tokens for programs, addresses for calendars.

What is secret is shown once, on the page that answers the form; it is in no address and no cookie.
"""

from __future__ import annotations

from regulars.crm_domain.errors import NotFound, Rejected
from regulars.upkeep.tokens import ROLES, Role
from regulars.web.console.page import Answer, Asked, GoTo, Page, Refused, Shown
from regulars.web.console.reading import one_of
from regulars.web.console.words import N_

_ACTS = (
    *("add_user", "set_role", "set_password", "disable", "enable"),
    *("new_token", "revoke_token", "new_feed", "revoke_feed"),
)


def show(asked: Asked) -> Answer:
    """The lists, or what was asked to be done."""
    act = one_of(asked, "act", _ACTS) if asked.sent else None
    try:
        secret = {} if act is None else _done(asked, act)
    except (Rejected, NotFound, ValueError) as error:
        return _shown(asked, {"problem": str(error)[:1].upper() + str(error)[1:]})
    if act is None or secret:
        return _shown(asked, secret)
    return GoTo(address=asked.links.to("/access"), said=asked._("Done."))


def _shown(asked: Asked, said: dict[str, str]) -> Shown:
    crm = asked.crm
    values = {
        "users": crm.users.list(),
        "tokens": crm.tokens.in_force(),
        "feeds": crm.calendar_feeds.in_force(),
        "roles": ROLES,
        "secret": said.get("secret", ""),
        "problem": said.get("problem", ""),
        "is_reached_from_outside": asked.links.origin.startswith("https:"),
    }
    return Shown(template="access.html", values=values, status=400 if said.get("problem") else 200)


def _done(asked: Asked, act: str) -> dict[str, str]:
    """What is secret about what was done, if anything."""
    crm, name = asked.crm, asked.form.get("name", "").strip()
    match act:
        case "add_user":
            crm.users.add(name, role=_role(asked), password=asked.form.get("password", ""))
        case "set_password":
            crm.users.set_password(name, asked.form.get("password", ""))
        case "set_role":
            _require_somebody_else(asked, name)
            crm.users.set_role(name, _role(asked))
        case "disable":
            _require_somebody_else(asked, name)
            crm.users.disable(name)
        case "enable":
            crm.users.enable(name)
        case "new_token":
            return {"secret": crm.tokens.new(name, role=_role(asked)).text}
        case "revoke_token":
            crm.tokens.revoke(name)
        case "new_feed":
            made = crm.calendar_feeds.new(name, names=asked.form.get("names") == "yes")
            return {"secret": f"{asked.links.origin}{asked.links.root}/calendar/{made.token}.ics"}
        case "revoke_feed":
            crm.calendar_feeds.revoke(name)
    return {}


def _role(asked: Asked) -> Role:
    return one_of(asked, "role", ROLES) or ROLES[0]


def _require_somebody_else(asked: Asked, name: str) -> None:
    """Nobody shuts themselves out, so there is always an owner who can come in."""
    if name == asked.user:
        raise Refused(asked._("Somebody else has to do this to you, so that an owner is left."))


PAGE = Page(
    path="/access", title=N_("Access"), handler=show, role="owner", in_navigation=True, sends=True, is_of_today=True
)
