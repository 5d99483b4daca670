"""Who is signed in: their name and role, their language, and another password for themselves."""

from __future__ import annotations

from math import ceil

from regulars.web.console.attempts import TooOften
from regulars.web.console.page import Answer, Asked, GoTo, Page, Shown
from regulars.web.console.words import N_


def show(asked: Asked) -> Answer:
    """The user, or what was done about their password."""
    if not asked.sent:
        return _shown(asked)
    try:
        return _changed(asked)
    except TooOften as error:
        wait = asked._("Too many attempts failed. Try again in {seconds} seconds.")
        return _shown(asked, wait.format(seconds=ceil(error.wait.total_seconds())), 429)
    except ValueError as error:
        return _shown(asked, str(error)[:1].upper() + str(error)[1:], 400)


def _changed(asked: Asked) -> Answer:
    """Whoever finds a browser that is signed in doesn't know the password, so it is asked for once more."""
    new = asked.form.get("new", "")
    if new != asked.form.get("again", ""):
        raise ValueError(asked._("The new password was typed in two ways."))
    if not asked.proves(asked.form.get("password", "")):
        raise ValueError(asked._("This is not your password."))
    asked.crm.users.set_password(asked.user, new)
    return GoTo(address=asked.links.to("/sign-in"))


def _shown(asked: Asked, problem: str = "", status: int = 200) -> Shown:
    has_password = any(each.name == asked.user for each in asked.crm.users.list())
    values = {"has_password": has_password, "problem": problem}
    return Shown(template="me.html", values=values, status=status)


PAGE = Page(path="/me", title=N_("Me"), handler=show, sends=True, is_of_today=True)
