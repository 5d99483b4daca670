"""What was ever stored is decoded for ever: each line of golden/events.jsonl is an event as it once was stored."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from regulars.adapters.log.codec import CODECS, codec_of, codecs
from regulars.crm_domain.catalogue import EVENTS
from regulars.crm_domain.upcasts import UPCASTS

LINES = (Path(__file__).parent / "golden" / "events.jsonl").read_text(encoding="utf-8").splitlines()
STORED: list[dict[str, Any]] = [json.loads(line) for line in LINES]

# A line says what was meant when it was stored, so it is held against the type that it was stored as, retired or not.
AS_STORED = codecs([*EVENTS.values(), *(upcast.retired for upcast in UPCASTS)], ())

each_line = pytest.mark.parametrize("stored", STORED, ids=[f"{n}-{each['type']}" for n, each in enumerate(STORED)])


@each_line
def test_a_stored_event_is_decoded_to_what_it_was(stored: dict[str, Any]) -> None:
    codec, payload = codec_of(stored["type"], AS_STORED), stored["payload"].encode()
    if stored["secret"] is None:
        event = codec.decode(payload)
    else:
        event, reason = codec.reveal(payload, stored["secret"].encode())
        assert reason == json.loads(stored["secret"]).get("reason")
    assert json.loads(msgspec.json.encode(event)) == stored["event"]


@each_line
def test_a_stored_event_is_read_as_one_that_is_written_today(stored: dict[str, Any]) -> None:
    codec, payload = codec_of(stored["type"], CODECS), stored["payload"].encode()
    assert type(codec.decode(payload)) in EVENTS.values()
    if stored["secret"] is not None:
        assert type(codec.reveal(payload, stored["secret"].encode())[0]) in EVENTS.values()


@each_line
def test_nothing_personal_was_stored_in_the_payload(stored: dict[str, Any]) -> None:
    payload = json.loads(stored["payload"])
    assert not set(payload) & set(CODECS[stored["type"]].personal)


def test_every_type_of_event_has_a_line() -> None:
    assert {each["type"] for each in STORED} == set(CODECS), "run tools/golden.py"
