"""Adds to tests/golden/events.jsonl a line for each type of event that it has none of. What is there is never changed.

A line is an event as it is stored: its type, its payload, and the plain text of what would be encrypted. To give a new
version of an event a line of its own, add it by hand.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import msgspec
from msgspec.inspect import type_info

from adapters.codec import CODECS
from crm_domain.catalogue import EVENTS

TARGET = Path(__file__).parents[1] / "tests" / "golden" / "events.jsonl"


def example(name: str) -> dict[str, Any]:
    """One event of a type with every field filled, as it is stored."""
    event_type = EVENTS[name]
    fields = {field.name: _value(field.name, field.type) for field in type_info(event_type).fields}  # type: ignore[attr-defined]
    event = msgspec.convert(fields, event_type)
    # What is nobody's has its reason in the event: there is no key that the envelope's could be kept under.
    reason = None if "reason" in fields else "a reason"
    payload, secret = CODECS[name].encode(event, reason)
    return {
        "type": name,
        "payload": payload.decode(),
        "secret": None if secret is None else secret.decode(),
        "event": json.loads(msgspec.json.encode(event)),
    }


def _value(name: str, kind: Any) -> Any:
    match type(kind).__name__:
        case "Metadata":
            return _value(name, kind.type)
        case "UnionType":
            return _value(name, kind.types[0])
        case "LiteralType":
            return kind.values[0]
        case "IntType":
            return 7
        case "BoolType":
            return True
        case "DateType":
            return "1990-12-10"
        case "VarTupleType":
            return [_value(name, kind.item_type)]
        case "StructType":
            return {field.name: _value(field.name, field.type) for field in kind.fields}
        case "StrType":
            return f"some {name}"
        case other:
            raise TypeError(f"{name}: teach me an example of {other}")


def main() -> None:
    """Append what is missing."""
    known = (
        {json.loads(line)["type"] for line in TARGET.read_text(encoding="utf-8").splitlines()}
        if TARGET.exists()
        else set()
    )
    with TARGET.open("a", encoding="utf-8") as file:
        for name in EVENTS:
            if name not in known:
                file.write(json.dumps(example(name)) + "\n")


if __name__ == "__main__":
    sys.exit(main())
