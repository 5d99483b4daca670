"""OpenTelemetry spans, where the application has imported its API; otherwise they cost nothing.

Attributes are names of kinds, and numbers, never personal data; an error is recorded by the name of its class, as its
message may quote a person.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

from regulars.adapters.store.store import Store

_UNTRACED = nullcontext()


def span(store: Store, name: str, **attributes: int | Sequence[str]) -> AbstractContextManager[None]:
    """A span "regulars NAME" around a block, where the application traces. Attributes are named
    `regulars.ATTRIBUTE`.
    """
    trace = sys.modules.get("opentelemetry.trace")
    return _UNTRACED if trace is None else _span(trace, store, name, attributes)


@contextmanager
def _span(trace: Any, store: Store, name: str, attributes: dict[str, int | Sequence[str]]) -> Iterator[None]:
    told: dict[str, str | int | Sequence[str]] = {"db.system.name": store.database.dialect.name}
    told |= {f"regulars.{key}": value for key, value in attributes.items()}
    tracer = trace.get_tracer("regulars")
    unsaid = {"record_exception": False, "set_status_on_exception": False}  # both would tell an error's message
    with tracer.start_as_current_span(f"regulars {name}", attributes=told, **unsaid) as current:
        try:
            yield
        except Exception as error:
            current.set_attribute("error.type", type(error).__qualname__)
            current.set_status(trace.StatusCode.ERROR)
            raise
