"""Writes docs/reference.md: every event, command and rule, from the code itself. `--check` only compares."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from adapters.codec import CODECS
from crm_domain.catalogue import COMMANDS, EVENTS
from crm_domain.ticket import MOVES, Status
from projections import fact_table
from projections.fact import KEYS
from projections.fold import PROJECTORS
from projections.rules import Ruleset

TARGET = Path(__file__).parents[1] / "docs" / "reference.md"


def reference() -> str:
    """The whole page."""
    return "\n".join(
        [*_heading(), *_events(), *_commands(), *_ticket_states(), *_projections(), *_rules(), *_facts(), ""]
    )


def _heading() -> Iterator[str]:
    yield "# Reference"
    yield ""
    yield "Made from the code by `make reference`; a test fails when it is out of date. Fields in _italics_ are"
    yield "personal: stored encrypted, and gone when a customer is forgotten. `?` marks what may be left out."


def _events() -> Iterator[str]:
    yield from ("", "## Events", "", "| event | fields | what happened |", "| --- | --- | --- |")
    for name, event in EVENTS.items():
        personal = CODECS[name].personal
        fields = (f"_{field}_" if field in personal else field for field in event.__struct_fields__)
        yield f"| `{name}` | {', '.join(fields) or '—'} | {_first_line(event)} |"


def _commands() -> Iterator[str]:
    shared = ("occurred_at", "reason", "command_id")
    yield from ("", "## Commands", "", f"Each also takes {', '.join(f'`{name}`' for name in shared)}.", "")
    yield from ("| command | fields | what it does |", "| --- | --- | --- |")
    for name, command in COMMANDS.items():
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
            meaning = (node if "description" in node else inner or {})[
                "description"
            ]  # said once where both say the same
            yield f"| `{key}` | {takes} | {_cell(meaning)} |"
            if inner:
                yield from walk(inner, f"{key}.")

    return walk(schema, "")


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


def _first_line(documented: type) -> str:
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
