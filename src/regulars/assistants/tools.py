"""The tools, from the API's table of questions: for each what it is called, what it takes, and what it asks."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

from regulars.web.api.parameters import Parameters, parameters_of, without_defaults
from regulars.web.api.questions import QUESTIONS

#: A tool never writes, so it folds nothing in for a list to be fresh.
_NOT_TAKEN = frozenset({"fresh"})


class Tool(Struct, frozen=True, kw_only=True):
    """A question as a tool: `asks` is what is asked, with the store as its first argument, and `takes` its input."""

    name: str
    about: str
    asks: Callable[..., Any]
    takes: type[Parameters]

    @property
    def schema(self) -> Mapping[str, Any]:
        """The JSON Schema of its input."""
        return without_defaults(self.takes.model_json_schema())

    @property
    def summary(self) -> str:
        """What it is about, in one paragraph."""
        return " ".join(self.about.partition("\n\n")[0].split())


def tools() -> Mapping[str, Tool]:
    """The tools by name, in the order of the API's table. A question of two routes is one tool, and an act is none."""
    without: dict[Callable[..., Any], frozenset[str]] = {}
    for each in (question for question in QUESTIONS if not question.acts):
        without[each.ask] = without.get(each.ask, each.without) & each.without
    return {
        ask.__name__: Tool(
            name=ask.__name__,
            about=inspect.getdoc(ask) or "",
            asks=ask,
            takes=parameters_of(ask, not_taken | _NOT_TAKEN),
        )
        for ask, not_taken in without.items()
    }
