"""What a page of the console is, what it is asked, and what it answers: values.

A page's handler is a plain function from `Asked` to an `Answer`. It runs in a thread, so it may ask the store at its
leisure; it never sees a request, a cookie or a header.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal
from urllib.parse import urlencode

from msgspec import Struct

from regulars.crm import Regulars
from regulars.crm_domain.command import Command
from regulars.doing.outcomes import Outcome
from regulars.upkeep.tokens import ROLES, Role
from regulars.web.access.permissions import allows
from regulars.web.console.background import Background
from regulars.web.console.words import Words

NOTHING: Mapping[str, str] = MappingProxyType({})


class Upload(Struct, frozen=True):
    """A file that was handed in: the name that the browser gave it, and where it lies until there is an answer."""

    name: str
    path: Path


class Links(Struct, frozen=True):
    """How addresses are made: below where the console is mounted, and with the two dates that travel along. `origin` is
    how this browser reaches us.
    """

    root: str
    as_of: date | None
    known_at: date | None
    origin: str = ""

    def to(self, path: str, **query: str | int | None) -> str:
        """The address of a page, such as `to("/customers", stage="at_risk")`. None and "" leave a word out.

        Addresses hold ids and words of the rules, never a name, a reference or an e-mail address.
        """
        dates = {
            "as_of": self.as_of and self.as_of.isoformat(),
            "known_at": self.known_at and self.known_at.isoformat(),
        }
        words = {name: value for name, value in (query | dates).items() if value not in (None, "")}
        return f"{self.root}{path}" + (f"?{urlencode(words)}" if words else "")

    def asset(self, name: str, digest: str) -> str:
        """The address of one of our own files, with its digest, so that it can be kept for ever."""
        return f"{self.root}/static/{name}?{urlencode({'d': digest})}"


class Asked(Struct, frozen=True, kw_only=True):
    """What a handler is asked: of which store, by whom, as of when, and with which fields.

    `crm` acts in the name of the user. `as_of` and `known_at` are the dates at the top of the page, None for now and
    for all that is known: pass both to every question that takes them. `at` are the parts of the path, `query` those of
    the address, `form` the fields of a form that was sent, `files` what was handed in with it. `beside` is what goes on
    beside the pages: jobs, and files that wait. `proves` says whether a text is the user's password, as often as
    signing in may ask it.
    """

    crm: Regulars
    user: str
    role: Role
    as_of: date | None
    known_at: date | None
    words: Words
    links: Links
    beside: Background
    at: Mapping[str, str] = NOTHING
    query: Mapping[str, str] = NOTHING
    form: Mapping[str, str] = NOTHING
    files: Mapping[str, Upload] = MappingProxyType({})
    proves: Callable[[str], bool] = lambda password: False

    @property
    def sent(self) -> bool:
        """Whether a form was sent."""
        return bool(self.form)

    def field(self, name: str) -> str:
        """A field of the form that was sent, or else of the address, without white space around it; "" where neither
        has it.
        """
        return (self.form.get(name) or self.query.get(name) or "").strip()

    def _(self, message: str) -> str:
        """A text in the language of the user. `asked._("…")` is found by Babel."""
        return self.words.text(message)

    def may(self, role: Role) -> bool:
        """Whether the user may do what needs a role."""
        return ROLES.index(self.role) >= ROLES.index(role)

    def do(self, command: Command) -> Outcome:
        """Record what happened, in the name of the user. Raises Refused where the user's role may not."""
        if not allows(self.role, type(command).__name__):
            raise Refused(self._("Your role may not record this."))
        return self.crm.do(command)


class Refused(Exception):
    """The user may not do this; the message is a sentence in their language."""


class Shown(Struct, frozen=True, kw_only=True):
    """A page: a template below `templates/pages/`, and what it is shown with.

    `fragment` is the name of a block of it that is also the `id` of the element around it: htmx, where it asks for that
    element, gets the block alone. Everybody else gets the whole page, so that it works without JavaScript.
    """

    template: str
    values: Mapping[str, Any] = MappingProxyType({})
    status: int = 200
    fragment: str | None = None


class GoTo(Struct, frozen=True, kw_only=True):
    """Somewhere else, after a form was sent: an address made by `links.to`, and a sentence to say there.

    The sentence travels in a cookie, so it names nobody.
    """

    address: str
    said: str | None = None


class File(Struct, frozen=True, kw_only=True):
    """A file to keep."""

    name: str
    kind: str
    content: bytes


Answer = Shown | GoTo | File
Handler = Callable[[Asked], Answer]
Method = Literal["GET", "POST"]


class Page(Struct, frozen=True, kw_only=True):
    """One page. `path` is as Starlette has it: "/tickets/{ticket}". `title` is marked for translation by N_.

    `handler` answers both what is asked by address and, where `sends` says so, forms sent to the same path. `role` is
    who may see it. `takes_files` lets forms carry files up to the console's limit; others end at 1 MB. One that
    `is_of_today` shows what is there now whatever the dates at its top are, and says so.
    """

    path: str
    title: str
    handler: Handler
    role: Role = "reader"
    in_navigation: bool = False
    sends: bool = False
    takes_files: bool = False
    is_of_today: bool = False
