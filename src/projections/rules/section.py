"""A table of the rules that somebody else's projection brings: its grammar, and what it is compiled to."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from msgspec import Struct
from pydantic import BaseModel, Field, ValidationError, create_model

from regulars.projections.parts import Part, models_in
from regulars.projections.rules.grammar import Ruleset


class Section(Struct, frozen=True, kw_only=True):
    """A table of the rules. Raises ValueError for one that can't be, saying why.

    `grammar` is the model of the table, with a description and a default for each key, so that rules which don't have
    the table are as good as before; its docstring says what the table is about. `compile` makes a value of it ready
    for judging, which projectors find in `Rules.sections` under the `name`.
    """

    name: str
    grammar: type[Part]
    compile: Callable[[Any], Any]

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z][a-z0-9_]*", self.name) or hasattr(Ruleset, self.name):
            raise ValueError(f'a table of the rules can\'t be called "{self.name}"')
        if self.name in Ruleset.model_fields:
            raise ValueError(f'the rules have a table "{self.name}" of their own')
        if not issubclass(self.grammar, Part):
            raise ValueError(f'the grammar of the table "{self.name}" is no Part: found {self.grammar!r}')
        if not self.grammar.__doc__:
            raise ValueError(f'the table "{self.name}" doesn\'t say in a docstring what it is about')
        for model in _with_parts(self.grammar):
            for key, info in model.model_fields.items():
                if not info.description:
                    raise ValueError(f'the key "{key}" of the table "{self.name}" has no description')
        try:
            self.grammar()
        except ValidationError as error:
            keys = ", ".join(".".join(map(str, each["loc"])) or self.name for each in error.errors())
            raise ValueError(f'the table "{self.name}" has keys without a default that is allowed: {keys}') from None

    def table_of(self, ruleset: Ruleset) -> Part:
        """The table of a ruleset; its defaults where that doesn't know of it."""
        value = getattr(ruleset, self.name, None)
        return value if isinstance(value, self.grammar) else self.grammar()


def _with_parts(model: type[BaseModel]) -> list[type[BaseModel]]:
    """A model and those inside it."""
    inside = [part for info in model.model_fields.values() for part in models_in(info.annotation)]
    return [model, *(each for part in inside for each in _with_parts(part))]


def ruleset_with(sections: Sequence[Section]) -> type[Ruleset]:
    """The grammar of rules that may have these tables as well, each of a name of its own."""
    if not sections:
        return Ruleset
    tables: dict[str, Any] = {
        each.name: (each.grammar, Field(default=each.grammar(), description=_first_line(each.grammar)))
        for each in sections
    }
    return create_model("Ruleset", __base__=Ruleset, **tables)


def _first_line(model: type[BaseModel]) -> str:
    return (model.__doc__ or "").strip().splitlines()[0]
