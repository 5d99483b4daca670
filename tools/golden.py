"""Adds to tests/golden/events.jsonl the examples of each type of event that it has no line of. No line is ever changed.

A line is an event as it is stored: its type, its payload, and the plain text of what would be encrypted. To give a new
version of an event a line of its own, add it by hand.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from regulars.adapters.log.codec import EventCodec
from regulars.crm_domain.catalogue import CATALOGUE, Catalogue
from regulars.crm_domain.event import tag_of

TARGET = Path(__file__).parents[1] / "tests" / "golden" / "events.jsonl"


def stored_examples(catalogue: Catalogue = CATALOGUE) -> Iterator[dict[str, Any]]:
    """Every example of an event as it is stored."""
    for aggregate in catalogue.aggregates.values():
        for event in aggregate.examples().events:
            # One with a reason in the clear has none that is encrypted.
            reason = "a reason" if aggregate.wording.reason(event) is None else None
            payload, secret = EventCodec(type(event)).encode(event, reason)
            yield {
                "type": tag_of(type(event)),
                "payload": payload.decode(),
                "secret": None if secret is None else secret.decode(),
                "event": json.loads(msgspec.json.encode(event)),
            }


def main() -> None:
    """Append what is missing."""
    lines = TARGET.read_text(encoding="utf-8").splitlines() if TARGET.exists() else []
    known = {json.loads(line)["type"] for line in lines}
    with TARGET.open("a", encoding="utf-8") as file:
        for example in stored_examples():
            if example["type"] not in known:
                file.write(json.dumps(example) + "\n")


if __name__ == "__main__":
    sys.exit(main())
