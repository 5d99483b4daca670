"""OpenTelemetry spans for the queries of a session."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

from regulars.adapters.tracing import span
from regulars.session.session import Session

P = ParamSpec("P")
T = TypeVar("T")

_Question = Callable[Concatenate[Session, P], T]


def traced(name: str) -> Callable[[_Question[P, T]], _Question[P, T]]:
    """A decorator: the query runs in a span "regulars NAME", as `span` opens it."""

    def decorated(ask: _Question[P, T]) -> _Question[P, T]:
        @wraps(ask)
        def asked(session: Session, /, *args: P.args, **kwargs: P.kwargs) -> T:
            with span(session.store, name):
                return ask(session, *args, **kwargs)

        return asked

    return decorated
