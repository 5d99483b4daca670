"""Writes docs/reference.md: events, commands, rules and the Python API, from the code itself. `--check` compares."""

from __future__ import annotations

import dataclasses
import inspect
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from msgspec import Struct
from pydantic import BaseModel

import regulars
import regulars.extending
import regulars.grammar
import regulars.person
from regulars import Keys, Projections, PublishedRules, Regulars
from regulars.adapters.codec import EventCodec
from regulars.crm_domain.catalogue import CATALOGUE, Catalogue
from regulars.crm_domain.command import Command
from regulars.crm_domain.event import Event, tag_of
from regulars.crm_domain.ticket import MOVES, Status
from regulars.crm_domain.unexplained import Unexplained
from regulars.projections import fact_table
from regulars.projections.fact import KEYS
from regulars.projections.fold import PROJECTORS
from regulars.projections.rules import Ruleset
from regulars.sentences import describe

TARGET = Path(__file__).parents[1] / "docs" / "reference.md"


def reference(catalogue: Catalogue = CATALOGUE) -> str:
    """The whole page."""
    told = (*_events(catalogue), *_in_the_clear(catalogue), *_commands(catalogue))
    sections = (_ticket_states, _projections, _rules, _facts, _doors, _values, _errors)
    return "\n".join([*_heading(), *told, *(line for section in sections for line in section()), ""])


def _heading() -> Iterator[str]:
    yield "# Reference"
    yield ""
    yield "Made from the code by `make reference`; a test fails when it is out of date. Fields in _italics_ are"
    yield "personal: stored encrypted, and gone when a customer is forgotten. `?` marks what may be left out."


def _events(catalogue: Catalogue) -> Iterator[str]:
    yield from ("", "## Events", "", "| event | fields | what happened | told as |", "| --- | --- | --- | --- |")
    examples = {type(each): each for known in catalogue.aggregates.values() for each in known.examples().events[::-1]}
    for name, event in catalogue.events.items():
        personal = EventCodec(event).personal
        fields = (f"_{field}_" if field in personal else field for field in event.__struct_fields__)
        told = describe(examples[event], catalogue)
        yield f"| `{name}` | {', '.join(fields) or '—'} | {_first_line(event)} | {told} |"


def _in_the_clear(catalogue: Catalogue) -> Iterator[str]:
    yield from ("", "## Text in the clear", "")
    yield "Free text of an event is personal or stands here: stored unencrypted, and kept when a customer is forgotten."
    yield from ("", "| field | of | why |", "| --- | --- | --- |")
    for aggregate in catalogue.aggregates.values():
        for each in aggregate.in_the_clear:
            of = _quoted(map(tag_of, each.events))
            if each.events == aggregate.events:
                of = f"all events of category `{aggregate.decider.category}`"
            yield f"| {_quoted(each.fields)} | {of} | {each.why} |"


def _quoted(words: Iterable[str]) -> str:
    return ", ".join(f"`{word}`" for word in words)


def _commands(catalogue: Catalogue) -> Iterator[str]:
    shared = ("occurred_at", "reason", "command_id")
    yield from ("", "## Commands", "", f"Each also takes {', '.join(f'`{name}`' for name in shared)}.", "")
    yield from ("| command | fields | what it does |", "| --- | --- | --- |")
    for name, command in catalogue.commands.items():
        fields = (
            field + ("" if info.is_required() else "?")
            for field, info in command.model_fields.items()
            if field not in shared
        )
        yield f"| `{name}` | {', '.join(fields) or '—'} | {_first_line(command)} |"
    yield ""
    yield "Rules are no command to `do`: `regulars rules publish` brings others into force, `regulars rules rollback`"
    yield "brings back those before. Each takes a reason, which is kept in the clear."


def _ticket_states() -> Iterator[str]:
    yield from (
        "",
        "## Ticket states",
        "",
        "A resolved ticket counts as closed once `ticket.auto_close_days` are over.",
        "",
    )
    yield from ("```mermaid", diagram(), "```", "")
    yield from ("| while it is | these leave it so |", "| --- | --- |")
    for status in Status:
        staying = [f"`{event.__name__}`" for event, moves in MOVES.items() if moves.get(status) is status]
        if staying:
            yield f"| {status} | {', '.join(staying)} |"


def diagram() -> str:
    """How a ticket moves, for Mermaid: each arrow with the events that take it there."""
    arrows: dict[tuple[Status, Status], list[str]] = {}
    for event, moves in MOVES.items():
        for source, target in moves.items():
            if source is not target:
                arrows.setdefault((source, target), []).append(event.__name__)
    lines = [
        f"    {_node(source)} --> {_node(target)}: {', '.join(names)}" for (source, target), names in arrows.items()
    ]
    last = sorted({target for _, target in arrows} - {source for source, _ in arrows})
    return "\n".join(["stateDiagram-v2", *lines, *(f"    {status} --> [*]" for status in last)])


def _node(status: Status) -> str:
    return "[*]" if status is Status.UNKNOWN else status


def _projections() -> Iterator[str]:
    yield from ("", "## Projections", "", "| projection | version | the question it answers |", "| --- | --- | --- |")
    for projector in PROJECTORS:
        yield f"| `{projector.name}` | {projector.version} | {projector.question} |"


def _rules() -> Iterator[str]:
    yield from ("", "## Rules", "", "The grammar of a ruleset. Keys are TOML tables joined by dots.", "")
    yield from ("| key | takes | meaning |", "| --- | --- | --- |")
    yield from _keys(Ruleset.model_json_schema(by_alias=True))


def _keys(schema: dict[str, Any]) -> Iterator[str]:
    definitions = schema["$defs"]

    def walk(table: dict[str, Any], path: str) -> Iterator[str]:
        for name, node in table["properties"].items():
            rows = "$ref" in node.get("items", {})
            key = f"{path}{name}{'[]' * rows}"
            inner = _named_in(node["items"] if rows else node, definitions)
            takes = "tables" if rows else "table" if inner else _takes(node)
            described = node if "description" in node else inner or {}  # said once where both say the same
            yield f"| `{key}` | {takes} | {_cell(described['description'])} |"
            if inner:
                yield from walk(inner, f"{key}.")

    return walk(schema, "")


DOORS = {"crm": Regulars, "crm.rules": PublishedRules, "crm.projections": Projections, "crm.keys": Keys}


def _doors() -> Iterator[str]:
    yield from ("", "## Python API", "", "`crm` is what `regulars.open` returns.", "")
    yield from ("| ask | what it does |", "| --- | --- |")
    functions = (name for name in ("open", "copy", *regulars.__all__) if inspect.isfunction(getattr(regulars, name)))
    for name in functions:
        yield f"| `regulars.{name}()` | {_first_line(getattr(regulars, name))} |"
    for path, door in DOORS.items():
        for name, member in vars(door).items():
            if not name.startswith("_"):
                called = "" if isinstance(member, property) else "()"
                yield f"| `{path}.{name}{called}` | {_first_line(member)} |"


def _values() -> Iterator[str]:
    yield from ("", "## Values of the Python API", "", "What is asked with and answered with. Times are UTC.")
    for module in (regulars, regulars.person, regulars.grammar, regulars.extending):
        yield from ("", f"### {module.__name__}", "", "| value | fields | what it is |", "| --- | --- | --- |")
        for name in module.__all__:
            value = getattr(module, name)
            if isinstance(value, type) and not _is_told_elsewhere(value):
                yield f"| `{name}` | {', '.join(_fields(value)) or '—'} | {_first_line(value)} |"


def _is_told_elsewhere(value: type) -> bool:
    """Whether it is an event, a command or an error, of which there are tables of their own."""
    return value not in (Event, Command, Unexplained) and issubclass(value, (Event, Command, Exception))


def _fields(value: type) -> Iterator[str]:
    names: Iterable[str] = ()
    if issubclass(value, BaseModel):
        names = value.model_fields
    elif issubclass(value, Struct):
        names = value.__struct_fields__
    elif dataclasses.is_dataclass(value):
        names = (each.name for each in dataclasses.fields(value))
    return (name for name in names if not name.startswith("_"))


def _errors() -> Iterator[str]:
    yield from ("", "## Errors", "", "| error | what went wrong |", "| --- | --- |")
    for name in regulars.__all__:
        value = getattr(regulars, name)
        if isinstance(value, type) and issubclass(value, Exception):
            yield f"| `{name}` | {_first_line(value)} |"


def _named_in(node: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any] | None:
    """The table that a node refers to, if it does."""
    return definitions[node["$ref"].rsplit("/", 1)[1]] if "$ref" in node else None


def _facts() -> Iterator[str]:
    yield from ("", "### Facts", "", "What a condition of the ladder of stages may ask. Where a fact is undefined, no")
    yield from ("condition on it holds. With `within_days`, only what happened in so many days before counts.", "")
    yield from ("| fact | kind | takes | undefined | meaning |", "| --- | --- | --- | --- | --- |")
    for fact in fact_table.FACTS.values():
        keys = (*KEYS[fact.kind], *(("within_days",) if fact.windowed else ()))
        takes = ", ".join(f"`{key}`" for key in keys)
        yield f"| `{fact.name}` | {fact.kind} | {takes} | {fact.undefined} | {_cell(fact.meaning)} |"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _takes(node: dict[str, Any]) -> str:
    if "anyOf" in node:
        return next((_takes(each) for each in node["anyOf"] if each.get("type") not in ("null", "string")), "text")
    if "enum" in node or "const" in node:
        return ", ".join(f"`{str(each).lower()}`" for each in node.get("enum", [node.get("const")]))
    kind = {"integer": "whole number", "number": "number", "boolean": "true or false", "string": "text"}
    text = kind.get(node.get("type", ""), {"array": "list", "object": "table"}.get(node.get("type", ""), "value"))
    bounds = [
        f"{word} {node[key]:g}"
        for key, word in (("minimum", "from"), ("exclusiveMinimum", "above"), ("maximum", "to"))
        if key in node
    ]
    return " ".join([text, *bounds])


def _first_line(documented: object) -> str:
    return (documented.__doc__ or "").strip().splitlines()[0].replace("|", "\\|")


def main() -> int:
    """Write the page, or with --check say whether it is up to date."""
    page = reference()
    if "--check" in sys.argv:
        return 0 if TARGET.read_text(encoding="utf-8") == page else 1
    TARGET.write_text(page, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
