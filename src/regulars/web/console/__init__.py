"""The console: pages for people, over one open store. README.md here says how a page is written."""

from __future__ import annotations

from regulars.crm import Regulars
from regulars.session.clock import Clock, system_clock
from regulars.web.console.application import Console, application
from regulars.web.console.attempts import Attempts
from regulars.web.console.background import Background, standing_by, working
from regulars.web.console.cookies import Jar
from regulars.web.console.doors import doors
from regulars.web.console.gate import Gate, LocalGate, UsersGate
from regulars.web.console.headers import Application, Guarded
from regulars.web.console.sizes import FILE
from regulars.web.console.templates import Templates


def local_origins(port: int) -> frozenset[str]:
    """The origins by which a browser on this machine reaches a port."""
    return frozenset(f"http://{host}:{port}" for host in ("127.0.0.1", "localhost", "[::1]"))


def gate_for_one(crm: Regulars, user: str) -> LocalGate:
    """Let in one person on this machine, as the owner, by a token that works once."""
    return LocalGate(crm, user)


def gate_for_users(crm: Regulars, clock: Clock = system_clock) -> UsersGate:
    """Let in the users of the store by their passwords; `clock` bounds how often they are guessed."""
    return UsersGate(crm, Attempts(clock))


def console(
    crm: Regulars,
    gate: Gate,
    *,
    port: int,
    origins: frozenset[str] | None = None,
    largest_file: int = FILE,
    beside: Background | None = None,
) -> Application:
    """The pages as an ASGI application.

    `port` is where it is served, and `origins` are what browsers know it by: this machine's, unless given. Where one of
    them is https, cookies are for https alone. `largest_file` is in bytes. `beside` is what goes on beside
    the pages, as `working` gives it; without it, nothing is done by itself, and jobs end with the process.
    """
    reached_by = local_origins(port) if origins is None else origins
    secure = any(each.startswith("https:") for each in reached_by)
    shared = Console(crm, gate, Jar(port, secure), Templates(), largest_file, beside or standing_by(crm), reached_by)
    return Guarded(application(shared, doors(shared)), reached_by)


__all__ = ["Background", "console", "gate_for_one", "gate_for_users", "local_origins", "working"]
