"""Writes docs/reference*.md from the code: events and commands, rules, mappings, the command line, the Python API.

`--check` compares.
"""

from __future__ import annotations

import dataclasses
import inspect
import re
import sys
import textwrap
import types
import typing
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import typer.main
from msgspec import Struct
from pydantic import BaseModel

import regulars
import regulars.changes
import regulars.effects
import regulars.extending
import regulars.hooks
import regulars.measures
import regulars.person
import regulars.profile
import regulars.report
import regulars.selling
import regulars.today
import regulars.web
from regulars import Keys, Projections, PublishedRules, Regulars, Tokens, Users, WebSessions, aio, grammar
from regulars.adapters.importing import mapping
from regulars.adapters.log.codec import EventCodec
from regulars.cli.app import app
from regulars.crm_domain.catalogue import CATALOGUE, Catalogue
from regulars.crm_domain.command import Command
from regulars.crm_domain.event import Event, tag_of
from regulars.crm_domain.ticket import MOVES, TicketStatus
from regulars.crm_domain.unexplained import Unexplained
from regulars.projections.facts import table as fact_table
from regulars.projections.facts.fact import KEYS
from regulars.projections.registry import PROJECTORS
from regulars.projections.rules.grammar import Ruleset
from regulars.wording.sentences import describe

DOCS = Path(__file__).parents[1] / "docs"


def pages(catalogue: Catalogue = CATALOGUE) -> dict[str, str]:
    """Each page by the name of its file."""
    happens = (
        *_events(catalogue),
        *_in_the_clear(catalogue),
        *_commands(catalogue),
        *_ticket_states(),
        *_projections(),
    )
    return {
        "reference.md": _page("Events and commands", _PERSONAL, happens),
        "reference-rules.md": _page("Rules", (), (*_rules(), *_facts())),
        "reference-mappings.md": _page("Import mappings", (), _mappings()),
        "reference-command-line.md": _page("Command line", (), _command_line()),
        "reference-api.md": _page("Python API", (), (*_doors(), *_values(), *_aliases(), *_errors())),
    }


def reference(catalogue: Catalogue = CATALOGUE) -> str:
    """All pages as one text."""
    return "\n".join(pages(catalogue).values())


_PERSONAL = (
    "",
    "Fields in _italics_ are personal: stored encrypted, and gone when a customer is forgotten. `?` marks what may be",
    "left out.",
)


def _page(title: str, opening: Iterable[str], lines: Iterable[str]) -> str:
    made = "Made from the code by `make reference`; a test fails when it is out of date."
    return "\n".join([f"# {title}", "", made, *opening, *lines, ""])


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
    yield from ("| while it is | this | makes it |", "| --- | --- | --- |")
    for source, target, names in moves():
        yield f"| {source} | {_quoted(names)} | {target} |"
    yield from ("", "| while it is | these leave it so |", "| --- | --- |")
    for status in TicketStatus:
        staying = [event.__name__ for event, moves in MOVES.items() if moves.get(status) is status]
        if staying:
            yield f"| {status} | {_quoted(staying)} |"


def moves() -> Iterator[tuple[TicketStatus, TicketStatus, tuple[str, ...]]]:
    """How a ticket moves: from where, to where, and the events that take it there."""
    arrows: dict[tuple[TicketStatus, TicketStatus], list[str]] = {}
    for event, targets in MOVES.items():
        for source, target in targets.items():
            if source is not target:
                arrows.setdefault((source, target), []).append(event.__name__)
    return ((source, target, tuple(names)) for (source, target), names in arrows.items())


def _projections() -> Iterator[str]:
    yield from ("", "## Projections", "", "| projection | version | the question it answers |", "| --- | --- | --- |")
    for projector in PROJECTORS:
        yield f"| `{projector.name}` | {projector.version} | {projector.question} |"


def _rules() -> Iterator[str]:
    yield from (
        "",
        "## Keys",
        "",
        "The grammar of a ruleset. Keys are TOML tables joined by dots. The rules of a new store",
    )
    yield from ("are [rules.toml](../src/regulars/rules.toml), and `regulars rules show` prints those in force.", "")
    yield from ("| key | takes | meaning |", "| --- | --- | --- |")
    yield from _keys(Ruleset.model_json_schema(by_alias=True))


def _keys(schema: dict[str, Any]) -> Iterator[str]:
    definitions = schema["$defs"]

    def walk(table: dict[str, Any], path: str) -> Iterator[str]:
        for name, found in table["properties"].items():
            node = found | next((each for each in found.get("anyOf", ()) if "items" in each), {})  # tables, or none
            rows = "$ref" in node.get("items", {})
            key = f"{path}{name}{'[]' * rows}"
            inner = _named_in(node["items"] if rows else node, definitions)
            takes = "tables" if rows else "table" if inner else _takes(node)
            described = node if "description" in node else inner or {}  # said once where both say the same
            yield f"| `{key}` | {takes} | {_cell(described['description'])} |"
            if inner:
                yield from walk(inner, f"{key}.")

    return walk(schema, "")


DOORS = {
    "crm": Regulars,
    "crm.rules": PublishedRules,
    "crm.projections": Projections,
    "crm.keys": Keys,
    "crm.hooks": regulars.hooks.Hooks,
    "crm.tokens": Tokens,
    "crm.users": Users,
    "crm.web_sessions": WebSessions,
}


def _doors() -> Iterator[str]:
    yield from ("", "`crm` is what `regulars.open` returns.", "", "## Functions")
    functions = (name for name in ("open", "copy", *regulars.__all__) if inspect.isfunction(getattr(regulars, name)))
    for name in functions:
        yield from _described(f"regulars.{name}", getattr(regulars, name))
    for name in regulars.extending.__all__:
        if inspect.isfunction(getattr(regulars.extending, name)):
            yield from _described(f"regulars.extending.{name}", getattr(regulars.extending, name))
    yield from _described("regulars.web.app", regulars.web.app)
    for path, door in DOORS.items():
        yield from ("", f"## {path}", "", *_documented(door))
        for name, member in vars(door).items():
            if not name.startswith("_"):
                yield from _described(f"{path}.{name}", member)
    yield from ("", "## regulars.aio", "", *_documented(aio))


def _described(name: str, member: object) -> Iterator[str]:
    """A function with its signature and all that is said of it."""
    yield from ("", f"### {name}", "")
    if not isinstance(member, property):
        yield from ("```python", *_called(name, inspect.signature(inspect.unwrap(_function(member)))), "```", "")
    yield from _documented(member)


def _function(member: Any) -> Any:
    """What a class holds as a static or class method, or else the function itself."""
    return getattr(member, "__func__", member)


def _called(name: str, signature: inspect.Signature) -> Iterator[str]:
    """A signature on one line, or with a parameter a line where it is long."""
    parameters = [_parameter(each) for each in signature.parameters.values() if each.name != "self"]
    for index, each in enumerate(signature.parameters.values()):
        if each.kind is each.KEYWORD_ONLY:
            parameters.insert(index - ("self" in signature.parameters), "*")
            break
    returned = f" -> {signature.return_annotation}"
    line = f"{name}({', '.join(parameters)}){returned}"
    yield from [line] if len(line) <= 100 else [f"{name}(", *(f"    {each}," for each in parameters), f"){returned}"]


def _parameter(parameter: inspect.Parameter) -> str:
    default = parameter.default
    shown = getattr(default, "__name__", None) or repr(default)
    return f"{parameter.name}: {parameter.annotation}" + ("" if default is parameter.empty else f" = {shown}")


def _documented(thing: object) -> Iterator[str]:
    yield from inspect.cleandoc(thing.__doc__ or "").replace("<", "&lt;").splitlines()


def _command_line() -> Iterator[str]:
    yield ""
    yield "Every command that answers something takes `--json`. The exit status is 0 where all is well, 1 where"
    yield "something was refused or isn't as it should be, 2 for a wrong command line, and 130 for Ctrl-C."
    yield from _helped(typer.main.get_command(app), "regulars", None)


def _helped(command: Any, name: str, parent: Any) -> Iterator[str]:
    context = type(parent or command.make_context(name, [], resilient_parsing=True))(
        command, info_name=name, parent=parent, terminal_width=80, max_content_width=80
    )
    path = context.command_path
    yield from ("", f"## {path}", "", "```text", *(line.rstrip() for line in context.get_help().splitlines()), "```")
    for inner in sorted(getattr(command, "commands", {})):
        yield from _helped(command.commands[inner], inner, context)


def _mappings() -> Iterator[str]:
    yield from ("", "[How to write one](howto-import-mapping.md). All of it on a page:", "", "```toml")
    told = inspect.cleandoc(mapping.__doc__ or "").split("\n\n", 1)[1]
    example, _, rest = told.partition("\nText is a template")
    yield from textwrap.dedent(example).strip("\n").splitlines()
    yield from ("```", "", *f"Text is a template{rest}".splitlines())
    yield from ("", "## Keys", "", "| key | takes | needed |", "| --- | --- | --- |")
    yield from _mapping_keys(regulars.ImportMapping, "")
    yield from ("", "`fields` of a command are those of [the command](reference.md#commands), each a text, or a table:")
    for cell in (grammar.Cell, grammar.Each):
        yield from ("", f"### {cell.__name__}", "", *_documented(cell), "", "| key | needed |", "| --- | --- |")
        yield from (f"| `{info.alias or key}` | {_needed(info)} |" for key, info in cell.model_fields.items())
    yield from ("", "### Condition", "", *_documented(grammar.Condition), "", "| key | needed |", "| --- | --- |")
    yield from (f"| `{info.alias or key}` | {_needed(info)} |" for key, info in grammar.Condition.model_fields.items())


def _mapping_keys(model: type[BaseModel], path: str) -> Iterator[str]:
    for name, info in model.model_fields.items():
        key = f"{path}{info.alias or name}"
        inner = grammar.CommandMapping if grammar.CommandMapping in typing.get_args(info.annotation) else None
        takes = info.description or _mapping_kind(info.annotation)
        yield f"| `{key}{'[]' * bool(inner)}` | {_cell(takes)} | {_needed(info)} |"
        if inner:
            yield from _mapping_keys(inner, f"{key}[].")


def _mapping_kind(annotation: Any) -> str:
    """What a key takes, by the type of its field."""
    text = str(annotation)
    for word, kind in (
        ("Condition", "list of conditions"),
        ("CommandMapping", "tables, one a command"),
        ("dict", "table"),
        ("tuple", "list of texts"),
        ("bool", "true or false"),
        ("int", "whole number"),
    ):
        if word.lower() in text.lower():
            return kind
    options = re.findall(r"'([^']*)'", text) if "Literal" in text else []
    return ", ".join(f"`{each}`" for each in options) or "text"


def _needed(info: Any) -> str:
    return "yes" if info.is_required() else ""


def _values() -> Iterator[str]:
    yield from ("", "## Values of the Python API", "", "What is asked with and answered with. Times are UTC.")
    for module in (
        *(regulars, regulars.changes, regulars.hooks, regulars.person, regulars.profile, grammar),
        *(regulars.effects, regulars.extending, regulars.measures, regulars.report, regulars.selling),
        *(regulars.today, regulars.web),
    ):
        yield from ("", f"### {module.__name__}", "", "| value | fields | what it is |", "| --- | --- | --- |")
        for name in module.__all__:
            value = getattr(module, name)
            if isinstance(value, type) and not _is_told_elsewhere(value):
                yield f"| `{name}` | {', '.join(_fields(value)) or '—'} | {_first_line(value)} |"


def _aliases() -> Iterator[str]:
    """The names that are no classes: kinds of values, and constants."""
    yield from ("", "## Other names", "", "| name | is |", "| --- | --- |")
    for module in (regulars, regulars.effects, regulars.extending, regulars.measures, regulars.selling):
        for name in module.__all__:
            value = getattr(module, name)
            if not (isinstance(value, type) or inspect.isfunction(value) or name.startswith("__")):
                path = name if module is regulars else f"{module.__name__}.{name}"
                yield f"| `{path}` | {_cell(f'`{_alias(value)}`')} |"


def _alias(value: Any) -> str:
    if typing.get_origin(value) is typing.Annotated:
        return _alias(typing.get_args(value)[0])
    if typing.get_origin(value) in (typing.Union, types.UnionType):
        return " | ".join(_alias(each) for each in typing.get_args(value))
    if isinstance(value, type) and not typing.get_args(value):
        return "None" if value is type(None) else value.__name__
    return re.sub(r"\b(?:[a-z_]+\.)+(?=[A-Z])", "", str(value))


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
    """The table that a node refers to, if it does; also where the table may be left out."""
    named = next((each for each in (node, *node.get("anyOf", ())) if "$ref" in each), None)
    return None if named is None else definitions[named["$ref"].rsplit("/", 1)[1]]


def _facts() -> Iterator[str]:
    yield from ("", "## Facts", "", "What a condition of the ladder of stages may ask. Where a fact is undefined, no")
    yield from ("condition on it holds. With `within_days`, only what happened in so many days before counts.", "")
    yield from ("| fact | kind | takes | undefined | meaning |", "| --- | --- | --- | --- | --- |")
    for fact in fact_table.FACTS.values():
        keys = (*KEYS[fact.kind], *(("within_days",) if fact.windowed else ()))
        takes = ", ".join(f"`{key}`" for key in keys)
        yield f"| `{fact.name}` | {fact.kind} | {takes} | {fact.undefined} | {_cell(fact.meaning)} |"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _takes(node: dict[str, Any]) -> str:
    if node.get("format") == "date":
        return "day"
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
    """Write the pages, or with --check say whether they are up to date."""
    written = {DOCS / name: text for name, text in pages().items()}
    if "--check" in sys.argv:
        return 0 if all(path.exists() and path.read_text(encoding="utf-8") == written[path] for path in written) else 1
    for path, text in written.items():
        path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
