"""What was ever stored is decoded for ever: each line of golden/events.jsonl is an event as it once was stored."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from adapters.codec import CODECS, codec_of
from crm_domain.catalogue import EVENTS

LINES = (Path(__file__).parent / "golden" / "events.jsonl").read_text(encoding="utf-8").splitlines()
STORED: list[dict[str, Any]] = [json.loads(line) for line in LINES]


@pytest.mark.parametrize("stored", STORED, ids=[f"{number}-{each['type']}" for number, each in enumerate(STORED)])
def test_a_stored_event_is_decoded_to_what_it_was(stored: dict[str, Any]) -> None:
    codec = codec_of(stored["type"])
    event = codec.decode(stored["payload"].encode())
    if stored["secret"] is not None:
        event, reason = codec.reveal(event, stored["secret"].encode())
        assert reason == "a reason"
    assert json.loads(msgspec.json.encode(event)) == stored["event"]


@pytest.mark.parametrize("stored", STORED, ids=[f"{number}-{each['type']}" for number, each in enumerate(STORED)])
def test_nothing_personal_was_stored_in_the_payload(stored: dict[str, Any]) -> None:
    payload = json.loads(stored["payload"])
    assert not set(payload) & set(CODECS[stored["type"]].personal)


def test_every_type_of_event_has_a_line() -> None:
    assert {each["type"] for each in STORED} == set(EVENTS), "run tools/golden.py"
